//! Routes: a prefix, what is reachable below it, and the stages its requests pass.

mod answers;
mod bodies;
mod config;
mod stages;
mod traffic;

use std::{fmt, future::Future, sync::Arc};

use http::{HeaderMap, Response, StatusCode};
use ligand_alias::Verb;
use ligand_core::{
    Context, Error, Result, ServiceBroker,
    broker::CallOptions,
    edge::{Multipart, Upload},
};
use ligand_wire::pattern::Pattern;
use serde_json::Value;

pub use self::config::{CorsConfig, RouteConfig};
use self::traffic::Traffic;
use crate::{
    Absent, Body, Cors, Etag, Incoming, IntoResponse, Mountable, Req, Target,
    alias::{self, Alias},
    auth::{After, Authenticate, Authorize, Before},
    body::Bodies,
    chain::Link,
    table,
    target::Goal,
};

pub(crate) type MapError = Arc<dyn Fn(&Req, Error) -> Error + Send + Sync>;
pub(crate) type OnResponse = Arc<dyn Fn(&Req, StatusCode, &mut HeaderMap) + Send + Sync>;
pub(crate) type ErrorResponse = Arc<dyn Fn(&Req, &Error) -> Option<Result<Response<Body>>> + Send + Sync>;
pub(crate) type Format = Arc<dyn Fn(&Error) -> Value + Send + Sync>;

/// A prefix and what is reachable below it. Nothing is, until an alias, [`Route::auto_aliases`] or
/// [`Route::direct_calls`] says so; `$node` only with [`Route::internal_services`].
///
/// Several routes may share a prefix. The most specific path wins, whatever the order of the routes.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> ligand_core::Result<()> {
/// # use ligand_core::{Action, Context, Error, ServiceBroker, ServiceDef};
/// # use ligand_web::{Gateway, Route, http::Request};
/// # let get = Action::of("get", |(): ()| async { Ok::<_, Error>("ada".to_owned()) }).rest("GET /")?;
/// # let broker = ServiceBroker::builder().service(ServiceDef::new("users").action(get)).start().await?;
///
/// let route = Route::new("/api").alias("GET /users/:id", "users.get").allow(["users.*"]);
/// let gateway = Gateway::builder().route(route).build();
/// assert_eq!(gateway.handle(&broker, Request::get("/api/other").body(())?).await.status(), 404);
/// # broker.stop().await;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Route {
    pub(crate) name: Option<String>,
    /// As it was given.
    pub(crate) own_path: String,
    /// With that of the gateway before it.
    pub(crate) path: String,
    pub(crate) aliases: Vec<Alias>,
    pub(crate) auto: bool,
    pub(crate) direct: bool,
    pub(crate) allow: Option<Vec<Pattern>>,
    pub(crate) deny: Vec<Pattern>,
    pub(crate) statuses: Vec<(Verb, String, StatusCode)>,
    /// Middlewares and layers, the outermost first.
    pub(crate) chain: Vec<Link>,
    /// The actions of `$node` are open, with this in place of the `$`.
    pub(crate) internal: Option<String>,
    pub(crate) ignore_case: Option<bool>,
    /// No line in the log for its requests.
    pub(crate) quiet: bool,
    pub(crate) camel_case: bool,
    pub(crate) authenticate: Option<Authenticate>,
    pub(crate) authorize: Option<Authorize>,
    pub(crate) before: Vec<Before>,
    pub(crate) after: Vec<After>,
    pub(crate) map_error: Option<MapError>,
    pub(crate) format: Option<Format>,
    pub(crate) error_response: Option<ErrorResponse>,
    pub(crate) etag: Option<Etag>,
    pub(crate) cors: Option<Cors>,
    pub(crate) body_limit: Option<usize>,
    pub(crate) bodies: Bodies,
    pub(crate) multipart: Option<Multipart>,
    pub(crate) traffic: Traffic,
    pub(crate) separate: bool,
    pub(crate) call_options: Option<CallOptions>,
    pub(crate) run_to_end: Option<bool>,
    pub(crate) absent: Absent,
    pub(crate) on_response: Vec<OnResponse>,
    pub(crate) problems: Vec<String>,
}

