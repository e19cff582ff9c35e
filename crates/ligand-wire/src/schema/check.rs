//! Walks a value along a schema and reports everything that is wrong.

use std::{cmp::Ordering, collections::HashSet};

use serde_json::{Map, Number, Value};

use super::{
    FieldError, Inner, MAX_DEPTH, MAX_ERRORS, alias,
    choice::{self, Choice},
    error::{quoted, shortened},
    format,
    measure::{compare, equal, integer_bounds, measure},
    node::{self, MAX_HOPS, Types, count, list, map},
    path::Segment,
};
use crate::{objects::overflows, rules};

pub(super) fn check(schema: &Inner, value: &Value) -> Vec<FieldError> {
    let (size, depth) = measure(value);
    if depth > MAX_DEPTH {
        return vec![FieldError::new("depth", None, Some(MAX_DEPTH.into()), None)];
    }
    let mut checker = Checker::new(schema, size);
    let empty = Value::Object(Map::new());
    let types = node::types(&schema.json, &schema.json);
    let value = if value.is_null() && types.object() && !types.null() { &empty } else { value };
    checker.node(&schema.json, value);
    checker.errors
}

/// Whether `value`, which is not nested too deeply, has nothing wrong under one part of the document.
pub(super) fn passes(schema: &Inner, part: &Value, value: &Value) -> bool {
    let mut checker = Checker::new(schema, measure(value).0);
    checker.node(part, value);
    checker.errors.is_empty()
}

struct Checker<'s> {
    schema: &'s Inner,
    errors: Vec<FieldError>,
    path: String,
    hops: usize,
    /// Nodes that may still be visited. Alternatives inside alternatives would otherwise take exponential time.
    budget: usize,
    /// Inside a field whose value must not be quoted.
    secret: bool,
    /// What the author of the field says instead of our own texts, by the type of the error.
    texts: Option<&'s Map<String, Value>>,
}

impl<'s> Checker<'s> {
    fn new(schema: &'s Inner, size: usize) -> Self {
        let budget = 1_000 + size.saturating_mul(50);
        Self { schema, errors: Vec::new(), path: String::new(), hops: 0, budget, secret: false, texts: None }
    }

    fn push(&mut self, kind: &'static str, expected: Option<Value>, actual: Option<Value>) {
        let actual = actual.filter(|_| !self.secret);
        self.add(FieldError::new(kind, self.field(), expected, actual));
    }

    /// Where the checker is; none at the root.
    fn field(&self) -> Option<String> {
        (!self.path.is_empty()).then(|| self.path.clone())
    }

    /// Adds an error, in the words of the field's author where there are some.
    fn add(&mut self, error: FieldError) {
        if self.errors.len() < MAX_ERRORS {
            let text = self
                .texts
                .and_then(|texts| texts.get(&*error.kind).or(texts.get("*")))
                .and_then(Value::as_str);
            self.errors.push(match text {
                Some(text) => error.with_text(text),
                None => error,
            });
        }
    }

    /// A failure that quotes the value itself.
    fn reject(&mut self, kind: &'static str, expected: Option<Value>, value: &Value) {
        let actual = self.quoted(value);
        self.push(kind, expected, actual);
    }

    /// A value that is not one of those allowed.
    fn reject_names(&mut self, allowed: &[&Value], value: &Value) {
        let actual = self.quoted(value);
        self.add(FieldError::none_of(allowed, self.field(), actual));
    }

    fn reject_texts(&mut self, allowed: &[&str], value: &Value) {
        let allowed: Vec<Value> = allowed.iter().copied().map(Value::from).collect();
        self.reject_names(&allowed.iter().collect::<Vec<_>>(), value);
    }

    fn quoted(&self, value: &Value) -> Option<Value> {
        // A container may hold a secret field.
        let hidden = self.secret || (self.schema.has_secrets && (value.is_object() || value.is_array()));
        if hidden { None } else { quoted(value) }
    }

