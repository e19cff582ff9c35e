//! Reads and writes a field whose type has a name that `time` shares with others: `Date`, `Time`.
//!
//! A macro sees names only. Generated code asks through references to a [`Probe`] of the field's type; the compiler
//! prefers the method for what [`Written`] covers and falls back to serde.

use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Written;

/// Stands for a type.
#[derive(Debug)]
pub struct Probe<T>(PhantomData<fn() -> T>);

impl<T> Probe<T> {
    /// For the type of `T`.
    #[allow(clippy::new_without_default, reason = "for generated code")]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

/// The choice for types of `time`.
pub trait OfTime<T> {
    /// Writes as text.
    ///
    /// # Errors
    /// Those of the serializer.
    fn probe_write<S: Serializer>(&self, value: &T, serializer: S) -> Result<S::Ok, S::Error>;
    /// Reads a text.
    ///
    /// # Errors
    /// When it is not of this type.
    fn probe_read<'de, D: Deserializer<'de>>(&self, deserializer: D) -> Result<T, D::Error>;
    /// The schema of that text.
    fn probe_schema(&self, generator: &mut SchemaGenerator) -> Schema;
}

/// The choice for all others.
pub trait OfSerde<T> {
    /// Writes as serde says.
    ///
    /// # Errors
    /// Those of the serializer.
    fn probe_write<S: Serializer>(&self, value: &T, serializer: S) -> Result<S::Ok, S::Error>;
    /// Reads as serde says.
    ///
    /// # Errors
    /// Those of the type.
    fn probe_read<'de, D: Deserializer<'de>>(&self, deserializer: D) -> Result<T, D::Error>;
    /// The type's own schema.
    fn probe_schema(&self, generator: &mut SchemaGenerator) -> Schema;
}

impl<T: Written> OfTime<T> for Probe<T> {
    fn probe_write<S: Serializer>(&self, value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        value.write(serializer)
    }

    fn probe_read<'de, D: Deserializer<'de>>(&self, deserializer: D) -> Result<T, D::Error> {
        T::read(deserializer)
    }

    fn probe_schema(&self, generator: &mut SchemaGenerator) -> Schema {
        T::schema(generator)
    }
}

impl<T: Serialize + for<'x> Deserialize<'x> + JsonSchema> OfSerde<T> for &Probe<T> {
    fn probe_write<S: Serializer>(&self, value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        value.serialize(serializer)
    }

    fn probe_read<'de, D: Deserializer<'de>>(&self, deserializer: D) -> Result<T, D::Error> {
        T::deserialize(deserializer)
    }

    fn probe_schema(&self, generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<T>()
    }
}
