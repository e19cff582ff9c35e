//! The gateway as a service: description, start and stop, changes at run time.

mod builder;

use std::{
    fmt,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use arc_swap::ArcSwap;
use http::{Method, Request, Response};
use ligand_core::{
    Context, Error, Event, Payload, Result, ServiceBroker, ServiceDef,
    broker::State,
    config::Listen,
    service::{IntoServiceDef, Rest, RestBase, Visibility},
};
use parking_lot::Mutex;

pub(crate) use self::builder::Edge;
pub use self::builder::GatewayBuilder;
use crate::{
    AccessLog, AliasInfo, Body, Compat, Cors, Etag, Explanation, Limits, Mounted, Req, RequestBody, Route,
    body::Rules,
    chain::Link,
    explain,
    health::Health,
    list,
    log::Told,
    path, pipeline,
    query::{self, QueryOptions},
    route::{ErrorResponse, Format, MapError, OnResponse},
    server::{Listener, Server},
    table::{self, Entry, Found, Table},
    upload::Pace,
};

pub(crate) type Encode = Arc<dyn Fn(&Req, bytes::Bytes) -> bytes::Bytes + Send + Sync>;

/// The HTTP gateway. Clones are the same gateway: give one to the broker and keep another to change its routes.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> ligand_core::Result<()> {
/// # use ligand_core::{Action, Context, Error, ServiceBroker, ServiceDef};
/// # use ligand_web::{Gateway, Route, http::Request};
/// # let get = Action::of("get", |(): ()| async { Ok::<_, Error>("ada".to_owned()) }).rest("GET /")?;
/// # let broker = ServiceBroker::builder().service(ServiceDef::new("users").action(get)).start().await?;
///
/// let gateway = Gateway::builder().route(Route::new("/api").alias("GET /user", "users.get")).build();
/// let answer = gateway.handle(&broker, Request::get("/api/user").body(())?).await;
/// assert_eq!(answer.status(), 200);
/// # broker.stop().await;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Gateway(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) name: Arc<str>,
    pub(crate) health: Health,
    pub(crate) limits: Limits,
    pub(crate) map_error: Option<MapError>,
    pub(crate) format: Option<Format>,
    pub(crate) error_response: Option<ErrorResponse>,
    pub(crate) encode: Option<Encode>,
    pub(crate) etag: Option<Etag>,
    cors: Option<Cors>,
    pub(crate) compat: Compat,
    pub(crate) query: QueryOptions,
    /// Middlewares and layers of all routes.
    links: Vec<Link>,
    /// Before the paths of all routes.
    prefix: String,
    /// The most exact path goes first, whatever the order.
    optimised: bool,
    publish_aliases: bool,
    pub(crate) access_log: AccessLog,
    pub(crate) echo_correlation: bool,
    pub(crate) trace_context: bool,
    pub(crate) expose_errors: bool,
    pub(crate) on_response: Vec<OnResponse>,
    pub(crate) edge: Edge,
    /// What code says of where to listen; `port` is what it says of the port alone.
    listen: Listen,
    port: Option<u16>,
    problems: Vec<String>,
    routes: Mutex<Vec<Arc<Route>>>,
    table: ArcSwap<Option<Table>>,
    /// Routes have changed since the table was built.
    stale: AtomicBool,
    told: Told,
    server: Mutex<Option<Server>>,
}

impl Gateway {
    /// Starts to describe a gateway.
    pub fn builder() -> GatewayBuilder {
        GatewayBuilder::new(Inner {
            name: "api".into(),
            health: Health::default(),
            limits: Limits::default(),
            map_error: None,
            format: None,
            error_response: None,
            encode: None,
            etag: None,
            cors: None,
            compat: Compat::default(),
            query: QueryOptions::default(),
            links: Vec::new(),
            prefix: String::new(),
            optimised: true,
            publish_aliases: false,
            access_log: AccessLog::Short,
            echo_correlation: false,
            trace_context: false,
            expose_errors: cfg!(debug_assertions),
            on_response: Vec::new(),
            edge: Edge::default(),
            listen: Listen::default(),
            port: None,
            problems: Vec::new(),
            routes: Mutex::default(),
            table: ArcSwap::default(),
            stale: AtomicBool::new(false),
            told: Told::default(),
            server: Mutex::default(),
        })
    }

    /// Answers one request without a connection: routing, stages, call and encoding are those of the server. For
    /// tests, and to mount the gateway into another server. The gateway need not be one of the broker's services.
    pub async fn handle<B: Into<RequestBody>>(
        &self,
        broker: &ServiceBroker,
        request: Request<B>,
    ) -> Response<Body> {
        pipeline::run(&self.0, broker, request.map(Into::into), None).await
    }

