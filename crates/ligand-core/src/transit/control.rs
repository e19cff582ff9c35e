//! What Ligand nodes tell each other beside the protocol, and events that may reach nobody.
//!
//! Control messages travel as event packets with names of their own: `$ligand.cancel` ends a running call,
//! `$ligand.flow` tells the sender of a stream how much was read, asks either end whether it still has it, and answers
//! that; `$ligand.calls` asks about calls ([`super::inquiry`]).
//! Other implementations have no listener for such a name; they do not get any, because only nodes that name `ligand` in
//! the `config` of their info are told. `$ligand.story` tells a node what is believed of it.

use std::{
    borrow::Cow,
    collections::{HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use ligand_transport::{Outbound, Sending, Ticket};
use ligand_wire::{
    Error, Payload,
    packet::{Event, Packet, PacketKind},
    topic::{To, Topic},
};
use parking_lot::Mutex;
use serde_json::json;

use super::{Transit, inquiry::CALLS, kept::Mark, stats, story::STORY, streams::Way};
use crate::{
    ServiceBroker,
    context::Id,
    registry::{Group, Node},
};

/// Names of control messages begin with this.
pub(super) const CONTROL: &str = "$ligand.";
const CANCEL: &str = "$ligand.cancel";
pub(super) const FLOW: &str = "$ligand.flow";

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
    pub(super) fn controlled(&self, node: &Arc<Node>, name: &str, data: &Payload) {
        if name == STORY {
            return self.story_came(node, data);
        }
        let sender = node.id();
        if name == CALLS {
            return self.calls_came(sender, data);
        }
        let Some(id) = data.get("id") else { return };
        let Some(id) = id.as_str() else { return };
        match name {
            CANCEL => self.cancelled(sender, id),
            FLOW => {
                let way = data.get("way");
                if let Some(way) = way.as_ref().and_then(|way| way.as_str()).and_then(Way::parse) {
                    self.flow_came(sender, way, id, data);
                }
            }
            _ => {}
        }
    }
}

impl Transit {
    /// A caller stopped waiting. Its call may not have come yet, run, or answer with a stream.
    pub(super) fn cancelled(&self, caller: &Arc<str>, id: &str) {
        let key = (caller.clone(), Id::parse(id));
        if self.serving.cancel(&key.1, caller) {
            stats::one(&self.stats.calls_cancelled);
            self.kept.keep(key, None);
        } else if id.len() <= LONGEST_ID && !self.stop_sending(caller, Way::Down, id) {
            self.kept.mark(&key, Mark::Cancelled);
        }
    }
}

/// Longest id of a call that is remembered.
const LONGEST_ID: usize = 64;

/// A message whose fate matters.
enum Sent {
    Event(SentEvent),
    /// Only tells whether the node is there.
    Probe(Arc<Node>),
}

/// An event on its way to one node, which somebody else may take.
struct SentEvent {
    event: Arc<str>,
    groups: Vec<Arc<str>>,
    node: Arc<Node>,
    tried: Vec<Arc<str>>,
    body: Bytes,
    /// The event itself when it is for several groups: they may have to go different ways.
    whole: Option<Box<Event<'static>>>,
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
    /// Whether this node is there.
    pub(super) fn probe(&self, node: &Arc<Node>) -> Ticket {
        self.keep(Sent::Probe(node.clone()), 0)
    }

    fn keep(&self, sent: Sent, bytes: usize) -> Ticket {
        // Tickets of calls have the highest bit set: they are ids of version 4.
        let ticket = self.next.fetch_add(1, Ordering::Relaxed) & (u64::MAX >> 1);
        let mut kept = self.kept.lock();
        kept.bytes += bytes;
        kept.order.push_back((ticket, bytes));
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
    /// not get it. An error is counted and logged already.
    pub(crate) fn send_event(&self, node: &Arc<Node>, event: Event<'_>) -> Sending {
        let (name, groups, broadcast) = (event.event.to_string(), event.groups.clone(), event.broadcast);
        let groups: Vec<Arc<str>> = groups.iter().map(|group| Arc::from(&**group)).collect();
        let whole = (groups.len() > 1 && !broadcast).then(|| Box::new(owned(&event)));
        let body = match self.pack(&Packet::Event(event), self.ver_of(node), Some(node)) {
            Ok(body) => body,
            Err(error) => return self.event_not_sent(&name, error),
        };
        let groups = if broadcast { Vec::new() } else { groups };
        let (event, node) = (name.into(), node.clone());
        self.deliver(SentEvent { event, groups, node, tried: Vec::new(), body, whole })
    }

    /// Encodes a payload that goes to several nodes, once.
    pub(crate) fn settle(&self, payload: &mut Payload) -> ligand_wire::Result<()> {
        if payload.format() != Some(self.format) && !payload.is_undefined() {
            let mut bytes = Vec::new();
            payload.encode(self.format, &mut bytes)?;
            *payload = Payload::encoded(self.format, bytes);
        }
        Ok(())
    }

    /// Sends an event to one node of a group; the bus chooses. An error is counted and logged already.
    pub(crate) fn send_to_group(&self, group: &Arc<str>, event: Event<'_>) -> Sending {
        let name: Arc<str> = event.event.as_ref().into();
        let body = match self.pack(&Packet::Event(event), self.ver, None) {
            Ok(body) => body,
            Err(error) => return self.event_not_sent(&name, error),
        };
        let to = To::Group { group: group.clone(), event: name.clone() };
        let outbound = Outbound { topic: Topic { kind: PacketKind::Event, to }, body, ticket: None };
        self.send_out(name, outbound)
    }

    fn deliver(&self, sent: SentEvent) -> Sending {
        let (name, topic) = (sent.event.clone(), Topic::node(PacketKind::Event, sent.node.id().clone()));
        let body = sent.body.clone();
        let ticket = Some(self.events.keep(Sent::Event(sent), body.len()));
        self.send_out(name, Outbound { topic, body, ticket })
    }

    fn send_out(&self, name: Arc<str>, packet: Outbound) -> Sending {
        match self.send(packet) {
            Sending::Done(Ok(())) => Sending::Done(Ok(())),
            Sending::Done(Err(error)) => self.event_not_sent(&name, error),
            Sending::Waiting(work) => {
                let Some(me) = self.me() else { return Sending::Waiting(work) };
                Sending::Waiting(Box::pin(async move {
                    let result = work.await;
                    if let Err(error) = &result {
                        me.event_lost(&name, &format!("{error:#}"));
                    }
                    result
                }))
            }
        }
    }

    #[cold]
    fn event_not_sent(&self, name: &str, error: Error) -> Sending {
        self.event_lost(name, &format!("{error:#}"));
        Sending::Done(Err(error))
    }

    /// Goes on with the sending of an event for which nobody waits.
    pub(crate) fn send_on(&self, sending: Sending) {
        if let Sending::Waiting(work) = sending {
            self.tasks.spawn(async move {
                let _ = work.await;
            });
        }
    }

    /// An event reached nobody: another node of each group takes it, else it is lost.
    pub(super) fn event_undelivered(&self, broker: &ServiceBroker, ticket: Ticket) {
        let mut sent = match self.events.take(ticket) {
            Some(Sent::Event(sent)) => sent,
            Some(Sent::Probe(node)) => return self.absent(&node),
            None => return,
        };
        self.absent(&sent.node);
        sent.tried.push(sent.node.id().clone());
        let lists = broker.registry().load().heard(&sent.event);
        if let Some(whole) = sent.whole.take() {
            // Each group goes its own way.
            for group in std::mem::take(&mut sent.groups) {
                let event = Event { groups: vec![Cow::Owned(group.to_string())], ..Event::clone(&whole) };
                let Ok(body) = self.pack(&Packet::Event(event), self.ver_of(&sent.node), None) else {
                    continue;
                };
                let (event, node, tried) = (sent.event.clone(), sent.node.clone(), sent.tried.clone());
                self.find_another(
                    &lists,
                    SentEvent { event, groups: vec![group], node, tried, body, whole: None },
                );
            }
            return;
        }
        self.find_another(&lists, sent);
    }

    /// Sends an event that its node did not get to another one of its group.
    fn find_another(&self, lists: &[Arc<Group>], mut sent: SentEvent) {
        let ver = self.ver_of(&sent.node);
        let next = lists
            .iter()
            .filter(|list| sent.groups.contains(&list.name))
            .filter_map(|list| list.next_node(false, &sent.tried).flatten())
            .find(|node| self.ver_of(node) == ver && sent.body.len() <= node.largest());
        match next {
            Some(next) => {
                stats::one(&self.stats.sent_again);
                sent.node = next.clone();
                let sending = self.deliver(sent);
                self.send_on(sending);
            }
            None if self.returning.is_on() => {
                sent.tried.clear();
                self.later(move |me| {
                    let sending = me.deliver(sent);
                    me.send_on(sending);
                });
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

fn owned(event: &Event<'_>) -> Event<'static> {
    let text = |text: &Cow<'_, str>| Cow::Owned(text.clone().into_owned());
    Event {
        id: text(&event.id),
        event: text(&event.event),
        data: event.data.clone(),
        groups: Vec::new(),
        broadcast: event.broadcast,
        meta: Cow::Owned(event.meta.clone().into_owned()),
        headers: event.headers.as_ref().map(|headers| Cow::Owned(headers.clone().into_owned())),
        level: event.level,
        tracing: event.tracing,
        parent_id: event.parent_id.as_ref().map(text),
        request_id: event.request_id.as_ref().map(text),
        caller: event.caller.as_ref().map(text),
    }
}
