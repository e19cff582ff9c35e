//! From an error to a response: what clients see of it, in the form that route or gateway gives it.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use ligand_core::{Error, context::Id};

use crate::{Body, Req, Route, error, error::Public, gateway::Inner, log};

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// The response of an error: logged, mapped, hidden where it is nobody's business, and written.
pub(crate) fn respond(
    gateway: &Inner,
    route: Option<&Route>,
    req: &Req,
    error: Error,
    id: &Id,
) -> Response<Body> {
    if error::status(&error).is_server_error() {
        log::failure(req, &error, &id.to_string());
    } else {
        tracing::debug!(request_id = %id, error = %error.for_log(), "request refused");
    }
    let map = route.and_then(|route| route.map_error.as_ref()).or(gateway.map_error.as_ref());
    let error = match map {
        None => public(gateway, error),
        Some(map) => match map(req, error.clone()) {
            same if same == error => public(gateway, same),
            // What a hook changes, it means.
            changed => changed,
        },
    };
    let own = route.and_then(|route| route.error_response.as_ref()).or(gateway.error_response.as_ref());
    if let Some(response) = own.and_then(|own| own(req, &error)) {
        return response.unwrap_or_else(|failed| {
            tracing::error!(error = %failed.for_log(), "the response of an error cannot be written");
            plain(&error)
        });
    }
    let format = route.and_then(|route| route.format.as_ref()).or(gateway.format.as_ref());
    let json = match format {
        Some(format) => ligand_wire::text::to_vec(&format(&error)),
        None => ligand_wire::text::to_vec(&Public(&error)),
    };
    let mut json = Bytes::from(json.unwrap_or_default());
    if let Some(encode) = &gateway.encode {
        json = encode(req, json);
    }
    let mut response = written(&error, json);
    if gateway.compat.bare_refusals {
        response.headers_mut().remove(header::RETRY_AFTER);
    }
    response
}

/// An error in the usual form, without any hook.
pub(crate) fn plain(error: &Error) -> Response<Body> {
    written(error, ligand_wire::text::to_vec(&Public(error)).unwrap_or_default().into())
}

fn written(error: &Error, json: Bytes) -> Response<Body> {
    let status = error::status(error);
    let length = json.len();
    let mut response = Response::new(Body::from(json));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    // Whatever type the action chose for its result: this is no such result.
    headers.insert(header::CONTENT_TYPE, JSON);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, error::RETRY_AFTER);
    }
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    response
}

fn public(gateway: &Inner, error: Error) -> Error {
    let error = if gateway.compat.bare_refusals && is_refusal(&error) {
        Error::build(error.name().to_owned(), error.code(), error.message().to_owned())
    } else {
        error
    };
    match gateway.expose_errors {
        true => error,
        false => error::hide(error),
    }
}

/// What the gateway says itself when it cannot take a request now.
pub(crate) fn is_refusal(error: &Error) -> bool {
    matches!(error.name(), "RateLimitExceeded" | "ServiceUnavailableError") || error.kind() == "FILE_MISSING"
}
