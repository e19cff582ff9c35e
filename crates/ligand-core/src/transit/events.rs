//! Events to and from other nodes.
//!
//! What was sent is remembered for a while ([`sent`]): when nobody got it, another node of the group does. What comes
//! waits for its listeners in one queue ([`arriving`]).

mod arriving;
mod sent;

use std::{borrow::Cow, fmt, sync::Arc};

use ligand_transport::{Outbound, Sending, Tasks, Ticket};
use ligand_wire::{
    Error, Payload, Result,
    packet::{Event, Packet, PacketKind},
    topic::{To, Topic},
};

pub(crate) use self::arriving::EventContext;
use self::{
    arriving::Arriving,
    sent::{Sent, SentEvent, SentList},
};
use super::{
    directory::Directory,
    outbox::{Outbox, RECONNECT_GRACE, add, one},
};
use crate::{
    broker::WeakBroker,
    registry::{Group, Node},
};

/// Events on their way to other nodes, and those that came.
pub(crate) struct Events {
    outbox: Arc<Outbox>,
    directory: Directory,
    tasks: Tasks,
    sent: SentList,
    arriving: Arriving,
}

/// What reached nobody.
pub(crate) struct Undelivered(Sent);

impl Undelivered {
    /// Who should have got it.
    pub(crate) fn node(&self) -> &Arc<Node> {
        match &self.0 {
            Sent::Event(sent) => &sent.node,
            Sent::Probe(node) => node,
        }
    }
}

impl Events {
    pub(super) fn new(outbox: Arc<Outbox>, directory: Directory, broker: WeakBroker, tasks: Tasks) -> Self {
        let (sent, arriving) = (SentList::default(), Arriving::new(broker));
        Self { outbox, directory, tasks, sent, arriving }
    }

    /// A ticket for a message that only tells whether its node is there.
    pub(crate) fn probe_ticket(&self, node: &Arc<Node>) -> Ticket {
        self.sent.keep(Sent::Probe(node.clone()), 0)
    }

    /// Encodes a payload that goes to several nodes, once.
    pub(crate) fn encode_once(&self, payload: &mut Payload) -> Result<()> {
        let format = self.outbox.format();
        if payload.format() != Some(format) && !payload.is_undefined() {
            let mut bytes = Vec::new();
            payload.encode(format, &mut bytes)?;
            *payload = Payload::encoded(format, bytes);
        }
        Ok(())
    }

    /// Sends an event packet to a node. One that another node of the group may handle goes there when this node did
    /// not get it. An error is counted and logged already.
    pub(crate) fn send_to_node(self: &Arc<Self>, node: &Arc<Node>, event: Event<'_>) -> Sending {
        let (name, groups, broadcast) = (event.event.to_string(), event.groups.clone(), event.broadcast);
        let groups: Vec<Arc<str>> = groups.iter().map(|group| Arc::from(&**group)).collect();
        let whole = (groups.len() > 1 && !broadcast).then(|| Box::new(owned(&event)));
        let body = match self.outbox.pack_for(node, &Packet::Event(event)) {
            Ok(body) => body,
            Err(error) => return self.not_sent(&name, error),
        };
        let groups = if broadcast { Vec::new() } else { groups };
        let (event, node) = (name.into(), node.clone());
        self.deliver(SentEvent { event, groups, node, tried: Vec::new(), body, whole })
    }

    /// Sends an event to one node of a group; the bus chooses. An error is counted and logged already.
    pub(crate) fn send_to_group(self: &Arc<Self>, group: &Arc<str>, event: Event<'_>) -> Sending {
        let name: Arc<str> = event.event.as_ref().into();
        let body = match self.outbox.pack(&Packet::Event(event), self.outbox.ver(), None) {
            Ok(body) => body,
            Err(error) => return self.not_sent(&name, error),
        };
        let to = To::Group { group: group.clone(), event: name.clone() };
        self.send(name, Outbound { topic: Topic { kind: PacketKind::Event, to }, body, ticket: None })
    }

    fn deliver(self: &Arc<Self>, sent: SentEvent) -> Sending {
        let (name, topic) = (sent.event.clone(), Topic::node(PacketKind::Event, sent.node.id().clone()));
        let body = sent.body.clone();
        let node = sent.node.clone();
        node.event_sent();
        let ticket = Some(self.sent.keep(Sent::Event(sent), body.len()));
        match self.send(name, Outbound { topic, body, ticket }) {
            // It has not left: it is lost for certain, and counted.
            Sending::Done(Err(error)) => {
                node.event_returned();
                Sending::Done(Err(error))
            }
            Sending::Done(Ok(())) => Sending::Done(Ok(())),
            Sending::Waiting(work) => Sending::Waiting(Box::pin(async move {
                let result = work.await;
                if result.is_err() {
                    node.event_returned();
                }
                result
            })),
        }
    }

