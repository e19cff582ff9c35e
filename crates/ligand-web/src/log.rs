//! One line for each request.

use std::time::Duration;

use http::{Method, StatusCode, Uri};

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
pub(crate) fn failure(req: &Req, error: &ligand_core::Error, request_id: &str) {
    tracing::error!(request_id, error = %format!("{error:#}"), "request failed: {} {}", req.method, req.uri.path().escape_debug());
}
