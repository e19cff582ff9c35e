//! Other names under which a field or a variant is read, as `#[serde(alias = ..)]` gives them.
//!
//! They stand in `x-ligand` beside what they are names of: a reader takes them, nobody writes them. A property whose
//! value is a variant's name can have both, other names of its own and other texts, which are kept apart.

use schemars::{Schema, transform::Transform};
use serde_json::{Map, Value};

use super::{
    annotate::extension,
    node::{self, list, map},
};

/// Names of the property itself.
pub(super) const ALIASES: &str = "aliases";

/// Texts of its `enum` that stand for others of them.
pub(super) const OTHER_TEXTS: &str = "otherTexts";

/// The other names of the property that `schema` describes.
pub(super) fn of(schema: &Value) -> impl Iterator<Item = &str> {
    schema.as_object().into_iter().flat_map(|node| noted(node, ALIASES))
}

/// What a node says under one of the keys.
pub(super) fn noted<'s>(node: &'s Map<String, Value>, key: &str) -> impl Iterator<Item = &'s str> {
    map(node, "x-ligand").into_iter().flat_map(move |flags| list(flags, key)).filter_map(Value::as_str)
}

/// What an object has under the names of a property, beginning with its own.
pub(super) fn given<'v>(
    object: &'v Map<String, Value>,
    name: &'v str,
    property: &'v Value,
) -> impl Iterator<Item = (&'v str, &'v Value)> {
    std::iter::once(name).chain(of(property)).filter_map(|name| Some((name, object.get(name)?)))
}

/// The property that an object means by `name`.
pub(super) fn meant<'s>(properties: &'s Map<String, Value>, name: &str) -> Option<&'s Value> {
    properties
        .get(name)
        .or_else(|| properties.values().find(|property| of(property).any(|alias| alias == name)))
}

/// Writes names down under one of the keys.
pub(super) fn note(node: &mut Map<String, Value>, key: &str, names: &[&str]) {
    if names.is_empty() {
        return;
    }
    if let Value::Object(flags) = extension(node)
        && let Value::Array(known) = flags.entry(key).or_insert_with(|| Value::Array(Vec::new()))
    {
        known.extend(names.iter().map(|name| Value::from(*name)));
    }
}

/// The other names of an enum's variants, as the `schemars(transform = ..)` of generated code.
///
/// ```
/// use ligand_wire::schema::{Schema, VariantAliases};
///
/// #[derive(schemars::JsonSchema)]
/// #[schemars(transform = VariantAliases::new(None, &[("Fantasy", &["fantastic"])]))]
/// enum Genre {
///     Fantasy,
///     Crime,
/// }
///
/// assert!(Schema::of::<Genre>().check(&serde_json::json!("fantastic")).is_empty());
/// ```
#[derive(Debug, Clone)]
pub struct VariantAliases {
    tag: Option<&'static str>,
    names: &'static [(&'static str, &'static [&'static str])],
}

impl VariantAliases {
    /// The names by variant, both as on the wire. `tag` is the field with the name of the variant, if there is one.
    pub fn new(tag: Option<&'static str>, names: &'static [(&'static str, &'static [&'static str])]) -> Self {
        Self { tag, names }
    }

    /// The texts that stand for variants, where `node` lists them.
    fn widen(&self, node: &mut Map<String, Value>) {
        if let Some(only @ Value::String(_)) = node.remove("const") {
            node.insert("enum".into(), Value::Array(vec![only]));
        }
        let Some(Value::Array(values)) = node.get_mut("enum") else { return };
        let mut more = Vec::new();
        for (name, aliases) in self.names {
            if values.iter().any(|value| value == name) {
                more.extend_from_slice(aliases);
            }
        }
        values.extend(more.iter().map(|alias| Value::from(*alias)));
        if let ([only], true) = (values.as_slice(), more.is_empty()) {
            let only = only.clone();
            node.remove("enum");
            node.insert("const".into(), only);
        }
        note(node, OTHER_TEXTS, &more);
    }

    fn variant(&self, node: &mut Map<String, Value>) {
        self.widen(node);
        let Some(Value::Object(properties)) = node.get_mut("properties") else { return };
        if let Some(tag) = self.tag {
            if let Some(Value::Object(property)) = properties.get_mut(tag) {
                self.widen(property);
            }
            return;
        }
        for (name, aliases) in self.names {
            let Some(property) = properties.get_mut(*name) else { continue };
            if property == &Value::Bool(true) {
                *property = Value::Object(Map::new());
            }
            if let Value::Object(property) = property {
                note(property, ALIASES, aliases);
            }
        }
    }
}

impl Transform for VariantAliases {
    fn transform(&mut self, schema: &mut Schema) {
        let node = schema.ensure_object();
        self.variant(node);
        for key in ["oneOf", "anyOf"] {
            let Some(Value::Array(variants)) = node.get_mut(key) else { continue };
            variants.iter_mut().filter_map(Value::as_object_mut).for_each(|variant| self.variant(variant));
        }
    }
}

/// The texts that a node allows, without other names of the same.
pub(super) fn main_texts(node: &Map<String, Value>) -> Option<Vec<&str>> {
    let texts: Option<Vec<&str>> =
        list(node, "enum").iter().filter(|value| !value.is_null()).map(Value::as_str).collect();
    let is_other = |text: &str| noted(node, OTHER_TEXTS).any(|other| other == text);
    texts.map(|texts| texts.into_iter().filter(|text| !is_other(text)).collect())
}

/// The texts that a property of an object must be one of to name its variant: its name, then the others.
pub(super) fn tags<'s>(root: &'s Value, schema: &'s Value, property: &str) -> Option<Vec<&'s str>> {
    node::chain(root, schema).find_map(|node| {
        let property = map(node, "properties")?.get(property)?.as_object()?;
        match property.get("const").and_then(Value::as_str) {
            Some(name) => Some(vec![name]),
            None => {
                noted(property, OTHER_TEXTS).next()?;
                // More than one name is the choice of an enum that the property holds.
                matches!(main_texts(property)?[..], [_]).then_some(())?;
                list(property, "enum").iter().map(Value::as_str).collect()
            }
        }
    })
}
