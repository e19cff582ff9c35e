//! A broker's side that records.

use std::{
    collections::{HashMap, VecDeque},
    future::ready,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use ligand_wire::{
    Error, Result,
    codec::{self, Envelope},
    packet::{Heartbeat, NodeInfo, Packet, PacketKind, Received},
    payload::Format,
};
use parking_lot::Mutex;
use tokio::{sync::Notify, time::timeout};

use crate::{Address, BoxFuture, Cluster, Link, Local, Peer, Tasks, Ticket};

/// A [`Link`] that records packets, connections, losses and undelivered tickets, and waits for them. Packets are
/// encoded as JSON.
#[derive(Debug)]
pub struct TestLink {
    namespace: String,
    cluster: TestCluster,
    tasks: Tasks,
    seen: Mutex<Seen>,
    news: Notify,
}

#[derive(Debug, Default)]
struct Seen {
    packets: VecDeque<(PacketKind, Bytes)>,
    undelivered: Vec<Ticket>,
    connections: usize,
    losses: Vec<Error>,
}

impl TestLink {
    /// The broker's side of the node `node`. Its tasks run on the current runtime.
    pub fn new(node: &str, namespace: &str) -> Arc<Self> {
        Arc::new(Self {
            namespace: namespace.into(),
            cluster: TestCluster::new(node),
            tasks: Tasks::default(),
            seen: Mutex::default(),
            news: Notify::new(),
        })
    }

    /// The next packet, in the order of arrival; `None` when none comes in time.
    pub async fn next_packet(&self, patience: Duration) -> Option<(PacketKind, Bytes)> {
        self.when(patience, |seen| seen.packets.pop_front()).await
    }

    /// How many packets arrived that nobody took.
    pub fn waiting_packets(&self) -> usize {
        self.seen.lock().packets.len()
    }

    /// Waits for [`Link::undelivered`] with this ticket. False when it does not come in time.
    pub async fn wait_undelivered(&self, ticket: Ticket, patience: Duration) -> bool {
        self.when(patience, |seen| seen.undelivered.contains(&ticket).then_some(())).await.is_some()
    }

    /// The tickets that came back so far.
    pub fn undelivered_tickets(&self) -> Vec<Ticket> {
        self.seen.lock().undelivered.clone()
    }

    /// How often [`Link::connected`] was called.
    pub fn connections(&self) -> usize {
        self.seen.lock().connections
    }

    /// The reasons given to [`Link::disconnected`].
    pub fn losses(&self) -> Vec<Error> {
        self.seen.lock().losses.clone()
    }

    /// Waits for the `count`th connection. False when it does not come in time.
    pub async fn wait_connections(&self, count: usize, patience: Duration) -> bool {
        self.when(patience, |seen| (seen.connections >= count).then_some(())).await.is_some()
    }

    /// Waits for the `count`th loss. False when it does not come in time.
    pub async fn wait_losses(&self, count: usize, patience: Duration) -> bool {
        self.when(patience, |seen| (seen.losses.len() >= count).then_some(())).await.is_some()
    }

    /// The cluster as this node sees it.
    pub fn test_cluster(&self) -> &TestCluster {
        &self.cluster
    }

    /// Waits until `test` answers something.
    async fn when<T>(&self, patience: Duration, mut test: impl FnMut(&mut Seen) -> Option<T>) -> Option<T> {
        let waiting = async {
            loop {
                let news = self.news.notified();
                if let Some(found) = test(&mut self.seen.lock()) {
                    return found;
                }
                news.await;
            }
        };
        timeout(patience, waiting).await.ok()
    }

    fn note(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.seen.lock());
        self.news.notify_waiters();
    }
}

impl Link for TestLink {
    fn node_id(&self) -> &Arc<str> {
        &self.cluster.node
    }

    fn namespace(&self) -> &str {
        &self.namespace
    }

    fn instance_id(&self) -> &str {
        &self.cluster.instance
    }

    fn receive(&self, kind: PacketKind, body: Bytes) {
        self.note(|seen| seen.packets.push_back((kind, body)));
    }

    fn receive_tracked(&self, kind: PacketKind, body: Bytes) -> BoxFuture<()> {
        self.receive(kind, body);
        Box::pin(ready(()))
    }

    fn connected(&self) {
        self.note(|seen| seen.connections += 1);
    }

    fn disconnected(&self, reason: &Error) {
        self.note(|seen| seen.losses.push(reason.clone()));
    }

    fn undelivered(&self, ticket: Ticket) {
        self.note(|seen| seen.undelivered.push(ticket));
    }

    fn encode(&self, packet: &Packet<'_>, _to: Option<&str>) -> Result<Bytes> {
        let mut out = Vec::new();
        codec::encode(packet, Envelope { ver: "5", sender: &self.cluster.node }, Format::Json, &mut out)?;
        Ok(out.into())
    }

