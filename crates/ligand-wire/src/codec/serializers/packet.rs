//! Packets in every format but JSON.

use std::borrow::Cow;

use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    fault::Fault,
    head::Kind,
    reader::Reader,
    token::{Blob, Left, Number, Text, Token},
    writer::{Begun, Shape, Writer},
};
use crate::{
    Payload, Result,
    codec::{
        Envelope,
        names::Names,
        read::{self, FieldReader, Result as ReadResult},
        write::{self, FieldWriter},
    },
    packet::{Fields, Packet, PacketKind, Received, no_fields},
    payload::{Format, encode_error},
};

pub(super) fn encode(
    packet: &Packet<'_>,
    envelope: Envelope<'_>,
    format: Format,
    out: &mut Vec<u8>,
) -> Result<()> {
    let mut writer = Writer::new(format, out);
    let failed = |fault: Fault| encode_error("packet", &fault);
    let begun = writer.begin(Shape::Map, None).map_err(failed)?;
    let mut fields = PacketWriter { writer, begun, fault: None };
    write::packet(packet, envelope, &mut fields)?;
    let PacketWriter { mut writer, begun, fault } = fields;
    fault.map_or(Ok(()), Err).and_then(|()| writer.finish(&begun)).map_err(failed)
}

pub(super) fn decode(kind: PacketKind, format: Format, bytes: &Bytes) -> ReadResult<Received<'_>> {
    let mut reader = PacketReader { bytes, reader: Reader::new(format, bytes), left: Left::Count(0) };
    let begin = reader.reader.token();
    let Token::Map(left) = reader.checked(begin)? else { return Err("not an object".into()) };
    reader.left = left;
    read::packet(kind, &mut reader)
}

struct PacketWriter<'o> {
    writer: Writer<'o>,
    begun: Begun,
    /// The first failure; nothing sensible is written after it.
    fault: Option<Fault>,
}

impl PacketWriter<'_> {
    fn field(&mut self, key: &str, write: impl FnOnce(&mut Writer<'_>) -> Result<(), Fault>) {
        self.writer.item(&mut self.begun);
        let written = self.writer.key(key).and_then(|()| write(&mut self.writer));
        if let Err(fault) = written {
            self.fault.get_or_insert(fault);
        }
    }
}

impl FieldWriter for PacketWriter<'_> {
    fn null(&mut self, key: &'static str) {
        self.field(key, |writer| {
            writer.null();
            Ok(())
        });
    }

    fn bool(&mut self, key: &'static str, value: bool) {
        self.field(key, |writer| {
            writer.bool(value);
            Ok(())
        });
    }

    fn integer(&mut self, key: &'static str, value: u64) {
        self.field(key, |writer| writer.integer(i128::from(value)));
    }

    fn number(&mut self, key: &'static str, value: f64) {
        self.field(key, |writer| writer.float(value));
    }

    fn text(&mut self, key: &'static str, value: &str) {
        self.field(key, |writer| writer.text(value));
    }

    fn payload(&mut self, key: &'static str, value: &Payload) -> Result<()> {
        if value.is_undefined() {
            self.null(key);
            return Ok(());
        }
        self.field(key, |_| Ok(()));
        value.encode(self.writer.format, self.writer.out)
    }

    fn value<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<()> {
        self.field(key, |_| Ok(()));
        value.serialize(&mut self.writer).map_err(|fault| encode_error(key, &fault))
    }
}

struct PacketReader<'a> {
    bytes: &'a Bytes,
    reader: Reader<'a, 'a>,
    /// What is left of the packet's map.
    left: Left,
}

impl<'a> PacketReader<'a> {
    fn checked<T>(&self, result: Result<T, Fault>) -> ReadResult<T> {
        result.map_err(|fault| fault.at(self.reader.position()).to_string().into())
    }

    /// The next value when it is a single one; goes past others.
    fn scalar(&mut self) -> ReadResult<Option<Token<'a, 'a>>> {
        let start = self.reader.position();
        let token = self.reader.token();
        match self.checked(token)? {
            Token::Array(_) | Token::Map(_) => {
                self.reader.rewind(start);
                self.skip().map(|()| None)
            }
            token => Ok(Some(token)),
        }
    }

    #[inline(never)]
    fn any_key(&mut self, names: &mut Names) -> ReadResult<Option<Cow<'a, str>>> {
        let key = self.reader.next_key(&mut self.left, names);
        match self.checked(key)? {
            Some(key) => Ok(Some(borrowed(key))),
            None => {
                let end = self.reader.end();
                self.checked(end).map(|()| None)
            }
        }
    }

    fn decoded<T: Deserialize<'a>>(&mut self) -> ReadResult<T> {
        let value = T::deserialize(&mut self.reader);
        self.checked(value)
    }

    fn next_text(&mut self) -> ReadResult<Option<Cow<'a, str>>> {
        if self.reader.nothing() {
            return Ok(None);
        }
        if let Some(text) = self.reader.plain_text() {
            return Ok(Some(Cow::Borrowed(text)));
        }
        Ok(match self.scalar()? {
            Some(Token::Text(text)) => Some(borrowed(text)),
            Some(Token::Number(number)) => Some(Cow::Owned(match number.plain() {
                Number::Unsigned(value) => value.to_string(),
                Number::Negative(value) => value.to_string(),
                number => number.as_f64().to_string(),
            })),
            _ => None,
        })
    }
}

