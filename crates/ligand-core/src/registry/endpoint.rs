//! One instance of an action: its definition, its composed layers, whether it takes calls.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use super::Node;
use crate::{
    broker::ServiceBroker,
    middleware::{Hits, order::Layers},
    service::{ActionDef, DynAction, FastPath},
    sharded::{CachePadded, Sharded},
};

/// So many calls make up for one whose handler took long.
const STRIKE: u32 = 64;

/// One instance of an action, on this node or on another.
///
/// Every running call holds a handle of its endpoint: the number of handles tells what still runs. An action of this
/// node has several endpoints that differ in nothing but that count (`sharded.rs`).
#[repr(align(128))]
pub struct Endpoint {
    /// A cycle that ends when the service leaves the registry: a started broker lives until it is stopped.
    broker: ServiceBroker,
    action: Arc<ActionDef>,
    /// `None`: this node.
    node: Option<Arc<Node>>,
    available: Arc<CachePadded<AtomicBool>>,
    /// Full name of the service, for the contexts of calls that its action makes.
    caller: Arc<CachePadded<Arc<str>>>,
    /// A call of it needs neither retries nor a fallback.
    direct: bool,
    /// The service left the registry.
    retired: AtomicBool,
    /// How often its handler took long before it first waited, lately: goes up by [`STRIKE`] each time, and down by
    /// one with each call.
    strikes: AtomicU32,
    chain: DynAction,
    /// The handler itself, when nothing stands around it.
    fast_path: Option<FastPath>,
    /// What is in the cache, when nothing stands before the cacher.
    hits: Option<Hits>,
    /// Which of the broker's middlewares wrap the action, in order of registration.
    wrapped: Arc<[usize]>,
}

impl Endpoint {
    /// The layers are composed by `compose`, which gets the flag that switches the endpoint off; it also tells
    /// which middlewares take part.
    pub(crate) fn new(
        broker: ServiceBroker,
        action: Arc<ActionDef>,
        node: Option<Arc<Node>>,
        compose: impl FnOnce(&Arc<ActionDef>, &Arc<CachePadded<AtomicBool>>) -> Layers,
    ) -> Self {
        let available = Arc::new(CachePadded::new(AtomicBool::new(true)));
        let Layers { chain, wrapped, fast_path, hits } = compose(&action, &available);
        let retired = AtomicBool::new(false);
        let strikes = AtomicU32::new(0);
        let caller = Arc::new(CachePadded::new(action.service.clone()));
        let retries = action.retry.is_some() || broker.options().retry_policy.enabled;
        let direct = !retries && action.fallback.is_none();
        Self {
            broker,
            action,
            node,
            available,
            caller,
            direct,
            retired,
            strikes,
            chain,
            fast_path,
            hits,
            wrapped: wrapped.into(),
        }
    }

    /// As many of it as there are groups of threads.
    pub(crate) fn sharded(self) -> Sharded<Self> {
        Sharded::new(|| Self {
            broker: self.broker.clone(),
            action: self.action.clone(),
            node: self.node.clone(),
            available: self.available.clone(),
            caller: Arc::new(CachePadded::new(self.action.service.clone())),
            direct: self.direct,
            retired: AtomicBool::new(self.is_retired()),
            strikes: AtomicU32::new(0),
            chain: self.chain.clone(),
            fast_path: self.fast_path.clone(),
            hits: self.hits.clone(),
            wrapped: self.wrapped.clone(),
        })
    }

    pub(crate) fn broker(&self) -> &ServiceBroker {
        &self.broker
    }

    pub(crate) fn caller(&self) -> &Arc<CachePadded<Arc<str>>> {
        &self.caller
    }

    /// The definition.
    pub fn action(&self) -> &Arc<ActionDef> {
        &self.action
    }

    /// The node it is on; `None` for this node.
    pub fn node(&self) -> Option<&Arc<Node>> {
        self.node.as_ref()
    }

    /// Name of the node it is on.
    pub fn node_id(&self) -> &str {
        match &self.node {
            Some(node) => node.id(),
            None => self.broker.node_id(),
        }
    }

    /// False while the circuit breaker is open.
    pub fn is_available(&self) -> bool {
        self.available.load(Ordering::Relaxed)
    }

    pub(crate) fn is_suspect(&self) -> bool {
        self.node.as_ref().is_some_and(|node| node.is_suspect())
    }

    /// True when a call is over with its first answer, unless the call itself wants more.
    pub(crate) fn is_direct(&self) -> bool {
        self.direct
    }

    pub(crate) fn is_retired(&self) -> bool {
        self.retired.load(Ordering::Relaxed)
    }

    pub(crate) fn retire(&self) {
        self.retired.store(true, Ordering::Relaxed);
    }

    /// Its handler takes long before it first waits: it took long several times in the latest calls, not only once
    /// because the processor was busy.
    pub(crate) fn is_slow(&self) -> bool {
        let strikes = self.strikes.load(Ordering::Relaxed);
        if strikes > 0 {
            // A lost count does no harm.
            self.strikes.store(strikes - 1, Ordering::Relaxed);
        }
        strikes >= 3 * STRIKE
    }

    /// Its handler took long before it first waited.
    pub(crate) fn was_slow(&self) {
        let strikes = self.strikes.load(Ordering::Relaxed);
        self.strikes.store((strikes + STRIKE).min(4 * STRIKE), Ordering::Relaxed);
    }

    pub(crate) fn wrapped(&self) -> &[usize] {
        &self.wrapped
    }

    pub(crate) fn fast_path(&self) -> Option<&FastPath> {
        self.fast_path.as_ref()
    }

    pub(crate) fn hits(&self) -> Option<&Hits> {
        self.hits.as_ref()
    }

    pub(crate) fn chain(&self) -> &DynAction {
        &self.chain
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("action", &self.action.full_name())
            .field("node", &self.node_id())
            .field("available", &self.is_available())
            .finish()
    }
}