    /// Goes one level deeper into the value, to what `segment` names.
    fn descend(&mut self, segment: Segment<'_>, schema: &'s Value, value: &Value) {
        let length = self.path.len();
        segment.append(&mut self.path);
        let hops = std::mem::take(&mut self.hops);
        // Those of a list are about its items too.
        let texts = if matches!(segment, Segment::Index(_)) { self.texts } else { None };
        let texts = std::mem::replace(&mut self.texts, texts);
        self.node(schema, value);
        self.texts = texts;
        self.hops = hops;
        self.path.truncate(length);
    }

    /// Checks the same value against a schema the current one leads to.
    fn hop(&mut self, schema: &'s Value, value: &Value) {
        // A reference that leads back to itself says nothing more about the value.
        if self.hops < MAX_HOPS {
            self.hops += 1;
            self.node(schema, value);
            self.hops -= 1;
        }
    }

    fn done(&mut self) -> bool {
        if self.budget == 0 {
            if self.errors.last().is_none_or(|error| error.kind != "complexity") {
                self.push("complexity", None, None);
            }
            return true;
        }
        self.errors.len() >= MAX_ERRORS
    }

    fn node(&mut self, schema: &'s Value, value: &Value) {
        if self.done() {
            return;
        }
        self.budget -= 1;
        match schema {
            Value::Object(node) => {
                let (secret, texts) = (self.secret, self.texts);
                self.secret |= node::extension(node, "secret");
                self.texts = node::texts(node).or(texts);
                self.object_schema(schema, node, value);
                (self.secret, self.texts) = (secret, texts);
            }
            Value::Bool(false) => self.reject("forbidden", None, value),
            _ => {}
        }
    }

    fn object_schema(&mut self, schema: &'s Value, node: &'s Map<String, Value>, value: &Value) {
        let root = &self.schema.json;
        if value.is_null() {
            if !node::types(root, schema).null() {
                self.reject("required", None, value);
            }
            return;
        }
        if let Some(target) = node::reference(root, node) {
            self.hop(target, value);
        }
        let sanitized = match value {
            Value::String(text) => Some(node::sanitizers(node).view(text)),
            _ => None,
        };
        let same = |allowed: &Value| match (&sanitized, allowed) {
            (Some(text), Value::String(allowed)) => text == allowed,
            _ => equal(allowed, value),
        };
        if let Some(Value::Array(allowed)) = node.get("enum")
            && !allowed.iter().any(same)
        {
            let names: Vec<&Value> = allowed.iter().filter(|value| !value.is_null()).collect();
            return self.reject_names(&names, value);
        }
        if let Some(constant) = node.get("const")
            && !same(constant)
        {
            return self.reject("equalValue", Some(constant.clone()), value);
        }
        if !self.declared_type(node, value) {
            return;
        }
        match value {
            Value::String(original) => self.text(node, sanitized.as_deref().unwrap_or(original), value),
            Value::Number(number) => self.number(node, number, value),
            Value::Array(items) => self.array(node, items),
            Value::Object(object) => self.object(node, object),
            _ => {}
        }
        for schema in list(node, "allOf") {
            self.hop(schema, value);
        }
        for choices in node::alternatives(node) {
            self.choice(choices, value);
        }
    }

    /// Reports a value of the wrong type. A fraction where an integer belongs is left to the number checks.
    fn declared_type(&mut self, node: &Map<String, Value>, value: &Value) -> bool {
        let declared = Types::declared(node);
        let given = Types::of(value);
        if declared.has(given) || (value.is_number() && declared.integer()) {
            return true;
        }
        let wanted = declared.without_null();
        let format = node.get("format").and_then(Value::as_str).unwrap_or_default();
        if wanted.string()
            && let Some(kind) = format::kind_of_type(format)
        {
            self.reject(kind, format::example(format).map(Value::from), value);
            return false;
        }
        let kind = if wanted.string() {
            "string"
        } else if wanted.integer() {
            "number"
        } else if wanted.boolean() {
            "boolean"
        } else if wanted.array() {
            if node.contains_key("prefixItems") { "tuple" } else { "array" }
        } else if wanted.object() {
            if node::is_record(node) { "record" } else { "object" }
        } else {
            "null"
        };
        self.reject(kind, None, value);
        false
    }

