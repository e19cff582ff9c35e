//! Key text straight from JSON text: the parser's events are written as they come.

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{
    Found, KeyError,
    order::Entries,
    serializer::{ValueSerializer, deeper},
    text::{Frame, Place, Text},
};

/// Writes what is at `path` (empty: everything) in the JSON document `bytes`.
pub(super) fn write(bytes: &[u8], path: &str, text: &mut Text<'_>) -> Result<Found, KeyError> {
    let place = text.place();
    write_at(bytes, path, text, place, 0)
}

/// Like [`write`] inside a value that is already `depth` levels deep.
pub(super) fn write_at(
    bytes: &[u8],
    path: &str,
    text: &mut Text<'_>,
    place: Place,
    depth: usize,
) -> Result<Found, KeyError> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let found = Writer { text, path, place, depth }
        .deserialize(&mut json)
        .and_then(|found| json.end().map(|()| found));
    Ok(found?)
}

struct Writer<'t, 'a, 'p> {
    text: &'t mut Text<'a>,
    path: &'p str,
    place: Place,
    depth: usize,
}

impl Writer<'_, '_, '_> {
    fn scalar<E: serde::de::Error>(self, value: impl serde::Serialize) -> Result<Found, E> {
        if !self.path.is_empty() {
            return Ok(Found::Missing);
        }
        value.serialize(ValueSerializer::at(self.text, self.place, self.depth)).map_err(E::custom)
    }
}

impl<'de> DeserializeSeed<'de> for Writer<'_, '_, '_> {
    type Value = Found;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Found, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Writer<'_, '_, '_> {
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
            let start = self.text.out.len();
            let swallowed = self.text.open_list();
            let mut count = 0;
            loop {
                let before = self.text.out.len();
                let place = self.text.item(count == 0);
                if items.next_element_seed(Writer { text: self.text, path: "", place, depth })?.is_none() {
                    self.text.out.truncate(before);
                    break;
                }
                count += 1;
            }
            return Ok(self.text.close_list(swallowed, start, count, false));
        }
        let (head, rest) = self.path.split_once('.').unwrap_or((self.path, ""));
        let wanted = head.parse().ok();
        let (mut found, mut index) = (Found::Missing, 0_usize);
        loop {
            if wanted == Some(index) {
                match items.next_element_seed(Writer {
                    text: self.text,
                    path: rest,
                    place: self.place,
                    depth,
                })? {
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
            let frame = self.text.open(self.place);
            let mut entries = Entries::new(self.text.out, false);
            while let Some(at) =
                object.next_key_seed(Key { text: self.text, entries: Some((&mut entries, frame)) })?
            {
                entries.key(at, self.text.out);
                self.text.key_written(frame, at).map_err(serde::de::Error::custom)?;
                object.next_value_seed(Writer { text: self.text, path: "", place: Place::Entry, depth })?;
            }
            let any = entries.any();
            let moved = entries.finish(self.text.separator(), self.text.out);
            return Ok(self.text.close(frame, any, moved));
        }
        let (head, rest) = self.path.split_once('.').unwrap_or((self.path, ""));
        let start = self.text.out.len();
        let mut found = Found::Missing;
        while let Some(at) = object.next_key_seed(Key { text: self.text, entries: None })? {
            let matches = &self.text.out[at..] == head;
            self.text.out.truncate(at);
            if matches {
                // The last of several equal keys wins.
                self.text.out.truncate(start);
                let place = self.place;
                found = object.next_value_seed(Writer { text: self.text, path: rest, place, depth })?;
            } else {
                object.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// Writes a key and tells where it starts.
struct Key<'t, 'a, 'e> {
    text: &'t mut Text<'a>,
    /// The object it belongs to, when it is written and not only compared.
    entries: Option<(&'e mut Entries, Frame)>,
}

impl<'de> DeserializeSeed<'de> for Key<'_, '_, '_> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<usize, D::Error> {
        json.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key<'_, '_, '_> {
    type Value = usize;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object key")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<usize, E> {
        let at = match self.entries {
            Some((entries, frame)) => {
                self.text.entry(frame, !entries.any());
                entries.begin(self.text.separator(), self.text.out)
            }
            None => self.text.out.len(),
        };
        self.text.out.push_str(key);
        Ok(at)
    }
}
