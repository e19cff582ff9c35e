//! One thing that is wrong with a value, in the words of fastest-validator.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;

use super::MAX_ACTUAL;

/// One entry of the `data` of a validation error, as Moleculer nodes send it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FieldError {
    /// The rule that failed: `required`, `stringMin`, `email`, …
    #[serde(rename = "type")]
    pub kind: Cow<'static, str>,
    /// The failure in English, naming the field.
    pub message: String,
    /// Where: `email`, `address.city`, `items[0].price`. Absent for the value as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What the rule wanted, such as the smallest number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<Value>,
    /// What was given, shortened; absent when there was nothing, it is secret, or too large to quote.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actual: Option<Value>,
}

impl FieldError {
    /// An error of a known type with its standard message, for checks made outside of a schema.
    ///
    /// ```
    /// # use ligand_wire::schema::FieldError;
    /// let error = FieldError::new("required", Some("name".into()), None, None);
    /// assert_eq!(error.message, "The 'name' field is required.");
    /// ```
    pub fn new(
        kind: impl Into<Cow<'static, str>>,
        field: Option<String>,
        expected: Option<Value>,
        actual: Option<Value>,
    ) -> Self {
        let kind = kind.into();
        let message =
            message(&kind, field.as_deref().unwrap_or_default(), expected.as_ref(), actual.as_ref());
        Self { kind, message, field, expected, actual }
    }
}

/// `value` if it is short enough to be quoted; a long text is cut.
pub(super) fn quoted(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) => Some(Value::String(shortened(text))),
        Value::Array(_) | Value::Object(_) => {
            // Only measured as far as needed, so that a huge value costs nothing.
            struct Bounded(Vec<u8>);
            impl std::io::Write for Bounded {
                fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                    if self.0.len() + bytes.len() > MAX_ACTUAL {
                        return Err(std::io::ErrorKind::FileTooLarge.into());
                    }
                    self.0.extend_from_slice(bytes);
                    Ok(bytes.len())
                }

                fn flush(&mut self) -> std::io::Result<()> {
                    Ok(())
                }
            }
            serde_json::to_writer(Bounded(Vec::new()), value).is_ok().then(|| value.clone())
        }
        scalar => Some(scalar.clone()),
    }
}

/// At most [`MAX_ACTUAL`] characters, the last of them `…` when something was left out.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_ACTUAL) {
        None => text.to_owned(),
        Some(_) => text.chars().take(MAX_ACTUAL - 1).chain(['…']).collect(),
    }
}

fn message(kind: &str, field: &str, expected: Option<&Value>, actual: Option<&Value>) -> String {
    let template = template(kind);
    let mut out = String::with_capacity(template.len() + field.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        out.push_str(before);
        match name {
            "field" => out.push_str(field),
            "expected" => push(expected, &mut out),
            _ => push(actual, &mut out),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

fn push(value: Option<&Value>, out: &mut String) {
    match value {
        None => {}
        Some(Value::String(text)) => out.push_str(text),
        Some(value) => out.push_str(&value.to_string()),
    }
}

fn template(kind: &str) -> &'static str {
    match kind {
        "required" => "The '{field}' field is required.",
        "forbidden" => "The '{field}' field is forbidden.",
        "string" => "The '{field}' field must be a string.",
        "stringEmpty" | "emailEmpty" | "urlEmpty" => "The '{field}' field must not be empty.",
        "stringMin" | "emailMin" => {
            "The '{field}' field length must be greater than or equal to {expected} characters long."
        }
        "stringMax" | "emailMax" => {
            "The '{field}' field length must be less than or equal to {expected} characters long."
        }
        "stringLength" => "The '{field}' field length must be {expected} characters long.",
        "stringPattern" => "The '{field}' field fails to match the required pattern.",
        "email" => "The '{field}' field must be a valid e-mail.",
        "url" => "The '{field}' field must be a valid URL.",
        "uuid" => "The '{field}' field must be a valid UUID.",
        "ip" => "The '{field}' field must be a valid IP address.",
        "date" => "The '{field}' field must be a Date.",
        "number" => "The '{field}' field must be a number.",
        "numberMin" => "The '{field}' field must be greater than or equal to {expected}.",
        "numberMax" => "The '{field}' field must be less than or equal to {expected}.",
        "numberGreater" => "The '{field}' field must be greater than {expected}.",
        "numberLess" => "The '{field}' field must be less than {expected}.",
        "numberInteger" => "The '{field}' field must be an integer.",
        "numberPositive" => "The '{field}' field must be a positive number.",
        "numberNegative" => "The '{field}' field must be a negative number.",
        "boolean" => "The '{field}' field must be a boolean.",
        "array" | "tuple" => "The '{field}' field must be an array.",
        "arrayEmpty" => "The '{field}' field must not be an empty array.",
        "arrayMin" => "The '{field}' field must contain at least {expected} items.",
        "arrayMax" => "The '{field}' field must contain less than or equal to {expected} items.",
        "arrayLength" | "tupleLength" => "The '{field}' field must contain {expected} items.",
        "arrayUnique" => "The '{field}' field must not contain the same item twice.",
        "enumValue" => "The '{field}' field value '{expected}' does not match any of the allowed values.",
        "equalValue" => "The '{field}' field value must be equal to '{expected}'.",
        "object" | "record" => "The '{field}' must be an Object.",
        "objectStrict" => "The object '{field}' contains forbidden keys: '{actual}'.",
        "objectMinProps" => "The object '{field}' must contain at least {expected} properties.",
        "objectMaxProps" => "The object '{field}' must contain {expected} properties at most.",
        "null" => "The '{field}' field must be null.",
        "depth" => "The value is nested more than {expected} levels deep.",
        "complexity" => "The value is too complex to be checked completely.",
        _ => "The '{field}' field is not valid.",
    }
}
