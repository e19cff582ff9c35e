//! Rows in memory: for tests, prototypes and data that may be lost.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use ligand_core::future::{BoxFuture, ready};
use ligand_wire::{Error, Result};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::OwnedMutexGuard;

use super::{Adapter, Check, Transaction};
use crate::{
    Changes, Filter, Query, Row, Table, error,
    filter::{Node, Op, Test},
};

/// All tables of one store, by name.
type Tables = HashMap<&'static str, Rows>;
/// The rows of a table by id. Shared, so that a copy for a transaction is shallow.
type Rows = BTreeMap<String, Arc<Row>>;

/// Keeps rows in this process. Clones are the same store.
///
/// Reads look at every row: meant for some thousands of them.
#[derive(Clone, Default)]
pub struct Memory(Arc<Store>);

#[derive(Default)]
struct Store {
    tables: Mutex<Tables>,
    /// Held by whoever writes, for as long as a transaction lasts.
    writer: Arc<tokio::sync::Mutex<()>>,
}

impl Memory {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs one change when no transaction is open.
    fn write<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut Tables) -> Result<T> + Send + 'static,
    ) -> BoxFuture<Result<T>> {
        let store = self.0.clone();
        Box::pin(async move {
            let _turn = store.writer.clone().lock_owned().await;
            let mut tables = store.tables.lock();
            change(&mut tables)
        })
    }
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Memory")
    }
}

impl Adapter for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn store(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    fn open(&self, _table: Arc<Table>, _check: Check) -> BoxFuture<Result<()>> {
        ready(Ok(()))
    }

    fn close(&self) -> BoxFuture<()> {
        ready(())
    }

    fn find(&self, table: Arc<Table>, query: Query) -> BoxFuture<Result<Vec<Row>>> {
        ready(Ok(find(&self.0.tables.lock(), &table, &query).0))
    }

    fn page(&self, table: Arc<Table>, query: Query) -> BoxFuture<Result<(Vec<Row>, u64)>> {
        ready(Ok(find(&self.0.tables.lock(), &table, &query)))
    }

    fn count(&self, table: Arc<Table>, filter: Filter) -> BoxFuture<Result<u64>> {
        ready(Ok(count(&self.0.tables.lock(), &table, &filter)))
    }

    fn insert(&self, table: Arc<Table>, rows: Vec<Row>) -> BoxFuture<Result<()>> {
        self.write(move |tables| insert(tables, &table, rows))
    }

    fn update(
        &self,
        table: Arc<Table>,
        id: String,
        filter: Filter,
        changes: Changes,
        check: Check,
    ) -> BoxFuture<Result<Option<Row>>> {
        self.write(move |tables| update(tables, &table, &id, &filter, &changes, &check))
    }

    fn remove(&self, table: Arc<Table>, id: String, filter: Filter) -> BoxFuture<Result<Option<Row>>> {
        self.write(move |tables| Ok(remove(tables, &table, &id, &filter)))
    }

    fn remove_all(&self, table: Arc<Table>, filter: Filter) -> BoxFuture<Result<u64>> {
        self.write(move |tables| Ok(remove_all(tables, &table, &filter)))
    }

    fn begin(&self) -> BoxFuture<Result<Arc<dyn Transaction>>> {
        let store = self.0.clone();
        Box::pin(async move {
            let turn = store.writer.clone().lock_owned().await;
            let copy = store.tables.lock().clone();
            Ok(Arc::new(Open { store, state: Mutex::new(Some((copy, turn))) }) as Arc<dyn Transaction>)
        })
    }
}

/// A transaction: a copy that replaces the original when it is committed.
struct Open {
    store: Arc<Store>,
    state: Mutex<Option<Copied>>,
}

/// The copy, and the turn that keeps others from writing.
type Copied = (Tables, OwnedMutexGuard<()>);

impl Open {
    fn with<T: Send + 'static>(&self, work: impl FnOnce(&mut Tables) -> Result<T>) -> BoxFuture<Result<T>> {
        ready(match &mut *self.state.lock() {
            Some((tables, _)) => work(tables),
            None => Err(over()),
        })
    }
}

/// What a transaction answers after its end.
pub(super) fn over() -> Error {
    Error::internal_error("the transaction is over").with_kind("DATABASE_MISUSE")
}

impl Adapter for Open {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn store(&self) -> usize {
        Arc::as_ptr(&self.store).addr()
    }

    fn open(&self, _table: Arc<Table>, _check: Check) -> BoxFuture<Result<()>> {
        ready(Ok(()))
    }

    fn close(&self) -> BoxFuture<()> {
        ready(())
    }

    fn find(&self, table: Arc<Table>, query: Query) -> BoxFuture<Result<Vec<Row>>> {
        self.with(|tables| Ok(find(tables, &table, &query).0))
    }

    fn page(&self, table: Arc<Table>, query: Query) -> BoxFuture<Result<(Vec<Row>, u64)>> {
        self.with(|tables| Ok(find(tables, &table, &query)))
    }

    fn count(&self, table: Arc<Table>, filter: Filter) -> BoxFuture<Result<u64>> {
        self.with(|tables| Ok(count(tables, &table, &filter)))
    }

    fn insert(&self, table: Arc<Table>, rows: Vec<Row>) -> BoxFuture<Result<()>> {
        self.with(|tables| insert(tables, &table, rows))
    }

    fn update(
        &self,
        table: Arc<Table>,
        id: String,
        filter: Filter,
        changes: Changes,
        check: Check,
    ) -> BoxFuture<Result<Option<Row>>> {
        self.with(|tables| update(tables, &table, &id, &filter, &changes, &check))
    }

