//! Reads the notation of fastest-validator, in which other nodes announce the `params` of their actions.
//!
//! What is understood becomes a schema to convert texts by and to describe the action with. A rule that is not
//! understood allows everything: the node that announced it checks for itself. Patterns are kept and not compiled.

use serde_json::{Map, Value, json};

use super::alias;

/// Rules of one announcement, and their nesting; more of either is not understood as a whole.
const MAX_RULES: usize = 2_000;
const MAX_DEPTH: usize = 20;

/// The longest rule in a text such as `"number|optional"`, in bytes.
const LONGEST: usize = 1_000;

type Rule = Map<String, Value>;

/// The document; `None` when `params` is no announcement or too large.
pub(super) fn translate(params: &Value) -> Option<Value> {
    let mut reader = Reader { rules: MAX_RULES, depth: 0 };
    let document = match params {
        Value::Object(rule) if rule.get("$$root") == Some(&Value::Bool(true)) => {
            let mut rule = rule.clone();
            rule.remove("$$root");
            reader.rule(&Value::Object(rule))
        }
        Value::Object(properties) => reader.object(properties, properties.get("$$strict")),
        Value::Array(rules) if !rules.is_empty() => reader.rule(params),
        _ => return None,
    };
    (reader.rules > 0).then_some(document)
}

struct Reader {
    /// How many more may come; at none the whole is given up.
    rules: usize,
    depth: usize,
}

impl Reader {
    fn rule(&mut self, rule: &Value) -> Value {
        self.rules = self.rules.saturating_sub(1);
        if self.rules == 0 || self.depth >= MAX_DEPTH {
            self.rules = 0;
            return json!({});
        }
        self.depth += 1;
        let rule = resolved(rule).map(|rule| self.typed(&rule));
        self.depth -= 1;
        rule.unwrap_or_else(|| json!({}))
    }

    fn typed(&mut self, rule: &Rule) -> Value {
        let text = |format: &str| match format {
            "" => json!({ "type": "string" }),
            format => json!({ "type": "string", "format": format }),
        };
        let mut node = match rule.get("type").and_then(Value::as_str).unwrap_or_default() {
            "string" | "mac" | "luhn" | "objectID" | "currency" => text(""),
            "email" => text("email"),
            "url" => text("uri"),
            "uuid" => text("uuid"),
            // It travels as a text.
            "date" => text("date-time"),
            "boolean" => json!({ "type": "boolean" }),
            "number" => number(rule),
            "enum" => match rule.get("values") {
                Some(Value::Array(values)) if !values.is_empty() => {
                    with_names(alias::OTHER_TEXTS, Some(rule), json!({ "enum": values }))
                }
                _ => json!({}),
            },
            "equal" => match rule.get("value") {
                Some(value) if !rule.contains_key("field") => json!({ "const": value }),
                _ => json!({}),
            },
            "array" => self.array(rule),
            "tuple" => self.tuple(rule),
            "object" => match rule.get("props").or(rule.get("properties")) {
                Some(Value::Object(properties)) => self.object(properties, rule.get("strict")),
                _ => json!({ "type": "object" }),
            },
            "record" => match rule.get("value") {
                Some(value) => json!({ "type": "object", "additionalProperties": self.rule(value) }),
                None => json!({ "type": "object" }),
            },
            "multi" => match rule.get("rules") {
                Some(Value::Array(rules)) if !rules.is_empty() => {
                    let rules: Vec<_> = rules.iter().map(|rule| self.rule(rule)).collect();
                    json!({ "anyOf": rules })
                }
                _ => json!({}),
            },
            "forbidden" => return Value::Bool(false),
            // Those of the node's own, and what does not travel.
            _ => json!({}),
        };
        if let Value::Object(node) = &mut node {
            describe(rule, node);
        }
        match rule.get("nullable") {
            Some(Value::Bool(true)) => nullable(node),
            _ => node,
        }
    }

    fn array(&mut self, rule: &Rule) -> Value {
        let mut node = json!({ "type": "array" });
        let items = match (rule.get("items"), rule.get("enum")) {
            (Some(items), _) => Some(self.rule(items)),
            (None, Some(Value::Array(values))) if !values.is_empty() => Some(json!({ "enum": values })),
            _ => None,
        };
        if let Some(items) = items {
            node["items"] = items;
        }
        if rule.get("unique") == Some(&Value::Bool(true)) {
            node["uniqueItems"] = true.into();
        }
        bounds(rule, ("minItems", "maxItems"), &mut node);
        node
    }

