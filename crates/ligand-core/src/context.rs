//! The context of a running action or listener: who called, with what meta, until when.
//!
//! A [`Context`] is a cheap handle. Calls made through it become its children: they inherit request id, meta
//! and deadline, count one level deeper, and their changes of meta flow back.

mod caller_name;
mod carried;
mod deadline;
mod id;
mod locals;
mod meta;
mod meta_access;
mod run_to_end;
mod spawn;
mod trace;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use ligand_wire::{Error, Result, redact::without_value};
use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use serde_json::Value;

use self::locals::Locals;
pub(crate) use self::trace::{Trace, parent_of};
pub(crate) use self::{
    caller_name::CallerName,
    carried::{Arrived, Carried},
    deadline::Limit,
};
pub use self::{carried::ReplyHead, id::Id, meta::Meta, spawn::Spawned};
use crate::{
    broker::ServiceBroker,
    edge::HttpRequest,
    registry::{Endpoint, Listener},
    service::ActionDef,
    stream::Streaming,
};

/// How an event was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// To one listener of each group.
    Emit,
    /// To every listener on every node.
    Broadcast,
    /// To every listener on this node.
    BroadcastLocal,
}

/// Headers of one call; unlike meta they are not inherited.
pub type Headers = BTreeMap<String, String>;

/// Who called, with what meta, until when. See the [module](self).
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> ligand_core::Result<()> {
/// # use ligand_core::{Action, Context, Error, ServiceBroker, ServiceDef};
///
/// let whoami = Action::new("whoami", |ctx: Context, (): ()| async move {
///     let user: String = ctx.require_meta("user")?;
///     Ok::<_, Error>(format!("{user} called {} of {}", ctx.action(), ctx.service_full_name()))
/// });
/// let broker = ServiceBroker::builder().service(ServiceDef::new("s").action(whoami)).start().await?;
/// let text: String = broker.call_named("s.whoami", ()).meta("user", "Ada").await?.take()?;
/// assert_eq!(text, "Ada called s.whoami of s");
/// # broker.stop().await;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Context(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) owner: Owner,
    /// Made when somebody asks for it: most contexts end before.
    id: OnceLock<Id>,
    /// `None`: this context starts the request, its own id is the request's.
    pub(crate) request_id: Option<Id>,
    pub(crate) parent_id: Option<Id>,
    pub(crate) trace: Option<Arc<Trace>>,
    pub(crate) caller: CallerName,
    pub(crate) carried: Mutex<Carried>,
    /// What the meta was when it came from the caller: only changes flow back.
    pub(crate) inherited: Meta,
    pub(crate) limit: Limit,
    /// Shared by the contexts of one event's listeners.
    pub(crate) extra: Option<Arc<Extra>>,
    pub(crate) level: u32,
    pub(crate) no_cache: bool,
    /// The caller named the node.
    pub(crate) pinned: bool,
    cached: AtomicBool,
    /// The tick at which this step of the handler was last seen to be in time, zero for none; see [`ThreadWatch`].
    in_time: AtomicU64,
    span: OnceLock<Box<tracing::Span>>,
    locals: Mutex<Locals>,
}

/// Where a context runs; the handle also counts running work.
#[derive(Clone)]
pub(crate) enum Owner {
    Endpoint(Arc<Endpoint>),
    Listener(Arc<Listener>),
    Broker(ServiceBroker),
}

/// What few contexts have.
#[derive(Default)]
pub(crate) struct Extra {
    pub(crate) service: Option<Arc<str>>,
    pub(crate) event: Option<(Arc<str>, EventKind)>,
    pub(crate) headers: Option<Arc<Headers>>,
    /// The node that called, when it is another one.
    pub(crate) node: Option<Arc<str>>,
    /// What the caller streams.
    pub(crate) stream: Option<Streaming>,
    /// The HTTP request, when the action asked for it and this call comes from a gateway.
    pub(crate) http: Option<Arc<HttpRequest>>,
    /// Where the caller wants to read what this action says about its answer.
    pub(crate) head: Option<ReplyHead>,
    /// The caller would take the directives of this action for its own.
    pub(crate) mute: bool,
}

