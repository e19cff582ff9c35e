//! JSON as JavaScript writes it: whole numbers without a fraction, whatever their Rust type is.
//!
//! `serde_json` writes the `f64` 2999 as `2999.0`; `JSON.stringify` writes `2999`, and so do all other nodes. A field
//! of the type `f64` reads both. What is no number becomes null on both sides.

mod look;

use std::io;

use serde::Serialize;
use serde_json::{Result, Serializer, Value, ser::Formatter};

pub use self::look::{Unreadable, look};
use crate::key::number::lay_out;

/// Compact JSON with the numbers of JavaScript.
#[derive(Clone, Copy, Debug, Default)]
pub struct Compact;

/// Whole numbers up to here are written without a look at their digits.
const EXACT: f64 = 9_007_199_254_740_992.0;

impl Formatter for Compact {
    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        if value.abs() < EXACT && value.trunc() == value {
            return self.write_i64(writer, value as i64);
        }
        write(writer, zmij::Buffer::new().format_finite(value))
    }

    fn write_f32<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f32) -> io::Result<()> {
        if f64::from(value).abs() < EXACT && value.trunc() == value {
            return self.write_i64(writer, value as i64);
        }
        write(writer, zmij::Buffer::new().format_finite(value))
    }
}

fn write<W: ?Sized + io::Write>(writer: &mut W, text: &str) -> io::Result<()> {
    if !text.contains('e') && !text.ends_with(".0") {
        return writer.write_all(text.as_bytes());
    }
    let mut out = String::with_capacity(24);
    lay_out(text, &mut out);
    writer.write_all(out.as_bytes())
}

/// A serializer that appends to `writer`.
pub fn serializer<W: io::Write>(writer: W) -> Serializer<W, Compact> {
    Serializer::with_formatter(writer, Compact)
}

/// Appends a value to `writer`.
///
/// # Errors
/// What the value's own `Serialize` or the writer says.
pub fn to_writer<W: io::Write, T: Serialize + ?Sized>(writer: W, value: &T) -> Result<()> {
    value.serialize(&mut serializer(writer))
}

/// The text of a value.
///
/// ```
/// // Whole numbers have no fraction, as in JavaScript.
/// assert_eq!(ligand_wire::text::to_vec(&[1.0, 2.5])?, b"[1,2.5]");
/// # Ok::<_, serde_json::Error>(())
/// ```
///
/// # Errors
/// What the value's own `Serialize` says.
pub fn to_vec<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(128);
    to_writer(&mut out, value)?;
    Ok(out)
}

/// Makes integers of whole numbers, for texts that others write.
pub fn whole_numbers(value: &mut Value) {
    match value {
        Value::Number(number) if !number.is_i64() && !number.is_u64() => {
            if let Some(float) =
                number.as_f64().filter(|float| float.abs() < EXACT && float.trunc() == *float)
            {
                *number = (float as i64).into();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(whole_numbers),
        Value::Object(fields) => fields.values_mut().for_each(whole_numbers),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text<T: Serialize>(value: T) -> String {
        String::from_utf8(to_vec(&value).unwrap()).unwrap()
    }

    #[test]
    fn numbers_are_those_of_javascript() {
        // The right column is what `JSON.stringify` answers.
        for (value, expected) in [
            (2999.0, "2999"),
            (-1.0, "-1"),
            (0.0, "0"),
            (-0.0, "0"),
            (19.99, "19.99"),
            (0.1, "0.1"),
            (1e-7, "1e-7"),
            (0.000_001, "0.000001"),
            (123e-20, "1.23e-18"),
            (1e15, "1000000000000000"),
            (9_007_199_254_740_992.0, "9007199254740992"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (-1.5e300, "-1.5e+300"),
            (f64::MAX, "1.7976931348623157e+308"),
            (5e-324, "5e-324"),
            (f64::NAN, "null"),
            (f64::INFINITY, "null"),
            (f64::NEG_INFINITY, "null"),
        ] {
            assert_eq!(text(value), expected);
            assert_eq!(text(json!([value])), format!("[{expected}]"));
            if value.is_finite() {
                assert_eq!(serde_json::from_str::<f64>(expected).unwrap(), value, "it is read back");
            }
        }
        assert_eq!(
            (text(1.0_f32), text(0.1_f32), text(1e21_f32)),
            ("1".into(), "0.1".into(), "1e+21".into())
        );
        assert_eq!(
            text(json!({ "b": 1.0, "a": [2.5, 3, u64::MAX] })),
            format!("{{\"b\":1,\"a\":[2.5,3,{}]}}", u64::MAX)
        );
        let mut value = json!({ "a": [1.0, 1.5, { "b": -0.0 }], "c": 1e300 });
        whole_numbers(&mut value);
        assert_eq!(value.to_string(), "{\"a\":[1,1.5,{\"b\":0}],\"c\":1e+300}");
    }

    #[test]
    fn any_number_is_read_back() {
        for _ in 0..20_000 {
            let value = f64::from_bits(fastrand::u64(..));
            if value.is_finite() {
                assert_eq!(serde_json::from_str::<f64>(&text(value)).unwrap(), value);
            }
        }
    }
}
