//! What nodes ask each other about calls when an answer, a request or a farewell may have been lost.
//!
//! A caller asks the node that has its call: after an outage of its own, when the node was away or tells anew what it
//! is, and from time to time while the call is quiet. The node says nothing about calls that run, sends answers that it
//! keeps once more, and names calls that it does not know. Such a call has not come, or its answer is forgotten; how
//! long nothing was forgotten tells which. In the first case it is sent again *to the same node*, which runs it once
//! however often it comes; in the second it ends with an error.
//!
//! The question travels as a request does: it comes after the call that it is about, so that whoever does not know that
//! call will not find it in its queue later. For calls that the bus leads see [`super::balanced`].
//!
//! A callee asks too: whether somebody waits for a call that runs for long.
//!
//! Only Ligand nodes are asked. Of others is known that they left or were started anew: then their calls end.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc, time::Duration};

use ligand_transport::{Outbound, Ticket};
use ligand_wire::{
    Error, Payload,
    packet::{Packet, PacketKind, Request},
    topic::Topic,
};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{
    Transit,
    kept::Mark,
    pending::{Again, Entry},
    stats,
};
use crate::{context::Id, registry::Node};

/// Name of these messages.
pub(super) const CALLS: &str = "$ligand.calls";

/// Most calls in one message.
const MOST: usize = 256;

/// Bytes of a message beside its calls, and of each of those, at most.
const ENVELOPE: usize = 512;
const ID: usize = 48;

/// A call that is quiet for so long is asked about.
pub(super) const QUIET: Duration = Duration::from_secs(2);

/// Between two questions about a call: from a second up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A call is sent again so often: the bus may refuse it without a word.
const MOST_RESENT: u8 = 3;

/// News of a node say nothing about calls that were sent or asked about just now.
const YOUNG: Duration = Duration::from_millis(100);

/// A caller is asked about calls that run for so long.
const LONG: Duration = Duration::from_secs(10);

/// The calls of a caller that is away for so long are dropped.
const GONE: Duration = Duration::from_secs(30);

/// When the next question about a call is due.
pub(super) fn pause(asked: u8) -> Duration {
    Duration::from_secs(1 << asked.min(4)).min(LONGEST_PAUSE)
}

const NOBODY: &str = "nobody who may have got the call has it";

/// What becomes of a call that its node does not know.
enum Fate {
    Other,
    /// The bus chose, and this is one that does not have it.
    OneOfMany,
    Again(Outbound),
    Over,
}

/// The caller's side.
impl Transit {
    /// This node was off the bus: answers may be lost.
    pub(super) fn inquire_after_outage(&self) {
        self.pending.ask_soon(|_| true);
        self.inquire();
    }

