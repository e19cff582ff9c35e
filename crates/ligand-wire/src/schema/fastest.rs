//! A schema in the notation of fastest-validator, which Moleculer nodes publish and show.
//!
//! `convert` stands where [`Schema::convert`](super::Schema::convert) turns texts into something else, so that whoever
//! reads the rules knows that texts of a URL may be sent as they are.

use serde_json::{Map, Value, json};

use super::{
    Inner, alias,
    node::{self, MAX_HOPS, Types, extension, list, map},
};

/// The most rules one translation has; what comes after is `any`. Types that use each other a lot would grow
/// exponentially.
const MAX_RULES: usize = 5_000;

pub(super) fn translate(schema: &Inner) -> Value {
    let mut translator = Translator { root: &schema.json, open: Vec::new(), rules: MAX_RULES };
    let mut rule = translator.rule(&schema.json);
    if rule.contains_key("minProps") || rule.contains_key("maxProps") {
        // The short form has no place for them.
        rule.insert("$$root".into(), Value::Bool(true));
        return Value::Object(rule);
    }
    match rule.remove("props") {
        Some(Value::Object(mut properties)) => {
            if let Some(strict) = rule.remove("strict") {
                properties.insert("$$strict".into(), strict);
            }
            Value::Object(properties)
        }
        _ if rule.get("type").is_some_and(|kind| kind == "object") => json!({}),
        _ => {
            rule.insert("$$root".into(), Value::Bool(true));
            Value::Object(rule)
        }
    }
}

struct Translator<'s> {
    root: &'s Value,
    /// The references being followed, by the address of what they lead to.
    open: Vec<*const Value>,
    rules: usize,
}

type Rule = Map<String, Value>;

fn rule_of(kind: &str) -> Rule {
    Map::from_iter([("type".to_owned(), Value::from(kind))])
}

/// Everything, also null, which `any` alone refuses.
fn anything() -> Rule {
    let mut rule = rule_of("any");
    rule.insert("nullable".into(), Value::Bool(true));
    rule
}

fn converting(mut rule: Rule) -> Rule {
    rule.insert("convert".into(), Value::Bool(true));
    rule
}

impl<'s> Translator<'s> {
    fn rule(&mut self, schema: &'s Value) -> Rule {
        let Value::Object(node) = schema else {
            return if schema == &Value::Bool(false) { rule_of("forbidden") } else { anything() };
        };
        if self.rules == 0 || self.open.len() > MAX_HOPS {
            return anything();
        }
        self.rules -= 1;

        let types = node::types(self.root, schema);
        let mut rule = self.base(node, types.without_null());
        if types.null() && !types.any() {
            rule.insert("nullable".into(), Value::Bool(true));
        }
        if let Some(texts) = node::texts(node) {
            // There a text for all others is one for being there and one for the type.
            let kind = rule.get("type").cloned().unwrap_or_default();
            let others = texts.get("*").into_iter().flat_map(|text| {
                let kinds = ["required", kind.as_str().unwrap_or_default()];
                kinds.map(|kind| (kind.to_owned(), text.clone()))
            });
            let own = texts
                .iter()
                .filter(|(kind, _)| *kind != "*")
                .map(|(kind, text)| (kind.clone(), text.clone()));
            rule.insert("messages".into(), Value::Object(others.chain(own).collect()));
        }
        if let Some(default) = node.get("default").filter(|default| !default.is_null()) {
            rule.insert("default".into(), default.clone());
        }
        rule
    }

