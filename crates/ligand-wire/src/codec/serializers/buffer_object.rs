//! Bytes as JSON has them: `{"type":"Buffer","data":[..]}`.

use serde::de::{DeserializeSeed, IntoDeserializer, MapAccess, value::SeqDeserializer};

use super::fault::Fault;

/// The entries of such an object.
pub(super) struct BufferObject<'a> {
    bytes: &'a [u8],
    entry: u8,
}

impl<'a> BufferObject<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, entry: 0 }
    }
}

impl<'de> MapAccess<'de> for BufferObject<'_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        self.entry += 1;
        let key = match self.entry {
            1 => "type",
            2 => "data",
            _ => return Ok(None),
        };
        seed.deserialize(key.into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        match self.entry {
            1 => seed.deserialize("Buffer".into_deserializer()),
            _ => seed.deserialize(SeqDeserializer::new(self.bytes.iter().copied())),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(2)
    }
}
