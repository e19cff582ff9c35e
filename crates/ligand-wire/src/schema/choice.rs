//! Which alternative of an `anyOf` or `oneOf` a value means.
//!
//! Enums are the usual reason for alternatives. Their tag says which one the sender had in mind, so errors are
//! reported for that one instead of for every variant.

use serde_json::{Map, Value};

use super::{
    alias,
    node::{self, Types},
};

pub(super) enum Choice<'s> {
    /// The value means this one.
    One(&'s Value),
    /// Objects are told apart by this property, which is missing or is none of `allowed`.
    Tag { name: &'s str, allowed: Vec<&'s str> },
    /// The value itself must be, or be an object with one key of, these names.
    Names(Vec<&'s str>),
    /// No telling: each must be tried.
    Many(Vec<&'s Value>),
}

pub(super) fn choose<'s>(root: &'s Value, alternatives: &'s [Value], value: &Value) -> Choice<'s> {
    let mut candidates: Vec<(&Value, Types)> =
        alternatives.iter().map(|schema| (schema, node::types(root, schema))).collect();
    candidates.retain(|(_, types)| *types != Types::NULL);
    if let [(only, _)] = candidates[..] {
        return Choice::One(only);
    }
    if let Value::Object(object) = value
        && let Some(name) = tag(root, &candidates)
    {
        return by_tag(root, &candidates, name, object);
    }
    if let Some(choice) = by_name(root, &candidates, value) {
        return choice;
    }
    let given = Types::of(value);
    let fitting: Vec<&Value> =
        candidates.iter().filter(|(_, types)| types.has(given)).map(|(schema, _)| *schema).collect();
    match fitting[..] {
        [one] => Choice::One(one),
        [] => Choice::Many(candidates.iter().map(|(schema, _)| *schema).collect()),
        _ => Choice::Many(fitting),
    }
}

/// The property that holds a constant in every object alternative, as `#[serde(tag = "..")]` makes it.
fn tag<'s>(root: &'s Value, candidates: &[(&'s Value, Types)]) -> Option<&'s str> {
    let mut objects =
        candidates.iter().filter(|(_, types)| types.overlaps(Types::OBJECT)).map(|(schema, _)| *schema);
    let first = objects.next()?;
    let name = node::chain(root, first)
        .filter_map(|node| node::map(node, "properties"))
        .flat_map(|properties| properties.keys())
        .find(|name| alias::tags(root, first, name).is_some() && requires(root, first, name))?;
    objects.all(|schema| alias::tags(root, schema, name).is_some()).then_some(name.as_str())
}

fn by_tag<'s>(
    root: &'s Value,
    candidates: &[(&'s Value, Types)],
    name: &'s str,
    object: &Map<String, Value>,
) -> Choice<'s> {
    let given = object.get(name).and_then(Value::as_str);
    let mut allowed = Vec::new();
    for (schema, _) in candidates {
        let tags = alias::tags(root, schema, name).unwrap_or_default();
        if given.is_some_and(|given| tags.contains(&given)) {
            return Choice::One(schema);
        }
        allowed.extend(tags.first());
    }
    Choice::Tag { name, allowed }
}

/// Externally tagged: names alone, or objects whose one key is the name. None when some alternative is neither.
fn by_name<'s>(root: &'s Value, candidates: &[(&'s Value, Types)], value: &Value) -> Option<Choice<'s>> {
    let mut names = Vec::new();
    let mut chosen = None;
    for (schema, _) in candidates {
        if let Some((name, content)) = wrapped(root, schema) {
            names.push(name);
            if value.as_object().is_some_and(|object| alias::given(object, name, content).next().is_some()) {
                chosen.get_or_insert(*schema);
            }
        } else {
            let units =
                node::chain(root, schema).find_map(|node| match (node.get("const"), node.get("enum")) {
                    (Some(Value::String(name)), _) => Some(vec![name.as_str()]),
                    (None, Some(Value::Array(values))) => values.iter().map(Value::as_str).collect(),
                    _ => None,
                })?;
            if value.as_str().is_some_and(|text| units.contains(&text)) {
                chosen.get_or_insert(*schema);
            }
            names.extend(units);
        }
    }
    Some(chosen.map_or(Choice::Names(names), Choice::One))
}

/// The one key of an alternative, and the schema of what it leads to.
fn wrapped<'s>(root: &'s Value, schema: &'s Value) -> Option<(&'s str, &'s Value)> {
    let node = node::chain(root, schema).last()?;
    let properties = node::map(node, "properties")?;
    let (name, content) = properties.iter().next()?;
    let closed = node.get("additionalProperties") == Some(&Value::Bool(false));
    (properties.len() == 1 && closed && requires(root, schema, name)).then_some((name.as_str(), content))
}

fn requires(root: &Value, schema: &Value, name: &str) -> bool {
    node::chain(root, schema).any(|node| node::list(node, "required").iter().any(|required| required == name))
}
