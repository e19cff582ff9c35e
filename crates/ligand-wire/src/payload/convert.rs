//! From one form of a payload to another, and what is said when that fails.

use std::{
    any::{Any, TypeId},
    fmt::Display,
};

use bytes::Bytes;
use serde_json::Value;

use super::{Data, Format, typed::Typed};
use crate::{Binary, Error, Result, codec::serializers, objects::Objects, text};

pub(super) fn tree(typed: &dyn Typed) -> Result<Value> {
    typed.to_value().map_err(|error| encode_error(typed.type_name(), &error))
}

pub(super) fn text(typed: &dyn Typed, out: &mut Vec<u8>) -> Result<()> {
    typed.write_json(out).map_err(|error| encode_error(typed.type_name(), &error))
}

#[cold]
pub(super) fn changed_type() -> Error {
    Error::internal_error("a typed payload changed its type")
}

pub(super) fn is_same<A: 'static, B: 'static>() -> bool {
    TypeId::of::<A>() == TypeId::of::<B>()
}

/// Gives `value` back as a `B` when `A` and `B` are the same type; decided at compile time.
pub(super) fn same<A: 'static, B: 'static>(value: A) -> Result<B, A> {
    if !is_same::<A, B>() {
        return Err(value);
    }
    let mut slot = Some(value);
    match (&mut slot as &mut dyn Any).downcast_mut::<Option<B>>().and_then(Option::take) {
        Some(value) => Ok(value),
        None => Err(slot.expect("the slot was not emptied: the types differ")),
    }
}

/// `undefined` and `null` fit `()`, `Option` and every type that reads null; a struct reads them as `{}`,
/// because JavaScript callers send `{}`, `null` or nothing for the same thing.
pub(super) fn from_nothing<T: Data>() -> Result<T> {
    from_value(Value::Null)
        .or_else(|null| from_value(Value::Object(serde_json::Map::new())).map_err(|_| null))
}

pub(super) fn from_json<T: Data>(bytes: &[u8]) -> Result<T> {
    if is_same::<T, ()>() {
        return from_value(Value::Null);
    }
    if bytes.is_empty() || bytes == b"null" {
        return from_nothing();
    }
    // One look at all bytes instead of one at each text; where that fails, the place of the error is found.
    let decoded = match str::from_utf8(bytes) {
        Ok(text) => whole(serde_json::Deserializer::from_str(text)),
        Err(_) => whole(serde_json::Deserializer::from_slice(bytes)),
    };
    decoded.map_err(|error| match place(&error, bytes) {
        Some(place) => decode_error::<T>(&format_args!("{error}, in '{place}'")),
        None => decode_error::<T>(&error),
    })
}

/// Where a text is no JSON, or a number is beyond all numbers: the reader of `T` knows the column only.
#[cold]
fn place(error: &serde_json::Error, bytes: &[u8]) -> Option<String> {
    let text = str::from_utf8(bytes).ok().filter(|_| error.is_syntax())?;
    text::look(text, false).err().map(|wrong| wrong.place).filter(|place| !place.is_empty())
}

/// The one value of a text. A tree has no structs to watch over.
fn whole<'de, T: Data, R: serde_json::de::Read<'de>>(
    mut json: serde_json::Deserializer<R>,
) -> serde_json::Result<T> {
    let value =
        if is_same::<T, Value>() { T::deserialize(&mut json)? } else { T::deserialize(Objects(&mut json))? };
    json.end()?;
    Ok(value)
}

/// From every format but JSON.
pub(super) fn from_encoded<T: Data>(format: Format, bytes: &[u8]) -> Result<T> {
    if is_same::<T, ()>() {
        return from_value(Value::Null);
    }
    if bytes.is_empty() || serializers::is_nothing(format, bytes) {
        return from_nothing();
    }
    serializers::read(format, bytes)
}

/// Bytes are an array of numbers for types that know nothing better.
pub(super) fn from_bytes<T: Data>(bytes: Bytes) -> Result<T> {
    let bytes = match same::<Binary, T>(Binary::from(bytes)) {
        Ok(value) => return Ok(value),
        Err(bytes) => bytes,
    };
    if is_same::<T, Value>() {
        return from_value(serde_json::to_value(bytes).map_err(|error| encode_error("bytes", &error))?);
    }
    from_value(Value::from(bytes.to_vec()))
}

pub(super) fn from_value<T: Data>(value: Value) -> Result<T> {
    let value = match same::<Value, T>(value) {
        Ok(value) => return Ok(value),
        Err(_) if is_same::<T, ()>() => Value::Null,
        Err(value) => value,
    };
    T::deserialize(Objects(value)).map_err(|error| decode_error::<T>(&error))
}

#[cold]
pub(crate) fn decode_error<T>(error: &dyn Display) -> Error {
    let name = std::any::type_name::<T>();
    Error::build("ValidationError", 422, format!("The content does not fit the expected type: {error}"))
        .with_kind("PAYLOAD_DECODE_ERROR")
        .with_internal(format!("decoding {name}"))
}

#[cold]
pub(crate) fn encode_error(type_name: &str, error: &dyn Display) -> Error {
    Error::build("MoleculerServerError", 500, "The result cannot be encoded.")
        .with_kind("PAYLOAD_ENCODE_ERROR")
        .with_internal(format!("{type_name}: {error}"))
}
