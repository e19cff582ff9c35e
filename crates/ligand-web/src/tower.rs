//! Services and layers of `tower` below and around routes.

use std::{
    convert::Infallible,
    error::Error as StdError,
    fmt,
    future::poll_fn,
    sync::Arc,
    task::{Context as Poller, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, Uri};
use ligand_core::{Context, Error, Result, future::BoxFuture};
use parking_lot::Mutex;
use tower_layer::Layer;
use tower_service::Service;

use crate::{
    Body, Incoming, IntoResponse as _, Req, RequestBody, answer,
    chain::{Link, Next},
    failure,
    incoming::Shared,
    pipeline::lay_below,
};

type BoxError = Box<dyn StdError + Send + Sync>;

/// A service of `tower` that the gateway can lead requests to: it takes an HTTP request and is cloned for each. An
/// `axum::Router` is one, and what layers of `tower` and `tower-http` make of [`RouteService`].
pub trait Mountable: Send + Sized + 'static {
    /// Answers one request.
    fn answer(self, request: Request<RequestBody>) -> BoxFuture<Result<Response<Body>>>;

    /// A copy for one request.
    fn copy(&self) -> Self;
}

impl<S, B> Mountable for S
where
    S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    fn answer(mut self, request: Request<RequestBody>) -> BoxFuture<Result<Response<Body>>> {
        Box::pin(async move {
            poll_fn(|cx| self.poll_ready(cx)).await.map_err(failed)?;
            self.call(request).await.map_err(failed)?.into_response()
        })
    }

    fn copy(&self) -> Self {
        self.clone()
    }
}

/// What a foreign service could not do. Its text is for the log.
fn failed(error: impl Into<BoxError>) -> Error {
    let error = error.into();
    Error::internal_error("A layer or service of a route failed").with_internal(error.to_string())
}

/// A service of any type.
pub(crate) type Foreign =
    Arc<dyn Fn(Request<RequestBody>) -> BoxFuture<Result<Response<Body>>> + Send + Sync>;

pub(crate) fn foreign(service: impl Mountable) -> Foreign {
    // Whoever is no `Sync` is copied behind a lock, for a moment.
    let service = Mutex::new(service);
    Arc::new(move |request| {
        let service = service.lock().copy();
        service.answer(request)
    })
}

pub(crate) fn layered<L>(layer: L) -> Link
where
    L: Layer<RouteService>,
    L::Service: Mountable,
{
    Link::Layer(foreign(layer.layer(RouteService(()))))
}

/// What a layer of a route stands around: the layers and middlewares behind it, the stages, and the alias. Errors are
/// responses already; a layer sees them as clients do, and the error itself as an extension of the response
/// ([`Error`]).
#[derive(Clone)]
pub struct RouteService(());

impl fmt::Debug for RouteService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RouteService")
    }
}

/// What travels through a layer beside the request itself.
#[derive(Clone)]
struct Carried {
    req: Arc<Req>,
    ctx: Context,
    shared: Arc<Shared>,
    next: Arc<Mutex<Option<Next>>>,
}

/// The whole target of a request that came to a mounted service, whose own path begins below the mount. In the
/// extensions of its requests.
#[derive(Clone, Debug)]
pub struct OriginalUri(pub Uri);

/// Sends a request through a layer.
pub(crate) async fn through(service: &Foreign, request: Incoming, next: Next) -> Result<Response<Body>> {
    let body = std::mem::take(&mut *request.shared.body.lock());
    let mut foreign = head(&request.req, body);
    let Incoming { req, ctx, shared } = request;
    let next = Arc::new(Mutex::new(Some(next)));
    foreign.extensions_mut().insert(Carried { req, ctx, shared, next });
    service(foreign).await
}

/// The head of a request as `tower` wants it.
pub(crate) fn head(req: &Req, body: RequestBody) -> Request<RequestBody> {
    let mut request = Request::new(body);
    *request.method_mut() = req.method.clone();
    *request.uri_mut() = req.uri.clone();
    *request.headers_mut() = req.headers.clone();
    if let Some(peer) = req.peer {
        request.extensions_mut().insert(peer);
    }
    request
}

impl<B> Service<Request<B>> for RouteService
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Poller<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (mut parts, body) = request.into_parts();
        let carried = parts.extensions.remove::<Carried>();
        let body = RequestBody::stream(body);
        Box::pin(async move {
            let Some(Carried { mut req, ctx, shared, next }) = carried else {
                return Ok(failure::plain(&lost("took the extensions of the request away")));
            };
            let Some(next) = next.lock().take() else {
                return Ok(failure::plain(&lost("sent a request twice")));
            };
            // The layer may have changed it.
            let head = Arc::make_mut(&mut req);
            (head.method, head.uri, head.headers) = (parts.method, parts.uri, parts.headers);
            *shared.body.lock() = body;
            let work = next.work.clone();
            let request = Incoming { req: req.clone(), ctx: ctx.clone(), shared };
            Ok(match next.run(request).await {
                Ok(response) => response,
                Err(error) => {
                    let route = work.leaf.as_ref().map(|leaf| leaf.entry.route.clone());
                    let known = error.clone();
                    let mut response =
                        failure::respond(&work.gateway, route.as_deref(), &req, error, &ctx.request_id());
                    let mut headers = HeaderMap::new();
                    answer::decorate(&work.head.directives(), &mut headers);
                    lay_below(response.headers_mut(), headers);
                    response.extensions_mut().insert(known);
                    response
                }
            })
        })
    }
}

#[cold]
fn lost(what: &str) -> Error {
    Error::internal_error("A layer of a route broke the request").with_internal(format!("a layer {what}"))
}
