//! The `serde::Serializer` of object keys: bare text, and nothing that is not text-like.

use std::fmt::{Display, Write};

use serde::{
    Serialize, Serializer,
    ser::{Error as _, Impossible},
};

use super::{KeyError, number};

/// Appends a key without quotes.
pub(crate) struct KeyText<'a>(pub(crate) &'a mut String);

type No = Impossible<(), KeyError>;

fn refuse<T>(what: &str) -> Result<T, KeyError> {
    Err(KeyError::custom(format_args!("an object key cannot be {what}")))
}

macro_rules! display {
    ($($method:ident: $type:ty),*) => {
        $(fn $method(self, value: $type) -> Result<(), KeyError> {
            self.collect_str(&value)
        })*
    };
}

impl Serializer for KeyText<'_> {
    type Ok = ();
    type Error = KeyError;
    type SerializeSeq = No;
    type SerializeTuple = No;
    type SerializeTupleStruct = No;
    type SerializeTupleVariant = No;
    type SerializeMap = No;
    type SerializeStruct = No;
    type SerializeStructVariant = No;

    display!(serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_i128: i128, serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64,
        serialize_u128: u128, serialize_char: char, serialize_str: &str);

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<(), KeyError> {
        write!(self.0, "{value}").map_err(KeyError::custom)
    }

    fn serialize_f32(self, value: f32) -> Result<(), KeyError> {
        number::write_f32(value, self.0);
        Ok(())
    }

    fn serialize_f64(self, value: f64) -> Result<(), KeyError> {
        number::write_f64(value, self.0);
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), KeyError> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), KeyError> {
        value.serialize(self)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), KeyError> {
        value.serialize(self)
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<(), KeyError> {
        refuse("bytes")
    }

    fn serialize_none(self) -> Result<(), KeyError> {
        refuse("null")
    }

    fn serialize_unit(self) -> Result<(), KeyError> {
        refuse("null")
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), KeyError> {
        refuse("null")
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), KeyError> {
        refuse("an enum variant with data")
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<No, KeyError> {
        refuse("an array")
    }

    fn serialize_tuple(self, _: usize) -> Result<No, KeyError> {
        refuse("an array")
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<No, KeyError> {
        refuse("an array")
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<No, KeyError> {
        refuse("an enum variant with data")
    }

    fn serialize_map(self, _: Option<usize>) -> Result<No, KeyError> {
        refuse("an object")
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<No, KeyError> {
        refuse("an object")
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<No, KeyError> {
        refuse("an enum variant with data")
    }
}
