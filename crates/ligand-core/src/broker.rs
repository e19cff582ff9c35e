//! The service broker: one node. It holds services, makes calls and sends events.
//!
//! A [`ServiceBroker`] is a handle; clones are the same broker. Two brokers in one process are normal.

mod builder;
mod call;
mod calling;
mod components;
mod dependencies;
mod dependency_cycle;
mod emit;
mod failures;
pub(crate) mod health;
mod internal;
mod jobs;
mod lifecycle;
mod mcall;
mod parts;
mod request;
mod running;
mod straight;

use std::{
    fmt,
    sync::{Arc, Weak},
};

use ligand_wire::{Error, Result};
use parking_lot::Mutex;
use tokio::{sync::watch, time::Instant};

pub use builder::BrokerBuilder;
pub(crate) use call::serve;
pub use call::{CallOptions, Outgoing};
pub(crate) use dependencies::WAITS;
pub(crate) use emit::receive as receive_event;
pub use emit::{Emit, OutgoingEvent};
use failures::Failures;
pub(crate) use failures::Origin;
pub(crate) use health::{addresses, hostname};
pub use mcall::Mcall;
pub(crate) use parts::Parts;
pub use request::{Request, SharedRequest};

pub use crate::transit::{Echo, InFlight, Traffic};
use crate::{
    cache::Cache,
    config::{Env, Options},
    context::{Context, Extra, Inner as ContextInner},
    middleware::{
        Bulkhead, DynCall, DynEmit,
        order::{self, Step},
    },
    registry::{Registry, ServiceItem},
    service::ActionDef,
    task::Tasks,
    thread_watch::ThreadWatch,
    transit::Transit,
};

/// Where a broker is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Services are being started.
    Starting,
    /// All services take calls.
    Started,
    /// Running work ends, services stop.
    Stopping,
    /// Nothing runs any more.
    Stopped,
}

/// One node: holds services, makes calls, sends events. See the [module](self).
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> ligand_core::Result<()> {
/// use ligand_core::{Action, Context, Error, ServiceBroker, ServiceDef};
/// use serde_json::json;
///
/// let math = ServiceDef::new("math").action(Action::new(
///     "add",
///     |_ctx: Context, (a, b): (i64, i64)| async move { Ok::<_, Error>(a + b) },
/// ));
/// let broker = ServiceBroker::builder().service(math).start().await?;
/// let sum: i64 = broker.call_named("math.add", json!([2, 3])).await?.take()?;
/// assert_eq!(sum, 5);
/// broker.stop().await;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct ServiceBroker(Arc<Inner>);

struct Inner {
    parts: Parts,
    env: Env,
    registry: Registry,
    transit: Option<Arc<Transit>>,
    call_hooks: Option<DynCall>,
    emit_hooks: Option<DynEmit>,
    state: watch::Sender<State>,
    tasks: Tasks,
    listener_errors: Failures,
    background_errors: Failures,
    blocking: Bulkhead,
    thread_watch: ThreadWatch,
    /// All services in order of creation, also those that do not take calls yet.
    services: Mutex<Vec<Arc<ServiceItem>>>,
    born: Instant,
}

/// A handle that does not keep the broker alive; for parts that the broker itself owns.
#[derive(Clone, Default)]
pub struct WeakBroker(Weak<Inner>);

impl WeakBroker {
    /// The broker, while somebody else holds it.
    pub fn upgrade(&self) -> Option<ServiceBroker> {
        self.0.upgrade().map(ServiceBroker)
    }
}

impl fmt::Debug for WeakBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WeakBroker")
    }
}

impl ServiceBroker {
    /// Starts to describe a broker.
    ///
    /// ```
    /// use ligand_core::ServiceBroker;
    /// let builder = ServiceBroker::builder().node_id("node-1").memory_cache();
    /// # let _ = builder;
    /// ```
    pub fn builder() -> BrokerBuilder {
        BrokerBuilder::default()
    }

    /// Name of this node.
    pub fn node_id(&self) -> &str {
        &self.0.parts.node_id
    }

    /// The options in force.
    pub fn options(&self) -> &Options {
        &self.0.parts.options
    }

    /// The section `[app]` of the configuration, as a type of your own. See [`BrokerBuilder::app_config`].
    ///
    /// # Errors
    /// As there.
    pub fn app_config<T: serde::de::DeserializeOwned>(&self) -> Result<T> {
        self.options().app.parse()
    }

    /// Settings of a service of this node, by its full name.
    pub(crate) fn settings_of(&self, full_name: &str) -> Option<serde_json::Map<String, serde_json::Value>> {
        let services = self.0.services.lock();
        let item = services.iter().find(|item| **item.full_name() == *full_name)?;
        Some(item.def().settings().clone())
    }

