//! What a callee remembers of calls that are over, so that a caller may ask for an answer that it missed.
//!
//! Answers stay for a while, bounded in number, bytes and time. When one is forgotten, its time is noted: of calls that
//! were sent later it is certain whether they came here. What was said about calls that did not come is remembered
//! too: such a call may come once more, but it runs once.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use foldhash::fast::RandomState;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::context::Id;

/// Most answers and bytes that are kept, and for how long.
const MOST_ANSWERS: usize = 16_384;
const MOST_BYTES: usize = 16 * 1024 * 1024;
const LONGEST: Duration = Duration::from_secs(60);

/// Most calls of which something is noted that have not come, and for how long.
const MOST_MARKS: usize = 32_768;
const MARKED: Duration = Duration::from_secs(120);

/// A call by its caller and id.
pub(super) type Key = (Arc<str>, Id);

struct Answer {
    at: Instant,
    key: Key,
    /// `None`: it was a stream, or the call was ended without an answer.
    body: Option<Bytes>,
}

/// What is known of a call that had not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// The caller was told so: it may send the call again, and whichever packet comes first runs.
    Awaited,
    /// It came after that.
    Arrived,
    /// Its caller has stopped waiting.
    Cancelled,
}

struct State {
    answers: VecDeque<Answer>,
    /// How many answers were forgotten: the number of the first one.
    first: u64,
    /// The number of the latest answer of each call.
    numbers: HashMap<Key, u64, RandomState>,
    bytes: usize,
    /// When the latest answer was given that is forgotten.
    forgotten: Instant,
    marks: HashMap<Key, Mark, RandomState>,
    order: VecDeque<(Instant, Key)>,
}

/// See the [module](self).
pub(super) struct KeptAnswers {
    state: Mutex<State>,
    /// There are marks: arriving calls have to look.
    marked: AtomicBool,
}

impl Default for KeptAnswers {
    fn default() -> Self {
        let state = State {
            answers: VecDeque::new(),
            first: 0,
            numbers: HashMap::default(),
            bytes: 0,
            // What came before the start of this node is not known.
            forgotten: Instant::now(),
            marks: HashMap::default(),
            order: VecDeque::new(),
        };
        Self { state: Mutex::new(state), marked: AtomicBool::new(false) }
    }
}

impl State {
    fn forget_old(&mut self, now: Instant) {
        while let Some(oldest) = self.answers.front() {
            let many = self.answers.len() > MOST_ANSWERS || self.bytes > MOST_BYTES;
            if !many && now.duration_since(oldest.at) <= LONGEST {
                return;
            }
            let Some(oldest) = self.answers.pop_front() else { return };
            if self.numbers.get(&oldest.key) == Some(&self.first) {
                self.numbers.remove(&oldest.key);
            }
            self.first += 1;
            self.bytes -= oldest.body.map_or(0, |body| body.len());
            self.forgotten = self.forgotten.max(oldest.at);
        }
    }
}

impl KeptAnswers {
    /// Keeps the answer of a call, before it is sent.
    pub(super) fn keep(&self, key: Key, body: Option<Bytes>) {
        let now = Instant::now();
        let mut guard = self.state.lock();
        let state = &mut *guard;
        state.bytes += body.as_ref().map_or(0, Bytes::len);
        state.numbers.insert(key.clone(), state.first + state.answers.len() as u64);
        state.answers.push_back(Answer { at: now, key, body });
        state.forget_old(now);
    }

    /// The latest answers of these calls of one caller.
    pub(super) fn find(&self, caller: &Arc<str>, ids: &[Id]) -> HashMap<Id, Option<Bytes>> {
        let state = self.state.lock();
        let answer = |id: &Id| {
            let number = state.numbers.get(&(caller.clone(), id.clone()))?;
            let answer = state.answers.get(usize::try_from(number.checked_sub(state.first)?).ok()?)?;
            Some((id.clone(), answer.body.clone()))
        };
        ids.iter().filter_map(answer).collect()
    }

    /// For how long nothing was forgotten.
    pub(super) fn complete_for(&self) -> Duration {
        self.state.lock().forgotten.elapsed()
    }

