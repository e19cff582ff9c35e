//! The bytes of each format: what a value looks like, and how arrays and objects begin and end.

use super::{
    cbor::{self, Major},
    fault::Fault,
    json_text, msgpack,
    token::{Number, exact_integer},
};
use crate::{key::write_number, payload::Format};

/// Appends values to a buffer.
#[derive(Debug)]
pub(crate) struct Writer<'o> {
    pub(super) format: Format,
    pub(super) out: &'o mut Vec<u8>,
    /// Keys and texts on their way.
    pub(super) scratch: String,
}

/// Array or object.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Shape {
    Array,
    Map,
}

/// Bytes of the longest head of an array or object.
const LONGEST_HEAD: usize = 9;

/// An array or object that was begun: its head is corrected at the end when the count was not known.
#[derive(Debug)]
pub(super) struct Begun {
    shape: Shape,
    start: usize,
    body: usize,
    expected: u64,
    count: u64,
}

impl<'o> Writer<'o> {
    pub(crate) const fn new(format: Format, out: &'o mut Vec<u8>) -> Self {
        Self { format, out, scratch: String::new() }
    }

    pub(crate) fn null(&mut self) {
        match self.format {
            Format::Cbor => cbor::write_null(self.out),
            Format::MsgPack | Format::Notepack => msgpack::write_null(self.out),
            Format::Json | Format::JsonExt => self.out.extend_from_slice(b"null"),
        }
    }

    pub(crate) fn undefined(&mut self) {
        match self.format {
            Format::Cbor => self.out.extend_from_slice(cbor::UNDEFINED),
            _ => self.null(),
        }
    }

    pub(crate) fn bool(&mut self, value: bool) {
        match self.format {
            Format::Cbor => cbor::write_bool(value, self.out),
            Format::MsgPack | Format::Notepack => msgpack::write_bool(value, self.out),
            Format::Json | Format::JsonExt => {
                self.out.extend_from_slice(if value { b"true" } else { b"false" });
            }
        }
    }

    pub(crate) fn integer(&mut self, value: i128) -> Result<(), Fault> {
        self.number(Number::from_i128(value))
    }

    /// Whole numbers are integers, as JavaScript has it.
    pub(crate) fn float(&mut self, value: f64) -> Result<(), Fault> {
        self.number(exact_integer(value).map_or(Number::Float(value), |value| {
            match Number::from_i128(value) {
                Number::Big(_) => Number::Float(value as f64),
                number => number,
            }
        }))
    }

    /// In text the digits of a float of 32 bits are its own, not those of the float of 64 bits equal to it.
    pub(crate) fn short_float(&mut self, value: f32) -> Result<(), Fault> {
        if self.is_json() && value.fract() != 0.0 && value.is_finite() {
            return json(&value, self.out);
        }
        self.float(f64::from(value))
    }

    fn number(&mut self, number: Number) -> Result<(), Fault> {
        match self.format {
            Format::Cbor => cbor::write_number(number, self.out),
            Format::MsgPack => msgpack::write_number(number, true, self.out)?,
            Format::Notepack => msgpack::write_number(number, false, self.out)?,
            Format::Json | Format::JsonExt => self.json_number(number)?,
        }
        Ok(())
    }

    fn json_number(&mut self, number: Number) -> Result<(), Fault> {
        self.scratch.clear();
        let text = &mut self.scratch;
        match number {
            Number::Unsigned(value) => return json(&value, self.out),
            Number::Negative(value) => return json(&value, self.out),
            Number::Big(value) => return self.tagged(json_text::BIG_INTEGER, &value.to_string()),
            Number::Float(value) if value.is_finite() => {
                if value == 0.0 && value.is_sign_negative() {
                    text.push('-');
                }
                write_number(value, text);
            }
            Number::Float(_) => text.push_str("null"),
        }
        self.out.extend_from_slice(text.as_bytes());
        Ok(())
    }

    pub(crate) fn text(&mut self, text: &str) -> Result<(), Fault> {
        if self.format == Format::JsonExt && text.starts_with(json_text::OPEN) {
            return self.tagged(json_text::ESCAPED, text);
        }
        self.plain_text(text)
    }