    fn base(&mut self, node: &'s Map<String, Value>, types: Types) -> Rule {
        if let Some(target) = node::reference(self.root, node) {
            let address = std::ptr::from_ref(target);
            if self.open.contains(&address) {
                return anything();
            }
            self.open.push(address);
            let mut rule = self.rule(target);
            self.open.pop();
            // Such as the tag of an enum beside the reference to the variant's content.
            if node.contains_key("properties")
                && let Some(Value::Object(more)) = self.object(node).remove("props")
                && let Some(Value::Object(props)) = rule.get_mut("props")
            {
                props.extend(more);
            }
            return rule;
        }
        if let Some(values) = node.get("enum").and_then(Value::as_array) {
            let mut rule = rule_of("enum");
            rule.insert("values".into(), values.iter().filter(|value| !value.is_null()).cloned().collect());
            tell(&mut rule, alias::OTHER_TEXTS, alias::noted(node, alias::OTHER_TEXTS));
            return rule;
        }
        if let Some(value) = node.get("const") {
            let mut rule = rule_of("equal");
            rule.insert("value".into(), value.clone());
            rule.insert("strict".into(), Value::Bool(true));
            return rule;
        }
        if let Some(alternatives) = node::alternatives(node).next()
            && !node.contains_key("properties")
        {
            return self.multi(alternatives);
        }
        if types.object() && !types.any_but_null() {
            self.object(node)
        } else if types.any_but_null() {
            if node.contains_key("properties") || node.contains_key("allOf") {
                self.object(node)
            } else {
                anything()
            }
        } else if types.array() {
            self.array(node)
        } else if types.string() {
            match node.get("format").and_then(Value::as_str) {
                Some("decimal") => decimal(node),
                _ => text(node),
            }
        } else if types.integer() {
            number(node, types)
        } else if types.boolean() {
            converting(rule_of("boolean"))
        } else {
            anything()
        }
    }

    fn multi(&mut self, alternatives: &'s [Value]) -> Rule {
        let root = self.root;
        let mut rules: Vec<Rule> = alternatives
            .iter()
            .filter(|schema| node::types(root, schema) != Types::NULL)
            .map(|schema| self.rule(schema))
            .collect();
        if rules.len() == 1 {
            return rules.remove(0);
        }
        // The names of an enum without data are one rule rather than one each.
        let constants: Option<Vec<&[Value]>> = rules.iter().map(constants).collect();
        if let Some(values) = constants {
            let mut rule = rule_of("enum");
            rule.insert("values".into(), Value::Array(values.concat()));
            let others = rules.iter().filter_map(|rule| rule.get(alias::OTHER_TEXTS)?.as_array()).flatten();
            tell(&mut rule, alias::OTHER_TEXTS, others.filter_map(Value::as_str));
            return rule;
        }
        // Where a text is allowed, or a list beside something else, it is taken as it comes.
        let texts = alternatives.iter().any(|schema| node::types(root, schema).string());
        for rule in &mut rules {
            if texts && rule.get("type").is_some_and(|kind| kind == "date") {
                *rule = rule_of("string");
            }
            if texts || rule.get("type").is_some_and(|kind| kind == "array") {
                rule.remove("convert");
            }
        }
        let mut rule = rule_of("multi");
        rule.insert("rules".into(), rules.into_iter().map(Value::Object).collect());
        rule
    }

    fn array(&mut self, node: &'s Map<String, Value>) -> Rule {
        let prefix = list(node, "prefixItems");
        if !prefix.is_empty() {
            let mut rule = rule_of("tuple");
            let items: Vec<Value> = prefix.iter().map(|schema| Value::Object(self.rule(schema))).collect();
            rule.insert("items".into(), Value::Array(items));
            rule.insert("empty".into(), Value::Bool(false));
            return rule;
        }
        let mut rule = converting(rule_of("array"));
        bounds(node, ("minItems", "maxItems"), &mut rule);
        if node.get("uniqueItems") == Some(&Value::Bool(true)) {
            rule.insert("unique".into(), Value::Bool(true));
        }
        if let Some(items) = node.get("items").filter(|items| items.is_object()) {
            rule.insert("items".into(), Value::Object(self.rule(items)));
        }
        rule
    }

    fn object(&mut self, node: &'s Map<String, Value>) -> Rule {
        let properties = map(node, "properties");
        let rest = node.get("additionalProperties");
        if properties.is_none() {
            let values = map(node, "patternProperties").and_then(|map| map.values().next()).or(rest);
            if let Some(values) = values.filter(|schema| schema.is_object()) {
                let mut rule = rule_of("record");
                rule.insert("key".into(), "string".into());
                rule.insert("value".into(), Value::Object(self.rule(values)));
                return rule;
            }
        }
        let mut rule = rule_of("object");
        let mut props = Map::new();
        let required = list(node, "required");
        for (name, schema) in properties.into_iter().flatten() {
            let mut property = self.rule(schema);
            tell(&mut property, alias::ALIASES, alias::of(schema));
            if !required.iter().any(|required| required == name) {
                property.insert("optional".into(), Value::Bool(true));
            }
            props.insert(name.clone(), Value::Object(property));
        }
        for part in list(node, "allOf") {
            if let Some(Value::Object(more)) = self.rule(part).remove("props") {
                props.extend(more);
            }
        }
        if !props.is_empty() || properties.is_some() {
            rule.insert("props".into(), Value::Object(props));
        }
        if [rest, node.get("unevaluatedProperties")].contains(&Some(&Value::Bool(false))) {
            rule.insert("strict".into(), Value::Bool(true));
        }
        for (from, to) in [("minProperties", "minProps"), ("maxProperties", "maxProps")] {
            copy(node, from, to, &mut rule);
        }
        rule
    }
}

