//! Where in a value that cannot be read the reason is, for what no schema says: a number that is not zero, a key that is
//! a date, a text that some type of the program parses.
//!
//! Readers say what is wrong and not where. So parts of the value are read alone: the one about which the reader
//! complains in the same words is the one.

use serde_json::{Map, Value};

use super::Report;
use crate::{Data, objects::Objects, schema::FieldError};

/// How many readings may be tried.
const TRIALS: usize = 1_000;

/// Why `value` is no `T`, when the reason is inside of it. Meant for values whose schema has no complaint. With
/// `secrets` only the place is told: readers quote what they cannot read.
#[cold]
pub fn unreadable<T: Data>(value: &Value, secrets: bool) -> Option<FieldError> {
    let complaint = complaint::<T>(value.clone())?;
    let mut trials = TRIALS;
    let mut steps = Vec::new();
    let mut place = value;
    while let Some((step, inside)) = culprit::<T>(place, &steps, &complaint, &mut trials) {
        steps.push(step);
        place = inside;
    }
    if steps.is_empty() {
        return None;
    }
    let mut report = Report::new();
    at(&mut report, &steps, Some(&*complaint).filter(|_| !secrets));
    report.into_errors().pop()
}

/// One step to a part.
#[derive(Clone, Copy)]
enum Step<'v> {
    Key(&'v str),
    Index(usize),
}

impl Step<'_> {
    /// A value with nothing but this part.
    fn around(self, inside: Value) -> Value {
        match self {
            Self::Key(name) => Value::Object(Map::from_iter([(name.to_owned(), inside)])),
            Self::Index(_) => Value::Array(vec![inside]),
        }
    }
}

/// The part of `place` that makes the reader complain in these words.
fn culprit<'v, T: Data>(
    place: &'v Value,
    steps: &[Step<'v>],
    complaint: &str,
    trials: &mut usize,
) -> Option<(Step<'v>, &'v Value)> {
    let mut is_said_of = |inside: Value| {
        *trials = trials.checked_sub(1)?;
        let value = steps.iter().rev().fold(inside, |inside, step| step.around(inside));
        Some(self::complaint::<T>(value).is_some_and(|said| said == complaint))
    };
    // What is said of an empty one as well is about the whole: no variant of an enum fits.
    let (empty, parts): (Value, Vec<(Step<'v>, &'v Value)>) = match place {
        Value::Object(fields) => {
            (Value::Object(Map::new()), fields.iter().map(|(name, part)| (Step::Key(name), part)).collect())
        }
        Value::Array(items) => (
            Value::Array(Vec::new()),
            items.iter().enumerate().map(|(index, part)| (Step::Index(index), part)).collect(),
        ),
        _ => return None,
    };
    if is_said_of(empty)? {
        return None;
    }
    for (step, part) in parts {
        if is_said_of(step.around(part.clone()))? {
            return Some((step, part));
        }
    }
    None
}

fn complaint<T: Data>(value: Value) -> Option<String> {
    T::deserialize(Objects(value)).err().map(|error| error.to_string())
}

fn at(report: &mut Report, steps: &[Step<'_>], complaint: Option<&str>) {
    match steps {
        [] => {
            let error = FieldError::new("custom", None, None, None);
            report.push(error);
            if let Some(complaint) = complaint {
                report.explain(complaint);
            }
        }
        [Step::Key(name), rest @ ..] => report.key(name, |report| at(report, rest, complaint)),
        [Step::Index(index), rest @ ..] => report.index(*index, |report| at(report, rest, complaint)),
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, num::NonZeroI32};

    use serde::{Deserialize, Serialize};
    use serde_json::json;

    use super::*;

    #[derive(Debug, Clone, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Either {
        Small { a: u8 },
        Large { b: u8 },
    }

    #[derive(Debug, Clone, Serialize, Deserialize)]
    struct Order {
        id: u8,
        lines: Vec<Line>,
        either: Option<Either>,
        by_day: BTreeMap<std::net::Ipv4Addr, u8>,
    }

    #[derive(Debug, Clone, Serialize, Deserialize)]
    struct Line {
        count: NonZeroI32,
        pair: Option<(u8, NonZeroI32)>,
    }

    fn order() -> Value {
        json!({ "id": 1, "lines": [{ "count": 1 }, { "count": 2 }], "by_day": { "127.0.0.1": 1 } })
    }

    #[test]
    fn the_place_of_what_cannot_be_read_is_found() {
        let said = |pointer: &str, value: Value| {
            let mut order = order();
            match pointer {
                "either" | "by_day" => order[pointer] = value,
                pointer => *order.pointer_mut(pointer).unwrap() = value,
            }
            unreadable::<Order>(&order, false).map(|error| (error.field.unwrap(), error.message))
        };
        assert!(said("/id", json!(2)).is_none());
        let (field, text) = said("/lines/1/count", json!(0)).unwrap();
        assert_eq!(field, "lines[1].count");
        let expected =
            "The 'lines[1].count' field is not valid: invalid value: integer `0`, expected a nonzero i32.";
        assert_eq!(text, expected);
        assert_eq!(said("/lines/0", json!({ "count": 1, "pair": [1, 0] })).unwrap().0, "lines[0].pair");
        assert_eq!(said("either", json!({ "a": 300, "x": 1 })).unwrap().0, "either");
        assert_eq!(said("by_day", json!({ "127.0.0.1": 1, "x": 1 })).unwrap().0, "by_day.x");
    }

    #[test]
    fn the_value_as_a_whole_has_no_place() {
        let hidden = unreadable::<Vec<u8>>(&json!([1, "hunter2"]), true).unwrap();
        assert_eq!(hidden.field.as_deref(), Some("[1]"));
        assert!(!hidden.message.contains("hunter2"), "{}", hidden.message);
        assert!(unreadable::<NonZeroI32>(&json!(0), false).is_none());
        assert!(unreadable::<Either>(&json!({ "a": 300 }), false).is_none());
        assert_eq!(unreadable::<Vec<u8>>(&json!([1, 2, 300]), false).unwrap().field.unwrap(), "[2]");
    }

    #[test]
    fn there_is_an_end_of_trials() {
        let mut many = vec![json!(1); 100_000];
        many.push(json!(0));
        assert!(unreadable::<Vec<NonZeroI32>>(&many.into(), false).is_none());
    }
}
