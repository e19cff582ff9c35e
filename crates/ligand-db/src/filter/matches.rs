//! Whether a row meets a condition; what the memory adapter does instead of SQL, with the same outcome.

use std::cmp::Ordering;

use serde_json::Value;

use super::{Node, Op};
use crate::{Kind, Row, Table, table::Place};

/// A condition whose fields were found.
#[derive(Debug)]
pub(crate) enum Test<'q> {
    All(Vec<Self>),
    Any(Vec<Self>),
    Is { place: Place<'q>, op: &'q Op },
}

impl<'q> Test<'q> {
    /// A field that the table does not have holds nothing that is asked: conditions are checked before.
    pub(crate) fn of(node: &'q Node, table: &'q Table) -> Self {
        let all = |nodes: &'q [Node]| nodes.iter().map(|node| Self::of(node, table)).collect();
        match node {
            Node::All(nodes) => Self::All(all(nodes)),
            Node::Any(nodes) => Self::Any(all(nodes)),
            Node::Is { field, op } => match table.place(field) {
                Ok(place) => Self::Is { place, op },
                Err(_) => Self::Any(Vec::new()),
            },
        }
    }

    pub(crate) fn holds(&self, row: &Row) -> bool {
        match self {
            Self::All(tests) => tests.iter().all(|test| test.holds(row)),
            Self::Any(tests) => tests.iter().any(|test| test.holds(row)),
            Self::Is { place, op } => holds(op, place.kind, place.value(row)),
        }
    }
}

fn holds(op: &Op, kind: &Kind, value: &Value) -> bool {
    let order = |other: &Value| (!value.is_null()).then(|| kind.compare(value, other));
    match op {
        Op::Eq(other) => equals(kind, value, other),
        Op::Ne(other) => !equals(kind, value, other),
        Op::Gt(other) => order(other) == Some(Ordering::Greater),
        Op::Gte(other) => matches!(order(other), Some(Ordering::Greater | Ordering::Equal)),
        Op::Lt(other) => order(other) == Some(Ordering::Less),
        Op::Lte(other) => matches!(order(other), Some(Ordering::Less | Ordering::Equal)),
        Op::In(others) => others.iter().any(|other| equals(kind, value, other)),
        Op::NotIn(others) => !others.iter().any(|other| equals(kind, value, other)),
        Op::Exists(wanted) => value.is_null() != *wanted,
        Op::Has(item) => match kind {
            Kind::List(of) => has(of, value, item),
            _ => false,
        },
        Op::Contains(text) => {
            value.as_str().is_some_and(|own| own.to_ascii_lowercase().contains(&text.to_ascii_lowercase()))
        }
    }
}

fn equals(kind: &Kind, value: &Value, other: &Value) -> bool {
    match kind {
        Kind::List(of) if !other.is_array() && !other.is_null() => has(of, value, other),
        _ => kind.compare(value, other).is_eq(),
    }
}

fn has(of: &Kind, list: &Value, item: &Value) -> bool {
    list.as_array().is_some_and(|items| items.iter().any(|own| of.compare(own, item).is_eq()))
}
