//! The form in which values are kept.

use std::net::IpAddr;

use ligand_wire::Date;
use serde_json::{Number, Value};

use super::{Kind, decimal::Decimal, moment};

/// Why a value cannot be kept in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// It has another JSON type than the schema says. With the error type of the right one.
    Form(&'static str),
    /// It has the right type and is none of the kind all the same. With its error type.
    Value(&'static str),
}

impl Kind {
    /// The value as stores keep it: moments and decimals that may be numbers become texts, zero has no sign.
    /// Lists and objects stay as they are.
    ///
    /// # Errors
    /// When it is not of this kind.
    pub(crate) fn keep(&self, value: &mut Value) -> Result<(), Misfit> {
        let text = |value: &Value, fits: &dyn Fn(&str) -> bool, kind: &'static str| match value {
            Value::String(text) if fits(text) => Ok(()),
            Value::String(_) => Err(Misfit::Value(kind)),
            _ => Err(Misfit::Form("string")),
        };
        match (self, &mut *value) {
            (_, Value::Null) | (Self::Json, _) => Ok(()),
            (Self::Text | Self::Choice(_) | Self::Opaque, Value::String(_)) => Ok(()),
            (Self::Boolean, Value::Bool(_)) | (Self::List(_), Value::Array(_)) => Ok(()),
            (Self::Struct(_), Value::Object(_)) => Ok(()),
            (Self::Integer { .. }, Value::Number(number)) => {
                whole(number);
                Ok(())
            }
            (Self::Real { single }, Value::Number(number)) => {
                real(number, *single);
                Ok(())
            }
            (Self::Decimal { number: true }, Value::Number(_)) => Ok(()),
            (Self::Decimal { number: false }, Value::Number(number)) => {
                *value = number.to_string().into();
                Ok(())
            }
            (Self::Instant { millis: true, .. }, Value::Number(number)) => {
                let millis = number.as_i64().ok_or(Misfit::Value("date"))?;
                *value = Date::from_millis(millis).to_string().into();
                Ok(())
            }
            (Self::Decimal { number: false }, value) => {
                text(value, &|text| Decimal::parse(text).is_some(), "number")
            }
            (Self::Instant { .. }, value) => text(value, &|text| moment::instant(text).is_some(), "date"),
            (Self::Local, value) => text(value, &|text| moment::local(text).is_some(), "date"),
            (Self::Day, value) => text(value, &|text| moment::day(text).is_some(), "date"),
            (Self::Clock, value) => text(value, &|text| moment::time_of_day(text).is_some(), "date"),
            (Self::Uuid, value) => text(value, &|text| uuid::Uuid::try_parse(text).is_ok(), "uuid"),
            (Self::Address, value) => text(value, &|text| text.parse::<IpAddr>().is_ok(), "ip"),
            (Self::Integer { .. } | Self::Real { .. } | Self::Decimal { .. }, _) => {
                Err(Misfit::Form("number"))
            }
            (Self::Boolean, _) => Err(Misfit::Form("boolean")),
            (Self::List(_), _) => Err(Misfit::Form("array")),
            (Self::Struct(_), _) => Err(Misfit::Form("object")),
            (Self::Text | Self::Choice(_) | Self::Opaque, _) => Err(Misfit::Form("string")),
        }
    }
}

/// `5.0` is a whole number too.
pub(crate) fn whole(number: &mut Number) {
    if let Some(real) = number.as_f64().filter(|_| number.is_f64())
        && real.fract() == 0.0
    {
        #[allow(clippy::cast_possible_truncation, reason = "saturates, and is looked at")]
        let whole = real as i128;
        if let Ok(signed) = i64::try_from(whole) {
            *number = signed.into();
        } else if let Ok(unsigned) = u64::try_from(whole) {
            *number = unsigned.into();
        }
    }
}

/// The nearest number that the column can hold. SQLite keeps no sign of zero, so nobody does.
pub(crate) fn real(number: &mut Number, single: bool) {
    let Some(real) = number.as_f64() else { return };
    #[allow(clippy::cast_possible_truncation, reason = "rounding is what is wanted")]
    let rounded = if single { f64::from(real as f32) } else { real };
    let nearest = if rounded.is_finite() { rounded } else { real };
    if let Some(nearest) = Number::from_f64(if nearest == 0.0 { 0.0 } else { nearest }) {
        *number = nearest;
    }
}
