//! What stands inside the newtype structs by which dates, bytes and payloads make themselves known.

use serde::{Serialize, Serializer, ser::Impossible};

use super::{fault::Fault, writer::Writer};

/// Takes the one scalar that such a newtype struct holds. It calls itself not readable for humans: that is how
/// the content knows that it shall be plain.
pub(super) struct Special<'w, 'o>(pub(super) &'w mut Writer<'o>, pub(super) Within);

/// What the content is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Within {
    Date,
    Binary,
    /// A value already written in the writer's format.
    Payload,
}

type No = Impossible<(), Fault>;

fn refuse<T>() -> Result<T, Fault> {
    Err(Fault::new("a newtype struct has a name that begins with `$ligand::`"))
}

macro_rules! refuse {
    ($($method:ident: $type:ty),*) => {
        $(fn $method(self, _: $type) -> Result<(), Fault> {
            refuse()
        })*
    };
}

impl Serializer for Special<'_, '_> {
    type Ok = ();
    type Error = Fault;
    type SerializeSeq = No;
    type SerializeTuple = No;
    type SerializeTupleStruct = No;
    type SerializeTupleVariant = No;
    type SerializeMap = No;
    type SerializeStruct = No;
    type SerializeStructVariant = No;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn serialize_i64(self, value: i64) -> Result<(), Fault> {
        match self.1 {
            Within::Date => self.0.date(value),
            Within::Binary | Within::Payload => refuse(),
        }
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Fault> {
        match self.1 {
            Within::Binary => self.0.bytes(value),
            Within::Payload => {
                self.0.verbatim(value);
                Ok(())
            }
            Within::Date => refuse(),
        }
    }

    refuse!(serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_u8: u8,
        serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_f32: f32, serialize_f64: f64,
        serialize_char: char, serialize_str: &str, serialize_unit_struct: &'static str);

    fn serialize_none(self) -> Result<(), Fault> {
        refuse()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<(), Fault> {
        refuse()
    }

    fn serialize_unit(self) -> Result<(), Fault> {
        refuse()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Result<(), Fault> {
        refuse()
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, _: &T) -> Result<(), Fault> {
        refuse()
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Fault> {
        refuse()
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<No, Fault> {
        refuse()
    }

    fn serialize_tuple(self, _: usize) -> Result<No, Fault> {
        refuse()
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<No, Fault> {
        refuse()
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<No, Fault> {
        refuse()
    }

    fn serialize_map(self, _: Option<usize>) -> Result<No, Fault> {
        refuse()
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<No, Fault> {
        refuse()
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<No, Fault> {
        refuse()
    }
}
