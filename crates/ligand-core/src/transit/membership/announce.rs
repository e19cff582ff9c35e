//! Telling others what this node is, and asking what they are.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ligand_wire::{
    Result,
    packet::{GossipReply, GossipRow, NodeInfo, Packet, PacketKind},
    topic::{To, Topic},
};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::{Membership, Phase};
use crate::{
    registry::Node,
    service::Visibility,
    transit::{calls::balanced_topic, outbox::Recipient},
};

/// Time between two announcements that nothing but what somebody else said called for.
const INSIST: Duration = Duration::from_millis(500);

/// Infos for those who ask, in this time; when more ask, everybody is told once.
const ANSWERS: u32 = 64;
const TURN: Duration = Duration::from_millis(100);

/// Announcements that are due.
#[derive(Default)]
pub(super) struct Announcements {
    /// One follows in a moment.
    scheduled: AtomicBool,
    /// The next info for everybody goes out in the other version of the protocol too.
    both: AtomicBool,
    /// When everybody was, or will be, told what this node is because somebody else said it.
    insisted: Mutex<Option<Instant>>,
    /// Infos for those who ask.
    answers: AnswerLimit,
}

/// Bounds the answers to those who ask what this node is: anybody can ask in many names.
#[derive(Default)]
struct AnswerLimit(Mutex<Option<(Instant, u32)>>);

impl AnswerLimit {
    /// Whether one more may be told now.
    fn pass(&self) -> bool {
        let now = Instant::now();
        let mut turn = self.0.lock();
        let (start, count) = turn.filter(|(start, _)| now.duration_since(*start) < TURN).unwrap_or((now, 0));
        *turn = Some((start, count + 1));
        count < ANSWERS
    }
}

impl Membership {
    /// Services take calls now: everybody may know.
    pub(crate) async fn announce_first(self: &Arc<Self>) -> Result<()> {
        self.check_name()?;
        // Events that came during the start have waited for their listeners.
        self.events.start_listeners();
        self.lifecycle.announce();
        self.own.set_stale();
        self.announce_now().await;
        Ok(())
    }

    /// The services of this node changed: others are told in a moment.
    pub(crate) fn services_changed(self: &Arc<Self>) {
        self.own.set_stale();
        self.announce_in(self.options.transit.announce_delay);
    }

    /// Others are told what this node is, in a moment: once, however often that is wanted until then.
    fn announce_in(self: &Arc<Self>, delay: Duration) {
        if self.phase() != Phase::Announced || self.announcements.scheduled.swap(true, Ordering::AcqRel) {
            return;
        }
        let me = self.clone();
        self.tasks.spawn_background(async move {
            tokio::time::sleep(delay).await;
            me.announcements.scheduled.store(false, Ordering::Release);
            if me.phase() == Phase::Announced {
                me.announce_now().await;
            }
        });
    }

    /// Everybody hears soon what this node is. Two nodes of one name would contradict each other without end: there is a
    /// pause between two times.
    pub(super) fn insist(self: &Arc<Self>) {
        let now = Instant::now();
        let delay = {
            let mut last = self.announcements.insisted.lock();
            if last.is_some_and(|due| due > now) {
                return;
            }
            let due = last.map_or(now, |last| last + INSIST).max(now + TURN);
            *last = Some(due);
            due - now
        };
        self.announce_in(delay);
    }

    pub(super) async fn announce_now(self: &Arc<Self>) {
        if self.calls.may_balance()
            && self.phase() == Phase::Announced
            && let Err(error) = self.transporter.balance(self.balanced_topics()).await
        {
            tracing::error!(error = %error.for_log(), "balanced subscriptions failed");
        }
        self.publish_info();
    }

    /// Topics on which the bus chooses this node among others.
    fn balanced_topics(&self) -> Vec<Topic> {
        let Some(broker) = self.broker() else { return Vec::new() };
        let snapshot = broker.registry().snapshot();
        let mut topics = Vec::new();
        for endpoint in snapshot.services().iter().flat_map(|service| service.endpoints()) {
            if endpoint.action().visibility() != Visibility::Private {
                topics.push(balanced_topic(PacketKind::Request, endpoint.action().full_name()));
            }
        }
        for listener in snapshot.listeners() {
            let event = listener.event();
            let to = To::Group { group: event.group().into(), event: event.pattern().into() };
            let topic = Topic { kind: PacketKind::Event, to };
            if !topics.contains(&topic) {
                topics.push(topic);
            }
        }
        topics
    }

    /// Tells everybody what this node is.
    pub(super) fn publish_info(self: &Arc<Self>) {
        let info = self.local_info();
        self.check_info(&info);
        if self.features().own_discovery {
            // Gossip travels on its own, but a node that stops cannot wait for it.
            if self.phase() > Phase::Announced {
                self.gossip(&info);
            }
            return;
        }
        if let Some(discoverer) = &self.discoverer {
            let work = discoverer.announce(info);
            let name = discoverer.name();
            self.tasks.spawn_background(async move {
                if let Err(error) = work.await {
                    tracing::warn!(discoverer = name, error = %error.for_log(), "the node was not announced");
                }
            });
            return;
        }
        let recipient = match self.announcements.both.swap(false, Ordering::AcqRel) {
            true => Recipient::AllInBothVersions,
            false => Recipient::All,
        };
        self.outbox.tell(recipient, &Packet::Info(Box::new(NodeInfo::clone(&info))));
    }

    /// Tells every node what this one is in a packet of gossip.
    fn gossip(&self, info: &NodeInfo) {
        let row = GossipRow { info: Some(Box::new(info.clone())), cpu: None };
        let mut news = GossipReply::default();
        news.online.insert(self.node_id().to_string(), row);
        let packet = Packet::GossipResponse(news);
        for node in self.directory.nodes().iter().filter(|node| node.is_available()) {
            self.outbox.tell(Recipient::Node(node), &packet);
        }
    }

    /// Answers a node that asks what this one is.
    pub(crate) fn on_discover(self: &Arc<Self>, node: &Arc<Node>) {
        if !self.phase().answers_questions() || self.discoverer.is_some() || self.features().own_discovery {
            return;
        }
        if !self.announcements.answers.pass() {
            // Many ask at once: one packet tells them all.
            if self.outbox.ver_of(node) != self.outbox.ver() {
                self.announcements.both.store(true, Ordering::Release);
            }
            return self.insist();
        }
        let info = self.local_info();
        self.outbox.tell(Recipient::Node(node), &Packet::Info(Box::new(NodeInfo::clone(&info))));
        if !node.is_available() {
            self.ask(node);
        }
    }

    /// Asks a node what it is.
    pub(crate) fn ask(&self, node: &Arc<Node>) {
        if !node.may_ask() {
            return;
        }
        if let Some(discoverer) = &self.discoverer {
            let work = discoverer.discover(node.id());
            self.tasks.spawn_background(async move {
                if let Err(error) = work.await {
                    tracing::debug!(error = %error.for_log(), "a node was not found in the store");
                }
            });
        } else if !self.features().own_discovery {
            self.outbox.tell(Recipient::Node(node), &Packet::Discover);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn answers_are_bounded() {
        let answers = AnswerLimit::default();
        assert_eq!((0..1000).filter(|_| answers.pass()).count(), ANSWERS as usize);
        tokio::time::advance(TURN).await;
        assert!(answers.pass());
    }
}
