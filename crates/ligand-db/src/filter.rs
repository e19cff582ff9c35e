//! Conditions on entities.
//!
//! Handlers build a [`Filter`]; the `query` parameter of actions is read into the same type by
//! [`parse`]. Adapters only ever see this type: no text of a caller becomes part of a statement.

mod matches;
mod parse;

use ligand_wire::Result;
use serde::Serialize;
use serde_json::Value;

pub(crate) use matches::{compare, matches};
pub(crate) use parse::parse;

use crate::{Kind, Table, error};

/// A condition on an entity. The default lets everything through.
///
/// ```
/// use ligand_db::Filter;
/// let cheap = Filter::field("price").lte(100).and(Filter::field("category").is_in(["toys", "books"]));
/// let listed = Filter::field("active").eq(true).or(Filter::field("stock").gt(0));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Filter(pub(crate) Node);

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
}

/// A field of which something will be asked; made by [`Filter::field`].
#[derive(Debug)]
#[must_use]
pub struct Asked(String);

impl Default for Filter {
    fn default() -> Self {
        Self::all()
    }
}

impl Filter {
    /// Everything.
    pub fn all() -> Self {
        Self(Node::All(Vec::new()))
    }

    /// Starts a condition on a field, by its name on the wire.
    pub fn field(name: impl Into<String>) -> Asked {
        Asked(name.into())
    }

    /// Both hold.
    pub fn and(self, other: Self) -> Self {
        Self(match (self.0, other.0) {
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
        })
    }

    /// At least one holds.
    pub fn or(self, other: Self) -> Self {
        Self(match (self.0, other.0) {
            (Node::Any(mut any), Node::Any(more)) => {
                any.extend(more);
                Node::Any(any)
            }
            (Node::Any(mut any), other) => {
                any.push(other);
                Node::Any(any)
            }
            (first, second) => Node::Any(vec![first, second]),
        })
    }

    /// Checks the fields and the types of the values.
    pub(crate) fn check(&self, table: &Table) -> Result<()> {
        self.0.check(table)
    }
}

impl Asked {
    fn is(self, op: Op) -> Filter {
        Filter(Node::Is { field: self.0, op })
    }

    /// Equal; `null` finds what has no value.
    pub fn eq(self, value: impl Serialize) -> Filter {
        self.is(Op::Eq(to_value(value)))
    }

    /// Not equal, which a missing value also is.
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

    /// Holds the text anywhere; ASCII letters match in either case, no character is a wildcard.
    pub fn contains(self, text: impl Into<String>) -> Filter {
        self.is(Op::Contains(text.into()))
    }
}

/// What cannot be written as JSON becomes an object no column can hold, so that the check refuses it.
fn to_value(value: impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_else(|_| serde_json::json!({ "unserialisable": true }))
}

impl Node {
    fn check(&self, table: &Table) -> Result<()> {
        match self {
            Self::All(nodes) | Self::Any(nodes) => nodes.iter().try_for_each(|node| node.check(table)),
            Self::Is { field, op } => {
                let Some(column) = table.column(field) else {
                    return Err(error::misuse(
                        table.name(),
                        &format!("a filter names the unknown field '{field}'"),
                    ));
                };
                op.check(column.kind())
                    .map_err(|what| error::misuse(table.name(), &format!("the filter on '{field}' {what}")))
            }
        }
    }
}

impl Op {
    /// What is wrong with asking this of a column.
    pub(crate) fn check(&self, kind: Kind) -> Result<(), &'static str> {
        let fits = |value: &Value| match value {
            Value::Null => true,
            Value::String(_) => matches!(kind, Kind::Text | Kind::Json),
            Value::Number(_) => matches!(kind, Kind::Integer | Kind::Real | Kind::Json),
            Value::Bool(_) => matches!(kind, Kind::Boolean | Kind::Json),
            Value::Array(_) | Value::Object(_) => kind == Kind::Json,
        };
        let ordered = |value: &Value| {
            !value.is_null() && fits(value) && matches!(kind, Kind::Text | Kind::Integer | Kind::Real)
        };
        match self {
            Self::Eq(value) | Self::Ne(value) if !fits(value) => {
                Err("compares with a value of a type that the field never has")
            }
            Self::In(values) | Self::NotIn(values) if !values.iter().all(fits) => {
                Err("compares with a value of a type that the field never has")
            }
            Self::Gt(value) | Self::Gte(value) | Self::Lt(value) | Self::Lte(value) if !ordered(value) => {
                Err("asks for an order that the field and the value do not have")
            }
            Self::Contains(_) if kind != Kind::Text => Err("searches a text in a field that is none"),
            _ => Ok(()),
        }
    }
}
