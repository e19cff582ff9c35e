//! A payload as a part of another value: what is encoded already is not taken apart and put together again.

use std::{cell::Cell, fmt};

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser::Error as _};
use serde_json::{Value, value::RawValue};

use super::{Format, Payload, Repr};
use crate::{
    binary::{self, BINARY},
    codec::serializers,
    objects::is_around,
};

/// The name by which Ligand's serializers know a payload.
pub(crate) const PAYLOAD: &str = "$ligand::Payload";
/// The name by which they know that nothing was given.
pub(crate) const UNDEFINED: &str = "$ligand::undefined";

thread_local! {
    /// The format that the serializer which asks for the content of a payload writes.
    static TARGET: Cell<Option<Format>> = const { Cell::new(None) };
}

/// Runs `write`, which serialises a payload's content at once. The content is then bytes of `format`.
#[cfg(feature = "serializers")]
pub(crate) fn toward<T>(format: Format, write: impl FnOnce() -> T) -> T {
    TARGET.set(Some(format));
    let written = write();
    TARGET.set(None);
    written
}

/// Whether `T` is one of the two types of `serde_json` that read and write texts: only those know raw values. Our own
/// [`Objects`](crate::objects) hands them through; any other wrapper counts as another type, and its payloads go
/// through a tree.
fn is_json_text<T>() -> bool {
    let name = is_around::<T>();
    name.starts_with("&mut serde_json::ser::Serializer<")
        || name.starts_with("&mut serde_json::de::Deserializer<")
}

impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Repr::Undefined => serializer.serialize_newtype_struct(UNDEFINED, &()),
            Repr::Null => serializer.serialize_unit(),
            Repr::Value(value) => value.serialize(serializer),
            Repr::Binary(bytes) => serializer.serialize_newtype_struct(BINARY, &binary::Plain(bytes)),
            Repr::Owned(_) | Repr::Typed(_) | Repr::Encoded(..) if is_json_text::<S>() => {
                let mut text = Vec::new();
                self.write_json(&mut text).map_err(S::Error::custom)?;
                serde_json::from_slice::<&RawValue>(&text).map_err(S::Error::custom)?.serialize(serializer)
            }
            Repr::Owned(_) | Repr::Typed(_) | Repr::Encoded(..) => {
                serializer.serialize_newtype_struct(PAYLOAD, &Content(self))
            }
        }
    }
}

struct Content<'a>(&'a Payload);

impl Serialize for Content<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (TARGET.take(), &self.0.0) {
            (Some(format), Repr::Encoded(from, bytes)) if *from == format && !bytes.is_empty() => {
                serializer.serialize_bytes(bytes)
            }
            (Some(format), _) => {
                let mut bytes = Vec::new();
                self.0.encode(format, &mut bytes).map_err(S::Error::custom)?;
                serializer.serialize_bytes(&bytes)
            }
            (None, Repr::Encoded(format, bytes)) if *format != Format::Json => {
                serializers::serialize(*format, bytes, serializer)
            }
            (None, _) => self.0.to_value().map_err(S::Error::custom)?.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if is_json_text::<D>() {
            let text = Box::<RawValue>::deserialize(deserializer)?;
            return Ok(Self::json(String::from(Box::<str>::from(text))));
        }
        deserializer.deserialize_newtype_struct(PAYLOAD, Visitor)
    }
}

struct Visitor;

impl<'de> de::Visitor<'de> for Visitor {
    type Value = Payload;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    /// From everybody else's formats.
    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Payload, D::Error> {
        Value::deserialize(deserializer).map(Payload::from)
    }

    /// From Ligand's readers: the number of the format, then the bytes as they came.
    fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Payload, E> {
        let format =
            bytes.first().and_then(|first| Format::ALL.into_iter().find(|format| *format as u8 == *first));
        let format = format.ok_or_else(|| E::custom("bytes of an unknown format"))?;
        Ok(Payload::encoded(format, Bytes::from(bytes).slice(1..)))
    }
}
