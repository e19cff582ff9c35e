//! A transaction on one connection of a pool.
//!
//! Not sqlx's own: after a full disk or an I/O error SQLite ends a transaction by itself, sqlx goes on counting
//! it, and the connection would be of no use for ever. Here a connection whose state is not known is closed.

use std::ops::{Deref, DerefMut};

use ligand_wire::Result;
use sqlx::{Sqlite, SqliteConnection, SqlitePool, pool::PoolConnection};

use super::error;
use crate::Table;

/// A transaction on its way. Dropped before its end, its connection is closed, which takes everything back.
pub(super) struct Change(Option<PoolConnection<Sqlite>>);

impl Change {
    /// Starts a transaction that only reads: all statements see the same moment.
    pub(super) async fn reading(pool: &SqlitePool) -> Result<Self, sqlx::Error> {
        Self::start(pool, "BEGIN").await
    }

    /// Starts a transaction that writes: from here on nobody else does.
    pub(super) async fn writing(pool: &SqlitePool) -> Result<Self, sqlx::Error> {
        Self::start(pool, "BEGIN IMMEDIATE").await
    }

    async fn start(pool: &SqlitePool, how: &'static str) -> Result<Self, sqlx::Error> {
        // Held as a change before it is one: who is cancelled while it starts does not know whether it did.
        let mut change = Self(Some(pool.acquire().await?));
        match sqlx::query(how).execute(&mut *change).await {
            Ok(_) => Ok(change),
            Err(error) => {
                change.0.take();
                Err(error)
            }
        }
    }

    /// Commits what went well, takes back what did not.
    pub(super) async fn end<T>(self, outcome: Result<T>, table: &Table) -> Result<T> {
        match outcome {
            Ok(answer) => {
                self.commit().await.map_err(|error| error::of(&error, table))?;
                Ok(answer)
            }
            Err(failed) => {
                self.rollback().await;
                Err(failed)
            }
        }
    }

    pub(super) async fn commit(mut self) -> Result<(), sqlx::Error> {
        match sqlx::query("COMMIT").execute(&mut *self).await {
            Ok(_) => {
                self.0.take();
                Ok(())
            }
            Err(error) => {
                self.rollback().await;
                Err(error)
            }
        }
    }

    pub(super) async fn rollback(mut self) {
        if sqlx::query("ROLLBACK").execute(&mut *self).await.is_ok() {
            self.0.take();
        }
    }
}

impl Deref for Change {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        self.0.as_ref().expect("a change has a connection until it ends")
    }
}

impl DerefMut for Change {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        self.0.as_mut().expect("a change has a connection until it ends")
    }
}

impl Drop for Change {
    fn drop(&mut self) {
        if let Some(connection) = &mut self.0 {
            connection.close_on_drop();
        }
    }
}
