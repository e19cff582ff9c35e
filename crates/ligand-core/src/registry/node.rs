//! Another node, as this one knows it.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering},
    },
};

use arc_swap::{ArcSwap, ArcSwapOption};
use ligand_transport::{Address, Peer};
use ligand_wire::packet::NodeInfo;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::time::Instant;

use super::strategy::HostLatency;

/// Another node. What calls look at is atomic; the rest changes rarely.
pub struct Node {
    id: Arc<str>,
    available: AtomicBool,
    suspect: AtomicBool,
    /// The bus said that nobody listens under its name.
    absent: AtomicBool,
    /// Protocol version as a number, 0 = not known.
    ver: AtomicU8,
    /// Load in percent as the bits of an `f32`; `NaN` = not known.
    cpu: AtomicU32,
    cpu_seq: AtomicU64,
    /// Longest packet that it takes, in bytes; `usize::MAX` = it did not tell.
    largest: AtomicUsize,
    info: ArcSwap<NodeInfo>,
    latency: ArcSwapOption<HostLatency>,
    state: Mutex<State>,
}

/// Between two questions to a node.
const ASK_PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

struct State {
    seq: u64,
    heard: Instant,
    since: Option<Instant>,
    asked: Option<Instant>,
    address: Option<Address>,
}

impl Node {
    pub(crate) fn new(id: &str) -> Self {
        Self {
            id: id.into(),
            available: AtomicBool::new(false),
            suspect: AtomicBool::new(false),
            absent: AtomicBool::new(false),
            ver: AtomicU8::new(0),
            cpu: AtomicU32::new(f32::NAN.to_bits()),
            cpu_seq: AtomicU64::new(0),
            largest: AtomicUsize::new(usize::MAX),
            info: ArcSwap::default(),
            latency: ArcSwapOption::empty(),
            state: Mutex::new(State {
                seq: 0,
                heard: Instant::now(),
                since: None,
                asked: None,
                address: None,
            }),
        }
    }

    /// Name of the node.
    pub fn id(&self) -> &Arc<str> {
        &self.id
    }

    /// It takes calls.
    pub fn is_available(&self) -> bool {
        self.available.load(Ordering::Relaxed)
    }

    /// It did not answer lately: others are preferred.
    pub fn is_suspect(&self) -> bool {
        self.suspect.load(Ordering::Relaxed)
    }

    /// What it is and offers, as it told.
    pub fn info(&self) -> Arc<NodeInfo> {
        self.info.load_full()
    }

    /// Load in percent, when it told.
    pub fn cpu(&self) -> Option<f64> {
        let cpu = f32::from_bits(self.cpu.load(Ordering::Relaxed));
        (!cpu.is_nan()).then_some(f64::from(cpu))
    }

    /// How long a ping to its machine takes, in milliseconds, when that is measured.
    pub fn latency(&self) -> Option<f64> {
        self.latency.load().as_ref()?.mean()
    }

    pub(crate) fn set_latency(&self, host: Arc<HostLatency>) {
        self.latency.store(Some(host));
    }

    /// It is written in Rust and understands Ligand's extensions of the protocol.
    pub fn is_ligand(&self) -> bool {
        self.info.load().config.contains_key("ligand")
    }

    /// Longest packet that it takes, in bytes, when it told.
    pub(crate) fn largest(&self) -> usize {
        self.largest.load(Ordering::Relaxed)
    }

    /// Number of the node's latest state.
    pub fn seq(&self) -> u64 {
        self.state.lock().seq
    }

    /// How long ago it was heard of.
    pub fn silence(&self) -> std::time::Duration {
        self.state.lock().heard.elapsed()
    }

    /// How long ago it left, when it did.
    pub fn offline_for(&self) -> Option<std::time::Duration> {
        self.state.lock().since.map(|since| since.elapsed())
    }

    pub(crate) fn set_suspect(&self, suspect: bool) {
        self.suspect.store(suspect, Ordering::Relaxed);
    }

    /// The bus says that nobody listens under its name. Answers whether that is news.
    pub(crate) fn set_absent(&self) -> bool {
        self.set_suspect(true);
        !self.absent.swap(true, Ordering::Relaxed)
    }

    pub(crate) fn is_absent(&self) -> bool {
        self.absent.load(Ordering::Relaxed)
    }

    /// It gave a sign of life.
    pub(crate) fn is_here(&self) {
        self.set_suspect(false);
        self.absent.store(false, Ordering::Relaxed);
        self.touch();
    }

