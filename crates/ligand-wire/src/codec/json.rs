//! Packets as JSON texts.

pub(super) mod scan;

use std::borrow::Cow;

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use self::scan::Scan;
use super::{
    Envelope,
    names::Names,
    read::{self, FieldReader, Result as ReadResult},
    write::{self, FieldWriter},
};
use crate::{
    Error, Payload, Result,
    packet::{Fields, Packet, PacketKind, Received, no_fields},
    text,
};

pub(super) fn encode(packet: &Packet<'_>, envelope: Envelope<'_>, out: &mut Vec<u8>) -> Result<()> {
    write::packet(packet, envelope, &mut Writer { out, separator: b'{' })?;
    out.push(b'}');
    Ok(())
}

pub(super) fn decode(kind: PacketKind, bytes: &Bytes) -> ReadResult<Received<'_>> {
    let text = std::str::from_utf8(bytes).map_err(|_| "not UTF-8")?;
    read::packet(kind, &mut Reader { bytes, scan: Scan::new(text), begun: false })
}

struct Writer<'a> {
    out: &'a mut Vec<u8>,
    separator: u8,
}

impl Writer<'_> {
    fn key(&mut self, key: &'static str) {
        self.out.push(self.separator);
        self.separator = b',';
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    fn literal(&mut self, key: &'static str, literal: &[u8]) {
        self.key(key);
        self.out.extend_from_slice(literal);
    }
}

impl FieldWriter for Writer<'_> {
    fn null(&mut self, key: &'static str) {
        self.literal(key, b"null");
    }

    fn bool(&mut self, key: &'static str, value: bool) {
        self.literal(key, if value { b"true" } else { b"false" });
    }

    fn integer(&mut self, key: &'static str, value: u64) {
        self.key(key);
        write_always(self.out, &value);
    }

    #[allow(clippy::cast_possible_truncation)]
    fn number(&mut self, key: &'static str, value: f64) {
        self.key(key);
        if value.trunc() == value && value.abs() < MAX_SAFE {
            write_always(self.out, &(value as i64));
        } else {
            write_always(self.out, &value);
        }
    }

    fn text(&mut self, key: &'static str, value: &str) {
        self.key(key);
        write_always(self.out, value);
    }

    fn payload(&mut self, key: &'static str, value: &Payload) -> Result<()> {
        self.key(key);
        match (value.as_binary(), value.as_json()) {
            (Some(bytes), _) => write_buffer(bytes, self.out),
            (_, Some(text)) if text.is_empty() => self.out.extend_from_slice(b"null"),
            _ => value.write_json(self.out)?,
        }
        Ok(())
    }

    fn value<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<()> {
        self.key(key);
        text::to_writer(&mut *self.out, value).map_err(|error| {
            Error::server(500, "PAYLOAD_ENCODE_ERROR", "The packet cannot be encoded.")
                .with_internal(format!("{key}: {error}"))
        })
    }
}

/// JavaScript's `Number.MAX_SAFE_INTEGER + 1`.
const MAX_SAFE: f64 = 9_007_199_254_740_992.0;

/// Texts and numbers: writing them into memory cannot fail.
fn write_always<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    text::to_writer(out, value).expect("texts and numbers are always written");
}

/// As `JSON.stringify` writes a `Buffer`.
fn write_buffer(bytes: &[u8], out: &mut Vec<u8>) {
    out.reserve(bytes.len() * 4 + 28);
    out.extend_from_slice(br#"{"type":"Buffer","data":["#);
    for (index, byte) in bytes.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        if *byte >= 100 {
            out.push(b'0' + byte / 100);
        }
        if *byte >= 10 {
            out.push(b'0' + byte / 10 % 10);
        }
        out.push(b'0' + byte % 10);
    }
    out.extend_from_slice(b"]}");
}

struct Reader<'a> {
    bytes: &'a Bytes,
    scan: Scan<'a>,
    begun: bool,
}