    fn tuple(&mut self, rule: &Rule) -> Value {
        match rule.get("items") {
            Some(Value::Array(items)) if !items.is_empty() => {
                let items: Vec<_> = items.iter().map(|item| self.rule(item)).collect();
                json!({ "type": "array", "prefixItems": items })
            }
            _ => json!({ "type": "array" }),
        }
    }

    fn object(&mut self, properties: &Rule, strict: Option<&Value>) -> Value {
        let (mut known, mut required) = (Map::new(), Vec::new());
        for (name, rule) in properties.iter().filter(|(name, _)| !name.starts_with("$$")) {
            let node = self.rule(rule);
            if self.rules == 0 {
                break;
            }
            if node != Value::Bool(false) && is_required(rule) {
                required.push(Value::from(name.as_str()));
            }
            known.insert(name.clone(), with_names(alias::ALIASES, rule.as_object(), node));
        }
        let mut node = json!({ "type": "object", "properties": known });
        if !required.is_empty() {
            node["required"] = required.into();
        }
        if strict == Some(&Value::Bool(true)) {
            node["additionalProperties"] = false.into();
        }
        node
    }
}

/// The long form of a rule: of `"number|optional|min:5"`, `"string[]"`, a list of alternatives, an object with `$$type`.
fn resolved(rule: &Value) -> Option<Rule> {
    match rule {
        Value::String(text) if text.len() <= LONGEST => Some(shorthand(text)),
        Value::Array(rules) => Some(Map::from_iter([
            ("type".to_owned(), Value::from("multi")),
            ("rules".to_owned(), Value::from(rules.clone())),
        ])),
        Value::Object(rule) => match rule.get("$$type") {
            Some(Value::String(text)) if text.len() <= LONGEST => {
                let mut full = shorthand(text);
                let properties = rule.iter().filter(|(name, _)| *name != "$$type");
                full.insert(
                    "props".into(),
                    properties.map(|(name, rule)| (name.clone(), rule.clone())).collect(),
                );
                Some(full)
            }
            Some(_) => None,
            None => Some(rule.clone()),
        },
        _ => None,
    }
}

fn shorthand(text: &str) -> Rule {
    let mut parts = text.split('|').map(str::trim);
    let kind = parts.next().unwrap_or_default();
    let mut rule = Rule::new();
    match kind.strip_suffix("[]") {
        Some(items) => {
            rule.insert("type".into(), "array".into());
            rule.insert("items".into(), items.into());
        }
        None => drop(rule.insert("type".into(), kind.into())),
    }
    for part in parts {
        match (part.split_once(':'), part.strip_prefix("no-")) {
            (Some((key, value)), _) => rule.insert(key.trim().into(), word(value.trim())),
            (None, Some(key)) => rule.insert(key.into(), false.into()),
            (None, None) => rule.insert(part.into(), true.into()),
        };
    }
    rule
}

fn word(text: &str) -> Value {
    match text {
        "true" => true.into(),
        "false" => false.into(),
        text => match (text.parse::<i64>(), text.parse::<f64>()) {
            (Ok(number), _) => number.into(),
            (_, Ok(number)) if number.is_finite() => number.into(),
            _ => text.into(),
        },
    }
}

/// Whether a property must be there: neither `optional` nor with a default, as its long form says.
fn is_required(rule: &Value) -> bool {
    if let Value::Array(rules) = rule {
        return rules.iter().any(is_required);
    }
    let Some(rule) = resolved(rule) else { return false };
    rule.get("optional") != Some(&Value::Bool(true)) && rule.get("default").is_none_or(Value::is_null)
}

fn number(rule: &Rule) -> Value {
    let whole = rule.get("integer") == Some(&Value::Bool(true));
    let mut node = json!({ "type": if whole { "integer" } else { "number" } });
    for (from, to) in [("min", "minimum"), ("max", "maximum"), ("equal", "const")] {
        if let Some(bound @ Value::Number(_)) = rule.get(from) {
            node[to] = bound.clone();
        }
    }
    for (from, to) in [("positive", "exclusiveMinimum"), ("negative", "exclusiveMaximum")] {
        if rule.get(from) == Some(&Value::Bool(true)) {
            node[to] = 0.into();
        }
    }
    node
}

