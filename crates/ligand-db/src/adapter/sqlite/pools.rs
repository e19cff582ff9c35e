//! Connections: when they are made, shared and closed.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use ligand_wire::{Error, Result, redact::Redacted};
use parking_lot::Mutex;
use sqlx::{Connection, SqliteConnection, SqlitePool, pool::PoolConnection, sqlite::SqlitePoolOptions};
use tokio::time::{Instant, sleep};

use super::{Config, Sqlite, change::Change, error, migrate, table};
use crate::Table;

/// How long a busy database is waited for at start.
const PATIENCE: Duration = Duration::from_secs(30);

/// The connections of one database.
#[derive(Clone)]
pub(super) struct Pools {
    write: SqlitePool,
    read: SqlitePool,
    /// A database in memory lives as long as a connection to it.
    _anchor: Option<Arc<Mutex<SqliteConnection>>>,
    /// Tables that were prepared.
    ready: Arc<Mutex<Vec<Arc<Table>>>>,
}

impl Pools {
    async fn connect(config: &Config) -> Result<Self, sqlx::Error> {
        if let Some(folder) = &config.folder {
            std::fs::create_dir_all(folder).map_err(sqlx::Error::Io)?;
        }
        // SQLite's own waiting ends before the pool's, so that its error is the one that is seen.
        let connect = config.connect.clone().busy_timeout(config.wait);
        let pool = || {
            SqlitePoolOptions::new()
                .acquire_timeout(config.wait + Duration::from_secs(1))
                .test_before_acquire(false)
                .max_lifetime(None)
        };
        let write = pool().max_connections(1).idle_timeout(None).connect_with(connect.clone()).await?;
        let anchor = match config.in_memory {
            true => Some(Arc::new(Mutex::new(SqliteConnection::connect_with(&connect).await?))),
            false => None,
        };
        // Connections to a database in memory block each other: one has to do.
        let read = match config.in_memory {
            true => write.clone(),
            false => {
                pool().max_connections(2).idle_timeout(Duration::from_secs(60)).connect_lazy_with(connect)
            }
        };
        Ok(Self { write, read, _anchor: anchor, ready: Arc::default() })
    }

    pub(super) async fn reader(&self) -> Result<PoolConnection<sqlx::Sqlite>> {
        self.read.acquire().await.map_err(|error| error::plain(&error))
    }

    /// Starts to read several things of one moment.
    pub(super) async fn moment(&self) -> Result<Change> {
        Change::reading(&self.read).await.map_err(|error| error::plain(&error))
    }

    /// Starts a change: from here on nobody else writes.
    pub(super) async fn change(&self) -> Result<Change> {
        Change::writing(&self.write).await.map_err(|error| error::plain(&error))
    }

    /// Whether the table was prepared.
    pub(super) fn has(&self, own: &Arc<Table>) -> bool {
        self.ready.lock().iter().any(|table| Arc::ptr_eq(table, own))
    }

    async fn close(self) {
        self.read.close().await;
        self.write.close().await;
    }
}

impl Sqlite {
    /// The connections; connects when there are none.
    pub(super) async fn pools(&self) -> Result<Pools> {
        if let Some(pools) = &*self.0.pools.lock() {
            return Ok(pools.clone());
        }
        let _turn = self.0.connecting.lock().await;
        if let Some(pools) = &*self.0.pools.lock() {
            return Ok(pools.clone());
        }
        let config = &self.0.config;
        let pools = self.connect_patiently(config).await?;
        if !config.migrations.is_empty()
            && let Err(error) = migrate::run(&pools, &config.migrations).await
        {
            pools.close().await;
            return Err(error);
        }
        *self.0.pools.lock() = Some(pools.clone());
        Ok(pools)
    }

    /// Tries again while the database is only busy; what cannot get better fails at once.
    async fn connect_patiently(&self, config: &Config) -> Result<Pools> {
        let end = Instant::now() + PATIENCE.max(config.wait);
        let mut pause = Duration::from_millis(100);
        loop {
            match Pools::connect(config).await {
                Ok(pools) => return Ok(pools),
                Err(error) if error::passes(&error) && Instant::now() + pause < end => {
                    tracing::warn!(%error, ?pause, "the database is busy, connecting again");
                    sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(2));
                }
                Err(error) => return Err(unusable(&error, config)),
            }
        }
    }

    /// The connections, with this table prepared.
    pub(super) async fn ready(&self, own: &Arc<Table>) -> Result<Pools> {
        let pools = self.pools().await?;
        if pools.has(own) {
            return Ok(pools);
        }
        if self.0.config.read_only {
            table::verify(&mut *pools.reader().await?, own).await?;
        } else {
            let mut change = pools.change().await?;
            let prepared = table::prepare(&mut change, own).await;
            change.end(prepared, own).await?;
        }
        if !pools.has(own) {
            pools.ready.lock().push(own.clone());
        }
        Ok(pools)
    }

    /// Closes when the last service that opened it has stopped.
    pub(super) async fn leave(&self) {
        let users = &self.0.users;
        let before = users.fetch_update(Ordering::AcqRel, Ordering::Acquire, |users| users.checked_sub(1));
        if before != Ok(1) {
            return;
        }
        let pools = self.0.pools.lock().take();
        if let Some(pools) = pools {
            pools.close().await;
        }
    }
}

/// Names the file: it is in the configuration of this node and holds no credentials.
#[cold]
fn unusable(error: &sqlx::Error, config: &Config) -> Error {
    let file = config.connect.get_filename();
    let file = Redacted::file(&file);
    error::plain(error)
        .with_message(format!("The database '{file}' cannot be opened; check the path and its permissions."))
}
