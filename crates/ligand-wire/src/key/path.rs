//! The `serde::Serializer` that walks a typed value to one leaf and writes only that.

use serde::{Serialize, Serializer, ser};

use super::{
    Found, KeyError,
    key_text::KeyText,
    serializer::{RAW_VALUE, ValueSerializer},
    text::Text,
};

/// Looks for a path that is not empty.
pub(super) struct PathSerializer<'t, 'a, 'p> {
    head: &'p str,
    rest: &'p str,
    path: &'p str,
    text: &'t mut Text<'a>,
}

impl<'t, 'a, 'p> PathSerializer<'t, 'a, 'p> {
    pub(super) fn new(path: &'p str, text: &'t mut Text<'a>) -> Self {
        // Paths are short: looking at each byte is quicker than the search for a character in a long text.
        let (head, rest) = match path.bytes().position(|byte| byte == b'.') {
            Some(dot) => (&path[..dot], &path[dot + 1..]),
            None => (path, ""),
        };
        Self { head, rest, path, text }
    }

    fn seek(self) -> Seek<'t, 'a, 'p> {
        Seek { target: self, index: 0, found: Found::Missing, key_matches: false, raw: false }
    }

    fn variant(self, name: &str) -> Option<PathSerializer<'t, 'a, 'p>> {
        (self.head == name && !self.rest.is_empty()).then(|| PathSerializer::new(self.rest, self.text))
    }
}

/// Writes what a matching key leads to.
fn leaf<T: Serialize + ?Sized>(value: &T, rest: &str, text: &mut Text<'_>) -> Result<Found, KeyError> {
    if rest.is_empty() {
        value.serialize(ValueSerializer::new(text))
    } else {
        value.serialize(PathSerializer::new(rest, text))
    }
}

macro_rules! scalar {
    ($($method:ident: $type:ty),*) => {
        $(fn $method(self, _: $type) -> Result<Found, KeyError> {
            Ok(Found::Missing)
        })*
    };
}

impl<'t, 'a, 'p> Serializer for PathSerializer<'t, 'a, 'p> {
    type Ok = Found;
    type Error = KeyError;
    type SerializeSeq = Seek<'t, 'a, 'p>;
    type SerializeTuple = Seek<'t, 'a, 'p>;
    type SerializeTupleStruct = Seek<'t, 'a, 'p>;
    type SerializeTupleVariant = VariantSeek<'t, 'a, 'p>;
    type SerializeMap = Seek<'t, 'a, 'p>;
    type SerializeStruct = Seek<'t, 'a, 'p>;
    type SerializeStructVariant = VariantSeek<'t, 'a, 'p>;

    scalar!(serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_i128: i128, serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64,
        serialize_u128: u128, serialize_f32: f32, serialize_f64: f64, serialize_char: char, serialize_str: &str,
        serialize_bytes: &[u8], serialize_unit_struct: &'static str);

    fn collect_str<T: std::fmt::Display + ?Sized>(self, _: &T) -> Result<Found, KeyError> {
        Ok(Found::Missing)
    }

    fn serialize_none(self) -> Result<Found, KeyError> {
        Ok(Found::Missing)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Found, KeyError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Found, KeyError> {
        Ok(Found::Missing)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Result<Found, KeyError> {
        Ok(Found::Missing)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Found, KeyError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Found, KeyError> {
        if self.head == variant { leaf(value, self.rest, self.text) } else { Ok(Found::Missing) }
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Seek<'t, 'a, 'p>, KeyError> {
        Ok(self.seek())
    }

    fn serialize_tuple(self, _: usize) -> Result<Seek<'t, 'a, 'p>, KeyError> {
        Ok(self.seek())
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Seek<'t, 'a, 'p>, KeyError> {
        Ok(self.seek())
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<VariantSeek<'t, 'a, 'p>, KeyError> {
        Ok(VariantSeek(self.variant(variant).map(Self::seek)))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Seek<'t, 'a, 'p>, KeyError> {
        Ok(self.seek())
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Seek<'t, 'a, 'p>, KeyError> {
        let mut seek = self.seek();
        seek.raw = name == RAW_VALUE;
        Ok(seek)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<VariantSeek<'t, 'a, 'p>, KeyError> {
        Ok(VariantSeek(self.variant(variant).map(Self::seek)))
    }
}

/// The items or fields of a container, of which one may be the next step.
pub(super) struct Seek<'t, 'a, 'p> {
    target: PathSerializer<'t, 'a, 'p>,
    index: usize,
    found: Found,
    key_matches: bool,
    raw: bool,
}

impl Seek<'_, '_, '_> {
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), KeyError> {
        if self.target.head.parse() == Ok(self.index) {
            self.found = leaf(value, self.target.rest, self.target.text)?;
        }
        self.index += 1;
        Ok(())
    }

    fn field<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<(), KeyError> {
        if self.raw {
            let mut json = String::new();
            value.serialize(KeyText(&mut json))?;
            self.found = super::json::write(json.as_bytes(), self.target.path, self.target.text)?;
        } else if key == self.target.head {
            self.found = leaf(value, self.target.rest, self.target.text)?;
        }
        Ok(())
    }
}

macro_rules! items {
    ($($trait:ident $method:ident),*) => {
        $(impl ser::$trait for Seek<'_, '_, '_> {
            type Ok = Found;
            type Error = KeyError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), KeyError> {
                self.item(value)
            }

            fn end(self) -> Result<Found, KeyError> {
                Ok(self.found)
            }
        })*
    };
}

items!(SerializeSeq serialize_element, SerializeTuple serialize_element, SerializeTupleStruct serialize_field);

impl ser::SerializeStruct for Seek<'_, '_, '_> {
    type Ok = Found;
    type Error = KeyError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), KeyError> {
        self.field(key, value)
    }

    fn end(self) -> Result<Found, KeyError> {
        Ok(self.found)
    }
}

impl ser::SerializeMap for Seek<'_, '_, '_> {
    type Ok = Found;
    type Error = KeyError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), KeyError> {
        // The output is the scratch space: the key is written, compared and taken back.
        let out = &mut *self.target.text.out;
        let start = out.len();
        key.serialize(KeyText(out))?;
        self.key_matches = &out[start..] == self.target.head;
        out.truncate(start);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), KeyError> {
        if self.key_matches {
            self.found = leaf(value, self.target.rest, self.target.text)?;
        }
        Ok(())
    }

    fn end(self) -> Result<Found, KeyError> {
        Ok(self.found)
    }
}

/// The content of an enum variant, when the path goes through its name.
pub(super) struct VariantSeek<'t, 'a, 'p>(Option<Seek<'t, 'a, 'p>>);

impl VariantSeek<'_, '_, '_> {
    fn close(self) -> Result<Found, KeyError> {
        Ok(self.0.map_or(Found::Missing, |seek| seek.found))
    }
}

impl ser::SerializeTupleVariant for VariantSeek<'_, '_, '_> {
    type Ok = Found;
    type Error = KeyError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), KeyError> {
        self.0.as_mut().map_or(Ok(()), |seek| seek.item(value))
    }

    fn end(self) -> Result<Found, KeyError> {
        self.close()
    }
}

impl ser::SerializeStructVariant for VariantSeek<'_, '_, '_> {
    type Ok = Found;
    type Error = KeyError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), KeyError> {
        self.0.as_mut().map_or(Ok(()), |seek| seek.field(key, value))
    }

    fn end(self) -> Result<Found, KeyError> {
        self.close()
    }
}
