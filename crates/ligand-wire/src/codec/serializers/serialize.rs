//! The one `serde::Serializer` of all formats but plain JSON: a type is compiled for it once.

use std::fmt::{Display, Write};

use serde::{
    Serialize, Serializer,
    ser::{
        SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
        SerializeTupleStruct, SerializeTupleVariant,
    },
};

use super::{
    fault::Fault,
    special::{Special, Within},
    transcode,
    writer::{Begun, Shape, Writer},
};
use crate::{
    binary::BINARY,
    date::DATE,
    key::{KeyText, RAW_VALUE},
    payload::{Format, PAYLOAD, UNDEFINED, toward},
};

impl<'w, 'o> Writer<'o> {
    fn open(&'w mut self, shape: Shape, count: Option<usize>) -> Result<Parts<'w, 'o>, Fault> {
        let begun = self.begin(shape, count)?;
        Ok(Parts { writer: self, begun: Some(begun), around: None })
    }

    /// `{"Variant": ..`
    fn variant(&mut self, name: &str) -> Result<Begun, Fault> {
        let mut around = self.begin(Shape::Map, Some(1))?;
        self.item(&mut around);
        self.key(name)?;
        Ok(around)
    }

    fn open_variant(&'w mut self, name: &str, shape: Shape, count: usize) -> Result<Parts<'w, 'o>, Fault> {
        let around = self.variant(name)?;
        let begun = self.begin(shape, Some(count))?;
        Ok(Parts { writer: self, begun: Some(begun), around: Some(around) })
    }
}

macro_rules! integers {
    ($($method:ident: $type:ty),*) => {
        $(fn $method(self, value: $type) -> Result<(), Fault> {
            self.integer(i128::from(value))
        })*
    };
}

impl<'w, 'o> Serializer for &'w mut Writer<'o> {
    type Ok = ();
    type Error = Fault;
    type SerializeSeq = Parts<'w, 'o>;
    type SerializeTuple = Parts<'w, 'o>;
    type SerializeTupleStruct = Parts<'w, 'o>;
    type SerializeTupleVariant = Parts<'w, 'o>;
    type SerializeMap = Parts<'w, 'o>;
    type SerializeStruct = Parts<'w, 'o>;
    type SerializeStructVariant = Parts<'w, 'o>;

    integers!(serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_i128: i128,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64);

    fn serialize_u128(self, value: u128) -> Result<(), Fault> {
        match i128::try_from(value) {
            Ok(value) => self.integer(value),
            Err(_) => Err(Fault::new(format!("{value} has more than 127 bits"))),
        }
    }

    fn serialize_bool(self, value: bool) -> Result<(), Fault> {
        self.bool(value);
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Result<(), Fault> {
        self.short_float(value)
    }

    fn serialize_f64(self, value: f64) -> Result<(), Fault> {
        self.float(value)
    }

    fn serialize_char(self, value: char) -> Result<(), Fault> {
        self.text(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), Fault> {
        self.text(value)
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<(), Fault> {
        let mut text = std::mem::take(&mut self.scratch);
        text.clear();
        let written = write!(text, "{value}").map_err(|_| Fault::new("a value failed to print itself"));
        let written = written.and_then(|()| self.text(&text));
        self.scratch = text;
        written
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Fault> {
        self.bytes(value)
    }

    fn serialize_none(self) -> Result<(), Fault> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Fault> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Fault> {
        self.null();
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Fault> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), Fault> {
        self.text(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Fault> {
        match name {
            DATE => value.serialize(Special(self, Within::Date)),
            BINARY => value.serialize(Special(self, Within::Binary)),
            PAYLOAD => toward(self.format, || value.serialize(Special(self, Within::Payload))),
            UNDEFINED => {
                self.undefined();
                Ok(())
            }
            _ => value.serialize(self),
        }
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Fault> {
        let around = self.variant(variant)?;
        value.serialize(&mut *self)?;
        self.finish(&around)
    }

    fn serialize_seq(self, count: Option<usize>) -> Result<Parts<'w, 'o>, Fault> {
        self.open(Shape::Array, count)
    }

    fn serialize_tuple(self, count: usize) -> Result<Parts<'w, 'o>, Fault> {
        self.open(Shape::Array, Some(count))
    }

    fn serialize_tuple_struct(self, _: &'static str, count: usize) -> Result<Parts<'w, 'o>, Fault> {
        self.open(Shape::Array, Some(count))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        count: usize,
    ) -> Result<Parts<'w, 'o>, Fault> {
        self.open_variant(variant, Shape::Array, count)
    }

    fn serialize_map(self, count: Option<usize>) -> Result<Parts<'w, 'o>, Fault> {
        self.open(Shape::Map, count)
    }

    fn serialize_struct(self, name: &'static str, count: usize) -> Result<Parts<'w, 'o>, Fault> {
        if name == RAW_VALUE {
            return Ok(Parts { writer: self, begun: None, around: None });
        }
        self.open(Shape::Map, Some(count))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        count: usize,
    ) -> Result<Parts<'w, 'o>, Fault> {
        self.open_variant(variant, Shape::Map, count)
    }
}

/// An array or object being written.
#[derive(Debug)]
pub(crate) struct Parts<'w, 'o> {
    writer: &'w mut Writer<'o>,
    /// `None` when the one field is a JSON text and stands for the whole.
    begun: Option<Begun>,
    /// The object around the content of a variant.
    around: Option<Begun>,
}

impl Parts<'_, '_> {
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
        self.next();
        value.serialize(&mut *self.writer)
    }

    fn next(&mut self) {
        if let Some(begun) = &mut self.begun {
            self.writer.item(begun);
        }
    }

    fn field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Fault> {
        let Some(begun) = &mut self.begun else {
            let mut text = String::new();
            value.serialize(KeyText(&mut text)).map_err(|error| Fault::new(error.reason()))?;
            return transcode::copy(Format::Json, text.as_bytes(), &mut *self.writer);
        };
        self.writer.item(begun);
        self.writer.key(key)?;
        value.serialize(&mut *self.writer)
    }

    fn close(self) -> Result<(), Fault> {
        for begun in [&self.begun, &self.around].into_iter().flatten() {
            self.writer.finish(begun)?;
        }
        Ok(())
    }
}

macro_rules! items {
    ($($trait:ident $method:ident),*) => {
        $(impl $trait for Parts<'_, '_> {
            type Ok = ();
            type Error = Fault;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
                self.item(value)
            }

            fn end(self) -> Result<(), Fault> {
                self.close()
            }
        })*
    };
}

items!(SerializeSeq serialize_element, SerializeTuple serialize_element, SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field);

macro_rules! fields {
    ($($trait:ident),*) => {
        $(impl $trait for Parts<'_, '_> {
            type Ok = ();
            type Error = Fault;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Fault> {
                self.field(key, value)
            }

            fn end(self) -> Result<(), Fault> {
                self.close()
            }
        })*
    };
}

fields!(SerializeStruct, SerializeStructVariant);

impl SerializeMap for Parts<'_, '_> {
    type Ok = ();
    type Error = Fault;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Fault> {
        self.next();
        let mut text = std::mem::take(&mut self.writer.scratch);
        text.clear();
        let written = key.serialize(KeyText(&mut text)).map_err(|error| Fault::new(error.reason()));
        let written = written.and_then(|()| self.writer.key(&text));
        self.writer.scratch = text;
        written
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
        value.serialize(&mut *self.writer)
    }

    fn end(self) -> Result<(), Fault> {
        self.close()
    }
}
