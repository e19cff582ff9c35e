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
    Context, Error, Result, ServiceBroker,
    broker::State,
    context::{Id, ReplyHead},
};
use serde_json::json;

use crate::{
    Body, Incoming, Req, RequestBody, Route,
    access_log::{Line, Outcome},
    answer,
    chain::{self, End, Link, Work},
    error, failure,
    gateway::Inner,
    incoming::Shared,
    path::{self, PathError},
    rate_limit, request_id,
    server::{ConnectionSlot, Secure},
    shedding::Shedding,
    stages::Stages,
    table::Found,
};

const NO_SNIFF: HeaderValue = HeaderValue::from_static("nosniff");

/// Answers a request; never fails.
pub(crate) async fn run(
    gateway: &Arc<Inner>,
    broker: &ServiceBroker,
    request: Request<RequestBody>,
    peer: Option<SocketAddr>,
) -> Response<Body> {
    let start = Instant::now();
    let (parts, mut body) = request.into_parts();
    let line = Line::new(gateway.access_log, &parts.method, &parts.uri, parts.version, &parts.headers);
    let id = request_id::of(&parts.headers, gateway.trace_context);
    let ctx = broker.root_context_in(gateway.name.clone(), id.map(Id::from));
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
    let mut client = gateway.edge.proxies.client(peer, &headers);
    if extensions.remove::<Secure>().is_some() {
        client.https.get_or_insert(true);
    }
    let req = Arc::new(Req::new(method, uri, headers, client));
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
    let answer = AssertUnwindSafe(exchange.answer(&mut body, refused)).catch_unwind().await;
    let mut response = match answer {
        Ok(response) => response,
        Err(_) => exchange.panicked(),
    };
    if head_only {
        response = bodiless(response);
    }
    #[cfg(feature = "compression")]
    if let Some(compression) = gateway.edge.compression.as_ref().filter(|_| !head_only) {
        response = compression.apply(&exchange.req.headers, response);
    }
    if !waits && let Some(rest) = body.rest() {
        broker.tasks().spawn_background(rest);
    }
    let headers = response.headers_mut();
    if gateway.compat.bare_refusals {
        rate_limit::only_old_headers(headers);
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        if gateway.echo_correlation {
            headers.insert(request_id::CORRELATION, id.clone());
        }
        headers.insert(request_id::HEADER, id);
    }
    if !gateway.compat.sniffing {
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, NO_SNIFF);
    }
    exchange.seen(&mut response);
    if let Some(line) = line.filter(|_| !exchange.route.as_ref().is_some_and(|route| route.quiet)) {
        line.write(&Outcome {
            status: response.status(),
            bytes: http_body::Body::size_hint(response.body()).exact(),
            took: start.elapsed(),
            peer: exchange.req.peer,
            request_id: &id,
        });
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

/// HTTP/1.1 asks for exactly one `Host`; in HTTP/2 it must not differ from `:authority`.
fn has_host(parts: &Parts) -> bool {
    if parts.version == Version::HTTP_2 {
        let authority = parts.uri.authority().map(|authority| authority.as_str());
        let hosts = parts.headers.get_all(header::HOST).iter();
        return hosts.into_iter().all(|host| authority.is_some_and(|authority| host == authority));
    }
    parts.version != Version::HTTP_11 || parts.headers.get_all(header::HOST).iter().count() == 1
}

struct Exchange<'a> {
    gateway: &'a Arc<Inner>,
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
    async fn answer(&mut self, body: &mut RequestBody, refused: Option<Error>) -> Response<Body> {
        match self.result(body, refused).await {
            Ok(response) => response,
            Err(error) => self.fail(error),
        }
    }

    async fn result(&mut self, body: &mut RequestBody, refused: Option<Error>) -> Result<Response<Body>> {
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
            return reply.encode();
        }
        let gateway = self.gateway;
        let _shed = gateway.edge.shedding.as_ref().map(Shedding::enter).transpose()?;
        let found = gateway.table(self.broker).find(&self.req.method, &path, escaped);
        if let Some(response) = self.preflight(&path) {
            return response;
        }
        let req =
            Arc::get_mut(&mut self.req).ok_or_else(|| Error::internal_error("the request is shared"))?;
        req.path = path.into_owned();
        let leaf = match found {
            Found::Alias(leaf, _) if leaf.entry.is_forgotten() => {
                let route = leaf.entry.route.clone();
                return self.nothing(Some(route), body).await;
            }
            Found::Alias(leaf, params) => {
                req.params = params;
                req.leaf = Some(leaf.clone());
                leaf
            }
            Found::OtherMethods(route, allowed) => return self.other_methods(route, &allowed, body).await,
            Found::Nothing(route) => {
                #[cfg(feature = "files")]
                if let Some(response) = self.file(route.as_ref()).await? {
                    return Ok(response);
                }
                return self.nothing(route, body).await;
            }
        };
        self.enter(leaf.entry.route.clone())?;
        self.count().await?;
        if let Some(bound) = &leaf.entry.route.traffic.concurrency {
            self.slot = Some(ConnectionSlot::with(self.slot.take(), bound.enter()?));
        }
        let stages = Stages {
            gateway: self.gateway,
            ctx: &self.ctx,
            req: &self.req,
            leaf: &leaf,
            head: &self.head,
            slot: &self.slot,
        };
        let result = if leaf.entry.is_plain() {
            stages.plain(body).await
        } else {
            let (work, shared) = (stages.work(), stages.shared());
            self.chained(leaf.entry.outer.clone(), work, shared, body, End::Stages).await
        };
        rate_limit::told(&self.ctx, &mut self.headers);
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

    /// Sends the request through the middlewares and layers of its route, if there are any.
    async fn chained(
        &mut self,
        links: Option<Arc<[Link]>>,
        work: Work,
        shared: Arc<Shared>,
        body: &mut RequestBody,
        end: End,
    ) -> Result<Response<Body>> {
        *shared.body.lock() = std::mem::take(body);
        let request = Incoming { req: self.req.clone(), ctx: self.ctx.clone(), shared: shared.clone() };
        let result = chain::run(links.unwrap_or_default(), work, request, end).await;
        *body = std::mem::take(&mut *shared.body.lock());
        let headers = std::mem::take(&mut *shared.headers.lock());
        result
            .map(|mut response| {
                lay_below(response.headers_mut(), headers.clone());
                response
            })
            .inspect_err(|_| lay_below(&mut self.headers, headers))
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

    async fn other_methods(
        &mut self,
        route: Arc<Route>,
        allowed: &str,
        body: &mut RequestBody,
    ) -> Result<Response<Body>> {
        self.is_there()?;
        if self.gateway.compat.unknown_method_is_not_found && self.req.method != Method::OPTIONS {
            return self.nothing(Some(route), body).await;
        }
        self.enter(route.clone())?;
        if let Ok(allowed) = HeaderValue::from_str(allowed) {
            self.headers.insert(header::ALLOW, allowed);
        }
        if self.req.method == Method::OPTIONS {
            return Ok(self.empty(StatusCode::NO_CONTENT));
        }
        self.count().await?;
        self.refuse(&route, error::method_not_allowed(), body).await
    }

    /// While a node starts or stops, its services are not all there: what is missing may be somewhere else or later.
    fn is_there(&self) -> Result<()> {
        match self.broker.state() {
            State::Starting => Err(error::service_unavailable("STARTING")),
            State::Stopping | State::Stopped => Err(error::service_unavailable("STOPPING")),
            _ => Ok(()),
        }
    }

    /// A file of the route, else of the gateway.
    #[cfg(feature = "files")]
    async fn file(&mut self, route: Option<&Arc<Route>>) -> Result<Option<Response<Body>>> {
        let own = route.and_then(|route| Some((route, route.traffic.files.as_ref()?)));
        let Some((route, files)) = own else {
            let Some(files) = &self.gateway.edge.files else { return Ok(None) };
            // Who asks below a route for what is not there is told so.
            let page = route.is_none_or(|route| route.path.is_empty());
            return Ok(files.answer(&self.req, 0, page).await);
        };
        self.enter(route.clone())?;
        if let Some(authenticate) = &route.authenticate {
            authenticate(self.ctx.clone(), self.req.clone()).await?;
        }
        let found = files.answer(&self.req, route.path.matches('/').count(), true).await;
        let Some(mut response) = found else { return Ok(None) };
        self.count().await?;
        merge(response.headers_mut(), std::mem::take(&mut self.headers));
        Ok(Some(response))
    }

    /// No alias matches.
    async fn nothing(&mut self, route: Option<Arc<Route>>, body: &mut RequestBody) -> Result<Response<Body>> {
        self.is_there()?;
        let Some(route) = route else {
            self.count().await?;
            return Err(error::not_found());
        };
        self.enter(route.clone())?;
        self.count().await?;
        let below = route.direct_name(&self.req.path);
        let error = below.map_or_else(error::not_found, |name| error::action_not_found(&name));
        self.refuse(&route, error, body).await
    }

    /// Counts the request with the rate limits that need no user.
    async fn count(&mut self) -> Result<()> {
        let limits = self.gateway.edge.limits_of(self.route.as_deref());
        rate_limit::check(limits, &self.req, &self.ctx, &mut self.headers).await
    }

    /// The middlewares of a route see what leads nowhere below it, too.
    async fn refuse(
        &mut self,
        route: &Arc<Route>,
        error: Error,
        body: &mut RequestBody,
    ) -> Result<Response<Body>> {
        let Some(links) = self.gateway.outer(route) else { return Err(error) };
        let work = Work {
            gateway: self.gateway.clone(),
            leaf: None,
            head: self.head.clone(),
            slot: self.slot.clone(),
        };
        let shared = Arc::new(Shared::new(self.gateway.rules_of(route)));
        let result = self.chained(Some(links), work, shared, body, End::Refused(error)).await;
        result.map(|mut response| {
            merge(response.headers_mut(), std::mem::take(&mut self.headers));
            response
        })
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
    fn panicked(&mut self) -> Response<Body> {
        let error = Error::internal_error("a stage or hook of the gateway panicked");
        // The hook that panicked may be one of those that shape errors.
        match catch_unwind(AssertUnwindSafe(|| self.fail(error.clone()))) {
            Ok(response) => response,
            Err(_) => self.with_headers(failure::plain(&error)),
        }
    }

    /// The response of an error.
    fn fail(&mut self, error: Error) -> Response<Body> {
        let id = self.ctx.request_id();
        let response = failure::respond(self.gateway, self.route.as_deref(), &self.req, error, &id);
        self.with_headers(response)
    }

    /// What is collected goes below what the error says itself.
    fn with_headers(&mut self, mut response: Response<Body>) -> Response<Body> {
        if let Some(time) = self.headers.remove(header::RETRY_AFTER)
            && !self.gateway.compat.bare_refusals
        {
            response.headers_mut().insert(header::RETRY_AFTER, time);
        }
        lay_below(response.headers_mut(), std::mem::take(&mut self.headers));
        response
    }
}

/// The answer to `HEAD`: everything but the body.
fn bodiless(response: Response<Body>) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    if !parts.headers.contains_key(header::CONTENT_LENGTH)
        && let Some(length) = body.whole().map(bytes::Bytes::len).filter(|length| *length > 0)
    {
        parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    Response::from_parts(parts, Body::default())
}

/// Lays `below` under `headers`: names that are there already stay as they are, but for those that add up.
pub(crate) fn lay_below(headers: &mut HeaderMap, below: HeaderMap) {
    let mut last = None;
    for (name, value) in below {
        if let Some(name) = name {
            let adds_up = name == header::VARY || name == header::SET_COOKIE;
            last = (adds_up || !headers.contains_key(&name)).then_some(name);
        }
        if let Some(name) = &last {
            headers.append(name.clone(), value);
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
