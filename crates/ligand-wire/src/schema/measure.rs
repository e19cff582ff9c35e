//! Comparing and measuring JSON values.

use std::cmp::Ordering;

use serde_json::{Number, Value};

/// The bounds of Rust's integer types, by the names `schemars` gives them.
pub(super) fn integer_bounds(format: &str) -> Option<(Number, Number)> {
    let signed = |min: i64, max: i64| Some((Number::from(min), Number::from(max)));
    let unsigned = |max: u64| Some((Number::from(0), Number::from(max)));
    match format {
        "int8" => signed(i8::MIN.into(), i8::MAX.into()),
        "int16" => signed(i16::MIN.into(), i16::MAX.into()),
        "int32" => signed(i32::MIN.into(), i32::MAX.into()),
        "int64" | "int" => signed(i64::MIN, i64::MAX),
        "uint8" => unsigned(u8::MAX.into()),
        "uint16" => unsigned(u16::MAX.into()),
        "uint32" => unsigned(u32::MAX.into()),
        "uint64" | "uint" => unsigned(u64::MAX),
        _ => None,
    }
}

/// Exact for integers; as floats otherwise.
pub(super) fn compare(a: &Number, b: &Number) -> Ordering {
    // As floats, 2^64 and the largest of 64 bits are the same.
    #[allow(clippy::cast_possible_truncation, reason = "whole and within the limit")]
    let whole = |n: f64| (n.fract() == 0.0 && n.abs() < 1e38).then_some(n as i128);
    let integer =
        |n: &Number| n.as_i64().map(i128::from).or(n.as_u64().map(i128::from)).or(n.as_f64().and_then(whole));
    match (integer(a), integer(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => a.as_f64().partial_cmp(&b.as_f64()).unwrap_or(Ordering::Equal),
    }
}

/// Equality that does not mind how a number is written.
pub(super) fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => compare(a, b) == Ordering::Equal,
        _ => a == b,
    }
}

/// How many values there are in `value`, itself included, and how deep they are nested. Without recursion, so that
/// what is nested too deeply can be refused before anything recursive touches it.
pub(super) fn measure(value: &Value) -> (usize, usize) {
    let mut left = vec![(value, 0)];
    let (mut count, mut deepest) = (0, 0);
    while let Some((value, depth)) = left.pop() {
        count += 1;
        deepest = deepest.max(depth);
        match value {
            Value::Array(items) => left.extend(items.iter().map(|item| (item, depth + 1))),
            Value::Object(object) => left.extend(object.values().map(|value| (value, depth + 1))),
            _ => {}
        }
    }
    (count, deepest)
}
