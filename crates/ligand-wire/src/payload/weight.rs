//! How much memory a value takes, estimated by walking it as a serializer does, without writing anything.
//!
//! What stands in place counts with its size in Rust, what lies on the heap with its bytes and [`HEAP`] for the
//! allocation. Padding and spare capacity are not seen; the entries of trees and maps count with what they
//! usually take.

use std::fmt::{self, Display, Write};

use serde::{Serialize, Serializer, ser};
use serde_json::Value;

/// What an allocation takes beside its content.
const HEAP: usize = 16;
/// A text, list or map in place.
const HANDLE: usize = 24;
/// An entry of a map beside key and value: hash, index, spare room.
const ENTRY: usize = 24;
/// What a node of a dynamic tree takes in place, whatever it is.
const NODE: usize = size_of::<Value>();

/// Bytes that `value` takes; `None` when they are more than `most`, or cannot be counted.
pub(super) fn of<T: Serialize>(value: &T, most: usize) -> Option<usize> {
    let mut scale = Scale { left: most.checked_sub(size_of::<T>() + HEAP)?, node: 0 };
    value.serialize(&mut scale).ok()?;
    Some(most - scale.left)
}

/// As [`of`] for a tree.
pub(super) fn of_tree(value: &Value, most: usize) -> Option<usize> {
    let mut scale = Scale { left: most, node: NODE };
    value.serialize(&mut scale).ok()?;
    Some(most - scale.left)
}

/// What is left until the limit.
struct Scale {
    left: usize,
    /// What every value takes in addition.
    node: usize,
}

impl Scale {
    fn add(&mut self, bytes: usize) -> Result<(), Stop> {
        self.left = self.left.checked_sub(bytes.saturating_add(self.node)).ok_or(Stop)?;
        Ok(())
    }

    fn heap(&mut self, bytes: usize) -> Result<(), Stop> {
        self.add(HANDLE + if bytes == 0 { 0 } else { bytes.saturating_add(HEAP) })
    }
}

/// Too heavy, or it does not serialise.
#[derive(Debug)]
struct Stop;

impl Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the value has no weight")
    }
}

impl std::error::Error for Stop {}

impl ser::Error for Stop {
    fn custom<T: Display>(_: T) -> Self {
        Self
    }
}

/// Counts what is written to it.
struct Length(usize);

impl Write for Length {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += text.len();
        Ok(())
    }
}

macro_rules! in_place {
    ($($method:ident: $type:ty),*) => {
        $(fn $method(self, _: $type) -> Result<(), Stop> {
            self.add(size_of::<$type>())
        })*
    };
}

impl<'s> Serializer for &'s mut Scale {
    type Ok = ();
    type Error = Stop;
    type SerializeSeq = Parts<'s>;
    type SerializeTuple = Parts<'s>;
    type SerializeTupleStruct = Parts<'s>;
    type SerializeTupleVariant = Parts<'s>;
    type SerializeMap = Parts<'s>;
    type SerializeStruct = Parts<'s>;
    type SerializeStructVariant = Parts<'s>;

    in_place!(serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_i128: i128, serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64,
        serialize_u128: u128, serialize_f32: f32, serialize_f64: f64, serialize_char: char);

