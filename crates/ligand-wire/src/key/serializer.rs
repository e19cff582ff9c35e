//! The `serde::Serializer` that writes key text.

use std::{any::type_name, fmt::Display, ops::Range};

use serde::{
    Serialize, Serializer,
    ser::{self, Error as _, SerializeMap as _, SerializeSeq as _},
};

use super::{
    Found, KeyError, MAX_DEPTH,
    key_text::KeyText,
    order::Entries,
    text::{Frame, Place, Text},
};
use crate::{binary::BINARY, payload::UNDEFINED};

/// The struct name by which `serde_json::value::RawValue` announces that its one field is JSON text.
pub(crate) const RAW_VALUE: &str = "$serde_json::private::RawValue";

/// Appends the text of one value.
pub(super) struct ValueSerializer<'t, 'a> {
    text: &'t mut Text<'a>,
    place: Place,
    depth: usize,
    /// The value is bytes that shall say so.
    bytes: bool,
}

impl<'t, 'a> ValueSerializer<'t, 'a> {
    pub(super) fn new(text: &'t mut Text<'a>) -> Self {
        let place = text.place();
        Self::at(text, place, 0)
    }

    pub(super) fn at(text: &'t mut Text<'a>, place: Place, depth: usize) -> Self {
        Self { text, place, depth, bytes: false }
    }

    fn list(self, around: Option<Frame>, unsorted: bool) -> Result<List<'t, 'a>, KeyError> {
        let depth = deeper(self.depth)?;
        let start = self.text.out.len();
        let swallowed = self.text.open_list();
        let moving = unsorted.then(Vec::new);
        Ok(List { text: self.text, depth, start, swallowed, count: 0, around, moving, objects: false })
    }

    fn object(self, around: Option<Frame>, unsorted: bool) -> Result<Object<'t, 'a>, KeyError> {
        let depth = deeper(self.depth)?;
        let place = if around.is_some() { Place::Entry } else { self.place };
        let frame = self.text.open(place);
        let entries = Entries::new(self.text.out, unsorted);
        Ok(Object { text: self.text, depth, frame, entries, around, raw: false })
    }

    /// `{"Variant": ..`
    fn variant(&mut self, name: &str) -> Result<Frame, KeyError> {
        self.depth = deeper(self.depth)?;
        let frame = self.text.open(self.place);
        self.text.entry(frame, true);
        let at = self.text.out.len();
        self.text.out.push_str(name);
        self.text.key_written(frame, at)?;
        Ok(frame)
    }
}

/// Whether the items of `I` come in no order. The name is all that tells.
fn is_unsorted<I>() -> bool {
    let name = type_name::<I>().trim_start_matches('&');
    name.starts_with("std::collections::hash::") || name.starts_with("hashbrown::")
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
            self.text.bare(value)
        })*
    };
}

impl<'t, 'a> Serializer for ValueSerializer<'t, 'a> {
    type Ok = Found;
    type Error = KeyError;
    type SerializeSeq = List<'t, 'a>;
    type SerializeTuple = List<'t, 'a>;
    type SerializeTupleStruct = List<'t, 'a>;
    type SerializeTupleVariant = List<'t, 'a>;
    type SerializeMap = Object<'t, 'a>;
    type SerializeStruct = Object<'t, 'a>;
    type SerializeStructVariant = Object<'t, 'a>;

    display!(serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64);

    fn serialize_i128(self, value: i128) -> Result<Found, KeyError> {
        match (i64::try_from(value), u64::try_from(value)) {
            (Ok(value), _) => self.text.bare(value),
            (_, Ok(value)) => self.text.bare(value),
            _ => self.text.big(value),
        }
    }

    fn serialize_u128(self, value: u128) -> Result<Found, KeyError> {
        match u64::try_from(value) {
            Ok(value) => self.text.bare(value),
            Err(_) => self.text.big(value),
        }
    }

    fn serialize_f32(self, value: f32) -> Result<Found, KeyError> {
        self.text.f32(value)
    }

    fn serialize_f64(self, value: f64) -> Result<Found, KeyError> {
        self.text.f64(value)
    }

    fn serialize_char(self, value: char) -> Result<Found, KeyError> {
        self.collect_str(&value)
    }