    /// The environment that was read at start: process variables over the `.env` file.
    pub fn env(&self) -> &Env {
        &self.0.env
    }

    /// The action of this full name, of a service of this node. Also while the node starts and the service takes no calls
    /// yet: by the time that any service runs `started`, all are known.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Action, Error, ServiceBroker, ServiceDef};
    /// let get = Action::of("get", |id: u64| async move { Ok::<_, Error>(id) });
    /// let broker = ServiceBroker::builder().service(ServiceDef::new("users").action(get)).start().await?;
    /// assert!(broker.own_action("users.get").is_some());
    /// assert!(broker.own_action("users.list").is_none());
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn own_action(&self, full_name: &str) -> Option<Arc<ActionDef>> {
        let services = self.0.services.lock();
        let mut actions = services.iter().flat_map(|item| item.endpoints());
        actions
            .find(|endpoint| endpoint.action().full_name() == full_name)
            .map(|found| found.action().clone())
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.0.parts
    }

    /// The bus chooses among instances.
    pub(crate) fn balances(&self) -> bool {
        self.0.transit.as_ref().is_some_and(|transit| transit.balances())
    }

    /// Who may block a thread.
    pub(crate) fn blocking(&self) -> &Bulkhead {
        &self.0.blocking
    }

    pub(crate) fn thread_watch(&self) -> &ThreadWatch {
        &self.0.thread_watch
    }

    /// A listener of this node failed.
    #[cold]
    pub(crate) fn note_listener_error(&self, ctx: &Context, error: &Error) {
        self.0.listener_errors.listener(ctx, error);
    }

    /// Work in the background failed.
    #[cold]
    pub(crate) fn note_background_error(&self, origin: &Origin, error: &Error) {
        self.0.background_errors.background(origin, error);
    }

    pub(crate) fn transit(&self) -> Option<&Arc<Transit>> {
        self.0.transit.as_ref()
    }

    /// False while the transporter has no connection; true for a node without one.
    pub fn is_connected(&self) -> bool {
        self.0.transit.as_ref().is_none_or(|transit| transit.is_online())
    }

    /// Counters of the traffic with other nodes; `None` without a transporter.
    pub fn traffic(&self) -> Option<Traffic> {
        self.0.transit.as_ref().map(|transit| transit.traffic())
    }

    /// How many listeners of this node have failed so far: each is one event that one service did not take. The log
    /// names event, service, sender and cause.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Context, Error, Event, ServiceBroker, ServiceDef};
    /// let fails = Event::new("order.paid", |_: Context, (): ()| async { Err::<(), _>(Error::new("No.")) });
    /// let broker = ServiceBroker::builder().service(ServiceDef::new("mail").event(fails)).start().await?;
    /// broker.emit_named("order.paid", ()).wait_for_listeners().await?;
    /// assert_eq!(broker.listener_errors(), 1);
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn listener_errors(&self) -> u64 {
        self.0.listener_errors.count()
    }

    /// How often work in the background has failed so far: runs of jobs, and what handlers spawned when nobody waited for
    /// it. The log names service, job or action, request and cause.
    pub fn background_errors(&self) -> u64 {
        self.0.background_errors.count()
    }

    /// What waits for other nodes or runs for them now; `None` without a transporter.
    pub fn in_flight(&self) -> Option<InFlight> {
        self.0.transit.as_ref().map(|transit| transit.in_flight())
    }

    /// How quickly a node answers and how its clock differs; `None` when it does not answer within `limit`
    /// (2 seconds are usual) or is unknown.
    pub async fn ping(&self, node_id: &str, limit: std::time::Duration) -> Option<Echo> {
        let node = self.0.registry.node(node_id)?;
        self.0.transit.as_ref()?.echo(&node, limit).await
    }

    /// Pings every other node that takes calls, all at once. By node id.
    pub async fn ping_all(
        &self,
        limit: std::time::Duration,
    ) -> std::collections::BTreeMap<String, Option<Echo>> {
        let nodes: Vec<_> = self.0.registry.snapshot().nodes().map(|node| node.id().to_string()).collect();
        let echoes = nodes.into_iter().map(|id| async move {
            let echo = self.ping(&id, limit).await;
            (id, echo)
        });
        futures_util::future::join_all(echoes).await.into_iter().collect()
    }

    /// What this node knows of services.
    pub fn registry(&self) -> &Registry {
        &self.0.registry
    }

    /// The cache, when a cacher is configured.
    pub fn cache(&self) -> Option<&Cache> {
        self.0.parts.cache.as_ref()
    }

    /// Where the broker is in its life.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{ServiceBroker, broker::State};
    /// let broker = ServiceBroker::builder().start().await?;
    /// assert!(matches!(broker.state(), State::Started));
    /// broker.stop().await;
    /// assert!(matches!(broker.state(), State::Stopped));
    /// # Ok(()) }
    /// ```
    pub fn state(&self) -> State {
        *self.0.state.borrow()
    }

