//! The way of one request, from its head to the response.

use std::{net::SocketAddr, panic::AssertUnwindSafe, sync::Arc, time::Instant};

use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version, header, request::Parts};
use ligand_core::{Context, Error, Id, Payload, Result, ServiceBroker, State};
use serde_json::json;

use crate::{
    Body, Reply, Req, RequestBody, Route, body,
    error::{self, Public},
    gateway::Inner,
    log, params,
    path::{self, PathError},
    reply, request_id,
    table::{Access, Found, Leaf},
};

const NO_SNIFF: HeaderValue = HeaderValue::from_static("nosniff");

/// Answers a request; never fails.
pub(crate) async fn run(
    gateway: &Inner,
    broker: &ServiceBroker,
    request: Request<RequestBody>,
    peer: Option<SocketAddr>,
) -> Response<Body> {
    let start = Instant::now();
    let (parts, mut body) = request.into_parts();
    let line = log::Line::new(&parts.method, &parts.uri);
    let ctx = broker.root_context_in(gateway.name.clone(), request_id::of(&parts.headers).map(Id::from));
    let id = ctx.request_id().to_string();
    // Nobody has been told to send yet: then there is no rest to wait for.
    let waits = parts.headers.contains_key(header::EXPECT);
    let bad_host = peer.is_some() && !has_host(&parts);
    let Parts { method, uri, headers, .. } = parts;
    let req = Req { method, uri, path: String::new(), headers, peer, params: Vec::new() };
    let mut exchange = Exchange { gateway, broker, ctx, headers: HeaderMap::new(), route: None };
    let mut response = if bad_host {
        exchange.fail(&req, error::bad_request("INVALID_HOST"), &id, false)
    } else {
        // A panic in a stage or hook ends this request only.
        match AssertUnwindSafe(exchange.answer(req, &mut body, &id)).catch_unwind().await {
            Ok(response) => response,
            Err(_) => panicked(&id),
        }
    };
    if !waits && let Some(rest) = body.rest() {
        broker.tasks().spawn_background(rest);
    }
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(request_id::HEADER, id);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NO_SNIFF);
    if let Some(line) = line {
        line.write(response.status(), start.elapsed(), &id);
    }
    response
}

#[cold]
fn panicked(id: &str) -> Response<Body> {
    tracing::error!(request_id = id, "a stage or hook of the gateway panicked");
    let error = Error::internal_error("panicked");
    let reply = Reply::new(StatusCode::INTERNAL_SERVER_ERROR, error::body(&error));
    reply.into_response(false).unwrap_or_default()
}

/// HTTP/1.1 asks for exactly one `Host`.
fn has_host(parts: &Parts) -> bool {
    parts.version != Version::HTTP_11 || parts.headers.get_all(header::HOST).iter().count() == 1
}

struct Exchange<'a> {
    gateway: &'a Inner,
    broker: &'a ServiceBroker,
    ctx: Context,
    /// Headers that the response gets whatever happens: CORS, `Allow`.
    headers: HeaderMap,
    route: Option<Arc<Route>>,
}

