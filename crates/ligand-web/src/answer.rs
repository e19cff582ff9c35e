//! From a result to a response.
//!
//! | result | `Content-Type` | body |
//! |---|---|---|
//! | nothing or null (`None`, `()`) | none | empty, status 200; a route may choose otherwise, see [`Absent`] |
//! | bytes, a JavaScript `Buffer` | `application/octet-stream` | as they are |
//! | a stream of bytes | `application/octet-stream` | as they come |
//! | a stream of values | `application/x-ndjson` | a line of JSON each; with a content type of its own, texts as they are |
//! | anything else | `application/json; charset=utf-8` | JSON, texts quoted |
//!
//! The action that was called changes that by a [`Reply`](ligand_core::Reply), or through its meta: `$statusCode`,
//! `$statusMessage`, `$responseType` (texts, numbers and booleans are then written plainly, not as JSON),
//! `$responseHeaders` (an array repeats the header) and `$location` (for 201 and redirects). Only that action: what
//! actions say that it calls, or that hooks call, does not count. What is the same for every answer, the definition of the
//! action may say: its fields `responseType` and `responseHeaders` (`#[action(meta(responseType = "text/csv"))]`), which
//! the meta goes before.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use hyper::ext::ReasonPhrase;
use ligand_core::{
    Payload, Result,
    context::Meta,
    service::ActionDef,
    stream::{Mode, Streaming},
};
use serde::Deserialize;
use serde_json::Value;

use crate::{Body, error};

pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
const BYTES: HeaderValue = HeaderValue::from_static("application/octet-stream");
const LINES: HeaderValue = HeaderValue::from_static("application/x-ndjson");

/// Headers that belong to the server.
pub(crate) const FRAMING: [&str; 6] =
    ["content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "trailer"];

/// What a route answers when an action that succeeded has nothing to say: it returned `None`, `()`, null or nothing.
/// An action that says its status itself is left alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Absent {
    /// 200 without a body, as Moleculer does.
    #[default]
    Empty,
    /// 200 with the JSON text `null`.
    Null,
    /// 204.
    NoContent,
    /// 404 `NOT_FOUND`; an action of this node that returns `()` is as with [`Absent::Empty`].
    NotFound,
}

/// A response before it is encoded; what `after` hooks see and change.
#[derive(Debug)]
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// Headers; a `Content-Type` here wins over the one the content would get.
    pub headers: HeaderMap,
    /// Result of the action.
    pub payload: Payload,
    reason: Option<ReasonPhrase>,
    pub(crate) absent: Absent,
    /// The status of the route, until the action says another.
    default: Option<StatusCode>,
}