    fn remove(&self, table: Arc<Table>, id: String, filter: Filter) -> BoxFuture<Result<Option<Row>>> {
        self.with(|tables| Ok(remove(tables, &table, &id, &filter)))
    }

    fn remove_all(&self, table: Arc<Table>, filter: Filter) -> BoxFuture<Result<u64>> {
        self.with(|tables| Ok(remove_all(tables, &table, &filter)))
    }

    fn begin(&self) -> BoxFuture<Result<Arc<dyn Transaction>>> {
        ready(Err(Error::internal_error("transactions cannot be nested").with_kind("DATABASE_MISUSE")))
    }
}

impl Transaction for Open {
    fn commit(&self) -> BoxFuture<Result<()>> {
        ready(match self.state.lock().take() {
            Some((tables, _turn)) => {
                *self.store.tables.lock() = tables;
                Ok(())
            }
            None => Err(over()),
        })
    }

    fn rollback(&self) -> BoxFuture<Result<()>> {
        ready(self.state.lock().take().map(drop).ok_or_else(over))
    }
}

fn find(tables: &Tables, table: &Table, query: &Query) -> (Vec<Row>, u64) {
    let Some(rows) = tables.get(table.name()) else { return (Vec::new(), 0) };
    // By id already; the sort is stable.
    let test = Test::of(&query.filter.node, table);
    let mut found: Vec<&Arc<Row>> = match one_id(&query.filter.node, table) {
        Some(id) => rows.get(id).into_iter().filter(|row| test.holds(row)).collect(),
        None => rows.values().filter(|row| test.holds(row)).collect(),
    };
    let total = found.len() as u64;
    if !query.sort.is_empty() {
        let places =
            query.sort.iter().filter_map(|sort| Some((table.place(&sort.field).ok()?, sort.descending)));
        let places: Vec<_> = places.collect();
        found.sort_by(|a, b| {
            let orders = places.iter().map(|(place, descending)| {
                let order = place.kind.compare(place.value(a), place.value(b));
                if *descending { order.reverse() } else { order }
            });
            orders.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
        });
    }
    let offset = usize::try_from(query.offset).unwrap_or(usize::MAX);
    let limit = query.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    (found.into_iter().skip(offset).take(limit).map(|row| Row::clone(row)).collect(), total)
}

/// The only id that can meet the condition, when it names one.
fn one_id<'n>(node: &'n Node, table: &Table) -> Option<&'n str> {
    match node {
        Node::Is { field, op: Op::Eq(Value::String(id)) } if field == table.id() => Some(id),
        Node::All(nodes) => nodes.iter().find_map(|node| one_id(node, table)),
        Node::Any(_) | Node::Is { .. } => None,
    }
}

fn count(tables: &Tables, table: &Table, filter: &Filter) -> u64 {
    let rows = tables.get(table.name());
    let test = Test::of(&filter.node, table);
    rows.map_or(0, |rows| rows.values().filter(|row| test.holds(row)).count() as u64)
}

fn insert(tables: &mut Tables, table: &Table, rows: Vec<Row>) -> Result<()> {
    let kept = tables.entry(table.name()).or_default();
    let mut added: Rows = BTreeMap::new();
    for row in rows {
        let id = table.id_of(&row).to_owned();
        if kept.contains_key(&id) || added.contains_key(&id) {
            return Err(error::duplicate(table, table.id()));
        }
        check_unique(&[kept, &added], table, &row, &id)?;
        added.insert(id, Arc::new(row));
    }
    kept.append(&mut added);
    Ok(())
}

fn update(
    tables: &mut Tables,
    table: &Table,
    id: &str,
    filter: &Filter,
    changes: &Changes,
    check: &Check,
) -> Result<Option<Row>> {
    let Some(rows) = tables.get_mut(table.name()) else { return Ok(None) };
    let test = Test::of(&filter.node, table);
    let Some(old) = rows.get(id).filter(|row| test.holds(row)) else { return Ok(None) };
    let mut new = Row::clone(old);
    changes.apply(table, &mut new)?;
    check(&new)?;
    check_unique(&[rows], table, &new, id)?;
    rows.insert(id.to_owned(), Arc::new(new.clone()));
    Ok(Some(new))
}

fn remove(tables: &mut Tables, table: &Table, id: &str, filter: &Filter) -> Option<Row> {
    let rows = tables.get_mut(table.name())?;
    let test = Test::of(&filter.node, table);
    rows.get(id).filter(|row| test.holds(row))?;
    rows.remove(id).map(Arc::unwrap_or_clone)
}

fn remove_all(tables: &mut Tables, table: &Table, filter: &Filter) -> u64 {
    let Some(rows) = tables.get_mut(table.name()) else { return 0 };
    let before = rows.len();
    let test = Test::of(&filter.node, table);
    rows.retain(|_, row| !test.holds(row));
    (before - rows.len()) as u64
}

fn check_unique(all: &[&Rows], table: &Table, row: &Row, id: &str) -> Result<()> {
    for column in table.columns().iter().filter(|column| column.is_unique()) {
        let Some(value) = row.get(column.name()).filter(|value| !value.is_null()) else { continue };
        let taken = |(other, kept): (&String, &Arc<Row>)| {
            other != id
                && kept.get(column.name()).is_some_and(|own| column.kind().compare(own, value).is_eq())
        };
        if all.iter().any(|rows| rows.iter().any(taken)) {
            return Err(error::duplicate(table, column.name()));
        }
    }
    Ok(())
}
