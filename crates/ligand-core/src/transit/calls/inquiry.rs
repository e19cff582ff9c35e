//! The caller's questions about its calls, and what becomes of those that nobody knows. See
//! [`crate::transit`]'s `call_messages.rs`.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use ligand_transport::{Outbound, Ticket};
use ligand_wire::{Error, packet::PacketKind, topic::Topic};
use tokio::time::{Instant, sleep};

use super::{
    Calls,
    pending::{Entry, Failover},
};
use crate::{
    context::Id,
    registry::Node,
    transit::{call_messages::About, outbox::one},
};

/// A call that is silent for so long is asked about.
const SILENT: Duration = Duration::from_secs(2);

/// Between two questions about a call: from a second up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A call is sent again so often: the bus may refuse it without a word.
const MOST_RESENT: u8 = 3;

/// News of a node say nothing about calls that were sent or asked about just now.
const YOUNG: Duration = Duration::from_millis(100);

const NOBODY: &str = "nobody who may have got the call has it";

/// When a call is asked about for the first time.
pub(super) fn first(sent: Instant) -> Instant {
    sent + SILENT
}

/// When the next question about a call is due.
pub(super) fn pause(asked: u8) -> Duration {
    Duration::from_secs(1 << asked.min(4)).min(LONGEST_PAUSE)
}

/// What becomes of a call that its node does not know.
enum Fate {
    Other,
    /// The bus chose, and this is one that does not have it.
    OneOfMany,
    SendAgain(Outbound),
    Over,
}

impl Calls {
    /// This node was off the bus: answers may be lost.
    pub(crate) fn inquire_after_outage(self: &Arc<Self>) {
        self.pending.ask_soon(|_| true);
        self.inquire();
    }

    /// A node told what it is. It may have been off the bus, or be another instance by now.
    pub(crate) fn inquire_after_news(self: &Arc<Self>, node: &Arc<Node>, started_anew: bool) {
        if self.pending.len() == 0 {
            return;
        }
        if started_anew && !node.is_ligand() {
            // The instance that had them is gone, and this one cannot be asked.
            return self.reject(node, |_| true);
        }
        let is_its = |entry: &Entry| entry.node.as_ref().is_some_and(|own| own.id() == node.id());
        self.pending.ask_soon(|entry| is_its(entry) && (started_anew || entry.asked_at.elapsed() > YOUNG));
        self.inquire();
    }

    /// Asks about all calls for which it is time.
    pub(crate) fn inquire(self: &Arc<Self>) {
        if !self.outbox.is_online() {
            return;
        }
        let mut questions: BTreeMap<Arc<str>, (Arc<Node>, Vec<Id>)> = BTreeMap::new();
        let mut ask = |node: &Arc<Node>, id: &Id| {
            let question = questions.entry(node.id().clone());
            question.or_insert_with(|| (node.clone(), Vec::new())).1.push(id.clone());
        };
        for due in self.pending.due() {
            match &due.node {
                Some(node) => ask(node, &due.id),
                // The bus chose: any of them may have it, this one too.
                None => {
                    if !self.ask_candidates(&due.id, &mut |node| ask(node, &due.id)) {
                        self.give_up(&due.id, NOBODY);
                    }
                }
            }
        }
        for (node, ids) in questions.values().filter(|(node, _)| node.is_ligand() && node.is_available()) {
            self.outbox.tell_about_calls(node, About::Asked, ids);
        }
    }

    /// A caller, maybe this node itself, has heard nothing of these calls: it is told of those that are not known here.
    pub(crate) fn on_asked(self: &Arc<Self>, caller: &Arc<str>, ids: &[Id]) {
        for (ids, complete_for) in self.served.missing(caller, ids) {
            match *caller == *self.outbox.node_id() {
                true => self.on_unknown(caller, &ids, complete_for),
                false => self.answer_about(caller, About::Unknown(complete_for), &ids),
            }
        }
    }

