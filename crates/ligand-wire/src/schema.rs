//! The shape of a payload: one JSON Schema document, and what can be done with it.
//!
//! A typed payload is decoded and checked by its own generated code; the schema is what everybody else reads: the
//! OpenAPI document, the `params` of the INFO packet ([`Schema::fastest`]), the HTTP gateway that turns text into
//! numbers ([`Schema::convert`]), and the report of everything that is wrong with a refused value
//! ([`Schema::check`]).
//!
//! ```
//! use ligand_wire::schema::Schema;
//! use schemars::JsonSchema;
//! use serde_json::json;
//!
//! #[derive(JsonSchema)]
//! struct Add {
//!     a: u8,
//!     b: u8,
//! }
//!
//! let schema = Schema::of::<Add>();
//! let mut query = json!({ "a": "5", "b": "300" });
//! schema.convert(&mut query);
//! let errors = schema.check(&query);
//! assert_eq!(errors[0].message, "The 'b' field must be less than or equal to 255.");
//! ```
//!
//! # Understood
//!
//! `$ref`, `type`, `enum`, `const`, `allOf`, `anyOf`, `oneOf` (like `anyOf`), `properties`, `required`,
//! `additionalProperties`, `unevaluatedProperties`, `patternProperties`, `minProperties`, `maxProperties`, `items`,
//! `prefixItems`, `minItems`, `maxItems`, `uniqueItems`, `minLength`, `maxLength`, `pattern`, `minimum`, `maximum`,
//! `exclusiveMinimum`, `exclusiveMaximum` and the formats `email`, `uri`, `uuid`, `date-time`, `zoned-date-time`,
//! `partial-date-time`, `date`, `time`, `partial-time`, `decimal`, `ip`, `ipv4`, `ipv6` and those of Rust's integers.
//! Other keywords are kept in the document and not checked. Lengths are UTF-16 units.
//!
//! The extension `x-ligand` on a property is an object with any of `trim`, `lowercase`, `uppercase` (applied before
//! the checks), `nonEmpty`, `url` (the `uri` must be http or https), `versioned` (the `uuid` has a version of RFC 9562
//! or is nil) and `secret` (its value is never quoted), `messages`: texts of errors by their types, `aliases`: other
//! names under which the property is read, and `otherTexts`: those of its `enum` that stand for others of them.

mod alias;
mod annotate;
mod announced;
mod check;
mod choice;
mod convert;
mod error;
mod fastest;
mod format;
mod measure;
mod message;
mod node;
mod part;
mod path;

use std::{collections::HashMap, fmt, sync::Arc};

use regex_lite::Regex;
use serde_json::Value;

pub use alias::VariantAliases;
pub use annotate::Annotate;
pub use error::FieldError;
pub use node::Types;
pub use part::Part;
pub(crate) use path::Segment;
pub use schemars::JsonSchema;

/// Nesting beyond which a value is refused (one error of type `depth`) instead of risking the stack.
pub const MAX_DEPTH: usize = 100;

/// The most errors one [`Schema::check`] reports.
pub const MAX_ERRORS: usize = 100;

/// The longest `actual` quoted in an error, in characters.
pub const MAX_ACTUAL: usize = 200;

/// A JSON Schema 2020-12 document, shared by its clones.
#[derive(Clone)]
pub struct Schema(Arc<Inner>);

pub(crate) struct Inner {
    json: Value,
    /// Every `pattern` of the document that compiles.
    patterns: HashMap<String, Regex>,
    has_secrets: bool,
}

/// One top-level property, as [`Schema::properties`] lists it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Property<'a> {
    /// The name on the wire.
    pub name: &'a str,
    /// The JSON types it may have.
    pub types: Types,
    /// Whether it must be present.
    pub required: bool,
    /// Its own schema.
    pub json: &'a Value,
}

impl Property<'_> {
    /// Whether values of the type do not show it when they are written.
    pub fn is_unwritten(&self) -> bool {
        is_unwritten(self.json)
    }
}

impl<'a> Property<'a> {
    /// Its name, and the others under which it is read.
    pub fn names(self) -> impl Iterator<Item = &'a str> {
        std::iter::once(self.name).chain(alias::of(self.json))
    }
}

/// For macros: values of the type show this property, whatever its schema says.
#[doc(hidden)]
pub fn written(property: &mut schemars::Schema) {
    property.remove("writeOnly");
}

fn is_unwritten(property: &Value) -> bool {
    property.get("writeOnly") == Some(&Value::Bool(true))
}

