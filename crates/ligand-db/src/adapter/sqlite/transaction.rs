//! A transaction: all operations on the one connection that writes.

use std::{future::Future, pin::Pin, sync::Arc};

use ligand_core::future::{BoxFuture, ready};
use ligand_wire::{Error, Result};
use sqlx::SqliteConnection;
use tokio::sync::Mutex;

use super::{change::Change, error, pools::Pools, table, work};
use crate::{Adapter, Changes, Check, Filter, Query, Row, Table, Transaction, adapter::memory::over};

pub(super) struct Open {
    change: Arc<Mutex<State>>,
    store: usize,
    pools: Pools,
}

struct State {
    /// `None` when the transaction is over.
    change: Option<Change>,
    /// An operation was cancelled half-way.
    torn: bool,
}

type Local<'c, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'c>>;

impl Open {
    pub(super) fn new(change: Change, store: usize, pools: Pools) -> Self {
        Self { change: Arc::new(Mutex::new(State { change: Some(change), torn: false })), store, pools }
    }

    /// Runs one operation in a savepoint: when it fails nothing of it remains, also if the transaction goes on.
    fn with<T: Send + 'static>(
        &self,
        own: Arc<Table>,
        work: impl for<'c> FnOnce(&'c mut SqliteConnection, &'c Table) -> Local<'c, T> + Send + 'static,
    ) -> BoxFuture<Result<T>> {
        let (state, known) = (self.change.clone(), self.pools.has(&own));
        Box::pin(async move {
            let mut state = state.lock().await;
            let change = state.usable()?;
            run(change, "SAVEPOINT operation", &own).await?;
            let prepared = if known { Ok(()) } else { table::prepare(change, &own).await };
            let done = match prepared {
                Ok(()) => work(change, &own).await,
                Err(error) => Err(error),
            };
            if done.is_err() {
                run(change, "ROLLBACK TO operation", &own).await?;
            }
            run(change, "RELEASE operation", &own).await?;
            state.torn = false;
            done
        })
    }
}

impl State {
    /// The connection, for an operation; until that is over nothing else can be done.
    fn usable(&mut self) -> Result<&mut Change> {
        self.whole()?;
        self.torn = true;
        self.change.as_mut().ok_or_else(over)
    }

    fn whole(&self) -> Result<()> {
        match self.torn && self.change.is_some() {
            true => Err(Error::internal_error(
                "an operation of the transaction was cancelled or failed to be undone",
            )
            .with_kind("DATABASE_MISUSE")),
            false => Ok(()),
        }
    }
}

async fn run(connection: &mut SqliteConnection, sql: &'static str, table: &Table) -> Result<()> {
    sqlx::query(sql).execute(connection).await.map(drop).map_err(|error| error::of(&error, table))
}

impl Adapter for Open {
    fn name(&self) -> &'static str {
        "sqlite"
    }

    fn store(&self) -> usize {
        self.store
    }

    fn open(&self, table: Arc<Table>, _check: Check) -> BoxFuture<Result<()>> {
        self.with(table, |_, _| Box::pin(async { Ok(()) }))
    }

    fn close(&self) -> BoxFuture<()> {
        ready(())
    }

    fn find(&self, table: Arc<Table>, query: Query) -> BoxFuture<Result<Vec<Row>>> {
        self.with(table, |connection, table| {
            Box::pin(async move { work::find(connection, table, &query).await })
        })
    }

    fn page(&self, table: Arc<Table>, query: Query) -> BoxFuture<Result<(Vec<Row>, u64)>> {
        self.with(table, |connection, table| {
            Box::pin(async move { work::page(connection, table, &query).await })
        })
    }

    fn count(&self, table: Arc<Table>, filter: Filter) -> BoxFuture<Result<u64>> {
        self.with(table, |connection, table| {
            Box::pin(async move { work::count(connection, table, &filter).await })
        })
    }

    fn insert(&self, table: Arc<Table>, rows: Vec<Row>) -> BoxFuture<Result<()>> {
        self.with(table, |connection, table| {
            Box::pin(async move { work::insert(connection, table, &rows).await })
        })
    }

    fn update(
        &self,
        table: Arc<Table>,
        id: String,
        filter: Filter,
        changes: Changes,
        check: Check,
    ) -> BoxFuture<Result<Option<Row>>> {
        self.with(table, move |connection, table| {
            Box::pin(async move { work::update(connection, table, &id, &filter, &changes, &check).await })
        })
    }

    fn remove(&self, table: Arc<Table>, id: String, filter: Filter) -> BoxFuture<Result<Option<Row>>> {
        self.with(table, move |connection, table| {
            Box::pin(async move { work::remove(connection, table, &id, &filter).await })
        })
    }

    fn remove_all(&self, table: Arc<Table>, filter: Filter) -> BoxFuture<Result<u64>> {
        self.with(table, |connection, table| {
            Box::pin(async move { work::remove_all(connection, table, &filter).await })
        })
    }

    fn begin(&self) -> BoxFuture<Result<Arc<dyn Transaction>>> {
        ready(Err(Error::internal_error("transactions cannot be nested").with_kind("DATABASE_MISUSE")))
    }
}

impl Transaction for Open {
    fn commit(&self) -> BoxFuture<Result<()>> {
        let state = self.change.clone();
        Box::pin(async move {
            let mut state = state.lock().await;
            let whole = state.whole();
            let change = state.change.take().ok_or_else(over)?;
            if let Err(torn) = whole {
                change.rollback().await;
                return Err(torn);
            }
            change.commit().await.map_err(|error| error::plain(&error))
        })
    }

    fn rollback(&self) -> BoxFuture<Result<()>> {
        let state = self.change.clone();
        Box::pin(async move {
            state.lock().await.change.take().ok_or_else(over)?.rollback().await;
            Ok(())
        })
    }
}
