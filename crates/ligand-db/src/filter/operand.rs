//! Whether a column can be asked something, and the values it is compared with in the column's own form.

use serde_json::{Number, Value};

use super::Op;
use crate::Kind;

/// Who wrote a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A handler.
    Code,
    /// A caller: its texts may be numbers, and what no value of the column can be is a mistake.
    Outside,
}

impl Op {
    /// The method of [`super::Asked`].
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Eq(_) => "eq",
            Self::Ne(_) => "ne",
            Self::Gt(_) => "gt",
            Self::Gte(_) => "gte",
            Self::Lt(_) => "lt",
            Self::Lte(_) => "lte",
            Self::In(_) => "is_in",
            Self::NotIn(_) => "not_in",
            Self::Exists(_) => "exists",
            Self::Contains(_) => "contains",
            Self::Has(_) => "has",
        }
    }

    /// Brings the values into the form of the column.
    ///
    /// # Errors
    /// Why the column cannot be asked this, with what it can.
    pub(crate) fn fit(&mut self, kind: &Kind, source: Source) -> Result<(), String> {
        let failed = |why: &str| format!("{why}; possible are {}", possible(kind, source));
        match self {
            Self::Exists(_) => Ok(()),
            Self::Eq(value) | Self::Ne(value) => operand(value, kind, source),
            Self::In(values) | Self::NotIn(values) => {
                values.iter_mut().try_for_each(|value| operand(value, kind, source))
            }
            Self::Gt(value) | Self::Gte(value) | Self::Lt(value) | Self::Lte(value) => match kind {
                _ if !kind.is_ordered() => return Err(failed("the field has no order")),
                _ if value.is_null() => return Err(failed("nothing is less or greater than null")),
                Kind::Choice(_) => scalar(value, &Kind::Text, source),
                kind => scalar(value, kind, source),
            },
            Self::Has(value) => match kind {
                Kind::List(item) if value.is_null() || !value.is_array() => operand(value, item, source),
                Kind::List(_) => Err("its items are no lists".into()),
                _ => return Err(failed("only a list has items")),
            },
            Self::Contains(text) => match kind {
                Kind::List(item) if item.is_text() => {
                    let mut item_text = Value::from(std::mem::take(text));
                    operand(&mut item_text, item, source)?;
                    *self = Self::Has(item_text);
                    return Ok(());
                }
                _ if kind.is_text() => Ok(()),
                _ => return Err(failed("only texts and lists of texts contain a text")),
            },
        }
        .map_err(|why| failed(&why))
    }
}

/// A value that something is equal to.
fn operand(value: &mut Value, kind: &Kind, source: Source) -> Result<(), String> {
    match (kind, &mut *value) {
        (_, Value::Null) | (Kind::Json, _) => Ok(()),
        (Kind::Struct(_), _) => Err(format!("the field holds {}: ask for one of them", kind.describe())),
        (Kind::List(item), Value::Array(values)) => {
            values.iter_mut().try_for_each(|value| operand(value, item, source))
        }
        (Kind::List(item), value) => operand(value, item, source),
        (kind, value) => scalar(value, kind, source),
    }
}

fn scalar(value: &mut Value, kind: &Kind, source: Source) -> Result<(), String> {
    let none = || Err(format!("the value is none that the field can have: it holds {}", kind.describe()));
    if source == Source::Outside {
        convert(value, kind);
    }
    // Of a number the form is free, so that `1` and `"1.00"` can both be asked of a decimal.
    if let (Kind::Decimal { .. }, Value::String(_)) = (kind, &*value) {
        return Kind::Decimal { number: false }.keep(value).or_else(|_| none());
    }
    if kind.keep(value).is_err() {
        return none();
    }
    match (kind, &*value) {
        (Kind::Choice(texts), Value::String(text)) if !texts.contains(text) => none(),
        (Kind::Integer { min, max }, Value::Number(number)) => match source {
            Source::Outside if !within(number, *min, *max) => none(),
            // No whole number of 64 bits is near it.
            Source::Code if number.as_f64().is_some_and(|real| number.is_f64() && real.fract() == 0.0) => {
                none()
            }
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

fn within(number: &Number, min: i64, max: u64) -> bool {
    match (number.as_i64(), number.as_u64()) {
        (_, Some(unsigned)) => {
            unsigned <= max && i64::try_from(unsigned).map_or(true, |signed| signed >= min)
        }
        (Some(signed), None) => signed >= min,
        (None, None) => false,
    }
}

/// Turns texts of a URL into what the column holds, as the schema of an action does.
fn convert(value: &mut Value, kind: &Kind) {
    let Value::String(text) = value else { return };
    let converted = match kind {
        Kind::Integer { .. } | Kind::Real { .. } => number(text).map(Value::Number),
        Kind::Boolean => match text.as_str() {
            "true" | "1" | "on" => Some(true.into()),
            "false" | "0" | "off" => Some(false.into()),
            _ => None,
        },
        _ => None,
    };
    if let Some(converted) = converted {
        *value = converted;
    }
}

fn number(text: &str) -> Option<Number> {
    let whole = text.parse::<i64>().map(Number::from).or_else(|_| text.parse::<u64>().map(Number::from));
    // `f64::from_str` also knows "inf" and "nan".
    let decimal = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    whole.ok().or_else(|| text.parse().ok().filter(|_| decimal).and_then(Number::from_f64))
}

/// What a column can be asked.
pub(crate) fn possible(kind: &Kind, source: Source) -> String {
    let (equal, ranges, exists): (&[&str], &[&str], &str) = match source {
        Source::Code => (&["eq", "ne", "is_in", "not_in"], &["gt", "gte", "lt", "lte"], "exists"),
        Source::Outside => (&["$eq", "$ne", "$in", "$nin"], &["$gt", "$gte", "$lt", "$lte"], "$exists"),
    };
    let mut names = Vec::new();
    if !matches!(kind, Kind::Struct(_)) {
        names.extend(equal);
    }
    if kind.is_ordered() {
        names.extend(ranges);
    }
    if source == Source::Code {
        match kind {
            Kind::List(item) if item.is_text() => names.extend(["has", "contains"]),
            Kind::List(_) => names.push("has"),
            _ if kind.is_text() => names.push("contains"),
            _ => {}
        }
    }
    names.push(exists);
    names.join(", ")
}
