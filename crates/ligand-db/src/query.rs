//! What to read, as handlers and adapters say it.

use ligand_wire::Result;

use crate::{Filter, Table, error, table::Place};

/// Which entities to read, in which order. Without an order they come in the order of their ids, which is
/// the order of creation unless ids were given by hand.
///
/// ```
/// use ligand_db::{Filter, Query};
/// let newest = Query::new().filter(Filter::field("userId").eq("42")).sort("-createdAt").limit(10);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use]
pub struct Query {
    pub(crate) filter: Filter,
    pub(crate) sort: Vec<Sort>,
    pub(crate) limit: Option<u64>,
    pub(crate) offset: u64,
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

    /// Only what meets the condition; a second filter applies as well.
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filter = self.filter.and(filter);
        self
    }

    /// The order: names separated by commas or spaces, a minus before those that descend (`-price,address.city`).
    /// What has no value comes first, or last when it descends; equal ones come in the order of their ids.
    pub fn sort(mut self, names: &str) -> Self {
        self.sort.extend(names.split([',', ' ']).filter_map(Sort::parse));
        self
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
    pub fn filter_of(&self) -> &Filter {
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
    pub(crate) fn fitted(mut self, table: &Table) -> Result<Self> {
        self.filter = self.filter.fitted(table)?;
        for sort in &self.sort {
            let place = table.place(&sort.field).and_then(Sort::possible);
            place.map_err(|why| error::condition(table.name(), &sort.field, "sort", &why))?;
        }
        Ok(self)
    }
}

impl From<Filter> for Query {
    fn from(filter: Filter) -> Self {
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
