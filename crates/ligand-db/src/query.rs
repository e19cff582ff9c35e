//! What to read, as handlers and adapters say it.

use std::fmt;

use ligand_wire::Result;

use crate::{Filter, Joins, Sorts, Table, Untyped, error, table::Place};

/// Which entities to read, in which order. Without an order they come in the order of their ids, which is
/// the order of creation unless ids were given by hand.
///
/// ```
/// use ligand_db::{Filter, Query};
/// let newest = Query::new().filter(Filter::field("userId").eq("42")).sort("-createdAt").limit(10);
/// ```
///
/// With the constants of an entity: `Order::USER_ID.eq("42").sort(Order::CREATED_AT.desc()).limit(10)`.
#[must_use]
pub struct Query<E = Untyped> {
    pub(crate) filter: Filter<E>,
    pub(crate) sort: Vec<Sort>,
    pub(crate) limit: Option<u64>,
    pub(crate) offset: u64,
}

impl<E> Clone for Query<E> {
    fn clone(&self) -> Self {
        let Self { filter, sort, limit, offset } = self;
        Self { filter: filter.clone(), sort: sort.clone(), limit: *limit, offset: *offset }
    }
}

impl<E> Default for Query<E> {
    fn default() -> Self {
        Self { filter: Filter::default(), sort: Vec::new(), limit: None, offset: 0 }
    }
}

impl<E> PartialEq for Query<E> {
    fn eq(&self, other: &Self) -> bool {
        let parts = |own: &Self| (own.limit, own.offset);
        self.filter == other.filter && self.sort == other.sort && parts(self) == parts(other)
    }
}

impl<E> fmt::Debug for Query<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { filter, sort, limit, offset } = self;
        f.debug_struct("Query")
            .field("filter", filter)
            .field("sort", sort)
            .field("limit", limit)
            .field("offset", offset)
            .finish()
    }
}

/// One field to sort by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sort {
    /// The field's name on the wire, or the path to one inside an object.
    pub field: String,
    /// From the greatest to the least.
    pub descending: bool,
}

impl Query {
    /// Everything.
    pub fn new() -> Self {
        Self::default()
    }
}

impl<E> Query<E> {
    /// Only what meets the condition; a second filter applies as well.
    pub fn filter<O>(self, filter: Filter<O>) -> Query<E::Both>
    where
        E: Joins<O>,
    {
        let Self { filter: own, sort, limit, offset } = self;
        Query { filter: own.and(filter), sort, limit, offset }
    }

    /// The order: constants (`Loan::DUE.desc()`), or names separated by commas or spaces, a minus before those that
    /// descend (`"-price,address.city"`). What has no value comes first, or last when it descends; equal ones come in the
    /// order of their ids.
    pub fn sort<S: Sorts>(self, order: S) -> Query<E::Both>
    where
        E: Joins<S::About>,
    {
        let Self { filter, mut sort, limit, offset } = self;
        sort.extend(order.sorts());
        Query { filter: filter.about(), sort, limit, offset }
    }

    /// At most so many.
    pub fn limit(mut self, limit: u64) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Leaves out the first so many.
    pub fn offset(mut self, offset: u64) -> Self {
        self.offset = offset;
        self
    }

    /// The condition.
    pub fn filter_of(&self) -> &Filter<E> {
        &self.filter
    }

    /// The fields to sort by.
    pub fn sort_of(&self) -> &[Sort] {
        &self.sort
    }

    /// The most rows to answer.
    pub fn limit_of(&self) -> Option<u64> {
        self.limit
    }

    /// How many rows to leave out.
    pub fn offset_of(&self) -> u64 {
        self.offset
    }

    /// The same query with values in the form in which the columns keep theirs.
    ///
    /// # Errors
    /// 422 that names the field that cannot be asked or sorted by.
    pub(crate) fn fitted(self, table: &Table) -> Result<Query> {
        let Self { filter, sort, limit, offset } = self;
        let filter = filter.fitted(table)?;
        for sort in &sort {
            let place = table.place(&sort.field).and_then(Sort::possible);
            place.map_err(|why| error::condition(table.name(), &sort.field, "sort", &why))?;
        }
        Ok(Query { filter, sort, limit, offset })
    }
}

impl<E> From<Filter<E>> for Query<E> {
    fn from(filter: Filter<E>) -> Self {
        Self { filter, ..Self::default() }
    }
}

impl Sort {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (field, descending) = match text.strip_prefix('-') {
            Some(field) => (field, true),
            None => (text.strip_prefix('+').unwrap_or(text), false),
        };
        (!field.is_empty()).then(|| Self { field: field.to_owned(), descending })
    }

    /// Whether rows have an order by what a path leads to.
    pub(crate) fn possible(place: Place<'_>) -> Result<Place<'_>, String> {
        match place.kind.is_sortable() {
            true => Ok(place),
            false => Err(format!("there is no order of it: it holds {}", place.kind.describe())),
        }
    }
}
