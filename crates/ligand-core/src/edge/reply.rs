//! A result, and what the HTTP answer is beside it.

use std::fmt;

use serde_json::{Map, Value};

use super::Cookie;
use crate::context::Context;

/// What an action returns when the HTTP answer is more than a value: status, headers, cookies, a redirect, a content
/// type.
///
/// Give it back from an action of a `#[service]`; callers, clients and schemas know nothing but `T`. Only the gateway
/// that called the action itself reads the rest, on whatever node it is: nothing of it reaches the answer of an action
/// that calls this one.
///
/// ```
/// use ligand_core::edge::{Cookie, Reply};
///
/// let created = Reply::created("/orders/5", 5);
/// let page = Reply::html("<h1>Hello</h1>".to_owned()).header("cache-control", "no-store");
/// let login = Reply::new("welcome").cookie(Cookie::new("session", "a1b2"));
/// let moved = Reply::redirect("/new");
/// # let _ = (created, page, login, moved);
/// ```
#[derive(Clone, PartialEq)]
#[must_use = "a reply says nothing until it is answered"]
pub struct Reply<T> {
    value: T,
    status: Option<u16>,
    content_type: Option<String>,
    /// In the order in which they were named.
    headers: Vec<(String, String)>,
}

impl<T> Reply<T> {
    /// A value, with the status that the route has for a success: 200 unless it says otherwise.
    pub fn new(value: T) -> Self {
        Self { value, status: None, content_type: None, headers: Vec::new() }
    }

    /// 201, with the address of what was made.
    pub fn created(location: impl Into<String>, value: T) -> Self {
        Self::new(value).status(201).header("location", location)
    }

    /// Sets the status, 200 to 599. Another number is left out with a warning.
    ///
    /// ```
    /// # use ligand_core::Reply;
    /// let accepted = Reply::new("It will be done.").status(202);
    /// assert_eq!(*accepted.value(), "It will be done.");
    /// ```
    pub fn status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// Adds a header; one of the same name stays beside it. A name that is not possible in HTTP, and headers of the
    /// framing such as `Content-Length`, are left out with a warning; impossible values are percent-encoded.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets a cookie.
    pub fn cookie(self, cookie: Cookie) -> Self {
        self.header("set-cookie", cookie)
    }

    /// Sets the content type; texts, numbers and booleans are then written plainly instead of as JSON.
    pub fn content_type(mut self, kind: impl Into<String>) -> Self {
        self.content_type = Some(kind.into());
        self
    }

    /// Sets the address that a redirect or a 201 leads to.
    pub fn location(self, location: impl Into<String>) -> Self {
        self.header("location", location)
    }

    /// The value alone, as callers see it.
    pub fn value(&self) -> &T {
        &self.value
    }

    /// The value alone, as callers see it.
    pub fn into_value(self) -> T {
        self.value
    }

    /// Says the rest in `ctx` and leaves the value: what `#[service]` does with the result of an action. For handlers
    /// that are written by hand.
    pub fn settle(self, ctx: &Context) -> T {
        if let Some(status) = self.status {
            ctx.set_meta("$statusCode", status);
        }
        if let Some(kind) = self.content_type {
            ctx.set_meta("$responseType", kind);
        }
        if !self.headers.is_empty() {
            let mut all = match ctx.metas().get("$responseHeaders") {
                Some(Value::Object(headers)) => headers.clone(),
                _ => Map::new(),
            };
            for (name, value) in self.headers {
                add(&mut all, &name.to_ascii_lowercase(), value);
            }
            ctx.set_meta("$responseHeaders", all);
        }
        self.value
    }
}

impl Reply<()> {
    /// 302 to another address, without a body. After a form, `.status(303)` says "fetch that".
    ///
    /// ```
    /// # use ligand_core::Reply;
    /// let moved: Reply<()> = Reply::redirect("/orders/5");
    /// # let _ = moved;
    /// ```
    pub fn redirect(location: impl Into<String>) -> Self {
        Self::new(()).status(302).header("location", location)
    }
}

impl Reply<String> {
    /// A page.
    pub fn html(text: impl Into<String>) -> Self {
        Self::new(text.into()).content_type("text/html; charset=utf-8")
    }

    /// A plain text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::new(text.into()).content_type("text/plain; charset=utf-8")
    }
}

impl<T> From<T> for Reply<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: fmt::Debug> fmt::Debug for Reply<T> {
    /// Without the values of headers: cookies are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("value", &self.value)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// Several values of one header are a list.
fn add(headers: &mut Map<String, Value>, name: &str, value: String) {
    match headers.get_mut(name) {
        None => drop(headers.insert(name.into(), value.into())),
        Some(Value::Array(values)) => values.push(value.into()),
        Some(one) => *one = Value::Array(vec![one.take(), value.into()]),
    }
}