    fn send(self: &Arc<Self>, name: Arc<str>, packet: Outbound) -> Sending {
        match self.outbox.send(packet) {
            Sending::Done(Ok(())) => Sending::Done(Ok(())),
            Sending::Done(Err(error)) => self.not_sent(&name, error),
            Sending::Waiting(work) => {
                let me = self.clone();
                Sending::Waiting(Box::pin(async move {
                    let result = work.await;
                    if let Err(error) = &result {
                        me.lost(&name, &error.for_log());
                    }
                    result
                }))
            }
        }
    }

    #[cold]
    fn not_sent(&self, name: &str, error: Error) -> Sending {
        self.lost(name, &error.for_log());
        Sending::Done(Err(error))
    }

    /// Counts and logs an event that reaches no listener.
    #[cold]
    pub(crate) fn lost(&self, event: &str, why: &dyn fmt::Display) {
        self.outbox.event_lost(event, why);
    }

    /// A node is lost without a farewell: counts the events of which nobody knows whether it heard them.
    pub(crate) fn on_node_lost(&self, node: &Node) {
        let count = node.take_unconfirmed();
        if count > 0 {
            add(&self.outbox.stats().events_unconfirmed, count as usize);
            tracing::warn!(
                node = &**node.id(),
                count,
                "a node was lost; it may not have heard the latest events"
            );
        }
    }

    /// Goes on with the sending of an event for which nobody waits.
    pub(crate) fn detach(&self, sending: Sending) {
        if let Sending::Waiting(work) = sending {
            self.tasks.spawn(async move {
                let _ = work.await;
            });
        }
    }

    /// What was sent with this ticket, when it is remembered.
    pub(crate) fn take_sent(&self, ticket: Ticket) -> Option<Undelivered> {
        self.sent.take(ticket).map(Undelivered)
    }

    /// An event reached nobody: another node of each group takes it, else it is lost.
    pub(crate) fn on_undelivered(self: &Arc<Self>, what: Undelivered) {
        let Undelivered(Sent::Event(mut sent)) = what else { return };
        sent.node.event_returned();
        sent.tried.push(sent.node.id().clone());
        let Some(lists) = self.directory.heard(&sent.event) else { return };
        let Some(whole) = sent.whole.take() else { return self.find_another(&lists, sent) };
        // Each group goes its own way.
        for group in std::mem::take(&mut sent.groups) {
            let event = Event { groups: vec![Cow::Owned(group.to_string())], ..Event::clone(&whole) };
            let ver = self.outbox.ver_of(&sent.node);
            let Ok(body) = self.outbox.pack(&Packet::Event(event), ver, None) else { continue };
            let (event, node, tried) = (sent.event.clone(), sent.node.clone(), sent.tried.clone());
            self.find_another(
                &lists,
                SentEvent { event, groups: vec![group], node, tried, body, whole: None },
            );
        }
    }

    /// Sends an event that its node did not get to another one of its group.
    fn find_another(self: &Arc<Self>, lists: &[Arc<Group>], mut sent: SentEvent) {
        let ver = self.outbox.ver_of(&sent.node);
        let next = lists
            .iter()
            .filter(|list| sent.groups.contains(&list.name))
            .filter_map(|list| list.next_node(false, &sent.tried).flatten())
            .find(|node| self.outbox.ver_of(node) == ver && sent.body.len() <= node.largest());
        match next {
            Some(next) => {
                one(&self.outbox.stats().sent_again);
                sent.node = next.clone();
                self.detach(self.deliver(sent));
            }
            None if self.outbox.connection().in_grace() => {
                sent.tried.clear();
                self.deliver_later(sent);
            }
            None => {
                let why = format!("node '{}' did not get it, and no other node listens", sent.node.id());
                self.lost(&sent.event, &why);
            }
        }
    }

    fn deliver_later(self: &Arc<Self>, sent: SentEvent) {
        let me = self.clone();
        self.tasks.spawn(async move {
            tokio::time::sleep(me.outbox.connection().retry_pause(RECONNECT_GRACE)).await;
            me.detach(me.deliver(sent));
        });
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
