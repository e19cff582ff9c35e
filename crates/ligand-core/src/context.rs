//! The context of a running action or listener: who called, with what meta, until when.
//!
//! A [`Context`] is a cheap handle. Calls made through it become its children: they inherit request id, meta
//! and deadline, count one level deeper, and their changes of meta flow back.

mod carried;
mod id;
mod locals;
mod meta;
mod spawn;
mod trace;

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fmt,
    num::NonZeroU64,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use ligand_wire::{
    Data, Error, Payload, Result,
    key::{Found, KeyError, Text},
    objects,
    redact::without_value,
};
use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::Instant;

pub(crate) use self::carried::{Arrived, Carried};
use self::locals::Locals;
pub(crate) use self::trace::{Trace, parent_of};
pub use self::{carried::ReplyHead, id::Id, meta::Meta, spawn::Spawned};
use crate::{
    broker::{Emit, Mcall, Request, ServiceBroker},
    edge::HttpRequest,
    registry::{Endpoint, Listener},
    service::{ActionDef, ActionRef, Caller, Client, Contract, EventPayload},
    sharded::CachePadded,
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
    pub(crate) id: Id,
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

/// Who called.
#[derive(Clone, Default)]
pub(crate) enum CallerName {
    /// The broker itself.
    #[default]
    None,
    /// A service of this node: the handle is that of its endpoint and thread, all calls of the service counting their
    /// own on one name would wait for each other.
    Local(Arc<CachePadded<Arc<str>>>),
    /// As a packet or a listener says.
    Text(Arc<str>),
}

impl fmt::Debug for CallerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.get(), f)
    }
}

impl From<Option<Cow<'_, str>>> for CallerName {
    fn from(name: Option<Cow<'_, str>>) -> Self {
        name.map_or(Self::None, |name| Self::Text(name.as_ref().into()))
    }
}

impl CallerName {
    pub(crate) fn get(&self) -> Option<&str> {
        match self {
            Self::None => None,
            Self::Local(name) => Some(name),
            Self::Text(name) => Some(name),
        }
    }
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

/// The time a call may take. The clock starts when the call first waits or calls further: a call that ends at
/// once never asks for the time.
#[derive(Default)]
pub(crate) struct Limit {
    timeout: Option<Duration>,
    /// The caller's own end, which this one can only shorten.
    outer: Option<Instant>,
    deadline: OnceLock<Option<Instant>>,
}

impl Limit {
    pub(crate) fn new(timeout: Option<Duration>, outer: Option<Instant>) -> Self {
        Self { timeout: timeout.filter(|timeout| !timeout.is_zero()), outer, deadline: OnceLock::new() }
    }

