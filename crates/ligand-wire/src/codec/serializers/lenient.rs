//! From tokens to Rust types, by the rules of JavaScript.
//!
//! | came | is taken for |
//! |---|---|
//! | whole number, in any notation | every integer type that holds it, floats |
//! | date | RFC 3339 text; milliseconds since 1970 where a number is wanted |
//! | bytes | byte strings, `Vec<u8>`; otherwise `{"type":"Buffer","data":[..]}` as in JSON |
//! | undefined | nothing, as a missing field |
//! | key that is a number | text |

use serde::{
    Deserializer,
    de::{
        DeserializeSeed, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor,
        value::{MapDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};

use super::{
    buffer_object::BufferObject,
    fault::Fault,
    head::Kind,
    key_name::KeyName,
    reader::Reader,
    token::{Blob, Left, Number, Text, Token},
    transcode,
};
use crate::{
    binary::BINARY,
    codec::names::Names,
    date::{DATE, Date},
    key::RAW_VALUE,
    objects::{ByName, Single, is_tagged, no_list},
    payload::PAYLOAD,
};

impl<'de, 'b> Reader<'de, 'b> {
    fn visit<V: Visitor<'de>>(&mut self, token: Token<'de, 'b>, visitor: V) -> Result<V::Value, Fault> {
        self.visit_named(token, Names::of(&[]), visitor)
    }

    /// As [`visit`](Self::visit), where the keys of a map are known.
    fn visit_named<V: Visitor<'de>>(
        &mut self,
        token: Token<'de, 'b>,
        names: Names,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match token {
            Token::Null | Token::Undefined => visitor.visit_unit(),
            Token::Bool(value) => visitor.visit_bool(value),
            Token::Number(number) => visit_number(number.plain(), visitor),
            Token::Date(millis) => visitor.visit_string(Date::from_millis(millis).to_string()),
            Token::Text(text) => visit_text(text, visitor),
            Token::Bytes(bytes) => visitor.visit_map(BufferObject::new(bytes.as_slice())),
            Token::Array(_) if is_tagged::<V>() => Err(no_list(visitor)),
            Token::Array(left) => self.items(left, visitor),
            Token::Map(left) => self.entries(left, names, |entries| visitor.visit_map(entries)),
            Token::Nested(text) => {
                let mut inner = self.nested(&text)?;
                let value = inner.deserialize_any(visitor)?;
                inner.end()?;
                Ok(value)
            }
        }
    }

    /// The items of an array, all of which must be read.
    fn items<V: Visitor<'de>>(&mut self, left: Left, visitor: V) -> Result<V::Value, Fault> {
        self.within(|reader| {
            let mut items = Items { reader, left, names: Names::of(&[]) };
            let value = visitor.visit_seq(&mut items)?;
            items.finish()?;
            Ok(value)
        })
    }

    /// The entries of a map, all of which must be read.
    fn entries<T>(
        &mut self,
        left: Left,
        names: Names,
        read: impl FnOnce(&mut Items<'_, 'de, 'b>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.within(|reader| {
            let mut entries = Items { reader, left, names };
            let value = read(&mut entries)?;
            entries.finish()?;
            Ok(value)
        })
    }

    fn visit_blob<V: Visitor<'de>>(&self, bytes: Blob<'de, 'b>, visitor: V) -> Result<V::Value, Fault> {
        match bytes {
            Blob::Lasting(bytes) => visitor.visit_borrowed_bytes(bytes),
            Blob::Brief(bytes) => visitor.visit_bytes(bytes),
            Blob::Owned(bytes) => visitor.visit_byte_buf(bytes),
        }
    }
}

fn visit_number<'de, V: Visitor<'de>>(number: Number, visitor: V) -> Result<V::Value, Fault> {
    match number {
        Number::Unsigned(value) => visitor.visit_u64(value),
        Number::Negative(value) => visitor.visit_i64(value),
        Number::Big(value) => visitor.visit_i128(value),
        Number::Float(value) => visitor.visit_f64(value),
    }
}

pub(super) fn visit_text<'de, V: Visitor<'de>>(text: Text<'de, '_>, visitor: V) -> Result<V::Value, Fault> {
    match text {
        Text::Lasting(text) => visitor.visit_borrowed_str(text),
        Text::Brief(text) => visitor.visit_str(text),
        Text::Owned(text) => visitor.visit_string(text),
    }
}

macro_rules! integers {
    ($($method:ident),*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            match self.head_of(|kind| matches!(kind, Kind::Unsigned | Kind::Negative)) {
                Some((Kind::Negative, value)) => return visitor.visit_i64(value.cast_signed()),
                Some((_, value)) => return visitor.visit_u64(value),
                None => {}
            }
            match self.token()? {
                Token::Number(number) => visit_number(number.whole(), visitor),
                Token::Date(millis) => visitor.visit_i64(millis),
                token => self.visit(token, visitor),
            }
        })*
    };
}

