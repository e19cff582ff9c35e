//! The way of one request, from its head to the response.

use std::{
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Instant,
};

use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version, header, request::Parts};
use ligand_core::{
    Context, Error, Payload, Result, ServiceBroker,
    broker::State,
    context::{Id, ReplyHead},
    edge::Upload,
    middleware::Fallback,
    service::ActionDef,
};
use serde_json::{Value, json};

use crate::{
    Absent, Answer, Body, Req, RequestBody, Route, answer,
    body::{self, Accepts},
    error::{self, Public},
    gateway::Inner,
    log, params,
    path::{self, PathError},
    request_id,
    server::ConnectionSlot,
    table::{Access, Entry, Found, Leaf},
    upload::Job,
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
    let refused = match peer {
        Some(_) if head_bytes(&parts) > gateway.limits.header_bytes.max(8192) => {
            Some(error::head_too_large())
        }
        Some(_) if !has_host(&parts) => Some(error::bad_request("INVALID_HOST")),
        _ => None,
    };
    let Parts { method, uri, headers, mut extensions, .. } = parts;
    let head_only = method == Method::HEAD;
    // Another server may know it.
    let peer = peer.or_else(|| extensions.remove::<SocketAddr>());
    let req = Arc::new(Req { method, uri, path: String::new(), headers, peer, params: Vec::new() });
    let mut exchange = Exchange {
        gateway,
        broker,
        ctx,
        req,
        headers: HeaderMap::new(),
        route: None,
        head: ReplyHead::new(),
        slot: extensions.remove::<ConnectionSlot>(),
    };
    // A panic in a stage or hook ends this request only.
    let answer = AssertUnwindSafe(exchange.answer(&mut body, refused, head_only, &id)).catch_unwind().await;
    let mut response = match answer {
        Ok(response) => response,
        Err(_) => exchange.panicked(head_only, &id),
    };
    if !waits && let Some(rest) = body.rest() {
        broker.tasks().spawn_background(rest);
    }
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(request_id::HEADER, id);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NO_SNIFF);
    exchange.seen(&mut response);
    if let Some(line) = line {
        line.write(response.status(), start.elapsed(), &id);
    }
    response
}

/// Bytes of request line and headers, as they came: the reader of the connection stops only somewhere beyond its limit.
fn head_bytes(parts: &Parts) -> usize {
    let uri = &parts.uri;
    let target = uri.path_and_query().map_or(0, |path| path.as_str().len())
        + uri.authority().map_or(0, |authority| authority.as_str().len() + "http://".len());
    let line = parts.method.as_str().len() + target + "  HTTP/1.1\r\n\r\n".len();
    line + parts
        .headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len())
        .sum::<usize>()
}

/// HTTP/1.1 asks for exactly one `Host`.
fn has_host(parts: &Parts) -> bool {
    parts.version != Version::HTTP_11 || parts.headers.get_all(header::HOST).iter().count() == 1
}

struct Exchange<'a> {
    gateway: &'a Inner,
    broker: &'a ServiceBroker,
    ctx: Context,
    /// Shared once routing has completed it.
    req: Arc<Req>,
    /// Headers that the response gets whatever happens: CORS, `Allow`.
    headers: HeaderMap,
    route: Option<Arc<Route>>,
    /// What the action says about the answer.
    head: ReplyHead,
    /// The place of the connection.
    slot: Option<ConnectionSlot>,
}

