//! Another node, as this one knows it.

mod info_history;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering},
    },
};

use arc_swap::{ArcSwap, ArcSwapOption};
use ligand_transport::{Address, Peer, newest_seq};
use ligand_wire::packet::{NodeInfo, ProtocolVersion};
use parking_lot::Mutex;
use tokio::time::Instant;

pub(crate) use self::info_history::{ClaimOutcome, InfoStatus, MOST_AHEAD};
use self::info_history::{InfoHistory, MAX_SEQ};
use super::strategy::HostLatency;

/// Another node. What calls look at is atomic; the rest changes rarely.
pub struct Node {
    id: Arc<str>,
    available: AtomicBool,
    suspect: AtomicBool,
    /// The bus said that nobody listens under its name.
    absent: AtomicBool,
    /// It answered a question of this node: somebody lives under the name.
    answered: AtomicBool,
    /// Somebody said that it leaves, and it was asked.
    leaving: AtomicBool,
    /// Somebody else claims its name, and it is being heard.
    checking_owner: AtomicBool,
    /// It will be asked in a moment.
    asking: AtomicBool,
    /// Protocol version as a number, 0 = not known.
    ver: AtomicU8,
    /// Load in percent as the bits of an `f32`; `NaN` = not known.
    cpu: AtomicU32,
    cpu_seq: AtomicU64,
    /// Longest packet that it takes, in bytes; `usize::MAX` = it did not tell.
    largest: AtomicUsize,
    /// Events that were sent to it since it was heard of last.
    unconfirmed: AtomicU64,
    info: ArcSwap<NodeInfo>,
    /// When it was heard of first.
    first: Instant,
    latency: ArcSwapOption<HostLatency>,
    state: Mutex<State>,
}

/// Between two questions to a node.
pub(crate) const ASK_PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

struct State {
    seq: u64,
    heard: Instant,
    since: Option<Instant>,
    asked: Option<Instant>,
    address: Option<Address>,
    history: InfoHistory,
}

impl Node {
    pub(crate) fn new(id: &str) -> Self {
        Self {
            id: id.into(),
            available: AtomicBool::new(false),
            suspect: AtomicBool::new(false),
            absent: AtomicBool::new(false),
            answered: AtomicBool::new(false),
            leaving: AtomicBool::new(false),
            checking_owner: AtomicBool::new(false),
            asking: AtomicBool::new(false),
            ver: AtomicU8::new(0),
            cpu: AtomicU32::new(f32::NAN.to_bits()),
            cpu_seq: AtomicU64::new(0),
            largest: AtomicUsize::new(usize::MAX),
            unconfirmed: AtomicU64::new(0),
            info: ArcSwap::default(),
            first: Instant::now(),
            latency: ArcSwapOption::empty(),
            state: Mutex::new(State {
                seq: 0,
                heard: Instant::now(),
                since: None,
                asked: None,
                address: None,
                history: InfoHistory::default(),
            }),
        }
    }