fn bounds(rule: &Rule, (min, max): (&str, &str), node: &mut Value) {
    for (from, to) in [("length", min), ("length", max), ("min", min), ("max", max)] {
        if let Some(bound) = rule.get(from).and_then(Value::as_u64) {
            node[to] = bound.into();
        }
    }
    if rule.get("empty") == Some(&Value::Bool(false)) && node.get(min).is_none() {
        node[min] = 1.into();
    }
}

/// What a description of the action shows besides types.
fn describe(rule: &Rule, node: &mut Map<String, Value>) {
    if node.get("type").is_some_and(|kind| kind == "string") {
        let mut lengths = Value::Object(Map::new());
        bounds(rule, ("minLength", "maxLength"), &mut lengths);
        if let Value::Object(lengths) = lengths {
            node.extend(lengths);
        }
        if let Some(pattern @ Value::String(_)) = rule.get("pattern") {
            node.insert("pattern".into(), pattern.clone());
        }
        if let Some(Value::Array(values)) = rule.get("enum")
            && !values.is_empty()
        {
            node.insert("enum".into(), values.clone().into());
        }
    }
    if let Some(default) = rule.get("default").filter(|default| !default.is_null()) {
        node.insert("default".into(), default.clone());
    }
    if let Some(text @ Value::String(_)) = rule.get("description") {
        node.insert("description".into(), text.clone());
    }
}

/// With the other names of a property, or the other texts of an enum, which Ligand nodes tell.
fn with_names(key: &str, rule: Option<&Rule>, mut node: Value) -> Value {
    if let (Some(Value::Array(names)), Value::Object(node)) = (rule.and_then(|rule| rule.get(key)), &mut node)
    {
        alias::note(node, key, &names.iter().filter_map(Value::as_str).collect::<Vec<_>>());
    }
    node
}

