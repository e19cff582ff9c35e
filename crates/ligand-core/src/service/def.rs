//! The definition of a service, and the trait of types that have one.

use std::{fmt, future::Future, panic::Location, sync::Arc};

use ligand_wire::{Error, Result};
use serde::Deserialize as _;
use serde_json::{Map, Value};

use super::{
    Action, ActionDef, Contract, Event, EventDef, Job, JobDef,
    action::check_body,
    contract::{self, Term},
    merge, path,
};
use crate::{
    broker::ServiceBroker,
    context::Context,
    future::BoxFuture,
    middleware::{AfterHook, BeforeHook, ErrorHook, ServiceHooks},
    registry::strategy::StrategyOptions,
};

/// A type that is a service: `#[service]` on its impl block implements this.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a service",
    label = "not a service",
    note = "put #[service(name = \"..\")] on its impl block"
)]
pub trait Service: Contract + Send + Sync + Sized {
    /// The definition: actions, events, lifecycle, options.
    fn define(self: Arc<Self>) -> ServiceDef;
}

/// What [`crate::broker::BrokerBuilder::service`] takes: a [`Service`], an `Arc` of one, or a [`ServiceDef`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a service",
    label = "not a service",
    note = "put #[service(name = \"..\")] on its impl block, or write a ServiceDef"
)]
pub trait IntoServiceDef {
    /// Makes the definition.
    fn into_service_def(self) -> ServiceDef;
}

#[diagnostic::do_not_recommend]
impl<T: Service> IntoServiceDef for T {
    fn into_service_def(self) -> ServiceDef {
        Arc::new(self).define().of_type::<T>()
    }
}

#[diagnostic::do_not_recommend]
impl<T: Service> IntoServiceDef for Arc<T> {
    fn into_service_def(self) -> ServiceDef {
        self.define().of_type::<T>()
    }
}

impl IntoServiceDef for ServiceDef {
    fn into_service_def(self) -> ServiceDef {
        self
    }
}

/// A reusable part of services, kept in a field: `#[service(mixins(db: Db<User>))]`.
pub trait Mixin: Send + Sync + 'static {
    /// The actions, events and lifecycle handlers it adds. `service` is the full name of the service.
    fn define(&self, service: &str) -> ServiceDef;
}

impl<M: Mixin> Mixin for Arc<M> {
    fn define(&self, service: &str) -> ServiceDef {
        (**self).define(service)
    }
}

/// The version of a service: a number is written `v2`, a text as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Version {
    /// `v2`
    Number(u32),
    /// `staging`
    Text(String),
}