    fn text(&mut self, node: &Map<String, Value>, text: &str, value: &Value) {
        let format = node.get("format").and_then(Value::as_str).unwrap_or_default();
        let length = rules::length(text);
        let empty_kind = match format {
            "email" => Some("emailEmpty"),
            "uri" | "url" => Some("urlEmpty"),
            _ => node::extension(node, "nonEmpty").then_some("stringEmpty"),
        };
        if let Some(kind) = empty_kind.filter(|_| text.is_empty()) {
            self.reject(kind, None, value);
            // Of a plain text the other rules are looked at too, as there.
            if !format.is_empty() {
                return;
            }
        }
        let (min, max) = (count(node, "minLength"), count(node, "maxLength"));
        let (min_kind, max_kind) =
            if format == "email" { ("emailMin", "emailMax") } else { ("stringMin", "stringMax") };
        match (min, max) {
            // One character, as Rust's `char` is, may take two UTF-16 units.
            (Some(1), Some(1)) if text.chars().count() == 1 => {}
            (Some(min), Some(max)) if min == max && format != "email" => {
                if length != min {
                    self.push("stringLength", Some(min.into()), Some(length.into()));
                }
            }
            _ => {
                // One character at least is what "not empty" means.
                let said = text.is_empty() && empty_kind.is_some();
                if let Some(min) = min.filter(|min| length < *min && !(said && *min == 1)) {
                    self.push(min_kind, Some(min.into()), Some(length.into()));
                }
                if let Some(max) = max.filter(|max| length > *max) {
                    self.push(max_kind, Some(max.into()), Some(length.into()));
                }
            }
        }
        if let Some(pattern) = node.get("pattern").and_then(Value::as_str)
            && self.schema.patterns.get(pattern).is_some_and(|regex| !rules::pattern(text, regex))
        {
            self.reject("stringPattern", Some(as_javascript(pattern).into()), value);
        }
        if let Some(kind) = format::broken(node, format, text) {
            self.reject(kind, format::example(format).map(Value::from), value);
        } else if format == "decimal"
            && let Some(number) = text.parse().ok().and_then(Number::from_f64)
        {
            self.number(node, &number, value);
        }
    }

    fn number(&mut self, node: &Map<String, Value>, number: &Number, value: &Value) {
        let bound = |key: &str| node.get(key).and_then(Value::as_number).cloned();
        let format = node.get("format").and_then(Value::as_str);
        let implied = format.and_then(integer_bounds);
        // The tighter of what is written and what the integer type can hold.
        let (least, most) = implied.unzip();
        let min = bound("minimum").into_iter().chain(least).max_by(compare);
        let max = bound("maximum").into_iter().chain(most).min_by(compare);
        if let Some(min) = min.filter(|min| compare(number, min) == Ordering::Less) {
            self.reject("numberMin", Some(min.into()), value);
        }
        if let Some(max) = max.filter(|max| compare(number, max) == Ordering::Greater) {
            self.reject("numberMax", Some(max.into()), value);
        }
        let is_zero = |bound: &Number| bound.as_f64() == Some(0.0);
        if let Some(min) = bound("exclusiveMinimum").filter(|min| compare(number, min) != Ordering::Greater) {
            match is_zero(&min) {
                true => self.reject("numberPositive", None, value),
                false => self.reject("numberGreater", Some(min.into()), value),
            }
        }
        if let Some(max) = bound("exclusiveMaximum").filter(|max| compare(number, max) != Ordering::Less) {
            match is_zero(&max) {
                true => self.reject("numberNegative", None, value),
                false => self.reject("numberLess", Some(max.into()), value),
            }
        }
        // Compared as what becomes of it: the largest `f32` in its shortest form is larger than itself.
        if format == Some("float") && number.as_f64().is_some_and(overflows) {
            let most = f64::from(f32::MAX);
            match number.as_f64() < Some(0.0) {
                true => self.reject("numberMin", Some((-most).into()), value),
                false => self.reject("numberMax", Some(most.into()), value),
            }
        }
        let declared = Types::declared(node);
        if declared.integer() && !declared.number() && Types::of(value) != Types::INTEGER {
            self.reject("numberInteger", None, value);
        }
    }

