//! What a call carries.
//!
//! A [`Payload`] is a Rust value that nobody has serialised yet, a dynamic tree, a slice of received bytes
//! that nobody has parsed yet, or raw bytes. Local calls move the typed value; nothing is encoded. Remote
//! and HTTP edges encode or decode exactly once, straight between the typed value and the bytes.

mod convert;
mod format;
mod owned;
mod part;
mod typed;
mod weight;

use std::{any::Any, fmt, sync::Arc};

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

pub(crate) use self::convert::encode_error;
pub use self::format::Format;
pub(crate) use self::part::UNDEFINED;
#[cfg(feature = "serializers")]
pub(crate) use self::{
    convert::decode_error,
    part::{PAYLOAD, toward},
};
use self::{
    convert::{
        changed_type, from_bytes, from_encoded, from_json, from_nothing, from_value, is_same, same, text,
        tree,
    },
    owned::Owned,
    typed::Typed,
};
use crate::{
    Binary, Result, binary,
    codec::serializers,
    key::{self, Found, KeyError},
};

/// Anything that may travel between services: clonable, serialisable both ways, shareable.
///
/// Implemented for every such type; `#[payload]` derives what it needs.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot travel between services",
    label = "not a Ligand payload",
    note = "put #[payload] on it, or derive Clone, Serialize and Deserialize; use ligand::Payload for untyped data",
    note = "a reference is none: hand over the value or a clone; what can only be written goes as `Payload::of(&value)?`",
    note = "an #[entity] with hidden fields stays in its service: answer its visible part, made by `.visible()`"
)]
pub trait Data: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Clone + Send + Sync + 'static> Data for T {}

/// What a call or an event carries, or what a call returns.
///
/// A typed value has one owner until somebody calls [`Payload::share`]; from then on clones share it.
///
/// ```
/// use ligand_wire::{Payload, Result};
/// use serde_json::json;
///
/// // A typed value stays what it is until somebody asks for something else.
/// let typed = Payload::typed(vec![1, 2]);
/// assert_eq!(typed.peek::<Vec<i32>>(), Some(&vec![1, 2]));
/// assert_eq!(typed.to_value()?, json!([1, 2]));
/// let back: Vec<i32> = typed.take()?;
/// assert_eq!(back, [1, 2]);
/// # Ok::<_, ligand_wire::Error>(())
/// ```
#[derive(Default)]
pub struct Payload(Repr);

#[derive(Default)]
enum Repr {
    /// Nothing was given (JavaScript's `undefined`).
    #[default]
    Undefined,
    Null,
    /// One owner: moving it in and out costs no atomic operation, and nothing at all when it is small.
    Owned(Owned),
    Typed(Arc<dyn Typed>),
    Value(Arc<Value>),
    Encoded(Format, Bytes),
    Binary(Bytes),
}

