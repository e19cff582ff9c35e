//! Reading one node of a schema: references, allowed types, extensions.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::rules::Sanitizers;

/// How many references and alternatives are followed without going deeper into the value.
pub(super) const MAX_HOPS: usize = 24;

/// A set of JSON types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Types(u8);

impl Types {
    pub(super) const NONE: Self = Self(0);
    pub(super) const NULL: Self = Self(1);
    pub(super) const BOOLEAN: Self = Self(2);
    pub(super) const INTEGER: Self = Self(4);
    /// Integers are numbers too.
    pub(super) const NUMBER: Self = Self(8 | 4);
    pub(super) const STRING: Self = Self(16);
    pub(super) const ARRAY: Self = Self(32);
    pub(super) const OBJECT: Self = Self(64);
    pub(super) const ANY: Self = Self(127);

    /// Whether null is allowed.
    pub fn null(self) -> bool {
        self.has(Self::NULL)
    }

    /// Whether booleans are allowed.
    pub fn boolean(self) -> bool {
        self.has(Self::BOOLEAN)
    }

    /// Whether integers are allowed.
    pub fn integer(self) -> bool {
        self.has(Self::INTEGER)
    }

    /// Whether numbers with a fraction are allowed.
    pub fn number(self) -> bool {
        self.has(Self::NUMBER)
    }

    /// Whether texts are allowed.
    pub fn string(self) -> bool {
        self.has(Self::STRING)
    }

    /// Whether arrays are allowed.
    pub fn array(self) -> bool {
        self.has(Self::ARRAY)
    }

    /// Whether objects are allowed.
    pub fn object(self) -> bool {
        self.has(Self::OBJECT)
    }

    /// Whether every type is allowed, as in a schema that says nothing.
    pub fn any(self) -> bool {
        self == Self::ANY
    }

    pub(super) fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether a value can be of both.
    pub fn overlaps(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(super) fn without_null(self) -> Self {
        Self(self.0 & !Self::NULL.0)
    }

    fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    fn named(name: &str) -> Self {
        match name {
            "null" => Self::NULL,
            "boolean" => Self::BOOLEAN,
            "integer" => Self::INTEGER,
            "number" => Self::NUMBER,
            "string" => Self::STRING,
            "array" => Self::ARRAY,
            "object" => Self::OBJECT,
            _ => Self::NONE,
        }
    }

    /// What the `type` keyword says.
    pub(super) fn declared(node: &Map<String, Value>) -> Self {
        match node.get("type") {
            Some(Value::String(name)) => Self::named(name),
            Some(Value::Array(names)) => {
                names.iter().filter_map(Value::as_str).map(Self::named).fold(Self::NONE, Self::or)
            }
            _ => Self::ANY,
        }
    }

    /// The type of a value. A whole number is an integer, however it is written.
    pub(super) fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::NULL,
            Value::Bool(_) => Self::BOOLEAN,
            Value::Number(number) if number.as_f64().is_some_and(|n| n.fract() == 0.0) => Self::INTEGER,
            Value::Number(_) => Self::NUMBER,
            Value::String(_) => Self::STRING,
            Value::Array(_) => Self::ARRAY,
            Value::Object(_) => Self::OBJECT,
        }
    }
}

/// The types `schema` allows, seen through references and alternatives.
pub(super) fn types(root: &Value, schema: &Value) -> Types {
    types_within(root, schema, MAX_HOPS)
}

fn types_within(root: &Value, schema: &Value, hops: usize) -> Types {
    let node = match schema {
        Value::Bool(false) => return Types::NONE,
        Value::Object(node) if hops > 0 => node,
        _ => return Types::ANY,
    };
    let mut allowed = Types::declared(node);
    if let Some(target) = reference(root, node) {
        allowed = allowed.and(types_within(root, target, hops - 1));
    }
    if let Some(values) = node.get("enum").and_then(Value::as_array) {
        allowed = allowed.and(values.iter().map(Types::of).fold(Types::NONE, Types::or));
    }
    if let Some(value) = node.get("const") {
        allowed = allowed.and(Types::of(value));
    }
    for choice in alternatives(node) {
        let union =
            choice.iter().map(|schema| types_within(root, schema, hops - 1)).fold(Types::NONE, Types::or);
        allowed = allowed.and(union);
    }
    for schema in list(node, "allOf") {
        allowed = allowed.and(types_within(root, schema, hops - 1));
    }
    allowed
}

/// The `anyOf` and `oneOf` of a node.
pub(super) fn alternatives(node: &Map<String, Value>) -> impl Iterator<Item = &[Value]> {
    ["anyOf", "oneOf"]
        .into_iter()
        .filter_map(|key| node.get(key))
        .filter_map(Value::as_array)
        .map(Vec::as_slice)
}

/// The schemas under an array keyword.
pub(super) fn list<'s>(node: &'s Map<String, Value>, key: &str) -> &'s [Value] {
    node.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The object under a keyword such as `properties`.
pub(super) fn map<'s>(node: &'s Map<String, Value>, key: &str) -> Option<&'s Map<String, Value>> {
    node.get(key).and_then(Value::as_object)
}

/// A count such as `minLength`.
pub(super) fn count(node: &Map<String, Value>, key: &str) -> Option<usize> {
    node.get(key).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok())
}

/// Whether an object's keys are data, as in a map, rather than names the schema knows.
pub(super) fn is_record(node: &Map<String, Value>) -> bool {
    let values = map(node, "patternProperties")
        .and_then(|map| map.values().next())
        .or(node.get("additionalProperties"));
    !node.contains_key("properties") && values.is_some_and(Value::is_object)
}

/// Where the `$ref` of a node leads, inside the document.
pub(super) fn reference<'s>(root: &'s Value, node: &Map<String, Value>) -> Option<&'s Value> {
    let pointer = node.get("$ref")?.as_str()?.strip_prefix('#')?;
    root.pointer(&percent_decoded(pointer))
}

/// A schema and what its references lead to, one after the other.
pub(super) fn chain<'s>(root: &'s Value, schema: &'s Value) -> impl Iterator<Item = &'s Map<String, Value>> {
    std::iter::successors(schema.as_object(), |node| reference(root, node)?.as_object()).take(MAX_HOPS)
}

fn percent_decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = (*first == b'%')
            .then(|| tail.get(..2))
            .flatten()
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &tail[2..] } else { tail };
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

/// Whether the `x-ligand` object of a node sets a flag.
pub(super) fn extension(node: &Map<String, Value>, flag: &str) -> bool {
    map(node, "x-ligand").and_then(|flags| flags.get(flag)).and_then(Value::as_bool).unwrap_or(false)
}

/// The sanitizers of the `x-ligand` object of a node.
pub(super) fn sanitizers(node: &Map<String, Value>) -> Sanitizers {
    Sanitizers {
        trim: extension(node, "trim"),
        lowercase: extension(node, "lowercase"),
        uppercase: extension(node, "uppercase"),
    }
}

/// The texts of errors that the author of a field wrote, by their types; `*` stands for all others.
pub(super) fn texts(node: &Map<String, Value>) -> Option<&Map<String, Value>> {
    map(map(node, "x-ligand")?, "messages")
}
