//! Turns texts into the types a schema expects, for values that arrive as text.

use serde_json::{Map, Value};

use super::{
    Inner, MAX_DEPTH, alias,
    check::passes,
    choice::{self, Choice},
    measure::measure,
    node::{self, MAX_HOPS, Types, list, map},
};

pub(super) fn convert(schema: &Inner, value: &mut Value) {
    if measure(value).1 <= MAX_DEPTH {
        Converter { schema, hops: 0, trials: 64 }.node(&schema.json, value);
    }
}

struct Converter<'s> {
    schema: &'s Inner,
    hops: usize,
    /// How many alternatives may still be tried on a copy.
    trials: usize,
}

impl<'s> Converter<'s> {
    fn node(&mut self, schema: &'s Value, value: &mut Value) {
        let Value::Object(node) = schema else { return };
        let types = node::types(&self.schema.json, schema);
        scalar(types, value);
        let misfit = !value.is_null() && !types.has(Types::of(value));
        if misfit && types.array() && !value.is_array() {
            *value = Value::Array(vec![value.take()]);
        }
        if value.is_array() || value.is_object() {
            self.parts(node, value);
        }
    }

    /// Converts inside a container.
    fn parts(&mut self, node: &'s Map<String, Value>, value: &mut Value) {
        if self.hops >= MAX_HOPS {
            return;
        }
        self.hops += 1;
        let root = &self.schema.json;
        match value {
            Value::Array(items) => {
                let (prefix, rest) = (list(node, "prefixItems"), node.get("items"));
                for (index, item) in items.iter_mut().enumerate() {
                    if let Some(schema) = prefix.get(index).or(rest) {
                        self.descend(schema, item);
                    }
                }
            }
            Value::Object(object) => {
                let properties = map(node, "properties");
                let rest = node.get("additionalProperties").or(node.get("unevaluatedProperties"));
                for (name, value) in object {
                    if let Some(schema) = properties.and_then(|map| alias::meant(map, name)).or(rest) {
                        self.descend(schema, value);
                    }
                }
            }
            _ => {}
        }
        let target = node::reference(root, node).into_iter();
        for part in target.chain(list(node, "allOf")).filter_map(Value::as_object) {
            self.parts(part, value);
        }
        for choices in node::alternatives(node) {
            match choice::choose(root, choices, value) {
                Choice::One(schema) => {
                    if let Value::Object(node) = schema {
                        self.parts(node, value);
                    }
                }
                Choice::Many(schemas) => self.first_fitting(&schemas, value),
                Choice::Tag { .. } | Choice::Names(_) => {}
            }
        }
        self.hops -= 1;
    }

    fn first_fitting(&mut self, schemas: &[&'s Value], value: &mut Value) {
        for schema in schemas {
            if self.trials == 0 {
                return;
            }
            self.trials -= 1;
            let mut converted = value.clone();
            if let Value::Object(node) = schema {
                self.parts(node, &mut converted);
            }
            if passes(self.schema, schema, &converted) {
                *value = converted;
                return;
            }
        }
    }

    fn descend(&mut self, schema: &'s Value, value: &mut Value) {
        let hops = std::mem::take(&mut self.hops);
        self.node(schema, value);
        self.hops = hops;
    }
}

fn scalar(types: Types, value: &mut Value) {
    let Value::String(text) = value else { return };
    if types.string() {
        return;
    }
    let number = types.integer().then(|| number(text)).flatten();
    let boolean = || match text.as_str() {
        "true" | "1" | "on" if types.boolean() => Some(Value::Bool(true)),
        "false" | "0" | "off" if types.boolean() => Some(Value::Bool(false)),
        _ => None,
    };
    if let Some(converted) = number.or_else(boolean) {
        *value = converted;
    }
}

/// A decimal number. A fraction where an integer is expected becomes a number too: the check then says so.
fn number(text: &str) -> Option<Value> {
    if let Ok(number) = text.parse::<i64>() {
        return Some(number.into());
    }
    if let Ok(number) = text.parse::<u64>() {
        return Some(number.into());
    }
    // `f64::from_str` also knows "inf" and "nan".
    let decimal = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
    let number = text.parse::<f64>().ok().filter(|number| decimal && number.is_finite())?;
    // `1.0` and `1e3` are integers, and decoders of integers want them written as such.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() <= EXACT {
        return Some((number as i64).into());
    }
    serde_json::Number::from_f64(number).map(Value::Number)
}
