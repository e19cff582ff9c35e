//! A struct is read from an object, by the names of its fields, and never from a list by their positions.
//!
//! What serde derives takes a list for a struct as well. A caller who sends `["ada", "secret"]` would then fill
//! fields that nobody named to him, and a cache key made of names would find none of them. Two places say no:
//!
//! * `Objects` stands around the readers of every payload, so it covers types that know nothing of Ligand. It sees
//!   what serde reads directly, and not what serde has buffered to look at twice (`untagged`, `tag`, `flatten`).
//! * [`derive`](self::derive) is what `#[payload]` gives serde's derive instead of serde. It covers those types
//!   wherever they are read from: inside a buffer, in meta, in a row of a database.
//!
//! Tuples and tuple structs are lists and stay so.

/// Hands values on to the visitor inside.
macro_rules! scalars {
    ($($method:ident: $type:ty),*) => {
        $(
            #[inline]
            fn $method<E: Error>(self, value: $type) -> Result<V::Value, E> {
                self.0.$method(value)
            }
        )*
    };
}

pub mod derive;
mod number;
mod reader;

use std::{any::type_name, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Unexpected, Visitor},
};

#[cfg(feature = "serializers")]
pub(crate) use self::number::Single;
pub(crate) use self::{
    number::overflows,
    reader::{Objects, is_around},
};

/// The reader, with structs from objects only: for types of others that are read from what came from outside.
pub fn by_name<'de, D: Deserializer<'de>>(from: D) -> impl Deserializer<'de, Error = D::Error> {
    Objects(from)
}

/// For macros: reads a field whose floats are watched over, also out of what serde has buffered.
///
/// # Errors
/// What the reader says, and a number that is infinite as an `f32`.
#[doc(hidden)]
pub fn watched<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    T::deserialize(Objects(from))
}

/// Takes an object, or nothing; refuses a list where one is offered.
pub(crate) struct ByName<V>(pub(crate) V);

impl<'de, V: Visitor<'de>> Visitor<'de> for ByName<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A payload may be asked by both of the two places.
        let expected = fmt::from_fn(|f| self.0.expecting(f)).to_string();
        if !expected.starts_with(OBJECT) {
            f.write_str(OBJECT)?;
        }
        f.write_str(&expected)
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(fields)
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_unit()
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_none()
    }
}

const OBJECT: &str = "an object for ";

/// Whether `V` reads an internally tagged enum. Serde asks for "any" value there and takes a list whose first item
/// is the tag; nothing but the name of its visitor tells that an object is meant.
pub(crate) fn is_tagged<V>() -> bool {
    let name = type_name::<V>();
    // Decided when compiled: the search below would be a good part of reading a short list.
    if name.starts_with("serde_core::de::") || name.starts_with("alloc::") || name.starts_with("core::") {
        return false;
    }
    (name.starts_with("serde::") || name.starts_with("serde_core::"))
        && name.contains("::TaggedContentVisitor<")
}

/// The error for a list where an object belongs.
#[cold]
pub(crate) fn no_list<'de, V: Visitor<'de>, E: Error>(visitor: V) -> E {
    E::invalid_type(Unexpected::Seq, &ByName(visitor))
}

#[cfg(test)]
mod tests;