    /// A node told what it is. It may have been off the bus, or be another instance by now.
    pub(super) fn inquire_after_news(&self, node: &Arc<Node>, started_anew: bool) {
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
    pub(super) fn inquire(&self) {
        if !self.is_online() {
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
                        self.over(&due.id, NOBODY);
                    }
                }
            }
        }
        for (node, ids) in questions.values().filter(|(node, _)| node.is_ligand() && node.is_available()) {
            self.say(node, "asked", ids, None);
        }
    }

    /// A node does not know these calls, and has forgotten none for so long.
    fn unknown(&self, node: &Arc<str>, ids: &[Id], complete_for: Duration) {
        for id in ids {
            let Some((high, low)) = id.as_halves() else { continue };
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
                if !never_came || entry.again == Again::Nowhere || entry.resent >= MOST_RESENT {
                    return Fate::Over;
                }
                (entry.resent, entry.resent_at) = (entry.resent + 1, Instant::now());
                let topic = Topic::node(PacketKind::Request, own.id().clone());
                Fate::Again(Outbound { topic, body: entry.body.clone(), ticket: Some(Ticket(low)) })
            });
            match fate {
                None | Some(Fate::Other) => {}
                Some(Fate::OneOfMany) if self.may_be_somewhere(id) => {}
                Some(Fate::OneOfMany) => self.over(id, NOBODY),
                Some(Fate::Again(packet)) => {
                    stats::one(&self.stats.sent_again);
                    tracing::debug!(node = &**node, "a call did not come to its node, sent again");
                    self.hand_over(packet);
                }
                Some(Fate::Over) => {
                    self.over(id, "its node does not know the call: request or answer was lost");
                }
            }
        }
    }

    /// Ends a call whose answer will not come. Whoever may get it after all is told not to run it.
    fn over(&self, id: &Id, why: &str) {
        let Some((_, low)) = id.as_halves() else { return };
        let candidates = self.candidates(id);
        if let Some(entry) = self.pending.remove(Ticket(low)) {
            stats::one(&self.stats.calls_rejected);
            let node = entry.node.as_ref().map_or("*", |node| node.id());
            let error = Error::request_rejected(entry.action.full_name(), node).with_internal(why);
            match &entry.node {
                Some(node) => self.cancel(node, id),
                None => {
                    candidates.iter().for_each(|node| self.cancel(node, id));
                    self.cancelled(&self.node_id, &id.to_string());
                }
            }
            let _ = entry.reply.send(error.into());
        }
    }

    /// A node is lost. One that vanished without a farewell may be back soon, with its calls.
    pub(super) fn calls_of_lost(&self, node: &Arc<Node>, farewell: bool) {
        let wait = self.options.transit.return_wait;
        let limit = self.options.registry.heartbeat_timeout;
        let silent = !limit.is_zero() && node.silence() > limit;
        if farewell || wait.is_zero() || silent || !node.is_ligand() {
            return self.reject(node, |_| true);
        }
        self.reject(node, |entry| entry.again == Again::Nowhere);
        let waited_for = self.pending.nodes().iter().any(|other| other.id() == node.id());
        let (true, Some(me)) = (waited_for, self.me()) else { return };
        let node = node.clone();
        self.tasks.spawn_background(async move {
            sleep(wait).await;
            if !node.is_available() {
                me.reject(&node, |_| true);
            }
        });
    }

    /// Which of these calls, which a node runs, nobody waits for.
    fn serves(&self, node: &Arc<str>, ids: &[Id]) {
        let unwanted: Vec<Id> =
            ids.iter().filter(|id| !self.pending.asked(&id.to_string(), node)).cloned().collect();
        self.answer_about(node, "unwanted", &unwanted, None);
    }
}

/// The callee's side.
impl Transit {
    /// A caller has heard nothing of these calls.
    pub(super) fn asked(&self, caller: &Arc<str>, ids: &[Id]) {
        if self.early.holds() {
            return;
        }
        // Noted first, looked for later: a call that comes at this moment is seen by one of both.
        let noted = |id: &&Id| self.kept.mark(&(caller.clone(), (*id).clone()), Mark::Awaited);
        let ids: Vec<Id> = ids.iter().filter(|id| !self.serving.has(caller, id)).cloned().collect();
        let (answered, mut unknown) = (self.kept.find(caller, &ids), Vec::new());
        for id in ids.iter().filter(|id| !answered.contains_key(*id)).filter(noted) {
            if !self.serving.has(caller, id) {
                unknown.push(id.clone());
            }
        }
        // Those that ran and ended while this was found out.
        let late = self.kept.find(caller, &unknown);
        unknown.retain(|id| !late.contains_key(id));
        // Those that have run, and of which there is no answer: they must not come again.
        let mut over = Vec::new();
        for id in &ids {
            match answered.get(id).or_else(|| late.get(id)) {
                Some(Some(body)) => self.answer_again(caller, body),
                Some(None) => over.push(id.clone()),
                None => {}
            }
        }
        for (ids, complete_for) in [(unknown, self.kept.complete_for()), (over, Duration::ZERO)] {
            if *caller == self.node_id {
                self.unknown(caller, &ids, complete_for);
            } else {
                self.answer_about(caller, "unknown", &ids, Some(complete_for));
            }
        }
    }

