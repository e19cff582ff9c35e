//! Calls of other nodes that run here.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use foldhash::fast::RandomState;
use futures_util::future::AbortHandle;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::kept::Key;
use crate::context::Id;

/// By caller and id of the call: what ends it, and when it began to wait.
type Running = HashMap<Key, (AbortHandle, Instant), RandomState>;

/// Calls of other nodes that run here, with what ends them.
#[derive(Default)]
pub(super) struct Serving {
    count: Arc<AtomicUsize>,
    calls: Mutex<Running>,
    /// Calls in their first step, most of which end there.
    starting: Mutex<Vec<Key>>,
}

impl Serving {
    /// Counts a call in, unless there are `most` already.
    pub(super) fn enter(&self, most: usize) -> Option<Seat> {
        let seat = Seat(self.count.clone());
        let before = self.count.fetch_add(1, Ordering::AcqRel);
        (most == 0 || before < most).then_some(seat)
    }

    /// How many calls run.
    pub(super) fn len(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// A call begins. It is known from here on until it has ended or is noted.
    pub(super) fn begins(&self, key: Key) {
        self.starting.lock().push(key);
    }

    /// Its first step is over.
    pub(super) fn began(&self, key: &Key) {
        let mut starting = self.starting.lock();
        if let Some(at) = starting.iter().rposition(|other| other == key) {
            starting.swap_remove(at);
        }
    }

    /// Notes a call that its caller may cancel.
    pub(super) fn note(&self, key: Key, handle: AbortHandle) {
        self.calls.lock().insert(key, (handle, Instant::now()));
    }

    pub(super) fn ended(&self, key: &Key) {
        self.calls.lock().remove(key);
    }

    /// Whether a call runs.
    pub(super) fn has(&self, caller: &Arc<str>, id: &Id) -> bool {
        let key = (caller.clone(), id.clone());
        // In this order: a call leaves the first list when it is in the second.
        self.starting.lock().contains(&key) || self.calls.lock().contains_key(&key)
    }

    /// Calls that run for longer, by caller.
    pub(super) fn older_than(&self, age: Duration) -> BTreeMap<Arc<str>, Vec<Id>> {
        let mut old: BTreeMap<_, Vec<Id>> = BTreeMap::new();
        for ((caller, id), (_, since)) in &*self.calls.lock() {
            if since.elapsed() > age {
                old.entry(caller.clone()).or_default().push(id.clone());
            }
        }
        // In an order that does not depend on the map.
        old.values_mut().for_each(|ids| ids.sort_unstable_by_key(Id::as_halves));
        old
    }

    /// Ends a call for its caller. Answers whether it ran.
    pub(super) fn cancel(&self, id: &Id, caller: &Arc<str>) -> bool {
        let call = self.calls.lock().remove(&(caller.clone(), id.clone()));
        let Some((handle, _)) = call else { return false };
        handle.abort();
        true
    }
}

/// One call that runs.
pub(super) struct Seat(Arc<AtomicUsize>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
