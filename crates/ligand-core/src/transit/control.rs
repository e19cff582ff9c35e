//! What Ligand nodes tell each other beside the protocol, and events that may reach nobody.
//!
//! Control messages travel as event packets with names of their own: `$ligand.cancel` ends a running call. Other
//! implementations have no listener for such a name; they do not get any, because only nodes that name `ligand` in
//! the `config` of their info are told.

use std::{
    borrow::Cow,
    collections::{HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use ligand_transport::{Outbound, Ticket};
use ligand_wire::{
    Payload,
    packet::{Event, Packet, PacketKind},
    topic::Topic,
};
use parking_lot::Mutex;
use serde_json::json;

use super::{Transit, stats};
use crate::{ServiceBroker, context::Id, registry::Node};

/// Names of control messages begin with this.
pub(super) const CONTROL: &str = "$ligand.";
const CANCEL: &str = "$ligand.cancel";

impl Transit {
    /// Tells a node that nobody waits for a call any more.
    pub(super) fn cancel(&self, node: &Node, id: &Id) {
        if node.is_ligand() && node.is_available() {
            self.control(node, CANCEL, json!({ "id": id.to_string() }).into());
        }
    }

    pub(super) fn control(&self, node: &Node, name: &'static str, data: Payload) {
        let event = Event {
            id: Cow::Owned(Id::random().to_string()),
            event: Cow::Borrowed(name),
            data,
            level: 1,
            ..Event::default()
        };
        if let Err(error) = self.send_to(node, &Packet::Event(event)) {
            self.not_sent(PacketKind::Event, &error);
        }
    }

    /// Deals with a control message.
    pub(super) fn controlled(&self, sender: &str, name: &str, data: &Payload) {
        let Some(id) = data.get("id") else { return };
        let Some(id) = id.as_str() else { return };
        if name == CANCEL && self.serving.cancel(id, sender) {
            stats::one(&self.stats.calls_cancelled);
        }
    }
}

/// An event on its way to one node, which somebody else may take.
pub(super) struct Sent {
    event: Arc<str>,
    groups: Vec<Arc<str>>,
    node: Arc<Node>,
    tried: Vec<Arc<str>>,
    body: Bytes,
}

#[derive(Default)]
struct Kept {
    sent: HashMap<u64, Sent>,
    order: VecDeque<(u64, usize)>,
    bytes: usize,
}

/// The latest events that were sent: kept for a while, because a bus tells only that nobody got one.
#[derive(Default)]
pub(super) struct Events {
    next: AtomicU64,
    kept: Mutex<Kept>,
}

/// Most events and bytes that are kept.
const MOST_EVENTS: usize = 4096;
const MOST_BYTES: usize = 4 * 1024 * 1024;

impl Events {
    fn keep(&self, sent: Sent) -> Ticket {
        // Tickets of calls have the highest bit set: they are ids of version 4.
        let ticket = self.next.fetch_add(1, Ordering::Relaxed) & (u64::MAX >> 1);
        let mut kept = self.kept.lock();
        kept.bytes += sent.body.len();
        kept.order.push_back((ticket, sent.body.len()));
        kept.sent.insert(ticket, sent);
        while kept.order.len() > MOST_EVENTS || kept.bytes > MOST_BYTES {
            let Some((oldest, bytes)) = kept.order.pop_front() else { break };
            kept.bytes -= bytes;
            kept.sent.remove(&oldest);
        }
        Ticket(ticket)
    }

    fn take(&self, ticket: Ticket) -> Option<Sent> {
        self.kept.lock().sent.remove(&ticket.0)
    }
}

impl Transit {
    /// Sends an event packet to a node. One that another node of the group may handle goes there when this node did
    /// not get it.
    pub(crate) fn send_event(&self, node: &Arc<Node>, event: Event<'_>) {
        let (name, groups, broadcast) = (event.event.to_string(), event.groups.clone(), event.broadcast);
        let groups = groups.iter().map(|group| Arc::from(&**group)).collect();
        let body = match self.pack(&Packet::Event(event), self.ver_of(node)) {
            Ok(body) => body,
            Err(error) => {
                self.event_lost(&name, &format!("{error:#}"));
                return;
            }
        };
        let groups = if broadcast { Vec::new() } else { groups };
        self.deliver(Sent { event: name.into(), groups, node: node.clone(), tried: Vec::new(), body });
    }

    fn deliver(&self, sent: Sent) {
        let (name, topic) = (sent.event.clone(), Topic::node(PacketKind::Event, sent.node.id().clone()));
        let body = sent.body.clone();
        let ticket = Some(self.events.keep(sent));
        let outbound = Outbound { topic, body, ticket };
        match self.send(outbound) {
            ligand_transport::Sending::Done(Ok(())) => {}
            ligand_transport::Sending::Done(Err(error)) => self.event_lost(&name, &format!("{error:#}")),
            ligand_transport::Sending::Waiting(work) => {
                let Some(me) = self.me() else { return };
                self.tasks.spawn(async move {
                    if let Err(error) = work.await {
                        me.event_lost(&name, &format!("{error:#}"));
                    }
                });
            }
        }
    }

    /// An event reached nobody: another node of each group takes it, else it is lost.
    pub(super) fn event_undelivered(&self, broker: &ServiceBroker, ticket: Ticket) {
        let Some(mut sent) = self.events.take(ticket) else { return };
        self.absent(&sent.node);
        sent.tried.push(sent.node.id().clone());
        let lists = broker.registry().load().heard(&sent.event);
        let ver = self.ver_of(&sent.node);
        let next = lists
            .iter()
            .filter(|list| sent.groups.iter().any(|group| *group == list.name))
            .find_map(|list| list.next_node(false, &sent.tried).flatten())
            .filter(|node| self.ver_of(node) == ver);
        match next {
            Some(next) => {
                stats::one(&self.stats.sent_again);
                sent.node = next.clone();
                self.deliver(sent);
            }
            None => {
                let why = format!("node '{}' did not get it, and no other node listens", sent.node.id());
                self.event_lost(&sent.event, &why);
            }
        }
    }

    /// Counts and logs an event that reaches no listener.
    #[cold]
    pub(crate) fn event_lost(&self, event: &str, why: &str) {
        stats::one(&self.stats.events_lost);
        if let Some(hidden) = self.losses.pass() {
            tracing::warn!(event, hidden, "an event was lost: {why}");
        }
    }
}
