//! Which info about a node is believed.
//!
//! On a bus anybody can say anything in any name, so no single packet may have the last word. News are believed at
//! once, because nearly all are true, and then put to the node itself ([`crate::transit`]'s `verification.rs`): it
//! contradicts what is wrong. Numbers only order what one life of a node says; they are bounded, so that it can always
//! say a larger one. When two lives speak, the one that was there first stays as long as it answers.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use ligand_wire::packet::NodeInfo;
use serde_json::Value;
use tokio::time::Instant;

use super::Node;
use crate::config::SMALLEST_LIMIT;

/// The largest number that JavaScript can tell from the next one.
pub(super) const MAX_SEQ: u64 = (1 << 53) - 1;

/// A number that is further ahead than this was not counted up to.
pub(crate) const MOST_AHEAD: u64 = 1 << 20;

/// An answer comes within this time after the question.
const ANSWER: Duration = Duration::from_secs(2);

/// So long after two lives spoke under one name, a third one is not believed unheard.
const WARY: Duration = Duration::from_secs(60);

/// A life that was refused is not heard again within this time.
const REFUSED: Duration = Duration::from_secs(5);

/// What an info says, compared with what is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InfoStatus {
    /// It is what is known.
    Known,
    /// It was taken over: the services must be registered anew.
    News,
    /// As [`InfoStatus::News`], and two lives use the name: the one that was there first is back.
    Restored,
    /// The same life once said more: somebody else spoke in its name, or the packet is late.
    Older,
    /// Another life claims a name whose owner has just shown that it lives. It waits until that one is heard.
    Rival,
    /// As [`InfoStatus::Rival`], and it was refused a moment ago.
    Refused,
}

/// How it ends that somebody claims the name of a node.
#[derive(Debug)]
pub(crate) enum ClaimOutcome {
    /// The owner was silent: this one has the name now.
    Silent(Box<NodeInfo>),
    /// The owner lives: this one was refused.
    Lives(Box<NodeInfo>),
    /// It was settled before.
    Over,
}

impl InfoStatus {
    /// The services must be registered anew.
    pub(crate) const fn is_news(self) -> bool {
        matches!(self, Self::News | Self::Restored)
    }
}

/// What was told of a node lately.
#[derive(Default)]
pub(super) struct InfoHistory {
    /// When the node was asked what it is.
    asked_at: Option<Instant>,
    /// How often its present life told what it is.
    info_count: u64,
    /// The life before the present one, and since when there is the present one.
    former: Option<(Arc<NodeInfo>, Instant)>,
    /// Two lives spoke.
    disputed: Option<Instant>,
    /// Who claims the name, and whether its owner has spoken since.
    rival: Option<(Box<NodeInfo>, bool)>,
    /// Who claimed it in vain.
    refused: Option<(String, Instant)>,
}

fn within(moment: Option<Instant>, time: Duration) -> bool {
    moment.is_some_and(|moment| moment.elapsed() < time)
}

impl InfoHistory {
    /// The present life told what it is.
    fn spoke(&mut self) {
        self.info_count += 1;
        if let Some((_, spoke)) = &mut self.rival {
            *spoke = true;
        }
    }

    /// What to do with an info of another life than the known one.
    fn other_instance(&mut self, info: &NodeInfo) -> InfoStatus {
        let again = |(former, since): &(Arc<NodeInfo>, Instant)| {
            former.instance_id == info.instance_id && since.elapsed() < WARY
        };
        if self.former.as_ref().is_some_and(again) {
            self.disputed = Some(Instant::now());
            return InfoStatus::Restored;
        }
        if !within(self.disputed, WARY) {
            return InfoStatus::News;
        }
        match &self.refused {
            Some((life, since)) if *life == info.instance_id && since.elapsed() < REFUSED => {
                InfoStatus::Refused
            }
            _ => InfoStatus::Rival,
        }
    }
}

