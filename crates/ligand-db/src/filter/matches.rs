//! Whether a row meets a condition; what the memory adapter does instead of SQL, with the same outcome.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::{Node, Op};
use crate::Row;

pub(crate) fn matches(node: &Node, row: &Row) -> bool {
    match node {
        Node::All(nodes) => nodes.iter().all(|node| matches(node, row)),
        Node::Any(nodes) => nodes.iter().any(|node| matches(node, row)),
        Node::Is { field, op } => holds(op, row.get(field).unwrap_or(&Value::Null)),
    }
}

fn holds(op: &Op, value: &Value) -> bool {
    let order = |other: &Value| match (value, other) {
        (Value::Null, _) | (_, Value::Null) => None,
        _ => Some(compare(value, other)),
    };
    match op {
        Op::Eq(other) => same(value, other),
        Op::Ne(other) => !same(value, other),
        Op::Gt(other) => order(other) == Some(Ordering::Greater),
        Op::Gte(other) => matches!(order(other), Some(Ordering::Greater | Ordering::Equal)),
        Op::Lt(other) => order(other) == Some(Ordering::Less),
        Op::Lte(other) => matches!(order(other), Some(Ordering::Less | Ordering::Equal)),
        Op::In(others) => others.iter().any(|other| same(value, other)),
        Op::NotIn(others) => !others.iter().any(|other| same(value, other)),
        Op::Exists(wanted) => value.is_null() != *wanted,
        Op::Contains(text) => {
            value.as_str().is_some_and(|own| own.to_ascii_lowercase().contains(&text.to_ascii_lowercase()))
        }
    }
}

fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => numbers(a, b) == Ordering::Equal,
        _ => a == b,
    }
}

/// The order of sorting: null, false, true, numbers, texts by bytes, everything else by its JSON text.
pub(crate) fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => numbers(a, b),
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        _ => rank(a).cmp(&rank(b)).then_with(|| a.to_string().cmp(&b.to_string())),
    }
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        Value::Array(_) | Value::Object(_) => 4,
    }
}

fn numbers(a: &Number, b: &Number) -> Ordering {
    match (a.as_i64(), b.as_i64(), a.as_u64(), b.as_u64()) {
        (Some(a), Some(b), ..) => a.cmp(&b),
        (.., Some(a), Some(b)) => a.cmp(&b),
        _ => a.as_f64().partial_cmp(&b.as_f64()).unwrap_or(Ordering::Equal),
    }
}