impl Route {
    /// A route below `path`, such as `/api`. It ends at a segment boundary: `/apifx` is not below `/api`.
    pub fn new(path: impl Into<String>) -> Self {
        let path: String = path.into();
        let trimmed = path.trim_matches('/');
        let path = if trimmed.is_empty() { String::new() } else { format!("/{trimmed}") };
        let problems = alias::patterns(&path).err().into_iter().collect();
        Self {
            name: None,
            own_path: path.clone(),
            path,
            aliases: Vec::new(),
            auto: false,
            direct: false,
            allow: None,
            deny: Vec::new(),
            statuses: Vec::new(),
            chain: Vec::new(),
            internal: None,
            ignore_case: None,
            quiet: false,
            camel_case: false,
            authenticate: None,
            authorize: None,
            before: Vec::new(),
            after: Vec::new(),
            map_error: None,
            format: None,
            error_response: None,
            etag: None,
            cors: None,
            body_limit: None,
            bodies: Bodies::default(),
            multipart: None,
            traffic: Traffic::default(),
            separate: false,
            call_options: None,
            run_to_end: None,
            absent: Absent::Empty,
            on_response: Vec::new(),
            problems,
        }
    }

    /// Leads `METHOD /path` (or `/path` for every method) to an action. `REST /posts` leads the six usual aliases
    /// to the actions `list`, `get`, `create`, `update`, `patch` and `remove` of the service that `action` names. While
    /// that service publishes an action `replace`, as one with a database can, `PUT` leads to it and `PATCH` to `update`.
    ///
    /// `:name` in the path is a parameter of the action, in either spelling (`:book_id`, `:bookId`), `*name` the rest of
    /// the path, `{/:name}` an optional segment. What the action does not take, when it is one of this node, stops the
    /// start; of other nodes' actions the log says so. Parameters in the path of the route itself need not be the
    /// action's: they are for its stages ([`Req::param`]).
    pub fn alias(mut self, text: &str, action: impl Into<Target>) -> Self {
        match alias::parse(text, action.into()) {
            Ok(aliases) => self.aliases.extend(aliases),
            Err(problem) => self.problems.push(problem),
        }
        self
    }

