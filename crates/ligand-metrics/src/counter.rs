//! A count that only grows.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::rate::Rate;

/// A count that only grows, of one set of labels.
#[derive(Debug, Default)]
pub struct Counter {
    value: AtomicU64,
    pub(crate) rate: Rate,
}

impl Counter {
    /// Adds.
    #[inline]
    pub fn increment(&self, by: u64) {
        self.value.fetch_add(by, Ordering::Relaxed);
    }

    /// Sets a count that is kept somewhere else; a smaller one is ignored.
    pub fn set(&self, value: u64) {
        self.value.fetch_max(value, Ordering::Relaxed);
    }

    /// The count.
    pub fn value(&self) -> u64 {
        self.value.load(Ordering::Relaxed)
    }

    /// Growth in a minute, smoothed, by the [ticks of the registry](crate::Registry::tick).
    pub fn rate(&self) -> f64 {
        self.rate.get()
    }

    pub(crate) fn reset(&self) {
        self.value.store(0, Ordering::Relaxed);
    }
}
