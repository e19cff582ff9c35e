//! Conditions on entities.
//!
//! Handlers build a [`Filter`]; the `query` parameter of actions is read into the same type by
//! [`parse`]. Adapters only ever see this type: no text of a caller becomes part of a statement.

mod matches;
mod operand;
mod parse;

use std::{fmt, marker::PhantomData};

use ligand_wire::Result;
use serde::Serialize;
use serde_json::Value;

pub(crate) use matches::Test;
pub(crate) use parse::parse;

use crate::{Joins, Query, Sorts, Table, Untyped, error};
use operand::Source;

/// A condition on an entity. The default lets everything through.
///
/// ```
/// use ligand_db::Filter;
/// let cheap = Filter::field("price").lte(100).and(Filter::field("category").is_in(["toys", "books"]));
/// let listed = Filter::field("active").eq(true).or(Filter::field("stock").gt(0));
/// let near = Filter::field("address.city").eq("Basel").and(Filter::field("tags").has("new"));
/// ```
///
/// Values mean what the field's type says: decimals and dates compare as numbers and moments, not as texts. A
/// condition that the field cannot be asked (a text for a number, an order of lists) is an error that names the
/// field and the operator.
///
/// Those conditions name fields by texts, as what comes from outside does. In code the constants of the entity leave no room
/// for such mistakes: `Loan::DUE.lt(now)` is a `Filter<Loan>`, see [`TypedField`](crate::TypedField). Both go together.
pub struct Filter<E = Untyped> {
    pub(crate) node: Node,
    pub(crate) about: PhantomData<fn() -> E>,
}

crate::typed::about!(Filter { node });

impl<E> fmt::Debug for Filter<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Filter").field(&self.node).finish()
    }
}

impl<E> From<Node> for Filter<E> {
    fn from(node: Node) -> Self {
        Self { node, about: PhantomData }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Is { field: String, op: Op },
}

/// What is asked of one field.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Op {
    Eq(Value),
    Ne(Value),
    Gt(Value),
    Gte(Value),
    Lt(Value),
    Lte(Value),
    In(Vec<Value>),
    NotIn(Vec<Value>),
    Exists(bool),
    /// Holds the text, ASCII letters in either case.
    Contains(String),
    /// One of the items of a list.
    Has(Value),
}

/// A field of which something will be asked; made by [`Filter::field`].
#[derive(Debug)]
#[must_use]
pub struct Asked(String);

impl<E> Default for Filter<E> {
    /// Everything; `Filter::<Loan>::default()` begins a row of conditions that are added one by one.
    fn default() -> Self {
        Node::All(Vec::new()).into()
    }
}

impl Filter {
    /// Everything.
    pub fn all() -> Self {
        Self::default()
    }

    /// Starts a condition on a field, by its name on the wire.
    ///
    /// ```
    /// use ligand_db::Filter;
    /// let open = Filter::field("status").eq("open").and(Filter::field("total").gte(100));
    /// let urgent = open.or(Filter::field("urgent").eq(true));
    /// # let _ = urgent;
    /// ```
    pub fn field(name: impl Into<String>) -> Asked {
        Asked(name.into())
    }
}

impl<E> Filter<E> {
    /// Both hold.
    pub fn and<O>(self, other: Filter<O>) -> Filter<E::Both>
    where
        E: Joins<O>,
    {
        let node = match (self.node, other.node) {
            (Node::All(mut all), Node::All(more)) => {
                all.extend(more);
                Node::All(all)
            }
            (Node::All(mut all), other) => {
                all.push(other);
                Node::All(all)
            }
            (first, Node::All(mut all)) => {
                all.insert(0, first);
                Node::All(all)
            }
            (first, second) => Node::All(vec![first, second]),
        };
        node.into()
    }