impl Answer {
    /// A result with a status.
    ///
    /// ```
    /// use ligand_core::Payload;
    /// use ligand_web::{Answer, http::StatusCode};
    /// let answer = Answer::new(StatusCode::ACCEPTED, Payload::typed(5)).header("retry-after", "10");
    /// assert_eq!(answer.status, 202);
    /// ```
    pub fn new(status: StatusCode, payload: impl Into<Payload>) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            payload: payload.into(),
            reason: None,
            absent: Absent::Empty,
            default: Some(status),
        }
    }

    /// Sets one header; a name or value that is not possible in HTTP is left out with a warning.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        set(&mut self.headers, name, value, false);
        self
    }

    /// Applies what the definition of the action says, as Moleculer's actions do: `responseHeaders`, `responseType`.
    pub(crate) fn declared(&mut self, action: &ActionDef) {
        let field = |name| action.metadata(name);
        lay(field("responseHeaders"), field("responseType"), &mut self.headers);
    }

    /// Applies what the action wrote into its meta.
    pub(crate) fn apply(&mut self, meta: &Meta) {
        if meta.is_empty() {
            return;
        }
        if let Some(code) = meta.get("$statusCode") {
            match code
                .as_u64()
                .and_then(|code| u16::try_from(code).ok())
                .filter(|code| (200..=599).contains(code))
            {
                Some(code) => {
                    self.status = StatusCode::from_u16(code).unwrap_or(self.status);
                    self.default = None;
                }
                None => tracing::warn!(%code, "$statusCode is not a status from 200 to 599, ignored"),
            }
        }
        if let Some(Value::String(text)) = meta.get("$statusMessage") {
            self.reason = ReasonPhrase::try_from(text.as_bytes()).ok();
        }
        decorate(meta, &mut self.headers);
        if let Some(Value::String(location)) = meta.get("$location")
            && (self.status == StatusCode::CREATED
                || self.status.is_redirection() && self.status != StatusCode::NOT_MODIFIED)
        {
            set(&mut self.headers, "location", location, false);
        }
    }

    /// Encodes the content, once.
    pub(crate) fn encode(self) -> Result<Response<Body>> {
        let Self { mut status, mut headers, payload, reason, absent, default } = self;
        let typed = headers.contains_key(header::CONTENT_TYPE);
        let source = payload.peek::<Streaming>().cloned();
        let content = match &source {
            Some(source) if source.mode() == Mode::Bytes => (Bytes::new(), Some(BYTES)),
            Some(_) => (Bytes::new(), Some(LINES)),
            None => match encode(&payload, typed)? {
                Some(content) => content,
                // Whoever says a status knows what the answer is.
                None if default != Some(status) => (Bytes::new(), None),
                None => match absent {
                    Absent::Empty => (Bytes::new(), None),
                    Absent::Null => (Bytes::from_static(b"null"), Some(JSON)),
                    Absent::NoContent => {
                        status = StatusCode::NO_CONTENT;
                        (Bytes::new(), None)
                    }
                    Absent::NotFound => return Err(error::not_found()),
                },
            },
        };
        drop(payload);
        let (bytes, kind) = content;
        let bodiless = status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED;
        headers.remove(header::CONTENT_LENGTH);
        if bodiless {
            headers.remove(header::CONTENT_TYPE);
        } else {
            if let Some(kind) = kind {
                headers.entry(header::CONTENT_TYPE).or_insert(kind);
            } else if bytes.is_empty() {
                headers.remove(header::CONTENT_TYPE);
            }
            if source.is_none() {
                headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
            }
        }
        let body = match source {
            _ if bodiless => Body::default(),
            Some(source) => Body::stream(source, typed),
            None => Body::from(bytes),
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        if let Some(reason) = reason {
            response.extensions_mut().insert(reason);
        }
        Ok(response)
    }
}

/// `$responseType` and `$responseHeaders`; these are honoured on errors too, but for the content type.
pub(crate) fn decorate(meta: &Meta, headers: &mut HeaderMap) {
    lay(meta.get("$responseHeaders"), meta.get("$responseType"), headers);
}