impl Node {
    /// Takes over what the node told, or somebody in its name. `judged`: whoever calls has made sure of it.
    pub(crate) fn update(&self, info: NodeInfo, judged: bool) -> InfoStatus {
        let mut state = self.state.lock();
        let known = self.info.load_full();
        let same = known.instance_id == info.instance_id;
        let seq = info.seq.max(1);
        let status = match self.is_available() {
            false => InfoStatus::News,
            true if !same && (judged || known.instance_id.is_empty()) => InfoStatus::News,
            true if !same => state.history.other_instance(&info),
            true if seq > state.seq => InfoStatus::News,
            true if seq == state.seq => InfoStatus::Known,
            true => {
                // Its own answer counts, unless it can do better: Ligand nodes raise their number when they hear what
                // is believed of them, so a lower one is a late packet.
                let raises = [&known.config, &info.config].iter().all(|config| config.contains_key("ligand"));
                let made_up = state.seq - seq > MOST_AHEAD;
                match within(state.history.asked_at, ANSWER) && (made_up || !raises) {
                    true => InfoStatus::News,
                    false => InfoStatus::Older,
                }
            }
        };
        let now = Instant::now();
        match status {
            InfoStatus::Rival => {
                let spoke = state.history.rival.take().is_some_and(|(_, spoke)| spoke);
                state.history.rival = Some((Box::new(info), spoke));
            }
            InfoStatus::Refused => {}
            InfoStatus::Known | InfoStatus::Older => state.history.spoke(),
            InfoStatus::News | InfoStatus::Restored => {
                let there = self.is_available();
                let history = &mut state.history;
                history.spoke();
                history.asked_at = None;
                if !same || !there {
                    history.rival = None;
                }
                if !there || status == InfoStatus::Restored {
                    history.former = None;
                } else if !same && !known.instance_id.is_empty() {
                    history.former = Some((known.clone(), now));
                }
                if !same && !known.instance_id.is_empty() {
                    // Started anew, maybe as another version.
                    self.ver.store(0, Ordering::Relaxed);
                    self.cpu_seq.store(0, Ordering::Relaxed);
                }
                state.seq = seq;
                state.heard = now;
                state.since = None;
                let largest =
                    info.config.get("ligand").and_then(|own| own.get("largest")).and_then(Value::as_u64);
                let largest =
                    largest.map_or(usize::MAX, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
                // Less than any node can mean was made up.
                self.largest.store(largest.max(SMALLEST_LIMIT), Ordering::Relaxed);
                self.info.store(Arc::new(info));
                self.available.store(true, Ordering::Relaxed);
                self.suspect.store(false, Ordering::Relaxed);
                self.absent.store(false, Ordering::Relaxed);
            }
        }
        status
    }

    /// The node is asked what it is: its answer may contradict what is known.
    pub(crate) fn mark_asked(&self) {
        self.state.lock().history.asked_at = Some(Instant::now());
    }

    /// How often its present life told what it is: grows with each answer.
    pub(crate) fn info_count(&self) -> u64 {
        self.state.lock().history.info_count
    }

    /// The owner of the name has had time to answer.
    pub(crate) fn settle_claim(&self) -> ClaimOutcome {
        let mut state = self.state.lock();
        let history = &mut state.history;
        let Some((rival, spoke)) = history.rival.take() else { return ClaimOutcome::Over };
        if !spoke || !self.is_available() {
            return ClaimOutcome::Silent(rival);
        }
        history.disputed = Some(Instant::now());
        history.refused = Some((rival.instance_id.clone(), Instant::now()));
        ClaimOutcome::Lives(rival)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(seq: u64, instance: &str) -> NodeInfo {
        NodeInfo { seq, instance_id: instance.into(), ..NodeInfo::default() }
    }

    fn ligand(seq: u64, instance: &str) -> NodeInfo {
        let config = [("ligand".to_owned(), serde_json::json!({}))].into_iter().collect();
        NodeInfo { config, ..info(seq, instance) }
    }

    #[test]
    fn only_news_count() {
        let node = Node::new("a");
        assert!(!node.is_available());
        assert!(node.update(info(2, "x"), false) == InfoStatus::News && node.is_available());
        assert_eq!(node.update(info(2, "x"), false), InfoStatus::Known, "the same number");
        assert_eq!(node.update(info(1, "x"), false), InfoStatus::Older, "an older one");
        assert_eq!(node.update(info(3, "x"), false), InfoStatus::News);
        assert_eq!(node.update(info(1, "y"), false), InfoStatus::News, "the node was started anew");
        assert!(node.leave() && !node.leave());
        assert_eq!(node.seq(), 2);
        assert_eq!(node.update(info(1, "y"), false), InfoStatus::News, "it is back");
    }

    #[tokio::test(start_paused = true)]
    async fn the_answer_of_a_node_counts_though_its_number_is_lower() {
        let node = Node::new("a");
        node.update(info(2, "x"), false);
        node.update(info(900, "x"), false);
        assert_eq!(node.update(info(2, "x"), false), InfoStatus::Older, "it was not asked");
        node.mark_asked();
        assert_eq!(node.update(info(2, "x"), false), InfoStatus::News);
        node.update(info(3, "x"), false);
        node.mark_asked();
        tokio::time::advance(ANSWER).await;
        assert_eq!(node.update(info(2, "x"), false), InfoStatus::Older, "long ago");
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_that_can_raise_its_number_is_not_thrown_back_by_a_late_packet() {
        let node = Node::new("a");
        node.update(ligand(5, "x"), false);
        node.mark_asked();
        assert_eq!(node.update(ligand(4, "x"), false), InfoStatus::Older);
        node.update(ligand(6 + MOST_AHEAD, "x"), false);
        node.mark_asked();
        assert_eq!(node.update(ligand(5, "x"), false), InfoStatus::News, "it could not get above that");
    }

    #[tokio::test(start_paused = true)]
    async fn of_two_lives_the_first_stays_as_long_as_it_answers() {
        let node = Node::new("a");
        node.update(info(2, "x"), false);
        assert_eq!(node.update(info(1, "y"), false), InfoStatus::News);
        assert_eq!(node.update(info(2, "x"), false), InfoStatus::Restored);
        // From now on nobody is believed unheard.
        assert_eq!(node.update(info(9, "z"), false), InfoStatus::Rival);
        node.update(info(2, "x"), false);
        assert!(matches!(node.settle_claim(), ClaimOutcome::Lives(rival) if rival.instance_id == "z"));
        assert_eq!(node.update(info(9, "z"), false), InfoStatus::Refused);
        assert_eq!(node.update(info(1, "w"), false), InfoStatus::Rival);
        assert!(matches!(node.settle_claim(), ClaimOutcome::Silent(rival) if rival.instance_id == "w"));
        assert!(matches!(node.settle_claim(), ClaimOutcome::Over));
        tokio::time::advance(WARY).await;
        assert_eq!(node.update(info(1, "v"), false), InfoStatus::News);
    }
}
