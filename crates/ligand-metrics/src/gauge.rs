//! A value that goes up and down.

use std::sync::atomic::{AtomicU64, Ordering};

/// A value that goes up and down, of one set of labels.
#[derive(Debug, Default)]
pub struct Gauge(AtomicU64);

impl Gauge {
    /// Sets it.
    #[inline]
    pub fn set(&self, value: f64) {
        self.0.store(value.to_bits(), Ordering::Relaxed);
    }

    /// Adds, or takes off.
    #[inline]
    pub fn add(&self, by: f64) {
        let add = |bits| Some((f64::from_bits(bits) + by).to_bits());
        // It always gives a value, so it never fails.
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }

    /// Adds one.
    pub fn increment(&self) {
        self.add(1.0);
    }

    /// Takes one off.
    pub fn decrement(&self) {
        self.add(-1.0);
    }

    /// The value.
    pub fn value(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }
}