    /// This node itself, as calls see it that the bus leads back to where they came from.
    pub(crate) fn own(id: &str) -> Self {
        let mut info = NodeInfo::default();
        info.config.insert("ligand".into(), true.into());
        Self { available: AtomicBool::new(true), info: ArcSwap::from_pointee(info), ..Self::new(id) }
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

    /// True for nodes of Ligand, and for those that have not told yet what they are.
    pub(crate) fn is_maybe_ligand(&self) -> bool {
        let info = self.info.load();
        info.instance_id.is_empty() || info.config.contains_key("ligand")
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

    /// How long ago it was heard of first.
    pub(crate) fn age(&self) -> std::time::Duration {
        self.first.elapsed()
    }

    /// How long ago it left, when it did.
    pub fn offline_for(&self) -> Option<std::time::Duration> {
        self.state.lock().since.map(|since| since.elapsed())
    }

    pub(crate) fn set_suspect(&self, suspect: bool) {
        self.suspect.store(suspect, Ordering::Relaxed);
    }

    /// The bus says that nobody listens under its name. Returns whether that is news.
    pub(crate) fn set_absent(&self) -> bool {
        self.set_suspect(true);
        !self.absent.swap(true, Ordering::Relaxed)
    }

    pub(crate) fn is_absent(&self) -> bool {
        self.absent.load(Ordering::Relaxed)
    }

    /// An event was sent to it.
    pub(crate) fn event_sent(&self) {
        self.unconfirmed.fetch_add(1, Ordering::Relaxed);
    }

    /// The bus gave an event back that was on its way to it.
    pub(crate) fn event_returned(&self) {
        let less = |count: u64| count.checked_sub(1);
        // Nothing to take away: it was heard of meanwhile.
        let _ = self.unconfirmed.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    /// A packet came from it: what was sent before probably arrived.
    pub(crate) fn was_heard(&self) {
        // Most packets confirm nothing: no write then.
        if self.unconfirmed.load(Ordering::Relaxed) != 0 {
            self.unconfirmed.store(0, Ordering::Relaxed);
        }
    }

    /// Events that were sent to it since it was heard of last; none afterwards.
    pub(crate) fn take_unconfirmed(&self) -> u64 {
        self.unconfirmed.swap(0, Ordering::Relaxed)
    }

    /// It gave a sign of life.
    pub(crate) fn is_here(&self) {
        self.set_suspect(false);
        self.absent.store(false, Ordering::Relaxed);
        self.touch();
    }

    /// The protocol version it speaks: as its info says, else as its implementation is known to, else as its packets
    /// say. One packet in its name must not change how it is spoken to.
    pub(crate) fn ver(&self) -> Option<ProtocolVersion> {
        let info = self.info.load();
        let own = info.config.get("ligand").and_then(|own| own.get("protocol")).and_then(|ver| ver.as_str());
        if let Some(own) = own.and_then(ProtocolVersion::parse) {
            return Some(own);
        }
        match (own, &*info.client.kind, info.client.version.split('.').nth(1)) {
            (Some("mixed"), ..) => return Some(ProtocolVersion::V5),
            (None, "nodejs", Some("14")) => return Some(ProtocolVersion::V4),
            (None, "nodejs", Some("15")) => return Some(ProtocolVersion::V5),
            _ => {}
        }
        match self.ver.load(Ordering::Relaxed) {
            4 => Some(ProtocolVersion::V4),
            5 => Some(ProtocolVersion::V5),
            _ => None,
        }
    }

    pub(crate) fn set_ver(&self, ver: ProtocolVersion) {
        let ver = match ver {
            ProtocolVersion::V4 => 4,
            ProtocolVersion::V5 => 5,
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

    /// It answered a question of this node.
    pub(crate) fn has_answered(&self) -> bool {
        self.answered.load(Ordering::Relaxed)
    }

    pub(crate) fn set_answered(&self) {
        self.answered.store(true, Ordering::Relaxed);
    }

    /// Notes that it is being asked whether it leaves, or not any more. Returns what it was before.
    pub(crate) fn set_leaving(&self, leaving: bool) -> bool {
        self.leaving.swap(leaving, Ordering::Relaxed)
    }

    /// It said a moment ago that it leaves, and was asked whether that is so.
    pub(crate) fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Relaxed)
    }

    /// Notes that it is being heard because somebody else claims its name, or not any more. Returns what it was before.
    pub(crate) fn set_checking_owner(&self, checking_owner: bool) -> bool {
        self.checking_owner.swap(checking_owner, Ordering::Relaxed)
    }

    /// Notes that it will be asked in a moment, or not any more. Returns what it was before.
    pub(crate) fn set_asking(&self, asking: bool) -> bool {
        self.asking.swap(asking, Ordering::Relaxed)
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

    /// Takes a load value that somebody else tells of it: when it is news, and not so far ahead that the node itself
    /// could not get there.
    pub(crate) fn set_cpu(&self, seq: u64, cpu: f64) {
        let take = |known: u64| (seq > known && seq - known <= MOST_AHEAD).then_some(seq);
        if self.cpu_seq.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
            self.put_cpu(cpu);
        }
    }

    /// Takes a load value that the node itself tells.
    pub(crate) fn told_cpu(&self, seq: Option<u64>, cpu: f64) {
        if let Some(seq) = seq.filter(|seq| *seq <= MAX_SEQ) {
            self.cpu_seq.store(seq, Ordering::Relaxed);
        }
        self.put_cpu(cpu);
    }

    #[allow(clippy::cast_possible_truncation, reason = "a load in percent")]
    fn put_cpu(&self, cpu: f64) {
        if cpu.is_finite() {
            self.cpu.store((cpu.clamp(0.0, 100.0) as f32).to_bits(), Ordering::Relaxed);
        }
    }

    pub(crate) fn load_seq(&self) -> u64 {
        self.cpu_seq.load(Ordering::Relaxed)
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
        state.seq = state.seq.max(seq.min(newest_seq()));
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
    fn the_version_is_known_from_packets_or_the_implementation() {
        let node = Node::new("a");
        assert_eq!(node.ver(), None);
        let client = ligand_wire::packet::ClientInfo {
            kind: "nodejs".into(),
            version: "0.14.35".into(),
            ..Default::default()
        };
        node.update(NodeInfo { client, ..info(1, "x") }, false);
        assert_eq!(node.ver(), Some(ProtocolVersion::V4));
        // Anybody can send one packet.
        node.set_ver(ProtocolVersion::V5);
        assert_eq!(node.ver(), Some(ProtocolVersion::V4));
        let other = Node::new("b");
        other.set_ver(ProtocolVersion::V5);
        assert_eq!(other.ver(), Some(ProtocolVersion::V5));
    }

    #[test]
    fn older_load_values_are_ignored() {
        let node = Node::new("a");
        assert_eq!(node.cpu(), None);
        node.set_cpu(2, 50.0);
        node.set_cpu(1, 90.0);
        assert_eq!(node.cpu(), Some(50.0));
    }

    #[test]
    fn load_values_are_bounded_by_what_can_be_outlived() {
        let node = Node::new("a");
        node.set_cpu(2, 50.0);
        node.set_cpu(u64::MAX, 0.0);
        assert_eq!((node.cpu(), node.load_seq()), (Some(50.0), 2));
        node.set_cpu(3, 1e308);
        assert_eq!(node.cpu(), Some(100.0));
        node.set_cpu(4, f64::NAN);
        assert_eq!(node.cpu(), Some(100.0));
        // Somebody was heard with its name; its own word counts whatever the number.
        node.set_cpu(MOST_AHEAD, 1.0);
        node.told_cpu(Some(5), -3.0);
        assert_eq!((node.cpu(), node.load_seq()), (Some(0.0), 5));
    }
}