    /// The gateway as a service of `tower`, for another server such as axum's. See [`Mounted`].
    pub fn mount(&self, broker: &ServiceBroker) -> Mounted {
        Mounted::new(self.clone(), broker.clone())
    }

    /// Whether there is an answer to a request beside "not found".
    pub(crate) fn leads_somewhere(&self, broker: &ServiceBroker, method: &Method, path: &str) -> bool {
        let Ok(normal) = path::normal(path) else { return false };
        if self.0.health.is_its(&normal.text) {
            return true;
        }
        match self.0.table(broker).find(method, &normal.text, normal.escaped) {
            Found::Alias(..) => true,
            Found::OtherMethods(..) => !self.0.compat.unknown_method_is_not_found,
            Found::Nothing(route) => route.is_some_and(|route| route.direct_name(&normal.text).is_some()),
        }
    }

    /// The address that is listened on; `None` before the start and after the stop. A broker that starts opens it before
    /// it joins its bus.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.0.server.lock().as_ref().and_then(Server::address)
    }

    /// The addresses that are listened on, those of [`GatewayBuilder::listener`] too. Sockets in the file system have none.
    pub fn local_addrs(&self) -> Vec<SocketAddr> {
        self.0.server.lock().as_ref().map(Server::addresses).unwrap_or_default()
    }

    /// Reads certificates and keys anew; connections that begin from then on use them.
    ///
    /// # Errors
    /// `TLS_FAILED` that names the file and what is wrong with it; the former certificate stays in use then.
    #[cfg(feature = "tls")]
    pub fn reload_tls(&self) -> Result<()> {
        self.0.server.lock().as_ref().map_or(Ok(()), Server::reload_tls)
    }

    /// All aliases, in order of precedence.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Action, Context, Error, ServiceBroker, ServiceDef};
    /// # use ligand_web::{Gateway, Route, http::Request};
    /// # let get = Action::of("get", |(): ()| async { Ok::<_, Error>("ada".to_owned()) }).rest("GET /")?;
    /// # let broker = ServiceBroker::builder().service(ServiceDef::new("users").action(get)).start().await?;
    ///
    /// let gateway = Gateway::builder().route(Route::new("/api").auto_aliases()).build();
    /// assert_eq!(gateway.routes(&broker).len(), 1);
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn routes(&self, broker: &ServiceBroker) -> Vec<AliasInfo> {
        self.0.table(broker).aliases()
    }

    /// Why a request is answered as it is: the alias that it matches, and why those that come near do not answer.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::ServiceBroker;
    /// # use ligand_web::{Gateway, Route};
    /// # let broker = ServiceBroker::builder().start().await?;
    /// let gateway = Gateway::builder().route(Route::new("/api").alias("GET /users", "users.list")).build();
    /// let why = gateway.explain(&broker, "POST", "/api/users");
    /// assert_eq!(why.verdict, "405: the path is there for GET, HEAD, OPTIONS");
    /// assert_eq!(why.to_string().lines().count(), 2);
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn explain(&self, broker: &ServiceBroker, method: &str, target: &str) -> Explanation {
        explain::explain(&self.0, broker, method, target)
    }

    /// Adds a route; the next request sees it whole. Requests that run keep what they have. It takes the place of the
    /// route of the same [name](Route::name); one without a name takes the place of those without a name that have its
    /// path.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Action, Context, Error, ServiceBroker, ServiceDef};
    /// # use ligand_web::{Gateway, Route, http::Request};
    /// # let get = Action::of("get", |(): ()| async { Ok::<_, Error>("ada".to_owned()) }).rest("GET /")?;
    /// # let broker = ServiceBroker::builder().service(ServiceDef::new("users").action(get)).start().await?;
    ///
    /// let gateway = Gateway::builder().build();
    /// gateway.add_route(Route::new("/v2").alias("GET /user", "users.get"))?;
    /// let answer = gateway.handle(&broker, Request::get("/v2/user").body(())?).await;
    /// assert_eq!(answer.status(), 200);
    /// assert!(gateway.remove_route("/v2"));
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// `SERVICE_SCHEMA_ERROR` when the route cannot work.
    pub fn add_route(&self, route: Route) -> Result<()> {
        if let Some(problem) = route.problem() {
            return Err(unusable(&problem));
        }
        let route = self.0.placed(route);
        let mut routes = self.0.routes.lock();
        let place = routes.iter().position(|other| other.is_same(&route)).unwrap_or(routes.len());
        routes.retain(|other| !other.is_same(&route));
        let place = place.min(routes.len());
        routes.insert(place, Arc::new(route));
        self.0.stale.store(true, Ordering::Release);
        Ok(())
    }

    /// Removes the route of this name, or all routes that were given exactly this path; false when there were none.
    pub fn remove_route(&self, name_or_path: &str) -> bool {
        let path = Route::new(name_or_path).own_path;
        let by_name = |route: &Route| route.name.as_deref() == Some(name_or_path);
        let mut routes = self.0.routes.lock();
        let before = routes.len();
        routes.retain(|route| route.own_path != path && !by_name(route));
        let removed = routes.len() < before;
        self.0.stale.fetch_or(removed, Ordering::AcqRel);
        removed
    }
}

