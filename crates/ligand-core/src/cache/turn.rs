//! Single flight: one caller at a time for each key, as long as that helps.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use parking_lot::Mutex;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// The keys that somebody works on. A cancelled worker hands its turn to the next in line.
#[derive(Default)]
pub(super) struct Turns(Arc<Mutex<Flights>>);

type Flights = HashMap<Arc<str>, Arc<Flight>>;

/// The work on one key.
#[derive(Default)]
struct Flight {
    line: Arc<AsyncMutex<()>>,
    /// Ticks when the key is removed from the cache: what was read before is not stored any more.
    removals: AtomicU64,
    /// Somebody worked and left no entry: waiting for another turn would only make a queue.
    fruitless: AtomicBool,
}

/// The right to work on one key; ends on drop.
pub(crate) struct Turn {
    flights: Arc<Mutex<Flights>>,
    key: Arc<str>,
    flight: Option<Arc<Flight>>,
    guard: Option<OwnedMutexGuard<()>>,
}

impl Turns {
    /// Waits in line for the right to work on `key`.
    pub(super) async fn take(&self, key: &str) -> Turn {
        let (key, flight) = {
            let mut flights = self.0.lock();
            match flights.get_key_value(key) {
                Some((key, flight)) => (key.clone(), flight.clone()),
                None => {
                    let (key, flight) = (Arc::<str>::from(key), Arc::<Flight>::default());
                    flights.insert(key.clone(), flight.clone());
                    (key, flight)
                }
            }
        };
        let line = flight.line.clone();
        // Made before the wait: a waiter that is cancelled tidies up too.
        let mut turn = Turn { flights: self.0.clone(), key, flight: Some(flight), guard: None };
        turn.guard = Some(line.lock_owned().await);
        turn
    }

    /// Entries of all keys that `wanted` names are removed now.
    pub(super) fn removed(&self, wanted: impl Fn(&str) -> bool) {
        for (key, flight) in &*self.0.lock() {
            if wanted(key) {
                flight.removals.fetch_add(1, Ordering::AcqRel);
            }
        }
    }
}

impl Turn {
    fn flight(&self) -> &Flight {
        self.flight.as_ref().expect("only drop takes the flight")
    }

    /// How often the key was removed while somebody worked on it.
    pub(crate) fn removals(&self) -> u64 {
        self.flight().removals.load(Ordering::Acquire)
    }

    /// The work starts. After a turn that left no entry the others work side by side instead of one by one.
    pub(crate) fn start(&mut self) {
        if self.flight().fruitless.load(Ordering::Acquire) {
            self.guard = None;
        }
    }

    /// The work ended, with an entry for the others or without.
    pub(crate) fn ended(&self, stored: bool) {
        self.flight().fruitless.store(!stored, Ordering::Release);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut flights = self.flights.lock();
        drop(self.guard.take());
        drop(self.flight.take());
        // The map's own handle is the last one when nobody works or waits.
        if flights.get(&self.key).is_some_and(|flight| Arc::strong_count(flight) == 1) {
            flights.remove(&self.key);
        }
    }
}
