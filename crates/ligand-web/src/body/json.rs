//! Looks at a JSON body before anybody decodes it, and builds nothing: it is one object or list, no deeper than allowed,
//! every number is one that can be held, and no object has two fields of one name. Which of the two would count depends
//! on who reads: a guard and a handler must not see different values.

use ligand_core::Result;
use ligand_wire::text::{Unreadable, look};
use serde_json::json;

use super::{not_json, not_utf8};

/// Whether a body is an object or a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Object,
    List,
}

pub(super) fn check(bytes: &[u8], most: usize) -> Result<Shape> {
    let text = std::str::from_utf8(bytes).map_err(|_| not_utf8())?;
    let shape = match text.trim_ascii_start().as_bytes().first() {
        Some(b'{') => Shape::Object,
        Some(b'[') => Shape::List,
        first => {
            return Err(not_json(format!("The body must be a JSON object or array; it is {}", kind(first))));
        }
    };
    if is_deeper(bytes, most) {
        return Err(not_json(format!("The body is nested deeper than {most} levels")));
    }
    look(text, true).map(|()| shape).map_err(|Unreadable { place, error }| match place.as_str() {
        "" => not_json(format!("The body is not valid JSON: {error}")),
        _ => not_json(format!("The body is not valid JSON in '{place}': {error}"))
            .with_data(json!({ "field": place })),
    })
}

fn kind(first: Option<&u8>) -> &'static str {
    match first {
        Some(b'"') => "a text",
        Some(b'-' | b'0'..=b'9') => "a number",
        Some(b't' | b'f') => "true or false",
        Some(b'n') => "null",
        _ => "something else",
    }
}

fn is_deeper(bytes: &[u8], most: usize) -> bool {
    let (mut depth, mut in_text, mut escaped) = (0usize, false, false);
    for &byte in bytes {
        if in_text {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_text = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_text = true,
            b'{' | b'[' => {
                depth += 1;
                if depth > most {
                    return true;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}
