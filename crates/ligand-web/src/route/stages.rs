//! Who may call, and what stands around the calls of a route.

use std::{future::Future, sync::Arc};

use ligand_core::{Context, Error, Result, broker::CallOptions, service::ActionDef};
use serde::Serialize;
use tower_layer::Layer;

use super::Route;
use crate::{Answer, Incoming, IntoResponse, Mountable, Next, Req, RouteService, auth, chain, tower};

impl Route {
    /// A middleware around everything below the route, before `authenticate`: it may answer itself, change the request
    /// before and the response after, and see errors. The first one is the outermost; those of the gateway
    /// ([`crate::GatewayBuilder::middleware`]) stand around them. Also what leads nowhere below the route passes it, but no
    /// preflight. One for a single alias is [`crate::Target::middleware`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Action, Context, Error, ServiceBroker, ServiceDef};
    /// # use ligand_web::{Gateway, Incoming, IntoResponse, Next, Route, http::{Request, StatusCode}};
    /// # let get = Action::of("get", |(): ()| async { Ok::<_, Error>("ada".to_owned()) }).rest("GET /")?;
    /// # let broker = ServiceBroker::builder().service(ServiceDef::new("users").action(get)).start().await?;
    /// let route = Route::new("/api").alias("GET /user", "users.get").middleware(|request: Incoming, next: Next| async move {
    ///     if request.header("x-closed").is_some() {
    ///         return (StatusCode::SERVICE_UNAVAILABLE, "Back at nine.").into_response();
    ///     }
    ///     let mut response = next.run(request).await?;
    ///     response.headers_mut().insert("x-seen", 1.into());
    ///     Ok::<_, Error>(response)
    /// });
    /// let gateway = Gateway::builder().route(route).build();
    /// let answer = gateway.handle(&broker, Request::get("/api/user").body(())?).await;
    /// assert_eq!(answer.headers()["x-seen"], "1");
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn middleware<F, Fut, R, E>(mut self, middleware: F) -> Self
    where
        F: Fn(Incoming, Next) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, E>> + Send + 'static,
        R: IntoResponse,
        E: Into<Error>,
    {
        self.chain.push(chain::middleware(middleware));
        self
    }

    /// A layer of `tower` around everything below the route, in its place among the middlewares: of `tower-http`, or one's
    /// own. Errors are responses for it already; a [`Error`] is then among the extensions of the response.
    pub fn layer<L>(mut self, layer: L) -> Self
    where
        L: Layer<RouteService>,
        L::Service: Mountable,
    {
        self.chain.push(tower::layered(layer));
        self
    }

    /// Finds out who calls; see [`crate::auth`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Action, Context, Error, ServiceBroker, ServiceDef};
    /// # use ligand_web::{Gateway, Route, http::Request};
    /// # let get = Action::of("get", |(): ()| async { Ok::<_, Error>("ada".to_owned()) }).rest("GET /")?;
    /// # let broker = ServiceBroker::builder().service(ServiceDef::new("users").action(get)).start().await?;
    ///
    /// # use ligand_web::{Req, error};
    /// # use std::sync::Arc;
    /// let route = Route::new("/api").alias("GET /user", "users.get").authenticate(|_: Context, req: Arc<Req>| async move {
    ///     req.header("x-session").map(str::to_owned).ok_or_else(|| error::unauthorized(error::NO_TOKEN))
    /// });
    /// let gateway = Gateway::builder().route(route).build();
    /// let stranger = Request::get("/api/user").body(())?;
    /// assert_eq!(gateway.handle(&broker, stranger).await.status(), 401);
    /// let known = Request::get("/api/user").header("x-session", "5").body(())?;
    /// assert_eq!(gateway.handle(&broker, known).await.status(), 200);
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn authenticate<F, Fut, U, E>(mut self, stage: F) -> Self
    where
        F: Fn(Context, Arc<Req>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<U, E>> + Send + 'static,
        U: Serialize,
        E: Into<Error>,
    {
        self.authenticate = Some(auth::authenticate(stage));
        self
    }

    /// Decides whether the caller may call the action; see [`crate::auth`].
    pub fn authorize<F, Fut, E>(mut self, stage: F) -> Self
    where
        F: Fn(Context, Arc<ActionDef>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Error>,
    {
        self.authorize = Some(auth::authorize(stage));
        self
    }

    /// Runs before the call; what it sets in the meta reaches the action.
    pub fn before<F, Fut, E>(mut self, hook: F) -> Self
    where
        F: Fn(Context, Arc<Req>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Error>,
    {
        self.before.push(auth::before(hook));
        self
    }

    /// Runs after a successful call and may change the answer. The context holds the meta the action left.
    pub fn after<F, Fut, E>(mut self, hook: F) -> Self
    where
        F: Fn(Context, Arc<Req>, Answer) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Answer, E>> + Send + 'static,
        E: Into<Error>,
    {
        self.after.push(auth::after(hook));
        self
    }

    /// Options of every call of the route: timeout, retries, fallback, meta. What a fallback answers goes to the client as it is,
    /// whatever the action returns.
    pub fn call_options(mut self, options: CallOptions) -> Self {
        self.call_options = Some(options);
        self
    }

    /// Whether calls go on to their end when the client leaves, with the hooks around them. Default: they do, unless the
    /// method of the request is `GET`, `HEAD` or `OPTIONS`. An action can say otherwise with `run_to_end`.
    pub fn run_to_end(mut self, always: bool) -> Self {
        self.run_to_end = Some(always);
        self
    }
}
