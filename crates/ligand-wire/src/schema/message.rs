//! The texts of errors: one English sentence each, about a field or about the request as a whole.
//!
//! Where Moleculer's text is such a sentence it is the same one.

use std::fmt::Write;

use serde_json::Value;

/// How many of the values that are allowed are listed.
const LISTED: usize = 20;

/// The text of an error of a known type.
pub(super) fn standard(
    kind: &str,
    field: Option<&str>,
    expected: Option<&Value>,
    actual: Option<&Value>,
) -> String {
    let count = |what: &str| {
        let plural = if expected.and_then(Value::as_u64) == Some(1) { "" } else { "s" };
        format!("{{expected}} {what}{plural}")
    };
    let predicate = match kind {
        "required" => "is required.",
        "forbidden" => "is forbidden.",
        "string" => "must be a string.",
        "stringEmpty" | "emailEmpty" | "urlEmpty" => "must not be empty.",
        "stringMin" | "emailMin" => &format!("must have at least {}.", count("character")),
        "stringMax" | "emailMax" => &format!("must have at most {}.", count("character")),
        "stringLength" => &format!("must have exactly {}.", count("character")),
        "stringPattern" => "must match the pattern {expected}.",
        "email" => "must be a valid e-mail address.",
        "url" => "must be a valid URL.",
        "uuid" => "must be a valid UUID.",
        "ip" => "must be a valid IP address.",
        "date" => match expected.and_then(Value::as_str) {
            Some(example) if example.contains('T') => "must be a date and time such as {expected}.",
            Some(example) if example.contains(':') => "must be a time such as {expected}.",
            Some(_) => "must be a date such as {expected}.",
            None => "must be a date.",
        },
        "number" => "must be a number.",
        "numberMin" => "must be greater than or equal to {expected}.",
        "numberMax" => "must be less than or equal to {expected}.",
        "numberGreater" => "must be greater than {expected}.",
        "numberLess" => "must be less than {expected}.",
        "numberInteger" => "must be an integer.",
        "numberPositive" => "must be a positive number.",
        "numberNegative" => "must be a negative number.",
        "boolean" => "must be a boolean.",
        "array" | "tuple" => "must be an array.",
        "arrayEmpty" => "must not be an empty array.",
        "arrayMin" => &format!("must contain at least {}.", count("item")),
        "arrayMax" => &format!("must contain at most {}.", count("item")),
        "arrayLength" | "tupleLength" => &format!("must contain {}.", count("item")),
        "arrayUnique" => "must not contain the same item twice.",
        "enumValue" => &format!("must be {}.", listed(expected)),
        "equalValue" => match expected {
            Some(Value::String(_)) => "must be '{expected}'.",
            _ => "must be {expected}.",
        },
        "object" | "record" => "must be an object.",
        "objectStrict" => "must not have {actual}: no such field is known.",
        "objectMinProps" => &format!("must have at least {}.", count("field")),
        "objectMaxProps" => &format!("must have at most {}.", count("field")),
        "null" => "must be null.",
        "depth" => "is nested more than {expected} levels deep.",
        "complexity" => "is too complex to be checked completely.",
        _ => "is not valid.",
    };
    let names;
    let actual = match (kind, actual) {
        ("objectStrict", Some(Value::String(text))) => {
            names = text.split(", ").map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ").into();
            Some(&names)
        }
        (_, actual) => actual,
    };
    of(field, &filled(predicate, "", expected, actual))
}

/// What is said of a field, as a sentence.
pub(super) fn of(field: Option<&str>, predicate: &str) -> String {
    match field {
        Some(field) => format!("The '{field}' field {predicate}"),
        None => format!("The request {predicate}"),
    }
}

/// `one of 'reader', 'librarian'`; a single one stands alone.
pub(super) fn one_of(allowed: &[&Value]) -> String {
    let mut text = String::from(if allowed.len() == 1 { "" } else { "one of " });
    for (index, value) in allowed.iter().take(LISTED).enumerate() {
        let comma = if index > 0 { ", " } else { "" };
        let _ = match value {
            Value::String(name) => write!(text, "{comma}'{name}'"),
            value => write!(text, "{comma}{value}"),
        };
    }
    if let Some(more @ 1..) = allowed.len().checked_sub(LISTED) {
        let _ = write!(text, " or {more} more");
    }
    text
}

