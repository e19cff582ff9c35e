//! Bytes, as JavaScript's `Buffer`.

use std::{borrow::Cow, fmt, ops::Deref};

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use bytes::Bytes;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, IgnoredAny, MapAccess, SeqAccess},
    ser::SerializeStruct,
};

use crate::{Result, validate::Validate};

/// The name by which Ligand's serializers know bytes.
pub(crate) const BINARY: &str = "$ligand::Binary";

/// How JSONExt marks bytes.
const TAG: &str = "[[BF]]";

/// Standard base64; a missing padding is no reason to refuse a text.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Bytes: what JavaScript calls a `Buffer`. Clones share the content.
///
/// In JSON it is `{"type":"Buffer","data":[..]}`, as Node.js writes it, in the other serializers their own kind
/// of bytes. Whatever a peer writes is read: that object, an array of numbers, native bytes.
///
/// ```
/// use ligand_wire::Binary;
///
/// let bytes = Binary::from(vec![1, 2]);
/// let json = serde_json::to_string(&bytes).unwrap();
/// assert_eq!(json, r#"{"type":"Buffer","data":[1,2]}"#);
/// assert_eq!(serde_json::from_str::<Binary>(&json).unwrap(), bytes);
/// ```
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Binary(Bytes);

impl Binary {
    /// A text that every Ligand node reads as these bytes: a third longer than they are, where the object that JSON has
    /// for bytes is four times as long. For everybody else it is a text.
    pub fn to_text(&self) -> String {
        let mut text = String::with_capacity(TAG.len() + self.0.len().div_ceil(3) * 4);
        text.push_str(TAG);
        BASE64.encode_string(&self.0, &mut text);
        text
    }

    /// The content.
    ///
    /// ```
    /// use ligand_wire::Binary;
    /// assert_eq!(Binary::from(vec![1, 2]).into_bytes().len(), 2);
    /// ```
    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

impl fmt::Debug for Binary {
    /// The length only: bytes may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Binary({} bytes)", self.0.len())
    }
}

impl Deref for Binary {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Bytes> for Binary {
    fn from(bytes: Bytes) -> Self {
        Self(bytes)
    }
}

impl From<Vec<u8>> for Binary {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl From<&'static [u8]> for Binary {
    fn from(bytes: &'static [u8]) -> Self {
        Self(Bytes::from_static(bytes))
    }
}

impl From<Binary> for Bytes {
    fn from(binary: Binary) -> Self {
        binary.0
    }
}

impl Serialize for Binary {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(BINARY, &Plain(&self.0))
    }
}

/// Bytes for serializers that know none.
pub(crate) struct Plain<'a>(pub(crate) &'a [u8]);

impl Serialize for Plain<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return serializer.serialize_bytes(self.0);
        }
        let mut object = serializer.serialize_struct("Buffer", 2)?;
        object.serialize_field("type", "Buffer")?;
        object.serialize_field("data", self.0)?;
        object.end()
    }
}

impl<'de> Deserialize<'de> for Binary {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(BINARY, Visitor).map(Self)
    }
}

struct Visitor;

impl<'de> de::Visitor<'de> for Visitor {
    type Value = Bytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Bytes, D::Error> {
        if deserializer.is_human_readable() {
            deserializer.deserialize_any(self)
        } else {
            deserializer.deserialize_byte_buf(self)
        }
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
        Ok(Bytes::copy_from_slice(bytes))
    }

    fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Bytes, E> {
        Ok(bytes.into())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Bytes, E> {
        let base64 =
            text.strip_prefix(TAG).ok_or_else(|| E::invalid_type(de::Unexpected::Str("…"), &self))?;
        from_base64(base64).map(Bytes::from).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Bytes, A::Error> {
        let mut bytes = Vec::with_capacity(items.size_hint().unwrap_or_default().min(1 << 16));
        while let Some(byte) = items.next_element()? {
            bytes.push(byte);
        }
        Ok(bytes.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Bytes, A::Error> {
        let (mut is_buffer, mut data) = (false, None);
        while let Some(key) = object.next_key::<Cow<'de, str>>()? {
            match &*key {
                "type" => is_buffer = object.next_value::<Cow<'de, str>>()? == "Buffer",
                "data" => data = Some(object.next_value::<Binary>()?.0),
                _ => drop(object.next_value::<IgnoredAny>()?),
            }
        }
        match data {
            Some(data) if is_buffer => Ok(data),
            _ => Err(de::Error::custom("an object that is not a Buffer; expected bytes")),
        }
    }
}

/// Reads standard base64.
pub(crate) fn from_base64(text: &str) -> Result<Vec<u8>, &'static str> {
    BASE64.decode(text).map_err(|_| "a text that is not base64")
}

/// Appends standard base64 with padding.
#[cfg(feature = "serializers")]
pub(crate) fn to_base64(bytes: &[u8], out: &mut String) {
    BASE64.encode_string(bytes, out);
}

impl Validate for Binary {}

impl JsonSchema for Binary {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Binary".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": "Bytes: {\"type\":\"Buffer\",\"data\":[..]} or an array of numbers." })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_many_forms_of_bytes() {
        for json in [
            r#"{"type":"Buffer","data":[1,2,255]}"#,
            r#"{"data":[1,2,255],"type":"Buffer","x":{}}"#,
            "[1,2,255]",
            r#""[[BF]]AQL/""#,
            r#"{"type":"Buffer","data":"[[BF]]AQL/"}"#,
        ] {
            assert_eq!(*serde_json::from_str::<Binary>(json).unwrap(), [1, 2, 255], "{json}");
        }
        for json in
            ["{}", r#""AQL/""#, r#"{"type":"Image","data":[1]}"#, "[256]", r#""[[BF]]!""#, "null", "1"]
        {
            assert!(serde_json::from_str::<Binary>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn debug_shows_no_content() {
        assert_eq!(format!("{:?}", Binary::from(&b"secret"[..])), "Binary(6 bytes)");
    }
}
