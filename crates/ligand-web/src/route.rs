//! Routes: a prefix, what is reachable below it, and the stages its requests pass.

use std::{fmt, future::Future, sync::Arc};

use http::{HeaderMap, StatusCode};
use ligand_alias::Verb;
use ligand_core::{
    Context, Error, Result, ServiceBroker,
    broker::CallOptions,
    edge::{Multipart, Upload},
    service::ActionDef,
};
use ligand_wire::pattern::Pattern;
use serde::Serialize;
use serde_json::Value;

use crate::{
    Absent, Answer, Cors, Req, Size,
    alias::{self, Alias, Target},
    auth::{self, After, Authenticate, Authorize, Before},
    body::Bodies,
    table,
};

pub(crate) type MapError = Arc<dyn Fn(&Req, Error) -> Error + Send + Sync>;
pub(crate) type OnResponse = Arc<dyn Fn(&Req, StatusCode, &mut HeaderMap) + Send + Sync>;
pub(crate) type Format = Arc<dyn Fn(&Error) -> Value + Send + Sync>;

/// A prefix and what is reachable below it. Nothing is, until an alias, [`Route::auto_aliases`] or
/// [`Route::direct_calls`] says so; `$node` never is.
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
    pub(crate) path: String,
    pub(crate) aliases: Vec<Alias>,
    pub(crate) auto: bool,
    pub(crate) direct: bool,
    pub(crate) allow: Option<Vec<Pattern>>,
    pub(crate) deny: Vec<Pattern>,
    pub(crate) statuses: Vec<(Verb, String, StatusCode)>,
    pub(crate) authenticate: Option<Authenticate>,
    pub(crate) authorize: Option<Authorize>,
    pub(crate) before: Vec<Before>,
    pub(crate) after: Vec<After>,
    pub(crate) map_error: Option<MapError>,
    pub(crate) format: Option<Format>,
    pub(crate) cors: Option<Cors>,
    pub(crate) body_limit: Option<usize>,
    pub(crate) bodies: Bodies,
    pub(crate) multipart: Option<Multipart>,
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
            path,
            aliases: Vec::new(),
            auto: false,
            direct: false,
            allow: None,
            deny: Vec::new(),
            statuses: Vec::new(),
            authenticate: None,
            authorize: None,
            before: Vec::new(),
            after: Vec::new(),
            map_error: None,
            format: None,
            cors: None,
            body_limit: None,
            bodies: Bodies::default(),
            multipart: None,
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
        match alias::parse(text, &action.into()) {
            Ok(aliases) => self.aliases.extend(aliases),
            Err(problem) => self.problems.push(problem),
        }
        self
    }

    /// Leads `METHOD /path` to an action that takes the files of `multipart/form-data`: a call for each, whose content is
    /// [`Context::stream`]. Parameters are those of path and query, the fields that came before the file, and `$filename`
    /// (safe to use; null when there is none), `$fieldname`, `$mimetype`, `$encoding`. The answer is a list of all
    /// results, or, with [`Multipart::files`] 1, that of the one file. What `bounds` does not say, [`Route::multipart`]
    /// says. In a text for [`Route::alias`] it is `multipart:service.action`.
    ///
    /// ```
    /// # use ligand_web::{Multipart, Route};
    /// let bounds = Multipart::new().files(1).file_limit("5mb");
    /// let route = Route::new("/api").upload("POST /users/:id/picture", "users.picture", bounds);
    /// # let _ = route;
    /// ```
    pub fn upload(self, text: &str, action: impl Into<Target>, bounds: Multipart) -> Self {
        self.alias_of(text, &action.into(), &Upload::Multipart(bounds))
    }

    /// Leads `METHOD /path` to an action that takes the whole body as [`Context::stream`], of whatever type, at most
    /// [`Route::body_limit`]. In a text for [`Route::alias`] it is `stream:service.action`.
    ///
    /// ```
    /// # use ligand_web::Route;
    /// let route = Route::new("/api").stream("PUT /videos/:id", "videos.store").body_limit("2gb");
    /// # let _ = route;
    /// ```
    pub fn stream(self, text: &str, action: impl Into<Target>) -> Self {
        self.alias_of(text, &action.into(), &Upload::Stream)
    }

    fn alias_of(mut self, text: &str, action: &Target, upload: &Upload) -> Self {
        match alias::parse(text, action) {
            Ok(aliases) if aliases.len() != 1 => {
                self.problems
                    .push(format!("upload '{text}': one method and path are needed, such as \"POST /file\""));
            }
            Ok(aliases) => {
                let taking = |alias| Alias { upload: Some(upload.clone()), ..alias };
                self.aliases.extend(aliases.into_iter().map(taking));
            }
            Err(problem) => self.problems.push(problem),
        }
        self
    }

    /// The bounds of `multipart/form-data` on this route, where alias and action say no others.
    pub fn multipart(mut self, bounds: Multipart) -> Self {
        self.multipart = Some(bounds);
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
    pub fn resource<'a>(
        mut self,
        path: &str,
        service: &str,
        only: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let only: Vec<_> = only.into_iter().collect();
        self.problems.extend(alias::patterns(path).err());
        let aliases = alias::resource(path, service, |action| only.contains(&action));
        let known = alias::RESOURCE_ACTIONS;
        if !only.iter().all(|action| known.contains(action)) {
            let known = known.join(", ");
            self.problems.push(format!("resource '{path}': {only:?} names more than {known}"));
        }
        self.aliases.extend(aliases);
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

    /// Status of an alias (`POST /users`, below the route) when its action succeeds and sets none itself.
    pub fn status(mut self, text: &str, status: u16) -> Self {
        let form = |path| alias::patterns(path).map(|mut forms| forms.swap_remove(0).text);
        let alias = ligand_alias::split(text).and_then(|(verb, path)| Ok((verb, form(path)?)));
        match (alias, StatusCode::from_u16(status)) {
            (Ok((verb, path)), Ok(status)) if status.is_success() || status.is_redirection() => {
                self.statuses.push((verb, path, status));
            }
            (Err(problem), _) => self.problems.push(format!("status {problem}")),
            _ => self
                .problems
                .push(format!("status '{text}', {status}: the status of a success is one from 200 to 399")),
        }
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

    /// Sees every response of the route just before it is sent, also errors, preflights and paths below it that lead
    /// nowhere, and may change its headers. Headers of the framing stay as they are.
    ///
    /// ```
    /// # use ligand_web::Route;
    /// let route = Route::new("/api").on_response(|_req, status, headers| {
    ///     if status.is_client_error() {
    ///         headers.insert("cache-control", "no-store".parse().expect("a header value"));
    ///     }
    /// });
    /// ```
    pub fn on_response(
        mut self,
        hook: impl Fn(&Req, StatusCode, &mut HeaderMap) + Send + Sync + 'static,
    ) -> Self {
        self.on_response.push(Arc::new(hook));
        self
    }

    /// What becomes of an action that returns nothing (`None`, `()`, null). Default: [`Absent::Empty`].
    pub fn absent(mut self, absent: Absent) -> Self {
        self.absent = absent;
        self
    }

    /// Whether calls go on to their end when the client leaves, with the hooks around them. Default: they do, unless the
    /// method of the request is `GET`, `HEAD` or `OPTIONS`. An action can say otherwise with `run_to_end`.
    pub fn run_to_end(mut self, always: bool) -> Self {
        self.run_to_end = Some(always);
        self
    }

    /// Turns an error into another before it is sent: another code, a public text.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Action, Context, Error, ServiceBroker, ServiceDef};
    /// # use ligand_web::{Gateway, Route, http::Request};
    /// # let get = Action::of("get", |(): ()| async { Ok::<_, Error>("ada".to_owned()) }).rest("GET /")?;
    /// # let broker = ServiceBroker::builder().service(ServiceDef::new("users").action(get)).start().await?;
    ///
    /// let route = Route::new("/api").alias("GET /user", "nobody.get").on_error(|_, error| error.with_code(502));
    /// let gateway = Gateway::builder().route(route).build();
    /// assert_eq!(gateway.handle(&broker, Request::get("/api/user").body(())?).await.status(), 502);
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn on_error(mut self, map: impl Fn(&Req, Error) -> Error + Send + Sync + 'static) -> Self {
        self.map_error = Some(Arc::new(map));
        self
    }

    /// Shapes the body of errors; default [`crate::error::body`].
    pub fn error_formatter(mut self, format: impl Fn(&Error) -> Value + Send + Sync + 'static) -> Self {
        self.format = Some(Arc::new(format));
        self
    }

    /// Opens the route to other sites.
    pub fn cors(mut self, cors: Cors) -> Self {
        self.cors = Some(cors);
        self
    }

    /// Bytes a body may have: a number or a text such as `"1mb"`. Default: [`crate::Limits::body_bytes`].
    ///
    /// ```
    /// # use ligand_web::Route;
    /// let uploads = Route::new("/upload").alias("POST /", "files.save").body_limit("20mb").raw();
    /// # let _ = uploads;
    /// ```
    pub fn body_limit(mut self, size: impl Into<Size>) -> Self {
        match size.into().bytes() {
            Ok(bytes) => self.body_limit = Some(bytes),
            Err(problem) => self.problems.push(problem),
        }
        self
    }

    /// Reads `application/x-www-form-urlencoded` bodies too. Any site can send forms to any other, without a
    /// preflight: with cookies as authentication this needs a token in a header. Routes without forms need it as
    /// well, see [`crate::auth`].
    pub fn forms(mut self) -> Self {
        self.bodies.forms = true;
        self
    }

    /// Reads `text/*` bodies too: as the parameter `body`, a text. For actions of other nodes; an action of this node says
    /// `#[action(body = text)]`, whatever the route. One that takes no `body` gets none: 415.
    pub fn texts(mut self) -> Self {
        self.bodies.texts = true;
        self
    }

    /// Reads bodies of all other content types too: as the parameter `body`, bytes (in JavaScript what JSON makes of a
    /// `Buffer`). As [`Route::texts`]; `#[action(body = raw)]` takes JSON and forms as bytes too.
    pub fn raw(mut self) -> Self {
        self.bodies.raw = true;
        self
    }

    /// Gives actions `{body, query, params}` instead of one merged object; `params` are those of the path, `body` is
    /// missing when there is none.
    pub fn separate_params(mut self) -> Self {
        self.separate = true;
        self
    }

    /// Options of every call of the route: timeout, retries, fallback, meta. What a fallback answers goes to the client as it is,
    /// whatever the action returns.
    pub fn call_options(mut self, options: CallOptions) -> Self {
        self.call_options = Some(options);
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
            let action = &alias.action.action(&services)?.0;
            let own = broker.own_action(action)?;
            let problem = table::misfit(&own, &own.path_names(self.separate), alias.verb, &alias.path)?;
            Some(format!("alias to {action}: {problem}"))
        })
    }

    pub(crate) fn problem(&self) -> Option<String> {
        let uploads = self.aliases.iter().filter_map(|alias| alias.upload.clone());
        let all = self.multipart.clone().map(Upload::Multipart);
        let mut uploads = uploads.chain(all);
        self.problems
            .first()
            .cloned()
            .or_else(|| self.cors.as_ref().and_then(Cors::problem))
            .or_else(|| uploads.find_map(|upload| alias::upload_problem(&upload)))
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route").field("path", &self.path).finish_non_exhaustive()
    }
}
