//! What answers a request that an alias matched: an action, a handler of one's own, or a service of `tower`. And what an
//! alias says beside that, for itself alone.

use std::{fmt, future::Future, sync::Arc};

use http::StatusCode;
use ligand_core::{
    ActionRef, Context, Error, Result,
    broker::CallOptions,
    edge::{Multipart, Upload},
    future::BoxFuture,
};
use serde_json::{Map, Value};
use tower_layer::Layer;

use crate::{
    Body, Incoming, IntoResponse, Next, RouteService,
    chain::{self, Link},
    tower::{self, Foreign, Mountable},
};

pub(crate) type Handler =
    Arc<dyn Fn(Context, Incoming) -> BoxFuture<Result<http::Response<Body>>> + Send + Sync>;

/// Where an alias leads, with options of its own. A text or an [`ActionRef`] is one, for an action without options.
///
/// ```
/// use ligand_web::{Route, Target};
/// let route = Route::new("/api")
///     .alias("GET /users/:id", "users.get")
///     .alias("POST /users", Target::action("users.create").status(201).field("scope", "admin"));
/// # let _ = route;
/// ```
#[derive(Clone, Debug)]
pub struct Target {
    pub(crate) goal: Goal,
    pub(crate) options: Options,
}

/// What answers.
#[derive(Clone)]
pub(crate) enum Goal {
    /// The action of this full name.
    Action(Arc<str>),
    /// What a method of `REST` means in a service; nowhere where the route does not want that.
    Rest {
        service: Arc<str>,
        /// In services that have no published action `replace`.
        plain: Option<Arc<str>>,
        /// In the others.
        replacing: Option<Arc<str>>,
    },
    /// A function of the program.
    Handler(Handler),
    /// A service of `tower`.
    Service(Foreign),
}

/// What an alias says for itself; what it leaves out is the route's business.
#[derive(Clone, Default)]
pub(crate) struct Options {
    pub(crate) chain: Vec<Link>,
    pub(crate) status: Option<StatusCode>,
    pub(crate) call: Option<CallOptions>,
    pub(crate) body_limit: Option<usize>,
    /// How the body is read while it comes.
    pub(crate) upload: Option<Upload>,
    pub(crate) run_to_end: Option<bool>,
    /// The path of the alias is the whole path.
    pub(crate) full: bool,
    pub(crate) fields: Map<String, Value>,
    pub(crate) only: Option<Vec<String>>,
    pub(crate) except: Vec<String>,
    pub(crate) problems: Vec<String>,
}

impl Target {
    fn of(goal: Goal) -> Self {
        Self { goal, options: Options::default() }
    }

    /// The action of this full name; with an alias `REST /path` the service.
    pub fn action(name: impl Into<Self>) -> Self {
        name.into()
    }

    /// A function that answers itself; see [`crate::Route::handler`].
    pub fn handler<F, Fut, R, E>(handler: F) -> Self
    where
        F: Fn(Context, Incoming) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, E>> + Send + 'static,
        R: IntoResponse,
        E: Into<Error>,
    {
        Self::of(Goal::Handler(Arc::new(move |ctx, request| {
            let work = handler(ctx, request);
            Box::pin(async move { work.await.map_err(Into::into)?.into_response() })
        })))
    }

    /// A service of `tower`; see [`crate::Route::service`].
    pub fn service<S>(service: S) -> Self
    where
        S: Mountable,
    {
        Self::of(Goal::Service(tower::foreign(service)))
    }

    /// A middleware of this alias alone. It runs after the stages of the route: who calls is known and allowed to.
    pub fn middleware<F, Fut, R, E>(mut self, middleware: F) -> Self
    where
        F: Fn(Incoming, Next) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, E>> + Send + 'static,
        R: IntoResponse,
        E: Into<Error>,
    {
        self.options.chain.push(chain::middleware(middleware));
        self
    }

