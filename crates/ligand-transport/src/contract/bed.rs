//! Nodes on a bus under test.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use ligand_wire::{
    Result,
    packet::PacketKind,
    topic::{To, Topic},
};
use tokio::{
    runtime::Handle,
    time::{Instant, sleep, timeout},
};

use super::{Bus, PATIENCE, Promises, TestLink};
use crate::{Link, Outbound, Ticket, Transporter};

/// A bus and what it promises.
#[derive(Debug)]
pub struct Bed<B> {
    /// The bus.
    pub bus: B,
    /// What it promises.
    pub promises: Promises,
}

impl<B: Bus> Bed<B> {
    /// Starts the bus.
    pub async fn start() -> Self {
        let bus = B::start().await;
        let promises = bus.promises();
        Self { bus, promises }
    }

    /// A node without a namespace, connected.
    pub async fn node(&self, id: &str) -> Node {
        self.node_in("", id).await
    }

    /// A node of a namespace, connected.
    pub async fn node_in(&self, namespace: &str, id: &str) -> Node {
        let node = Node::new(&self.bus, namespace, id);
        node.connect().await;
        node
    }

    /// Nodes that know of each other.
    pub async fn nodes<const N: usize>(&self, ids: [&str; N]) -> [Node; N] {
        let mut nodes = Vec::with_capacity(N);
        for id in ids {
            nodes.push(self.node(id).await);
        }
        for node in nodes.iter().filter(|node| node.transporter.features().own_discovery) {
            for id in ids.iter().filter(|id| **id != &**node.link.node_id()) {
                let known = || node.link.cluster().peer(id).is_some_and(|peer| peer.available);
                assert!(until(PATIENCE, known).await, "{} does not see {id}", node.link.node_id());
            }
        }
        nodes.try_into().unwrap_or_else(|_| unreachable!("one node for each id"))
    }
}

/// A transporter and its recording link. The tasks of the link end when it is dropped.
pub struct Node {
    /// Under test.
    pub transporter: Arc<dyn Transporter>,
    /// Records what comes.
    pub link: Arc<TestLink>,
}

impl Node {
    /// A node that is not connected.
    pub fn new<B: Bus>(bus: &B, namespace: &str, id: &str) -> Self {
        Self { transporter: bus.transporter(), link: TestLink::new(id, namespace) }
    }

    /// Connects.
    pub async fn connect(&self) {
        let connecting = self.transporter.clone().connect(self.link.clone());
        match timeout(PATIENCE, connecting).await {
            Ok(result) => result.expect("a server that is there takes a connection"),
            Err(_) => panic!("{} is not connected after {PATIENCE:?}", self.link.node_id()),
        }
    }

    /// Sends a packet and waits until it is handed over.
    ///
    /// # Errors
    /// As the transporter's.
    pub async fn send(&self, topic: Topic, body: impl Into<Bytes>, ticket: Option<Ticket>) -> Result<()> {
        self.transporter.send(Outbound { topic, body: body.into(), ticket }).await
    }

    /// Sends a packet to one node.
    pub async fn tell(&self, kind: PacketKind, to: &str, body: impl Into<Bytes>) {
        let topic = Topic::node(kind, to.into());
        self.send(topic, body, None).await.expect("a connected node sends");
    }

    /// Sends a packet to all nodes.
    pub async fn tell_all(&self, kind: PacketKind, body: impl Into<Bytes>) {
        self.send(Topic::all(kind), body, None).await.expect("a connected node sends");
    }

    /// Sends a balanced request.
    pub async fn ask_any(&self, action: &str, body: impl Into<Bytes>) {
        self.send(action_topic(action), body, None).await.expect("a connected node sends");
    }

    /// The next packet that tests sent; what transporters say to each other is left out.
    ///
    /// # Panics
    /// When none comes.
    pub async fn next(&self) -> (PacketKind, Bytes) {
        match self.link.next_packet(PATIENCE).await {
            Some(packet) => packet,
            None => panic!("nothing came to {} in {PATIENCE:?}", self.link.node_id()),
        }
    }

    /// Asserts that this packet comes next.
    pub async fn expect(&self, kind: PacketKind, body: &[u8]) {
        let (came, bytes) = self.next().await;
        assert_eq!((came, short(&bytes)), (kind, short(body)), "at {}", self.link.node_id());
        assert!(*bytes == *body, "a body of {} bytes came changed", body.len());
    }

    /// Asserts that no packet is left, and that none comes for a while.
    pub async fn expect_nothing(&self) {
        if let Some((kind, body)) = self.link.next_packet(super::SILENCE).await {
            panic!("{} got {kind:?} {}, which is not its own", self.link.node_id(), short(&body));
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.link.tasks().abort();
    }
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node").field("link", &self.link).finish_non_exhaustive()
    }
}

/// The balanced topic of an action.
pub(super) fn action_topic(action: &str) -> Topic {
    Topic { kind: PacketKind::Request, to: To::Action(action.into()) }
}

/// The balanced topic of an event or pattern.
pub(super) fn group_topic(group: &str, event: &str) -> Topic {
    Topic { kind: PacketKind::Event, to: To::Group { group: group.into(), event: event.into() } }
}

/// A ticket that no other check has.
pub(super) fn ticket() -> Ticket {
    static LAST: AtomicU64 = AtomicU64::new(0);
    Ticket(LAST.fetch_add(1, Ordering::Relaxed) + 1)
}

/// Waits until something is so. False when it is not in time.
pub(super) async fn until(patience: Duration, test: impl Fn() -> bool) -> bool {
    let end = Instant::now() + patience;
    while !test() {
        if Instant::now() > end {
            return false;
        }
        sleep(Duration::from_millis(5)).await;
    }
    true
}

/// Asserts that no more tasks live than `before`.
pub(super) async fn expect_tasks(before: usize) {
    let alive = || Handle::current().metrics().num_alive_tasks();
    let ended = until(PATIENCE, || alive() <= before).await;
    assert!(ended, "{} tasks were left behind", alive() - before);
}

/// How many tasks live.
pub(super) fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

fn short(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
    if body.len() > 60 { format!("{text}… ({} bytes)", body.len()) } else { text }
}