impl Inner {
    /// The table of this moment.
    pub(crate) fn table(&self, broker: &ServiceBroker) -> CurrentTable {
        // The flag first: when it is down, the table that belongs to it has been stored.
        let stale = self.stale.load(Ordering::Acquire);
        let current = self.table.load();
        if !stale
            && let Some(table) = &**current
            && !table.is_stale(broker)
        {
            return CurrentTable(current);
        }
        drop(current);
        let routes = self.routes.lock();
        let current = self.table.load();
        // Another request may have built it in the meantime.
        let stale = self.stale.load(Ordering::Acquire);
        if stale || current.as_ref().as_ref().is_none_or(|table| table.is_stale(broker)) {
            let before = current.as_ref().as_ref();
            let rules = table::Rules {
                links: &self.links,
                optimised: self.optimised,
                follow_get: !self.compat.head_and_options,
            };
            let table = Table::build(&routes, rules, broker, before);
            self.told.tell(table.problems());
            self.table.store(Arc::new(Some(table)));
            self.stale.store(false, Ordering::Release);
        }
        drop(routes);
        CurrentTable(self.table.load())
    }

    /// A route as the table takes it.
    fn placed(&self, route: Route) -> Route {
        let mut route = route.below(&self.prefix);
        route.ignore_case = route.ignore_case.or(Some(self.compat.ignore_case));
        route.cors = route.cors.or_else(|| self.cors.clone());
        if self.compat.ignore_unread_bodies {
            route.bodies.ignore_others = true;
        }
        if self.compat.cors_in_every_answer
            && let Some(cors) = &mut route.cors
        {
            cors.in_every_answer();
        }
        route
    }

    /// The middlewares and layers in front of the stages of a route.
    pub(crate) fn outer(&self, route: &Route) -> Option<Arc<[Link]>> {
        table::outer(&self.links, route)
    }

    pub(crate) fn body_rules(&self, entry: &Entry) -> Rules {
        let own = entry.body.as_ref().and_then(|body| body.limit().ok().flatten());
        let own = own.or(entry.options.body_limit);
        Rules { limit: own.unwrap_or(self.rules_of(&entry.route).limit), ..self.rules_of(&entry.route) }
    }

    pub(crate) fn query_bounds(&self) -> query::Bounds {
        query::Bounds { most: self.limits.query_pairs, options: self.query }
    }

    /// The bounds of bodies below a route.
    pub(crate) fn rules_of(&self, route: &Route) -> Rules {
        Rules {
            limit: route.body_limit.unwrap_or(self.limits.body_bytes),
            time: self.limits.body_timeout,
            decode: self.edge.decodes(),
            depth: self.limits.json_depth,
            pairs: self.query_bounds(),
        }
    }

    /// Bytes that an upload may have.
    pub(crate) fn upload_limit(&self, entry: &Entry) -> usize {
        let own = entry.body.as_ref().and_then(|body| body.limit().ok().flatten());
        let own = own.or(entry.options.body_limit).or(entry.route.body_limit);
        own.unwrap_or(self.limits.upload_bytes)
    }

    pub(crate) fn upload_pace(&self) -> Pace {
        Pace { time: self.limits.body_timeout, rate: self.limits.upload_rate }
    }

    fn check(&self) -> Result<()> {
        let routes = self.routes.lock();
        let route = routes.iter().find_map(|route| route.problem());
        let named = |(at, route): (usize, &Arc<Route>)| {
            let name = route.name.as_ref()?;
            let twice = routes[..at].iter().any(|other| other.name.as_ref() == Some(name));
            twice.then(|| format!("two routes are named '{name}'"))
        };
        let twice = || routes.iter().enumerate().find_map(named);
        match self.problems.first().cloned().or(route).or_else(twice) {
            Some(problem) => Err(unusable(&problem)),
            None => Ok(()),
        }
    }

    /// Opens the door.
    fn open(self: &Arc<Self>, broker: &ServiceBroker) -> Result<()> {
        let (address, port) = self.address(broker)?;
        let mut places = vec![Listener::of(address, port)];
        #[cfg(feature = "tls")]
        if let Some(tls) = self.edge.tls.clone() {
            places[0] = places[0].clone().tls(tls);
        }
        places.extend(self.edge.listeners.iter().cloned());
        let server = Server::start(&places, self, broker)?;
        if let Some(address) = server.address() {
            let scheme = if self.edge.is_secure() { "https" } else { "http" };
            tracing::info!("gateway '{}' listens on {scheme}://{address}", self.name);
        }
        for place in &places[1..] {
            tracing::info!("gateway '{}' listens on {place}, too", self.name);
        }
        *self.server.lock() = Some(server);
        Ok(())
    }