impl<'a> Reader<'a> {
    /// The text of the next value when it begins with one of `first`; otherwise skips it.
    fn value_that_begins(&mut self, first: impl FnOnce(u8) -> bool) -> ReadResult<Option<&'a str>> {
        let wanted = self.scan.peek().is_some_and(first);
        let value = self.scan.value()?;
        Ok(wanted.then_some(value))
    }

    #[inline(never)]
    fn any_key(&mut self, names: &mut Names) -> ReadResult<Option<Cow<'a, str>>> {
        let begun = std::mem::replace(&mut self.begun, true);
        if !begun {
            self.scan.expect(b'{', "not an object")?;
        }
        if self.scan.skip_if(b'}') {
            self.scan.end()?;
            return Ok(None);
        }
        if begun {
            self.scan.expect(b',', "no comma between two fields")?;
        }
        let key = self.scan.text()?;
        self.scan.expect(b':', "no colon after a key")?;
        // What stands behind it is expected next.
        names.find(key.as_bytes());
        Ok(Some(key))
    }

    fn parsed<T: DeserializeOwned>(value: &str) -> ReadResult<T> {
        serde_json::from_str(value)
            .map_err(|error| {
                format!("bad JSON in line {} column {} of a value", error.line(), error.column())
            })
            .map_err(Cow::Owned)
    }

    fn item_text(&mut self) -> ReadResult<Option<Cow<'a, str>>> {
        match self.scan.peek() {
            Some(b'"') => Ok(Some(self.scan.text()?)),
            _ => Ok(self.value_that_begins(is_number)?.map(Cow::Borrowed)),
        }
    }
}

fn is_number(first: u8) -> bool {
    first == b'-' || first.is_ascii_digit()
}

impl<'a> FieldReader<'a> for Reader<'a> {
    #[inline]
    fn key(&mut self, names: &mut Names) -> ReadResult<Option<Cow<'a, str>>> {
        let before = if self.begun { b',' } else { b'{' };
        match names.expected() {
            Some(name) if self.scan.skip_key(before, name) => {
                self.begun = true;
                names.advance();
                Ok(Some(Cow::Borrowed(name)))
            }
            _ => self.any_key(names),
        }
    }

    fn text(&mut self) -> ReadResult<Option<Cow<'a, str>>> {
        if self.scan.skip_word(b"null") {
            return Ok(None);
        }
        self.item_text()
    }

    fn number(&mut self) -> ReadResult<Option<f64>> {
        if let Some(number) = self.scan.small_number() {
            return Ok(Some(f64::from(number)));
        }
        Ok(self.item_text()?.and_then(|text| text.parse().ok()).filter(|number: &f64| number.is_finite()))
    }

    fn bool(&mut self) -> ReadResult<Option<bool>> {
        if self.scan.skip_word(b"false") {
            return Ok(Some(false));
        }
        if self.scan.skip_word(b"null") {
            return Ok(None);
        }
        Ok(match self.scan.value()? {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        })
    }

    fn texts(&mut self) -> ReadResult<Vec<Cow<'a, str>>> {
        let mut texts = Vec::new();
        if self.scan.peek() != Some(b'[') {
            self.scan.value()?;
            return Ok(texts);
        }
        self.scan.expect(b'[', "")?;
        if self.scan.skip_if(b']') {
            return Ok(texts);
        }
        loop {
            texts.extend(self.item_text()?);
            if self.scan.skip_if(b']') {
                return Ok(texts);
            }
            self.scan.expect(b',', "no comma between two items")?;
        }
    }

    fn fields(&mut self) -> ReadResult<Option<Cow<'a, Fields>>> {
        if self.scan.skip_empty_object() {
            return Ok(Some(no_fields()));
        }
        match self.value_that_begins(|first| first == b'{')? {
            Some(object) => Self::parsed(object).map(Cow::Owned).map(Some),
            None => Ok(None),
        }
    }

    fn payload(&mut self) -> ReadResult<Payload> {
        let value = self.scan.value()?;
        Ok(match value {
            "null" => Payload::NULL,
            "{}" => Payload::json(Bytes::from_static(b"{}")),
            value => Payload::json(self.bytes.slice_ref(value.as_bytes())),
        })
    }

    fn value(&mut self) -> ReadResult<Value> {
        Self::parsed(self.scan.value()?)
    }

    fn skip(&mut self) -> ReadResult<()> {
        self.scan.value()?;
        Ok(())
    }

    fn whole<T: DeserializeOwned>(&self) -> ReadResult<T> {
        serde_json::from_slice(self.bytes).map_err(|error| Cow::Owned(error.to_string()))
    }
}

#[cfg(test)]
mod tests;