    fn array(&mut self, node: &'s Map<String, Value>, items: &[Value]) {
        let length = items.len();
        let (min, max) = (count(node, "minItems"), count(node, "maxItems"));
        let prefix = list(node, "prefixItems");
        let fixed = min.filter(|min| max == Some(*min) && length != *min);
        if let Some(expected) = fixed {
            let kind = if prefix.is_empty() { "arrayLength" } else { "tupleLength" };
            self.push(kind, Some(expected.into()), Some(length.into()));
            if !prefix.is_empty() {
                return;
            }
        } else if items.is_empty() && node::extension(node, "nonEmpty") {
            self.push("arrayEmpty", None, Some(Value::Array(Vec::new())));
        } else {
            if let Some(min) = min.filter(|min| length < *min) {
                self.push("arrayMin", Some(min.into()), Some(length.into()));
            }
            if let Some(max) = max.filter(|max| length > *max) {
                self.push("arrayMax", Some(max.into()), Some(length.into()));
            }
        }
        if node.get("uniqueItems") == Some(&Value::Bool(true)) {
            let mut seen = HashSet::with_capacity(length);
            if let Some(twice) = items.iter().find(|item| !seen.insert(item.to_string())) {
                self.reject("arrayUnique", None, twice);
            }
        }
        let rest = node.get("items");
        for (index, item) in items.iter().enumerate() {
            if self.done() {
                return;
            }
            if let Some(schema) = prefix.get(index).or(rest) {
                self.descend(Segment::Index(index), schema, item);
            }
        }
    }

    fn object(&mut self, node: &'s Map<String, Value>, object: &Map<String, Value>) {
        let properties = map(node, "properties");
        let required = list(node, "required");
        for (name, schema) in properties.into_iter().flatten() {
            let mut given = alias::given(object, name, schema);
            match given.next() {
                Some((name, value)) => {
                    self.descend(Segment::Key(name), schema, value);
                    given.for_each(|(again, _)| self.twice(name, again));
                }
                None if required.iter().any(|required| required == name) => {
                    self.missing(name, schema.as_object().and_then(node::texts));
                }
                None => {}
            }
        }
        for name in required.iter().filter_map(Value::as_str) {
            if !object.contains_key(name) && properties.is_none_or(|map| !map.contains_key(name)) {
                self.missing(name, None);
            }
        }
        self.unknown_keys(node, object);
        if let Some(min) = count(node, "minProperties").filter(|min| object.len() < *min) {
            self.push("objectMinProps", Some(min.into()), Some(object.len().into()));
        }
        if let Some(max) = count(node, "maxProperties").filter(|max| object.len() > *max) {
            self.push("objectMaxProps", Some(max.into()), Some(object.len().into()));
        }
    }

    /// A field that is there under two of its names.
    fn twice(&mut self, name: &str, again: &str) {
        let length = self.path.len();
        Segment::Key(again).append(&mut self.path);
        self.add(FieldError::twice(&self.path, name));
        self.path.truncate(length);
    }

    fn missing(&mut self, name: &str, texts: Option<&'s Map<String, Value>>) {
        let length = self.path.len();
        Segment::Key(name).append(&mut self.path);
        let texts = std::mem::replace(&mut self.texts, texts);
        self.push("required", None, None);
        self.texts = texts;
        self.path.truncate(length);
    }