    /// Before everything else of the broker: whoever watches the node gets an answer while it waits for its bus.
    fn create(self: &Arc<Self>, broker: &ServiceBroker) -> Result<()> {
        self.check()?;
        // A service that is added to a running broker may still be taken back before it starts.
        if broker.state() == State::Starting { self.open(broker) } else { Ok(()) }
    }

    fn start(self: &Arc<Self>, broker: &ServiceBroker) -> Result<()> {
        // All services of this node are known by now.
        if let Some(problem) = self.routes.lock().iter().find_map(|route| route.misfit(broker)) {
            return Err(unusable(&problem));
        }
        if self.server.lock().as_ref().is_none_or(|server| !server.is_open()) {
            self.open(broker)?;
        }
        if broker.state() == State::Started {
            self.log_aliases(broker);
        }
        Ok(())
    }

    fn log_aliases(&self, broker: &ServiceBroker) {
        for alias in self.table(broker).aliases() {
            // It is no matter of the event that it is told after.
            tracing::info!(parent: None, "{alias}");
        }
    }

    /// What to listen on: the code's word, else that of environment and file, else `0.0.0.0:3000`.
    fn address(&self, broker: &ServiceBroker) -> Result<(String, u16)> {
        let env = broker.env();
        let code = Listen { address: None, port: self.port }.or(&self.listen);
        let stated = code.port.is_some() || env.get("LIGAND_GATEWAY__PORT").is_some();
        if let Some(text) = env.get("PORT").filter(|text| !stated && text.parse::<u16>().is_err()) {
            let text = format!("PORT must be a number from 0 to 65535; '{text}' is none");
            return Err(Error::broker_options(text));
        }
        let Listen { address, port } = code.or(&broker.options().gateway);
        Ok((address.unwrap_or_else(|| "0.0.0.0".into()), port.unwrap_or(3000)))
    }

    async fn stop(&self, broker: &ServiceBroker) {
        let server = self.server.lock().take();
        if let Some(server) = server {
            let tracking = &broker.options().tracking;
            let time = if tracking.enabled { tracking.shutdown_timeout } else { std::time::Duration::ZERO };
            server.stop(time).await;
            tracing::info!("gateway '{}' stopped", self.name);
        }
    }
}

/// A borrowed table; never kept over an await.
pub(crate) struct CurrentTable(arc_swap::Guard<Arc<Option<Table>>>);

impl std::ops::Deref for CurrentTable {
    type Target = Table;

    fn deref(&self) -> &Table {
        self.0.as_ref().as_ref().expect("a table that was built is never taken away")
    }
}

fn unusable(problem: &str) -> Error {
    Error::service_schema(format!("gateway: {problem}"))
}

impl IntoServiceDef for Gateway {
    fn into_service_def(self) -> ServiceDef {
        let inner = self.0;
        let (create, start, stop, known) = (inner.clone(), inner.clone(), inner.clone(), inner.clone());
        let list = list::action(&inner);
        let list = match inner.publish_aliases {
            true => list.with_rest(Rest {
                method: "GET".into(),
                path: "/list-aliases".into(),
                base: RestBase::Service,
                upload: None,
            }),
            false => list.visibility(Visibility::Public),
        };
        ServiceDef::new(&*inner.name)
            .of_type::<Self>()
            .action(list)
            .action(list::explain(&inner))
            // The table follows at once, not with the next request: what is gone then is known to have been there.
            .event(Event::new("$services.changed", {
                let inner = inner.clone();
                move |ctx: Context, _: Payload| {
                    let inner = inner.clone();
                    async move {
                        if ctx.broker().state() == State::Started {
                            inner.table(ctx.broker());
                        }
                        Ok::<_, Error>(())
                    }
                }
            }))
            // All services are there by then, so that the list is complete.
            .event(Event::new("$broker.started", move |ctx: Context, _: Payload| {
                let inner = known.clone();
                async move {
                    inner.log_aliases(ctx.broker());
                    Ok::<_, Error>(())
                }
            }))
            .created(move |broker| create.create(broker))
            .started(move |ctx| {
                let result = start.start(ctx.broker());
                async move { result }
            })
            .stopping(move |ctx| {
                let inner = stop.clone();
                async move {
                    inner.stop(ctx.broker()).await;
                    Ok(())
                }
            })
            // A service that is taken out of a running broker is only told that it has stopped.
            .stopped({
                let inner = inner.clone();
                move |ctx| {
                    let inner = inner.clone();
                    async move {
                        inner.stop(ctx.broker()).await;
                        Ok(())
                    }
                }
            })
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway").field("address", &self.local_addr()).finish_non_exhaustive()
    }
}
