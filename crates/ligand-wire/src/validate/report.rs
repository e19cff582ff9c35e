//! What is wrong with a value that was already decoded: the part that no schema says.

use serde::Serialize;
use serde_json::Value;

use crate::{
    Error,
    schema::{FieldError, MAX_ERRORS, Segment},
};

/// Collects errors of [`Validate::violations`](super::Validate::violations) and knows where they are.
///
/// ```
/// use ligand_wire::{FieldError, validate::Report};
///
/// let mut report = Report::new();
/// report.key("lines", |report| {
///     report.index(2, |report| report.push(FieldError::custom("sku", "There is no such product.")));
/// });
/// assert_eq!(report.into_errors()[0].field.as_deref(), Some("lines[2].sku"));
/// ```
#[derive(Debug, Default)]
pub struct Report {
    path: String,
    errors: Vec<FieldError>,
}

impl Report {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// What is wrong with a field.
    ///
    /// ```
    /// # use ligand_wire::{FieldError, validate::Report};
    /// let mut report = Report::new();
    /// report.key("address", |report| report.push(FieldError::custom("city", "There is no such city.")));
    /// assert_eq!(report.into_errors()[0].field.as_deref(), Some("address.city"));
    /// ```
    pub fn key(&mut self, name: &str, look: impl FnOnce(&mut Self)) {
        self.within(Segment::Key(name), look);
    }

    /// What is wrong with an item of a list.
    pub fn index(&mut self, index: usize, look: impl FnOnce(&mut Self)) {
        self.within(Segment::Index(index), look);
    }

    /// What is wrong with the value of a key of a map, which is named when it is a text, a number or a boolean.
    pub fn entry(&mut self, key: &impl Serialize, look: impl FnOnce(&mut Self)) {
        match serde_json::to_value(key) {
            Ok(Value::String(name)) => self.within(Segment::Entry(&name), look),
            Ok(name @ (Value::Number(_) | Value::Bool(_))) => {
                self.within(Segment::Entry(&name.to_string()), look);
            }
            // No format writes such a key.
            _ => look(self),
        }
    }

    fn within(&mut self, segment: Segment<'_>, look: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        segment.append(&mut self.path);
        look(self);
        self.path.truncate(length);
    }

    /// Adds an error; its field is one inside of this place. There are [`MAX_ERRORS`] at most.
    pub fn push(&mut self, error: FieldError) {
        if self.errors.len() < MAX_ERRORS {
            let field = self.place(error.field.as_deref());
            self.errors.push(error.moved(field));
        }
    }

    /// Says more about the last error.
    pub(super) fn explain(&mut self, reason: &str) {
        if let Some(error) = self.errors.last_mut() {
            error.message = format!("{}: {reason}.", error.message.trim_end_matches('.'));
        }
    }

    /// Adds what a check of `#[check(custom = ..)]` found, in the words of `text` if there is one.
    pub fn verdict(&mut self, verdict: impl Verdict, text: Option<&str>) {
        for error in verdict.errors() {
            let before = self.errors.len();
            self.push(error);
            if let (Some(text), Some(error)) = (text, self.errors.get_mut(before)) {
                *error = error.clone().with_text(text);
            }
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.errors.len()
    }

    /// All of them.
    pub fn into_errors(self) -> Vec<FieldError> {
        self.errors
    }

    fn place(&self, field: Option<&str>) -> Option<String> {
        match (self.path.as_str(), field) {
            ("", field) => field.map(str::to_owned),
            (path, None) => Some(path.to_owned()),
            (path, Some(field)) if field.starts_with('[') => Some(format!("{path}{field}")),
            (path, Some(field)) => Some(format!("{path}.{field}")),
        }
    }
}

/// What a check of `#[check(custom = ..)]` returns.
///
/// `bool` says that something is wrong; a text says what, as a whole sentence for people; a [`FieldError`], or several,
/// names a field inside of the value too. Of an [`Error`] the text and the type count.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no answer of a custom check",
    label = "neither `bool` nor a `Result<(), ..>` that is understood",
    note = "a custom check answers `bool`, or `Result<(), E>` where `E` is `&'static str`, `String`, `FieldError`, `Vec<FieldError>` or `ligand::Error`; write `.map_err(|error| error.to_string())` for others"
)]
pub trait Verdict {
    /// Whether nothing is wrong.
    fn is_fine(&self) -> bool;

    /// What is wrong.
    fn errors(self) -> Vec<FieldError>;
}

impl Verdict for bool {
    fn is_fine(&self) -> bool {
        *self
    }

    fn errors(self) -> Vec<FieldError> {
        if self { Vec::new() } else { vec![FieldError::new("custom", None, None, None)] }
    }
}

macro_rules! verdicts {
    ($($error:ty, $name:ident => $errors:expr;)*) => {
        $(impl Verdict for Result<(), $error> {
            fn is_fine(&self) -> bool {
                self.is_ok()
            }

            fn errors(self) -> Vec<FieldError> {
                self.err().map_or_else(Vec::new, |$name| $errors)
            }
        })*
    };
}

verdicts! {
    &'static str, text => vec![said("custom", text)];
    String, text => vec![said("custom", text)];
    std::borrow::Cow<'static, str>, text => vec![said("custom", text)];
    FieldError, error => vec![error];
    Vec<FieldError>, errors => match errors.is_empty() {
        true => vec![FieldError::new("custom", None, None, None)],
        false => errors,
    };
    Error, error => {
        let kind = if error.kind().is_empty() { "custom" } else { error.kind() };
        vec![said(kind, error.message())]
    };
}

/// An error about the value as a whole, in these words.
fn said(kind: &str, text: impl Into<String>) -> FieldError {
    FieldError { message: text.into(), ..FieldError::new(kind.to_owned(), None, None, None) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_become_errors_at_their_place() {
        let mut report = Report::new();
        report.verdict(true, None);
        report.verdict(Ok::<(), String>(()), None);
        assert_eq!(report.count(), 0);
        report.key("a", |report| {
            report.verdict(false, None);
            report.verdict(false, Some("{field} is odd"));
            report.verdict(Err("Not this one."), None);
            report.verdict(Err(FieldError::custom("b", "No b.")), None);
            report.verdict(Err(vec![FieldError::new("required", Some("c".into()), None, None)]), None);
            report.verdict(Err(Error::conflict("Taken.")), None);
            report.verdict(Err(Vec::<FieldError>::new()), None);
        });
        report.verdict(Err("The end is before the start.".to_owned()), None);
        let errors: Vec<_> = report
            .into_errors()
            .into_iter()
            .map(|error| (error.kind.into_owned(), error.field.unwrap_or_default(), error.message))
            .collect();
        let expected = [
            ("custom", "a", "The 'a' field is not valid."),
            ("custom", "a", "a is odd"),
            ("custom", "a", "Not this one."),
            ("custom", "a.b", "No b."),
            ("required", "a.c", "The 'a.c' field is required."),
            ("CONFLICT", "a", "Taken."),
            ("custom", "a", "The 'a' field is not valid."),
            ("custom", "", "The end is before the start."),
        ];
        assert_eq!(errors, expected.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned())));
    }

    #[test]
    fn there_is_an_end_of_errors() {
        let mut report = Report::new();
        (0..1000).for_each(|_| report.verdict(false, Some("x")));
        assert_eq!(report.count(), MAX_ERRORS);
    }
}
