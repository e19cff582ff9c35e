//! Where entities are kept.
//!
//! An [`Adapter`] is object-safe and knows rows, not entities; one adapter may hold many tables. What it is
//! asked was checked by [`crate::Db`] before: fields exist, values have types that their columns hold.

mod memory;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::sync::Arc;

use ligand_core::future::BoxFuture;
use ligand_wire::Result;

pub use memory::Memory;
#[cfg(feature = "sqlite")]
pub use sqlite::{Migration, Sqlite};

use crate::{Changes, Filter, Query, Row, Table};

/// Says whether a row is right: a changed one before the change becomes visible, a stored one when a service starts.
pub type Check = Arc<dyn Fn(&Row) -> Result<()> + Send + Sync>;

/// A store of rows. Every method is atomic: it happens completely or not at all.
pub trait Adapter: Send + Sync + 'static {
    /// What it is, for logs: `memory`, `sqlite`.
    fn name(&self) -> &'static str;

    /// A number that is the same for handles of the same store and for its transactions.
    fn store(&self) -> usize;

    /// Connects and prepares the table. Called once by each service that starts. Rows that were stored under another
    /// [`Table::shape`] must pass the check: a service does not start on rows that it cannot read.
    fn open(&self, table: Arc<Table>, check: Check) -> BoxFuture<Result<()>>;

    /// The counterpart of [`Adapter::open`], called by each service that stops.
    fn close(&self) -> BoxFuture<()>;

    /// Rows that meet the query, in its order; equal ones in the order of their ids.
    fn find(&self, table: Arc<Table>, query: Query) -> BoxFuture<Result<Vec<Row>>>;

    /// The rows of a query, and how many there are without its limit and offset, both of one moment.
    fn page(&self, table: Arc<Table>, query: Query) -> BoxFuture<Result<(Vec<Row>, u64)>>;

    /// How many rows meet the condition.
    fn count(&self, table: Arc<Table>, filter: Filter) -> BoxFuture<Result<u64>>;

    /// Adds rows: all or none. `DUPLICATE_KEY` (409) when a unique value or an id is taken.
    fn insert(&self, table: Arc<Table>, rows: Vec<Row>) -> BoxFuture<Result<()>>;

    /// Changes the row with this id if it meets the condition and the outcome passes the check; returns the
    /// changed row, `None` when there is no such row.
    fn update(
        &self,
        table: Arc<Table>,
        id: String,
        filter: Filter,
        changes: Changes,
        check: Check,
    ) -> BoxFuture<Result<Option<Row>>>;

    /// Removes the row with this id if it meets the condition; returns what it was.
    fn remove(&self, table: Arc<Table>, id: String, filter: Filter) -> BoxFuture<Result<Option<Row>>>;

    /// Removes all rows that meet the condition; returns how many.
    fn remove_all(&self, table: Arc<Table>, filter: Filter) -> BoxFuture<Result<u64>>;

    /// Starts a transaction. It is rolled back when it is dropped.
    fn begin(&self) -> BoxFuture<Result<Arc<dyn Transaction>>>;
}

/// An adapter whose changes only count after [`Transaction::commit`].
pub trait Transaction: Adapter {
    /// Makes the changes count; nothing can be asked of it afterwards.
    fn commit(&self) -> BoxFuture<Result<()>>;

    /// Takes the changes back.
    fn rollback(&self) -> BoxFuture<Result<()>>;
}
