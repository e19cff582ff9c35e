//! Values that are one of a few names.

/// Reads the type from one of its names, however they are spelled: `memory_lru`, `MemoryLRU`, `memory-lru`.
macro_rules! names {
    ($type:ident, $($name:literal => $variant:ident),+ $(,)?) => {
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str($crate::config::names::Names(&[$(($name, Self::$variant)),+]))
            }
        }
    };
}

pub(super) use names;

use std::fmt;

use serde::de;

use super::hint::{meant, named};

pub(super) struct Names<'a, T>(pub(super) &'a [(&'static str, T)]);

impl<T: Copy> de::Visitor<'_> for Names<'_, T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.0.iter().map(|(name, _)| *name).collect();
        write!(f, "one of {}", names.join(", "))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        named(text, self.0).ok_or_else(|| {
            let names: Vec<_> = self.0.iter().map(|(name, _)| *name).collect();
            let near =
                meant(text, &names).map_or_else(String::new, |name| format!("did you mean '{name}'? "));
            E::custom(format!("there is no such name; {near}there are {}", names.join(", ")))
        })
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }
}