    /// Asks callers whether they still wait for what runs for long; ends what a lost one had called.
    pub(super) fn inquire_of_callers(&self) {
        let Some(broker) = self.broker() else { return };
        for (caller, ids) in self.serving.older_than(LONG) {
            if *caller.id() == self.node_id {
                continue;
            }
            // It may have been forgotten since, and be back.
            let caller = broker.registry().node(caller.id()).unwrap_or(caller);
            if caller.is_available() {
                if self.is_online() && caller.is_ligand() {
                    self.say(&caller, "serving", &ids, None);
                }
            } else if caller.offline_for().is_some_and(|since| since >= GONE) {
                // One that never told what it is has not left either.
                self.drop_calls(caller.id(), &ids);
            }
        }
    }

    /// Ends calls that nobody waits for.
    fn drop_calls(&self, caller: &Arc<str>, ids: &[Id]) {
        for id in ids {
            if self.serving.cancel(id, caller) {
                stats::one(&self.stats.calls_cancelled);
                self.kept.keep((caller.clone(), id.clone()), None);
            }
        }
    }
}

impl Transit {
    /// Deals with a message about calls.
    pub(super) fn calls_came(&self, sender: &Arc<str>, data: &Payload) {
        let list = |name: &str| -> Vec<Id> {
            let value = data.get(name);
            let list = value.as_ref().and_then(|value| value.as_array());
            let ids = list.into_iter().flatten().take(MOST).filter_map(Value::as_str);
            ids.filter(|id| Id::halves(id).is_some()).map(Id::parse).collect()
        };
        let asked = list("asked");
        if !asked.is_empty() {
            self.asked(sender, &asked);
        }
        let unknown = list("unknown");
        if !unknown.is_empty() {
            let millis = data.get("completeFor").and_then(|millis| millis.as_u64()).unwrap_or(0);
            self.unknown(sender, &unknown, Duration::from_millis(millis));
        }
        let serving = list("serving");
        if !serving.is_empty() {
            self.serves(sender, &serving);
        }
        self.drop_calls(sender, &list("unwanted"));
    }

    fn answer_about(&self, node: &Arc<str>, what: &str, ids: &[Id], complete_for: Option<Duration>) {
        if ids.is_empty() {
            return;
        }
        if let Some(node) = self.broker().and_then(|broker| broker.registry().node(node)) {
            self.say(&node, what, ids, complete_for);
        }
    }

    fn say(&self, node: &Node, what: &str, ids: &[Id], complete_for: Option<Duration>) {
        // A node that takes only short packets is asked in several.
        let most = (node.largest().saturating_sub(ENVELOPE) / ID).clamp(1, MOST);
        for ids in ids.chunks(most) {
            let ids: Vec<String> = ids.iter().map(Id::to_string).collect();
            let mut data = json!({ what: ids });
            if let Some(time) = complete_for {
                data["completeFor"] = u64::try_from(time.as_millis()).unwrap_or(u64::MAX).into();
            }
            match what {
                "asked" => self.question(node, data.into()),
                _ => self.control(node, CALLS, data.into()),
            }
        }
    }

    /// Asks about calls on the way that they took.
    fn question(&self, node: &Node, data: Payload) {
        let request = Request {
            id: Cow::Owned(Id::random().to_string()),
            action: Cow::Borrowed(CALLS),
            params: data,
            headers: (self.ver_of(node) != "4").then(Cow::default),
            level: 1,
            ..Request::default()
        };
        if let Err(error) = self.send_to(node, &Packet::Request(request)) {
            self.not_sent(PacketKind::Request, &error);
        }
    }
}

/// When a call is asked about for the first time.
pub(super) fn first(sent: Instant) -> Instant {
    sent + QUIET
}
