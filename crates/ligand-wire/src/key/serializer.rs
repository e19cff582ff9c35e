//! The `serde::Serializer` that writes key text.

use std::fmt::{Display, Write};

use serde::{
    Serialize, Serializer,
    ser::{self, Error as _},
};

use super::{Found, KeyError, MAX_DEPTH, key_text::KeyText, number, order::Entries};

/// The struct name by which `serde_json::value::RawValue` announces that its one field is JSON text.
pub(crate) const RAW_VALUE: &str = "$serde_json::private::RawValue";

/// Appends the text of one value.
pub(super) struct ValueSerializer<'a> {
    out: &'a mut String,
    depth: usize,
}

impl<'a> ValueSerializer<'a> {
    pub(super) fn new(out: &'a mut String) -> Self {
        Self { out, depth: 0 }
    }

    fn display(self, value: impl Display) -> Result<Found, KeyError> {
        write!(self.out, "{value}").map_err(KeyError::custom)?;
        Ok(Found::Scalar)
    }

    fn nested(&self) -> Result<usize, KeyError> {
        deeper(self.depth)
    }

    fn list(self) -> Result<List<'a>, KeyError> {
        let depth = self.nested()?;
        self.out.push('[');
        Ok(List { out: self.out, depth, any: false })
    }

    fn object(self) -> Result<Object<'a>, KeyError> {
        let depth = self.nested()?;
        let entries = Entries::new(self.out);
        Ok(Object { out: self.out, depth, entries, key_at: 0, raw: false })
    }

    fn variant(self, name: &str) -> ValueSerializer<'a> {
        self.out.push_str(name);
        self.out.push('|');
        self
    }
}

pub(super) fn deeper(depth: usize) -> Result<usize, KeyError> {
    if depth >= MAX_DEPTH {
        return Err(KeyError::custom(format_args!("it is nested more than {MAX_DEPTH} levels deep")));
    }
    Ok(depth + 1)
}

macro_rules! display {
    ($($method:ident: $type:ty),*) => {
        $(fn $method(self, value: $type) -> Result<Found, KeyError> {
            self.display(value)
        })*
    };
}

impl<'a> Serializer for ValueSerializer<'a> {
    type Ok = Found;
    type Error = KeyError;
    type SerializeSeq = List<'a>;
    type SerializeTuple = List<'a>;
    type SerializeTupleStruct = List<'a>;
    type SerializeTupleVariant = List<'a>;
    type SerializeMap = Object<'a>;
    type SerializeStruct = Object<'a>;
    type SerializeStructVariant = Object<'a>;

    display!(serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_i128: i128, serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64,
        serialize_u128: u128);

    fn serialize_f32(self, value: f32) -> Result<Found, KeyError> {
        number::write_f32(value, self.out);
        Ok(Found::Scalar)
    }

    fn serialize_f64(self, value: f64) -> Result<Found, KeyError> {
        number::write_f64(value, self.out);
        Ok(Found::Scalar)
    }

    fn serialize_char(self, value: char) -> Result<Found, KeyError> {
        self.collect_str(&value)
    }

    fn serialize_str(self, value: &str) -> Result<Found, KeyError> {
        self.out.push('"');
        self.out.push_str(value);
        self.out.push('"');
        Ok(Found::Scalar)
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<Found, KeyError> {
        self.display(format_args!("\"{value}\""))
    }

    /// A Node.js `Buffer` is an object whose keys are the positions.
    fn serialize_bytes(self, value: &[u8]) -> Result<Found, KeyError> {
        for (i, byte) in value.iter().enumerate() {
            let separator = if i == 0 { "" } else { "|" };
            write!(self.out, "{separator}{i}|{byte}").map_err(KeyError::custom)?;
        }
        Ok(Found::Nested)
    }

    fn serialize_none(self) -> Result<Found, KeyError> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Found, KeyError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Found, KeyError> {
        self.out.push_str("null");
        Ok(Found::Scalar)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Found, KeyError> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<Found, KeyError> {
        self.serialize_str(variant)
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
        let depth = self.nested()?;
        let inner = self.variant(variant);
        value.serialize(ValueSerializer { out: inner.out, depth })?;
        Ok(Found::Nested)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<List<'a>, KeyError> {
        self.list()
    }

    fn serialize_tuple(self, _: usize) -> Result<List<'a>, KeyError> {
        self.list()
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<List<'a>, KeyError> {
        self.list()
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<List<'a>, KeyError> {
        self.variant(variant).list()
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Object<'a>, KeyError> {
        self.object()
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Object<'a>, KeyError> {
        let mut object = self.object()?;
        object.raw = name == RAW_VALUE;
        Ok(object)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Object<'a>, KeyError> {
        self.variant(variant).object()
    }
}

/// An array being written.
pub(super) struct List<'a> {
    out: &'a mut String,
    depth: usize,
    any: bool,
}

impl List<'_> {
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), KeyError> {
        if std::mem::replace(&mut self.any, true) {
            self.out.push('|');
        }
        value.serialize(ValueSerializer { out: self.out, depth: self.depth }).map(drop)
    }

    fn close(self) -> Result<Found, KeyError> {
        self.out.push(']');
        Ok(Found::Nested)
    }
}

macro_rules! list {
    ($($trait:ident $method:ident),*) => {
        $(impl ser::$trait for List<'_> {
            type Ok = Found;
            type Error = KeyError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), KeyError> {
                self.item(value)
            }

            fn end(self) -> Result<Found, KeyError> {
                self.close()
            }
        })*
    };
}

list!(SerializeSeq serialize_element, SerializeTuple serialize_element, SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field);

/// An object being written.
pub(super) struct Object<'a> {
    out: &'a mut String,
    depth: usize,
    entries: Entries,
    key_at: usize,
    raw: bool,
}

impl Object<'_> {
    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), KeyError> {
        value.serialize(ValueSerializer { out: self.out, depth: self.depth }).map(drop)
    }

    fn field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), KeyError> {
        if self.raw {
            let mut json = String::new();
            value.serialize(KeyText(&mut json))?;
            return super::json::write_at(json.as_bytes(), "", self.out, self.depth).map(drop);
        }
        let at = self.entries.begin(self.out);
        self.out.push_str(key);
        self.entries.key_written(at, self.out);
        self.value(value)
    }

    fn close(self) -> Result<Found, KeyError> {
        self.entries.finish(self.out);
        Ok(Found::Nested)
    }
}

impl ser::SerializeMap for Object<'_> {
    type Ok = Found;
    type Error = KeyError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), KeyError> {
        self.key_at = self.entries.begin(self.out);
        key.serialize(KeyText(self.out))?;
        self.entries.key_written(self.key_at, self.out);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), KeyError> {
        self.value(value)
    }

    fn end(self) -> Result<Found, KeyError> {
        self.close()
    }
}

macro_rules! object {
    ($($trait:ident),*) => {
        $(impl ser::$trait for Object<'_> {
            type Ok = Found;
            type Error = KeyError;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), KeyError> {
                self.field(key, value)
            }

            fn end(self) -> Result<Found, KeyError> {
                self.close()
            }
        })*
    };
}

object!(SerializeStruct, SerializeStructVariant);
