//! What a call carries.
//!
//! A [`Payload`] is a Rust value that nobody has serialised yet, a dynamic tree, a slice of received bytes
//! that nobody has parsed yet, or raw bytes. Local calls move the typed value; nothing is encoded. Remote
//! and HTTP edges encode or decode exactly once, straight between the typed value and the bytes.

use std::{
    any::{Any, TypeId},
    fmt,
    sync::Arc,
};

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    Error, Result,
    key::{self, Found, KeyError},
};

/// Anything that may travel between services: clonable, serialisable both ways, shareable.
///
/// Implemented for every such type; `#[payload]` derives what it needs.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot travel between services",
    label = "not a Ligand payload",
    note = "put #[payload] on it, or derive Clone, Serialize and Deserialize; use ligand::Payload for untyped data"
)]
pub trait Data: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Clone + Send + Sync + 'static> Data for T {}

/// The text or binary form of an encoded payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// UTF-8 JSON.
    Json,
}

/// What a call or an event carries, or what it answers.
///
/// A typed value has one owner until somebody calls [`Payload::share`]; from then on clones share it.
#[derive(Default)]
pub struct Payload(Repr);

#[derive(Default)]
enum Repr {
    /// Nothing was given (JavaScript's `undefined`).
    #[default]
    Undefined,
    Null,
    /// One owner: moving it in and out costs no atomic operation.
    Owned(Box<dyn Typed>),
    Typed(Arc<dyn Typed>),
    Value(Arc<Value>),
    Encoded(Format, Bytes),
    Binary(Bytes),
}

/// The vtable behind a typed payload: everything that needs no knowledge of the target type.
trait Typed: Any + Send + Sync {
    fn write_json(&self, out: &mut Vec<u8>) -> serde_json::Result<()>;
    fn to_value(&self) -> serde_json::Result<Value>;
    fn write_key(&self, path: Option<&str>, out: &mut String) -> Result<Found, KeyError>;
    fn type_name(&self) -> &'static str;
    fn copied(&self) -> Arc<dyn Typed>;
}

impl<T: Data> Typed for T {
    fn copied(&self) -> Arc<dyn Typed> {
        Arc::new(self.clone())
    }

    fn write_json(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        serde_json::to_writer(out, self)
    }

    fn to_value(&self) -> serde_json::Result<Value> {
        serde_json::to_value(self)
    }

    fn write_key(&self, path: Option<&str>, out: &mut String) -> Result<Found, KeyError> {
        key::write_path(self, path.unwrap_or_default(), out)
    }

    fn type_name(&self) -> &'static str {
        std::any::type_name::<T>()
    }
}

impl Clone for Payload {
    /// Shares what is shared; copies a typed value that has one owner.
    fn clone(&self) -> Self {
        Self(match &self.0 {
            Repr::Undefined => Repr::Undefined,
            Repr::Null => Repr::Null,
            Repr::Owned(typed) => Repr::Typed((**typed).copied()),
            Repr::Typed(typed) => Repr::Typed(typed.clone()),
            Repr::Value(value) => Repr::Value(value.clone()),
            Repr::Encoded(format, bytes) => Repr::Encoded(*format, bytes.clone()),
            Repr::Binary(bytes) => Repr::Binary(bytes.clone()),
        })
    }
}

impl Repr {
    fn as_typed(&self) -> Option<&dyn Typed> {
        match self {
            Self::Owned(typed) => Some(&**typed),
            Self::Typed(typed) => Some(&**typed),
            _ => None,
        }
    }
}

impl Payload {
    /// Nothing was given.
    pub const UNDEFINED: Self = Self(Repr::Undefined);
    /// An explicit null.
    pub const NULL: Self = Self(Repr::Null);

