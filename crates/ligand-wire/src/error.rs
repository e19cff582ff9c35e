//! The one error type of Ligand.
//!
//! An [`Error`] is one pointer wide and carries what a Moleculer node sends: a class `name`, a numeric
//! `code` (HTTP-like), a machine-readable `type`, a public `message`, optional `data` and whether a retry
//! can help. Text that must not leave the process (a driver's message, a panic) is kept apart in
//! [`Error::internal`]: it is logged, never sent.
//!
//! Any `std::error::Error`, `anyhow::Error` and `eyre::Report` converts with `?` into an internal error: its text
//! becomes the *internal* part and callers see "Internal server error" with code 500. For that reason `Error`
//! itself does not implement `std::error::Error`; it converts into `Box<dyn std::error::Error>`, and with the features
//! `anyhow` and `eyre` into their errors, from which it comes back as itself.
//!
//! Class names and types that every node knows are in [`class`] and [`kind`].

use std::{borrow::Cow, fmt, sync::Arc};

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Value, json};

use crate::schema::FieldError;

mod cause;
pub mod class;
mod classes;
pub mod kind;
mod texts;
mod wire;

pub use cause::Failure;

pub(crate) use self::wire::Plain;

/// What most functions of Ligand return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failed call: class name, code, type, public message, data. See the [module](self).
///
/// ```
/// use ligand_wire::Error;
/// let err = Error::conflict("Email already registered").with_kind("EMAIL_EXISTS");
/// assert_eq!((err.name(), err.code(), err.kind()), ("MoleculerClientError", 409, "EMAIL_EXISTS"));
/// ```
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    name: Cow<'static, str>,
    message: Cow<'static, str>,
    kind: Kind,
    data: Option<Value>,
    internal: Option<Box<str>>,
    node_id: Option<Arc<str>>,
    code: u16,
    /// The code belongs to the error. Without, it is a plain error, as `throw new Error(..)` makes one.
    coded: bool,
    retryable: bool,
}

/// `type` on the wire: JavaScript tells a missing one from an explicit `null`, and so do HTTP bodies.
#[derive(Clone, PartialEq)]
enum Kind {
    Missing,
    Null,
    Text(Cow<'static, str>),
}

impl Error {
    /// An error of class `name` with an HTTP-like `code` and a public `message`; no type, no data,
    /// not retryable.
    ///
    /// ```
    /// # use ligand_wire::Error;
    /// let error = Error::build("BankError", 502, "The bank does not answer.").with_kind("NO_BANK");
    /// assert!(error.is("BankError"));
    /// ```
    pub fn build(
        name: impl Into<Cow<'static, str>>,
        code: u16,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self(Box::new(Inner {
            name: name.into(),
            message: message.into(),
            kind: Kind::Missing,
            data: None,
            internal: None,
            node_id: None,
            code,
            coded: true,
            retryable: false,
        }))
    }

    /// Sets the machine-readable `type`, for example `EMAIL_EXISTS`. A plain error is none any more: its code travels.
    ///
    /// ```
    /// # use ligand_wire::Error;
    /// let error = Error::not_found("There is no such order.").with_kind("ORDER_NOT_FOUND");
    /// assert_eq!(error.kind(), "ORDER_NOT_FOUND");
    /// ```
    pub fn with_kind(mut self, kind: impl Into<Cow<'static, str>>) -> Self {
        self.0.coded = true;
        self.0.kind = Kind::Text(kind.into());
        self
    }

    /// Sets `type` to an explicit `null` (as the reference's EntityNotFoundError has).
    pub fn with_null_kind(mut self) -> Self {
        self.0.kind = Kind::Null;
        self
    }

    /// Attaches data for the caller. It travels: never put secrets into it.
    ///
    /// ```
    /// # use ligand_wire::Error;
    /// # use serde_json::json;
    /// let error = Error::client(422, "INSUFFICIENT_STOCK", "Not enough in stock.").with_data(json!({ "left": 3 }));
    /// assert_eq!(error.data(), Some(&json!({ "left": 3 })));
    /// ```
    pub fn with_data(mut self, data: impl Into<Value>) -> Self {
        self.0.data = Some(data.into());
        self
    }

    /// Replaces the numeric code.
    pub fn with_code(mut self, code: u16) -> Self {
        self.0.code = code;
        self.0.coded = true;
        self
    }

    /// Replaces the public message.
    pub fn with_message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.0.message = message.into();
        self
    }