    fn serialize_str(self, value: &str) -> Result<(), Stop> {
        self.heap(value.len())
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<(), Stop> {
        let mut length = Length(0);
        write!(length, "{value}").map_err(|_| Stop)?;
        self.heap(length.0)
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Stop> {
        self.heap(value.len())
    }

    /// Room for a text is the most common thing that is not there.
    fn serialize_none(self) -> Result<(), Stop> {
        self.add(HANDLE)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Stop> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Stop> {
        self.add(0)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Stop> {
        self.add(0)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Result<(), Stop> {
        self.add(8)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Stop> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), Stop> {
        self.add(8)?;
        value.serialize(self)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Parts<'s>, Stop> {
        self.add(HANDLE + HEAP)?;
        Ok(Parts { scale: self, each: 0 })
    }

    fn serialize_tuple(self, _: usize) -> Result<Parts<'s>, Stop> {
        Ok(Parts { scale: self, each: 0 })
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Parts<'s>, Stop> {
        Ok(Parts { scale: self, each: 0 })
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Parts<'s>, Stop> {
        self.add(8)?;
        Ok(Parts { scale: self, each: 0 })
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Parts<'s>, Stop> {
        self.add(2 * HANDLE + HEAP)?;
        Ok(Parts { scale: self, each: ENTRY })
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Parts<'s>, Stop> {
        Ok(Parts { scale: self, each: 0 })
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Parts<'s>, Stop> {
        self.add(8)?;
        Ok(Parts { scale: self, each: 0 })
    }
}

/// Items, fields or entries.
struct Parts<'s> {
    scale: &'s mut Scale,
    /// What each of them takes in addition.
    each: usize,
}

macro_rules! parts {
    ($($trait:ident $method:ident($($name:ident)?)),*) => {
        $(impl ser::$trait for Parts<'_> {
            type Ok = ();
            type Error = Stop;

            fn $method<T: Serialize + ?Sized>(&mut self, $($name: &'static str,)? value: &T) -> Result<(), Stop> {
                value.serialize(&mut *self.scale)
            }

            fn end(self) -> Result<(), Stop> {
                Ok(())
            }
        })*
    };
}

parts!(SerializeSeq serialize_element(), SerializeTuple serialize_element(), SerializeTupleStruct serialize_field(),
    SerializeTupleVariant serialize_field(), SerializeStruct serialize_field(_name),
    SerializeStructVariant serialize_field(_name));

impl ser::SerializeMap for Parts<'_> {
    type Ok = ();
    type Error = Stop;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Stop> {
        self.scale.add(self.each)?;
        key.serialize(&mut *self.scale)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
        value.serialize(&mut *self.scale)
    }

    fn end(self) -> Result<(), Stop> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde_json::json;

    use crate::{Binary, Payload, payload::Format};

    #[derive(Clone, Serialize, Deserialize)]
    struct Row {
        id: u64,
        name: String,
        tags: Vec<String>,
        more: Option<BTreeMap<String, f64>>,
    }

    use super::*;

    /// Between the content itself and three times as much.
    fn weighs(payload: &Payload, content: usize) {
        let weight = payload.weight(usize::MAX).unwrap();
        assert!((content..content * 3 + 256).contains(&weight), "{weight} for {content} in {payload:?}");
        assert_eq!(payload.weight(weight), Some(weight));
        assert_eq!(payload.weight(weight - 1), None);
    }

    #[test]
    fn weight_follows_the_content_in_every_form() {
        let (long, many) = ("x".repeat(10_000), vec![7_u64; 10_000]);
        weighs(&Payload::typed(long.clone()), 10_000);
        weighs(&Payload::typed(many.clone()), 80_000);
        weighs(&Payload::typed(vec![1_u8; 10_000]), 10_000);
        weighs(&Payload::typed(vec![None::<String>; 1000]), 24_000);
        weighs(&Payload::typed(Binary::from(vec![0; 10_000])), 10_000);
        weighs(&Payload::from(json!({ "text": long, "list": many })), 10_000 + NODE * 10_000);
        weighs(&Payload::json(format!("\"{long}\"")), 10_002);
        weighs(&Payload::encoded(Format::Cbor, vec![0x80; 500]), 500);
        let row = Row { id: 1, name: long, tags: vec!["a".into(); 100], more: Some(BTreeMap::new()) };
        weighs(&Payload::typed(vec![row; 10]), 10 * (10_000 + 100 * 25));
        assert_eq!(Payload::NULL.weight(0), Some(0));
        // Too heavy is found out early, whatever comes after.
        assert_eq!(Payload::typed(many).weight(100), None);
    }

    #[test]
    fn what_does_not_serialise_has_no_weight() {
        #[derive(Clone, Deserialize)]
        struct Never;
        impl Serialize for Never {
            fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
                Err(ser::Error::custom("never"))
            }
        }
        assert_eq!(Payload::typed(Never).weight(usize::MAX), None);
    }
}