impl Exchange<'_> {
    async fn answer(
        &mut self,
        body: &mut RequestBody,
        refused: Option<Error>,
        head_only: bool,
        id: &str,
    ) -> Response<Body> {
        match self.result(body, refused, head_only).await {
            Ok(response) => response,
            Err(error) => self.fail(error, head_only, id),
        }
    }

    async fn result(
        &mut self,
        body: &mut RequestBody,
        refused: Option<Error>,
        head_only: bool,
    ) -> Result<Response<Body>> {
        if let Some(refused) = refused {
            return Err(refused);
        }
        let uri = self.req.uri.clone();
        let (path, escaped) = match path::normal(uri.path()) {
            Ok(normal) => (normal.text, normal.escaped),
            Err(PathError::Dots) => return Err(error::not_found()),
            Err(PathError::Segment(segment)) => {
                let error = error::bad_request(error::UNABLE_DECODE_PARAM);
                return Err(error.with_data(json!({ "param": segment })));
            }
        };
        if let Some(reply) = self.gateway.health.answer(&path, self.broker).await {
            return reply.into_response(head_only);
        }
        let found = self.gateway.table(self.broker).find(&self.req.method, &path, escaped);
        if let Some(response) = self.preflight(&path) {
            return response;
        }
        let req =
            Arc::get_mut(&mut self.req).ok_or_else(|| Error::internal_error("the request is shared"))?;
        req.path = path.into_owned();
        let leaf = match found {
            Found::Alias(leaf, _) if leaf.entry.is_forgotten() => {
                return Err(self.nothing(Some(leaf.entry.route.clone())));
            }
            Found::Alias(leaf, params) => {
                req.params = params;
                leaf
            }
            Found::OtherMethods(route, allowed) => return self.other_methods(route, &allowed),
            Found::Nothing(route) => return Err(self.nothing(route)),
        };
        let result = match self.call(&leaf, body).await {
            Ok(answer) => answer.into_response(head_only),
            Err(error) => Err(error),
        };
        match result {
            Ok(mut response) => {
                merge(response.headers_mut(), std::mem::take(&mut self.headers));
                Ok(response)
            }
            Err(error) => {
                let mut headers = HeaderMap::new();
                answer::decorate(&self.head.directives(), &mut headers);
                merge(&mut self.headers, headers);
                Err(error)
            }
        }
    }

    /// Notes whose rules hold from here on and checks the origin.
    fn enter(&mut self, route: Arc<Route>) -> Result<()> {
        let route = self.route.insert(route);
        match &route.cors {
            Some(cors) => cors.check(&self.req.headers, &mut self.headers),
            None => Ok(()),
        }
    }

    /// The answer to a preflight of a route that is open to other sites.
    fn preflight(&mut self, path: &str) -> Option<Result<Response<Body>>> {
        let req = &self.req;
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
        if let Err(refused) = self.enter(route.clone()) {
            return Some(Err(refused));
        }
        if let Some(cors) = &route.cors {
            cors.preflight(&self.req.headers, &mut self.headers);
        }
        Some(Ok(self.empty(StatusCode::NO_CONTENT)))
    }

    fn other_methods(&mut self, route: Arc<Route>, allowed: &str) -> Result<Response<Body>> {
        self.is_there()?;
        self.enter(route)?;
        if let Ok(allowed) = HeaderValue::from_str(allowed) {
            self.headers.insert(header::ALLOW, allowed);
        }
        match self.req.method == Method::OPTIONS {
            true => Ok(self.empty(StatusCode::NO_CONTENT)),
            false => Err(error::method_not_allowed()),
        }
    }

    /// While a node starts or stops, its services are not all there: what is missing may be somewhere else or later.
    fn is_there(&self) -> Result<()> {
        match self.broker.state() {
            State::Starting => Err(error::service_unavailable("STARTING")),
            State::Stopping | State::Stopped => Err(error::service_unavailable("STOPPING")),
            _ => Ok(()),
        }
    }

    fn nothing(&mut self, route: Option<Arc<Route>>) -> Error {
        if let Err(error) = self.is_there() {
            return error;
        }
        let Some(route) = route else { return error::not_found() };
        let direct = route.direct.then(|| {
            let path = &self.req.path;
            let below = path.strip_prefix(route.path.as_str()).unwrap_or(path);
            error::action_not_found(&below.trim_matches('/').replace('/', "."))
        });
        match self.enter(route) {
            Ok(()) => direct.unwrap_or_else(error::not_found),
            Err(refused) => refused,
        }
    }

    /// Stages, parameters, call, hooks.
    async fn call(&mut self, leaf: &Leaf, body: &mut RequestBody) -> Result<Answer> {
        let entry = &leaf.entry;
        let route = &entry.route;
        self.enter(route.clone())?;
        let req = self.req.clone();
        if let Some(authenticate) = &route.authenticate {
            let user = authenticate(self.ctx.clone(), req.clone()).await?;
            if !user.is_null() {
                self.ctx.set_meta("user", user);
            }
            // Also when it is nobody: no callee makes somebody of it.
            self.ctx.seal_identity();
        }
        let def = match (entry.access, &entry.def) {
            (Access::Open, Some(def)) => def,
            (Access::Closed, _) => return Err(error::action_not_found(&entry.action)),
            _ => return Err(error::action_missing(&entry.action)),
        };
        if let Some(authorize) = &route.authorize {
            authorize(self.ctx.clone(), def.clone()).await?;
        }
        let input = match &entry.upload {
            Some(upload) => Input::Upload(self.upload(upload, entry, def, body)?),
            None => Input::Params(self.params(entry, def, body).await?),
        };
        let call = Call {
            req,
            entry: entry.clone(),
            action: def.clone(),
            absent: if answers_nothing(def) && route.absent == Absent::NotFound {
                Absent::Empty
            } else {
                route.absent
            },
            input,
            head: self.head.clone(),
        };
        let safe = [Method::GET, Method::HEAD, Method::OPTIONS].contains(&self.req.method);
        if !def.run_to_end().or(route.run_to_end).unwrap_or(!safe) {
            return call.run(self.ctx.clone()).await;
        }
        // The client may leave: what changes things is not left half done, and its connection counts until it has ended.
        let slot = self.slot.clone();
        let work = move |ctx| async move {
            let answer = call.run(ctx).await;
            drop(slot);
            answer
        };
        self.ctx.run_to_end(work).await
    }

    /// Body, query and path as the parameters of the action.
    async fn params(&self, entry: &Entry, def: &ActionDef, body: &mut RequestBody) -> Result<Payload> {
        let (req, route) = (&self.req, &entry.route);
        let rules = self.gateway.body_rules(entry);
        let accepts = match &entry.body {
            Some(declared) => Accepts::Declared(declared),
            None => Accepts::Route(entry.bodies),
        };
        let content = body::content(body, &req.headers, rules, accepts).await?;
        let join = if route.separate { params::separate } else { params::merge };
        join(&req.params, req.query(), rules.pairs, content, def.params())
    }

    /// A body that the action reads while it comes.
    fn upload(
        &self,
        upload: &Upload,
        entry: &Arc<Entry>,
        def: &Arc<ActionDef>,
        body: &mut RequestBody,
    ) -> Result<Box<(Job, RequestBody)>> {
        let job = Job {
            req: self.req.clone(),
            entry: entry.clone(),
            action: def.clone(),
            head: self.head.clone(),
            limit: self.gateway.upload_limit(entry),
            pairs: self.gateway.limits.query_pairs,
            pace: self.gateway.upload_pace(),
        };
        job.check(upload, body)?;
        Ok(Box::new((job, std::mem::take(body))))
    }

    /// Hooks that see every response. One that panics is passed over.
    fn seen(&self, response: &mut Response<Body>) {
        let status = response.status();
        let headers = response.headers_mut();
        let route = self.route.iter().flat_map(|route| &route.on_response);
        for hook in route.chain(&self.gateway.on_response) {
            let length = headers.remove(header::CONTENT_LENGTH);
            if catch_unwind(AssertUnwindSafe(|| hook(&self.req, status, headers))).is_err() {
                tracing::error!("an `on_response` hook of the gateway panicked");
            }
            for name in answer::FRAMING {
                headers.remove(name);
            }
            if let Some(length) = length {
                headers.insert(header::CONTENT_LENGTH, length);
            }
        }
    }

    fn empty(&mut self, status: StatusCode) -> Response<Body> {
        let mut response = Response::new(Body::default());
        *response.status_mut() = status;
        *response.headers_mut() = std::mem::take(&mut self.headers);
        response
    }

    /// The response after a panic: that of an internal error, with the headers collected so far.
    #[cold]
    fn panicked(&mut self, head_only: bool, id: &str) -> Response<Body> {
        let error = Error::internal_error("a stage or hook of the gateway panicked");
        // The hook that panicked may be one of those that shape errors.
        match catch_unwind(AssertUnwindSafe(|| self.fail(error.clone(), head_only, id))) {
            Ok(response) => response,
            Err(_) => self.refusal(&error, ligand_wire::text::to_vec(&Public(&error)), head_only),
        }
    }

    /// The response of an error.
    fn fail(&mut self, error: Error, head_only: bool, id: &str) -> Response<Body> {
        let (req, route) = (&*self.req, self.route.as_deref());
        if error::status(&error).is_server_error() {
            log::failure(req, &error, id);
        } else {
            tracing::debug!(request_id = id, error = %error.for_log(), "request refused");
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
            Some(format) => ligand_wire::text::to_vec(&format(&error)),
            None => ligand_wire::text::to_vec(&Public(&error)),
        };
        self.refusal(&error, json, head_only)
    }

    fn refusal(
        &mut self,
        error: &Error,
        json: serde_json::Result<Vec<u8>>,
        head_only: bool,
    ) -> Response<Body> {
        let json = json.unwrap_or_default();
        let length = json.len();
        let mut response = Response::new(if head_only { Body::default() } else { Body::from(json) });
        *response.status_mut() = error::status(error);
        let mut headers = std::mem::take(&mut self.headers);
        // Whatever type the action chose for its result: this is no such result.
        let kind = HeaderValue::from_static("application/json; charset=utf-8");
        headers.insert(header::CONTENT_TYPE, kind);
        if error::status(error) == StatusCode::SERVICE_UNAVAILABLE {
            headers.entry(header::RETRY_AFTER).or_insert(error::RETRY_AFTER);
        }
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

/// The result is `()`: an action that says nothing by its nature.
fn answers_nothing(action: &ActionDef) -> bool {
    action.returns().is_some_and(|schema| schema.json().get("type") == Some(&Value::from("null")))
}

/// A call with the hooks around it.
struct Call {
    req: Arc<Req>,
    entry: Arc<Entry>,
    action: Arc<ActionDef>,
    absent: Absent,
    input: Input,
    head: ReplyHead,
}

/// What a call gets from its request.
enum Input {
    Params(Payload),
    Upload(Box<(Job, RequestBody)>),
}

/// A call as a route and its request describe it.
pub(crate) fn described(
    ctx: &Context,
    req: &Req,
    entry: &Entry,
    action: &ActionDef,
    head: &ReplyHead,
    params: Payload,
) -> ligand_core::broker::Request<Payload> {
    let mut call = ctx.call_named(entry.action.to_string(), params);
    if let Some(options) = &entry.route.call_options {
        let mut options = options.clone();
        options.fallback = options.fallback.map(Fallback::unchecked);
        call = call.with_options(options);
    }
    if let Some(wants) = action.http() {
        call = call.http(req.wanted(&wants));
    }
    call.reply_head(head)
}

impl Call {
    async fn run(self, ctx: Context) -> Result<Answer> {
        let Self { req, entry, action, absent, input, head } = self;
        let route = &entry.route;
        for hook in &route.before {
            hook(ctx.clone(), req.clone()).await?;
        }
        let result = match (input, &entry.upload) {
            (Input::Params(params), _) => described(&ctx, &req, &entry, &action, &head, params).await,
            (Input::Upload(upload), Some(kind)) => {
                let (job, body) = *upload;
                job.run(&ctx, kind, body).await
            }
            (Input::Upload(_), None) => Err(Error::internal_error("an upload that nobody takes")),
        };
        let result = result.map_err(|error| error::outward(error, &entry.action))?;
        let mut answer = Answer::new(entry.status, result);
        answer.absent = absent;
        answer.declared(&action);
        answer.apply(&head.directives());
        for hook in &route.after {
            answer = hook(ctx.clone(), req.clone(), answer).await?;
        }
        Ok(answer)
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