fn nullable(mut node: Value) -> Value {
    match (node.get("type").cloned(), node.as_object().is_some_and(Map::is_empty)) {
        (_, true) => node,
        (Some(Value::String(kind)), _) => {
            node["type"] = json!([kind, "null"]);
            node
        }
        _ => json!({ "anyOf": [node, { "type": "null" }] }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Schema;

    fn converted(params: &Value, mut texts: Value) -> Value {
        Schema::announced(params).unwrap().convert(&mut texts);
        texts
    }

    #[test]
    fn texts_are_converted_by_every_form_of_a_rule() {
        for (rule, text, expected) in [
            (json!("number"), json!("5"), json!(5)),
            (json!("number|optional|convert:true"), json!("5.5"), json!(5.5)),
            (json!({"type": "number", "integer": true, "convert": true}), json!("5"), json!(5)),
            (json!({"type": "boolean"}), json!("true"), json!(true)),
            (json!("boolean|convert"), json!("off"), json!(false)),
            (json!("string"), json!("5"), json!("5")),
            (json!("date|convert:true"), json!("2020-01-01"), json!("2020-01-01")),
            (json!("email"), json!("5"), json!("5")),
            (json!("any"), json!("5"), json!("5")),
            (json!({"type": "class"}), json!("5"), json!("5")),
            (json!("own-alias"), json!("5"), json!("5")),
            (json!("number[]"), json!(["1", "2"]), json!([1, 2])),
            (json!("number[]"), json!("1"), json!([1])),
            (json!({"type": "array", "items": "number"}), json!(["1"]), json!([1])),
            (
                json!({"type": "array", "items": {"type": "object", "props": {"n": "number"}}}),
                json!([{"n": "1"}]),
                json!([{"n": 1}]),
            ),
            (json!({"type": "array", "enum": [1, 2]}), json!(["1"]), json!([1])),
            (json!({"type": "tuple", "items": ["number", "string"]}), json!(["1", "1"]), json!([1, "1"])),
            (json!(["string", "number"]), json!("5"), json!("5")),
            (json!(["boolean", "number"]), json!("true"), json!(true)),
            (json!({"type": "multi", "rules": ["number", "boolean"]}), json!("5"), json!(5)),
            (
                json!({"type": "object", "props": {"a": "number"}}),
                json!({"a": "1", "b": "1"}),
                json!({"a": 1, "b": "1"}),
            ),
            (json!({"type": "object", "properties": {"a": "number"}}), json!({"a": "1"}), json!({"a": 1})),
            (json!({"$$type": "object|optional", "a": "number"}), json!({"a": "1"}), json!({"a": 1})),
            (
                json!({"type": "record", "key": "string", "value": "number"}),
                json!({"x": "1"}),
                json!({"x": 1}),
            ),
            (json!({"type": "enum", "values": [1, 2]}), json!("1"), json!(1)),
            (json!({"type": "enum", "values": ["1", 2]}), json!("1"), json!("1")),
            (json!({"type": "equal", "value": 1}), json!("1"), json!(1)),
            (json!({"type": "equal", "field": "other"}), json!("1"), json!("1")),
            (json!({"type": "number", "nullable": true}), json!("5"), json!(5)),
            (
                json!({"type": "multi", "rules": ["number", "boolean"], "nullable": true}),
                json!("5"),
                json!(5),
            ),
            (json!("forbidden"), json!("5"), json!("5")),
            (json!(5), json!("5"), json!("5")),
            (json!(null), json!("5"), json!("5")),
            (json!({"$$type": 5}), json!("5"), json!("5")),
            (json!({"type": {"a": 1}}), json!("5"), json!("5")),
            (json!({"type": "multi", "rules": "x"}), json!("5"), json!("5")),
            (json!({"type": "object", "props": [1]}), json!({"a": "1"}), json!({"a": "1"})),
        ] {
            assert_eq!(
                converted(&json!({ "x": rule }), json!({ "x": text })),
                json!({ "x": expected }),
                "{rule}"
            );
            assert_eq!(
                converted(&json!({ "x": rule, "$$strict": true, "$$async": true }), json!({ "x": text })),
                json!({ "x": expected })
            );
        }
        let root = json!({"$$root": true, "type": "array", "items": "number"});
        assert_eq!(converted(&root, json!(["1"])), json!([1]));
        let either = json!([{"type": "object", "props": {"a": "number"}}, {"type": "object", "props": {"b": "number"}}]);
        assert_eq!(converted(&either, json!({"b": "1"})), json!({"b": 1}));
    }

    #[test]
    fn descriptions_keep_what_they_say() {
        let params = json!({
            "name": {"type": "string", "min": 2, "max": 9, "pattern": "(", "trim": true},
            "age": "number|optional|min:1|max:5|positive",
            "role": {"type": "enum", "values": ["a"], "default": "a"},
            "either": ["string|optional", "number|optional"],
            "tags": {"type": "array", "items": "string", "empty": false, "unique": true},
            "never": "forbidden",
            "$$strict": true,
        });
        assert_eq!(
            translate(&params).unwrap(),
            json!({
                "type": "object",
                "properties": {
                    "name": {"type": "string", "minLength": 2, "maxLength": 9, "pattern": "("},
                    "age": {"type": "number", "minimum": 1, "maximum": 5, "exclusiveMinimum": 0},
                    "role": {"enum": ["a"], "default": "a"},
                    "either": {"anyOf": [{"type": "string"}, {"type": "number"}]},
                    "tags": {"type": "array", "items": {"type": "string"}, "uniqueItems": true, "minItems": 1},
                    "never": false,
                },
                "required": ["name", "tags"],
                "additionalProperties": false,
            })
        );
    }

    #[test]
    fn what_is_no_announcement_or_too_large_is_no_schema() {
        for params in [json!(null), json!(5), json!("number"), json!(true), json!([])] {
            assert!(Schema::announced(&params).is_none(), "{params}");
        }
        let wide: Map<_, _> = (0..3000).map(|i| (i.to_string(), json!("number"))).collect();
        assert!(Schema::announced(&Value::Object(wide)).is_none());
        let deep = (0..50).fold(json!("number"), |rule, _| json!({"type": "array", "items": rule}));
        assert!(Schema::announced(&json!({ "x": deep })).is_none());
        let long = format!("number|{}", "a|".repeat(100_000));
        assert_eq!(converted(&json!({ "x": long }), json!({ "x": "5" })), json!({ "x": "5" }));
    }
}
