//! Where this node stands between its start and its farewell. All transitions are here.
//!
//! ```text
//! Joining ──named──▶ Joined ──announce──▶ Announced ──withdraw──▶ Withdrawn
//!    └──────────────────┴──────────leave───────┴───────────────────────┴──▶ Left
//! ```

use std::sync::atomic::{AtomicU8, Ordering};

/// Where a node stands. It only goes on, never back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// It makes sure that its name is its own: requests are held, for they may be meant for another node.
    Joining,
    /// The name is its own and services start: requests are answered, questions what it is are not.
    Joined,
    /// Others know its services, and are told when they change.
    Announced,
    /// It stops: others know that it takes no calls any more. It still answers.
    Withdrawn,
    /// It said farewell, or ends before anybody knew it. It tells nothing.
    Left,
}

const ALL: [Phase; 5] = [Phase::Joining, Phase::Joined, Phase::Announced, Phase::Withdrawn, Phase::Left];

impl Phase {
    /// Others know of this node, or have known.
    pub(super) fn was_announced(self) -> bool {
        self >= Self::Announced
    }

    /// Whoever asks what this node is gets an answer.
    pub(super) fn answers_questions(self) -> bool {
        matches!(self, Self::Announced | Self::Withdrawn)
    }

    /// A request may be meant for another node of this name.
    pub(crate) fn may_hold_requests(self) -> bool {
        matches!(self, Self::Joining | Self::Left)
    }
}

/// The phase of this node. Reading it takes no lock.
pub(super) struct Lifecycle(AtomicU8);

impl Default for Lifecycle {
    fn default() -> Self {
        Self(AtomicU8::new(Phase::Joining as u8))
    }
}

impl Lifecycle {
    pub(super) fn phase(&self) -> Phase {
        ALL[usize::from(self.0.load(Ordering::Acquire))]
    }

    /// The name of this node is its own.
    pub(super) fn named(&self) {
        let _ = self.go(Phase::Joined, |now| now == Phase::Joining);
    }

    /// Its services take calls. Once is enough, and too late is no harm: a node that stops already goes on doing so.
    pub(super) fn announce(&self) {
        let _ = self.go(Phase::Announced, |now| now <= Phase::Joined);
    }

    /// It takes no calls any more. False: nobody knew it, or this is known already.
    pub(super) fn withdraw(&self) -> bool {
        self.go(Phase::Withdrawn, |now| now == Phase::Announced).is_ok()
    }

    /// It leaves. Returns where it stood.
    pub(super) fn leave(&self) -> Phase {
        self.go(Phase::Left, |_| true).unwrap_or_else(|now| now)
    }

    /// Goes to `next` from a phase that `from` takes; returns the one before, as an error when that is none of them.
    fn go(&self, next: Phase, from: impl Fn(Phase) -> bool) -> Result<Phase, Phase> {
        let step = |now: u8| from(ALL[usize::from(now)]).then_some(next as u8);
        match self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, step) {
            Ok(before) => Ok(ALL[usize::from(before)]),
            Err(now) => Err(ALL[usize::from(now)]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_goes_through_its_phases_and_never_back() {
        let node = Lifecycle::default();
        assert!(node.phase() == Phase::Joining && !node.withdraw(), "nobody knows it");
        node.named();
        assert_eq!(node.phase(), Phase::Joined);
        node.announce();
        node.named();
        assert_eq!(node.phase(), Phase::Announced);
        assert!(node.withdraw() && !node.withdraw(), "once");
        node.announce();
        assert_eq!(node.phase(), Phase::Withdrawn, "a late announcement");
        assert_eq!(node.leave(), Phase::Withdrawn);
        node.announce();
        assert_eq!((node.leave(), node.phase()), (Phase::Left, Phase::Left));
    }

    #[test]
    fn a_start_that_is_given_up_leaves_at_once() {
        let node = Lifecycle::default();
        assert_eq!(node.leave(), Phase::Joining);
        node.named();
        assert!(node.phase() == Phase::Left && node.phase().may_hold_requests());
    }
}