    /// A Rust value, not serialised. A `Payload`, a [`Value`] or `()` handed in keeps its own form.
    pub fn typed<T: Data>(value: T) -> Self {
        let value = match same::<T, Self>(value) {
            Ok(payload) => return payload,
            Err(value) => value,
        };
        match same::<T, Value>(value) {
            Ok(value) => Self::from(value),
            Err(_) if is_same::<T, ()>() => Self::NULL,
            Err(value) => Self(Repr::Owned(Box::new(value))),
        }
    }

    /// Bytes that hold a JSON text, kept as they are until somebody asks for a type.
    pub fn json(bytes: impl Into<Bytes>) -> Self {
        Self(Repr::Encoded(Format::Json, bytes.into()))
    }

    /// Raw bytes (a JavaScript `Buffer`).
    pub fn binary(bytes: impl Into<Bytes>) -> Self {
        Self(Repr::Binary(bytes.into()))
    }

    /// True when nothing was given.
    pub fn is_undefined(&self) -> bool {
        matches!(self.0, Repr::Undefined)
    }

    /// True for nothing and for an explicit null.
    pub fn is_null(&self) -> bool {
        match &self.0 {
            Repr::Undefined | Repr::Null => true,
            Repr::Value(value) => value.is_null(),
            Repr::Encoded(Format::Json, bytes) => bytes.as_ref() == b"null",
            Repr::Owned(_) | Repr::Typed(_) | Repr::Binary(_) => false,
        }
    }

    /// Lets clones share a typed value from now on instead of copying it. For payloads that go to several
    /// places.
    pub fn share(&mut self) {
        if let Repr::Owned(_) = self.0
            && let Repr::Owned(typed) = std::mem::take(&mut self.0)
        {
            self.0 = Repr::Typed(Arc::from(typed));
        }
    }

