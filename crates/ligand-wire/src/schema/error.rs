//! One thing that is wrong with a value, in the words of fastest-validator.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;

use super::{MAX_ACTUAL, message};

/// One entry of the `data` of a validation error, as Moleculer nodes send it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FieldError {
    /// The rule that failed: `required`, `stringMin`, `email`, …
    #[serde(rename = "type")]
    pub kind: Cow<'static, str>,
    /// The failure in English, naming the field; the value as a whole is "the request".
    pub message: String,
    /// Where: `email`, `address.city`, `items[0].price`. Absent for the value as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What the rule wanted, such as the smallest number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<Box<Value>>,
    /// What was given, shortened; absent when there was nothing, it is secret, or too large to quote.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actual: Option<Box<Value>>,
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
        let message = message::standard(&kind, field.as_deref(), expected.as_ref(), actual.as_ref());
        let (expected, actual) = (expected.map(Box::new), actual.map(Box::new));
        Self { kind, message, field, expected, actual }
    }

    /// An error of the type `custom` with a text of its own, a whole sentence for people.
    ///
    /// ```
    /// # use ligand_wire::FieldError;
    /// let error = FieldError::custom("email", "Somebody has that address.");
    /// assert_eq!((error.kind.as_ref(), error.field.as_deref()), ("custom", Some("email")));
    /// ```
    pub fn custom(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::new("custom", Some(field.into()), None, None) }
    }

    /// A field at `again` that is there under its other name `name` too.
    pub fn twice(again: &str, name: &str) -> Self {
        let text =
            format!("The '{again}' field is another name of '{name}', which is there too; send one of them.");
        Self::custom(again, text)
    }

    /// The same at another place; a standard text names it.
    pub(crate) fn moved(self, field: Option<String>) -> Self {
        let (expected, actual) = (self.expected.as_deref(), self.actual.as_deref());
        let standard = message::standard(&self.kind, self.field.as_deref(), expected, actual);
        let message = match standard == self.message {
            true => message::standard(&self.kind, field.as_deref(), expected, actual),
            false => self.message.clone(),
        };
        Self { message, field, ..self }
    }

    /// A value that is not one of `allowed`.
    pub(super) fn none_of(allowed: &[&Value], field: Option<String>, actual: Option<Value>) -> Self {
        let message = message::of(field.as_deref(), &format!("must be {}.", message::one_of(allowed)));
        let expected: Vec<String> = allowed.iter().map(|value| message::plain(value)).collect();
        let expected = Some(Box::new(expected.join(", ").into()));
        Self { kind: "enumValue".into(), message, field, expected, actual: actual.map(Box::new) }
    }

    /// The same with a text of its author, in which `{field}`, `{expected}` and `{actual}` stand for those.
    pub(crate) fn with_text(mut self, text: &str) -> Self {
        let field = self.field.as_deref().unwrap_or("request");
        self.message = message::filled(text, field, self.expected.as_deref(), self.actual.as_deref());
        self
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Custom checks return one: from 128 bytes on clippy complains in the code of whoever writes them.
    #[test]
    fn it_is_no_large_error_of_a_result() {
        assert!(size_of::<FieldError>() < 128);
    }
}