impl Version {
    /// As it is written in infos and errors.
    pub(crate) fn to_value(&self) -> Value {
        match self {
            Self::Number(number) => (*number).into(),
            Self::Text(text) => text.as_str().into(),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "v{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl From<u32> for Version {
    fn from(number: u32) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Version {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

/// Services that must be there before `started` runs; any of the names is enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// Full names, any of which will do.
    pub any_of: Vec<String>,
}

impl From<&str> for Dependency {
    fn from(name: &str) -> Self {
        Self { any_of: vec![name.into()] }
    }
}

/// A handler of a service's lifecycle.
pub(crate) type Lifecycle = Arc<dyn Fn(Context) -> BoxFuture<Result<()>> + Send + Sync>;
/// Makes the definition of a mixin for a service of this full name.
type LateMixin = Arc<dyn Fn(&str) -> ServiceDef + Send + Sync>;
type Created = Arc<dyn Fn(&ServiceBroker) -> Result<()> + Send + Sync>;

/// The definition of a service. `#[service]` writes it for you; use it by hand for services that are only
/// known at run time.
///
/// ```
/// use ligand_core::{Action, Context, Error, ServiceDef};
///
/// let math = ServiceDef::new("math").action(Action::new(
///     "add",
///     |_ctx: Context, (a, b): (i64, i64)| async move { Ok::<_, Error>(a + b) },
/// ));
/// assert_eq!(math.full_name(), "math");
/// ```
#[derive(Clone)]
pub struct ServiceDef {
    pub(crate) name: String,
    pub(crate) version: Option<Version>,
    pub(crate) settings: Map<String, Value>,
    pub(crate) metadata: Map<String, Value>,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) actions: Vec<ActionDef>,
    pub(crate) events: Vec<EventDef>,
    pub(crate) jobs: Vec<JobDef>,
    pub(crate) hooks: ServiceHooks,
    pub(crate) created: Vec<Created>,
    pub(crate) started: Vec<Lifecycle>,
    pub(crate) stopping: Vec<Lifecycle>,
    pub(crate) stopped: Vec<Lifecycle>,
    pub(crate) removed: Vec<String>,
    pub(super) mixins: Vec<LateMixin>,
    pub(super) terms: Vec<Term>,
    origin: Origin,
}

/// Where a definition comes from, for errors about it.
#[derive(Clone, Copy)]
enum Origin {
    /// A type with this name.
    Type(&'static str),
    /// A definition made by hand.
    Place(&'static Location<'static>),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Type(name) => write!(f, "`{name}`"),
            Self::Place(place) => write!(f, "the definition at {place}"),
        }
    }
}

impl ServiceDef {
    /// A service without actions. `name` has no version prefix.
    #[track_caller]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            version: None,
            settings: Map::new(),
            metadata: Map::new(),
            dependencies: Vec::new(),
            actions: Vec::new(),
            events: Vec::new(),
            jobs: Vec::new(),
            hooks: ServiceHooks::default(),
            created: Vec::new(),
            started: Vec::new(),
            stopping: Vec::new(),
            stopped: Vec::new(),
            removed: Vec::new(),
            mixins: Vec::new(),
            terms: Vec::new(),
            origin: Origin::Place(Location::caller()),
        }
    }

    /// Names the type that the definition is of, for errors about it.
    pub fn of_type<T: ?Sized>(mut self) -> Self {
        self.origin = Origin::Type(std::any::type_name::<T>());
        self
    }

    /// Where the definition comes from: a type, or a place in the code.
    pub(crate) fn origin(&self) -> impl fmt::Display {
        self.origin
    }

    /// The same definition under another name: several services of one type. Callers say it too:
    /// [`client_named`](crate::context::Context::client_named).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Action, Error, ServiceBroker, ServiceDef};
    /// let counter = ServiceDef::new("counter").action(Action::of("get", |(): ()| async { Ok::<_, Error>(0) }));
    /// let broker = ServiceBroker::builder()
    ///     .service(counter.clone().renamed("visits"))
    ///     .service(counter.renamed("orders"))
    ///     .start()
    ///     .await?;
    /// assert_eq!(broker.call_named("visits.get", ()).await?.take::<u64>()?, 0);
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn renamed(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets the version: `2` gives the prefix `v2.`, `"staging"` the prefix `staging.`.
    ///
    /// ```
    /// # use ligand_core::ServiceDef;
    /// assert_eq!(ServiceDef::new("users").version(2).full_name(), "v2.users");
    /// assert_eq!(ServiceDef::new("users").version("staging").full_name(), "staging.users");
    /// ```
    pub fn version(mut self, version: impl Into<Version>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// Sets one setting; settings are visible to every node unless named in `$secureSettings`.
    ///
    /// ```
    /// # use ligand_core::ServiceDef;
    /// let mail = ServiceDef::new("mail").setting("from", "shop@example.com");
    /// assert_eq!(mail.settings()["from"], "shop@example.com");
    /// ```
    pub fn setting(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.settings.insert(key.into(), value.into());
        self
    }

    /// Sets one field of the metadata that other nodes see.
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }

    /// Waits for another service before `started` runs.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{ServiceBroker, ServiceDef};
    /// let orders = ServiceDef::new("orders").dependency("users");
    /// let broker = ServiceBroker::builder().service(orders).service(ServiceDef::new("users")).start().await?;
    /// assert!(broker.registry().snapshot().has_service("orders"));
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn dependency(mut self, dependency: impl Into<Dependency>) -> Self {
        self.dependencies.push(dependency.into());
        self
    }

    /// Adds an action.
    pub fn action(mut self, action: Action) -> Self {
        self.actions.push(action.into());
        self
    }

    /// Removes an action that a mixin brings.
    pub fn without_action(mut self, name: impl Into<String>) -> Self {
        self.removed.push(name.into());
        self
    }

    /// Adds a listener.
    pub fn event(mut self, event: Event) -> Self {
        self.events.push(event.into());
        self
    }

    /// Adds background work that repeats.
    pub fn job(mut self, job: Job) -> Self {
        self.jobs.push(job.into());
        self
    }

    /// Runs before every action whose short name matches: names or masks, separated by `|` or `,`.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Action, Context, Error, Payload, ServiceBroker, ServiceDef, middleware::BeforeHook};
    /// let login = BeforeHook::raw(|ctx: Context, params: Payload| async move {
    ///     ctx.require_meta::<String>("user")?;
    ///     Ok(params)
    /// });
    /// let notes = ServiceDef::new("notes")
    ///     .action(Action::of("add", |text: String| async move { Ok::<_, Error>(text) }))
    ///     .action(Action::of("count", |(): ()| async { Ok::<_, Error>(0) }))
    ///     .before("add", login);
    /// let broker = ServiceBroker::builder().service(notes).start().await?;
    /// assert!(broker.call_named("notes.count", ()).await.is_ok());
    /// assert_eq!(broker.call_named("notes.add", "tea".to_owned()).await.unwrap_err().kind(), "META_MISSING");
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn before(mut self, actions: &str, hook: BeforeHook) -> Self {
        self.hooks.add_before(actions, hook);
        self
    }

    /// Runs after every action whose short name matches.
    pub fn after(mut self, actions: &str, hook: AfterHook) -> Self {
        self.hooks.add_after(actions, hook);
        self
    }

    /// Runs when an action whose short name matches failed.
    pub fn on_error(mut self, actions: &str, hook: ErrorHook) -> Self {
        self.hooks.add_error(actions, hook);
        self
    }

    /// Runs when the service is put into the broker, before anything is started.
    pub fn created(mut self, hook: impl Fn(&ServiceBroker) -> Result<()> + Send + Sync + 'static) -> Self {
        self.created.push(Arc::new(hook));
        self
    }

    /// Runs at start, after the dependencies are there and before the service takes calls.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Context, ServiceBroker, ServiceDef};
    /// let ready = ServiceDef::new("warm").started(|ctx: Context| async move {
    ///     println!("{} starts on {}", ctx.service_full_name(), ctx.node_id());
    ///     Ok(())
    /// });
    /// let broker = ServiceBroker::builder().service(ready).start().await?;
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn started<F, Fut>(mut self, hook: F) -> Self
    where
        F: Fn(Context) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        self.started.push(lifecycle(hook));
        self
    }

    /// Runs first when the broker stops, while all services still answer: the place to stop taking work
    /// from outside and to finish what runs.
    pub fn stopping<F, Fut>(mut self, hook: F) -> Self
    where
        F: Fn(Context) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        self.stopping.push(lifecycle(hook));
        self
    }

    /// Runs at stop, after the last call of the service has ended.
    pub fn stopped<F, Fut>(mut self, hook: F) -> Self
    where
        F: Fn(Context) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        self.stopped.push(lifecycle(hook));
        self
    }

    /// Merges a mixin below this definition: what stands here wins, listeners and lifecycle handlers add up.
    /// Of several mixins the first one named wins.
    ///
    /// ```
    /// # use ligand_core::{Action, Error, ServiceDef};
    /// let pong = |text: &'static str| Action::of("ping", move |(): ()| async move { Ok::<_, Error>(text.to_owned()) });
    /// let mixin = ServiceDef::new("").action(pong("from the mixin")).setting("colour", "red");
    /// let service = ServiceDef::new("s").action(pong("own")).mixin(mixin).resolved();
    /// assert_eq!(service.actions().len(), 1);
    /// assert_eq!(service.settings()["colour"], "red");
    /// ```
    pub fn mixin(self, mixin: ServiceDef) -> Self {
        merge::below(self, mixin)
    }

    /// As [`ServiceDef::mixin`], made as late as when the name of the service is certain: it gets the full name, also of a
    /// service that was [renamed](ServiceDef::renamed).
    pub fn mixin_with(mut self, mixin: impl Fn(&str) -> ServiceDef + Send + Sync + 'static) -> Self {
        self.mixins.push(Arc::new(mixin));
        self
    }

    /// The definition with everything that mixins bring; the broker does this first of all. The name is settled then: to
    /// rename it later does not reach the mixins.
    pub fn resolved(mut self) -> Self {
        let name = self.full_name();
        while !self.mixins.is_empty() {
            let mixin = self.mixins.remove(0);
            self = self.mixin(mixin(&name));
        }
        self
    }

    /// Promises what the contract `C` says: a service that lacks one of its actions, or has one whose parameters or
    /// results cannot be what callers expect, does not start. `#[service(contract = ..)]` checks types in addition.
    pub fn keeps_to<C: Contract>(mut self) -> Self {
        self.terms.extend(C::terms());
        self
    }

    /// Full name with version: `v2.users`; without it when the setting `$noVersionPrefix` is true.
    pub fn full_name(&self) -> String {
        let plain = self.settings.get("$noVersionPrefix") == Some(&Value::Bool(true));
        match &self.version {
            Some(version) if !plain => format!("{version}.{}", self.name),
            _ => self.name.clone(),
        }
    }

    /// The services that this one waits for.
    pub fn dependencies(&self) -> &[Dependency] {
        &self.dependencies
    }

    /// The settings, with those of mixins.
    pub fn settings(&self) -> &Map<String, Value> {
        &self.settings
    }

    /// The actions defined so far; those of mixins of a type are there once it is [resolved](ServiceDef::resolved).
    pub fn actions(&self) -> &[ActionDef] {
        &self.actions
    }

    /// The listeners defined so far.
    pub fn events(&self) -> &[EventDef] {
        &self.events
    }

    /// The background work defined so far.
    pub fn jobs(&self) -> &[JobDef] {
        &self.jobs
    }

    /// Gives all actions and listeners their full names and checks what no type can check.
    pub(crate) fn finish(mut self) -> Result<Self> {
        let full_name: Arc<str> = self.full_name().into();
        if self.name.trim().is_empty() || self.name.chars().any(char::is_control) {
            return Err(Error::service_schema(format!(
                "a service needs a printable name; '{}' is none",
                self.name.escape_debug()
            )));
        }
        let short = self.settings.get("$noServiceNamePrefix") == Some(&Value::Bool(true));
        let strategy = match self.settings.get("$strategy") {
            None => None,
            Some(own) => Some(StrategyOptions::deserialize(own).map_err(|error| {
                Error::service_schema(format!("setting '$strategy' of service '{full_name}': {error}"))
            })?),
        };
        let mut seen = std::collections::HashSet::new();
        for action in &mut self.actions {
            if action.strategy.is_none() {
                action.strategy.clone_from(&strategy);
            }
            if action.name.trim().is_empty() || action.name.chars().any(char::is_control) {
                return Err(Error::service_schema(format!(
                    "an action of service '{full_name}' needs a printable name; '{}' is none",
                    action.name.escape_debug()
                )));
            }
            action.service = full_name.clone();
            action.full_name =
                if short { action.name.clone() } else { format!("{full_name}.{}", action.name).into() };
            if !seen.insert(action.name.clone()) {
                return Err(Error::service_schema(format!(
                    "service '{full_name}' defines the action '{}' twice; rename one of them",
                    action.name
                )));
            }
            if action.takes_stream {
                return Err(Error::service_schema(format!(
                    "the action '{}' takes a stream as its parameters, which is none: a stream comes beside them; read \
                     `ctx.stream()`, or take the body of an HTTP request as a Binary with `HttpBody::raw()`",
                    action.full_name
                )));
            }
            path::check(action)?;
            check_body(action)?;
        }
        path::check_base(&full_name, self.settings.get("rest"), &self.actions)?;
        for event in &mut self.events {
            if event.pattern().trim().is_empty() {
                return Err(Error::service_schema(format!(
                    "a listener of service '{full_name}' has no event name"
                )));
            }
            event.service = self.name.as_str().into();
        }
        for (index, job) in self.jobs.iter().enumerate() {
            job.check(&full_name)?;
            if self.jobs[..index].iter().any(|other| other.name == job.name) {
                return Err(Error::service_schema(format!(
                    "service '{full_name}' defines the job '{}' twice; rename one of them",
                    job.name
                )));
            }
        }
        contract::check(&full_name, &self.terms, &self.actions)?;
        self.hooks.apply(&full_name, &mut self.actions, &self.removed)?;
        Ok(self)
    }
}

impl fmt::Debug for ServiceDef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceDef")
            .field("name", &self.full_name())
            .field("actions", &self.actions)
            .field("events", &self.events)
            .finish_non_exhaustive()
    }
}

fn lifecycle<F, Fut>(hook: F) -> Lifecycle
where
    F: Fn(Context) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<()>> + Send + 'static,
{
    Arc::new(move |ctx| Box::pin(hook(ctx)))
}
