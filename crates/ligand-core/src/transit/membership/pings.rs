//! Pings and what their answers say: whether a node is there, how near it is, how its clock goes.

use std::{
    borrow::Cow,
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use ligand_transport::{Outbound, Ticket};
use ligand_wire::{
    Result,
    packet::{Packet, PacketKind, Ping, Pong},
    topic::Topic,
};
use parking_lot::Mutex;
use serde_json::json;
use tokio::{sync::oneshot, time::Instant};

use super::{Membership, own_info::now};
use crate::{broker::ServiceBroker, context::Id, registry::Node, transit::outbox::Recipient};

/// How a node answered a ping.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Echo {
    /// There and back, in milliseconds.
    #[serde(rename = "elapsedTime")]
    pub elapsed_ms: f64,
    /// How much this node's clock is ahead, in milliseconds.
    #[serde(rename = "timeDiff")]
    pub skew_ms: f64,
}

#[derive(Default)]
struct Waits {
    askers: Vec<oneshot::Sender<Echo>>,
    /// A probe was sent and not answered yet.
    probed: bool,
    /// The latest pings that were not answered.
    sent: VecDeque<(String, Instant)>,
}

/// Pings to one node that are remembered.
const LATEST: usize = 16;

/// Pings that wait for their answer, by node.
#[derive(Default)]
pub(super) struct Pings(Mutex<HashMap<Arc<str>, Waits>>);

impl Pings {
    pub(super) fn wait(&self, node: &Node) -> oneshot::Receiver<Echo> {
        let (asker, answer) = oneshot::channel();
        let mut waits = self.0.lock();
        let waits = waits.entry(node.id().clone()).or_default();
        waits.askers.retain(|asker| !asker.is_closed());
        waits.askers.push(asker);
        answer
    }

    /// Notes a probe. Returns true when the last one was not answered.
    pub(super) fn probe(&self, node: &Node) -> bool {
        std::mem::replace(&mut self.0.lock().entry(node.id().clone()).or_default().probed, true)
    }

    pub(super) fn forget(&self, node: &str) {
        self.0.lock().remove(node);
    }

    /// Notes a ping.
    pub(super) fn sent(&self, node: &Arc<str>, id: &str) {
        let mut waits = self.0.lock();
        let sent = &mut waits.entry(node.clone()).or_default().sent;
        if sent.len() == LATEST {
            sent.pop_front();
        }
        sent.push_back((id.to_owned(), Instant::now()));
    }

    /// How long the ping with this id took; `None` when this node sent none.
    pub(super) fn answered(&self, node: &str, id: &str) -> Option<Duration> {
        let mut waits = self.0.lock();
        let sent = &mut waits.get_mut(node)?.sent;
        let index = sent.iter().position(|(own, _)| own == id)?;
        sent.remove(index).map(|(_, since)| since.elapsed())
    }

    pub(super) fn answer(&self, node: &str, echo: Echo) {
        let mut waits = self.0.lock();
        let Some(known) = waits.get_mut(node) else { return };
        let askers = std::mem::take(&mut known.askers);
        known.probed = false;
        if known.sent.is_empty() {
            waits.remove(node);
        }
        drop(waits);
        for asker in askers {
            let _ = asker.send(echo);
        }
    }
}

impl Membership {
    /// How a node answers within `limit`; `None` when it does not.
    pub(crate) async fn echo(&self, node: &Node, limit: Duration) -> Option<Echo> {
        let answer = self.pings.wait(node);
        self.ping(node, None).ok()?;
        tokio::time::timeout(limit, answer).await.ok()?.ok()
    }

    pub(crate) fn on_ping(&self, node: &Arc<Node>, ping: &Ping<'_>) {
        let pong = Pong { time: ping.time, id: Cow::Borrowed(&ping.id), arrived: now() };
        self.outbox.tell(Recipient::Node(node), &Packet::Pong(pong));
    }

    /// Sends a ping; with a ticket the bus may tell that nobody got it.
    pub(super) fn ping(&self, node: &Node, ticket: Option<Ticket>) -> Result<()> {
        let id = Id::random().to_string();
        self.pings.sent(node.id(), &id);
        let ping = Ping { time: now(), id: Cow::Owned(id) };
        let body = self.outbox.pack_for(node, &Packet::Ping(ping))?;
        let topic = Topic::node(PacketKind::Ping, node.id().clone());
        self.outbox.post(Outbound { topic, body, ticket });
        Ok(())
    }

    /// One node of each machine tells how near that is.
    pub(crate) fn ping_hosts(&self) {
        let Some(broker) = self.broker() else { return };
        let snapshot = broker.registry().snapshot();
        let mut hosts = HashMap::new();
        for node in snapshot.nodes() {
            hosts.entry(node.info().hostname.clone()).or_insert_with(Vec::new).push(node);
        }
        if let Some((latencies, _)) = &self.latencies {
            latencies.retain(|host| hosts.contains_key(host));
        }
        for nodes in hosts.values() {
            let node = nodes[fastrand::usize(..nodes.len())];
            if let Err(error) = self.ping(node, None) {
                self.outbox.not_sent(PacketKind::Ping, &error);
            }
        }
    }

    /// A call waits for a node that may have died after it got it: a message that reaches nobody tells. Nodes that
    /// did not answer are asked until they do.
    pub(crate) fn probe_waited_for(&self) {
        if !self.outbox.is_online() {
            return;
        }
        let mut nodes = self.calls.nodes();
        for node in self.directory.nodes() {
            if node.is_suspect() && !nodes.iter().any(|other| Arc::ptr_eq(other, &node)) {
                nodes.push(node);
            }
        }
        for node in nodes {
            if !node.is_available() {
                continue;
            }
            if self.pings.probe(&node) {
                node.set_suspect(true);
            }
            let ticket = self.events.probe_ticket(&node);
            let _ = self.ping(&node, Some(ticket));
        }
    }

    pub(crate) fn on_pong(&self, broker: &ServiceBroker, node: &Arc<Node>, pong: &Pong<'_>) {
        // Only what this node asked for says anything about the way to the other.
        let Some(elapsed) = self.pings.answered(node.id(), &pong.id) else { return };
        let elapsed = elapsed.as_secs_f64() * 1000.0;
        let skew = (now() - pong.arrived - elapsed / 2.0).round();
        let skew = if skew.is_finite() { skew } else { 0.0 };
        let event = broker.broadcast_local(
            "$node.pong",
            json!({ "nodeID": &**node.id(), "elapsedTime": elapsed, "timeDiff": skew, "id": &*pong.id }),
        );
        let answer = Echo { elapsed_ms: elapsed, skew_ms: skew };
        node.is_here();
        node.set_answered();
        if let Some((latencies, _)) = &self.latencies {
            latencies.host(&node.info().hostname).record(elapsed);
        }
        self.pings.answer(node.id(), answer);
        broker.tasks().spawn_background(async move {
            let _ = event.await;
        });
    }
}
