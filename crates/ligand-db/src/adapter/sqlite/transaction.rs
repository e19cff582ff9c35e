//! A transaction: all operations on the one connection that writes.

use std::{future::Future, pin::Pin, sync::Arc};

use ligand_core::{BoxFuture, ready};
use ligand_wire::{Error, Result};
use sqlx::{Connection, SqliteConnection};
use tokio::sync::Mutex;

use super::{error, pools::Change, table, work};
use crate::{Adapter, Changes, Check, Filter, Query, Row, Table, Transaction, adapter::memory::over};

pub(super) struct Open {
    change: Arc<Mutex<Option<Change>>>,
    store: usize,
}

type Local<'c, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'c>>;

impl Open {
    pub(super) fn new(change: Change, store: usize) -> Self {
        Self { change: Arc::new(Mutex::new(Some(change))), store }
    }

    /// Runs one operation in a savepoint: when it fails nothing of it remains, also if the transaction goes on.
    fn with<T: Send + 'static>(
        &self,
        own: Arc<Table>,
        work: impl for<'c> FnOnce(&'c mut SqliteConnection, &'c Table) -> Local<'c, T> + Send + 'static,
    ) -> BoxFuture<Result<T>> {
        let change = self.change.clone();
        Box::pin(async move {
            let mut change = change.lock().await;
            let change = change.as_mut().ok_or_else(over)?;
            let mut point = change.begin().await.map_err(|error| error::of(error, &own))?;
            table::prepare(&mut point, &own).await?;
            let answer = work(&mut point, &own).await?;
            point.commit().await.map_err(|error| error::of(error, &own))?;
            Ok(answer)
        })
    }
}

impl Adapter for Open {
    fn name(&self) -> &'static str {
        "sqlite"
    }

    fn store(&self) -> usize {
        self.store
    }

    fn open(&self, table: Arc<Table>) -> BoxFuture<Result<()>> {
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
        let change = self.change.clone();
        Box::pin(async move {
            let change = change.lock().await.take().ok_or_else(over)?;
            change.commit().await.map_err(|error| error::plain(&error))
        })
    }

    fn rollback(&self) -> BoxFuture<Result<()>> {
        let change = self.change.clone();
        Box::pin(async move {
            let change = change.lock().await.take().ok_or_else(over)?;
            change.rollback().await.map_err(|error| error::plain(&error))
        })
    }
}