    fn unknown_keys(&mut self, node: &'s Map<String, Value>, object: &Map<String, Value>) {
        let patterns = map(node, "patternProperties");
        let additional = node.get("additionalProperties");
        let unevaluated = node.get("unevaluatedProperties");
        let Some(rest) = additional.or(unevaluated).or(patterns.map(|_| &Value::Bool(true))) else { return };
        let (mut known, mut others) = (HashSet::new(), HashSet::new());
        if additional.is_none() {
            known_names(&self.schema.json, node, MAX_HOPS, &mut known, &mut others);
        } else {
            own_names(node, &mut known, &mut others);
        }
        let mut forbidden = Vec::new();
        for (name, value) in object {
            let schema = self.schema;
            let by_pattern = patterns
                .into_iter()
                .flatten()
                .find(|(pattern, _)| schema.patterns.get(*pattern).is_some_and(|regex| regex.is_match(name)));
            match by_pattern {
                _ if known.contains(name.as_str()) || others.contains(name.as_str()) => {}
                Some((_, schema)) => self.descend(Segment::Entry(name), schema, value),
                None if rest == &Value::Bool(false) => forbidden.push(name.as_str()),
                None => self.descend(Segment::Entry(name), rest, value),
            }
        }
        if !forbidden.is_empty() {
            let mut known: Vec<&str> = known.into_iter().collect();
            // In the order of the declaration, as fastest-validator lists them.
            let names = || map(node, "properties").into_iter().flat_map(|map| map.keys());
            let place = |name: &str| names().position(|own| own == name).unwrap_or(usize::MAX);
            known.sort_unstable_by_key(|name| (place(name), *name));
            let (expected, actual) = (shortened(&known.join(", ")), shortened(&forbidden.join(", ")));
            // Names of keys, which are no secrets of the field they are in.
            self.add(FieldError::new(
                "objectStrict",
                self.field(),
                Some(expected.into()),
                Some(actual.into()),
            ));
        }
    }

    fn choice(&mut self, alternatives: &'s [Value], value: &Value) {
        match choice::choose(&self.schema.json, alternatives, value) {
            Choice::One(schema) => self.hop(schema, value),
            Choice::Names(names) => self.reject_texts(&names, value),
            Choice::Tag { name, allowed } => match value.get(name) {
                None => self.missing(name, None),
                Some(tag) => {
                    let length = self.path.len();
                    Segment::Key(name).append(&mut self.path);
                    self.reject_texts(&allowed, tag);
                    self.path.truncate(length);
                }
            },
            Choice::Many(schemas) => {
                let before = std::mem::take(&mut self.errors);
                let mut all: Vec<FieldError> = Vec::new();
                for schema in schemas {
                    self.hop(schema, value);
                    let errors = std::mem::take(&mut self.errors);
                    if errors.is_empty() {
                        self.errors = before;
                        return;
                    }
                    for error in errors {
                        if all.len() < MAX_ERRORS && !all.contains(&error) {
                            all.push(error);
                        }
                    }
                }
                self.errors = before;
                let room = MAX_ERRORS.saturating_sub(self.errors.len());
                self.errors.extend(all.into_iter().take(room));
            }
        }
    }
}

/// The names of a node's properties, and other names of them.
fn own_names<'s>(node: &'s Map<String, Value>, known: &mut HashSet<&'s str>, others: &mut HashSet<&'s str>) {
    for (name, property) in map(node, "properties").into_iter().flatten() {
        known.insert(name);
        others.extend(alias::of(property));
    }
}

/// As [`own_names`], of a node and what it leads to.
fn known_names<'s>(
    root: &'s Value,
    node: &'s Map<String, Value>,
    hops: usize,
    known: &mut HashSet<&'s str>,
    others: &mut HashSet<&'s str>,
) {
    if hops == 0 {
        return;
    }
    own_names(node, known, others);
    let target = node::reference(root, node).into_iter();
    let parts = node::alternatives(node).flatten().chain(list(node, "allOf")).chain(target);
    for part in parts.filter_map(Value::as_object) {
        known_names(root, part, hops - 1, known, others);
    }
}

/// A regular expression as JavaScript prints it: `/^a\/b$/`.
fn as_javascript(pattern: &str) -> String {
    let mut out = String::from("/");
    let (mut escaped, mut in_class) = (false, false);
    for c in pattern.chars() {
        match c {
            _ if escaped => {}
            '[' => in_class = true,
            ']' => in_class = false,
            '/' if !in_class => out.push('\\'),
            _ => {}
        }
        escaped = c == '\\' && !escaped;
        out.push(c);
    }
    out.push('/');
    out
}