    /// As `REST /path`, with some of these actions only.
    ///
    /// ```
    /// # use ligand_web::Route;
    /// // GET /posts and GET /posts/:id, and nothing that changes one.
    /// let route = Route::new("/api").resource("/posts", "posts", ["list", "get"]);
    /// # let _ = route;
    /// ```
    pub fn resource<'a>(self, path: &str, service: &str, only: impl IntoIterator<Item = &'a str>) -> Self {
        self.alias(&format!("REST {path}"), Target::action(service).only(only))
    }

    /// Several aliases at once.
    ///
    /// ```
    /// # use ligand_web::Route;
    /// let route = Route::new("/api").aliases([("GET /users", "users.list"), ("GET /users/:id", "users.get")]);
    /// # let _ = route;
    /// ```
    pub fn aliases<'a, T: Into<Target>>(mut self, aliases: impl IntoIterator<Item = (&'a str, T)>) -> Self {
        for (text, target) in aliases {
            self = self.alias(text, target);
        }
        self
    }

    /// Leads `METHOD /path` to a function of the program: what no action should be, such as a callback of another site or
    /// an answer in another format. `authenticate`, the middlewares and `before` of the route run before it; it reads the
    /// body itself ([`Incoming`]). [`Route::authorize`] decides by actions: a route that has it takes no handlers.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Context, Error, ServiceBroker};
    /// # use ligand_web::{Gateway, Incoming, Route, http::Request};
    /// # let broker = ServiceBroker::builder().start().await?;
    /// let route = Route::new("/").handler("GET /robots.txt", |_: Context, _: Incoming| async {
    ///     Ok::<_, Error>("User-agent: *\nDisallow:\n")
    /// });
    /// let gateway = Gateway::builder().route(route).build();
    /// let answer = gateway.handle(&broker, Request::get("/robots.txt").body(())?).await;
    /// assert_eq!((answer.status().as_u16(), answer.headers()["content-type"].to_str()?), (200, "text/plain; charset=utf-8"));
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn handler<F, Fut, R, E>(self, text: &str, handler: F) -> Self
    where
        F: Fn(Context, Incoming) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, E>> + Send + 'static,
        R: IntoResponse,
        E: Into<Error>,
    {
        self.alias(text, Target::handler(handler))
    }

    /// Leads everything below `path`, with every method, to a service of `tower`, an `axum::Router` for example. The
    /// service sees the path below: `/admin/users` is `/users` for one below `/admin`. The whole target is in the
    /// extensions of the request ([`crate::OriginalUri`]), and so are the [`Context`] of the request and the address of
    /// the client. Stages are as with [`Route::handler`].
    pub fn service(mut self, path: &str, service: impl Mountable) -> Self {
        let target = Target::service(service);
        let path = path.trim_matches('/');
        let path = if path.is_empty() { String::new() } else { format!("/{path}") };
        if path.contains([':', '*', '{']) {
            self.problems.push(format!("service '{path}': the path of a service has no parameters"));
            return self;
        }
        for verb in ["*", "OPTIONS"] {
            self = self.alias(&format!("{verb} {path}/*rest"), target.clone());
            self =
                self.alias(&format!("{verb} {}", if path.is_empty() { "/" } else { &path }), target.clone());
        }
        self
    }

    /// Names the route: [`crate::Gateway::add_route`] replaces a route of the same name, and
    /// [`crate::Gateway::remove_route`] takes it for the path. Two routes of one name stop the start.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Opens the actions of `$node` to [`Route::direct_calls`] and to aliases of the route. They tell about the whole
    /// cluster: have `authenticate` and `authorize` before them. With a `mark`, such as `~`, `/~node/list` is
    /// `$node.list` too; an empty one leaves it with `/$node/list`.
    pub fn internal_services(mut self, mark: &str) -> Self {
        self.internal = Some(mark.to_owned());
        self
    }

    /// Takes large and small letters of paths for the same, but for direct calls. Aliases of such routes go before those
    /// of others. Parameters are as they were sent.
    pub fn ignore_case(mut self, ignore: bool) -> Self {
        self.ignore_case = Some(ignore);
        self
    }

    /// Writes no line into the log for the requests of the route. Failures are still told.
    pub fn quiet(mut self) -> Self {
        self.quiet = true;
        self
    }

    /// Direct calls find `users.resetPassword` as `/users/reset-password` and `/users/reset_password` too.
    pub fn camel_case_names(mut self) -> Self {
        self.camel_case = true;
        self
    }

    /// Adds the aliases that actions declare with `rest`, below the name of their service: `GET /:id` of `users`
    /// becomes `GET <route>/users/:id`. The setting `rest` of a service puts them elsewhere: a path, several, `false` for
    /// nowhere. An action may name a base or a whole path of its own ([`ligand_core::service::RestBase`]). Kept up to
    /// date as services come and go; what other nodes declare and nobody understands is left out, with a line in the log.
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
    /// // The action says `rest("GET /")`.
    /// assert_eq!(gateway.handle(&broker, Request::get("/api/users").body(())?).await.status(), 200);
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn auto_aliases(mut self) -> Self {
        self.auto = true;
        self
    }

    /// Makes every published action reachable as `/service/action`, with every method. Think twice: a link can
    /// then call actions that change things.
    pub fn direct_calls(mut self) -> Self {
        self.direct = true;
        self
    }

    /// Lets only actions pass whose full name matches one of these masks: `users.*`, `**`. An empty list lets
    /// nothing pass. A mask that no full name can match, such as `users*`, stops the start.
    pub fn allow<S: AsRef<str>>(mut self, masks: impl IntoIterator<Item = S>) -> Self {
        let masks = self.masks(masks);
        self.allow.get_or_insert_default().extend(masks);
        self
    }

    /// Keeps actions out whose full name matches one of these masks; see [`Route::allow`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Action, Context, Error, ServiceBroker, ServiceDef};
    /// # use ligand_web::{Gateway, Route, http::Request};
    /// # let get = Action::of("get", |(): ()| async { Ok::<_, Error>("ada".to_owned()) }).rest("GET /")?;
    /// # let broker = ServiceBroker::builder().service(ServiceDef::new("users").action(get)).start().await?;
    ///
    /// let route = Route::new("/api").alias("GET /user", "users.get").deny(["users.*"]);
    /// let gateway = Gateway::builder().route(route).build();
    /// assert_eq!(gateway.handle(&broker, Request::get("/api/user").body(())?).await.status(), 404);
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn deny<S: AsRef<str>>(mut self, masks: impl IntoIterator<Item = S>) -> Self {
        let masks = self.masks(masks);
        self.deny.extend(masks);
        self
    }

    /// `*` stops at dots, and every full name has one: a mask that cannot match a dot was meant otherwise.
    fn masks<S: AsRef<str>>(&mut self, masks: impl IntoIterator<Item = S>) -> Vec<Pattern> {
        let mask = |mask: S| {
            let mask = mask.as_ref();
            if !mask.contains(['.', '?']) && !mask.contains("**") {
                self.problems.push(format!(
                    "mask '{mask}' matches no action: it needs a service and a name, as in 'users.*', '**.remove' or '**'"
                ));
            }
            Pattern::new(mask)
        };
        masks.into_iter().map(mask).collect()
    }

    /// Opens the route to other sites.
    pub fn cors(mut self, cors: Cors) -> Self {
        self.cors = Some(cors);
        self
    }

    /// Whether the masks let an action pass.
    pub(crate) fn lets_pass(&self, action: &str) -> bool {
        let any = |masks: &[Pattern]| masks.iter().any(|mask| mask.matches(action));
        self.allow.as_deref().is_none_or(any) && !any(&self.deny)
    }

    /// What is wrong with an alias that leads to an action of this node.
    pub(crate) fn misfit(&self, broker: &ServiceBroker) -> Option<String> {
        let services = broker.registry().snapshot();
        self.aliases.iter().find_map(|alias| {
            let action = alias.goal.action(&services)?;
            let own = broker.own_action(&action)?;
            let problem = table::misfit(&own, &own.path_names(self.separate), alias.verb, &alias.path)?;
            Some(format!("alias to {action}: {problem}"))
        })
    }

    pub(crate) fn problem(&self) -> Option<String> {
        let unguarded = || {
            let own = |alias: &&Alias| matches!(alias.goal, Goal::Handler(_) | Goal::Service(_));
            let alias = self.aliases.iter().find(own).filter(|_| self.authorize.is_some())?;
            Some(format!(
                "'{}' of route '{}' leads to no action, and `authorize` decides about actions: give it a route of its \
                 own, and decide in `authenticate` or a middleware",
                alias.path, self.path
            ))
        };
        let cors = || self.cors.as_ref().and_then(Cors::problem);
        let uploads = || {
            let all = self.multipart.clone().map(Upload::Multipart);
            let own = self.aliases.iter().filter_map(|alias| alias.options.upload.clone());
            own.chain(all).find_map(|upload| alias::upload_problem(&upload))
        };
        self.problems
            .first()
            .cloned()
            .or_else(cors)
            .or_else(unguarded)
            .or_else(|| self.unfit_files())
            .or_else(uploads)
    }

    /// Below the path of the gateway.
    pub(crate) fn below(mut self, prefix: &str) -> Self {
        self.path = format!("{prefix}{}", self.own_path);
        self
    }

    /// Whether `add_route` replaces this route by `other`.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (&self.name, &other.name) {
            (None, None) => self.own_path == other.own_path,
            (own, others) => own == others,
        }
    }

    /// What a direct call below the route names; `None` where there are no direct calls or the path names nothing.
    pub(crate) fn direct_name(&self, path: &str) -> Option<String> {
        if !self.direct {
            return None;
        }
        let below = path.strip_prefix(self.path.as_str()).unwrap_or(path).trim_matches('/');
        let name = below.replace('/', ".");
        let name = match self.internal.as_deref().filter(|mark| !mark.is_empty()) {
            Some(mark) => name.replacen(mark, "$", 1),
            None => name,
        };
        (!name.is_empty()).then_some(name)
    }

    /// The path whose direct call was meant by one that finds nothing: `/users/reset-password`.
    pub(crate) fn camel_case(&self, path: &str) -> Option<String> {
        if !self.camel_case || !self.direct {
            return None;
        }
        let below = path.strip_prefix(self.path.as_str())?.trim_matches('/');
        let names: Vec<_> = below.split(['/', '.']).map(camel_case).collect();
        Some(format!("{}/{}", self.path, names.join("/")))
    }
}

/// `reset-password`, `reset_password` and `Reset password` as `resetPassword`; what is one word already stays as it is.
fn camel_case(text: &str) -> String {
    let mut words = text.split(|c: char| !c.is_alphanumeric() && c != '$').filter(|word| !word.is_empty());
    let mut name = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        name.extend(letters.next().into_iter().flat_map(char::to_uppercase));
        name.push_str(letters.as_str());
    }
    name
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route").field("path", &self.path).finish_non_exhaustive()
    }
}
