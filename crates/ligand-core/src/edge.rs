//! What an action knows of HTTP: what it says about its answer ([`Reply`]) and what it may ask about the request
//! ([`HttpRequest`]).
//!
//! Both are plain data: they travel to and from other nodes as values of the meta, with the names that Moleculer has
//! for them. What they mean, a gateway decides. A caller that is no gateway gets the value of a [`Reply`] alone.

mod body;
mod cookie;
mod reply;
mod request;
mod size;

pub(crate) use body::check as check_body;
pub use body::{BodyKind, HttpBody, HttpBodyDef, LimitText, no_body};
pub use cookie::{Cookie, SameSite};
pub use reply::Reply;
pub use request::{HttpRequest, HttpWants};
use serde_json::Value;
pub use size::Size;

use crate::service::{Action, ActionDef};

/// The fields of an action's definition that gateways read, on this and on other nodes.
const HTTP: &str = "$http";
const RUN_TO_END: &str = "$runToEnd";
const BODY: &str = "$body";

impl Action {
    /// Gives the handler the HTTP request that it answers, as [`Context::http`](crate::context::Context::http) shows it.
    pub fn http(self, wants: HttpWants) -> Self {
        self.metadata(HTTP, wants)
    }

    /// Whether a call from a gateway runs to its end when the HTTP client leaves. Default: the route says, else by the
    /// method of the request: yes, unless it is `GET`, `HEAD` or `OPTIONS`.
    pub fn run_to_end(self, always: bool) -> Self {
        self.metadata(RUN_TO_END, always)
    }

    /// Takes the body of HTTP requests as a text, as bytes or as a form instead of as JSON. What cannot be taken so stops
    /// the start.
    pub fn body(self, body: HttpBody) -> Self {
        self.metadata(BODY, body)
    }
}

impl ActionDef {
    /// How the action takes the body of HTTP requests, when not as JSON.
    pub fn body(&self) -> Option<HttpBodyDef> {
        self.metadata(BODY).and_then(HttpBodyDef::read)
    }

    /// What the action wants to know of the HTTP request.
    pub fn http(&self) -> Option<HttpWants> {
        self.metadata(HTTP).and_then(HttpWants::read)
    }

    pub(crate) fn wants_http(&self) -> bool {
        self.http().is_some()
    }

    /// What the action says to [`Action::run_to_end`].
    pub fn run_to_end(&self) -> Option<bool> {
        self.metadata(RUN_TO_END).and_then(Value::as_bool)
    }
}