impl Exchange<'_> {
    async fn answer(&mut self, mut req: Req, body: &mut RequestBody, id: &str) -> Response<Body> {
        let head_only = req.method == Method::HEAD;
        let uri = req.uri.clone();
        let (path, escaped) = match path::normal(uri.path()) {
            Ok(normal) => (normal.text, normal.escaped),
            Err(PathError::Dots) => return self.fail(&req, error::not_found(), id, head_only),
            Err(PathError::Segment(segment)) => {
                let error =
                    error::bad_request(error::UNABLE_DECODE_PARAM).with_data(json!({ "param": segment }));
                return self.fail(&req, error, id, head_only);
            }
        };
        if let Some(reply) = self.gateway.health.answer(&path, self.broker).await
            && let Ok(response) = reply.into_response(head_only)
        {
            return response;
        }
        let found = self.gateway.table(self.broker).find(&req.method, &path, escaped);
        if let Some(response) = self.preflight(&req, &path) {
            return response.unwrap_or_else(|error| self.fail(&req, error, id, head_only));
        }
        req.path = path.into_owned();
        let (leaf, req) = match found {
            Found::Alias(leaf, params) => {
                req.params = params;
                (leaf, Arc::new(req))
            }
            Found::OtherMethods(route, allowed) => {
                let result = self.other_methods(&req, route, &allowed);
                return result.unwrap_or_else(|error| self.fail(&req, error, id, head_only));
            }
            Found::Nothing(route) => {
                let error = self.nothing(&req, route);
                return self.fail(&req, error, id, head_only);
            }
        };
        let result = match self.call(&leaf, &req, body).await {
            Ok(reply) => reply.into_response(head_only),
            Err(error) => Err(error),
        };
        match result {
            Ok(mut response) => {
                merge(response.headers_mut(), std::mem::take(&mut self.headers));
                response
            }
            Err(error) => {
                let mut headers = HeaderMap::new();
                reply::decorate(&self.ctx.metas(), &mut headers);
                merge(&mut self.headers, headers);
                self.fail(&req, error, id, head_only)
            }
        }
    }

    /// Notes whose rules hold from here on and checks the origin.
    fn enter(&mut self, route: Arc<Route>, req: &Req) -> Result<()> {
        let route = self.route.insert(route);
        match &route.cors {
            Some(cors) => cors.check(&req.headers, &mut self.headers),
            None => Ok(()),
        }
    }

    /// The answer to a preflight of a route that is open to other sites.
    fn preflight(&mut self, req: &Req, path: &str) -> Option<Result<Response<Body>>> {
        if req.method != Method::OPTIONS || !req.headers.contains_key(header::ORIGIN) {
            return None;
        }
        let asked = req.headers.get(header::ACCESS_CONTROL_REQUEST_METHOD)?;
        let asked = Method::from_bytes(asked.as_bytes()).ok()?;
        let table = self.gateway.table(self.broker);
        let route = match table.find(&asked, path, false) {
            Found::Alias(leaf, _) => leaf.entry.route.clone(),
            Found::OtherMethods(route, _) => route,
            Found::Nothing(route) => route?,
        };
        route.cors.as_ref()?;
        if let Err(refused) = self.enter(route.clone(), req) {
            return Some(Err(refused));
        }
        if let Some(cors) = &route.cors {
            cors.preflight(&req.headers, &mut self.headers);
        }
        Some(Ok(self.empty(StatusCode::NO_CONTENT)))
    }

    fn other_methods(&mut self, req: &Req, route: Arc<Route>, allowed: &str) -> Result<Response<Body>> {
        if self.broker.state() == State::Starting {
            return Err(error::service_unavailable("STARTING"));
        }
        self.enter(route, req)?;
        if let Ok(allowed) = HeaderValue::from_str(allowed) {
            self.headers.insert(header::ALLOW, allowed);
        }
        match req.method == Method::OPTIONS {
            true => Ok(self.empty(StatusCode::NO_CONTENT)),
            false => Err(error::method_not_allowed()),
        }
    }

    fn nothing(&mut self, req: &Req, route: Option<Arc<Route>>) -> Error {
        if self.broker.state() == State::Starting {
            return error::service_unavailable("STARTING");
        }
        let Some(route) = route else { return error::not_found() };
        let direct = route.direct.then(|| {
            let below = req.path.strip_prefix(route.path.as_str()).unwrap_or(&req.path);
            error::action_not_found(&below.trim_matches('/').replace('/', "."))
        });
        match self.enter(route, req) {
            Ok(()) => direct.unwrap_or_else(error::not_found),
            Err(refused) => refused,
        }
    }

    /// Stages, parameters, call, hooks.
    async fn call(&mut self, leaf: &Leaf, req: &Arc<Req>, body: &mut RequestBody) -> Result<Reply> {
        let entry = &leaf.entry;
        let route = &entry.route;
        self.enter(route.clone(), req)?;
        if let Some(authenticate) = &route.authenticate {
            let user = authenticate(self.ctx.clone(), req.clone()).await?;
            if !user.is_null() {
                self.ctx.set_meta("user", user);
            }
        }
        let def = match (entry.access, &entry.def) {
            (Access::Open, Some(def)) => def,
            (Access::Closed, _) => return Err(error::action_not_found(&entry.action)),
            _ => return Err(error::action_missing(&entry.action)),
        };
        if let Some(authorize) = &route.authorize {
            authorize(self.ctx.clone(), def.clone()).await?;
        }
        let rules = self.gateway.body_rules(route);
        let content = body::content(body, &req.headers, rules).await?;
        let join = if route.separate { params::separate } else { params::merge };
        let params = join(&req.params, req.query(), rules.pairs, content, def.params_of())?;
        for hook in &route.before {
            hook(self.ctx.clone(), req.clone()).await?;
        }
        let mut call = self.ctx.call_named(entry.action.to_string(), params);
        if let Some(options) = &route.call_options {
            call = call.with_options(options.clone());
        }
        let result: Payload = call.await?;
        let mut reply = Reply::new(entry.status, result);
        reply.apply(&self.ctx.metas());
        for hook in &route.after {
            reply = hook(self.ctx.clone(), req.clone(), reply).await?;
        }
        Ok(reply)
    }

    fn empty(&mut self, status: StatusCode) -> Response<Body> {
        let mut response = Response::new(Body::default());
        *response.status_mut() = status;
        *response.headers_mut() = std::mem::take(&mut self.headers);
        response
    }

    /// The response of an error.
    fn fail(&mut self, req: &Req, error: Error, id: &str, head_only: bool) -> Response<Body> {
        let route = self.route.as_deref();
        if error::status(&error).is_server_error() {
            log::failure(req, &error, id);
        } else {
            tracing::debug!(request_id = id, error = %log::line(&error), "request refused");
        }
        let error = match route.and_then(|route| route.map_error.as_ref()).or(self.gateway.map_error.as_ref())
        {
            None => self.public(error),
            Some(map) => match map(req, error.clone()) {
                same if same == error => self.public(same),
                // What a hook changes, it means.
                changed => changed,
            },
        };
        let format = route.and_then(|route| route.format.as_ref()).or(self.gateway.format.as_ref());
        let json = match format {
            Some(format) => serde_json::to_vec(&format(&error)),
            None => serde_json::to_vec(&Public(&error)),
        };
        let json = json.unwrap_or_default();
        let length = json.len();
        let mut response = Response::new(if head_only { Body::default() } else { Body::from(json) });
        *response.status_mut() = error::status(&error);
        let mut headers = std::mem::take(&mut self.headers);
        let kind = HeaderValue::from_static("application/json; charset=utf-8");
        // Whatever type the action chose for its result: this is no such result.
        headers.insert(header::CONTENT_TYPE, kind);
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        *response.headers_mut() = headers;
        response
    }

    fn public(&self, error: Error) -> Error {
        match self.gateway.expose_errors {
            true => error,
            false => error::hide(error),
        }
    }
}

/// Lays `more` over `headers`; `Vary` adds up.
fn merge(headers: &mut HeaderMap, more: HeaderMap) {
    let mut last = None;
    for (name, value) in more {
        let first = name.is_some();
        if let Some(name) = name.or_else(|| last.clone()) {
            if first && name != header::VARY {
                headers.insert(name.clone(), value);
            } else {
                headers.append(name.clone(), value);
            }
            last = Some(name);
        }
    }
}
