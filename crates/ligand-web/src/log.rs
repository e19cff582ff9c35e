//! One line for each request.

use std::time::Duration;

use http::{Method, StatusCode, Uri};
use ligand_core::Error;

use crate::Req;

/// What the line needs when the request itself is already taken apart.
pub(crate) struct Line {
    method: Method,
    uri: Uri,
}

impl Line {
    pub(crate) fn new(method: &Method, uri: &Uri) -> Option<Self> {
        tracing::enabled!(tracing::Level::INFO).then(|| Self { method: method.clone(), uri: uri.clone() })
    }

    /// Writes `GET /api/user/5 200 1.2ms`. The path is as sent, so it holds no line breaks; the query is left out.
    pub(crate) fn write(self, status: StatusCode, took: Duration, request_id: &str) {
        let Self { method, uri } = self;
        let path = uri.path().escape_debug();
        let millis = took.as_secs_f64() * 1000.0;
        tracing::info!(request_id, "{method} {path} {} {millis:.1}ms", status.as_u16());
    }
}

/// A failure on our side, with everything the client does not get to see.
pub(crate) fn failure(req: &Req, error: &Error, request_id: &str) {
    tracing::error!(request_id, error = %one_line(error), "request failed: {} {}", req.method, req.uri.path().escape_debug());
}

/// An error with its internal text, on one line (imported by name: the macros of `tracing` may bring a module
/// called `log` of their own into scope): messages quote what clients send, and a line break or an escape
/// sequence of a terminal in there would forge other lines.
pub(crate) fn one_line(error: &Error) -> String {
    let text = format!("{error:#}");
    let special = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    if !text.contains(special) {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match special(c) {
            true => out.extend(c.escape_default()),
            false => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_take_one_line() {
        let error = Error::client(422, "X", "it's\r\nERROR forged\u{1b}[31m\u{85}\u{2028}é")
            .with_internal("kept\n\tback");
        let line = one_line(&error);
        assert!(line.contains("it's\\r\\nERROR forged\\u{1b}[31m\\u{85}\\u{2028}é"), "{line}");
        assert!(line.contains("kept\\n\\tback"), "{line}");
    }
}
