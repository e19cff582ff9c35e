//! Calls that reached nobody: they go to another node, or wait for one that comes back.

use std::sync::Arc;

use ligand_transport::{Outbound, Ticket};
use ligand_wire::{Error, Payload, packet::PacketKind, topic::Topic};
use tokio::time::sleep;

use super::{
    Calls, balanced,
    pending::{Entry, Failover},
};
use crate::{
    context::Meta,
    registry::{Endpoint, Node, strategy::Pick},
    transit::outbox::one,
};

/// Where a call went.
pub(crate) enum Target {
    Node(Arc<Node>),
    /// Where the bus chose.
    Anywhere,
}

impl Calls {
    /// Where the call with this ticket went; `None` when nobody waits for one.
    pub(crate) fn target(&self, ticket: Ticket) -> Option<Target> {
        self.pending.with(ticket, |entry| entry.node.clone().map_or(Target::Anywhere, Target::Node))
    }

    /// The packet with this ticket reached nobody.
    pub(crate) fn on_undelivered(self: &Arc<Self>, ticket: Ticket, target: &Target) {
        match target {
            Target::Node(node) => self.send_again(ticket, node),
            Target::Anywhere => self.nobody_listens(ticket),
        }
    }

    /// The bus was to choose, and there was nobody.
    fn nobody_listens(self: &Arc<Self>, ticket: Ticket) {
        let listed = |entry: &Entry| {
            self.directory.offers(entry.action.full_name()).is_some_and(|list| !list.remotes().is_empty())
        };
        if self.pending.may_wait(ticket, |entry| self.may_return(entry, || listed(entry))) {
            return self.send_later(ticket);
        }
        if let Some(entry) = self.pending.remove(ticket) {
            self.reject_entry(entry, |action| Error::service_not_available(action, None));
        }
    }

    /// Sends a call that `node` did not get to another one; nothing has run yet, so this is safe.
    fn send_again(self: &Arc<Self>, ticket: Ticket, node: &Arc<Node>) {
        let ver = self.outbox.ver_of(node);
        let next = self.pending.with(ticket, |entry| {
            if entry.failover != Failover::Anywhere {
                return None;
            }
            entry.tried.push(node.id().clone());
            let list = self.directory.offers(entry.action.full_name())?;
            let (tried, size) = (&entry.tried, entry.body.len());
            let skip = |endpoint: &Endpoint| {
                endpoint.node().is_none_or(|node| {
                    tried.contains(node.id()) || self.outbox.ver_of(node) != ver || size > node.largest()
                })
            };
            // What the packet says is not looked at again: a key is not known here.
            let endpoint = list.pick(false, &Pick::new(&Payload::UNDEFINED, &Meta::default), &skip)?;
            let next = endpoint.node()?.clone();
            entry.moves_to(next.clone());
            Some((next, entry.body.clone()))
        });
        if let Some((next, body)) = next.flatten() {
            one(&self.outbox.stats().sent_again);
            let (from, to) = (&**node.id(), &**next.id());
            tracing::debug!(from, to, "a call reached nobody, sent to another node");
            let topic = Topic::node(PacketKind::Request, next.id().clone());
            let sending = self.outbox.send(Outbound { topic, body, ticket: Some(ticket) });
            if let Err(error) = self.outbox.detach(PacketKind::Request, sending)
                && let Some(entry) = self.pending.remove(ticket)
            {
                entry.fail(error);
            }
        } else if self.pending.may_wait(ticket, |entry| self.may_return(entry, || node.is_absent())) {
            self.send_later(ticket);
        } else if let Some(entry) = self.pending.remove(ticket) {
            self.reject_entry(entry, |action| {
                Error::request_rejected(action, node.id())
                    .with_internal("the node did not get the call, and no other node can take it")
            });
        }
    }

    /// The node does not have the action any more, nothing has run: another one may have it.
    pub(super) fn run_elsewhere(self: &Arc<Self>, ticket: Ticket, entry: Entry, error: &Error) {
        let Some(node) = entry.node.clone() else { return entry.fail(error.clone()) };
        let others = self.directory.offers(entry.action.full_name()).is_some_and(|list| {
            list.remotes()
                .iter()
                .filter_map(|endpoint| endpoint.node())
                .any(|other| other.id() != node.id() && !entry.tried.contains(other.id()))
        });
        if !others {
            return entry.fail(error.clone());
        }
        self.pending.insert(ticket, entry);
        // Its caller may have gone in between.
        if self.pending.with(ticket, |entry| entry.reply.is_closed()) == Some(true) {
            self.pending.remove(ticket);
            return;
        }
        self.send_again(ticket, &node);
    }

    /// A call that nobody got may wait for a node that comes back: all do after an outage, or this one was `here` until
    /// now.
    fn may_return(&self, entry: &Entry, here: impl FnOnce() -> bool) -> bool {
        self.outbox.connection().in_grace() || (entry.made.elapsed() < self.return_wait && here())
    }

    /// Sends a call again in a moment, to whichever node has the action then.
    fn send_later(self: &Arc<Self>, ticket: Ticket) {
        let me = self.clone();
        let waits = self.pending.with(ticket, |entry| entry.made.elapsed()).unwrap_or_default();
        self.tasks.spawn_background(async move {
            sleep(me.outbox.connection().retry_pause(waits)).await;
            let waiting = me.pending.with(ticket, |entry| {
                entry.tried.clear();
                (entry.node.clone(), entry.action.clone(), entry.body.clone())
            });
            // Nobody waits for it any more.
            let Some((node, action, body)) = waiting else { return };
            let topic = match node {
                Some(node) if node.is_available() => Topic::node(PacketKind::Request, node.id().clone()),
                Some(node) => return me.send_again(ticket, &node),
                None => balanced::topic(PacketKind::Request, action.full_name()),
            };
            me.outbox.post(Outbound { topic, body, ticket: Some(ticket) });
        });
    }
}