    /// Replaces the class name.
    pub fn with_name(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.0.name = name.into();
        self
    }

    /// Adds text for the log of this process. It never travels and never reaches a client.
    ///
    /// ```
    /// # use ligand_wire::Error;
    /// let error = Error::server(500, "STORE", "Try again later.").with_internal("disk full on /dev/sda1");
    /// assert_eq!(error.to_string(), "Try again later.");
    /// assert!(format!("{error:#}").contains("disk full"));
    /// ```
    pub fn with_internal(mut self, text: impl fmt::Display) -> Self {
        self.0.internal = Some(text.to_string().into_boxed_str());
        self
    }

    /// Says whether trying again can help; the retry policy's default check reads it.
    ///
    /// ```
    /// # use ligand_wire::Error;
    /// assert!(!Error::conflict("Taken.").retryable());
    /// assert!(Error::conflict("Somebody works on it.").with_retryable(true).retryable());
    /// ```
    pub fn with_retryable(mut self, retryable: bool) -> Self {
        self.0.retryable = retryable;
        self
    }

    /// Names the node where the error was born.
    pub fn with_node_id(mut self, node: impl Into<Arc<str>>) -> Self {
        self.0.node_id = Some(node.into());
        self
    }

    /// Class name, for example `MoleculerClientError` or `ValidationError`.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// HTTP-like code, for example 404; 500 for a plain error.
    pub fn code(&self) -> u16 {
        self.0.code
    }

    /// Whether this is a plain error: one that came with `?` from another crate, of [`Error::new`], or what
    /// JavaScript throws as `new Error(text)`. Here its code is 500, for circuit breakers, gateways and whoever asks;
    /// it travels without a code, as those of JavaScript do, whose circuit breakers do not count it.
    pub fn is_plain(&self) -> bool {
        !self.0.coded
    }

    /// Makes it a plain error; its code is 500 then.
    pub(crate) fn plain(mut self) -> Self {
        self.0.code = 500;
        self.0.coded = false;
        self
    }

    /// Machine-readable `type`; empty when there is none.
    pub fn kind(&self) -> &str {
        match &self.0.kind {
            Kind::Text(text) => text,
            Kind::Missing | Kind::Null => "",
        }
    }

    /// `type` as it is written: `None` = absent, `Some(None)` = explicit null.
    pub fn kind_field(&self) -> Option<Option<&str>> {
        match &self.0.kind {
            Kind::Missing => None,
            Kind::Null => Some(None),
            Kind::Text(text) => Some(Some(text)),
        }
    }

    /// Public message.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Data for the caller, if any.
    pub fn data(&self) -> Option<&Value> {
        self.0.data.as_ref()
    }

    /// Data for the caller, for change.
    pub fn data_mut(&mut self) -> Option<&mut Value> {
        self.0.data.as_mut()
    }

    /// Text for the log only.
    pub fn internal(&self) -> Option<&str> {
        self.0.internal.as_deref()
    }

    /// Whether trying again can help.
    pub fn retryable(&self) -> bool {
        self.0.retryable
    }

    /// The node where the error was born, when known.
    pub fn node_id(&self) -> Option<&str> {
        self.0.node_id.as_deref()
    }

    /// True for the class `name`; the way to tell `RequestTimeoutError` and friends apart.
    pub fn is(&self, name: &str) -> bool {
        self.0.name == name
    }

    /// The error for a line of a log, with class, code, type and what is internal: on one line, whatever others wrote into
    /// it, and not longer than 1024 characters. Every part of Ligand that logs an error writes this.
    ///
    /// ```
    /// # use ligand_wire::Error;
    /// let error = Error::client(404, "NO_ORDER", "There is no\norder 7.").with_internal("row 7");
    /// assert_eq!(error.for_log().to_string(), r"MoleculerClientError 404 NO_ORDER: There is no\norder 7. (row 7)");
    /// ```
    pub fn for_log(&self) -> impl fmt::Display {
        ForLog(self)
    }
}

impl fmt::Display for Error {
    /// The public message; with `{:#}` also name, code, type and the internal text, for logs. There control
    /// characters are escaped: texts from outside cannot begin a line of their own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !f.alternate() {
            return f.write_str(self.message());
        }
        write!(f, "{} {}", OneLine(self.name()), self.code())?;
        if !self.kind().is_empty() {
            write!(f, " {}", OneLine(self.kind()))?;
        }
        write!(f, ": {}", OneLine(self.message()))?;
        match self.internal() {
            Some(text) => write!(f, " ({})", OneLine(text)),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:#}")?;
        match self.data() {
            Some(data) => write!(f, " {}", OneLine(&data.to_string())),
            None => Ok(()),
        }
    }
}

