//! The types of `time` inside options, lists and maps.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, LinkedList, VecDeque},
    hash::{BuildHasher, Hash},
    marker::PhantomData,
    sync::Arc,
};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use super::{Text, Written};
use crate::Patch;

/// A value by reference, as [`Written`] writes it.
struct Shown<'a, T>(&'a T);

impl<T: Written> Serialize for Shown<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.write(serializer)
    }
}

/// A value as [`Written`] reads it.
struct Owned<T>(T);

impl<'de, T: Written> Deserialize<'de> for Owned<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::read(deserializer).map(Self)
    }
}

impl<T: Written> Written for Option<T> {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_ref().map(Shown).serialize(serializer)
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::<Owned<T>>::deserialize(deserializer)?.map(|value| value.0))
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        Option::<Text<T>>::json_schema(generator)
    }
}

impl<T: Written> Written for Patch<T> {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_ref().map(Shown).serialize(serializer)
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Patch::<Owned<T>>::deserialize(deserializer)?.map(|value| value.0))
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        Option::<Text<T>>::json_schema(generator)
    }
}

macro_rules! pointers {
    ($($type:ident),*) => {
        $(impl<T: Written> Written for $type<T> {
            fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                (**self).write(serializer)
            }

            fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                T::read(deserializer).map(Self::new)
            }

            fn schema(generator: &mut SchemaGenerator) -> Schema {
                T::schema(generator)
            }
        })*
    };
}

pointers!(Box, Arc);

macro_rules! lists {
    ($([$($bound:tt)*] [$($generics:tt)*] $type:ty, $schema:ident;)*) => {
        $(impl<T: Written + $($bound)*, $($generics)*> Written for $type {
            fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_seq(self.iter().map(Shown))
            }

            fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let items = Vec::<Owned<T>>::deserialize(deserializer)?;
                Ok(items.into_iter().map(|item| item.0).collect())
            }

            fn schema(generator: &mut SchemaGenerator) -> Schema {
                $schema::<Text<T>>::json_schema(generator)
            }
        })*
    };
}

lists! {
    [] [] Vec<T>, Vec;
    [] [] Box<[T]>, Vec;
    [] [] VecDeque<T>, Vec;
    [] [] LinkedList<T>, Vec;
    [Ord] [] BTreeSet<T>, BTreeSet;
    [Eq + Hash] [H: BuildHasher + Default] HashSet<T, H>, BTreeSet;
}

impl<T: Written, const N: usize> Written for [T; N] {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Shown))
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let items = Vec::<T>::read(deserializer)?;
        let length = items.len();
        items
            .try_into()
            .map_err(|_| D::Error::custom(format_args!("invalid length {length}, expected {N} items")))
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        let items = generator.subschema_for::<Text<T>>();
        json_schema!({ "type": "array", "items": items, "minItems": N, "maxItems": N })
    }
}

macro_rules! maps {
    ($([$($bound:tt)*] [$($generics:tt)*] $type:ty),*) => {
        $(impl<K, V: Written, $($generics)*> Written for $type
        where
            K: Serialize + for<'k> Deserialize<'k> + JsonSchema + $($bound)*,
        {
            fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_map(self.iter().map(|(key, value)| (key, Shown(value))))
            }

            fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let entries = <Vec<(K, Owned<V>)> as Entries<K, V>>::read(deserializer)?;
                Ok(entries.into_iter().map(|(key, value)| (key, value.0)).collect())
            }

            fn schema(generator: &mut SchemaGenerator) -> Schema {
                BTreeMap::<K, Text<V>>::json_schema(generator)
            }
        })*
    };
}

maps!([Ord] [] BTreeMap<K, V>, [Eq + Hash] [H: BuildHasher + Default] HashMap<K, V, H>);

/// The entries of a map in their order, before it is known which kind of map they make.
trait Entries<K, V>: Sized {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
}

impl<K: for<'k> Deserialize<'k>, V: Written> Entries<K, V> for Vec<(K, Owned<V>)> {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<K, V>(PhantomData<(K, V)>);

        impl<'de, K: for<'k> Deserialize<'k>, V: Written> serde::de::Visitor<'de> for Visitor<K, V> {
            type Value = Vec<(K, Owned<V>)>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(entries)
            }
        }

        deserializer.deserialize_map(Visitor(PhantomData))
    }
}