fn lay(fields: Option<&Value>, kind: Option<&Value>, headers: &mut HeaderMap) {
    if let Some(Value::Object(fields)) = fields {
        for (name, value) in fields {
            match value {
                Value::Array(values) => {
                    for value in values {
                        set(headers, name, &text(value), true);
                    }
                }
                value => set(headers, name, &text(value), false),
            }
        }
    }
    if let Some(Value::String(kind)) = kind.filter(|kind| kind.as_str() != Some("")) {
        set(headers, "content-type", kind, false);
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

/// Framing belongs to the server; a value with characters impossible in a header is percent-encoded.
fn set(headers: &mut HeaderMap, name: &str, value: &str, repeat: bool) {
    let Ok(parsed) = HeaderName::from_bytes(name.as_bytes()) else {
        tracing::warn!(name = ?name, "not the name of a header, ignored");
        return;
    };
    if FRAMING.contains(&parsed.as_str()) {
        tracing::warn!(name, "this header belongs to the server, ignored");
        return;
    }
    let value = HeaderValue::from_str(value).unwrap_or_else(|_| encoded(value));
    if repeat {
        headers.append(parsed, value);
    } else {
        headers.insert(parsed, value);
    }
}

fn encoded(text: &str) -> HeaderValue {
    let mut out = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        match byte {
            b' '..=b'~' => out.push(char::from(byte)),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    HeaderValue::from_str(&out).unwrap_or(HeaderValue::from_static(""))
}

/// The content and its type; `None` when there is none. With a type of its own (`typed`), a single value is written
/// plainly.
fn encode(payload: &Payload, typed: bool) -> Result<Option<(Bytes, Option<HeaderValue>)>> {
    if payload.is_null() {
        return Ok(None);
    }
    if let Some(bytes) = payload.as_binary() {
        return Ok(Some((bytes.clone(), Some(BYTES))));
    }
    let json = match payload.as_json() {
        Some(bytes) => bytes.clone(),
        None => {
            let mut json = Vec::with_capacity(256);
            payload.write_json(&mut json)?;
            Bytes::from(json)
        }
    };
    if *json == *b"null" {
        return Ok(None);
    }
    if let Some(bytes) = buffer(&json) {
        return Ok(Some((bytes, Some(BYTES))));
    }
    if typed
        && json.first() == Some(&b'"')
        && let Ok(text) = serde_json::from_slice::<String>(&json)
    {
        return Ok(Some((text.into(), None)));
    }
    Ok(Some((json, Some(JSON))))
}

/// The bytes of `{"type":"Buffer","data":[..]}`: what bytes become between nodes that speak JSON.
fn buffer(json: &[u8]) -> Option<Bytes> {
    #[derive(Deserialize)]
    struct Buffer<'a> {
        #[serde(rename = "type", borrow)]
        kind: std::borrow::Cow<'a, str>,
        data: Vec<u8>,
    }
    let json = json.trim_ascii_start();
    // Few answers name it, and those are looked at.
    if json.first() != Some(&b'{') || !std::str::from_utf8(json).is_ok_and(|text| text.contains("\"Buffer\""))
    {
        return None;
    }
    let found: Buffer<'_> = serde_json::from_slice(json).ok()?;
    (found.kind == "Buffer").then(|| found.data.into())
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;

    async fn sent(payload: Payload, meta: Value) -> (u16, HeaderMap, String) {
        let mut reply = Answer::new(StatusCode::OK, payload);
        let meta: Map<String, Value> = meta.as_object().unwrap().clone();
        reply.apply(&Meta::from(meta));
        let (parts, body) = reply.encode().unwrap().into_parts();
        let text = String::from_utf8(body.bytes().await.to_vec()).unwrap();
        (parts.status.as_u16(), parts.headers, text)
    }

    #[tokio::test]
    async fn every_kind_of_result_has_its_form() {
        for (payload, kind, body) in [
            (Payload::UNDEFINED, "", ""),
            (Payload::typed(None::<u8>), "", ""),
            (Payload::json("null"), "", ""),
            (Payload::from(json!("")), "application/json; charset=utf-8", "\"\""),
            (Payload::typed("hi".to_owned()), "application/json; charset=utf-8", "\"hi\""),
            (Payload::typed(1.5), "application/json; charset=utf-8", "1.5"),
            (Payload::json(r#"{"a":1}"#), "application/json; charset=utf-8", r#"{"a":1}"#),
            (
                Payload::from(json!({"type": "Buffer"})),
                "application/json; charset=utf-8",
                r#"{"type":"Buffer"}"#,
            ),
            (Payload::binary("raw"), "application/octet-stream", "raw"),
            (Payload::json(r#"{"type":"Buffer","data":[114,97,119]}"#), "application/octet-stream", "raw"),
            (Payload::json(r#" {"data":[], "x": {}, "type":"Buffer"}"#), "application/octet-stream", ""),
            (Payload::from(json!({"type": "Buffer", "data": [114]})), "application/octet-stream", "r"),
            (Payload::json(r#"{"is":"Buffer"}"#), "application/json; charset=utf-8", r#"{"is":"Buffer"}"#),
            (
                Payload::json(r#"{"type":"Buffer","data":[256]}"#),
                "application/json; charset=utf-8",
                r#"{"type":"Buffer","data":[256]}"#,
            ),
        ] {
            let (status, headers, text) = sent(payload, json!({})).await;
            assert_eq!((status, &*text), (200, body));
            assert_eq!(headers.get("content-type").map_or("", |kind| kind.to_str().unwrap()), kind, "{body}");
            assert_eq!(headers["content-length"].to_str().unwrap(), body.len().to_string());
        }
    }

    #[tokio::test]
    async fn a_type_of_its_own_makes_single_values_plain() {
        let plain = json!({"$responseType": "text/plain"});
        for (value, body) in [(json!("a\"b"), "a\"b"), (json!(123), "123"), (json!({"a": 1}), r#"{"a":1}"#)] {
            let (_, headers, text) = sent(value.into(), plain.clone()).await;
            assert_eq!((&*text, &headers["content-type"]), (body, &HeaderValue::from_static("text/plain")));
        }
        let (_, headers, _) = sent(Payload::NULL, plain).await;
        assert!(!headers.contains_key("content-type"));
        let html = json!({"$responseHeaders": {"Content-Type": "text/html"}});
        assert_eq!(sent(json!("x").into(), html).await.2, "x");
    }

    #[tokio::test]
    async fn meta_sets_status_headers_and_location() {
        let meta = json!({
            "$statusCode": 201, "$location": "/new/1",
            "$responseHeaders": {
                "Set-Cookie": ["a=1", "b=2"], "X-Bad": "a\r\nX-Evil: 1", "X-Number": 5,
                "Content-Length": 999, "Transfer-Encoding": "chunked", "no name": "x",
            },
        });
        let (status, headers, body) = sent(json!({"id": 1}).into(), meta).await;
        assert_eq!(
            (status, &*body, &headers["location"]),
            (201, r#"{"id":1}"#, &HeaderValue::from_static("/new/1"))
        );
        assert_eq!(headers.get_all("set-cookie").iter().count(), 2);
        assert_eq!(headers["x-bad"], "a%0D%0AX-Evil: 1");
        assert_eq!((&headers["x-number"], &headers["content-length"]), (&5.into(), &8.into()));
        assert!(!headers.contains_key("transfer-encoding"));
        let (_, headers, _) = sent(Payload::NULL, json!({"$location": "/x"})).await;
        assert!(!headers.contains_key("location"));
        assert_eq!(sent(Payload::NULL, json!({"$statusCode": 99})).await.0, 200);
    }

    #[test]
    fn a_route_chooses_what_nothing_is() {
        let answer = |absent, payload, status: Option<u16>| {
            let mut answer = Answer::new(StatusCode::OK, payload);
            answer.absent = absent;
            let said = status.map(|status| ("$statusCode".to_owned(), Value::from(status)));
            answer.apply(&Meta::from(said.into_iter().collect::<Map<_, _>>()));
            match answer.encode() {
                Ok(response) => {
                    (response.status().as_u16(), http_body::Body::size_hint(response.body()).exact())
                }
                Err(error) => (error.code(), None),
            }
        };
        for nothing in [|| Payload::UNDEFINED, || Payload::typed(None::<u8>), || Payload::json("null")] {
            assert_eq!(answer(Absent::Empty, nothing(), None), (200, Some(0)));
            assert_eq!(answer(Absent::Null, nothing(), None), (200, Some(4)));
            assert_eq!(answer(Absent::NoContent, nothing(), None), (204, Some(0)));
            assert_eq!(answer(Absent::NotFound, nothing(), None), (404, None));
            assert_eq!(answer(Absent::NotFound, nothing(), Some(302)), (302, Some(0)));
            assert_eq!(answer(Absent::NotFound, nothing(), Some(200)), (200, Some(0)));
        }
        assert_eq!(answer(Absent::NotFound, Payload::typed(0u8), None), (200, Some(1)));
    }

    #[tokio::test]
    async fn no_content_has_none() {
        let (status, headers, body) = sent(json!({"a": 1}).into(), json!({"$statusCode": 204})).await;
        assert_eq!((status, &*body), (204, ""));
        assert!(!headers.contains_key("content-type") && !headers.contains_key("content-length"));
    }
}