    /// Notes something of a call that has not come. False: there is no room, nothing may be said about it.
    pub(super) fn mark(&self, key: &Key, mark: Mark) -> bool {
        let mut state = self.state.lock();
        if let Some(known) = state.marks.get_mut(key) {
            if mark == Mark::Cancelled {
                *known = mark;
            }
            return true;
        }
        if state.marks.len() >= MOST_MARKS {
            return false;
        }
        state.marks.insert(key.clone(), mark);
        state.order.push_back((Instant::now(), key.clone()));
        self.marked.store(true, Ordering::Release);
        true
    }

    /// A call comes: whether it may run.
    pub(super) fn arrives(&self, key: &Key) -> bool {
        if !self.marked.load(Ordering::Acquire) {
            return true;
        }
        match self.state.lock().marks.get_mut(key) {
            None => true,
            Some(mark) => std::mem::replace(mark, Mark::Arrived) == Mark::Awaited,
        }
    }

    /// Forgets what is old.
    pub(super) fn sweep(&self) {
        let now = Instant::now();
        let mut state = self.state.lock();
        state.forget_old(now);
        while let Some((at, _)) = state.order.front()
            && now.duration_since(*at) > MARKED
        {
            if let Some((_, key)) = state.order.pop_front() {
                state.marks.remove(&key);
            }
        }
        if state.marks.is_empty() {
            self.marked.store(false, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u64) -> Key {
        ("a".into(), Id::from_halves(1, number))
    }

    #[tokio::test(start_paused = true)]
    async fn answers_are_kept_within_bounds_and_what_is_forgotten_is_known() {
        let kept = KeptAnswers::default();
        tokio::time::advance(Duration::from_secs(1)).await;
        kept.keep(key(1), Some("one".into()));
        let ids = [key(1).1, key(2).1];
        assert_eq!(kept.find(&"a".into(), &ids), HashMap::from([(key(1).1, Some("one".into()))]));
        assert!(kept.find(&"b".into(), &ids).is_empty(), "another node's call of the same id");
        assert_eq!(kept.complete_for(), Duration::from_secs(1));
        tokio::time::advance(Duration::from_secs(61)).await;
        kept.sweep();
        assert!(kept.find(&"a".into(), &ids).is_empty());
        assert_eq!(kept.complete_for(), Duration::from_secs(61), "later calls would be known");
        for number in 0..MOST_ANSWERS as u64 + 10 {
            kept.keep(key(number), Some("x".into()));
        }
        kept.keep(key(1), Some(vec![0; MOST_BYTES - 2].into()));
        let state = kept.state.lock();
        assert!(state.bytes <= MOST_BYTES && state.answers.len() <= 3, "{}", state.answers.len());
        assert_eq!(state.numbers.len(), state.answers.len());
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_found_among_many_without_looking_at_each() {
        let kept = KeptAnswers::default();
        for number in 0..3 * MOST_ANSWERS as u64 {
            kept.keep(key(number), Some("x".into()));
        }
        let last = 3 * MOST_ANSWERS as u64 - 1;
        kept.keep(key(last - 1), None);
        let ids = [key(0).1, key(last - 1).1, key(last).1];
        let found = kept.find(&"a".into(), &ids);
        assert_eq!(found, HashMap::from([(key(last - 1).1, None), (key(last).1, Some("x".into()))]));
        let state = kept.state.lock();
        // Of one call two answers are kept.
        assert_eq!((state.answers.len(), state.numbers.len()), (MOST_ANSWERS, MOST_ANSWERS - 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_was_said_to_be_missing_runs_once() {
        let kept = KeptAnswers::default();
        assert!(kept.arrives(&key(1)) && kept.arrives(&key(1)), "of others nothing is noted");
        assert!(kept.mark(&key(1), Mark::Awaited));
        assert!(kept.arrives(&key(1)));
        assert!(!kept.arrives(&key(1)));
        assert!(kept.mark(&key(1), Mark::Awaited), "asked again");
        assert!(!kept.arrives(&key(1)));
        assert!(kept.mark(&key(2), Mark::Cancelled));
        assert!(!kept.arrives(&key(2)));
        tokio::time::advance(MARKED + Duration::from_secs(1)).await;
        kept.sweep();
        assert!(kept.arrives(&key(2)) && !kept.marked.load(Ordering::Acquire));
    }
}
