//! From one format to any serializer, token by token and without a tree.

use std::cell::RefCell;

use serde::{
    Serialize, Serializer,
    ser::{Error as _, SerializeMap, SerializeSeq},
};

use super::{
    fault::Fault,
    reader::Reader,
    token::{Left, Number, Token},
};
use crate::{Binary, Date, codec::names::Names, payload::Format};

/// An encoded document as a value that serialises itself. Each time its `Serialize` is called it gives the next
/// value of the document.
pub(crate) struct Document<'de, 'b>(RefCell<Reader<'de, 'b>>);

impl<'b> Document<'b, 'b> {
    pub(crate) const fn new(format: Format, bytes: &'b [u8]) -> Self {
        Self(RefCell::new(Reader::new(format, bytes)))
    }
}

impl Document<'_, '_> {
    /// Nothing may follow the document.
    pub(crate) fn end(self) -> Result<(), Fault> {
        self.0.into_inner().end()
    }

    /// Lets `write` serialise the next value, and goes past it when it did not.
    fn next<E: serde::ser::Error>(&self, write: impl FnOnce(&Self) -> Result<(), E>) -> Result<(), E> {
        let at = self.0.borrow().position();
        write(self)?;
        let mut reader = self.0.borrow_mut();
        if reader.position() == at { reader.skip().map_err(E::custom) } else { Ok(()) }
    }

    fn array<S: Serializer>(&self, mut left: Left, to: S) -> Result<S::Ok, S::Error> {
        let count = self.0.borrow().bound(&left);
        let mut items = to.serialize_seq(count)?;
        while { self.0.borrow_mut().more(&mut left) }.map_err(S::Error::custom)? {
            self.next(|item| items.serialize_element(item))?;
        }
        items.end()
    }

    fn map<S: Serializer>(&self, mut left: Left, to: S) -> Result<S::Ok, S::Error> {
        let count = self.0.borrow().bound(&left);
        let mut entries = to.serialize_map(count)?;
        while let Some(key) =
            { self.0.borrow_mut().next_key(&mut left, &mut Names::of(&[])) }.map_err(S::Error::custom)?
        {
            entries.serialize_key(key.as_str())?;
            self.next(|value| entries.serialize_value(value))?;
        }
        entries.end()
    }
}

impl Serialize for Document<'_, '_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let token = { self.0.borrow_mut().token() }.map_err(S::Error::custom)?;
        let nested = matches!(token, Token::Array(_) | Token::Map(_));
        if nested {
            self.0.borrow_mut().enter().map_err(S::Error::custom)?;
        }
        let written = match token {
            Token::Null | Token::Undefined => to.serialize_unit(),
            Token::Bool(value) => to.serialize_bool(value),
            Token::Number(number) => match number.plain() {
                Number::Unsigned(value) => to.serialize_u64(value),
                Number::Negative(value) => to.serialize_i64(value),
                number => to.serialize_f64(number.as_f64()),
            },
            Token::Date(millis) => Date::from_millis(millis).serialize(to),
            Token::Text(text) => to.serialize_str(text.as_str()),
            Token::Bytes(bytes) => Binary::from(bytes.as_slice().to_vec()).serialize(to),
            Token::Array(left) => self.array(left, to),
            Token::Map(left) => self.map(left, to),
            Token::Nested(text) => {
                let inner = self.0.borrow().nested(&text).map_err(S::Error::custom)?;
                finished(Document(RefCell::new(inner)), to)
            }
        };
        if nested {
            self.0.borrow_mut().leave();
        }
        written
    }
}

fn finished<S: Serializer>(document: Document<'_, '_>, to: S) -> Result<S::Ok, S::Error> {
    let written = document.serialize(to)?;
    document.end().map_err(S::Error::custom)?;
    Ok(written)
}

/// Serialises the one value that `bytes` hold.
pub(crate) fn copy<S: Serializer>(format: Format, bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
    finished(Document::new(format, bytes), to)
}

/// The value that `bytes` hold as JSON.
pub(crate) fn to_json(format: Format, bytes: &[u8]) -> Result<String, Fault> {
    let mut out = Vec::with_capacity(bytes.len() * 2);
    copy(format, bytes, &mut crate::text::serializer(&mut out))
        .map_err(|error| Fault::new(error.to_string()))?;
    String::from_utf8(out).map_err(|_| Fault::new("a text is not UTF-8"))
}
