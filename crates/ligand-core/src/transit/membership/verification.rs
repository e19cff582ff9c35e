//! What is believed of nodes: this one puts to others what it believes of them, and contradicts what is wrong about itself.
//!
//! Anybody on a bus can speak in the name of a node. So news about a node that is there are put to that node: a Ligand
//! node gets the control message `$ligand.story` and answers only when it is wrong; others get a DISCOVER. It answers
//! with its info and, when its own number is not above the one that was believed, raises that first.

use std::{sync::Arc, time::Duration};

use ligand_transport::newest_seq;
use ligand_wire::{
    Payload,
    packet::{NodeInfo, Packet},
};
use serde_json::json;

use super::{Membership, peers::DAY_MS};
use crate::{
    registry::{ASK_PAUSE, ClaimOutcome, MOST_AHEAD, Node},
    transit::{control::VERIFY, outbox::Recipient},
};

/// A node whose name another one claims speaks within this time, when it lives.
const OWNER_CHECK: Duration = Duration::from_millis(500);

impl Membership {
    /// Puts to a node what is believed of it. `raises`: it is certain that it is a Ligand node, which answers only
    /// when that is wrong. Returns when it is asked at the latest.
    pub(super) fn verify(self: &Arc<Self>, node: &Arc<Node>, raises: bool) -> Duration {
        if node.may_ask() {
            self.send_verification(node, raises);
            return Duration::ZERO;
        }
        if !node.set_asking(true) {
            // Whatever is believed then.
            let (me, node) = (self.clone(), node.clone());
            self.tasks.spawn_background(async move {
                tokio::time::sleep(ASK_PAUSE).await;
                node.set_asking(false);
                node.may_ask();
                me.send_verification(&node, raises);
            });
        }
        ASK_PAUSE
    }

    fn send_verification(self: &Arc<Self>, node: &Arc<Node>, raises: bool) {
        node.mark_asked();
        if node.is_ligand() {
            let info = node.info();
            let verification = json!({ "seq": node.seq().to_string(), "instanceID": info.instance_id, "names": names(&info) });
            self.outbox.control(node, VERIFY, verification.into());
        }
        if !raises {
            self.outbox.tell(Recipient::Node(node), &Packet::Discover);
        }
    }

    /// A node tells what it believes of this one.
    pub(crate) fn on_verification(self: &Arc<Self>, node: &Arc<Node>, verification: &Payload) {
        let is =
            |name: &str, own: &str| verification.get(name).is_some_and(|told| told.as_str() == Some(own));
        // A text: not every serializer keeps large numbers whole.
        let seq = verification.get("seq").and_then(|seq| seq.as_str()?.parse().ok()).unwrap_or(0);
        let own = self.local_info();
        let same_life = is("instanceID", self.instance_id());
        let same_names = is("names", &names(&own));
        if same_life && same_names && seq == own.seq {
            return;
        }
        if same_life && seq >= own.seq && (!same_names || seq > own.seq) {
            self.refute(seq);
        }
        self.on_discover(node);
    }

    /// Somebody says of this node what it did not say: its own gets a larger number, and everybody hears it.
    pub(crate) fn refute(self: &Arc<Self>, seq: u64) {
        self.raise(seq);
        self.insist();
    }

    /// The number of this node's infos goes above another one, unless that was made up: nobody believes such a number
    /// who asked this node.
    pub(super) fn raise(&self, seq: u64) {
        let own = self.own.seq();
        // Where nodes find each other, others may have clocks that are ahead.
        let (believable, slack) = match self.features().own_discovery {
            true => (true, DAY_MS),
            false => (seq.saturating_sub(own) <= MOST_AHEAD, 0),
        };
        if seq < newest_seq() + slack && believable {
            self.own.raise(seq);
        }
    }

    /// Another life claims the name of a node that has shown that it lives: that one is asked first.
    pub(super) fn check_owner(self: &Arc<Self>, node: &Arc<Node>) {
        if node.set_checking_owner(true) {
            return;
        }
        self.verify(node, false);
        let (me, node) = (self.clone(), node.clone());
        self.tasks.spawn_background(async move {
            tokio::time::sleep(OWNER_CHECK).await;
            node.set_checking_owner(false);
            match node.settle_claim() {
                ClaimOutcome::Silent(info) => me.hear(node.id(), *info, None, true),
                ClaimOutcome::Lives(rival) => me.report_name_conflict(&node, &rival),
                ClaimOutcome::Over => {}
            }
        });
    }

    /// Two nodes use one name, or somebody speaks in that of another.
    pub(super) fn report_name_conflict(&self, node: &Node, rival: &NodeInfo) {
        if let Some(hidden) = self.name.conflicts.pass() {
            tracing::error!(
                node = &**node.id(),
                owner = describe_instance(&node.info()),
                rival = describe_instance(rival),
                hidden,
                "somebody else uses the name of a node that lives: that one stays; give each node a 'node_id' of its own"
            );
        }
    }

    /// Asks a newcomer for a sign of life: one that does not give it goes first when there are too many.
    pub(super) fn greet(&self, node: &Arc<Node>) {
        if node.has_answered() {
            return;
        }
        let ticket = self.events.probe_ticket(node);
        if let Err(error) = self.ping(node, Some(ticket)) {
            tracing::debug!(node = &**node.id(), error = %error.for_log(), "a newcomer was not greeted");
        }
    }
}

/// A life of a node, for people.
pub(super) fn describe_instance(info: &NodeInfo) -> String {
    let short = |text: &str| text.chars().take(100).flat_map(char::escape_debug).collect::<String>();
    let host = info.ip_list.first().unwrap_or(&info.hostname);
    format!("instance '{}' at '{}'", short(&info.instance_id), short(host))
}

/// What the services are called: the same on both sides whatever the serializer does to the rest.
fn names(info: &NodeInfo) -> String {
    let mut sum = 0_u64;
    for service in &info.services {
        let own = std::iter::once(&service.name);
        for name in own.chain(service.actions.keys()).chain(service.events.keys()) {
            // FNV-1a; the order does not count.
            let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
            sum = sum.wrapping_add(hash);
        }
    }
    format!("{sum:x}")
}