impl Inner {
    /// A context with nothing set.
    pub(crate) fn new(owner: Owner) -> Self {
        Self {
            owner,
            id: OnceLock::new(),
            request_id: None,
            parent_id: None,
            trace: None,
            caller: CallerName::None,
            carried: Mutex::default(),
            inherited: Meta::default(),
            limit: Limit::default(),
            extra: None,
            level: 1,
            no_cache: false,
            pinned: false,
            cached: AtomicBool::new(false),
            in_time: AtomicU64::new(0),
            span: OnceLock::new(),
            locals: Mutex::default(),
        }
    }

    pub(crate) fn root(broker: ServiceBroker) -> Self {
        Self::new(Owner::Broker(broker))
    }

    /// The id of this context.
    pub(crate) fn id(&self) -> &Id {
        self.id.get_or_init(Id::random)
    }

    /// Gives the context the id that another node knows it by.
    pub(crate) fn set_id(&mut self, id: Id) {
        self.id = id.into();
    }

    pub(crate) fn build(self) -> Context {
        Context(Arc::new(self))
    }
}

impl Context {
    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }

    /// The broker this runs on.
    pub fn broker(&self) -> &ServiceBroker {
        match &self.0.owner {
            Owner::Endpoint(endpoint) => endpoint.broker(),
            Owner::Listener(listener) => listener.broker(),
            Owner::Broker(broker) => broker,
        }
    }

    pub(crate) fn endpoint(&self) -> Option<&Arc<Endpoint>> {
        match &self.0.owner {
            Owner::Endpoint(endpoint) => Some(endpoint),
            Owner::Listener(_) | Owner::Broker(_) => None,
        }
    }

    pub(crate) fn listener(&self) -> Option<&Arc<Listener>> {
        match &self.0.owner {
            Owner::Listener(listener) => Some(listener),
            Owner::Endpoint(_) | Owner::Broker(_) => None,
        }
    }

    /// Id of this context.
    pub fn id(&self) -> Id {
        self.0.id().clone()
    }

    /// Id of the whole request: the same in every context of one call tree.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Action, Context, Error, ServiceBroker, ServiceDef};
    ///
    /// let inner = Action::new("id", |ctx: Context, (): ()| async move { Ok::<_, Error>(ctx.request_id().to_string()) });
    /// let outer = Action::new("same", |ctx: Context, (): ()| async move {
    ///     let below: String = ctx.call_named("s.id", ()).await?.take()?;
    ///     Ok::<_, Error>(below == ctx.request_id().to_string())
    /// });
    /// let broker = ServiceBroker::builder().service(ServiceDef::new("s").action(inner).action(outer)).start().await?;
    /// assert!(broker.call_named("s.same", ()).await?.take::<bool>()?);
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn request_id(&self) -> Id {
        self.0.request_id.as_ref().unwrap_or_else(|| self.0.id()).clone()
    }

    /// Id of the context that called, `None` at the root.
    pub fn parent_id(&self) -> Option<Id> {
        self.0.parent_id.clone()
    }

    /// Depth in the call tree, from 1.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Action, Context, Error, ServiceBroker, ServiceDef};
    ///
    /// let inner = Action::new("inner", |ctx: Context, (): ()| async move { Ok::<_, Error>(ctx.level()) });
    /// let outer = Action::new("outer", |ctx: Context, (): ()| async move {
    ///     ctx.call_named("s.inner", ()).await?.take::<u32>()
    /// });
    /// let broker = ServiceBroker::builder().service(ServiceDef::new("s").action(inner).action(outer)).start().await?;
    /// assert_eq!(broker.call_named("s.inner", ()).await?.take::<u32>()?, 1);
    /// assert_eq!(broker.call_named("s.outer", ()).await?.take::<u32>()?, 2);
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn level(&self) -> u32 {
        self.0.level
    }

    /// Full name of the service that called, `None` when the broker itself did.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Action, Context, Error, ServiceBroker, ServiceDef};
    ///
    /// let who = Action::new("who", |ctx: Context, (): ()| async move { Ok::<_, Error>(ctx.caller().map(str::to_owned)) });
    /// let ask = Action::new("ask", |ctx: Context, (): ()| async move {
    ///     ctx.call_named("b.who", ()).await?.take::<Option<String>>()
    /// });
    /// let broker = ServiceBroker::builder()
    ///     .service(ServiceDef::new("a").action(ask))
    ///     .service(ServiceDef::new("b").action(who))
    ///     .start()
    ///     .await?;
    /// assert_eq!(broker.call_named("a.ask", ()).await?.take::<Option<String>>()?.as_deref(), Some("a"));
    /// assert_eq!(broker.call_named("b.who", ()).await?.take::<Option<String>>()?, None);
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn caller(&self) -> Option<&str> {
        self.0.caller.get()
    }

    /// Node of the caller; this node for local calls.
    pub fn node_id(&self) -> &str {
        let other = self.0.extra.as_ref().and_then(|extra| extra.node.as_deref());
        other.unwrap_or_else(|| self.broker().node_id())
    }

    /// The call came from a node that is not one of Ligand.
    pub(crate) fn is_foreign(&self) -> bool {
        let Some(node) = self.0.extra.as_ref().and_then(|extra| extra.node.as_ref()) else { return false };
        self.broker().registry().load().node(node).is_none_or(|node| !node.is_ligand())
    }

    /// Full name of the service this runs in, with version (`v2.users`): what Moleculer calls `ctx.service.fullName`.
    /// Empty in a context that belongs to none.
    pub fn service_full_name(&self) -> &str {
        self.service_name().map_or("", |name| name)
    }

    /// The settings of the service this runs in, as a type of your own: those of the code and its mixins with those of
    /// the configuration (`[settings.mail]` in `ligand.toml`, `LIGAND_SETTINGS__MAIL__FROM` in the environment) over
    /// them. What Moleculer calls `this.settings`.
    ///
    /// ```
    /// # use ligand_core::{Action, Context, Error, ServiceBroker, ServiceDef, config::Env};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> ligand_core::Result<()> {
    /// #[derive(serde::Deserialize)]
    /// struct Mail {
    ///     from: String,
    /// }
    /// let sender = Action::new("sender", |ctx: Context, (): ()| async move { Ok::<_, Error>(ctx.settings::<Mail>()?.from) });
    /// let mail = ServiceDef::new("mail").setting("from", "nobody").action(sender);
    /// let env = Env::from_pairs([("LIGAND_SETTINGS__MAIL__FROM", "shop@example.com")]);
    /// let broker = ServiceBroker::builder().env(env).service(mail).start().await?;
    /// let from: String = broker.call_named("mail.sender", ()).await?.take()?;
    /// assert_eq!(from, "shop@example.com");
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// `SERVICE_SCHEMA_ERROR` that names the setting which does not fit the type. In a context that belongs to no
    /// service there are no settings.
    pub fn settings<T: DeserializeOwned>(&self) -> Result<T> {
        let name = self.service_full_name();
        let settings = self.broker().settings_of(name).unwrap_or_default();
        serde_path_to_error::deserialize(Value::Object(settings)).map_err(|error| {
            let path = error.path().to_string();
            let reason = error.inner().to_string();
            Error::service_schema(format!(
                "settings of service '{name}', '{path}': {}",
                without_value(&reason)
            ))
        })
    }

    /// The name of this service, for the contexts of its calls.
    pub(crate) fn as_caller(&self) -> CallerName {
        match &self.0.owner {
            Owner::Endpoint(endpoint) => CallerName::Local(endpoint.caller().clone()),
            _ => self.service_name().map_or(CallerName::None, |name| CallerName::Text(name.clone())),
        }
    }

    pub(crate) fn service_name(&self) -> Option<&Arc<str>> {
        match &self.0.owner {
            Owner::Endpoint(endpoint) => Some(&endpoint.action().service),
            Owner::Listener(listener) => Some(listener.service()),
            Owner::Broker(_) => self.0.extra.as_ref()?.service.as_ref(),
        }
    }

    /// Full name of the running action, `v2.users.get`: what Moleculer calls `ctx.action.name`. Empty in a listener or
    /// lifecycle handler.
    pub fn action(&self) -> &str {
        self.action_def().map_or("", |action| action.full_name())
    }

    /// Definition of the running action.
    pub fn action_def(&self) -> Option<&Arc<ActionDef>> {
        self.endpoint().map(|endpoint| endpoint.action())
    }

    /// Name of the event that is handled, as it was sent (`order.created` also in a listener of `order.*`): what
    /// Moleculer calls `ctx.eventName`. Empty in an action.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Context, Error, Event, ServiceBroker, ServiceDef};
    /// # use tokio::sync::mpsc;
    /// let (heard, mut names) = mpsc::unbounded_channel();
    /// let listener = Event::new("order.*", move |ctx: Context, (): ()| {
    ///     let sent = heard.send(ctx.event_name().to_owned());
    ///     async move { sent.map_err(Error::from) }
    /// });
    /// let broker = ServiceBroker::builder().service(ServiceDef::new("log").event(listener)).start().await?;
    /// broker.emit_named("order.paid", ()).await?;
    /// assert_eq!(names.recv().await.as_deref(), Some("order.paid"));
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn event_name(&self) -> &str {
        self.0.extra.as_ref().and_then(|extra| extra.event.as_ref()).map_or("", |(name, _)| name)
    }

    /// How the event was sent; `None` in an action.
    pub fn event_kind(&self) -> Option<EventKind> {
        self.0.extra.as_ref()?.event.as_ref().map(|(_, kind)| *kind)
    }

    /// One header of the call, by lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers()?.get(name).map(String::as_str)
    }

    /// What the caller streams beside the parameters; the first who reads it has it.
    pub fn stream(&self) -> Option<Streaming> {
        self.0.extra.as_ref()?.stream.clone()
    }

    pub(crate) fn has_stream(&self) -> bool {
        self.0.extra.as_ref().is_some_and(|extra| extra.stream.is_some())
    }

    /// All headers of the call.
    pub fn headers(&self) -> Option<&Headers> {
        self.0.extra.as_ref()?.headers.as_deref()
    }

    /// The HTTP request that this call answers. `None` unless the action asked for it
    /// ([`Action::http`](crate::service::Action::http), `http` in `#[action]`) and a gateway called it: it is not
    /// handed on to callees.
    pub fn http(&self) -> Option<&HttpRequest> {
        self.0.extra.as_ref()?.http.as_deref()
    }

    /// A value kept for this context by [`Context::set_local`].
    pub fn local<T: Clone + Send + Sync + 'static>(&self) -> Option<T> {
        self.0.locals.lock().get()
    }

    /// Keeps one value of each type in this context only: never sent, never inherited. For middlewares.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::ServiceBroker;
    /// # let broker = ServiceBroker::builder().start().await?;
    /// #[derive(Clone, PartialEq, Debug)]
    /// struct Tenant(u32);
    ///
    /// let ctx = broker.root_context();
    /// ctx.set_local(Tenant(5));
    /// assert_eq!(ctx.local(), Some(Tenant(5)));
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn set_local<T: Send + Sync + 'static>(&self, value: T) {
        self.0.locals.lock().set(value);
    }

    /// True when the result came from the cache.
    pub fn is_cached(&self) -> bool {
        self.0.cached.load(Ordering::Relaxed)
    }

    pub(crate) fn mark_cached(&self) {
        self.0.cached.store(true, Ordering::Relaxed);
    }

    /// The span of this context: disabled unless tracing is on or [`Context::set_span`] was called.
    pub fn span(&self) -> tracing::Span {
        self.0.span.get().map_or_else(tracing::Span::none, |span| (**span).clone())
    }

    /// Sets the span, once; for middlewares that trace. Returns false when there was one already.
    pub fn set_span(&self, span: tracing::Span) -> bool {
        self.0.span.set(Box::new(span)).is_ok()
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("id", self.0.id())
            .field("action", &self.action())
            .field("event", &self.event_name())
            .field("level", &self.level())
            .finish_non_exhaustive()
    }
}