impl Schema {
    /// The schema of what `T` deserializes from.
    ///
    /// A `pattern` that [`regex_lite`] cannot compile is kept in the document but not checked.
    ///
    /// ```
    /// # use ligand_wire::schema::Schema;
    /// let schema = Schema::of::<Vec<u8>>();
    /// assert!(schema.check(&serde_json::json!([1, 2])).is_empty());
    /// ```
    pub fn of<T: schemars::JsonSchema>() -> Self {
        let generator = schemars::generate::SchemaSettings::draft2020_12().into_generator();
        let mut json = generator.into_root_schema_for::<T>().to_value();
        format::name_decimals(&mut json);
        let (patterns, _) = compile_patterns(&json);
        Self::new(json, patterns)
    }

    /// A schema written elsewhere.
    ///
    /// ```
    /// # use ligand_wire::schema::Schema;
    /// # use serde_json::json;
    /// let schema = Schema::from_json(json!({
    ///     "type": "object",
    ///     "properties": { "name": { "type": "string", "minLength": 3 } },
    ///     "required": ["name"]
    /// }))?;
    /// let errors = schema.check(&json!({ "name": "Al" }));
    /// assert_eq!((errors[0].kind.as_ref(), errors[0].field.as_deref()), ("stringMin", Some("name")));
    /// assert!(Schema::from_json(json!("name")).is_err());
    /// # Ok::<_, String>(())
    /// ```
    ///
    /// # Errors
    /// When the document is neither an object nor a boolean, or holds a `pattern` that does not compile.
    pub fn from_json(json: Value) -> Result<Self, String> {
        if !json.is_object() && !json.is_boolean() {
            return Err("a JSON Schema is an object or a boolean; wrap the rule in an object".into());
        }
        let (patterns, errors) = compile_patterns(&json);
        match errors.into_iter().next() {
            Some(error) => Err(error),
            None => Ok(Self::new(json, patterns)),
        }
    }

    /// The schema of the `params` that another node announces, in the notation of fastest-validator; `None` when it is
    /// none, or too large.
    ///
    /// It is there to convert texts and to describe the action. The node checks for itself, by rules of its own: what is
    /// not understood allows everything, and patterns are not checked.
    ///
    /// ```
    /// # use ligand_wire::schema::Schema;
    /// # use serde_json::json;
    /// let Some(schema) = Schema::announced(&json!({ "id": "number" })) else { unreachable!("it is an object") };
    /// assert_eq!(schema.has_property("id"), Some(true));
    /// ```
    pub fn announced(params: &Value) -> Option<Self> {
        announced::translate(params).map(|json| Self::new(json, HashMap::new()))
    }

    fn new(json: Value, patterns: HashMap<String, Regex>) -> Self {
        let mut has_secrets = false;
        visit(&json, &mut |node| has_secrets |= node::extension(node, "secret"));
        Self(Arc::new(Inner { json, patterns, has_secrets }))
    }

    /// True when some field is marked as secret: then nothing of a value is quoted.
    pub fn has_secrets(&self) -> bool {
        self.0.has_secrets
    }

    /// The JSON types that the schema allows.
    pub fn types(&self) -> Types {
        node::types(&self.0.json, &self.0.json)
    }

    /// The document.
    pub fn json(&self) -> &Value {
        &self.0.json
    }

    /// Everything that is wrong with `value`, in the shape Moleculer reports it; empty when nothing is.
    ///
    /// At most [`MAX_ERRORS`] errors. `null` at the root counts as `{}` where an object is expected, as Moleculer
    /// passes "no parameters". Nothing is changed: sanitizers apply to what is checked, not to `value`.
    pub fn check(&self, value: &Value) -> Vec<FieldError> {
        check::check(&self.0, value)
    }

    /// Turns the texts of a query string or path into what the schema expects, in place.
    ///
    /// Text becomes a number or a boolean (`true`, `1`, `on`, `false`, `0`, `off`), and a single value becomes an
    /// array of one, where the schema expects that and does not allow a text. What cannot be turned stays as it is
    /// for [`check`](Self::check) to report.
    ///
    /// ```
    /// # use ligand_wire::schema::Schema;
    /// # use serde_json::json;
    /// let schema = Schema::from_json(json!({ "type": "object", "properties": { "page": { "type": "integer" } } }))?;
    /// let mut query = json!({ "page": "2" });
    /// schema.convert(&mut query);
    /// assert_eq!(query, json!({ "page": 2 }));
    /// # Ok::<_, String>(())
    /// ```
    pub fn convert(&self, value: &mut Value) {
        convert::convert(&self.0, value);
    }

    /// The schema in the notation of fastest-validator, as Moleculer nodes publish `params`.
    ///
    /// Recursive types are cut where they meet themselves (`any`).
    ///
    /// ```
    /// # use ligand_wire::schema::Schema;
    /// # use serde_json::json;
    /// let document = json!({ "type": "object", "properties": { "name": { "type": "string" } }, "required": ["name"] });
    /// assert_eq!(Schema::from_json(document)?.fastest()["name"]["type"], "string");
    /// # Ok::<_, String>(())
    /// ```
    pub fn fastest(&self) -> Value {
        fastest::translate(&self.0)
    }

