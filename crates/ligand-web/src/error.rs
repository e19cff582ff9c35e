//! The errors of the gateway, and how any error looks over HTTP.
//!
//! The body is `{name, message, code, type, data}` with missing fields left out and a `type` of null kept. The
//! status is the code of the error when it is one of 400 to 598, else 500. [`Error::internal`] is never sent.

use http::{HeaderValue, StatusCode};
use ligand_core::Error;
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::{Value, json};

/// Type of a 401 for a request without a token.
pub const NO_TOKEN: &str = "NO_TOKEN";
/// Type of a 401 for a token that is malformed, forged or expired.
pub const INVALID_TOKEN: &str = "INVALID_TOKEN";
/// Type of a 400 for a path with a malformed escape.
pub const UNABLE_DECODE_PARAM: &str = "UNABLE_DECODE_PARAM";
/// Type of a 403 for an origin that CORS does not allow.
pub const ORIGIN_NOT_ALLOWED: &str = "ORIGIN_NOT_ALLOWED";

/// 401 `UnAuthorizedError`; see [`NO_TOKEN`] and [`INVALID_TOKEN`].
pub fn unauthorized(kind: &'static str) -> Error {
    Error::build("UnAuthorizedError", 401, "Unauthorized").with_kind(kind)
}

/// 403 `ForbiddenError`.
pub fn forbidden(kind: &'static str) -> Error {
    Error::build("ForbiddenError", 403, "Forbidden").with_kind(kind)
}

/// 400 `BadRequestError`.
pub fn bad_request(kind: &'static str) -> Error {
    Error::build("BadRequestError", 400, "Bad request").with_kind(kind)
}

/// 404 `NotFoundError`: no alias matches.
pub fn not_found() -> Error {
    Error::build("NotFoundError", 404, "Not found").with_kind("NOT_FOUND")
}

/// 405 `MethodNotAllowedError`: the path exists for other methods, which the `Allow` header names.
pub fn method_not_allowed() -> Error {
    Error::build("MethodNotAllowedError", 405, "Method not allowed").with_kind("METHOD_NOT_ALLOWED")
}

/// 408 `RequestTimeoutError`: the client sends its body too slowly.
pub fn body_timeout() -> Error {
    Error::build("RequestTimeoutError", 408, "The request body was not received in time")
        .with_kind("BODY_TIMEOUT")
}

/// 413 `PayloadTooLarge`, for a part of a request; a body as a whole is refused with type `entity.too.large`.
pub fn payload_too_large() -> Error {
    Error::build("PayloadTooLarge", 413, "Payload too large").with_kind("PAYLOAD_TOO_LARGE")
}

/// 415 `UnsupportedMediaTypeError`, with the types that are understood.
pub fn unsupported_media_type(accepted: &str) -> Error {
    let message = format!("The content type is not supported here; send {accepted}");
    Error::build("UnsupportedMediaTypeError", 415, message).with_kind("UNSUPPORTED_MEDIA_TYPE")
}

/// 429 `RateLimitExceeded`.
pub fn rate_limit_exceeded() -> Error {
    Error::build("RateLimitExceeded", 429, "Rate limit exceeded").with_kind("RATE_LIMIT_EXCEEDED")
}

/// 431 `HeadersTooLargeError`: request line and headers are longer than [`crate::Limits::header_bytes`].
pub fn head_too_large() -> Error {
    Error::build("HeadersTooLargeError", 431, "Request line and headers are too long")
        .with_kind("HEADERS_TOO_LARGE")
}

/// 503 `ServiceUnavailableError`.
pub fn service_unavailable(kind: &'static str) -> Error {
    Error::build("ServiceUnavailableError", 503, "Service unavailable").with_kind(kind)
}

/// The status an error is sent with.
pub fn status(error: &Error) -> StatusCode {
    match error.code() {
        code @ 400..=598 => StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The body of an error as a tree, for formatters that add to it.
pub fn body(error: &Error) -> Value {
    serde_json::to_value(Public(error)).unwrap_or(Value::Null)
}

/// An error as clients see it.
pub(crate) struct Public<'a>(pub(crate) &'a Error);

impl Serialize for Public<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let error = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", error.name())?;
        map.serialize_entry("message", error.message())?;
        map.serialize_entry("code", &error.code())?;
        if let Some(kind) = error.kind_field() {
            map.serialize_entry("type", &kind)?;
        }
        if let Some(data) = error.data() {
            map.serialize_entry("data", data)?;
        }
        map.end()
    }
}

