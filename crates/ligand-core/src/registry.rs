//! What the node knows of services, actions and listeners, its own and those of other nodes.
//!
//! Readers load an immutable [`Snapshot`] and take no lock; writers build the next one, which shares with the old
//! one whatever did not change. Writers are services that come and go, and the infos of other nodes.

mod actions;
mod endpoint;
mod events;
mod info;
mod listener;
mod node;
pub(crate) mod recent;
mod remote;
mod schedule;
mod snapshot;
pub mod strategy;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use arc_swap::ArcSwap;
use ligand_wire::{Error, Payload, Result, packet::NodeInfo};
use parking_lot::Mutex;
use tokio::sync::watch;

pub(crate) use actions::ActionList;
pub use endpoint::Endpoint;
pub(crate) use events::{Group, Groups};
#[cfg(test)]
pub(crate) use info::public_settings;
pub(crate) use info::{definition, listed};
pub(crate) use listener::HandingOver;
pub use listener::Listener;
pub use node::Node;
pub(crate) use node::{ASK_PAUSE, ClaimOutcome, InfoStatus, MOST_AHEAD};
pub(crate) use schedule::{Run, Schedule};
pub use snapshot::{Offer, ServiceItem, Snapshot};

use self::strategy::StrategyOptions;
use crate::{
    context::Meta,
    service::{ActionDef, DynAction},
    sharded::CachePadded,
};

/// The catalogues of one node. See the [module](self).
pub struct Registry {
    current: ArcSwap<Snapshot>,
    write: Mutex<()>,
    /// Every other node that was heard of, also those that left.
    nodes: Mutex<HashMap<Arc<str>, Arc<Node>>>,
    version: AtomicU64,
    /// Differs for every state of every registry, see [`recent`].
    epoch: CachePadded<AtomicU64>,
    closed: AtomicBool,
    changes: watch::Sender<u64>,
}

impl Registry {
    pub(crate) fn new(strategy: StrategyOptions) -> Self {
        Self {
            current: ArcSwap::new(Arc::new(Snapshot::new(strategy))),
            write: Mutex::new(()),
            nodes: Mutex::default(),
            version: AtomicU64::new(0),
            epoch: CachePadded::new(AtomicU64::new(next_epoch())),
            closed: AtomicBool::new(false),
            changes: watch::Sender::new(0),
        }
    }

