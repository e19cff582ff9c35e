//! A configured value that knows where it came from.
//!
//! Values of a file have types; variables are texts. What a text means is decided by the field that takes it: `01` is a
//! number for a number and a text for a text. Only where the field takes anything is it guessed.

use std::collections::BTreeMap;

use serde::{
    Deserialize, Deserializer, de,
    de::{
        IntoDeserializer,
        value::{MapAccessDeserializer, MapDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};
use toml::{Table, Value};

use super::hint::{plain, unknown_key};

/// What is wrong, for people.
pub(super) type Flaw = de::value::Error;

#[derive(Clone, Debug)]
pub(super) enum Node {
    /// From the file; no table and no list.
    Value(Value),
    /// From the environment.
    Text(Text),
    List(Vec<Node>),
    Table(BTreeMap<String, Node>),
}

#[derive(Clone, Debug)]
pub(super) struct Text {
    pub(super) text: String,
    /// Empty for a text whose place is not known any more.
    pub(super) variable: String,
    /// It stays a text where the field takes anything.
    pub(super) literal: bool,
}

impl Node {
    pub(super) fn table(table: Table) -> Self {
        Self::Table(table.into_iter().map(|(key, value)| (key, value.into())).collect())
    }

    /// Another text from the same place.
    pub(super) fn with_text(self, text: String) -> Self {
        match self {
            Self::Text(own) => Self::Text(Text { text, ..own }),
            _ => Self::Value(Value::String(text)),
        }
    }

    /// What stands at a path of keys and list places.
    pub(super) fn find<'a>(&self, mut path: impl Iterator<Item = &'a str>) -> Option<&Self> {
        path.try_fold(self, |node, step| match node {
            // A variable's name has no capitals, and it wins.
            Self::Table(table) => {
                let other = |key: &String| key != step && plain(key) == plain(step);
                let mut variables = table.iter().filter(|(key, node)| other(key) && node.is_of_variables());
                variables.next().map(|(_, node)| node).or_else(|| table.get(step))
            }
            Self::List(list) => list.get(step.parse::<usize>().ok()?),
            // The entries of a variable are where it is.
            Self::Text(_) => Some(node),
            Self::Value(_) => None,
        })
    }
}

impl From<Value> for Node {
    fn from(value: Value) -> Self {
        match value {
            Value::Table(table) => Self::table(table),
            Value::Array(list) => Self::List(list.into_iter().map(Into::into).collect()),
            // Dates are texts for every type but the ones of the parser.
            Value::Datetime(date) => Self::Value(Value::String(date.to_string())),
            other => Self::Value(other),
        }
    }
}

impl From<serde_json::Value> for Node {
    /// Texts mean what their field takes, as those of variables do: a [`ComponentOptions`](super::ComponentOptions) keeps nothing but texts of these.
    fn from(value: serde_json::Value) -> Self {
        match value {
            serde_json::Value::String(text) => {
                Self::Text(Text { text, variable: String::new(), literal: false })
            }
            serde_json::Value::Array(list) => Self::List(list.into_iter().map(Into::into).collect()),
            serde_json::Value::Object(table) => Self::Table(
                table
                    .into_iter()
                    .filter(|(_, value)| !value.is_null())
                    .map(|(key, value)| (key, value.into()))
                    .collect(),
            ),
            serde_json::Value::Bool(value) => Self::Value(Value::Boolean(value)),
            serde_json::Value::Number(number) => match number.as_i64() {
                Some(number) => Self::Value(Value::Integer(number)),
                None => Self::Value(Value::Float(number.as_f64().unwrap_or(f64::NAN))),
            },
            serde_json::Value::Null => Self::Table(BTreeMap::new()),
        }
    }
}

impl Text {
    fn parse<T: std::str::FromStr>(&self, what: &str) -> Result<T, Flaw> {
        // Not quoted: it may be a secret at the wrong place.
        self.text.trim().parse().map_err(|_| de::Error::custom(format!("it is not {what}")))
    }

    fn truth(&self) -> Result<bool, Flaw> {
        match self.text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Ok(true),
            "false" | "0" | "no" | "off" => Ok(false),
            _ => Err(de::Error::custom("it is not true or false")),
        }
    }

    /// Entries of a list: as the file writes one, or with commas.
    fn list(self) -> Vec<Node> {
        let entry = |text: &str| Node::Text(Self { text: text.trim().to_owned(), ..self.clone() });
        if self.text.trim().starts_with('[')
            && let Ok(mut table) = toml::from_str::<Table>(&format!("list = {}", self.text))
            && let Some(Value::Array(list)) = table.remove("list")
        {
            return list.into_iter().map(Into::into).collect();
        }
        self.text.split(',').filter(|part| !part.trim().is_empty()).map(entry).collect()
    }

    fn any<'de, V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        match &*self.text {
            _ if self.literal => visitor.visit_string(self.text),
            "true" | "True" | "TRUE" => visitor.visit_bool(true),
            "false" | "False" | "FALSE" => visitor.visit_bool(false),
            // A text of a component's options, not of a variable: where a number is meant, its type asks for one.
            _ if self.variable.is_empty() => visitor.visit_string(self.text),
            text => match (text.parse::<i64>(), text.parse::<f64>()) {
                (Ok(number), _) => visitor.visit_i64(number),
                (_, Ok(number)) if number.is_finite() => visitor.visit_f64(number),
                _ => visitor.visit_string(self.text),
            },
        }
    }
}

