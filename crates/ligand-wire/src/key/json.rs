//! Key text straight from JSON text: the parser's events are written as they come.

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{
    Found, KeyError,
    order::Entries,
    serializer::{ValueSerializer, deeper},
};

/// Writes what is at `path` (empty: everything) in the JSON document `bytes`.
pub(super) fn write(bytes: &[u8], path: &str, out: &mut String) -> Result<Found, KeyError> {
    write_at(bytes, path, out, 0)
}

/// Like [`write`] inside a value that is already `depth` levels deep.
pub(super) fn write_at(bytes: &[u8], path: &str, out: &mut String, depth: usize) -> Result<Found, KeyError> {
    let start = out.len();
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let found =
        Writer { out, path, depth }.deserialize(&mut json).and_then(|found| json.end().map(|()| found));
    Ok(found.inspect_err(|_| out.truncate(start))?)
}

struct Writer<'a, 'p> {
    out: &'a mut String,
    path: &'p str,
    depth: usize,
}

impl Writer<'_, '_> {
    fn scalar<E: serde::de::Error>(self, value: impl serde::Serialize) -> Result<Found, E> {
        if !self.path.is_empty() {
            return Ok(Found::Missing);
        }
        value.serialize(ValueSerializer::new(self.out)).map_err(E::custom)
    }
}

impl<'de> DeserializeSeed<'de> for Writer<'_, '_> {
    type Value = Found;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Found, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Writer<'_, '_> {
    type Value = Found;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Found, E> {
        self.scalar(value)
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Found, E> {
        self.scalar(value)
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Found, E> {
        self.scalar(value)
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Found, E> {
        self.scalar(value)
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Found, E> {
        self.scalar(value)
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Found, E> {
        self.scalar(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Found, A::Error> {
        let depth = deeper(self.depth).map_err(serde::de::Error::custom)?;
        if self.path.is_empty() {
            self.out.push('[');
            let mut any = false;
            loop {
                let before = self.out.len();
                if any {
                    self.out.push('|');
                }
                if items.next_element_seed(Writer { out: self.out, path: "", depth })?.is_none() {
                    self.out.truncate(before);
                    break;
                }
                any = true;
            }
            self.out.push(']');
            return Ok(Found::Nested);
        }
        let (head, rest) = self.path.split_once('.').unwrap_or((self.path, ""));
        let wanted = head.parse().ok();
        let (mut found, mut index) = (Found::Missing, 0_usize);
        loop {
            if wanted == Some(index) {
                match items.next_element_seed(Writer { out: self.out, path: rest, depth })? {
                    Some(item) => found = item,
                    None => break,
                }
            } else if items.next_element::<IgnoredAny>()?.is_none() {
                break;
            }
            index += 1;
        }
        Ok(found)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Found, A::Error> {
        let depth = deeper(self.depth).map_err(serde::de::Error::custom)?;
        if self.path.is_empty() {
            let mut entries = Entries::new(self.out);
            while let Some(at) = object.next_key_seed(Key { out: self.out, entries: Some(&mut entries) })? {
                entries.key_written(at, self.out);
                object.next_value_seed(Writer { out: self.out, path: "", depth })?;
            }
            entries.finish(self.out);
            return Ok(Found::Nested);
        }
        let (head, rest) = self.path.split_once('.').unwrap_or((self.path, ""));
        let start = self.out.len();
        let mut found = Found::Missing;
        while let Some(at) = object.next_key_seed(Key { out: self.out, entries: None })? {
            let matches = &self.out[at..] == head;
            self.out.truncate(at);
            if matches {
                // The last of several equal keys wins.
                self.out.truncate(start);
                found = object.next_value_seed(Writer { out: self.out, path: rest, depth })?;
            } else {
                object.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// Writes a key and tells where it starts.
struct Key<'a, 'e> {
    out: &'a mut String,
    entries: Option<&'e mut Entries>,
}

impl<'de> DeserializeSeed<'de> for Key<'_, '_> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<usize, D::Error> {
        json.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key<'_, '_> {
    type Value = usize;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object key")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<usize, E> {
        let at = match self.entries {
            Some(entries) => entries.begin(self.out),
            None => self.out.len(),
        };
        self.out.push_str(key);
        Ok(at)
    }
}
