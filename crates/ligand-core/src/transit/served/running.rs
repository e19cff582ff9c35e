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

use super::kept_answers::Key;
use crate::{context::Id, registry::Node};

/// A call that runs.
struct Call {
    caller: Arc<Node>,
    end: AbortHandle,
    /// When it began to wait.
    since: Instant,
}

/// Calls of other nodes that run here, with what ends them.
#[derive(Default)]
pub(super) struct Running {
    count: Arc<AtomicUsize>,
    calls: Mutex<HashMap<Key, Call, RandomState>>,
    /// Calls in their first step, most of which end there.
    starting: Mutex<Vec<Key>>,
}

impl Running {
    /// Counts a call in, unless there are `most` already.
    pub(super) fn enter(&self, most: usize) -> Option<CallSlot> {
        let slot = CallSlot(self.count.clone());
        let before = self.count.fetch_add(1, Ordering::AcqRel);
        (most == 0 || before < most).then_some(slot)
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
    pub(super) fn note(&self, key: Key, caller: Arc<Node>, end: AbortHandle) {
        self.calls.lock().insert(key, Call { caller, end, since: Instant::now() });
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
    pub(super) fn older_than(&self, age: Duration) -> Vec<(Arc<Node>, Vec<Id>)> {
        let mut old: BTreeMap<_, (Arc<Node>, Vec<Id>)> = BTreeMap::new();
        for ((name, id), call) in &*self.calls.lock() {
            if call.since.elapsed() > age {
                let its = old.entry(name.clone()).or_insert_with(|| (call.caller.clone(), Vec::new()));
                its.1.push(id.clone());
            }
        }
        // In an order that does not depend on the map.
        old.values_mut().for_each(|(_, ids)| ids.sort_unstable_by_key(Id::as_halves));
        old.into_values().collect()
    }

    /// Ends a call for its caller. Returns whether it ran.
    pub(super) fn cancel(&self, id: &Id, caller: &Arc<str>) -> bool {
        let call = self.calls.lock().remove(&(caller.clone(), id.clone()));
        let Some(call) = call else { return false };
        call.end.abort();
        true
    }
}

/// One call that runs.
pub(super) struct CallSlot(Arc<AtomicUsize>);

impl Drop for CallSlot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