impl Clone for Payload {
    /// Shares what is shared; copies a typed value that has one owner.
    fn clone(&self) -> Self {
        Self(match &self.0 {
            Repr::Undefined => Repr::Undefined,
            Repr::Null => Repr::Null,
            Repr::Owned(owned) => Repr::Typed(owned.typed().copied()),
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
            Self::Owned(owned) => Some(owned.typed()),
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

    /// A Rust value, not serialised. A `Payload`, a [`Value`], a [`Binary`] or `()` handed in keeps its own form.
    pub fn typed<T: Data>(value: T) -> Self {
        let value = match same::<T, Self>(value) {
            Ok(payload) => return payload,
            Err(value) => value,
        };
        let value = match same::<T, Binary>(value) {
            Ok(binary) => return Self::binary(binary),
            Err(value) => value,
        };
        match same::<T, Value>(value) {
            Ok(value) => Self::from(value),
            Err(_) if is_same::<T, ()>() => Self::NULL,
            Err(value) => Self(Repr::Owned(Owned::new(value))),
        }
    }

    /// What can be written and need not be readable: borrowed values, types of other crates. It is written at once; a
    /// [`Data`] value is handed over as it is.
    ///
    /// # Errors
    /// `PAYLOAD_ENCODE_ERROR` (500) when the value's own `Serialize` fails.
    ///
    /// ```
    /// # use ligand_wire::Payload;
    /// #[derive(serde::Serialize)]
    /// struct Query<'a> { name: &'a str }
    ///
    /// let payload = Payload::of(&Query { name: "ada" }).unwrap();
    /// assert_eq!(payload.get("name").unwrap(), "ada");
    /// ```
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self> {
        let tree = serde_json::to_value(value);
        tree.map(Self::from).map_err(|error| encode_error(std::any::type_name::<T>(), &error))
    }

    /// Bytes that hold a JSON text, kept as they are until somebody asks for a type.
    ///
    /// ```
    /// # use ligand_wire::Payload;
    /// let user = Payload::json(r#"{"name":"ada"}"#);
    /// assert_eq!(user.get("name"), Some("ada".into()));
    /// ```
    pub fn json(bytes: impl Into<Bytes>) -> Self {
        Self(Repr::Encoded(Format::Json, bytes.into()))
    }

    /// Bytes that hold one value in a format, kept as they are until somebody asks for a type.
    ///
    /// They are copied into packets of the same format unseen: give only bytes that a peer's packet or
    /// [`Payload::encode`] held as one value.
    pub fn encoded(format: Format, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        if serializers::is_undefined(format, &bytes) {
            Self::UNDEFINED
        } else {
            Self(Repr::Encoded(format, bytes))
        }
    }

    /// Raw bytes (a JavaScript `Buffer`).
    ///
    /// ```
    /// # use ligand_wire::Payload;
    /// let photo = Payload::binary(vec![0xff, 0xd8]);
    /// assert_eq!(photo.as_binary().map(|bytes| bytes.len()), Some(2));
    /// ```
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
            Repr::Encoded(format, bytes) => serializers::is_nothing(*format, bytes),
            Repr::Owned(_) | Repr::Typed(_) | Repr::Binary(_) => false,
        }
    }

    /// Lets clones share a typed value from now on instead of copying it. For payloads that go to several
    /// places.
    pub fn share(&mut self) {
        if let Repr::Owned(_) = self.0
            && let Repr::Owned(owned) = std::mem::take(&mut self.0)
        {
            self.0 = Repr::Typed(owned.share());
        }
    }

    /// True for a Rust value that nobody has serialised, of whatever type.
    ///
    /// ```
    /// # use ligand_wire::Payload;
    /// assert!(Payload::typed(5).is_typed());
    /// assert!(!Payload::json("5").is_typed());
    /// ```
    pub fn is_typed(&self) -> bool {
        matches!(self.0, Repr::Owned(_) | Repr::Typed(_))
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

    /// The format of a payload that is encoded and not decoded yet.
    pub fn format(&self) -> Option<Format> {
        match &self.0 {
            Repr::Encoded(format, _) => Some(*format),
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
    /// ```
    /// # use ligand_wire::Payload;
    /// let count = Payload::json("5");
    /// assert_eq!(count.take::<u64>()?, 5);
    /// let error = Payload::json(r#""five""#).take::<u64>().unwrap_err();
    /// assert_eq!((error.code(), error.kind()), (422, "PAYLOAD_DECODE_ERROR"));
    /// # Ok::<_, ligand_wire::Error>(())
    /// ```
    ///
    /// # Errors
    /// `PAYLOAD_DECODE_ERROR` (422) that names the type and the place when the content does not fit.
    pub fn take<T: Data>(self) -> Result<T> {
        match self.0 {
            Repr::Owned(owned) => match owned.take::<T>() {
                Ok(value) => Ok(value),
                Err(owned) => Self(Repr::Owned(owned)).convert(),
            },
            Repr::Typed(typed) if (&*typed as &dyn Any).is::<T>() => {
                match Arc::downcast::<T>(typed as Arc<dyn Any + Send + Sync>) {
                    Ok(value) => Ok(Arc::unwrap_or_clone(value)),
                    Err(_) => Err(changed_type()),
                }
            }
            repr => Self(repr).convert(),
        }
    }

    /// The value when this is the only owner of a `T`, or nothing for the type of nothing; else the payload back. Never
    /// converts. A `Payload` is any.
    ///
    /// ```
    /// # use ligand_wire::Payload;
    /// assert_eq!(Payload::typed(5u8).take_typed::<u8>().ok(), Some(5));
    /// assert_eq!(Payload::json("5").take_typed::<u8>().unwrap_err().take::<u8>()?, 5);
    /// # Ok::<_, ligand_wire::Error>(())
    /// ```
    ///
    /// # Errors
    /// The payload, as it was.
    #[inline]
    pub fn take_typed<T: Data>(self) -> std::result::Result<T, Self> {
        let payload = match same::<Self, T>(self) {
            Ok(payload) => return Ok(payload),
            Err(payload) => payload,
        };
        match payload.0 {
            Repr::Owned(owned) => owned.take::<T>().map_err(|owned| Self(Repr::Owned(owned))),
            Repr::Undefined | Repr::Null if is_same::<T, ()>() => same::<(), T>(()).map_err(Self::from),
            repr => Err(Self(repr)),
        }
    }

    /// As [`Payload::take`], but a shared value stays shared instead of being cloned.
    ///
    /// ```
    /// # use ligand_wire::Payload;
    /// let mut names = Payload::typed(vec!["ada".to_owned()]);
    /// names.share();
    /// let (one, other) = (names.clone().shared::<Vec<String>>()?, names.shared::<Vec<String>>()?);
    /// assert!(std::sync::Arc::ptr_eq(&one, &other));
    /// # Ok::<_, ligand_wire::Error>(())
    /// ```
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
            Repr::Encoded(format, bytes) => from_encoded(format, &bytes),
            Repr::Binary(bytes) => from_bytes(bytes),
        }
    }

    /// The same payload with its content as a `T`, so that the next `peek` or `take` finds it typed.
    ///
    /// ```
    /// # use ligand_wire::Payload;
    /// let names = Payload::json(r#"["ada"]"#).into_typed::<Vec<String>>()?;
    /// assert_eq!(names.peek::<Vec<String>>().map(Vec::len), Some(1));
    /// # Ok::<_, ligand_wire::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Payload::take`].
    pub fn into_typed<T: Data>(self) -> Result<Self> {
        let is_one = match &self.0 {
            Repr::Value(_) => is_same::<T, Value>(),
            Repr::Binary(_) => is_same::<T, Binary>(),
            _ => is_same::<T, Self>() || self.peek::<T>().is_some(),
        };
        if is_one || is_same::<T, Self>() {
            return Ok(self);
        }
        self.take::<T>().map(Self::typed)
    }

    /// Mutable access to the Rust value; copies it first when it is shared. `None` when it is not a `T`.
    ///
    /// ```
    /// # use ligand_wire::Payload;
    /// let mut list = Payload::typed(vec![3, 1, 2]);
    /// if let Some(list) = list.typed_mut::<Vec<i32>>() {
    ///     list.sort();
    /// }
    /// assert_eq!(list.take::<Vec<i32>>()?, [1, 2, 3]);
    /// # Ok::<_, ligand_wire::Error>(())
    /// ```
    pub fn typed_mut<T: Data>(&mut self) -> Option<&mut T> {
        if let Repr::Typed(typed) = &self.0 {
            let copy = (&**typed as &dyn Any).downcast_ref::<T>()?.clone();
            self.0 = Repr::Owned(Owned::new(copy));
        }
        let Repr::Owned(owned) = &mut self.0 else { return None };
        owned.get_mut()
    }

    /// The whole content as a dynamic tree. Costs the tree; prefer [`Payload::get`] for one leaf.
    ///
    /// # Errors
    /// `PAYLOAD_ENCODE_ERROR` when the value's own `Serialize` fails, `PAYLOAD_DECODE_ERROR` for bad bytes.
    pub fn to_value(&self) -> Result<Value> {
        match &self.0 {
            Repr::Undefined | Repr::Null => Ok(Value::Null),
            Repr::Owned(owned) => tree(owned.typed()),
            Repr::Typed(typed) => tree(&**typed),
            Repr::Value(value) => Ok(Value::clone(value)),
            Repr::Encoded(Format::Json, bytes) => from_json(bytes),
            Repr::Encoded(format, bytes) => from_encoded(*format, bytes),
            Repr::Binary(bytes) => Ok(json!({ "type": "Buffer", "data": bytes[..] })),
        }
    }

    /// One leaf by dotted path (`user.id`, `items.0.price`), or `None`.
    ///
    /// ```
    /// # use ligand_wire::Payload;
    /// # use serde_json::json;
    /// let order = Payload::typed(json!({ "user": { "id": 5 }, "items": [{ "price": 2.5 }] }));
    /// assert_eq!(order.get("user.id"), Some(json!(5)));
    /// assert_eq!(order.get("items.0.price"), Some(json!(2.5)));
    /// assert_eq!(order.get("items.1"), None);
    /// ```
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

    /// Switches to the dynamic form and returns it for change, as a hook without types needs.
    ///
    /// ```
    /// # use ligand_wire::Payload;
    /// # use serde_json::json;
    /// let mut user = Payload::json(r#"{"name":"ada"}"#);
    /// user.value_mut()?["role"] = json!("admin");
    /// assert_eq!(user.get("role"), Some(json!("admin")));
    /// # Ok::<_, ligand_wire::Error>(())
    /// ```
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

    /// Appends the JSON text; encoded JSON is copied as it is, bytes become `{"type":"Buffer","data":[..]}`.
    ///
    /// ```
    /// # use ligand_wire::Payload;
    /// let mut text = Vec::new();
    /// Payload::typed(vec![1.0, 2.5]).write_json(&mut text)?;
    /// assert_eq!(text, b"[1,2.5]");
    /// # Ok::<_, ligand_wire::Error>(())
    /// ```
    ///
    /// # Errors
    /// `PAYLOAD_ENCODE_ERROR` when the value's own `Serialize` fails.
    pub fn write_json(&self, out: &mut Vec<u8>) -> Result<()> {
        match &self.0 {
            Repr::Undefined | Repr::Null => out.extend_from_slice(b"null"),
            Repr::Owned(owned) => text(owned.typed(), out)?,
            Repr::Typed(typed) => text(&**typed, out)?,
            Repr::Value(value) => {
                crate::text::to_writer(out, &**value).map_err(|e| encode_error("Value", &e))?;
            }
            Repr::Encoded(Format::Json, bytes) => out.extend_from_slice(bytes),
            Repr::Encoded(format, bytes) => serializers::transcode(*format, bytes, Format::Json, out)?,
            Repr::Binary(bytes) => {
                crate::text::to_writer(out, &binary::Plain(bytes)).map_err(|e| encode_error("bytes", &e))?;
            }
        }
        Ok(())
    }

    /// Appends the value in a format of the wire; what is encoded in it already is copied as it is. Nothing given is
    /// `undefined` in CBOR and null elsewhere, bytes are a `Buffer` in JSON. On failure `out` is as before.
    ///
    /// # Errors
    /// `PAYLOAD_ENCODE_ERROR` when the value's own `Serialize` fails, `PAYLOAD_DECODE_ERROR` for bad bytes of another
    /// format, `BROKER_OPTIONS_ERROR` when the format is not compiled in.
    pub fn encode(&self, format: Format, out: &mut Vec<u8>) -> Result<()> {
        let start = out.len();
        let written = self.encode_into(format, out);
        if written.is_err() {
            out.truncate(start);
        }
        written
    }

    fn encode_into(&self, format: Format, out: &mut Vec<u8>) -> Result<()> {
        match (&self.0, format) {
            (Repr::Encoded(_, bytes), _) if bytes.is_empty() => Self::NULL.encode_into(format, out),
            (Repr::Encoded(from, bytes), to) if *from == to => {
                out.extend_from_slice(bytes);
                Ok(())
            }
            (_, Format::Json) => self.write_json(out),
            (Repr::Undefined, _) => serializers::write_nothing(true, format, out),
            (Repr::Null, _) => serializers::write_nothing(false, format, out),
            (Repr::Owned(owned), _) => owned.typed().write(format, out),
            (Repr::Typed(typed), _) => typed.write(format, out),
            (Repr::Value(value), _) => serializers::write(&**value, format, out),
            (Repr::Encoded(from, bytes), to) => serializers::transcode(*from, bytes, to, out),
            (Repr::Binary(bytes), _) => serializers::write_bytes(bytes, format, out),
        }
    }

    /// Writes the cache-key text of the whole content, or of the leaf at `path`, and tells what was there.
    ///
    /// Nothing given counts as `{}`, as in a call without parameters: it adds no text.
    ///
    /// # Errors
    /// When the content cannot be read; what was written by then is no key.
    pub fn write_key(&self, path: Option<&str>, text: &mut key::Text<'_>) -> Result<Found, KeyError> {
        let whole = path.unwrap_or_default();
        match (&self.0, path) {
            (Repr::Owned(owned), path) => owned.typed().write_key(path, text),
            (Repr::Typed(typed), path) => typed.write_key(path, text),
            (Repr::Value(value), _) => text.path(&**value, whole),
            (Repr::Encoded(Format::Json, bytes), _) => text.json(bytes, whole),
            (Repr::Encoded(format, bytes), _) => serializers::write_key(*format, bytes, whole, text),
            (Repr::Binary(bytes), None) => text.value(&Binary::from(bytes.clone())),
            (Repr::Undefined, None) => text.value(&serde_json::Map::new()),
            (Repr::Null, None) => text.value(&()),
            (Repr::Undefined | Repr::Null | Repr::Binary(_), Some(_)) => Ok(text.missing()),
        }
    }

    /// About how many bytes of memory the content takes; `None` when that is more than `most`, or when the value's
    /// own `Serialize` fails. Encoded content is its length; all else is walked, but nothing is written.
    ///
    /// ```
    /// # use ligand_wire::Payload;
    /// assert_eq!(Payload::json("[1,2,3]").weight(1000), Some(7));
    /// assert_eq!(Payload::json("[1,2,3]").weight(5), None);
    /// ```
    pub fn weight(&self, most: usize) -> Option<usize> {
        match &self.0 {
            Repr::Undefined | Repr::Null => Some(0),
            Repr::Owned(owned) => owned.typed().weight(most),
            Repr::Typed(typed) => typed.weight(most),
            Repr::Value(value) => weight::of_tree(value, most),
            Repr::Encoded(_, bytes) | Repr::Binary(bytes) => {
                Some(bytes.len()).filter(|length| *length <= most)
            }
        }
    }

    /// The same content in memory of its own. What is encoded may be a part of a received packet, which lives as
    /// long as any part of it.
    pub fn detached(self) -> Self {
        Self(match self.0 {
            Repr::Encoded(format, bytes) => Repr::Encoded(format, Bytes::copy_from_slice(&bytes)),
            Repr::Binary(bytes) => Repr::Binary(Bytes::copy_from_slice(&bytes)),
            repr => repr,
        })
    }

    /// What the payload is, for diagnostics: a Rust type name, `Value`, `json`, `bytes`, `null`.
    pub fn type_name(&self) -> &'static str {
        match &self.0 {
            Repr::Undefined => "undefined",
            Repr::Null => "null",
            Repr::Owned(owned) => owned.typed().type_name(),
            Repr::Typed(typed) => (**typed).type_name(),
            Repr::Value(_) => "Value",
            Repr::Encoded(Format::Json, _) => "json",
            Repr::Encoded(Format::JsonExt, _) => "jsonext",
            Repr::Encoded(Format::MsgPack | Format::Notepack, _) => "msgpack",
            Repr::Encoded(Format::Cbor, _) => "cbor",
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

#[cfg(test)]
mod tests;