    /// The protocol version it speaks: as its packets say, else as its implementation is known to.
    pub(crate) fn ver(&self) -> Option<&'static str> {
        match self.ver.load(Ordering::Relaxed) {
            4 => Some("4"),
            5 => Some("5"),
            _ => {
                let info = self.info.load();
                match (&*info.client.kind, info.client.version.split('.').nth(1)) {
                    ("nodejs", Some("14")) => Some("4"),
                    _ => None,
                }
            }
        }
    }

    pub(crate) fn set_ver(&self, ver: &str) {
        let ver = match ver {
            "4" => 4,
            "5" => 5,
            _ => 0,
        };
        // A mixed node says everything in both versions; the newer one is what it understands best.
        if self.ver.load(Ordering::Relaxed) < ver {
            self.ver.store(ver, Ordering::Relaxed);
        }
    }

    pub(crate) fn set_address(&self, address: Address) {
        self.state.lock().address = Some(address);
    }

    pub(crate) fn touch(&self) {
        self.state.lock().heard = Instant::now();
    }

    /// Whether it may be asked for its info now: two nodes that cannot take each other's would ask without end.
    pub(crate) fn may_ask(&self) -> bool {
        let now = Instant::now();
        let mut state = self.state.lock();
        let recent = state.asked.is_some_and(|asked| now.duration_since(asked) < ASK_PAUSE);
        if !recent {
            state.asked = Some(now);
        }
        !recent
    }

    /// Takes a load value that is news.
    pub(crate) fn set_cpu(&self, seq: u64, cpu: f64) {
        if self.cpu_seq.fetch_max(seq, Ordering::Relaxed) < seq {
            self.put_cpu(cpu);
        }
    }

    #[allow(clippy::cast_possible_truncation, reason = "a load in percent")]
    pub(crate) fn put_cpu(&self, cpu: f64) {
        self.cpu.store((cpu as f32).to_bits(), Ordering::Relaxed);
    }

    pub(crate) fn load_seq(&self) -> u64 {
        self.cpu_seq.load(Ordering::Relaxed)
    }

    /// Takes over what the node told. Answers whether its services must be registered anew: it was not available,
    /// it was started anew, or the number has grown.
    pub(crate) fn update(&self, info: NodeInfo) -> bool {
        let mut state = self.state.lock();
        let known = self.info.load();
        let news =
            !self.is_available() || known.instance_id != info.instance_id || info.seq.max(1) > state.seq;
        if !news {
            return false;
        }
        if known.instance_id != info.instance_id && !known.instance_id.is_empty() {
            // Started anew, maybe as another version.
            self.ver.store(0, Ordering::Relaxed);
        }
        state.seq = info.seq.max(1);
        state.heard = Instant::now();
        state.since = None;
        let largest = info.config.get("ligand").and_then(|own| own.get("largest")).and_then(Value::as_u64);
        let largest = largest.and_then(|bytes| usize::try_from(bytes).ok());
        self.largest.store(largest.unwrap_or(usize::MAX), Ordering::Relaxed);
        self.info.store(Arc::new(info));
        self.available.store(true, Ordering::Relaxed);
        self.suspect.store(false, Ordering::Relaxed);
        self.absent.store(false, Ordering::Relaxed);
        true
    }

    /// Marks it gone; false when it was already.
    pub(crate) fn leave(&self) -> bool {
        let mut state = self.state.lock();
        if !self.available.swap(false, Ordering::Relaxed) {
            return false;
        }
        state.seq += 1;
        state.since = Some(Instant::now());
        true
    }

    /// Others say so.
    pub(crate) fn raise_seq(&self, seq: u64) {
        let mut state = self.state.lock();
        state.seq = state.seq.max(seq);
    }

    pub(crate) fn peer(&self) -> Peer {
        let state = self.state.lock();
        Peer {
            id: self.id.clone(),
            available: self.is_available(),
            seq: state.seq,
            cpu: self.cpu(),
            cpu_seq: self.load_seq(),
            info: self.info(),
            address: state.address.clone(),
        }
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("id", &self.id)
            .field("available", &self.is_available())
            .field("suspect", &self.is_suspect())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(seq: u64, instance: &str) -> NodeInfo {
        NodeInfo { seq, instance_id: instance.into(), ..NodeInfo::default() }
    }

    #[test]
    fn only_news_count() {
        let node = Node::new("a");
        assert!(!node.is_available());
        assert!(node.update(info(2, "x")) && node.is_available());
        assert!(!node.update(info(2, "x")), "the same number");
        assert!(!node.update(info(1, "x")), "an older one");
        assert!(node.update(info(3, "x")));
        assert!(node.update(info(1, "y")), "the node was started anew");
        assert!(node.leave() && !node.leave());
        assert_eq!(node.seq(), 2);
        assert!(node.update(info(1, "y")), "it is back");
    }

    #[test]
    fn the_version_is_known_from_packets_or_the_implementation() {
        let node = Node::new("a");
        assert_eq!(node.ver(), None);
        let client = ligand_wire::packet::ClientInfo {
            kind: "nodejs".into(),
            version: "0.14.35".into(),
            ..Default::default()
        };
        node.update(NodeInfo { client, ..info(1, "x") });
        assert_eq!(node.ver(), Some("4"));
        node.set_ver("5");
        assert_eq!(node.ver(), Some("5"));
    }

    #[test]
    fn older_load_values_are_ignored() {
        let node = Node::new("a");
        assert_eq!(node.cpu(), None);
        node.set_cpu(2, 50.0);
        node.set_cpu(1, 90.0);
        assert_eq!(node.cpu(), Some(50.0));
    }
}
