//! Types of other crates as fields of payloads, each behind the feature of its crate.
//!
//! Their JSON Schema comes from `schemars`, their text from the crates themselves; those of `time` know neither, see
//! [`crate::time`]. They have no rules of their own, except that a decimal is a number.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// A type that the schema of a payload can describe. Every `JsonSchema` is one; generated code asks for it so that the
/// compiler says what to do where a type is none.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be described to callers, so it is no field of a payload yet",
    label = "has no JSON Schema",
    note = "a type of your own: put #[payload] on it",
    note = "`uuid::Uuid` and the types of `chrono`, `jiff`, `time` and `rust_decimal`: switch on ligand's feature `uuid`, `chrono`, `jiff`, `time` or `decimal`",
    note = "a type of `time` under a name of your own (`type When = OffsetDateTime`): write its own name, or `#[serde(with = \"ligand::time::Text::<When>\")]` on the field",
    note = "any other type: say what is written in its place, such as `#[check(schema = String)]` for a text"
)]
pub trait Described {}

#[diagnostic::do_not_recommend]
impl<T: JsonSchema + ?Sized> Described for T {}

/// Fails to compile for a type that is not [`Described`].
pub const fn described<T: Described + ?Sized>() {}

/// Stands in a schema for a text that is a moment, whatever Rust type it is read as.
#[derive(Debug)]
pub enum Moment {}

impl JsonSchema for Moment {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}

#[allow(unused_macros, reason = "used with the features")]
macro_rules! without_rules {
    ($($type:ty),* $(,)?) => {
        $(impl crate::validate::Validate for $type {})*
    };
}

#[cfg(feature = "uuid")]
without_rules!(uuid::Uuid);

#[cfg(feature = "chrono")]
without_rules!(
    chrono::NaiveDate,
    chrono::NaiveDateTime,
    chrono::NaiveTime,
    chrono::TimeDelta,
    chrono::Weekday
);

#[cfg(feature = "chrono")]
impl<Tz: chrono::TimeZone> crate::validate::Validate for chrono::DateTime<Tz> {}

#[cfg(feature = "jiff")]
without_rules!(
    jiff::Timestamp,
    jiff::Zoned,
    jiff::SignedDuration,
    jiff::Span,
    jiff::civil::Date,
    jiff::civil::DateTime,
    jiff::civil::Time
);

#[cfg(feature = "time")]
without_rules!(
    ::time::Date,
    ::time::OffsetDateTime,
    ::time::PrimitiveDateTime,
    ::time::Time,
    ::time::UtcDateTime
);

#[cfg(feature = "decimal")]
without_rules!(rust_decimal::Decimal);

#[cfg(feature = "decimal")]
mod decimal {
    //! Rules of numbers on decimals, exact: `range(0.1..)` takes `0.1`.

    use std::cmp::Ordering;

    use rust_decimal::Decimal;

    use crate::rules::field::{Number, Numeric};

    impl Numeric for Decimal {
        fn every_number(&self, rule: &dyn Fn(Number) -> bool) -> bool {
            rule(Number::Decimal(*self))
        }
    }

    /// The order of a decimal and another number; none when that is not a number.
    pub(crate) fn compare(a: Decimal, b: Number) -> Option<Ordering> {
        match b {
            Number::Decimal(b) => Some(a.cmp(&b)),
            // Beyond 96 bits every decimal is on the same side.
            Number::Int(b) => {
                Some(Decimal::try_from_i128_with_scale(b, 0).map_or_else(|_| 0.cmp(&b), |b| a.cmp(&b)))
            }
            Number::Float(b) if b.is_nan() => None,
            // The number that was written, not the nearest one that a float holds.
            Number::Float(b) => match Decimal::from_scientific(&format!("{b:e}")) {
                Ok(b) => Some(a.cmp(&b)),
                Err(_) if b.abs() < 1.0 => Some(a.cmp(&Decimal::ZERO)),
                Err(_) => 0.0.partial_cmp(&b),
            },
        }
    }
}

#[cfg(feature = "decimal")]
pub(crate) use decimal::compare;

#[cfg(test)]
mod tests {
    #[cfg(feature = "decimal")]
    #[test]
    fn decimals_are_compared_as_they_are_written() {
        use rust_decimal::Decimal;

        use crate::rules::field::{Number, Numeric};

        let at_least = |text: &str, bound: Number| {
            Decimal::from_str_exact(text).unwrap().every_number(&|number| number.at_least(bound))
        };
        let at_most = |text: &str, bound: Number| {
            Decimal::from_str_exact(text).unwrap().every_number(&|number| number.at_most(bound))
        };
        assert!(at_least("0.1", Number::Float(0.1)) && at_most("0.1", Number::Float(0.1)));
        assert!(!at_least("0.0999999999999999999999", Number::Float(0.1)));
        assert!(at_least("5", Number::Int(5)) && !at_least("4.99", Number::Int(5)));
        assert!(at_most("1", Number::Int(i128::MAX)) && !at_least("1", Number::Int(i128::MAX)));
        assert!(!at_most("1", Number::Float(f64::NAN)) && !at_least("1", Number::Float(f64::NAN)));
        assert!(at_most("1", Number::Float(1e300)) && at_least("1", Number::Float(1e-300)));
        assert!(Decimal::ONE.every_number(&|number| number.is_positive()));
        assert!(!Decimal::ZERO.every_number(&|number| number.is_positive()));
    }
}