/// The same of names that were joined already.
fn listed(expected: Option<&Value>) -> String {
    let names: Vec<Value> = match expected {
        Some(Value::String(names)) => names.split(", ").map(Value::from).collect(),
        expected => expected.into_iter().cloned().collect(),
    };
    one_of(&names.iter().collect::<Vec<_>>())
}

/// A text as it is, other values as JSON.
pub(super) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// `template` with its `{field}`, `{expected}` and `{actual}` filled in; other braces stay.
pub(super) fn filled(
    template: &str,
    field: &str,
    expected: Option<&Value>,
    actual: Option<&Value>,
) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(at) = rest.find('{') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let value = |value: Option<&Value>| value.map(plain).unwrap_or_default();
        if let Some(after) = rest.strip_prefix("{field}") {
            out.push_str(field);
            rest = after;
        } else if let Some(after) = rest.strip_prefix("{expected}") {
            out.push_str(&value(expected));
            rest = after;
        } else if let Some(after) = rest.strip_prefix("{actual}") {
            out.push_str(&value(actual));
            rest = after;
        } else {
            out.push('{');
            rest = &rest[1..];
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::FieldError;

    const KINDS: &[&str] = &[
        "required",
        "forbidden",
        "string",
        "stringEmpty",
        "emailEmpty",
        "urlEmpty",
        "stringMin",
        "emailMin",
        "stringMax",
        "emailMax",
        "stringLength",
        "stringPattern",
        "email",
        "url",
        "uuid",
        "ip",
        "date",
        "number",
        "numberMin",
        "numberMax",
        "numberGreater",
        "numberLess",
        "numberInteger",
        "numberPositive",
        "numberNegative",
        "boolean",
        "array",
        "tuple",
        "arrayEmpty",
        "arrayMin",
        "arrayMax",
        "arrayLength",
        "tupleLength",
        "arrayUnique",
        "enumValue",
        "equalValue",
        "object",
        "record",
        "objectStrict",
        "objectMinProps",
        "objectMaxProps",
        "null",
        "depth",
        "complexity",
        "custom",
    ];

    #[test]
    fn every_text_is_a_sentence_about_a_field_or_the_request() {
        for kind in KINDS {
            for expected in [json!(1), json!(2), json!("a, b")] {
                let text = |field| standard(kind, field, Some(&expected), Some(&json!("x")));
                let (whole, field) = (text(None), text(Some("a.b")));
                assert!(whole.starts_with("The request ") && whole.ends_with('.'), "{whole}");
                assert!(field.starts_with("The 'a.b' field "), "{field}");
                assert!(!whole.contains("''") && !whole.contains(['{', '}']), "{whole}");
            }
        }
    }

    #[test]
    fn texts_read_right() {
        for (kind, expected, text) in [
            ("enumValue", json!("reader, librarian"), "must be one of 'reader', 'librarian'."),
            ("enumValue", json!("reader"), "must be 'reader'."),
            ("stringMin", json!(1), "must have at least 1 character."),
            ("stringMax", json!(64), "must have at most 64 characters."),
            ("arrayMax", json!(3), "must contain at most 3 items."),
            ("equalValue", json!("x"), "must be 'x'."),
            ("equalValue", json!(5), "must be 5."),
            ("objectStrict", json!("a"), "must not have 'b', 'c': no such field is known."),
        ] {
            let message = standard(kind, Some("role"), Some(&expected), Some(&json!("b, c")));
            assert_eq!(message, format!("The 'role' field {text}"));
        }
        let numbers = FieldError::none_of(&[&json!(1), &json!("a, b")], None, None);
        assert_eq!(numbers.message, "The request must be one of 1, 'a, b'.");
        let many: Vec<Value> = (0..25).map(Value::from).collect();
        assert!(one_of(&many.iter().collect::<Vec<_>>()).ends_with(", 19 or 5 more"));
    }

    #[test]
    fn an_own_text_may_name_what_was_wrong() {
        let error = FieldError::new("numberMin", Some("age".into()), Some(json!(18)), Some(json!(5)));
        let text = error.with_text("{field}: {expected} at least, not {actual} {sic}").message;
        assert_eq!(text, "age: 18 at least, not 5 {sic}");
    }
}