    /// The current state.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    pub(crate) fn load(&self) -> arc_swap::Guard<Arc<Snapshot>> {
        self.current.load()
    }

    /// The number of the current state, to be read before it is loaded.
    #[inline]
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// Whoever reads the new number finds the new state.
    fn publish(&self, next: Snapshot) {
        self.current.store(Arc::new(next));
        self.epoch.store(next_epoch(), Ordering::Release);
    }

    /// The endpoint that a call with these parameters and nothing else to say would go to now. To measure the
    /// choice alone; it counts as one: the next call goes elsewhere.
    #[doc(hidden)]
    pub fn pick(&self, action: &str, params: &Payload) -> Option<Arc<Endpoint>> {
        let pick = strategy::Pick::new(params, &Meta::default);
        self.load().list(action)?.pick(true, &pick, &|_| false).cloned()
    }

    /// Ticks whenever services come or go, here or on another node.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    pub(crate) fn add(&self, service: Arc<ServiceItem>) -> Result<()> {
        let guard = self.write.lock();
        if self.is_closed() {
            return Err(Error::service_schema("the broker stopped while the service started"));
        }
        let current = self.current.load();
        if current.service(service.full_name()).is_some() {
            return Err(Error::service_schema(format!(
                "service '{}' is registered twice on this node",
                service.full_name()
            )));
        }
        let exists = |name: &str| current.list(name).is_some_and(|list| list.local().is_some());
        if let Some(action) = service.endpoints().iter().find(|e| exists(e.action().full_name())) {
            return Err(Error::service_schema(format!(
                "action '{}' of service '{}' exists already on this node; rename one of them",
                action.action().full_name(),
                service.full_name()
            )));
        }
        self.publish(current.with(service));
        drop(guard);
        self.tick();
        Ok(())
    }

    pub(crate) fn remove(&self, full_name: &str) -> Option<Arc<ServiceItem>> {
        let guard = self.write.lock();
        let current = self.current.load();
        let service = current.service(full_name)?.clone();
        self.publish(current.without(&service));
        service.retire();
        drop(guard);
        self.tick();
        Some(service)
    }

    /// From now on only running contexts may call.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Takes everything out, for good.
    pub(crate) fn clear(&self) {
        let guard = self.write.lock();
        self.close();
        let last = self.current.swap(Arc::default());
        self.epoch.store(next_epoch(), Ordering::Release);
        last.services().iter().for_each(|service| service.retire());
        self.nodes.lock().clear();
        drop(guard);
        self.tick();
    }

    /// Every other node that was heard of, also those that left.
    pub fn nodes(&self) -> Vec<Arc<Node>> {
        let mut nodes: Vec<_> = self.nodes.lock().values().cloned().collect();
        nodes.sort_by(|a, b| a.id().cmp(b.id()));
        nodes
    }

    /// Another node that was heard of.
    pub fn node(&self, id: &str) -> Option<Arc<Node>> {
        self.nodes.lock().get(id).cloned()
    }

    /// A node, noted when it is new. `None` when there are `most` already.
    pub(crate) fn node_or_new(&self, id: &str, most: usize) -> Option<Arc<Node>> {
        let mut nodes = self.nodes.lock();
        if let Some(node) = nodes.get(id) {
            return Some(node.clone());
        }
        if self.is_closed() {
            return None;
        }
        if nodes.len() >= most {
            forget_silent(&mut nodes);
            if nodes.len() >= most {
                return None;
            }
        }
        let node = Arc::new(Node::new(id));
        nodes.insert(node.id().clone(), node.clone());
        Some(node)
    }

    /// Whoever never answered a question and was heard of first: somebody may have made the name up.
    pub(crate) fn oldest_stranger(&self) -> Option<Arc<Node>> {
        let nodes = self.nodes.lock();
        nodes
            .values()
            .filter(|node| !node.has_answered())
            .max_by_key(|node| (node.age(), node.id().clone()))
            .cloned()
    }

    /// Forgets a node that left.
    pub(crate) fn forget(&self, id: &str) {
        self.nodes.lock().retain(|other, node| **other != *id || node.is_available());
    }

    /// Puts in what another node offers, when that is news. `judged`: it is known to be the node's own word.
    pub(crate) fn learn(
        &self,
        node: &Arc<Node>,
        info: NodeInfo,
        judged: bool,
        handler: &DynAction,
        endpoint: impl Fn(ActionDef) -> Arc<Endpoint>,
    ) -> InfoStatus {
        let guard = self.write.lock();
        if self.is_closed() {
            return InfoStatus::Known;
        }
        let status = node.update(info, judged);
        if !status.is_news() {
            return status;
        }
        let current = self.current.load();
        let before = current.remote(node.id()).map(|before| &**before);
        let services = remote::services(&node.info(), handler, before, endpoint);
        let next = current.with_node(remote::RemoteNode { node: node.clone(), services });
        self.publish(next);
        drop(guard);
        self.tick();
        status
    }

    /// Takes out what a node offered. Returns false when it had left already.
    pub(crate) fn lose(&self, node: &Node) -> bool {
        let guard = self.write.lock();
        if !node.leave() {
            return false;
        }
        let current = self.current.load();
        self.publish(current.without_node(node.id()));
        drop(guard);
        self.tick();
        true
    }

    fn tick(&self) {
        let version = self.version.fetch_add(1, Ordering::Relaxed) + 1;
        self.changes.send_replace(version);
    }
}

static EPOCHS: AtomicU64 = AtomicU64::new(1);

fn next_epoch() -> u64 {
    EPOCHS.fetch_add(1, Ordering::Relaxed)
}

/// Makes room: forgets half of the nodes that are not there, first those that never answered a question, then those
/// that were not heard of for longest.
fn forget_silent(nodes: &mut HashMap<Arc<str>, Arc<Node>>) {
    let mut gone: Vec<_> = nodes
        .values()
        .filter(|node| !node.is_available())
        .map(|node| (!node.has_answered(), node.silence(), node.id().clone()))
        .collect();
    gone.sort_unstable_by(|a, b| b.cmp(a));
    gone.truncate(gone.len().div_ceil(2));
    for (.., id) in gone {
        nodes.remove(&id);
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry").field("services", &self.load().services().len()).finish_non_exhaustive()
    }
}
