//! A chunk of a byte stream in the forms in which other nodes send it.

use std::fmt;

use bytes::Bytes;
use ligand_wire::{Error, Payload, Result};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, MapAccess, SeqAccess, Visitor},
};

/// The bytes of a chunk: raw ones, a text, or the JSON form of a JavaScript Buffer.
pub(super) fn bytes_of(chunk: Payload) -> Result<Bytes> {
    if let Some(bytes) = chunk.as_binary() {
        return Ok(bytes.clone());
    }
    let found = chunk.type_name();
    chunk.take::<Chunk>().map(|chunk| chunk.0).map_err(|error| {
        let message = format!("A chunk of a byte stream must be bytes or a text; this one is not ({found}).");
        Error::server(500, "STREAM_CHUNK_INVALID", message)
            .with_retryable(false)
            .with_internal(error.internal().unwrap_or_else(|| error.message()))
    })
}

#[derive(Clone)]
struct Chunk(Bytes);

impl Serialize for Chunk {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Chunk {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Form { buffer: true }).map(Self)
    }
}

/// The `data` of a Buffer: numbers or a text.
struct Inner(Bytes);

impl<'de> Deserialize<'de> for Inner {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Form { buffer: false }).map(Self)
    }
}

struct Form {
    /// `{"type": "Buffer", "data": …}` is understood; otherwise a list of numbers is.
    buffer: bool,
}

impl<'de> Visitor<'de> for Form {
    type Value = Bytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.buffer { "bytes, a text or a Buffer" } else { "the bytes of a Buffer" })
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Bytes, E> {
        Ok(Bytes::copy_from_slice(text.as_bytes()))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Bytes, E> {
        Ok(text.into())
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
        Ok(Bytes::copy_from_slice(bytes))
    }

    fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Bytes, E> {
        Ok(bytes.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut numbers: A) -> Result<Bytes, A::Error> {
        if self.buffer {
            return Err(de::Error::invalid_type(de::Unexpected::Seq, &self));
        }
        let mut bytes = Vec::new();
        while let Some(byte) = numbers.next_element::<u8>()? {
            bytes.push(byte);
        }
        Ok(bytes.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Bytes, A::Error> {
        if !self.buffer {
            return Err(de::Error::invalid_type(de::Unexpected::Map, &self));
        }
        let (mut is_buffer, mut data) = (false, None);
        while let Some(name) = fields.next_key::<String>()? {
            match &*name {
                "type" => is_buffer = fields.next_value::<String>()? == "Buffer",
                "data" => data = Some(fields.next_value::<Inner>()?.0),
                _ => drop(fields.next_value::<de::IgnoredAny>()?),
            }
        }
        data.filter(|_| is_buffer).ok_or_else(|| de::Error::invalid_type(de::Unexpected::Map, &self))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_form_of_bytes_is_understood() {
        let read = |payload: Payload| bytes_of(payload).unwrap().to_vec();
        assert_eq!(read(Payload::binary(&b"ab"[..])), b"ab");
        assert_eq!(read(Payload::json(&br#"{"type":"Buffer","data":[97,98]}"#[..])), b"ab");
        assert_eq!(read(Payload::json(&br#"{"data":[97,98],"type":"Buffer"}"#[..])), b"ab");
        assert_eq!(read(Payload::json(&br#""ab\n""#[..])), b"ab\n");
        assert_eq!(read(json!({ "type": "Buffer", "data": "ab" }).into()), b"ab");
        assert_eq!(read(Payload::typed("ab".to_owned())), b"ab");
    }

    #[test]
    fn anything_else_is_refused() {
        for chunk in [
            json!(5),
            json!([97]),
            json!({ "type": "Buffer" }),
            json!({ "data": [1] }),
            json!(null),
            json!(true),
        ] {
            assert_eq!(bytes_of(chunk.clone().into()).unwrap_err().kind(), "STREAM_CHUNK_INVALID", "{chunk}");
        }
        let large = json!({ "type": "Buffer", "data": [256] });
        assert_eq!(bytes_of(large.into()).unwrap_err().kind(), "STREAM_CHUNK_INVALID");
    }
}
