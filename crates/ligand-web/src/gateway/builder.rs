//! The description of a gateway.

mod edge;

use std::{fmt, future::Future, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use ligand_core::{Error, Result, config::Listen};
use serde_json::Value;
use tower_layer::Layer;

pub(crate) use self::edge::Edge;
use super::{Gateway, Inner};
use crate::{
    AccessLog, Compat, Cors, Etag, Incoming, IntoResponse, Limits, Mountable, Next, Req, Route, RouteService,
    chain, query::QueryOptions, tower,
};

/// Describes a gateway; see [`Gateway::builder`].
///
/// ```
/// use ligand_web::{Cors, Gateway, Route};
/// let gateway = Gateway::builder()
///     .name("api")
///     .bind("127.0.0.1:0")
///     .limits(|limits| limits.connections = 100)
///     .route(Route::new("/api").auto_aliases().cors(Cors::any()))
///     .build();
/// assert_eq!(gateway.local_addr(), None);
/// ```
pub struct GatewayBuilder(Inner, Vec<Route>);

impl GatewayBuilder {
    pub(super) fn new(inner: Inner) -> Self {
        Self(inner, Vec::new())
    }

    /// Names the service. Default: `api`.
    pub fn name(mut self, name: &str) -> Self {
        self.0.name = name.into();
        self
    }

    /// Listens on this address, with a port or without: `127.0.0.1`, `127.0.0.1:3000`, `:3000`, `[::1]:3000`, `localhost`.
    /// Port 0 takes any free one. What is not said here, and not by [`GatewayBuilder::port`], comes from the variables
    /// `LIGAND_GATEWAY__BIND` and `LIGAND_GATEWAY__PORT`, then from `IP` and `PORT`, then from `[gateway]` in
    /// `ligand.toml`; else it is `0.0.0.0:3000`.
    pub fn bind(mut self, address: impl Into<String>) -> Self {
        match address.into().parse::<Listen>() {
            Ok(listen) => self.0.listen = listen.or(&self.0.listen),
            Err(problem) => self.0.problems.push(problem),
        }
        self
    }

    /// Listens on this port. It wins over a port in [`GatewayBuilder::bind`], whichever comes first, and over `PORT`.
    pub fn port(mut self, port: u16) -> Self {
        self.0.port = Some(port);
        self
    }

    /// Adds a route.
    pub fn route(mut self, route: Route) -> Self {
        self.1.push(route);
        self
    }

    /// Puts a path before those of all routes.
    pub fn path(mut self, prefix: &str) -> Self {
        let prefix = Route::new(prefix);
        self.0.problems.extend(prefix.problems);
        self.0.prefix = prefix.own_path;
        self
    }

    /// A middleware around all routes, before those of the route; see [`Route::middleware`]. What is below no route does
    /// not pass it.
    pub fn middleware<F, Fut, R, E>(mut self, middleware: F) -> Self
    where
        F: Fn(Incoming, Next) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, E>> + Send + 'static,
        R: IntoResponse,
        E: Into<Error>,
    {
        self.0.links.push(chain::middleware(middleware));
        self
    }

    /// A layer of `tower` around all routes; see [`Route::layer`].
    pub fn layer<L>(mut self, layer: L) -> Self
    where
        L: Layer<RouteService>,
        L::Service: Mountable,
    {
        self.0.links.push(tower::layered(layer));
        self
    }

    /// Opens all routes to other sites that say nothing of it themselves; see [`Route::cors`]. Default: none is open.
    pub fn cors(mut self, cors: Cors) -> Self {
        self.0.problems.extend(cors.problem());
        self.0.cors = Some(cors);
        self
    }

    /// ETags for all routes that say nothing of them; see [`Route::etag`]. Default: none.
    pub fn etag(mut self, etag: Etag) -> Self {
        self.0.etag = Some(etag);
        self
    }

    /// How query strings and forms are read.
    ///
    /// ```
    /// use ligand_web::Gateway;
    /// let gateway = Gateway::builder().query(|query| query.commas = true).build();
    /// # let _ = gateway;
    /// ```
    pub fn query(mut self, change: impl FnOnce(&mut QueryOptions)) -> Self {
        change(&mut self.0.query);
        self
    }

    /// Habits of moleculer-web that clients may count on; see [`Compat`].
    pub fn compat(mut self, change: impl FnOnce(&mut Compat)) -> Self {
        change(&mut self.0.compat);
        self
    }

    /// The first alias that fits answers, in the order in which routes and aliases were added: `/:any` before `/users`
    /// then hides it. Default: the most exact one, whatever the order. Every request looks at the aliases one by one then.
    pub fn declared_order(mut self) -> Self {
        self.0.optimised = false;
        self
    }

    /// How the line for each request looks. Default: [`AccessLog::Short`].
    pub fn access_log(mut self, form: AccessLog) -> Self {
        self.0.access_log = form;
        self
    }

    /// Sends the id of the request back as `X-Correlation-ID` too.
    pub fn echo_correlation_id(mut self) -> Self {
        self.0.echo_correlation = true;
        self
    }

    /// A request without an id of its own has that of its trace: the second part of `traceparent`.
    pub fn trace_context(mut self) -> Self {
        self.0.trace_context = true;
        self
    }

    /// Publishes the action `listAliases` of the gateway, with `rest = "GET /list-aliases"`. Default: other services can
    /// call it, and nobody from outside.
    pub fn publish_aliases(mut self) -> Self {
        self.0.publish_aliases = true;
        self
    }

    /// Writes JSON in another form: it gets what would be sent, of answers and of errors. Texts of another content type,
    /// bytes and streams go as they are.
    pub fn json_encoder(mut self, encode: impl Fn(&Req, Bytes) -> Bytes + Send + Sync + 'static) -> Self {
        self.0.encode = Some(Arc::new(encode));
        self
    }

    /// Answers errors itself, also of unknown paths, where the route has no such hook of its own; see
    /// [`Route::error_response`].
    pub fn error_response<R: IntoResponse>(
        mut self,
        answer: impl Fn(&Req, &Error) -> Option<R> + Send + Sync + 'static,
    ) -> Self {
        self.0.error_response =
            Some(Arc::new(move |req, error| answer(req, error).map(IntoResponse::into_response)));
        self
    }

    /// Changes the bounds of what clients may send.
    pub fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.0.limits);
        self
    }

    /// Whether clients see texts and data of errors with code 500 and above, and node names. Default: in debug
    /// builds only. Text kept with [`Error::with_internal`] is never sent.
    pub fn expose_errors(mut self, expose: bool) -> Self {
        self.0.expose_errors = expose;
        self
    }

    /// Sees every response just before it is sent, after that of the route: also errors, unknown paths, preflights,
    /// `/health` and `/ready`. It may change headers; those of the framing stay as they are.
    pub fn on_response(
        mut self,
        hook: impl Fn(&Req, StatusCode, &mut HeaderMap) + Send + Sync + 'static,
    ) -> Self {
        self.0.on_response.push(Arc::new(hook));
        self
    }

    /// Turns an error into another before it is sent, where the route has no such hook of its own.
    pub fn on_error(mut self, map: impl Fn(&Req, Error) -> Error + Send + Sync + 'static) -> Self {
        self.0.map_error = Some(Arc::new(map));
        self
    }

    /// Shapes the body of errors, also of unknown paths, where the route has no formatter of its own.
    ///
    /// ```
    /// use ligand_web::Gateway;
    /// use serde_json::json;
    /// let gateway = Gateway::builder().error_formatter(|error| json!({ "error": error.kind() })).build();
    /// # let _ = gateway;
    /// ```
    pub fn error_formatter(mut self, format: impl Fn(&Error) -> Value + Send + Sync + 'static) -> Self {
        self.0.format = Some(Arc::new(format));
        self
    }

    /// `/ready` waits for these services, by full name.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::ServiceBroker;
    /// # use ligand_web::{Gateway, http::Request};
    /// let gateway = Gateway::builder().ready_services(["users"]).build();
    /// let broker = ServiceBroker::builder().start().await?;
    /// let answer = gateway.handle(&broker, Request::get("/ready").body(())?).await;
    /// assert_eq!(answer.status(), 503);
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn ready_services<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.0.health.services.extend(names.into_iter().map(Into::into));
        self
    }

    /// `/ready` asks this too; an error, or no answer within 3 s, is "not ready".
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Error, ServiceBroker};
    /// # use ligand_web::{Gateway, http::Request};
    /// let gateway = Gateway::builder().check("disk", || async { Err::<(), _>(Error::new("The disk is full.")) }).build();
    /// let broker = ServiceBroker::builder().start().await?;
    /// let answer = gateway.handle(&broker, Request::get("/ready").body(())?).await;
    /// assert_eq!(answer.status(), 503);
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn check<F, Fut, E>(mut self, name: impl Into<String>, check: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Error>,
    {
        self.0.health.check(name.into(), check);
        self
    }

    /// Leaves `/health` and `/ready` to the routes.
    pub fn without_health(mut self) -> Self {
        self.0.health.off = true;
        self
    }

    /// The gateway. What is wrong with the description stops the start of the broker.
    pub fn build(self) -> Gateway {
        let Self(mut inner, routes) = self;
        let mut placed: Vec<Arc<Route>> = Vec::new();
        for route in routes {
            let route = inner.placed(route);
            if inner.compat.same_path_replaces && route.name.is_none() {
                placed.retain(|other| !other.is_same(&route));
            }
            placed.push(Arc::new(route));
        }
        *inner.routes.get_mut() = placed;
        Gateway(Arc::new(inner))
    }
}

impl fmt::Debug for GatewayBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatewayBuilder").field("listen", &self.0.listen).finish_non_exhaustive()
    }
}
