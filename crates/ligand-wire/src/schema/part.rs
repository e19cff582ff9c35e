//! A part of a document as its readers see it: through references, and beside the null of an option.

use std::ptr;

use serde_json::{Map, Value};

use super::{
    Property, Types, alias,
    measure::integer_bounds,
    node::{self, MAX_HOPS},
};

/// One schema inside a document, by [`super::Schema::root`] and the methods here.
#[derive(Clone, Copy, Debug)]
pub struct Part<'s> {
    pub(super) root: &'s Value,
    pub(super) json: &'s Value,
}

impl<'s> Part<'s> {
    /// The JSON types that are allowed.
    pub fn types(self) -> Types {
        node::types(self.root, self.json)
    }

    /// A keyword such as `format`, here or where the reference, `allOf` or the only alternative beside null leads.
    pub fn keyword(self, name: &str) -> Option<&'s Value> {
        self.nodes().into_iter().find_map(|node| node.get(name))
    }

    /// The `format`, if any.
    pub fn format(self) -> &'s str {
        self.keyword("format").and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether the `x-ligand` object sets a flag.
    pub fn flag(self, flag: &str) -> bool {
        self.nodes().into_iter().any(|node| node::extension(node, flag))
    }

    /// The least and the greatest value of Rust's integer type, when the `format` names one of at most 64 bits.
    pub fn integer_bounds(self) -> Option<(i64, u64)> {
        let (least, most) = integer_bounds(self.format())?;
        Some((least.as_i64()?, most.as_u64()?))
    }

    /// What the items of a list are; none when the schema is silent or tells them apart by position.
    pub fn items(self) -> Option<Self> {
        if self.keyword("prefixItems").is_some() {
            return None;
        }
        self.keyword("items").map(|json| Self { json, ..self })
    }

    /// The properties of an object.
    pub fn properties(self) -> Vec<Property<'s>> {
        let mut all: Vec<Property<'s>> = Vec::new();
        for node in self.nodes() {
            let required = node::list(node, "required");
            for (name, json) in node::map(node, "properties").into_iter().flatten() {
                if all.iter().any(|property| property.name == name) {
                    continue;
                }
                let types = node::types(self.root, json);
                let required = required.iter().any(|required| required == name);
                all.push(Property { name, types, required, json });
            }
        }
        all
    }

    /// A property's own schema.
    pub fn at(self, property: &Property<'s>) -> Self {
        Self { json: property.json, ..self }
    }

    /// The texts that are allowed, when the schema lists them all, as it does for an enum of plain names;
    /// without other names under which they are read.
    pub fn texts(self) -> Option<Vec<&'s str>> {
        self.texts_within(MAX_HOPS)
    }

    fn texts_within(self, hops: usize) -> Option<Vec<&'s str>> {
        let hops = hops.checked_sub(1)?;
        for node in self.nodes() {
            if let Some(text) = node.get("const").and_then(Value::as_str) {
                return Some(vec![text]);
            }
            if node.contains_key("enum") {
                return alias::main_texts(node);
            }
            for choices in node::alternatives(node) {
                let choices = choices.iter().map(|json| Self { json, ..self });
                let named = choices.filter(|choice| choice.types() != Types::NULL);
                let texts: Option<Vec<_>> = named.map(|choice| choice.texts_within(hops)).collect();
                if let Some(texts) = texts.filter(|texts| !texts.is_empty()) {
                    return Some(texts.concat());
                }
            }
        }
        None
    }

    /// Whether both are the same place of the document, as where a type holds itself.
    pub fn is(self, other: Self) -> bool {
        let last = |part: Self| part.nodes().last().copied();
        match (last(self), last(other)) {
            (Some(a), Some(b)) => ptr::eq(a, b),
            _ => false,
        }
    }

    /// This node and those it is made of.
    fn nodes(self) -> Vec<&'s Map<String, Value>> {
        let mut nodes = Vec::new();
        let mut left: Vec<&Value> = vec![self.json];
        while let Some(json) = left.pop()
            && nodes.len() < MAX_HOPS
        {
            let Some(node) = json.as_object() else { continue };
            nodes.push(node);
            for choices in node::alternatives(node) {
                let mut named = choices.iter().filter(|choice| node::types(self.root, choice) != Types::NULL);
                if let (Some(only), None) = (named.next(), named.next()) {
                    left.push(only);
                }
            }
            left.extend(node::list(node, "allOf"));
            left.extend(node::reference(self.root, node));
        }
        nodes
    }
}