    /// Ends when the broker begins to stop; does not keep it alive.
    pub(crate) fn stopping(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut state = self.0.state.subscribe();
        async move {
            let _ = state.wait_for(|state| matches!(state, State::Stopping | State::Stopped)).await;
        }
    }

    /// The tasks of this broker; work started here is waited for at stop.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::ServiceBroker;
    /// let broker = ServiceBroker::builder().start().await?;
    /// let (done, end) = tokio::sync::oneshot::channel();
    /// broker.tasks().spawn(async move {
    ///     let _ = done.send("done");
    /// });
    /// assert_eq!(end.await.ok(), Some("done"));
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn tasks(&self) -> &Tasks {
        &self.0.tasks
    }

    /// How long the broker exists.
    pub fn uptime(&self) -> std::time::Duration {
        self.0.born.elapsed()
    }

    /// A handle that does not keep the broker alive.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::ServiceBroker;
    /// let broker = ServiceBroker::builder().start().await?;
    /// let weak = broker.downgrade();
    /// assert!(weak.upgrade().is_some());
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn downgrade(&self) -> WeakBroker {
        WeakBroker(Arc::downgrade(&self.0))
    }

    /// A context that starts a request, for work that neither an action nor a listener runs: HTTP requests,
    /// timers. Its calls are level 2.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::ServiceBroker;
    /// let broker = ServiceBroker::builder().start().await?;
    /// let ctx = broker.root_context();
    /// assert_eq!((ctx.level(), ctx.caller()), (1, None));
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn root_context(&self) -> Context {
        ContextInner::root(self.clone()).build()
    }

    /// As [`ServiceBroker::root_context`], for a request that has an id already.
    pub fn root_context_for(&self, request_id: impl Into<crate::context::Id>) -> Context {
        let mut inner = ContextInner::root(self.clone());
        inner.request_id = Some(request_id.into());
        inner.build()
    }

    /// As [`ServiceBroker::root_context`], for work that `service` took from outside, such as a request of its
    /// gateway: calls made from it name that service as their caller.
    pub fn root_context_in(
        &self,
        service: impl Into<Arc<str>>,
        request_id: Option<crate::context::Id>,
    ) -> Context {
        let mut inner = ContextInner::root(self.clone());
        inner.extra = Some(Arc::new(Extra { service: Some(service.into()), ..Extra::default() }));
        inner.request_id = request_id;
        inner.build()
    }

    /// The layers of an action, outermost first. Empty when this node does not have the action.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Action, Error, ServiceBroker, ServiceDef, cache::CacheRule};
    /// let get = Action::of("get", |id: u64| async move { Ok::<_, Error>(id) }).cache(CacheRule::new());
    /// let users = ServiceDef::new("users").action(get);
    /// let broker = ServiceBroker::builder().memory_cache().service(users).start().await?;
    /// let steps: Vec<_> = broker.pipeline("users.get").into_iter().map(|step| step.name).collect();
    /// assert_eq!(steps.last().map(|name| &**name), Some("handler"));
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn pipeline(&self, action: &str) -> Vec<Step> {
        let snapshot = self.0.registry.load();
        snapshot.endpoint(action).map_or_else(Vec::new, |e| order::steps(&self.0.parts, e))
    }

    /// True when some service on this or another node hears the event.
    pub fn has_event_listener(&self, event: &str) -> bool {
        !self.0.registry.load().heard(event).is_empty()
    }

    /// The groups that hear the event.
    pub fn event_groups(&self, event: &str) -> Vec<String> {
        let mut groups: Vec<_> =
            self.0.registry.load().heard(event).iter().map(|group| group.name.to_string()).collect();
        groups.dedup();
        groups
    }

    /// Waits until all these services take calls, at most `limit` (zero = for ever).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{ServiceBroker, ServiceDef};
    /// # use std::time::Duration;
    /// let broker = ServiceBroker::builder().service(ServiceDef::new("users")).start().await?;
    /// broker.wait_for_services(&["users"], Duration::from_secs(5)).await?;
    /// let error = broker.wait_for_services(&["users", "mail"], Duration::from_millis(1)).await.unwrap_err();
    /// assert_eq!(error.kind(), "WAITFOR_SERVICES");
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// 500 `WAITFOR_SERVICES` with the state of each service, when the time is up.
    pub async fn wait_for_services(&self, names: &[&str], limit: std::time::Duration) -> Result<()> {
        let all: Vec<_> = names.iter().map(|name| (*name).into()).collect();
        dependencies::wait_for(self, None, &all, limit).await
    }
}

impl fmt::Debug for ServiceBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceBroker")
            .field("node_id", &self.node_id())
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}
