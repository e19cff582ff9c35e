//! Calls of other nodes that run here.
//!
//! [`request`] takes a request in, [`answer`] sends what came of it. [`running`] lists what runs, [`kept`] remembers
//! answers for callers that missed them.

mod answer;
mod kept_answers;
mod request;
mod running;

use std::{sync::Arc, time::Duration};

use ligand_transport::{Outbound, Tasks};
use ligand_wire::{packet::PacketKind, topic::Topic};

use self::{
    kept_answers::{KeptAnswers, Key, Mark},
    running::Running,
};
use super::{
    call_messages::About,
    directory::Directory,
    outbox::{Outbox, one},
    streams::{Direction, Streams},
};
use crate::context::Id;

/// Longest id of a call that is remembered.
const LONGEST_ID: usize = 64;

/// A caller is asked about calls that run for so long.
const LONG: Duration = Duration::from_secs(10);

/// The calls of a caller that is away for so long are dropped.
const GONE: Duration = Duration::from_secs(30);

/// Calls that this node runs for others.
pub(crate) struct Served {
    outbox: Arc<Outbox>,
    streams: Arc<Streams>,
    directory: Directory,
    tasks: Tasks,
    running: Running,
    kept: KeptAnswers,
    max_running: usize,
}

impl Served {
    pub(super) fn new(
        outbox: Arc<Outbox>,
        streams: Arc<Streams>,
        directory: Directory,
        tasks: Tasks,
        max_running: usize,
    ) -> Self {
        let (running, kept) = (Running::default(), KeptAnswers::default());
        Self { outbox, streams, directory, tasks, running, kept, max_running }
    }

    /// How many run.
    pub(crate) fn len(&self) -> usize {
        self.running.len()
    }

    /// Whether a call runs here.
    pub(crate) fn runs(&self, caller: &Arc<str>, id: &Id) -> bool {
        self.running.has(caller, id)
    }

    /// A caller stopped waiting. Its call may not have come yet, run, or answer with a stream.
    pub(crate) fn on_cancel(&self, caller: &Arc<str>, id: &str) {
        let key = (caller.clone(), Id::parse(id));
        if self.running.cancel(&key.1, caller) {
            one(&self.outbox.stats().calls_cancelled);
            self.kept.keep(key, None);
        } else if id.len() <= LONGEST_ID && !self.streams.stop_sending(caller, Direction::Download, id) {
            self.kept.mark(&key, Mark::Cancelled);
        }
    }

    /// A caller has heard nothing of these calls. Answers that are kept are sent once more. Returns the calls that are not
    /// known, with the time for which none was forgotten; those that have run and have no answer count as forgotten.
    pub(crate) fn missing(self: &Arc<Self>, caller: &Arc<str>, ids: &[Id]) -> [(Vec<Id>, Duration); 2] {
        // Noted first, looked for later: a call that comes at this moment is seen by one of both.
        let noted = |id: &&Id| self.kept.mark(&(caller.clone(), (*id).clone()), Mark::Awaited);
        let ids: Vec<Id> = ids.iter().filter(|id| !self.runs(caller, id)).cloned().collect();
        let (answered, mut unknown) = (self.kept.find(caller, &ids), Vec::new());
        for id in ids.iter().filter(|id| !answered.contains_key(*id)).filter(noted) {
            if !self.runs(caller, id) {
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
        [(unknown, self.kept.complete_for()), (over, Duration::ZERO)]
    }

    /// Sends an answer that was kept.
    fn answer_again(&self, caller: &Arc<str>, body: &bytes::Bytes) {
        one(&self.outbox.stats().answers_repeated);
        let topic = Topic::node(PacketKind::Response, caller.clone());
        self.outbox.post(Outbound { topic, body: body.clone(), ticket: None });
    }

    /// Asks callers whether they still wait for what runs for long; ends what a lost one had called.
    pub(crate) fn inquire(&self) {
        for (caller, ids) in self.running.older_than(LONG) {
            if *caller.id() == *self.outbox.node_id() {
                continue;
            }
            // It may have been forgotten since, and be back.
            let caller = self.directory.node(caller.id()).unwrap_or(caller);
            if caller.is_available() {
                if self.outbox.is_online() && caller.is_ligand() {
                    self.outbox.tell_about_calls(&caller, About::Serving, &ids);
                }
            } else if caller.offline_for().is_some_and(|since| since >= GONE) {
                // One that never told what it is has not left either.
                self.drop_calls(caller.id(), &ids);
            }
        }
    }

    /// Ends calls that nobody waits for.
    pub(crate) fn drop_calls(&self, caller: &Arc<str>, ids: &[Id]) {
        for id in ids {
            if self.running.cancel(id, caller) {
                one(&self.outbox.stats().calls_cancelled);
                self.kept.keep((caller.clone(), id.clone()), None);
            }
        }
    }

    /// Forgets old answers.
    pub(crate) fn sweep(&self) {
        self.kept.sweep();
    }
}