    /// At least one holds.
    pub fn or<O>(self, other: Filter<O>) -> Filter<E::Both>
    where
        E: Joins<O>,
    {
        let node = match (self.node, other.node) {
            (Node::Any(mut any), Node::Any(more)) => {
                any.extend(more);
                Node::Any(any)
            }
            (Node::Any(mut any), other) => {
                any.push(other);
                Node::Any(any)
            }
            (first, second) => Node::Any(vec![first, second]),
        };
        node.into()
    }

    /// What meets this, in an order.
    pub fn sort<S: Sorts>(self, order: S) -> Query<E::Both>
    where
        E: Joins<S::About>,
    {
        Query::from(self).sort(order)
    }

    /// At most so many of what meets this.
    pub fn limit(self, limit: u64) -> Query<E> {
        Query::from(self).limit(limit)
    }

    /// What meets this without the first so many.
    pub fn offset(self, offset: u64) -> Query<E> {
        Query::from(self).offset(offset)
    }

    /// The same condition with values in the form in which the columns keep theirs.
    ///
    /// # Errors
    /// 422 that names the field and the operator, when the field cannot be asked this.
    pub(crate) fn fitted(mut self, table: &Table) -> Result<Filter> {
        self.node.fit(table)?;
        Ok(self.about())
    }
}

impl Asked {
    pub(crate) fn is(self, op: Op) -> Filter {
        Node::Is { field: self.0, op }.into()
    }

    /// Equal; `null` finds what has no value. Of a list: has this item, or is this list when a list is given.
    pub fn eq(self, value: impl Serialize) -> Filter {
        self.is(Op::Eq(to_value(value)))
    }

    /// Not equal, which a missing value also is. Of a list: does not have this item.
    pub fn ne(self, value: impl Serialize) -> Filter {
        self.is(Op::Ne(to_value(value)))
    }

    /// Greater.
    pub fn gt(self, value: impl Serialize) -> Filter {
        self.is(Op::Gt(to_value(value)))
    }

    /// Greater or equal.
    pub fn gte(self, value: impl Serialize) -> Filter {
        self.is(Op::Gte(to_value(value)))
    }

    /// Less.
    pub fn lt(self, value: impl Serialize) -> Filter {
        self.is(Op::Lt(to_value(value)))
    }

    /// Less or equal.
    pub fn lte(self, value: impl Serialize) -> Filter {
        self.is(Op::Lte(to_value(value)))
    }

    /// One of these.
    pub fn is_in<V: Serialize>(self, values: impl IntoIterator<Item = V>) -> Filter {
        self.is(Op::In(values.into_iter().map(to_value).collect()))
    }

    /// None of these.
    pub fn not_in<V: Serialize>(self, values: impl IntoIterator<Item = V>) -> Filter {
        self.is(Op::NotIn(values.into_iter().map(to_value).collect()))
    }

    /// Has a value (`true`) or has none.
    pub fn exists(self, exists: bool) -> Filter {
        self.is(Op::Exists(exists))
    }

    /// Holds the text anywhere; ASCII letters match in either case, no character is a wildcard. Of a list: has
    /// exactly this text as an item.
    pub fn contains(self, text: impl Into<String>) -> Filter {
        self.is(Op::Contains(text.into()))
    }

    /// A list with this item.
    pub fn has(self, item: impl Serialize) -> Filter {
        self.is(Op::Has(to_value(item)))
    }
}

/// What cannot be written as JSON becomes an object no column can hold, so that the check refuses it.
pub(crate) fn to_value(value: impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_else(|_| serde_json::json!({ "unserialisable": true }))
}

impl Node {
    fn fit(&mut self, table: &Table) -> Result<()> {
        match self {
            Self::All(nodes) | Self::Any(nodes) => nodes.iter_mut().try_for_each(|node| node.fit(table)),
            Self::Is { field, op } => {
                let name = op.name();
                let place =
                    table.place(field).map_err(|why| error::condition(table.name(), field, name, &why))?;
                op.fit(place.kind, Source::Code)
                    .map_err(|why| error::condition(table.name(), field, name, &why))
            }
        }
    }
}