    fn decode<'a>(&self, kind: PacketKind, body: &'a mut Bytes) -> Result<Received<'a>> {
        codec::decode(kind, Format::Json, body)
    }

    fn cluster(&self) -> &dyn Cluster {
        &self.cluster
    }

    fn tasks(&self) -> &Tasks {
        &self.tasks
    }
}

/// A [`Cluster`] in a table: newer numbers win, an available node is one that told its info.
#[derive(Debug)]
pub struct TestCluster {
    node: Arc<str>,
    instance: String,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    info: Arc<NodeInfo>,
    cpu: Option<f64>,
    cpu_seq: u64,
    peers: HashMap<Arc<str>, Peer>,
}

impl TestCluster {
    fn new(node: &str) -> Self {
        let instance = format!("{:032x}", fastrand::u128(..));
        let info =
            NodeInfo { instance_id: instance.clone(), hostname: node.into(), seq: 1, ..NodeInfo::default() };
        let state = State { info: Arc::new(info), cpu: None, cpu_seq: 0, peers: HashMap::new() };
        Self { node: node.into(), instance, state: Mutex::new(state) }
    }

    /// Changes what this node is and offers; its number goes up.
    pub fn change(&self, change: impl FnOnce(&mut NodeInfo)) {
        let mut state = self.state.lock();
        let info = Arc::make_mut(&mut state.info);
        change(info);
        info.seq += 1;
    }

    /// Sets the load of this node.
    pub fn set_load(&self, cpu: f64) {
        let mut state = self.state.lock();
        state.cpu = Some(cpu);
        state.cpu_seq += 1;
    }

    fn with<T>(&self, id: &str, change: impl FnOnce(&mut Peer) -> T) -> T {
        let mut state = self.state.lock();
        let id: Arc<str> = id.into();
        let peer = state.peers.entry(id.clone()).or_insert_with(|| Peer {
            id,
            available: false,
            seq: 0,
            cpu: None,
            cpu_seq: 0,
            info: Arc::default(),
            address: None,
        });
        change(peer)
    }

    fn with_known<T: Default>(&self, id: &str, change: impl FnOnce(&mut Peer) -> T) -> T {
        self.state.lock().peers.get_mut(id).map(change).unwrap_or_default()
    }
}

impl Cluster for TestCluster {
    fn local(&self) -> Local {
        let state = self.state.lock();
        Local { info: state.info.clone(), cpu: state.cpu, cpu_seq: state.cpu_seq }
    }

    fn peers(&self) -> Vec<Peer> {
        self.state.lock().peers.values().cloned().collect()
    }

    fn peer(&self, id: &str) -> Option<Peer> {
        self.state.lock().peers.get(id).cloned()
    }

    fn learn(&self, id: &str, info: NodeInfo, load: Option<(u64, f64)>) {
        if id == &*self.node {
            return;
        }
        self.with(id, |peer| {
            let restarted = peer.info.instance_id != info.instance_id;
            if info.seq > peer.seq || restarted || (info.seq == peer.seq && !peer.available) {
                peer.seq = info.seq;
                peer.available = true;
                peer.info = Arc::new(info);
                if restarted {
                    (peer.cpu, peer.cpu_seq) = (None, 0);
                }
            }
        });
        if let Some((cpu_seq, cpu)) = load {
            self.load(id, cpu_seq, cpu);
        }
    }

    fn heard(&self, id: &str, beat: &Heartbeat) -> bool {
        self.with_known(id, |peer| {
            if let (Some(cpu), Some(cpu_seq)) = (beat.cpu, beat.cpu_seq)
                && cpu_seq > peer.cpu_seq
            {
                (peer.cpu, peer.cpu_seq) = (Some(cpu), cpu_seq);
            }
            let same_seq = beat.seq.is_none_or(|seq| seq == peer.seq);
            let instance = beat.instance_id.as_deref().unwrap_or_default();
            peer.available && same_seq && peer.info.instance_id.starts_with(instance)
        })
    }

    fn load(&self, id: &str, cpu_seq: u64, cpu: f64) {
        self.with_known(id, |peer| {
            if cpu_seq > peer.cpu_seq {
                (peer.cpu, peer.cpu_seq) = (Some(cpu), cpu_seq);
            }
        });
    }

    fn lost(&self, id: &str, _unexpected: bool) {
        self.with_known(id, |peer| {
            if peer.available {
                peer.available = false;
                peer.seq += 1;
            }
        });
    }

    fn gone(&self, id: &str, seq: u64) {
        self.with_known(id, |peer| {
            peer.available = false;
            peer.seq = peer.seq.max(seq);
        });
    }

    fn sighted(&self, id: &str, address: Address) {
        if id != &*self.node {
            self.with(id, |peer| peer.address = Some(address));
        }
    }

    fn outlive(&self, seq: u64) {
        let mut state = self.state.lock();
        let info = Arc::make_mut(&mut state.info);
        info.seq = info.seq.max(seq + 1);
    }
}