    /// Borrows the Rust value when it is a `T`; never converts.
    pub fn peek<T: 'static>(&self) -> Option<&T> {
        (self.0.as_typed()? as &dyn Any).downcast_ref()
    }

    /// The raw bytes of a binary payload.
    pub fn as_binary(&self) -> Option<&Bytes> {
        match &self.0 {
            Repr::Binary(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The JSON text when the payload is already encoded; never encodes.
    pub fn as_json(&self) -> Option<&Bytes> {
        match &self.0 {
            Repr::Encoded(Format::Json, bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The dynamic tree when the payload is one; never converts.
    pub fn as_value(&self) -> Option<&Value> {
        match &self.0 {
            Repr::Value(value) => Some(value),
            _ => None,
        }
    }

    /// Turns the payload into a `T`: moved when this is the only owner of a `T`, cloned when it is shared,
    /// decoded or converted when it is something else.
    ///
    /// # Errors
    /// `PAYLOAD_DECODE_ERROR` (422) that names the type and the place when the content does not fit.
    pub fn take<T: Data>(self) -> Result<T> {
        match self.0 {
            Repr::Owned(typed) if (&*typed as &dyn Any).is::<T>() => {
                match (typed as Box<dyn Any>).downcast::<T>() {
                    Ok(value) => Ok(*value),
                    Err(_) => Err(changed_type()),
                }
            }
            Repr::Typed(typed) if (&*typed as &dyn Any).is::<T>() => {
                match Arc::downcast::<T>(typed as Arc<dyn Any + Send + Sync>) {
                    Ok(value) => Ok(Arc::unwrap_or_clone(value)),
                    Err(_) => Err(changed_type()),
                }
            }
            repr => Self(repr).convert(),
        }
    }

    /// As [`Payload::take`], but a shared value stays shared instead of being cloned.
    ///
    /// # Errors
    /// As [`Payload::take`].
    pub fn shared<T: Data>(self) -> Result<Arc<T>> {
        match self.0 {
            Repr::Typed(typed) if (&*typed as &dyn Any).is::<T>() => {
                Arc::downcast::<T>(typed as Arc<dyn Any + Send + Sync>).map_err(|_| changed_type())
            }
            repr => Self(repr).take().map(Arc::new),
        }
    }

    /// Decodes or converts; the way of everything that is not a `T` already.
    fn convert<T: Data>(self) -> Result<T> {
        let payload = match same::<Self, T>(self) {
            Ok(payload) => return Ok(payload),
            Err(payload) => payload,
        };
        match payload.0 {
            Repr::Owned(_) | Repr::Typed(_) => from_value(payload.to_value()?),
            Repr::Undefined | Repr::Null => from_nothing(),
            Repr::Value(value) if value.is_null() => from_nothing(),
            Repr::Value(value) => from_value(Arc::unwrap_or_clone(value)),
            Repr::Encoded(Format::Json, bytes) => from_json(&bytes),
            Repr::Binary(bytes) => from_value(Value::from(bytes.to_vec())),
        }
    }

    /// The same payload with its content as a `T`, so that the next `peek` or `take` finds it typed.
    ///
    /// # Errors
    /// As [`Payload::take`].
    pub fn into_typed<T: Data>(self) -> Result<Self> {
        if is_same::<T, Payload>() || self.peek::<T>().is_some() {
            return Ok(self);
        }
        self.take::<T>().map(|value| Self(Repr::Owned(Box::new(value))))
    }

    /// Mutable access to the Rust value; copies it first when it is shared. `None` when it is not a `T`.
    pub fn typed_mut<T: Data>(&mut self) -> Option<&mut T> {
        if let Repr::Typed(typed) = &self.0 {
            let copy = (&**typed as &dyn Any).downcast_ref::<T>()?.clone();
            self.0 = Repr::Owned(Box::new(copy));
        }
        let Repr::Owned(typed) = &mut self.0 else { return None };
        (&mut **typed as &mut dyn Any).downcast_mut()
    }

    /// The whole content as a dynamic tree. Costs the tree; prefer [`Payload::get`] for one leaf.
    ///
    /// # Errors
    /// `PAYLOAD_ENCODE_ERROR` when the value's own `Serialize` fails, `PAYLOAD_DECODE_ERROR` for bad bytes.
    pub fn to_value(&self) -> Result<Value> {
        match &self.0 {
            Repr::Undefined | Repr::Null => Ok(Value::Null),
            Repr::Owned(typed) => tree(&**typed),
            Repr::Typed(typed) => tree(&**typed),
            Repr::Value(value) => Ok(Value::clone(value)),
            Repr::Encoded(Format::Json, bytes) => from_json(bytes),
            Repr::Binary(bytes) => Ok(Value::from(bytes.to_vec())),
        }
    }

    /// One leaf by dotted path (`user.id`, `items.0.price`), or `None`.
    pub fn get(&self, path: &str) -> Option<Value> {
        let tree;
        let root = match &self.0 {
            Repr::Value(value) => &**value,
            _ => {
                tree = self.to_value().ok()?;
                &tree
            }
        };
        path.split('.')
            .try_fold(root, |node, part| match node {
                Value::Array(items) => items.get(part.parse::<usize>().ok()?),
                _ => node.get(part),
            })
            .cloned()
    }

    /// Switches to the dynamic form and gives it for change, as a hook without types needs.
    ///
    /// # Errors
    /// As [`Payload::to_value`].
    pub fn value_mut(&mut self) -> Result<&mut Value> {
        if !matches!(self.0, Repr::Value(_)) {
            self.0 = Repr::Value(Arc::new(self.to_value()?));
        }
        match &mut self.0 {
            Repr::Value(value) => Ok(Arc::make_mut(value)),
            _ => unreachable!("the payload was made a value above"),
        }
    }

    /// Appends the JSON text; an encoded payload is copied as it is, binary becomes an array of numbers.
    ///
    /// # Errors
    /// `PAYLOAD_ENCODE_ERROR` when the value's own `Serialize` fails.
    pub fn write_json(&self, out: &mut Vec<u8>) -> Result<()> {
        match &self.0 {
            Repr::Undefined | Repr::Null => out.extend_from_slice(b"null"),
            Repr::Owned(typed) => text(&**typed, out)?,
            Repr::Typed(typed) => text(&**typed, out)?,
            Repr::Value(value) => {
                serde_json::to_writer(out, &**value).map_err(|e| encode_error("Value", &e))?;
            }
            Repr::Encoded(Format::Json, bytes) => out.extend_from_slice(bytes),
            Repr::Binary(bytes) => {
                serde_json::to_writer(out, &bytes[..]).map_err(|e| encode_error("bytes", &e))?;
            }
        }
        Ok(())
    }

    /// Appends the cache-key text of the whole content, or of the leaf at `path`, and tells what was there.
    ///
    /// Nothing given counts as `{}`, as in a call without parameters: it adds no text.
    ///
    /// # Errors
    /// When the content cannot be read; what was appended by then is no key.
    pub fn write_key(&self, path: Option<&str>, out: &mut String) -> Result<Found, KeyError> {
        let whole = path.unwrap_or_default();
        match (&self.0, path) {
            (Repr::Owned(typed), path) => typed.write_key(path, out),
            (Repr::Typed(typed), path) => typed.write_key(path, out),
            (Repr::Value(value), _) => key::write_path(&**value, whole, out),
            (Repr::Encoded(Format::Json, bytes), _) => key::write_json_path(bytes, whole, out),
            (Repr::Binary(bytes), None) => key::write_path(&bytes[..], whole, out),
            (Repr::Undefined, None) => Ok(Found::Nested),
            (Repr::Null, None) => {
                out.push_str("null");
                Ok(Found::Scalar)
            }
            (Repr::Undefined | Repr::Null | Repr::Binary(_), _) => {
                out.push_str("undefined");
                Ok(Found::Missing)
            }
        }
    }

    /// What the payload is, for diagnostics: a Rust type name, `Value`, `json`, `bytes`, `null`.
    pub fn type_name(&self) -> &'static str {
        match &self.0 {
            Repr::Undefined => "undefined",
            Repr::Null => "null",
            Repr::Owned(typed) => (**typed).type_name(),
            Repr::Typed(typed) => (**typed).type_name(),
            Repr::Value(_) => "Value",
            Repr::Encoded(Format::Json, _) => "json",
            Repr::Binary(_) => "bytes",
        }
    }
}

impl fmt::Debug for Payload {
    /// The kind of content only: payloads may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({})", self.type_name())
    }
}

impl From<()> for Payload {
    /// Nothing was given.
    fn from((): ()) -> Self {
        Self::UNDEFINED
    }
}

impl From<Value> for Payload {
    fn from(value: Value) -> Self {
        Self(Repr::Value(Arc::new(value)))
    }
}

impl Serialize for Payload {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Repr::Undefined | Repr::Null => serializer.serialize_unit(),
            Repr::Value(value) => value.serialize(serializer),
            Repr::Binary(bytes) => serializer.serialize_bytes(bytes),
            Repr::Owned(_) | Repr::Typed(_) | Repr::Encoded(..) => {
                self.to_value().map_err(serde::ser::Error::custom)?.serialize(serializer)
            }
        }
    }
}

impl<'de> serde::Deserialize<'de> for Payload {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Self::from)
    }
}