    /// The whole document.
    pub fn root(&self) -> Part<'_> {
        Part { root: &self.0.json, json: &self.0.json }
    }

    /// Whether the root object has a property; `None` when the document does not say: it has alternatives, allows for
    /// further properties, or is about something else.
    ///
    /// ```
    /// # use ligand_wire::schema::Schema;
    /// # use serde_json::json;
    /// let closed = json!({ "type": "object", "properties": { "id": {} }, "additionalProperties": false });
    /// let schema = Schema::from_json(closed)?;
    /// assert_eq!((schema.has_property("id"), schema.has_property("name")), (Some(true), Some(false)));
    /// # Ok::<_, String>(())
    /// ```
    pub fn has_property(&self, name: &str) -> Option<bool> {
        let root = &self.0.json;
        let mut known = false;
        for node in node::chain(root, root) {
            let open =
                ["allOf", "anyOf", "oneOf", "patternProperties"].iter().any(|key| node.contains_key(*key))
                    || ["additionalProperties", "unevaluatedProperties"]
                        .iter()
                        .any(|key| node.get(*key).is_some_and(|more| *more != Value::Bool(false)));
            let properties = node::map(node, "properties");
            if properties.is_some_and(|properties| properties.contains_key(name)) {
                return Some(true);
            }
            if open {
                return None;
            }
            known |= properties.is_some();
        }
        known.then_some(false)
    }

    /// The property of the root object that a sender means by a name: its own, or another under which it is read.
    ///
    /// ```
    /// # use ligand_wire::schema::Schema;
    /// # use serde_json::json;
    /// let isbn = json!({ "type": "string", "x-ligand": { "aliases": ["ean"] } });
    /// let schema = Schema::from_json(json!({ "type": "object", "properties": { "isbn": isbn } }))?;
    /// assert_eq!(schema.meant("ean").map(|property| property.name), Some("isbn"));
    /// assert_eq!(schema.meant("id"), None);
    /// # Ok::<_, String>(())
    /// ```
    pub fn meant(&self, name: &str) -> Option<Property<'_>> {
        let named = |property: &Property<'_>| property.names().any(|own| own == name);
        self.properties().find(|property| property.name == name).or_else(|| self.properties().find(named))
    }

    /// The first property anywhere that values of the type do not show when they are written.
    pub fn unwritten(&self) -> Option<String> {
        let mut found = None;
        visit(&self.0.json, &mut |node| {
            let properties = node::map(node, "properties").into_iter().flatten();
            for (name, _) in properties.filter(|(_, json)| is_unwritten(json)) {
                found.get_or_insert_with(|| name.clone());
            }
        });
        found
    }

    /// The properties of the root object; none when the schema is of another type.
    ///
    /// ```
    /// # use ligand_wire::schema::Schema;
    /// # use serde_json::json;
    /// let document = json!({ "type": "object", "properties": { "id": { "type": "integer" } }, "required": ["id"] });
    /// let schema = Schema::from_json(document)?;
    /// let names: Vec<_> = schema.properties().map(|property| (property.name, property.required)).collect();
    /// assert_eq!(names, [("id", true)]);
    /// # Ok::<_, String>(())
    /// ```
    pub fn properties(&self) -> impl Iterator<Item = Property<'_>> {
        let root = &self.0.json;
        node::chain(root, root).flat_map(move |node| {
            let required = node::list(node, "required");
            node::map(node, "properties").into_iter().flatten().map(move |(name, json)| Property {
                name,
                types: node::types(root, json),
                required: required.iter().any(|required| required == name),
                json,
            })
        })
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schema({})", self.0.json)
    }
}

impl PartialEq for Schema {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.json == other.0.json
    }
}

impl serde::Serialize for Schema {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.json.serialize(serializer)
    }
}

fn compile_patterns(json: &Value) -> (HashMap<String, Regex>, Vec<String>) {
    let (mut patterns, mut errors) = (HashMap::new(), Vec::new());
    visit(json, &mut |node| {
        let pattern = node.get("pattern").and_then(Value::as_str).into_iter();
        let names =
            node.get("patternProperties").and_then(Value::as_object).into_iter().flat_map(|map| map.keys());
        for pattern in pattern.chain(names.map(String::as_str)) {
            match Regex::new(pattern) {
                Ok(regex) => drop(patterns.insert(pattern.to_owned(), regex)),
                Err(error) => errors.push(format!("the pattern `{pattern}` does not compile: {error}")),
            }
        }
    });
    (patterns, errors)
}

/// Calls `each` with every object of the document, without recursion.
fn visit(json: &Value, each: &mut dyn FnMut(&serde_json::Map<String, Value>)) {
    let mut left = vec![json];
    while let Some(value) = left.pop() {
        match value {
            Value::Object(node) => {
                each(node);
                left.extend(node.values());
            }
            Value::Array(items) => left.extend(items),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
