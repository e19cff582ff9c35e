//! Adds the rules of a `#[check(..)]` attribute to the schema of the field.

use schemars::{Schema, transform::Transform};
use serde_json::{Map, Value};

use super::alias;

/// Rules to be written into the schema of one field, as the `schemars(transform = ..)` of generated code.
///
/// Rules about texts and numbers go to the innermost schema, so `email` on `Option<Vec<String>>` describes the
/// items; rules about lists go to the list. Where `null` is allowed it stays allowed.
///
/// ```
/// use ligand_wire::schema::{Annotate, Schema};
///
/// #[derive(schemars::JsonSchema)]
/// struct User {
///     #[schemars(transform = Annotate::new().length(Some(1), Some(64)).flag("trim"))]
///     name: Option<String>,
/// }
///
/// assert_eq!(Schema::of::<User>().json()["properties"]["name"]["maxLength"], 64);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Annotate {
    value: Map<String, Value>,
    list: Map<String, Value>,
    value_flags: Vec<&'static str>,
    field_flags: Vec<&'static str>,
    non_empty: bool,
    texts: Map<String, Value>,
    aliases: &'static [&'static str],
}

impl Annotate {
    /// No rules yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Length of texts in UTF-16 units.
    pub fn length(self, min: Option<u64>, max: Option<u64>) -> Self {
        self.value_bound("minLength", min).value_bound("maxLength", max)
    }

    /// Bounds of numbers, both included.
    pub fn range(self, min: Option<Value>, max: Option<Value>) -> Self {
        self.value_bound("minimum", min).value_bound("maximum", max)
    }

    /// Numbers above zero.
    pub fn positive(self) -> Self {
        self.value_bound("exclusiveMinimum", Some(0))
    }

    /// The format of texts: `email`, `uri`, `uuid`, ….
    pub fn format(self, format: &'static str) -> Self {
        self.value_bound("format", Some(format))
    }

    /// A regular expression texts must match somewhere.
    pub fn pattern(self, pattern: &'static str) -> Self {
        self.value_bound("pattern", Some(pattern))
    }

    /// One more text that is allowed. Called once for each.
    pub fn one_of(mut self, allowed: &'static str) -> Self {
        if let Value::Array(texts) = self.value.entry("enum").or_insert_with(|| Value::Array(Vec::new())) {
            texts.push(allowed.into());
        }
        self
    }

    /// The number of items in lists.
    pub fn items(mut self, min: Option<u64>, max: Option<u64>) -> Self {
        let bounds = [("minItems", min), ("maxItems", max)];
        self.list.extend(bounds.into_iter().filter_map(|(key, bound)| Some((key.to_owned(), bound?.into()))));
        self
    }

    /// No item of a list may occur twice.
    pub fn unique_items(mut self) -> Self {
        self.list.insert("uniqueItems".into(), Value::Bool(true));
        self
    }

    /// Neither empty texts nor empty lists.
    pub fn non_empty(mut self) -> Self {
        self.non_empty = true;
        self
    }

    /// A flag of `x-ligand` that describes texts: `trim`, `lowercase`, `uppercase`, `url`.
    pub fn flag(mut self, flag: &'static str) -> Self {
        self.value_flags.push(flag);
        self
    }

    /// The value is never quoted.
    pub fn secret(mut self) -> Self {
        self.field_flags.push("secret");
        self
    }

    /// The text of these types of errors about the field, in which `{field}`, `{expected}` and `{actual}` stand for
    /// those; `*` is all that have none of their own.
    pub fn message(mut self, kinds: &[&'static str], text: &'static str) -> Self {
        self.texts.extend(kinds.iter().map(|kind| ((*kind).to_owned(), text.into())));
        self
    }

    /// Other names under which the field is read.
    pub fn aliases(mut self, names: &'static [&'static str]) -> Self {
        self.aliases = names;
        self
    }

    fn value_bound(mut self, key: &str, bound: Option<impl Into<Value>>) -> Self {
        if let Some(bound) = bound {
            self.value.insert(key.to_owned(), bound.into());
        }
        self
    }

    fn apply(&self, node: &mut Map<String, Value>) {
        // An optional reference is an alternative between the reference and null.
        for key in ["anyOf", "oneOf"] {
            let Some(Value::Array(choices)) = node.get_mut(key) else { continue };
            if choices.iter().any(|choice| choice["type"] == "null") {
                choices
                    .iter_mut()
                    .filter(|choice| choice["type"] != "null")
                    .filter_map(Value::as_object_mut)
                    .for_each(|choice| {
                        self.apply(choice);
                    });
                return;
            }
        }
        if has_type(node, "array") {
            node.extend(self.list.clone());
            if self.non_empty {
                node.entry("minItems").or_insert_with(|| 1.into());
                set_flags(node, &["nonEmpty"]);
            }
            if let Some(Value::Object(items)) = node.get_mut("items") {
                Self { non_empty: false, list: Map::new(), ..self.clone() }.apply(items);
            }
            return;
        }
        let nullable = has_type(node, "null");
        node.extend(self.value.clone());
        if let Some(Value::Array(allowed)) = node.get_mut("enum")
            && nullable
            && self.value.contains_key("enum")
        {
            allowed.push(Value::Null);
        }
        if self.non_empty {
            if has_type(node, "object") {
                node.entry("minProperties").or_insert_with(|| 1.into());
            } else {
                node.entry("minLength").or_insert_with(|| 1.into());
                set_flags(node, &["nonEmpty"]);
            }
        }
        set_flags(node, &self.value_flags);
    }
}

impl Transform for Annotate {
    fn transform(&mut self, schema: &mut Schema) {
        let node = schema.ensure_object();
        set_flags(node, &self.field_flags);
        alias::note(node, alias::ALIASES, self.aliases);
        if !self.texts.is_empty()
            && let Value::Object(extension) = extension(node)
        {
            extension.insert("messages".into(), Value::Object(self.texts.clone()));
        }
        self.apply(node);
    }
}

fn has_type(node: &Map<String, Value>, name: &str) -> bool {
    match node.get("type") {
        Some(Value::String(only)) => only == name,
        Some(Value::Array(names)) => names.iter().any(|n| n == name),
        _ => false,
    }
}

pub(super) fn extension(node: &mut Map<String, Value>) -> &mut Value {
    node.entry("x-ligand").or_insert_with(|| Value::Object(Map::new()))
}

fn set_flags(node: &mut Map<String, Value>, flags: &[&str]) {
    if flags.is_empty() {
        return;
    }
    if let Value::Object(extension) = extension(node) {
        extension.extend(flags.iter().map(|flag| ((*flag).to_owned(), Value::Bool(true))));
    }
}