    /// A node does not know these calls, and has forgotten none for so long.
    pub(crate) fn on_unknown(self: &Arc<Self>, node: &Arc<str>, ids: &[Id], complete_for: Duration) {
        for id in ids {
            match self.fate(node, id, complete_for) {
                Fate::Other => {}
                Fate::OneOfMany if self.may_be_somewhere(id) => {}
                Fate::OneOfMany => self.give_up(id, NOBODY),
                Fate::SendAgain(packet) => {
                    one(&self.outbox.stats().sent_again);
                    tracing::debug!(node = &**node, "a call did not come to its node, sent again");
                    self.outbox.post(packet);
                }
                Fate::Over => {
                    self.give_up(id, "its node does not know the call: request or answer was lost");
                }
            }
        }
    }

    /// What becomes of a call that `node` does not know.
    fn fate(&self, node: &Arc<str>, id: &Id, complete_for: Duration) -> Fate {
        let Some((high, low)) = id.as_halves() else { return Fate::Other };
        let fate = self.pending.with(Ticket(low), |entry| {
            if entry.high != high {
                return Fate::Other;
            }
            let Some(own) = &entry.node else {
                if !entry.tried.contains(node) {
                    entry.tried.push(node.clone());
                }
                return Fate::OneOfMany;
            };
            // That it does not know it may have been said before it was sent again.
            if own.id() != node || (entry.resent > 0 && entry.asked_at <= entry.resent_at) {
                return Fate::Other;
            }
            // An answer would have been given after the call was sent: it would be known.
            let never_came = complete_for > entry.sent.elapsed();
            if !never_came || entry.failover == Failover::Nowhere || entry.resent >= MOST_RESENT {
                return Fate::Over;
            }
            (entry.resent, entry.resent_at) = (entry.resent + 1, Instant::now());
            let topic = Topic::node(PacketKind::Request, own.id().clone());
            Fate::SendAgain(Outbound { topic, body: entry.body.clone(), ticket: Some(Ticket(low)) })
        });
        fate.unwrap_or(Fate::Other)
    }

    /// Ends a call whose answer will not come. Whoever may get it after all is told not to run it.
    fn give_up(&self, id: &Id, why: &str) {
        let Some((_, low)) = id.as_halves() else { return };
        let candidates = self.candidates(id);
        let Some(entry) = self.pending.remove(Ticket(low)) else { return };
        match &entry.node {
            Some(node) => self.outbox.cancel(node, id),
            None => {
                candidates.iter().for_each(|node| self.outbox.cancel(node, id));
                self.served.on_cancel(self.outbox.node_id(), &id.to_string());
            }
        }
        let node: Arc<str> = entry.node.as_ref().map_or_else(|| "*".into(), |node| node.id().clone());
        self.reject_entry(entry, |action| Error::request_rejected(action, &node).with_internal(why));
    }

    /// A node is lost. One that vanished without a farewell may be back soon, with its calls.
    pub(crate) fn on_node_lost(self: &Arc<Self>, node: &Arc<Node>, farewell: bool) {
        let (wait, limit) = (self.return_wait, self.heartbeat_timeout);
        let silent = !limit.is_zero() && node.silence() > limit;
        if farewell || wait.is_zero() || silent || !node.is_ligand() {
            return self.reject(node, |_| true);
        }
        self.reject(node, |entry| entry.failover == Failover::Nowhere);
        if !self.pending.nodes().iter().any(|other| other.id() == node.id()) {
            return;
        }
        let (me, node) = (self.clone(), node.clone());
        self.tasks.spawn_background(async move {
            sleep(wait).await;
            if !node.is_available() {
                me.reject(&node, |_| true);
            }
        });
    }

    /// A node runs these calls for long: it is told for which of them nobody waits.
    pub(crate) fn on_serving(self: &Arc<Self>, node: &Arc<str>, ids: &[Id]) {
        let unwanted: Vec<Id> =
            ids.iter().filter(|id| !self.pending.asked(&id.to_string(), node)).cloned().collect();
        self.answer_about(node, About::Unwanted, &unwanted);
    }

    fn answer_about(&self, node: &str, about: About, ids: &[Id]) {
        if !ids.is_empty()
            && let Some(node) = self.directory.node(node)
        {
            self.outbox.tell_about_calls(&node, about, ids);
        }
    }
}