    /// A layer of `tower` around this alias alone, after the stages of the route; see [`crate::Route::layer`].
    pub fn layer<L>(mut self, layer: L) -> Self
    where
        L: Layer<RouteService>,
        L::Service: Mountable,
    {
        self.options.chain.push(tower::layered(layer));
        self
    }

    /// The status of a success that sets none itself, from 200 to 399. Default: 200.
    pub fn status(mut self, status: u16) -> Self {
        match StatusCode::from_u16(status) {
            Ok(status) if status.is_success() || status.is_redirection() => {
                self.options.status = Some(status);
            }
            _ => self.problem(format!("{status} is no status of a success; those are 200 to 399")),
        }
        self
    }

    /// Options of the calls of this alias, in place of those of the route.
    pub fn call_options(mut self, options: CallOptions) -> Self {
        self.options.call = Some(options);
        self
    }

    /// Bytes a body may have, as [`crate::Route::body_limit`].
    pub fn body_limit(mut self, size: impl Into<crate::Size>) -> Self {
        match size.into().bytes() {
            Ok(bytes) => self.options.body_limit = Some(bytes),
            Err(problem) => self.problem(problem),
        }
        self
    }

    /// The action takes the files of a form; see [`crate::Route::upload`].
    pub fn multipart(mut self, bounds: Multipart) -> Self {
        self.options.upload = Some(Upload::Multipart(bounds));
        self
    }

    /// The action takes the whole body as a stream; see [`crate::Route::stream`].
    pub fn stream(mut self) -> Self {
        self.options.upload = Some(Upload::Stream);
        self
    }

    /// Whether a call goes on when its client leaves, as [`crate::Route::run_to_end`].
    pub fn run_to_end(mut self, always: bool) -> Self {
        self.options.run_to_end = Some(always);
        self
    }

    /// The path of the alias is the whole path, outside of the route's; the stages of the route hold all the same.
    pub fn full_path(mut self) -> Self {
        self.options.full = true;
        self
    }

    /// A field of one's own, for stages, middlewares and hooks: [`crate::Req::field`].
    pub fn field(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.options.fields.insert(name.into(), value.into());
        self
    }

    /// Of `REST`, only these actions.
    pub fn only<'a>(mut self, actions: impl IntoIterator<Item = &'a str>) -> Self {
        self.options.only.get_or_insert_default().extend(actions.into_iter().map(str::to_owned));
        self
    }

    /// Of `REST`, all but these actions.
    pub fn except<'a>(mut self, actions: impl IntoIterator<Item = &'a str>) -> Self {
        self.options.except.extend(actions.into_iter().map(str::to_owned));
        self
    }

    fn problem(&mut self, problem: String) {
        self.options.problems.push(problem);
    }
}

impl From<&str> for Target {
    /// The full name of an action, after Moleculer's `multipart:` or `stream:` for uploads.
    fn from(name: &str) -> Self {
        let of = |name: &str| Self::of(Goal::Action(name.into()));
        match name.split_once(':') {
            Some(("multipart", name)) => of(name).multipart(Multipart::new()),
            Some(("stream", name)) => of(name).stream(),
            _ => of(name),
        }
    }
}

impl From<String> for Target {
    fn from(name: String) -> Self {
        Self::from(name.as_str())
    }
}

impl<P, R> From<ActionRef<P, R>> for Target {
    fn from(action: ActionRef<P, R>) -> Self {
        Self::of(Goal::Action(action.name().into()))
    }
}

impl Options {
    /// Whether an action of `REST` is wanted.
    pub(crate) fn wants(&self, action: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only.iter().any(|one| one == action))
            && !self.except.iter().any(|one| one == action)
    }
}

impl fmt::Debug for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Action(name) => write!(f, "Action({name})"),
            Self::Rest { service, .. } => write!(f, "Rest({service})"),
            Self::Handler(_) => f.write_str("Handler"),
            Self::Service(_) => f.write_str("Service"),
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("status", &self.status).finish_non_exhaustive()
    }
}
