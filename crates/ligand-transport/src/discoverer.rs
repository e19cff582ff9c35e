//! Discovery through a store beside the bus.

use std::sync::Arc;

use ligand_wire::{Result, packet::NodeInfo};

use crate::{BoxFuture, Link};

/// Keeps infos and heartbeats of all nodes in a store. While one is in use, the bus carries no DISCOVER, INFO and
/// HEARTBEAT packets; farewells still go over the bus.
pub trait Discoverer: Send + Sync + 'static {
    /// Short name for logs: `redis`.
    fn name(&self) -> &'static str;

    /// Connects to the store. A store that cannot be reached is tried again for ever; dropping the future gives
    /// up.
    ///
    /// # Errors
    /// `BROKER_OPTIONS_ERROR` for what no further try can mend: a wrong option, a store that does not let this node
    /// in.
    fn start(self: Arc<Self>, link: Arc<dyn Link>) -> BoxFuture<Result<()>>;

    /// Stores what this node is and offers, then beats. Called at the start and after each change.
    ///
    /// # Errors
    /// When the store cannot be reached; the broker logs it and calls again at the next beat.
    fn announce(&self, info: Arc<NodeInfo>) -> BoxFuture<Result<()>>;

    /// Says that this node lives and collects who else does: [`crate::Cluster::heard`] for each, its info with
    /// [`crate::Cluster::learn`] when that answers false, [`crate::Cluster::lost`] for those that are missing.
    /// Called every heartbeat interval.
    ///
    /// # Errors
    /// When the store cannot be reached: then no node is declared lost.
    fn beat(&self) -> BoxFuture<Result<()>>;

    /// Asks for the info of one node now.
    ///
    /// # Errors
    /// When the store cannot be reached.
    fn discover(&self, node: &str) -> BoxFuture<Result<()>>;

    /// Takes this node out of the store and closes.
    fn stop(&self) -> BoxFuture<()>;
}
