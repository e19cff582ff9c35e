//! Visitors of numbers, which take them for what clients mean and what the type can hold.

use std::fmt;

use serde::{
    Deserializer,
    de::{EnumAccess, Error, MapAccess, SeqAccess, Unexpected, Visitor},
};

/// The visitor of an integer type: `1.0` is the integer 1, as in the binary formats. JavaScript knows no difference, and
/// other clients mean none.
pub(super) struct Whole<V>(pub(super) V);

/// The visitor of an `f32`, for which serde makes infinity of what is too large: nobody sent that, and JSON writes it as null.
pub(crate) struct Single<V>(pub(crate) V);

/// Beyond this a float may stand for several integers.
const SAFE: f64 = 9_007_199_254_740_991.0;

/// Whether a finite number is infinite as an `f32`.
#[allow(clippy::cast_possible_truncation, reason = "that is the question")]
pub(crate) fn overflows(value: f64) -> bool {
    value.is_finite() && (value as f32).is_infinite()
}

/// A visitor that hands on what is no float.
macro_rules! sees_floats {
    ($name:ident: $($own:tt)*) => {
        impl<'de, V: Visitor<'de>> Visitor<'de> for $name<V> {
            type Value = V::Value;

            $($own)*

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.expecting(f)
            }

            scalars!(visit_bool: bool, visit_i8: i8, visit_i16: i16, visit_i32: i32, visit_i64: i64, visit_i128: i128,
                visit_u8: u8, visit_u16: u16, visit_u32: u32, visit_u64: u64, visit_u128: u128, visit_char: char,
                visit_str: &str, visit_borrowed_str: &'de str, visit_string: String, visit_bytes: &[u8],
                visit_borrowed_bytes: &'de [u8], visit_byte_buf: Vec<u8>);

            #[inline]
            fn visit_none<E: Error>(self) -> Result<V::Value, E> {
                self.0.visit_none()
            }

            #[inline]
            fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
                self.0.visit_unit()
            }

            #[inline]
            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
                self.0.visit_some(deserializer)
            }

            #[inline]
            fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
                self.0.visit_newtype_struct(deserializer)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<V::Value, A::Error> {
                self.0.visit_seq(items)
            }

            fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<V::Value, A::Error> {
                self.0.visit_map(entries)
            }

            fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<V::Value, A::Error> {
                self.0.visit_enum(data)
            }
        }
    };
}

sees_floats! { Whole:
    fn visit_f32<E: Error>(self, value: f32) -> Result<V::Value, E> {
        self.visit_f64(value.into())
    }

    #[allow(clippy::cast_possible_truncation, reason = "it is whole and small enough")]
    fn visit_f64<E: Error>(self, value: f64) -> Result<V::Value, E> {
        match value.fract() == 0.0 && value.abs() <= SAFE {
            true => self.0.visit_i64(value as i64),
            false => self.0.visit_f64(value),
        }
    }
}

sees_floats! { Single:
    #[inline]
    fn visit_f32<E: Error>(self, value: f32) -> Result<V::Value, E> {
        self.0.visit_f32(value)
    }

    #[inline]
    fn visit_f64<E: Error>(self, value: f64) -> Result<V::Value, E> {
        match overflows(value) {
            true => Err(E::invalid_value(Unexpected::Float(value), &self.0)),
            false => self.0.visit_f64(value),
        }
    }
}