    fn none(&self) -> bool {
        self.timeout.is_none() && self.outer.is_none()
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        if self.none() {
            return None;
        }
        *self.deadline.get_or_init(|| {
            // A limit beyond what the clock can count is none.
            let own = self.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
            match (own, self.outer) {
                (Some(own), Some(outer)) => Some(own.min(outer)),
                (own, outer) => own.or(outer),
            }
        })
    }
}

impl Inner {
    /// A context with nothing set.
    pub(crate) fn new(owner: Owner) -> Self {
        Self {
            owner,
            id: Id::random(),
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
        self.0.id.clone()
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
        self.0.request_id.as_ref().unwrap_or(&self.0.id).clone()
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

    /// When the caller stops waiting. Calls made from here get at most the time that is left.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Action, Context, Error, ServiceBroker, ServiceDef};
    ///
    /// # use std::time::Duration;
    /// let left = Action::new("left", |ctx: Context, (): ()| async move { Ok::<_, Error>(ctx.deadline().is_some()) });
    /// let broker = ServiceBroker::builder().service(ServiceDef::new("s").action(left)).start().await?;
    /// assert!(broker.call_named("s.left", ()).timeout(Duration::from_secs(5)).await?.take::<bool>()?);
    /// assert!(!broker.call_named("s.left", ()).timeout(Duration::ZERO).await?.take::<bool>()?);
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn deadline(&self) -> Option<Instant> {
        self.0.limit.deadline()
    }

    /// There is a deadline; asking for it would start the clock.
    pub(crate) fn is_limited(&self) -> bool {
        !self.0.limit.none()
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

    /// One value of the meta; `None` when it is missing or null.
    ///
    /// ```
    /// # use ligand_core::{Context, Result};
    /// # #[derive(serde::Deserialize)] struct User { id: u64 }
    /// # fn example(ctx: &Context) -> Result<()> {
    /// let anybody: Option<User> = ctx.meta("user")?;
    /// let somebody: User = ctx.require_meta("user")?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// 422 `META_INVALID` when it is there and no `T`.
    pub fn meta<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        let carried = self.0.carried.lock();
        let Some(value) = carried.get(key) else { return Ok(None) };
        match T::deserialize(objects::by_name(value)) {
            Ok(value) => Ok(Some(value)),
            // JavaScript nodes write null for nobody.
            Err(_) if value.is_null() => Ok(None),
            Err(error) => Err(unfit_meta::<T>(key, &error)),
        }
    }

    /// One value of the meta that must be there.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Action, Context, Error, ServiceBroker, ServiceDef};
    ///
    /// let who = Action::new("who", |ctx: Context, (): ()| async move { ctx.require_meta::<String>("user") });
    /// let broker = ServiceBroker::builder().service(ServiceDef::new("s").action(who)).start().await?;
    /// let error = broker.call_named("s.who", ()).await.unwrap_err();
    /// assert_eq!((error.code(), error.kind()), (400, "META_MISSING"));
    /// let error = broker.call_named("s.who", ()).meta("user", 5).await.unwrap_err();
    /// assert_eq!((error.code(), error.kind()), (422, "META_INVALID"));
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// 400 `META_MISSING` when it is missing or null, 422 `META_INVALID` when it is no `T`.
    pub fn require_meta<T: DeserializeOwned>(&self, key: &str) -> Result<T> {
        self.meta(key)?.ok_or_else(|| missing_meta(key))
    }

    /// Sets one value of the meta: the calls made from here see it, and so does the caller afterwards, unless it is
    /// [sealed](Context::seal_meta). Of calls that run at once and set the same value differently, the one that ends
    /// last wins.
    ///
    /// `$statusCode`, `$statusMessage`, `$responseType`, `$responseHeaders` and `$location` are for the gateway that
    /// called this very action: callees do not get them, and callers other than a gateway neither. A
    /// [`Reply`](crate::edge::Reply) says the same with types.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Action, Context, Error, ServiceBroker, ServiceDef};
    ///
    /// let login = Action::new("login", |ctx: Context, name: String| async move {
    ///     ctx.set_meta("user", name);
    ///     Ok::<_, Error>(())
    /// });
    /// let open = Action::new("open", |ctx: Context, (): ()| async move {
    ///     ctx.call_named("s.login", "ada".to_owned()).await?;
    ///     ctx.require_meta::<String>("user")
    /// });
    /// let broker = ServiceBroker::builder().service(ServiceDef::new("s").action(login).action(open)).start().await?;
    /// assert_eq!(broker.call_named("s.open", ()).await?.take::<String>()?, "ada");
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn set_meta(&self, key: impl Into<String>, value: impl Into<Value>) {
        self.0.carried.lock().set(key.into(), value.into());
    }

    /// From here on no callee changes this value for its caller, at any depth and on any node: what it sets is seen
    /// by its own callees only. Holds also for a value that is not there.
    ///
    /// The gateway seals what `authenticate` established.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Action, Context, Error, ServiceBroker, ServiceDef};
    ///
    /// let forge = Action::new("forge", |ctx: Context, (): ()| async move {
    ///     ctx.set_meta("user", "eve");
    ///     Ok::<_, Error>(())
    /// });
    /// let open = Action::new("open", |ctx: Context, (): ()| async move {
    ///     ctx.set_meta("user", "ada");
    ///     ctx.seal_meta("user");
    ///     ctx.call_named("s.forge", ()).await?;
    ///     ctx.require_meta::<String>("user")
    /// });
    /// let broker = ServiceBroker::builder().service(ServiceDef::new("s").action(forge).action(open)).start().await?;
    /// assert_eq!(broker.call_named("s.open", ()).await?.take::<String>()?, "ada");
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn seal_meta(&self, key: &str) {
        self.0.carried.lock().seal([key]);
    }

    /// Seals all that the meta holds now, and `user`: for gateways, when they know who calls.
    pub fn seal_identity(&self) {
        self.0.carried.lock().seal_all("user");
    }

    /// A copy of the whole meta.
    pub fn metas(&self) -> Meta {
        self.0.carried.lock().all()
    }

    /// The meta that goes down with calls.
    pub(crate) fn down(&self) -> Carried {
        self.0.carried.lock().down()
    }

    /// The HTTP request that this call answers. `None` unless the action asked for it ([`Action::http`], `http` in
    /// `#[action]`) and a gateway called it: it is not handed on to callees.
    pub fn http(&self) -> Option<&HttpRequest> {
        self.0.extra.as_ref()?.http.as_deref()
    }

    /// Takes over what `child` changed of the meta that it had from here.
    pub(crate) fn merge_meta(&self, child: &Context) {
        let changed = child.0.carried.lock().meta().clone();
        if !changed.is_empty() {
            self.0.carried.lock().merge_back(&child.0.inherited, &changed);
        }
    }

    /// Hands what this action said about its answer to a caller that asked for it.
    pub(crate) fn tell_head(&self) {
        if let Some(head) = self.0.extra.as_ref().and_then(|extra| extra.head.as_ref()) {
            head.put(self.0.carried.lock().directives().clone());
        }
    }

    pub(crate) fn write_meta_key(&self, path: &str, text: &mut Text<'_>) -> Result<Found, KeyError> {
        let meta = self.0.carried.lock();
        let (first, rest) = path.split_once('.').unwrap_or((path, ""));
        match meta.get(first) {
            Some(value) => text.path(value, rest),
            None => Ok(text.missing()),
        }
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

    /// Sets the span, once; for middlewares that trace. Answers false when there was one already.
    pub fn set_span(&self, span: tracing::Span) -> bool {
        self.0.span.set(Box::new(span)).is_ok()
    }

    /// A client of another service; its calls are children of this context.
    pub fn client<S: Contract>(&self) -> S::Client {
        S::Client::new(Caller::from(self))
    }

    /// A client of a service that runs under another name than its type or contract says: `name` is its full name, with
    /// version.
    ///
    /// ```ignore
    /// let archive = ctx.client_named::<Loans>("v2.archive");
    /// ```
    pub fn client_named<S: Contract>(&self, name: impl Into<Arc<str>>) -> S::Client {
        S::Client::new(Caller::from(self).renamed(S::NAME, name))
    }

    /// Calls an action by its typed name.
    pub fn call<P: Data, R: Data>(&self, action: ActionRef<P, R>, params: P) -> Request<R> {
        Request::new(self.broker(), Some(self.clone()), Cow::Borrowed(action.name()), Payload::typed(params))
    }

    /// Calls an action by its name in text: with any payload, a `#[payload]` struct, `json!` or a [`Payload`]. The result is
    /// untyped: `.await?.take::<User>()`.
    pub fn call_named(&self, action: impl Into<Cow<'static, str>>, params: impl Data) -> Request<Payload> {
        Request::new(self.broker(), Some(self.clone()), action.into(), Payload::typed(params))
    }

    /// Waits for many calls at once; see [`Mcall`].
    pub fn mcall<R: Data>(&self, requests: impl IntoIterator<Item = Request<R>>) -> Mcall<R> {
        Mcall::new(requests)
    }

    /// Runs steps that belong together to their end, also when this call is cancelled in the middle: a client hung
    /// up, or the time is over. A stop waits for them.
    ///
    /// The steps get this context without its deadline: what puts things right after a late step must not be
    /// refused because it is late. Each call among them still has the time limit of its action. Their changes of
    /// meta are seen here when they have ended.
    ///
    /// ```
    /// # use ligand_core::{Context, Payload, Result};
    /// # use serde_json::json;
    /// # async fn example(ctx: &Context) -> Result<Payload> {
    /// ctx.run_to_end(|ctx| async move {
    ///     ctx.call_named("stock.reserve", json!({ "id": 1 })).await?;
    ///     let paid = ctx.call_named("bank.pay", json!({ "sum": 5 })).await;
    ///     if paid.is_err() {
    ///         ctx.call_named("stock.release", json!({ "id": 1 })).await?;
    ///     }
    ///     paid
    /// })
    /// .await
    /// # }
    /// ```
    ///
    /// # Errors
    /// What `work` answers; a panic in it is a 500.
    pub async fn run_to_end<T, Fut>(&self, work: impl FnOnce(Self) -> Fut + Send + 'static) -> Result<T>
    where
        T: Send + 'static,
        Fut: Future<Output = Result<T>> + Send + 'static,
    {
        let (done, end) = tokio::sync::oneshot::channel();
        let own = self.without_deadline();
        let ctx = own.clone();
        self.broker().tasks().spawn(async move {
            // Nobody may be left to hear it.
            let _ = done.send(crate::future::isolate(async move { work(ctx).await }).await);
        });
        let result = end.await;
        let other = own.0.carried.lock().clone();
        self.0.carried.lock().merge_same(&own.0.inherited, &other);
        result?
    }

    /// The same place in the call tree, with all the time.
    fn without_deadline(&self) -> Self {
        let Inner {
            owner,
            id,
            request_id,
            parent_id,
            trace,
            caller,
            extra,
            level,
            no_cache,
            pinned,
            span,
            ..
        } = self.inner();
        let carried = self.down();
        let inherited = carried.meta().clone();
        Inner {
            owner: owner.clone(),
            id: id.clone(),
            request_id: request_id.clone(),
            parent_id: parent_id.clone(),
            trace: trace.clone(),
            caller: caller.clone(),
            carried: Mutex::new(carried),
            inherited,
            limit: Limit::default(),
            extra: extra.clone(),
            level: *level,
            no_cache: *no_cache,
            pinned: *pinned,
            cached: AtomicBool::new(self.is_cached()),
            in_time: AtomicU64::new(0),
            span: span.clone(),
            locals: Mutex::new(self.0.locals.lock().clone()),
        }
        .build()
    }

    /// Sends a typed event to one listener of each group.
    pub fn emit<E: EventPayload>(&self, event: E) -> Emit {
        Emit::new(Caller::from(self), E::NAME.into(), Payload::typed(event), EventKind::Emit)
    }

    /// Sends an event by name to one listener of each group, with any payload.
    pub fn emit_named(&self, event: impl Into<Cow<'static, str>>, payload: impl Data) -> Emit {
        Emit::new(Caller::from(self), event.into(), Payload::typed(payload), EventKind::Emit)
    }

    /// Sends a typed event to every listener on every node.
    pub fn broadcast<E: EventPayload>(&self, event: E) -> Emit {
        Emit::new(Caller::from(self), E::NAME.into(), Payload::typed(event), EventKind::Broadcast)
    }

    /// Sends an event by name to every listener on every node, with any payload.
    pub fn broadcast_named(&self, event: impl Into<Cow<'static, str>>, payload: impl Data) -> Emit {
        Emit::new(Caller::from(self), event.into(), Payload::typed(payload), EventKind::Broadcast)
    }

    /// Sends an event by name to every listener on this node, with any payload.
    pub fn broadcast_local(&self, event: impl Into<Cow<'static, str>>, payload: impl Data) -> Emit {
        Emit::new(Caller::from(self), event.into(), Payload::typed(payload), EventKind::BroadcastLocal)
    }

    /// Fails when the call that runs here is already too late to call further.
    ///
    /// A handler that makes call after call without a wait reads the clock once in each tick, not at each call.
    pub(crate) fn check_time(&self, action: &str) -> Result<()> {
        let Some(end) = self.deadline() else { return Ok(()) };
        let tick = self.broker().thread_watch().tick();
        if tick.is_some_and(|tick| self.0.in_time.load(Ordering::Relaxed) == tick.get()) {
            return Ok(());
        }
        if end <= Instant::now() {
            return Err(ligand_wire::Error::request_skipped(action, self.broker().node_id()));
        }
        self.0.in_time.store(tick.map_or(0, NonZeroU64::get), Ordering::Relaxed);
        Ok(())
    }

    /// The handler goes on after a wait: how long that was only the clock knows.
    pub(crate) fn waited(&self) {
        self.0.in_time.store(0, Ordering::Relaxed);
    }
}

#[cold]
fn missing_meta(key: &str) -> Error {
    Error::client(400, "META_MISSING", format!("The call needs '{key}' in its meta."))
}

#[cold]
fn unfit_meta<T>(key: &str, error: &serde_json::Error) -> Error {
    let kind = std::any::type_name::<T>();
    // The text of the error may quote the value.
    Error::client(422, "META_INVALID", format!("'{key}' in the meta of the call has an unexpected form."))
        .with_internal(format!("it is no {kind}: {error}"))
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("id", &self.0.id)
            .field("action", &self.action())
            .field("event", &self.event_name())
            .field("level", &self.level())
            .finish_non_exhaustive()
    }
}
