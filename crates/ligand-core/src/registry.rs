//! What the node knows of services, actions and listeners.
//!
//! Readers load an immutable [`Snapshot`] and take no lock; writers build the next one. The only writers are
//! services that come and go.

mod endpoint;
mod listener;
mod snapshot;
pub mod strategy;

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use arc_swap::ArcSwap;
use ligand_wire::{Error, Result};
use parking_lot::Mutex;
use tokio::sync::watch;

pub use endpoint::Endpoint;
pub use listener::Listener;
pub use snapshot::{ServiceItem, Snapshot};

/// The catalogues of one node. See the [module](self).
pub struct Registry {
    current: ArcSwap<Snapshot>,
    write: Mutex<()>,
    version: AtomicU64,
    closed: AtomicBool,
    changes: watch::Sender<u64>,
}

impl Registry {
    pub(crate) fn new() -> Self {
        Self {
            current: ArcSwap::default(),
            write: Mutex::new(()),
            version: AtomicU64::new(0),
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

    /// Ticks whenever services come or go.
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
        if let Some(action) =
            service.endpoints().iter().find(|e| current.endpoint(e.action().full_name()).is_some())
        {
            return Err(Error::service_schema(format!(
                "action '{}' of service '{}' exists already on this node; rename one of them",
                action.action().full_name(),
                service.full_name()
            )));
        }
        let mut services = current.services().to_vec();
        services.push(service);
        self.current.store(Arc::new(Snapshot::build(services)));
        drop(guard);
        self.tick();
        Ok(())
    }

    pub(crate) fn remove(&self, full_name: &str) -> Option<Arc<ServiceItem>> {
        let guard = self.write.lock();
        let current = self.current.load();
        let service = current.service(full_name)?.clone();
        let rest = current.services().iter().filter(|s| **s.full_name() != *full_name).cloned().collect();
        self.current.store(Arc::new(Snapshot::build(rest)));
        service.endpoints().iter().for_each(|endpoint| endpoint.retire());
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
        last.endpoints().for_each(|endpoint| endpoint.retire());
        drop(guard);
        if !last.services().is_empty() {
            self.tick();
        }
    }

    fn tick(&self) {
        let version = self.version.fetch_add(1, Ordering::Relaxed) + 1;
        self.changes.send_replace(version);
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry").field("services", &self.load().services().len()).finish_non_exhaustive()
    }
}
