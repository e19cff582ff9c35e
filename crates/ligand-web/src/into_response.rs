//! What handlers and middlewares may answer with.

use std::any::Any;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use ligand_core::{Payload, Result};
use serde_json::Value;

use crate::{Answer, Body};

/// What a handler or middleware of a route may answer with.
///
/// | value | response |
/// |---|---|
/// | [`Answer`] | as that of an action: JSON, bytes or a stream |
/// | [`Response`] | as it is; its body may be that of another library |
/// | a text | `text/plain; charset=utf-8` |
/// | a [`Value`] | JSON |
/// | `()` | 200 without a body |
/// | a [`StatusCode`] | this status without a body; `(StatusCode, answer)` this status |
pub trait IntoResponse: Send + 'static {
    /// The response.
    ///
    /// # Errors
    /// Those of encoding.
    fn into_response(self) -> Result<Response<Body>>;
}

impl IntoResponse for Answer {
    fn into_response(self) -> Result<Response<Body>> {
        self.encode()
    }
}

impl<B> IntoResponse for Response<B>
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn into_response(self) -> Result<Response<Body>> {
        Ok(self.map(|body| {
            // Our own need not be wrapped.
            let mut body = Some(body);
            match (&mut body as &mut dyn Any).downcast_mut::<Option<Body>>() {
                Some(own) => own.take().unwrap_or_default(),
                None => body.map(Body::of).unwrap_or_default(),
            }
        }))
    }
}

impl IntoResponse for &'static str {
    fn into_response(self) -> Result<Response<Body>> {
        Ok(text(Bytes::from_static(self.as_bytes())))
    }
}

impl IntoResponse for String {
    fn into_response(self) -> Result<Response<Body>> {
        Ok(text(self.into()))
    }
}

fn text(bytes: Bytes) -> Response<Body> {
    let length = bytes.len();
    let mut response = Response::new(Body::from(bytes));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    response
}

impl IntoResponse for Value {
    fn into_response(self) -> Result<Response<Body>> {
        Answer::new(StatusCode::OK, self).encode()
    }
}

impl IntoResponse for Payload {
    fn into_response(self) -> Result<Response<Body>> {
        Answer::new(StatusCode::OK, self).encode()
    }
}

impl IntoResponse for () {
    fn into_response(self) -> Result<Response<Body>> {
        Ok(Response::new(Body::default()))
    }
}

impl IntoResponse for StatusCode {
    fn into_response(self) -> Result<Response<Body>> {
        (self, ()).into_response()
    }
}

impl<T: IntoResponse> IntoResponse for (StatusCode, T) {
    fn into_response(self) -> Result<Response<Body>> {
        let mut response = self.1.into_response()?;
        *response.status_mut() = self.0;
        Ok(response)
    }
}
