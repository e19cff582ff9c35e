//! The `serde::Serializer` that walks a typed value to one leaf and writes only that.

use serde::{Serialize, Serializer, ser};

use super::{
    Found, KeyError,
    key_text::KeyText,
    serializer::{RAW_VALUE, ValueSerializer},
};

/// Looks for a path that is not empty.
pub(super) struct PathSerializer<'a, 'p> {
    head: &'p str,
    rest: &'p str,
    path: &'p str,
    out: &'a mut String,
}

impl<'a, 'p> PathSerializer<'a, 'p> {
    pub(super) fn new(path: &'p str, out: &'a mut String) -> Self {
        let (head, rest) = path.split_once('.').unwrap_or((path, ""));
        Self { head, rest, path, out }
    }

    fn seek(self) -> Seek<'a, 'p> {
        Seek { target: self, index: 0, found: Found::Missing, key_matches: false, raw: false }
    }

    fn variant(self, name: &str) -> Option<PathSerializer<'a, 'p>> {
        (self.head == name && !self.rest.is_empty()).then(|| PathSerializer::new(self.rest, self.out))
    }
}

/// Writes what a matching key leads to.
fn leaf<T: Serialize + ?Sized>(value: &T, rest: &str, out: &mut String) -> Result<Found, KeyError> {
    if rest.is_empty() {
        value.serialize(ValueSerializer::new(out))
    } else {
        value.serialize(PathSerializer::new(rest, out))
    }
}

macro_rules! scalar {
    ($($method:ident: $type:ty),*) => {
        $(fn $method(self, _: $type) -> Result<Found, KeyError> {
            Ok(Found::Missing)
        })*
    };
}

impl<'a, 'p> Serializer for PathSerializer<'a, 'p> {
    type Ok = Found;
    type Error = KeyError;
    type SerializeSeq = Seek<'a, 'p>;
    type SerializeTuple = Seek<'a, 'p>;
    type SerializeTupleStruct = Seek<'a, 'p>;
    type SerializeTupleVariant = VariantSeek<'a, 'p>;
    type SerializeMap = Seek<'a, 'p>;
    type SerializeStruct = Seek<'a, 'p>;
    type SerializeStructVariant = VariantSeek<'a, 'p>;

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
        if self.head == variant { leaf(value, self.rest, self.out) } else { Ok(Found::Missing) }
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Seek<'a, 'p>, KeyError> {
        Ok(self.seek())
    }

    fn serialize_tuple(self, _: usize) -> Result<Seek<'a, 'p>, KeyError> {
        Ok(self.seek())
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Seek<'a, 'p>, KeyError> {
        Ok(self.seek())
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<VariantSeek<'a, 'p>, KeyError> {
        Ok(VariantSeek(self.variant(variant).map(Self::seek)))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Seek<'a, 'p>, KeyError> {
        Ok(self.seek())
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Seek<'a, 'p>, KeyError> {
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
    ) -> Result<VariantSeek<'a, 'p>, KeyError> {
        Ok(VariantSeek(self.variant(variant).map(Self::seek)))
    }
}

/// The items or fields of a container, of which one may be the next step.
pub(super) struct Seek<'a, 'p> {
    target: PathSerializer<'a, 'p>,
    index: usize,
    found: Found,
    key_matches: bool,
    raw: bool,
}

impl Seek<'_, '_> {
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), KeyError> {
        if self.target.head.parse() == Ok(self.index) {
            self.found = leaf(value, self.target.rest, self.target.out)?;
        }
        self.index += 1;
        Ok(())
    }

    fn field<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<(), KeyError> {
        if self.raw {
            let mut json = String::new();
            value.serialize(KeyText(&mut json))?;
            self.found = super::json::write(json.as_bytes(), self.target.path, self.target.out)?;
        } else if key == self.target.head {
            self.found = leaf(value, self.target.rest, self.target.out)?;
        }
        Ok(())
    }
}

macro_rules! items {
    ($($trait:ident $method:ident),*) => {
        $(impl ser::$trait for Seek<'_, '_> {
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

impl ser::SerializeStruct for Seek<'_, '_> {
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

impl ser::SerializeMap for Seek<'_, '_> {
    type Ok = Found;
    type Error = KeyError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), KeyError> {
        // The output is the scratch space: the key is written, compared and taken back.
        let start = self.target.out.len();
        key.serialize(KeyText(self.target.out))?;
        self.key_matches = &self.target.out[start..] == self.target.head;
        self.target.out.truncate(start);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), KeyError> {
        if self.key_matches {
            self.found = leaf(value, self.target.rest, self.target.out)?;
        }
        Ok(())
    }

    fn end(self) -> Result<Found, KeyError> {
        Ok(self.found)
    }
}

/// The content of an enum variant, when the path goes through its name.
pub(super) struct VariantSeek<'a, 'p>(Option<Seek<'a, 'p>>);

impl VariantSeek<'_, '_> {
    fn close(self) -> Result<Found, KeyError> {
        Ok(self.0.map_or(Found::Missing, |seek| seek.found))
    }
}

impl ser::SerializeTupleVariant for VariantSeek<'_, '_> {
    type Ok = Found;
    type Error = KeyError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), KeyError> {
        self.0.as_mut().map_or(Ok(()), |seek| seek.item(value))
    }

    fn end(self) -> Result<Found, KeyError> {
        self.close()
    }
}

impl ser::SerializeStructVariant for VariantSeek<'_, '_> {
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
