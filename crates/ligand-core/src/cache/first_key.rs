//! The first key of an object, without reading or writing the rest of it.

use std::fmt;

use serde::{
    Deserializer as _, Serialize,
    de::{MapAccess, Visitor},
    ser::{self, Impossible, SerializeMap, SerializeStruct},
};

/// Whether a text is an object with this first key, whatever its spaces and escapes.
pub(super) fn of_json(text: &[u8], key: &str) -> bool {
    let mut found = false;
    // The rest of the text is not read, which is an error for the parser.
    let _ = serde_json::Deserializer::from_slice(text).deserialize_any(Reads { key, found: &mut found });
    found
}

/// Whether a value is written as an object with this first key.
pub(super) fn of(value: &impl Serialize, key: &str) -> bool {
    matches!(value.serialize(Writes(key)), Err(Stop(true)))
}

struct Reads<'a> {
    key: &'a str,
    found: &'a mut bool,
}

impl<'de> Visitor<'de> for Reads<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        *self.found = map.next_key::<String>()?.is_some_and(|key| key == self.key);
        Ok(())
    }
}

/// Writes nothing: ends at the first key, or where there can be none.
#[derive(Clone, Copy)]
struct Writes<'a>(&'a str);

/// The end; true when the key was there.
#[derive(Debug)]
struct Stop(bool);

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the first key is known")
    }
}

impl std::error::Error for Stop {}

impl ser::Error for Stop {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self(false)
    }
}

type Never = Impossible<(), Stop>;

macro_rules! no_object {
    ($($method:ident($($type:ty),*);)*) => {
        $(fn $method(self, $(_: $type),*) -> Result<(), Stop> { Err(Stop(false)) })*
    };
}

impl<'a> ser::Serializer for Writes<'a> {
    type Ok = ();
    type Error = Stop;
    type SerializeSeq = Never;
    type SerializeTuple = Never;
    type SerializeTupleStruct = Never;
    type SerializeTupleVariant = Never;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Never;

    no_object! {
        serialize_bool(bool); serialize_i8(i8); serialize_i16(i16); serialize_i32(i32); serialize_i64(i64);
        serialize_u8(u8); serialize_u16(u16); serialize_u32(u32); serialize_u64(u64); serialize_f32(f32);
        serialize_f64(f64); serialize_char(char); serialize_str(&str); serialize_bytes(&[u8]); serialize_none();
        serialize_unit(); serialize_unit_struct(&'static str);
    }

    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Result<(), Stop> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: ?Sized + Serialize>(self, _: &'static str, value: &T) -> Result<(), Stop> {
        value.serialize(self)
    }

    /// A variant is an object with its name as the only key.
    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Result<(), Stop> {
        Err(Stop(false))
    }

    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: &T,
    ) -> Result<(), Stop> {
        Err(Stop(variant == self.0))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Never, Stop> {
        Err(Stop(false))
    }

    fn serialize_tuple(self, _: usize) -> Result<Never, Stop> {
        Err(Stop(false))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Never, Stop> {
        Err(Stop(false))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Never, Stop> {
        Err(Stop(variant == self.0))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self, Stop> {
        Ok(self)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Stop> {
        Ok(self)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Never, Stop> {
        Err(Stop(variant == self.0))
    }
}

impl SerializeMap for Writes<'_> {
    type Ok = ();
    type Error = Stop;

    fn serialize_key<T: ?Sized + Serialize>(&mut self, key: &T) -> Result<(), Stop> {
        let key = serde_json::to_value(key).ok();
        Err(Stop(key.as_ref().and_then(|key| key.as_str()) == Some(self.0)))
    }

    fn serialize_value<T: ?Sized + Serialize>(&mut self, _: &T) -> Result<(), Stop> {
        Err(Stop(false))
    }

    fn end(self) -> Result<(), Stop> {
        Err(Stop(false))
    }
}

impl SerializeStruct for Writes<'_> {
    type Ok = ();
    type Error = Stop;

    fn serialize_field<T: ?Sized + Serialize>(&mut self, key: &'static str, _: &T) -> Result<(), Stop> {
        Err(Stop(key == self.0))
    }

    fn end(self) -> Result<(), Stop> {
        Err(Stop(false))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    #[derive(Serialize)]
    struct Own {
        key: u8,
        other: u8,
    }

    #[derive(Serialize)]
    #[serde(transparent)]
    struct Inside(Option<BTreeMap<&'static str, u8>>);

    #[test]
    fn the_first_key_is_found_in_every_form() {
        for (text, found) in [
            (r#"{"key":1}"#, true),
            (" {\n \"\\u006bey\" : [1], \"x\": 2", true),
            (r#"{"other":1,"key":2}"#, false),
            (r#"["key"]"#, false),
            ("\"key\"", false),
            ("{}", false),
            ("", false),
        ] {
            assert_eq!(of_json(text.as_bytes(), "key"), found, "{text}");
        }
        let own = Own { key: 1, other: 2 };
        assert!(of(&own, "key") && !of(&own, "other"));
        assert!(of(&Inside(Some(BTreeMap::from([("key", 1)]))), "key") && !of(&Inside(None), "key"));
        assert!(of(&json!({ "key": 1 }), "key") && !of(&json!([{ "key": 1 }]), "key"));
    }
}
