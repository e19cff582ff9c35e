//! The one order of values: the memory store sorts by it, SQLite by collations made of it.

use std::{cmp::Ordering, net::IpAddr};

use serde_json::{Map, Number, Value};

use super::{Kind, decimal::Decimal, moment};

impl Kind {
    /// The order of two values of this kind; null comes first. Always a total order, also of values that are none
    /// of the kind: those come last.
    pub(crate) fn compare(&self, a: &Value, b: &Value) -> Ordering {
        match (a, b) {
            (Value::Null, _) | (_, Value::Null) => (!a.is_null()).cmp(&!b.is_null()),
            (Value::String(a), Value::String(b)) if self.is_whole() => a.cmp(b),
            (Value::String(a), Value::String(b)) => self.compare_texts(a, b),
            (Value::Number(a), Value::Number(b)) => numbers(a, b),
            (Value::Array(a), Value::Array(b)) => {
                let item = match self {
                    Self::List(item) => item,
                    _ => &Self::Json,
                };
                lists(a, b, |a, b| item.compare(a, b))
            }
            // One is written as a number, the other as a text.
            (Value::String(_) | Value::Number(_), Value::String(_) | Value::Number(_))
                if !self.is_whole() =>
            {
                self.compare_texts(&bare(a), &bare(b))
            }
            _ => anything(a, b),
        }
    }

    /// Whether its texts are kept as JSON.
    fn is_whole(&self) -> bool {
        matches!(self, Self::List(_) | Self::Struct(_) | Self::Json)
    }

    /// The order of two values that are kept as texts of this kind. Quotes around a text do not count.
    pub(crate) fn compare_texts(&self, a: &str, b: &str) -> Ordering {
        match self {
            Self::Decimal { .. } | Self::Integer { .. } | Self::Real { .. } => by(a, b, Decimal::parse),
            Self::Instant { .. } => by(a, b, moment::kept_instant),
            Self::Local => by(a, b, moment::local),
            Self::Day => by(a, b, moment::day),
            Self::Clock => by(a, b, moment::time_of_day),
            Self::Uuid => by(a, b, |text| uuid::Uuid::try_parse(text).ok()),
            Self::Address => by(a, b, |text| text.parse::<IpAddr>().ok()),
            // As stores keep them: the text of a JSON document.
            Self::List(_) | Self::Struct(_) | Self::Json => {
                match (serde_json::from_str(a), serde_json::from_str(b)) {
                    (Ok(a), Ok(b)) => self.compare(&a, &b),
                    (Err(_), Err(_)) => a.cmp(b),
                    (a, b) => a.is_err().cmp(&b.is_err()),
                }
            }
            Self::Text | Self::Choice(_) | Self::Opaque | Self::Boolean => a.cmp(b),
        }
    }
}

/// By what the texts mean; what means nothing comes last, in the order of its bytes.
fn by<'t, K: Ord>(a: &'t str, b: &'t str, key: impl Fn(&'t str) -> Option<K>) -> Ordering {
    let (a, b) = (unquoted(a), unquoted(b));
    match (key(a), key(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        (None, None) => a.cmp(b),
        (a, b) => a.is_none().cmp(&b.is_none()),
    }
}

/// Texts of these kinds hold nothing that JSON escapes.
pub(crate) fn unquoted(text: &str) -> &str {
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text)
}

fn bare(value: &Value) -> std::borrow::Cow<'_, str> {
    match value {
        Value::String(text) => text.as_str().into(),
        other => other.to_string().into(),
    }
}

fn lists(a: &[Value], b: &[Value], compare: impl Fn(&Value, &Value) -> Ordering) -> Ordering {
    let items = a.iter().zip(b).map(|(a, b)| compare(a, b));
    items.fold(Ordering::Equal, Ordering::then).then(a.len().cmp(&b.len()))
}

/// Null, false, true, numbers, texts, lists, objects; the order of an object's names does not matter.
fn anything(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Number(a), Value::Number(b)) => numbers(a, b),
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Array(a), Value::Array(b)) => lists(a, b, anything),
        (Value::Object(a), Value::Object(b)) => {
            let (a, b) = (sorted(a), sorted(b));
            let items = a.iter().zip(&b).map(|(a, b)| a.0.cmp(b.0).then_with(|| anything(a.1, b.1)));
            items.fold(Ordering::Equal, Ordering::then).then(a.len().cmp(&b.len()))
        }
        _ => rank(a).cmp(&rank(b)),
    }
}

fn sorted(object: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut fields: Vec<_> = object.iter().collect();
    fields.sort_by_key(|(name, _)| *name);
    fields
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        Value::Array(_) => 4,
        Value::Object(_) => 5,
    }
}

/// Exact, also between whole numbers and fractions.
pub(crate) fn numbers(a: &Number, b: &Number) -> Ordering {
    let whole = |number: &Number| number.as_i64().map(i128::from).or(number.as_u64().map(i128::from));
    match (whole(a), whole(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        (Some(a), None) => whole_and_real(a, b.as_f64().unwrap_or_default()),
        (None, Some(b)) => whole_and_real(b, a.as_f64().unwrap_or_default()).reverse(),
        (None, None) => a.as_f64().partial_cmp(&b.as_f64()).unwrap_or(Ordering::Equal),
    }
}

fn whole_and_real(whole: i128, real: f64) -> Ordering {
    // Saturates; a JSON number is never endless.
    #[allow(clippy::cast_possible_truncation, reason = "the fraction is looked at below")]
    let floor = real.floor() as i128;
    whole.cmp(&floor).then(if real.fract() == 0.0 { Ordering::Equal } else { Ordering::Less })
}