fn borrowed<'a>(text: Text<'a, 'a>) -> Cow<'a, str> {
    match text {
        Text::Lasting(text) | Text::Brief(text) => Cow::Borrowed(text),
        Text::Owned(text) => Cow::Owned(text),
    }
}

impl<'a> FieldReader<'a> for PacketReader<'a> {
    #[inline]
    fn key(&mut self, names: &mut Names) -> ReadResult<Option<Cow<'a, str>>> {
        match self.reader.expected_key(&mut self.left, names) {
            Some(name) => Ok(Some(Cow::Borrowed(name))),
            None => self.any_key(names),
        }
    }

    fn text(&mut self) -> ReadResult<Option<Cow<'a, str>>> {
        self.next_text()
    }

    fn number(&mut self) -> ReadResult<Option<f64>> {
        if let Some((_, value)) = self.reader.head_of(|kind| kind == Kind::Unsigned) {
            #[allow(clippy::cast_precision_loss, reason = "a float is what was asked for")]
            return Ok(Some(value as f64));
        }
        let number = match self.scalar()? {
            Some(Token::Number(number)) => Some(number.as_f64()),
            #[allow(clippy::cast_precision_loss, reason = "exact for every date of JavaScript")]
            Some(Token::Date(millis)) => Some(millis as f64),
            Some(Token::Text(text)) => text.as_str().parse().ok(),
            _ => None,
        };
        Ok(number.filter(|number| number.is_finite()))
    }

    fn bool(&mut self) -> ReadResult<Option<bool>> {
        if let Some((_, value)) = self.reader.head_of(|kind| kind == Kind::Bool) {
            return Ok(Some(value == 1));
        }
        if self.reader.nothing() {
            return Ok(None);
        }
        Ok(match self.scalar()? {
            Some(Token::Bool(value)) => Some(value),
            _ => None,
        })
    }

    fn texts(&mut self) -> ReadResult<Vec<Cow<'a, str>>> {
        let start = self.reader.position();
        let token = self.reader.token();
        let Token::Array(mut left) = self.checked(token)? else {
            self.reader.rewind(start);
            self.skip()?;
            return Ok(Vec::new());
        };
        let mut texts = Vec::new();
        loop {
            let more = self.reader.more(&mut left);
            if !self.checked(more)? {
                return Ok(texts);
            }
            texts.extend(self.next_text()?);
        }
    }

    fn fields(&mut self) -> ReadResult<Option<Cow<'a, Fields>>> {
        let start = self.reader.position();
        if let (Kind::Map, 0) = self.reader.head() {
            return Ok(Some(no_fields()));
        }
        self.reader.rewind(start);
        let token = self.reader.token();
        let is_object = matches!(self.checked(token)?, Token::Map(_));
        self.reader.rewind(start);
        if is_object { self.decoded().map(Cow::Owned).map(Some) } else { self.skip().map(|()| None) }
    }

    fn payload(&mut self) -> ReadResult<Payload> {
        let start = self.reader.position();
        let head = self.reader.head();
        self.reader.rewind(start);
        if let (Kind::Array | Kind::Map, _) = head {
            let skipped = self.reader.skip();
            self.checked(skipped)?;
            return Ok(Payload::encoded(
                self.reader.format(),
                self.bytes.slice(start..self.reader.position()),
            ));
        }
        let token = self.reader.token();
        match self.checked(token)? {
            Token::Null | Token::Undefined => Ok(Payload::NULL),
            Token::Bytes(Blob::Lasting(bytes) | Blob::Brief(bytes)) => {
                Ok(Payload::binary(self.bytes.slice_ref(bytes)))
            }
            Token::Bytes(Blob::Owned(bytes)) => Ok(Payload::binary(bytes)),
            _ => {
                self.reader.rewind(start);
                let raw = self.reader.raw();
                let raw = self.checked(raw)?;
                Ok(Payload::encoded(self.reader.format(), self.bytes.slice(raw)))
            }
        }
    }

    fn value(&mut self) -> ReadResult<Value> {
        self.decoded()
    }

    fn skip(&mut self) -> ReadResult<()> {
        let skipped = self.reader.skip();
        self.checked(skipped)
    }

    fn whole<T: DeserializeOwned>(&self) -> ReadResult<T> {
        let mut reader = Reader::new(self.reader.format(), self.bytes);
        T::deserialize(&mut reader).map_err(|fault| fault.at(reader.position()).to_string().into())
    }
}
