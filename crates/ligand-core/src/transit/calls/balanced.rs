//! Calls for which the bus chooses the node: which one has such a call is not known here.
//!
//! Whoever has offered the action since the call was sent may have it, and those are asked. Without an answer it ends
//! when all of them are gone, or have not known it for long. Where requests wait in a queue of the bus it may still come
//! to any node that offers the action: then it is not lost as long as there is one.

use std::{collections::HashSet, sync::Arc, time::Duration};

use ligand_transport::Ticket;
use ligand_wire::{
    packet::{NodeInfo, PacketKind},
    topic::{To, Topic},
};
use serde_json::Value;

use super::{Calls, RemoteHandler, pending::Entry};
use crate::{
    broker::ServiceBroker,
    context::Id,
    middleware::order,
    registry::{ActionList, Endpoint, Node},
    service::ActionDef,
};

/// A call that nobody knows is lost after this time: a node may not have read it until then.
const PATIENCE: Duration = Duration::from_secs(30);

/// The topic of a call or event that the bus leads to one of several nodes.
pub(crate) fn topic(kind: PacketKind, name: &str) -> Topic {
    Topic { kind, to: To::Action(name.into()) }
}

impl Calls {
    /// The bus can choose among instances, and is asked to.
    pub(crate) fn may_balance(&self) -> bool {
        self.may_balance
    }

    /// An endpoint that leads to whichever node the bus chooses; `any` has the definition.
    pub(crate) fn balanced_endpoint(
        self: &Arc<Self>,
        broker: &ServiceBroker,
        any: &Arc<Endpoint>,
    ) -> Arc<Endpoint> {
        let mut action = ActionDef::clone(any.action());
        action.handler = Arc::new(RemoteHandler { calls: self.clone(), node: None });
        let somewhere = Node::new("");
        Arc::new(Endpoint::new(broker.clone(), Arc::new(action), None, |action, available| {
            order::remote(broker.parts(), action, &somewhere, available)
        }))
    }

    /// A node does not offer any more what it told `before`, or is gone: it may have calls of these actions.
    pub(crate) fn offered_before(&self, node: &Arc<Node>, before: &NodeInfo) {
        if !self.may_balance || self.pending.len() == 0 {
            return;
        }
        let actions = before.services.iter().flat_map(|service| service.actions.values());
        let offered: HashSet<&str> =
            actions.filter_map(|action| action.get("name").and_then(Value::as_str)).collect();
        self.pending.each(|entry| {
            if entry.node.is_none()
                && offered.contains(entry.action.full_name())
                && !entry.former.iter().any(|known| known.id() == node.id())
            {
                entry.former.push(node.clone());
            }
        });
    }

    /// The nodes that may have a call for which the bus chose.
    pub(super) fn candidates(&self, id: &Id) -> Vec<Arc<Node>> {
        let Some((_, low)) = id.as_halves() else { return Vec::new() };
        let found = self.pending.with(Ticket(low), |entry| {
            let list = self.directory.offers(entry.action.full_name());
            all(entry, list.as_deref()).cloned().collect()
        });
        found.unwrap_or_default()
    }

    /// Begins a round of questions about a call for which the bus chose. False: nobody has it any more.
    pub(super) fn ask_candidates(self: &Arc<Self>, id: &Id, ask: &mut dyn FnMut(&Arc<Node>)) -> bool {
        if !self.may_be_somewhere(id) {
            return false;
        }
        // What was said in the round before says little: it may have come since.
        let failover =
            id.as_halves().and_then(|(_, low)| self.pending.with(Ticket(low), |entry| entry.tried.clear()));
        if failover.is_some() {
            self.candidates(id).iter().for_each(ask);
            // The bus may have led it to this node.
            self.on_asked(self.outbox.node_id(), std::slice::from_ref(id));
        }
        true
    }

    /// Whether a call for which the bus chose may run somewhere or come there. True when nobody waits for it.
    pub(super) fn may_be_somewhere(&self, id: &Id) -> bool {
        let Some((_, low)) = id.as_halves() else { return true };
        if self.served.runs(self.outbox.node_id(), id) {
            return true;
        }
        let found = self.pending.with(Ticket(low), |entry| {
            let list = self.directory.offers(entry.action.full_name());
            let patient = entry.sent.elapsed() < PATIENCE;
            let unknown = |name: &Arc<str>| !patient && entry.tried.contains(name);
            let offers = list.as_deref().is_some_and(|list| list.first().is_some());
            let local = list.as_deref().is_some_and(|list| list.local().is_some());
            (self.outbox.features().queues && offers)
                || (local && !unknown(self.outbox.node_id()))
                || all(entry, list.as_deref()).any(|node| match node.is_available() {
                    true => !unknown(node.id()),
                    // It may be back with its calls.
                    false => node.offline_for().is_some_and(|gone| gone < self.return_wait),
                })
        });
        found.unwrap_or(true)
    }
}

/// The other nodes that have offered the action since the call was sent.
fn all<'a>(entry: &'a Entry, list: Option<&'a ActionList>) -> impl Iterator<Item = &'a Arc<Node>> {
    let remotes = list.map_or(&[][..], ActionList::remotes);
    let listed = remotes.iter().filter_map(|endpoint| endpoint.node());
    let is_listed = |node: &Arc<Node>| {
        remotes.iter().filter_map(|endpoint| endpoint.node()).any(|other| other.id() == node.id())
    };
    listed.chain(entry.former.iter().filter(move |node| !is_listed(node)))
}
