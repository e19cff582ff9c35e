//! Calls of other nodes that run here.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use foldhash::fast::RandomState;
use futures_util::future::AbortHandle;
use parking_lot::Mutex;

use crate::context::Id;

/// By caller and id of the call.
type Running = HashMap<(Arc<str>, Id), AbortHandle, RandomState>;

/// Calls of other nodes that run here, with what ends them.
#[derive(Default)]
pub(super) struct Serving {
    count: Arc<AtomicUsize>,
    calls: Mutex<Running>,
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

    /// Notes a call that its caller may cancel.
    pub(super) fn note(&self, key: (Arc<str>, Id), handle: AbortHandle) {
        self.calls.lock().insert(key, handle);
    }

    pub(super) fn ended(&self, key: &(Arc<str>, Id)) {
        self.calls.lock().remove(key);
    }

    /// Ends a call for its caller. Answers whether it ran.
    pub(super) fn cancel(&self, id: &str, caller: &Arc<str>) -> bool {
        let handle = self.calls.lock().remove(&(caller.clone(), Id::parse(id)));
        let Some(handle) = handle else { return false };
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
