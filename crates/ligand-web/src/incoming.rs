//! A request on its way through middlewares to its handler, with its body.

use std::{fmt, ops::Deref, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use ligand_core::{Context, Result};
use parking_lot::Mutex;
use serde::de::DeserializeOwned;

use crate::{
    Req, RequestBody,
    body::{Rules, not_json},
};

/// A request with its body and its context, as middlewares ([`crate::Route::middleware`]) and handlers
/// ([`crate::Route::handler`]) get it. What they see of its head is [`Req`].
///
/// ```
/// use ligand_core::{Context, Error};
/// use ligand_web::{Incoming, Route};
/// use serde_json::{Value, json};
///
/// async fn echo(_ctx: Context, mut request: Incoming) -> Result<Value, Error> {
///     let body: Value = request.json().await?;
///     Ok(json!({ "name": request.param("name"), "body": body }))
/// }
///
/// let route = Route::new("/api").handler("POST /echo/:name", echo);
/// # let _ = route;
/// ```
pub struct Incoming {
    pub(crate) req: Arc<Req>,
    pub(crate) ctx: Context,
    pub(crate) shared: Arc<Shared>,
}

/// What stays when a middleware lets go of its request.
pub(crate) struct Shared {
    /// Headers that the response gets, whatever it is.
    pub(crate) headers: Mutex<HeaderMap>,
    pub(crate) body: Mutex<RequestBody>,
    pub(crate) rules: Rules,
}

impl Shared {
    pub(crate) fn new(rules: Rules) -> Self {
        Self { headers: Mutex::default(), body: Mutex::default(), rules }
    }
}

impl Incoming {
    /// The context of the request: its meta reaches the action, its calls belong to the request.
    pub fn ctx(&self) -> &Context {
        &self.ctx
    }

    /// The head, to change it: later stages and the action see what it is then. It is not routed again.
    pub fn head_mut(&mut self) -> &mut Req {
        Arc::make_mut(&mut self.req)
    }

    /// The body, at most as long as the route allows, within the time for bodies. It can be read again afterwards.
    ///
    /// # Errors
    /// 413 and 408 of the [limits](crate::Limits), 400 of a broken body.
    pub async fn bytes(&mut self) -> Result<Bytes> {
        let rules = self.shared.rules;
        let mut body = std::mem::take(&mut *self.shared.body.lock());
        let result = body.read(rules.limit, rules.time).await;
        *self.shared.body.lock() = match &result {
            Ok(bytes) => bytes.clone().into(),
            // The rest, to be thrown away.
            Err(_) => body,
        };
        result
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// As [`Incoming::bytes`]; 400 `entity.parse.failed`.
    pub async fn json<T: DeserializeOwned>(&mut self) -> Result<T> {
        let bytes = self.bytes().await?;
        serde_json::from_slice(&bytes)
            .map_err(|error| not_json(format!("The body is not the expected JSON: {error}")))
    }

    /// Takes the body away, to read it as it comes.
    pub fn take_body(&mut self) -> RequestBody {
        std::mem::take(&mut *self.shared.body.lock())
    }

    /// Puts another body in its place. `Content-Type` stays as it is.
    pub fn set_body(&mut self, body: impl Into<RequestBody>) {
        *self.shared.body.lock() = body.into();
    }

    /// Sets a header of the response, whatever it will be, also an error. What the answer says itself wins.
    pub fn set_response_header(&self, name: HeaderName, value: HeaderValue) {
        self.shared.headers.lock().insert(name, value);
    }
}

impl Deref for Incoming {
    type Target = Req;

    fn deref(&self) -> &Req {
        &self.req
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.req.fmt(f)
    }
}
