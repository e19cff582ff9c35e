//! One id or many.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{SeqAccess, Visitor},
};

/// The most ids of one `get`.
pub(crate) const MAX_IDS: usize = 1000;

/// One id, or a list of them. Numbers are read as their text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Ids {
    /// One: missing it is an error.
    One(String),
    /// Many: missing ones are left out.
    Many(Vec<String>),
}

impl Ids {
    pub(super) fn is_valid(&self) -> bool {
        !matches!(self, Self::Many(ids) if ids.len() > MAX_IDS)
    }
}

impl Default for Ids {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl From<&str> for Ids {
    fn from(id: &str) -> Self {
        Self::One(id.to_owned())
    }
}

impl From<String> for Ids {
    fn from(id: String) -> Self {
        Self::One(id)
    }
}

impl From<&String> for Ids {
    fn from(id: &String) -> Self {
        Self::One(id.clone())
    }
}

impl From<Vec<String>> for Ids {
    fn from(ids: Vec<String>) -> Self {
        Self::Many(ids)
    }
}

impl<'de> Deserialize<'de> for Ids {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Ids;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an id or a list of ids")
            }

            fn visit_str<E>(self, id: &str) -> Result<Ids, E> {
                Ok(Ids::One(id.to_owned()))
            }

            fn visit_u64<E>(self, id: u64) -> Result<Ids, E> {
                Ok(Ids::One(id.to_string()))
            }

            fn visit_i64<E>(self, id: i64) -> Result<Ids, E> {
                Ok(Ids::One(id.to_string()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Ids, A::Error> {
                let mut ids = Vec::new();
                while let Some(id) = items.next_element::<String>()? {
                    ids.push(id);
                }
                Ok(Ids::Many(ids))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for Ids {
    fn schema_name() -> Cow<'static, str> {
        "Ids".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [
            { "type": "string" },
            { "type": "integer" },
            { "type": "array", "maxItems": MAX_IDS, "items": { "type": "string" } },
        ] })
    }

    fn inline_schema() -> bool {
        true
    }
}