fn tree(typed: &dyn Typed) -> Result<Value> {
    typed.to_value().map_err(|error| encode_error(typed.type_name(), &error))
}

fn text(typed: &dyn Typed, out: &mut Vec<u8>) -> Result<()> {
    typed.write_json(out).map_err(|error| encode_error(typed.type_name(), &error))
}

#[cold]
fn changed_type() -> Error {
    Error::internal_error("a typed payload changed its type")
}

fn is_same<A: 'static, B: 'static>() -> bool {
    TypeId::of::<A>() == TypeId::of::<B>()
}

/// Gives `value` back as a `B` when `A` and `B` are the same type; decided at compile time.
fn same<A: 'static, B: 'static>(value: A) -> Result<B, A> {
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
fn from_nothing<T: Data>() -> Result<T> {
    from_value(Value::Null)
        .or_else(|null| from_value(Value::Object(serde_json::Map::new())).map_err(|_| null))
}

fn from_json<T: Data>(bytes: &[u8]) -> Result<T> {
    if is_same::<T, ()>() {
        return from_value(Value::Null);
    }
    if bytes.is_empty() || bytes == b"null" {
        return from_nothing();
    }
    serde_json::from_slice(bytes).map_err(|error| decode_error::<T>(&error))
}

fn from_value<T: Data>(value: Value) -> Result<T> {
    let value = if is_same::<T, ()>() { Value::Null } else { value };
    serde_json::from_value(value).map_err(|error| decode_error::<T>(&error))
}

#[cold]
fn decode_error<T>(error: &serde_json::Error) -> Error {
    let name = std::any::type_name::<T>();
    Error::build("ValidationError", 422, format!("The content does not fit the expected type: {error}"))
        .with_kind("PAYLOAD_DECODE_ERROR")
        .with_internal(format!("decoding {name}"))
}

#[cold]
fn encode_error(type_name: &str, error: &serde_json::Error) -> Error {
    Error::build("MoleculerServerError", 500, "The result cannot be encoded.")
        .with_kind("PAYLOAD_ENCODE_ERROR")
        .with_internal(format!("{type_name}: {error}"))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct User {
        id: u64,
        name: Option<String>,
    }

    fn ada() -> User {
        User { id: 1, name: Some("Ada".into()) }
    }

    #[test]
    fn typed_values_move_and_share() {
        let payload = Payload::typed(ada());
        let shared = payload.clone();
        assert_eq!(payload.take::<User>().unwrap(), ada());
        assert_eq!(shared.peek::<User>(), Some(&ada()));
        assert_eq!(shared.get("name"), Some(json!("Ada")));
    }

    #[test]
    fn every_form_decodes_to_the_same_value() {
        let forms = [
            Payload::json(r#"{"id":1,"name":"Ada"}"#),
            Payload::from(json!({"id": 1, "name": "Ada"})),
            Payload::typed(json!({"id": 1, "name": "Ada"})),
            Payload::typed(ada()).into_typed::<Value>().unwrap(),
        ];
        for form in forms {
            let mut text = Vec::new();
            form.write_json(&mut text).unwrap();
            assert_eq!(text, br#"{"id":1,"name":"Ada"}"#, "{form:?}");
            assert_eq!(form.take::<User>().unwrap(), ada());
        }
    }

    #[test]
    fn nothing_is_null_unit_or_an_empty_object() {
        for nothing in [Payload::UNDEFINED, Payload::NULL, Payload::json("null"), Payload::typed(())] {
            nothing.clone().take::<()>().unwrap();
            assert_eq!(nothing.clone().take::<Option<u8>>().unwrap(), None);
            assert!(nothing.take::<User>().unwrap_err().message().contains("id"));
        }
        Payload::json("{}").take::<()>().unwrap();
    }

    #[test]
    fn misfits_are_client_errors_without_type_names() {
        let err = Payload::json(r#"{"id":"x"}"#).take::<User>().unwrap_err();
        assert_eq!((err.code(), err.kind()), (422, "PAYLOAD_DECODE_ERROR"));
        assert!(!err.message().contains("ligand_wire"), "{err:?}");
    }

    #[test]
    fn change_does_not_reach_other_owners() {
        let mut mine = Payload::typed(ada());
        let theirs = mine.clone();
        mine.typed_mut::<User>().unwrap().id = 2;
        assert_eq!((mine.peek::<User>().unwrap().id, theirs.peek::<User>().unwrap().id), (2, 1));
        mine.value_mut().unwrap()["id"] = json!(3);
        assert_eq!((mine.get("id"), theirs.get("id")), (Some(json!(3)), Some(json!(1))));
    }

    #[test]
    fn debug_shows_no_content() {
        assert!(!format!("{:?}", Payload::typed(ada())).contains("Ada"));
    }
}
