//! What a node knows of the others, as discovery sees it.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use ligand_wire::packet::{Heartbeat, NodeInfo};

/// How far the clocks of two nodes may be apart.
const SKEW: Duration = Duration::from_secs(24 * 60 * 60);

/// The largest number of an info that is believed when anybody may have said it. Some nodes count from 1 and some begin
/// with the time, in milliseconds: no honest number is ahead of the time by more than clocks are apart, so a node can
/// always say a larger one.
#[allow(clippy::cast_possible_truncation, reason = "milliseconds since 1970")]
pub fn newest_seq() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (now + SKEW).as_millis() as u64
}

/// Where a node is reached.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// Name or address of the machine.
    pub host: String,
    /// Port.
    pub port: u16,
}

/// This node.
#[derive(Clone, Debug)]
pub struct Local {
    /// What it is and offers.
    pub info: Arc<NodeInfo>,
    /// Load in percent.
    pub cpu: Option<f64>,
    /// Counts changes of the load.
    pub cpu_seq: u64,
}

/// Another node.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Name of the node.
    pub id: Arc<str>,
    /// It takes calls. False for nodes that left or that were only sighted.
    pub available: bool,
    /// As in its latest info, or as others say since it left; 0 = never heard.
    pub seq: u64,
    /// Load in percent.
    pub cpu: Option<f64>,
    /// Counts changes of the load.
    pub cpu_seq: u64,
    /// What it is and offers; empty for nodes that were only sighted.
    pub info: Arc<NodeInfo>,
    /// Where it was sighted.
    pub address: Option<Address>,
}

/// What a node knows of the others. All methods are quick and take no I/O.
pub trait Cluster: Send + Sync {
    /// This node.
    fn local(&self) -> Local;

    /// All other nodes, also those that left.
    fn peers(&self) -> Vec<Peer>;

    /// One other node.
    fn peer(&self, id: &str) -> Option<Peer>;

    /// A node told what it is and offers, or somebody else did for it. Older news are ignored: see the rules of
    /// `seq` and `instance_id` in the protocol. `port` of the info counts; `load` is `(cpu_seq, cpu)`.
    fn learn(&self, id: &str, info: NodeInfo, load: Option<(u64, f64)>);

    /// A node lives. False: it is unknown, left or changed, so its info must be asked for.
    fn heard(&self, id: &str, beat: &Heartbeat) -> bool;

    /// Load of a node, as somebody else tells; older values are ignored.
    fn load(&self, id: &str, cpu_seq: u64, cpu: f64);

    /// Load of a node, as it tells itself: it counts whatever the number.
    fn told_load(&self, id: &str, cpu_seq: u64, cpu: f64) {
        self.load(id, cpu_seq, cpu);
    }

    /// A node left, or was lost (`unexpected`). Its services go, calls that wait for it fail at once.
    fn lost(&self, id: &str, unexpected: bool);

    /// Somebody says that a node is gone, as of `seq`: as [`Cluster::lost`] when it was thought available, and the
    /// number is kept.
    fn gone(&self, id: &str, seq: u64);

    /// A node was sighted at this address: new nodes are kept as not available with seq 0.
    fn sighted(&self, id: &str, address: Address);

    /// A node that is not available and never answered is forgotten: somebody may have made its name up.
    fn forget(&self, id: &str) {
        let _ = id;
    }

    /// Others think that this node has left, or know another story about it, as of `seq`: its own number goes above
    /// that.
    fn outlive(&self, seq: u64);

    /// Another living node uses this node's name; `other` says which and where. A node that starts gives up.
    fn conflict(&self, other: &str) {
        let _ = other;
    }
}