    /// A text without tags: keys are never tagged.
    pub(crate) fn plain_text(&mut self, text: &str) -> Result<(), Fault> {
        match self.format {
            Format::Cbor => cbor::write_head(Major::Text, text.len() as u64, self.out),
            Format::MsgPack | Format::Notepack => {
                msgpack::write_head(&msgpack::TEXT, text.len() as u64, self.out)?;
            }
            Format::Json | Format::JsonExt => return json(text, self.out),
        }
        self.out.extend_from_slice(text.as_bytes());
        Ok(())
    }

    fn tagged(&mut self, tag: &str, text: &str) -> Result<(), Fault> {
        json(format!("{tag}{text}").as_str(), self.out)
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        match self.format {
            Format::Cbor => cbor::write_head(Major::Bytes, bytes.len() as u64, self.out),
            Format::MsgPack | Format::Notepack => {
                msgpack::write_head(&msgpack::BYTES, bytes.len() as u64, self.out)?;
            }
            Format::Json | Format::JsonExt => {
                let mut text = String::from(json_text::BYTES);
                crate::binary::to_base64(bytes, &mut text);
                return json(text.as_str(), self.out);
            }
        }
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    /// Milliseconds since 1970.
    pub(crate) fn date(&mut self, millis: i64) -> Result<(), Fault> {
        match self.format {
            Format::Cbor => cbor::write_date(millis, self.out),
            Format::MsgPack | Format::Notepack => msgpack::write_date(millis, self.out),
            Format::Json | Format::JsonExt => return self.tagged(json_text::DATE, &millis.to_string()),
        }
        Ok(())
    }

    /// Bytes that are a value of this format already.
    pub(crate) fn verbatim(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// Begins an array or object; `count` is a guess.
    pub(super) fn begin(&mut self, shape: Shape, count: Option<usize>) -> Result<Begun, Fault> {
        let expected = count.unwrap_or(0) as u64;
        let start = self.out.len();
        self.head(shape, expected)?;
        Ok(Begun { shape, start, body: self.out.len(), expected, count: 0 })
    }

    /// Before each item, or before the key of each entry.
    pub(super) fn item(&mut self, begun: &mut Begun) {
        if self.is_json() && begun.count > 0 {
            self.out.push(b',');
        }
        begun.count += 1;
    }

    pub(super) fn key(&mut self, key: &str) -> Result<(), Fault> {
        self.plain_text(key)?;
        if self.is_json() {
            self.out.push(b':');
        }
        Ok(())
    }

    pub(super) fn finish(&mut self, begun: &Begun) -> Result<(), Fault> {
        if self.is_json() {
            self.out.push(if begun.shape == Shape::Map { b'}' } else { b']' });
        } else if begun.count != begun.expected {
            let end = self.out.len();
            self.head(begun.shape, begun.count)?;
            let mut head = [0; LONGEST_HEAD];
            let length = self.out.len() - end;
            head[..length].copy_from_slice(&self.out[end..]);
            self.out.truncate(end);
            self.out.splice(begun.start..begun.body, head[..length].iter().copied());
        }
        Ok(())
    }

    fn head(&mut self, shape: Shape, count: u64) -> Result<(), Fault> {
        match (self.format, shape) {
            (Format::Cbor, Shape::Array) => cbor::write_head(Major::Array, count, self.out),
            (Format::Cbor, Shape::Map) => cbor::write_head(Major::Map, count, self.out),
            (Format::MsgPack | Format::Notepack, Shape::Array) => {
                msgpack::write_head(&msgpack::ARRAY, count, self.out)?;
            }
            (Format::MsgPack | Format::Notepack, Shape::Map) => {
                msgpack::write_head(&msgpack::MAP, count, self.out)?;
            }
            (Format::Json | Format::JsonExt, Shape::Array) => self.out.push(b'['),
            (Format::Json | Format::JsonExt, Shape::Map) => self.out.push(b'{'),
        }
        Ok(())
    }

    const fn is_json(&self) -> bool {
        matches!(self.format, Format::Json | Format::JsonExt)
    }
}

/// Scalars as JSON.
fn json<T: serde::Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), Fault> {
    crate::text::to_writer(out, value).map_err(|error| Fault::new(error.to_string()))
}