/// What production clients may know: no text of failures on our side, no node names.
pub(crate) fn hide(error: Error) -> Error {
    if !(400..500).contains(&error.code()) {
        let text = status(&error).canonical_reason().unwrap_or("Internal server error");
        let text = if text == "Internal Server Error" { "Internal server error" } else { text };
        let hidden = Error::build(error.name().to_owned(), error.code(), text);
        return match error.kind() {
            "" => hidden,
            kind => hidden.with_kind(kind.to_owned()),
        };
    }
    let mut error = error;
    let node = error.data().and_then(|data| data.get("nodeID")?.as_str());
    if node.is_some_and(|node| error.message().contains(node)) {
        let text = status(&error).canonical_reason().unwrap_or("Request failed");
        error = error.with_message(text);
    }
    match error.data_mut() {
        Some(Value::Object(data)) => drop(data.shift_remove("nodeID")),
        Some(Value::Array(entries)) => {
            for entry in entries.iter_mut().filter_map(Value::as_object_mut) {
                entry.shift_remove("nodeID");
            }
        }
        _ => {}
    }
    error
}

/// Seconds after which a client may ask again whatever is unavailable now: nodes that are replaced are back by then.
pub(crate) const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// What clients see of the failed call of `action`. That it, or an action it needed itself, is not there or takes no more
/// calls is our trouble and not a mistake of the client: 503, and the names stay in the log.
pub(crate) fn outward(error: Error, action: &str) -> Error {
    let own = error.data().and_then(|data| data.get("action")?.as_str()) == Some(action);
    match error.name() {
        "ServiceNotFoundError" | "ServiceNotAvailableError" if own => {
            action_missing(action).with_internal(format!("{error:#}"))
        }
        "ServiceNotFoundError" | "ServiceNotAvailableError" | "QueueIsFullError" if !own => {
            service_unavailable("DEPENDENCY_NOT_AVAILABLE").with_internal(format!("{error:#}"))
        }
        _ => error,
    }
}

/// 404 of an action that is not published or that a mask keeps out, and of a direct call that names no action: these
/// look alike. For an alias whose action merely is not there see [`action_missing`].
pub(crate) fn action_not_found(action: &str) -> Error {
    Error::service_not_found(action, None)
}

/// 503 of an alias whose action nobody offers at the moment.
pub(crate) fn action_missing(action: &str) -> Error {
    service_unavailable("ACTION_NOT_AVAILABLE").with_data(json!({ "action": action }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_is_the_code_within_limits() {
        for (code, expected) in [(400, 400), (418, 418), (598, 598), (399, 500), (599, 500), (0, 500)] {
            assert_eq!(status(&Error::build("E", code, "m")).as_u16(), expected);
        }
    }

    #[test]
    fn bodies_leave_out_what_is_missing_and_keep_null_types() {
        assert_eq!(body(&Error::new("x")), json!({"name": "Error", "message": "x", "code": 500}));
        let null = Error::build("E", 404, "m").with_null_kind().with_internal("secret");
        assert_eq!(body(&null), json!({"name": "E", "message": "m", "code": 404, "type": null}));
    }

    #[test]
    fn hidden_errors_tell_neither_texts_nor_nodes() {
        let error = hide(Error::request_timeout("a.b", "node-1"));
        assert_eq!((error.code(), error.message(), error.data()), (504, "Gateway Timeout", None));
        let error = hide(Error::queue_is_full("a.b", "node-1"));
        assert_eq!((error.code(), error.message()), (429, "Too Many Requests"));
        assert_eq!(error.data(), Some(&json!({"action": "a.b"})));
        assert_eq!(hide(Error::service_not_found("a.b", None)).message(), "Service 'a.b' is not found.");
        assert_eq!(hide(Error::new("db password")).message(), "Internal server error");
    }
}
