//! What happened in a run, in order, and which rules it broke.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::time::Instant;

/// What happened in a run. Clones are the same record.
#[derive(Clone, Debug)]
pub(crate) struct Record(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    start: Instant,
    hash: u64,
    lines: Option<Vec<String>>,
    violations: Vec<String>,
    counts: BTreeMap<&'static str, u64>,
    /// How often each call ran.
    runs: BTreeMap<u64, u32>,
    /// How often each listener or group heard each event.
    heard: BTreeMap<(String, u64), u32>,
    last: u64,
    open: usize,
}

const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;

/// What a run comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Hash of everything that happened, with its simulated time: equal for equal runs.
    pub hash: u64,
    /// The rules that were broken; empty = the run passed.
    pub violations: Vec<String>,
    /// How often what happened.
    pub counts: BTreeMap<&'static str, u64>,
    /// What happened, when it was asked for.
    pub lines: Vec<String>,
}

impl Record {
    pub(crate) fn new(keep_lines: bool) -> Self {
        Self(Arc::new(Mutex::new(State {
            start: Instant::now(),
            hash: FNV_START,
            lines: keep_lines.then(Vec::new),
            violations: Vec::new(),
            counts: BTreeMap::new(),
            runs: BTreeMap::new(),
            heard: BTreeMap::new(),
            last: 0,
            open: 0,
        })))
    }

    /// Notes something that happened now.
    pub(crate) fn note(&self, what: &str) {
        let mut state = self.0.lock();
        let mut line = String::with_capacity(what.len() + 16);
        let _ = write!(line, "{:>9.3} {what}", state.start.elapsed().as_secs_f64());
        state.hash =
            line.bytes().fold(state.hash, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME));
        if let Some(lines) = &mut state.lines {
            lines.push(line);
        }
    }

    pub(crate) fn count(&self, what: &'static str) {
        *self.0.lock().counts.entry(what).or_default() += 1;
    }

    /// A rule was broken.
    pub(crate) fn violated(&self, what: &str) {
        self.note(&format!("VIOLATION {what}"));
        let mut state = self.0.lock();
        let time = state.start.elapsed();
        state.violations.push(format!("after {time:?}: {what}"));
    }

    pub(crate) fn check(&self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.violated(&what());
        }
    }

    /// A number that no other call or event has.
    pub(crate) fn next_id(&self) -> u64 {
        let mut state = self.0.lock();
        state.last += 1;
        state.last
    }

    /// Something started that must end.
    pub(crate) fn open(&self) -> Open {
        self.0.lock().open += 1;
        Open(self.clone())
    }

    /// What started and has not ended.
    pub(crate) fn still_open(&self) -> usize {
        self.0.lock().open
    }

    /// A handler runs for this call. Answers how many have.
    pub(crate) fn ran(&self, call: u64) {
        *self.0.lock().runs.entry(call).or_default() += 1;
    }

    pub(crate) fn runs(&self, call: u64) -> u32 {
        self.0.lock().runs.get(&call).copied().unwrap_or(0)
    }

    pub(crate) fn hear(&self, who: &str, event: u64) {
        *self.0.lock().heard.entry((who.to_owned(), event)).or_default() += 1;
    }

    /// How often `who` heard the event.
    pub(crate) fn heard(&self, who: &str, event: u64) -> u32 {
        self.0.lock().heard.get(&(who.to_owned(), event)).copied().unwrap_or(0)
    }

    /// Events that somebody heard more than once.
    pub(crate) fn heard_twice(&self) -> Vec<(String, u64)> {
        let state = self.0.lock();
        state.heard.iter().filter(|(_, times)| **times > 1).map(|(key, _)| key.clone()).collect()
    }

    /// Calls that ran more than once.
    pub(crate) fn ran_twice(&self) -> Vec<u64> {
        self.0.lock().runs.iter().filter(|(_, times)| **times > 1).map(|(call, _)| *call).collect()
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.0.lock().start.elapsed()
    }

    pub(crate) fn outcome(&self) -> Outcome {
        let state = self.0.lock();
        Outcome {
            hash: state.hash,
            violations: state.violations.clone(),
            counts: state.counts.clone(),
            lines: state.lines.clone().unwrap_or_default(),
        }
    }
}

/// Something that has not ended; its end is noted however it comes.
pub(crate) struct Open(Record);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.0.lock().open -= 1;
    }
}
