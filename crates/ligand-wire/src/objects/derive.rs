//! Serde, as its derive sees it for a `#[payload]`: what reads a struct asks for an object.
//!
//! The derive calls the methods of the two traits below by their paths, so the ones here stand in for serde's.
//! Everything else is serde's own.

pub use serde::*;

use self::serde_de::Visitor;
use crate::objects::ByName;

use ::serde::de as serde_de;

macro_rules! forward {
    ($($method:ident($($argument:ident: $type:ty),*)),* $(,)?) => {
        $(
            #[doc(hidden)]
            #[inline]
            fn $method<V: Visitor<'de>>(self, $($argument: $type,)* visitor: V) -> Result<V::Value, Self::Error> {
                serde_de::Deserializer::$method(self, $($argument,)* visitor)
            }
        )*
    };
}

/// Serde's trait with structs by name.
pub trait Deserializer<'de>: serde_de::Deserializer<'de> {
    /// A struct, or an adjacently tagged enum.
    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        serde_de::Deserializer::deserialize_struct(self, name, fields, ByName(visitor))
    }

    /// An internally tagged enum, or a variant of an enum that was buffered.
    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        serde_de::Deserializer::deserialize_any(self, ByName(visitor))
    }

    forward! {
        deserialize_enum(name: &'static str, variants: &'static [&'static str]),
        deserialize_identifier(),
        deserialize_map(),
        deserialize_newtype_struct(name: &'static str),
        deserialize_tuple(length: usize),
        deserialize_tuple_struct(name: &'static str, length: usize),
        deserialize_unit_struct(name: &'static str),
    }
}

impl<'de, D: serde_de::Deserializer<'de>> Deserializer<'de> for D {}

pub mod de {
    //! Serde's module of the same name.

    pub use serde::de::*;

    use ::serde::de as serde_de;

    use crate::objects::ByName;

    /// Serde's trait with struct variants by name.
    pub trait VariantAccess<'de>: serde_de::VariantAccess<'de> {
        /// A variant with named fields.
        #[inline]
        fn struct_variant<V: Visitor<'de>>(
            self,
            fields: &'static [&'static str],
            visitor: V,
        ) -> Result<V::Value, Self::Error> {
            serde_de::VariantAccess::struct_variant(self, fields, ByName(visitor))
        }

        #[doc(hidden)]
        #[inline]
        fn unit_variant(self) -> Result<(), Self::Error> {
            serde_de::VariantAccess::unit_variant(self)
        }

        #[doc(hidden)]
        #[inline]
        fn newtype_variant<T: Deserialize<'de>>(self) -> Result<T, Self::Error> {
            serde_de::VariantAccess::newtype_variant(self)
        }

        #[doc(hidden)]
        #[inline]
        fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Self::Error> {
            serde_de::VariantAccess::newtype_variant_seed(self, seed)
        }

        #[doc(hidden)]
        #[inline]
        fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Self::Error> {
            serde_de::VariantAccess::tuple_variant(self, length, visitor)
        }
    }

    impl<'de, A: serde_de::VariantAccess<'de>> VariantAccess<'de> for A {}
}