macro_rules! numbers {
    ($($method:ident $visit:ident $type:ty, $what:literal;)*) => {$(
        fn $method<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
            match self {
                Self::Text(text) => visitor.$visit(text.parse::<$type>($what)?),
                other => other.deserialize_any(visitor),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Node {
    type Error = Flaw;

    fn deserialize_any<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        match self {
            Self::Value(value) => {
                value.deserialize_any(visitor).map_err(|error| de::Error::custom(error.message()))
            }
            Self::Text(text) => text.any(visitor),
            Self::List(list) => SeqDeserializer::new(list.into_iter()).deserialize_any(visitor),
            Self::Table(table) => MapDeserializer::new(table.into_iter()).deserialize_any(visitor),
        }
    }

    fn deserialize_bool<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        match self {
            Self::Text(text) => visitor.visit_bool(text.truth()?),
            other => other.deserialize_any(visitor),
        }
    }

    numbers! {
        deserialize_i8 visit_i8 i8, "a whole number from -128 to 127";
        deserialize_i16 visit_i16 i16, "a whole number from -32768 to 32767";
        deserialize_i32 visit_i32 i32, "a whole number of 32 bits";
        deserialize_i64 visit_i64 i64, "a whole number";
        deserialize_u8 visit_u8 u8, "a whole number from 0 to 255";
        deserialize_u16 visit_u16 u16, "a whole number from 0 to 65535";
        deserialize_u32 visit_u32 u32, "a whole number of 32 bits, at least 0";
        deserialize_u64 visit_u64 u64, "a whole number, at least 0";
        deserialize_f32 visit_f32 f32, "a number";
        deserialize_f64 visit_f64 f64, "a number";
    }

    fn deserialize_str<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        match self {
            Self::Text(text) => visitor.visit_string(text.text),
            other => other.deserialize_any(visitor),
        }
    }

    fn deserialize_string<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        self.deserialize_str(visitor)
    }

    fn deserialize_char<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: de::Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Flaw> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        match self {
            Self::Text(text) => SeqDeserializer::new(text.list().into_iter()).deserialize_any(visitor),
            other => other.deserialize_any(visitor),
        }
    }

    fn deserialize_struct<V: de::Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Flaw> {
        match self {
            Self::Table(mut table) => {
                // Variables have no capitals: `HTTP_PORT` is `httpPort` where that is the field's name.
                for key in table.keys().cloned().collect::<Vec<_>>() {
                    let Some(field) = fields.iter().find(|field| plain(field) == plain(&key)) else {
                        continue;
                    };
                    if fields.contains(&&*key) || !table[&key].is_of_variables() {
                        continue;
                    }
                    if let Some(node) = table.remove(&key) {
                        lay(&mut table, (*field).to_owned(), node);
                    }
                }
                // Here the names are known that one may have meant. A type that lists none is asked.
                if let Some(key) = table.keys().find(|key| !fields.is_empty() && !fields.contains(&&***key)) {
                    return Err(de::Error::custom(unknown_key(key, fields)));
                }
                Self::Table(table).deserialize_any(visitor)
            }
            other => other.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: de::Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Flaw> {
        match self {
            Self::Text(Text { text, .. }) | Self::Value(Value::String(text)) => {
                visitor.visit_enum(text.into_deserializer())
            }
            Self::Table(table) => {
                visitor.visit_enum(MapAccessDeserializer::new(MapDeserializer::new(table.into_iter())))
            }
            _ => Err(de::Error::custom("it is not one of the names that are known")),
        }
    }

    forward_to_deserialize_any! {
        i128 u128 bytes byte_buf unit unit_struct tuple tuple_struct map identifier ignored_any
    }
}

impl Node {
    /// Nothing of it stands in the file.
    pub(super) fn is_of_variables(&self) -> bool {
        match self {
            Self::Text(text) => !text.variable.is_empty(),
            Self::Table(table) => table.values().all(Self::is_of_variables),
            Self::Value(_) | Self::List(_) => false,
        }
    }
}

/// Sections are laid over each other, all else is replaced.
fn lay(table: &mut BTreeMap<String, Node>, key: String, over: Node) {
    match (table.get_mut(&key), over) {
        (Some(Node::Table(own)), Node::Table(over)) => {
            over.into_iter().for_each(|(key, node)| lay(own, key, node));
        }
        (_, over) => _ = table.insert(key, over),
    }
}

impl<'de> IntoDeserializer<'de, Flaw> for Node {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Into::into)
    }
}