macro_rules! bytes {
    ($($method:ident),*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            if let Some(text) = self.plain_text() {
                return visitor.visit_borrowed_str(text);
            }
            match self.token()? {
                Token::Bytes(bytes) => self.visit_blob(bytes, visitor),
                token => self.visit(token, visitor),
            }
        })*
    };
}

impl<'de> Deserializer<'de> for &mut Reader<'de, '_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let token = self.token()?;
        self.visit(token, visitor)
    }

    integers!(
        deserialize_i8,
        deserialize_i16,
        deserialize_i32,
        deserialize_i64,
        deserialize_i128,
        deserialize_u8,
        deserialize_u16,
        deserialize_u32,
        deserialize_u64,
        deserialize_u128
    );
    bytes!(deserialize_bytes, deserialize_byte_buf, deserialize_str, deserialize_string);

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_f64(Single(visitor))
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if let Some((_, value)) = self.head_of(|kind| kind == Kind::Float) {
            return visitor.visit_f64(f64::from_bits(value));
        }
        match self.token()? {
            Token::Number(number) => visitor.visit_f64(number.as_f64()),
            Token::Date(millis) => visitor.visit_f64(millis as f64),
            token => self.visit(token, visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.nothing() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match name {
            DATE => self.deserialize_i64(visitor),
            BINARY => self.deserialize_byte_buf(visitor),
            PAYLOAD => {
                let raw = self.raw()?;
                let mut bytes = Vec::with_capacity(raw.len() + 1);
                bytes.push(self.format() as u8);
                bytes.extend_from_slice(self.slice(raw));
                visitor.visit_byte_buf(bytes)
            }
            RAW_VALUE => {
                let raw = self.raw()?;
                let text = transcode::to_json(self.format(), self.slice(raw))?;
                visitor.visit_map(MapDeserializer::new(std::iter::once((RAW_VALUE, text))))
            }
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if let Some((_, count)) = self.head_of(|kind| kind == Kind::Array) {
            return self.items(Left::Count(count), visitor);
        }
        match self.token()? {
            Token::Bytes(bytes) => visitor.visit_seq(SeqDeserializer::new(bytes.as_slice().iter().copied())),
            token => self.visit(token, visitor),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.token()? {
            Token::Text(name) => visitor.visit_enum(KeyName(name)),
            Token::Map(left) => {
                self.entries(left, Names::of(variants), |entries| visitor.visit_enum(entries))
            }
            other => Err(Fault::new(format!("expected the name of a variant, found {}", other.name()))),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        if let Some((_, count)) = self.head_of(|kind| kind == Kind::Map) {
            return self.entries(Left::Count(count), Names::of(fields), |entries| visitor.visit_map(entries));
        }
        let token = self.token()?;
        self.visit_named(token, Names::of(fields), ByName(visitor))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.skip()?;
        visitor.visit_unit()
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.head_of(|kind| kind == Kind::Bool) {
            Some((_, value)) => visitor.visit_bool(value == 1),
            None => self.deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        char unit unit_struct map identifier
    }
}

/// The rest of an array or object.
struct Items<'r, 'de, 'b> {
    reader: &'r mut Reader<'de, 'b>,
    left: Left,
    names: Names,
}

impl Items<'_, '_, '_> {
    /// Whoever reads an array of fixed length must have read all of it.
    fn finish(mut self) -> Result<(), Fault> {
        match self.reader.more(&mut self.left)? {
            true => Err(Fault::new("more items than expected")),
            false => Ok(()),
        }
    }
}

impl<'de> SeqAccess<'de> for &mut Items<'_, 'de, '_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        match self.reader.more(&mut self.left)? {
            true => seed.deserialize(&mut *self.reader).map(Some),
            false => {
                self.left = Left::Count(0);
                Ok(None)
            }
        }
    }

    fn size_hint(&self) -> Option<usize> {
        self.reader.bound(&self.left)
    }
}

impl<'de> MapAccess<'de> for &mut Items<'_, 'de, '_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        match self.reader.next_key(&mut self.left, &mut self.names)? {
            Some(key) => seed.deserialize(KeyName(key)).map(Some),
            None => {
                self.left = Left::Count(0);
                Ok(None)
            }
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        seed.deserialize(&mut *self.reader)
    }

    fn size_hint(&self) -> Option<usize> {
        self.reader.bound(&self.left)
    }
}

/// `{"Variant": content}`.
impl<'de> EnumAccess<'de> for &mut Items<'_, 'de, '_> {
    type Error = Fault;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Fault> {
        let name = self.reader.next_key(&mut self.left, &mut self.names)?;
        let name = name.ok_or_else(|| Fault::new("an object without the name of a variant"))?;
        Ok((seed.deserialize(KeyName(name))?, self))
    }
}

impl<'de> VariantAccess<'de> for &mut Items<'_, 'de, '_> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        self.reader.skip()
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        seed.deserialize(&mut *self.reader)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        self.reader.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let token = self.reader.token()?;
        self.reader.visit_named(token, Names::of(fields), ByName(visitor))
    }
}
