//! The gateway in another server.

use std::{
    convert::Infallible,
    error::Error as StdError,
    fmt,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use ligand_core::{ServiceBroker, future::BoxFuture};
use tower_service::Service;

use crate::{
    Gateway, Mountable,
    body::RequestBody,
    error, failure,
    response::Body,
    tower::{self, Foreign},
};

/// A gateway as a service of `tower`, from [`Gateway::mount`]: in axum a `fallback_service` or `route_service`, or below
/// any layer of `tower-http`. It answers as its own server does and listens on nothing itself.
///
/// The paths of its routes are those that the request has when it comes here: axum's `nest_service` takes the prefix
/// away. The address of the peer is a [`std::net::SocketAddr`] in the extensions of the request, where the server puts
/// one. Bounds of heads, connections and times of writing are the other server's; those of bodies are the gateway's.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> ligand_core::Result<()> {
/// # use ligand_core::ServiceBroker;
/// # use ligand_web::{Gateway, Route};
/// let broker = ServiceBroker::builder().start().await?;
/// let mounted = Gateway::builder().route(Route::new("/api").auto_aliases()).build().mount(&broker);
/// // Give it to another server: `axum::Router::new().fallback_service(mounted)`.
/// # drop(mounted);
/// # broker.stop().await;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Mounted {
    gateway: Gateway,
    broker: ServiceBroker,
    /// Who answers what is not the gateway's.
    rest: Option<Foreign>,
}

impl Mounted {
    pub(crate) fn new(gateway: Gateway, broker: ServiceBroker) -> Self {
        Self { gateway, broker, rest: None }
    }

    /// Leaves what leads nowhere in the gateway to another service, as it came: a path without an alias, and a direct call
    /// without a name. What a route knows and refuses, it answers itself.
    pub fn or(mut self, rest: impl Mountable) -> Self {
        self.rest = Some(tower::foreign(rest));
        self
    }
}

impl fmt::Debug for Mounted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mounted").field("node", &self.broker.node_id()).finish_non_exhaustive()
    }
}

impl<B> Service<Request<B>> for Mounted
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let Self { gateway, broker, rest } = self.clone();
        let request = request.map(RequestBody::stream);
        Box::pin(async move {
            if let Some(rest) = rest
                && !gateway.leads_somewhere(&broker, request.method(), request.uri().path())
            {
                return Ok(rest(request).await.unwrap_or_else(|error| failure::plain(&error::hide(error))));
            }
            Ok(gateway.handle(&broker, request).await)
        })
    }
}