/// Names that fastest-validator has no key for, under that of the schema.
fn tell<'s>(rule: &mut Rule, key: &str, names: impl Iterator<Item = &'s str>) {
    let names: Vec<Value> = names.map(Value::from).collect();
    if !names.is_empty() {
        rule.insert(key.into(), names.into());
    }
}

/// The values an `equal` or `enum` rule allows.
fn constants(rule: &Rule) -> Option<&[Value]> {
    match rule.get("type")?.as_str()? {
        "equal" => rule.get("value").map(std::slice::from_ref),
        "enum" => rule.get("values")?.as_array().map(Vec::as_slice),
        _ => None,
    }
}

fn text(node: &Map<String, Value>) -> Rule {
    let format = node.get("format").and_then(Value::as_str);
    let mut rule = rule_of(match format {
        Some("email") => "email",
        Some("uri" | "url") if extension(node, "url") => "url",
        Some("uuid") => "uuid",
        // What travels is a text.
        Some("date-time") => return converting(rule_of("date")),
        _ => "string",
    });
    if format == Some("date") && !node.contains_key("pattern") {
        rule.insert("pattern".into(), r"^\d{4}-\d{2}-\d{2}$".into());
    }
    bounds(node, ("minLength", "maxLength"), &mut rule);
    copy(node, "pattern", "pattern", &mut rule);
    for flag in ["trim", "lowercase", "uppercase"] {
        if extension(node, flag) {
            rule.insert(flag.into(), Value::Bool(true));
        }
    }
    rule
}

/// Exact as a text, or a number.
fn decimal(node: &Map<String, Value>) -> Rule {
    let mut number = number(node, Types::NUMBER);
    number.remove("convert");
    let mut text = rule_of("string");
    text.insert("pattern".into(), r"^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$".into());
    let mut rule = rule_of("multi");
    rule.insert("rules".into(), Value::Array(vec![Value::Object(number), Value::Object(text)]));
    rule
}

fn number(node: &Map<String, Value>, types: Types) -> Rule {
    let mut rule = converting(rule_of("number"));
    if !types.number() {
        rule.insert("integer".into(), Value::Bool(true));
    }
    copy(node, "minimum", "min", &mut rule);
    copy(node, "maximum", "max", &mut rule);
    let zero = |key: &str| node.get(key).and_then(Value::as_f64) == Some(0.0);
    if zero("exclusiveMinimum") {
        rule.insert("positive".into(), Value::Bool(true));
    }
    if zero("exclusiveMaximum") {
        rule.insert("negative".into(), Value::Bool(true));
    }
    rule
}

/// `min` and `max`, or `length` when they are the same.
fn bounds(node: &Map<String, Value>, (min, max): (&str, &str), rule: &mut Rule) {
    match (node.get(min), node.get(max)) {
        (Some(min), Some(max)) if min == max => drop(rule.insert("length".into(), min.clone())),
        _ => {
            copy(node, min, "min", rule);
            copy(node, max, "max", rule);
        }
    }
    if extension(node, "nonEmpty") {
        rule.insert("empty".into(), Value::Bool(false));
        // It would be a second error about the same thing.
        if rule.get("min").and_then(Value::as_u64) == Some(1) {
            rule.remove("min");
        }
    }
}

fn copy(node: &Map<String, Value>, from: &str, to: &str, rule: &mut Rule) {
    if let Some(value) = node.get(from) {
        rule.insert(to.to_owned(), value.clone());
    }
}

impl Types {
    fn any_but_null(self) -> bool {
        self == Types::ANY.without_null()
    }
}