/// An error for a line of a log; see [`Error::for_log`].
struct ForLog<'a>(&'a Error);

/// Longest text of an error in a log, in characters: messages quote what others send.
const LONGEST_LOGGED: usize = 1024;

impl fmt::Display for ForLog<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Cut<'a, 'f> {
            out: &'a mut fmt::Formatter<'f>,
            left: usize,
            cut: usize,
        }
        impl fmt::Write for Cut<'_, '_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                let end = text.char_indices().nth(self.left).map_or(text.len(), |(end, _)| end);
                self.left -= text[..end].chars().count();
                self.cut += text.len() - end;
                self.out.write_str(&text[..end])
            }
        }
        let mut line = Cut { out: f, left: LONGEST_LOGGED, cut: 0 };
        fmt::Write::write_fmt(&mut line, format_args!("{:#}", self.0))?;
        match line.cut {
            0 => Ok(()),
            cut => write!(f, "… ({cut} more bytes)"),
        }
    }
}

/// Text with its control characters escaped.
struct OneLine<'a>(&'a str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some((at, control)) =
            rest.char_indices().find(|(_, c)| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))
        {
            write!(f, "{}{}", &rest[..at], control.escape_debug())?;
            rest = &rest[at + control.len_utf8()..];
        }
        f.write_str(rest)
    }
}

/// Two errors are equal when a caller on another node could not tell them apart.
impl PartialEq for Error {
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (&self.0, &other.0);
        a.name == b.name
            && a.code == b.code
            && a.coded == b.coded
            && a.kind == b.kind
            && a.message == b.message
            && a.data == b.data
            && a.retryable == b.retryable
    }
}

/// The plain object other nodes receive; the internal text is left out.
impl Serialize for Error {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", self.name())?;
        map.serialize_entry("message", self.message())?;
        map.serialize_entry("nodeID", &self.node_id())?;
        map.serialize_entry("code", &self.code())?;
        if let Some(kind) = self.kind_field() {
            map.serialize_entry("type", &kind)?;
        }
        map.serialize_entry("retryable", &self.retryable())?;
        if let Some(data) = self.data() {
            map.serialize_entry("data", data)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_one_pointer_wide() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
        assert_eq!(size_of::<Result<()>>(), size_of::<usize>());
    }

    #[test]
    fn a_log_line_stays_one_line() {
        let err = Error::client(422, "K\r", "no 'x\n2026 INFO all fine'")
            .with_internal("at \u{1b}[31mä\u{85}\t")
            .with_data(json!({ "key\u{7f}": "a\nb" }));
        let line = "MoleculerClientError 422 K\\r: no 'x\\n2026 INFO all fine' (at \\u{1b}[31mä\\u{85}\\t)";
        assert_eq!(format!("{err:#}"), line);
        assert_eq!(format!("{err:?}"), format!("{line} {{\"key\\u{{7f}}\":\"a\\nb\"}}"));
        assert_eq!(err.for_log().to_string(), line);
        // The message itself stays as it is.
        assert_eq!(err.to_string(), "no 'x\n2026 INFO all fine'");
        assert_eq!(format!("{:#}", Error::new("a\u{2028}b")), "Error 500: a\\u{2028}b");
        let long = Error::new("ä".repeat(1 << 20)).for_log().to_string();
        assert!(
            long.chars().count() < LONGEST_LOGGED + 30 && long.ends_with(" more bytes)"),
            "{}",
            long.len()
        );
    }

    #[test]
    fn missing_and_null_types_are_told_apart() {
        let body = |err: &Error| serde_json::to_value(err).unwrap();
        assert!(body(&Error::new("x")).get("type").is_none());
        assert_eq!(body(&Error::new("x").with_null_kind())["type"], Value::Null);
    }

    #[test]
    fn validation_lists_every_field() {
        let missing = |field: &str| FieldError::new("required", Some(field.into()), None, None);
        let err = Error::validation(vec![missing("a"), missing("b")]);
        assert_eq!((err.code(), err.kind()), (422, "VALIDATION_ERROR"));
        assert_eq!(err.data().unwrap().as_array().unwrap().len(), 2);
    }
}