    fn serialize_str(self, value: &str) -> Result<Found, KeyError> {
        self.text.string(value)
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<Found, KeyError> {
        self.text.string(&value.to_string())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<Found, KeyError> {
        self.text.bytes(value)
    }

    fn is_human_readable(&self) -> bool {
        !self.bytes
    }

    fn serialize_none(self) -> Result<Found, KeyError> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Found, KeyError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Found, KeyError> {
        self.text.bare("null")
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
        mut self,
        name: &'static str,
        value: &T,
    ) -> Result<Found, KeyError> {
        match name {
            UNDEFINED => self.text.bare("undefined"),
            BINARY => {
                self.bytes = true;
                value.serialize(self)
            }
            _ => value.serialize(self),
        }
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        mut self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Found, KeyError> {
        let frame = self.variant(variant)?;
        value.serialize(ValueSerializer::at(self.text, Place::Entry, self.depth))?;
        Ok(self.text.close(frame, true, false))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<List<'t, 'a>, KeyError> {
        self.list(None, false)
    }

    fn collect_seq<I>(self, items: I) -> Result<Found, KeyError>
    where
        I: IntoIterator,
        I::Item: Serialize,
    {
        let mut list = self.list(None, is_unsorted::<I>())?;
        items.into_iter().try_for_each(|item| list.serialize_element(&item))?;
        ser::SerializeSeq::end(list)
    }

    fn serialize_tuple(self, _: usize) -> Result<List<'t, 'a>, KeyError> {
        self.list(None, false)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<List<'t, 'a>, KeyError> {
        self.list(None, false)
    }

    fn serialize_tuple_variant(
        mut self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<List<'t, 'a>, KeyError> {
        let frame = self.variant(variant)?;
        self.list(Some(frame), false)
    }

    /// A struct with flattened parts does not know its length, and the parts may be maps without order.
    fn serialize_map(self, length: Option<usize>) -> Result<Object<'t, 'a>, KeyError> {
        let unsorted = length.is_none() && !self.text.is_received();
        self.object(None, unsorted)
    }

    fn collect_map<K, V, I>(self, entries: I) -> Result<Found, KeyError>
    where
        K: Serialize,
        V: Serialize,
        I: IntoIterator<Item = (K, V)>,
    {
        let mut object = self.object(None, is_unsorted::<I>())?;
        entries.into_iter().try_for_each(|(key, value)| object.serialize_entry(&key, &value))?;
        ser::SerializeMap::end(object)
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Object<'t, 'a>, KeyError> {
        if name == RAW_VALUE {
            // What it stands for is opened when it has been read.
            let (frame, depth) = (self.text.open_nothing(self.place), self.depth);
            let entries = Entries::new(self.text.out, false);
            return Ok(Object { text: self.text, depth, frame, entries, around: None, raw: true });
        }
        self.object(None, false)
    }

    fn serialize_struct_variant(
        mut self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Object<'t, 'a>, KeyError> {
        let frame = self.variant(variant)?;
        self.object(Some(frame), false)
    }
}

/// An array being written.
pub(super) struct List<'t, 'a> {
    text: &'t mut Text<'a>,
    depth: usize,
    start: usize,
    swallowed: bool,
    count: usize,
    /// The variant whose content it is.
    around: Option<Frame>,
    /// Where the items are that came in no order.
    moving: Option<Vec<Range<usize>>>,
    objects: bool,
}

impl List<'_, '_> {
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), KeyError> {
        let place = self.text.item(self.count == 0);
        self.count += 1;
        let at = self.text.out.len();
        value.serialize(ValueSerializer::at(self.text, place, self.depth))?;
        if let Some(moving) = &mut self.moving {
            moving.push(at..self.text.out.len());
            self.objects |= self.text.is_object();
        }
        Ok(())
    }

    fn close(self) -> Result<Found, KeyError> {
        if let Some(mut items) = self.moving {
            items.sort_by(|a, b| self.text.out[a.clone()].cmp(&self.text.out[b.clone()]));
            let texts: Vec<&str> = items.into_iter().map(|range| &self.text.out[range]).collect();
            let sorted = texts.join(self.text.separator().encode_utf8(&mut [0; 4]));
            self.text.out.truncate(self.start + 1);
            self.text.out.push_str(&sorted);
        }
        let mixed = self.objects && self.count > 1;
        let found = self.text.close_list(self.swallowed, self.start, self.count, mixed);
        Ok(match self.around {
            Some(frame) => self.text.close(frame, true, false),
            None => found,
        })
    }
}

macro_rules! list {
    ($($trait:ident $method:ident),*) => {
        $(impl ser::$trait for List<'_, '_> {
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
pub(super) struct Object<'t, 'a> {
    text: &'t mut Text<'a>,
    depth: usize,
    frame: Frame,
    entries: Entries,
    /// The variant whose content it is.
    around: Option<Frame>,
    /// It is JSON text.
    raw: bool,
}

impl Object<'_, '_> {
    fn key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), KeyError> {
        self.text.entry(self.frame, !self.entries.any());
        let at = self.entries.begin(self.text.separator(), self.text.out);
        key.serialize(KeyText(self.text.out))?;
        self.entries.key(at, self.text.out);
        self.text.key_written(self.frame, at)
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), KeyError> {
        value.serialize(ValueSerializer::at(self.text, Place::Entry, self.depth)).map(drop)
    }

    fn field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), KeyError> {
        if self.raw {
            let mut json = String::new();
            value.serialize(KeyText(&mut json))?;
            return super::json::write_at(json.as_bytes(), "", self.text, self.frame.place(), self.depth)
                .map(drop);
        }
        self.key(key)?;
        self.value(value)
    }

    fn close(self) -> Result<Found, KeyError> {
        if self.raw {
            return Ok(Found::Nested);
        }
        let any = self.entries.any();
        let moved = self.entries.finish(self.text.separator(), self.text.out);
        let found = self.text.close(self.frame, any, moved);
        Ok(match self.around {
            Some(frame) => self.text.close(frame, true, false),
            None => found,
        })
    }
}

impl ser::SerializeMap for Object<'_, '_> {
    type Ok = Found;
    type Error = KeyError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), KeyError> {
        self.key(key)
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
        $(impl ser::$trait for Object<'_, '_> {
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
