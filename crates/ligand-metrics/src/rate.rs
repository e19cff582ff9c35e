//! How fast something grows, as Moleculer tells it: events a minute, smoothed.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// Below this it is zero.
const NOTHING: f64 = 0.05;

/// The rate of a count.
#[derive(Debug, Default)]
pub(crate) struct Rate {
    /// The count when it was last looked at.
    before: AtomicU64,
    /// Bits of an `f64`.
    value: AtomicU64,
}

impl Rate {
    /// The count after so much time.
    pub(crate) fn tick(&self, count: u64, elapsed: Duration) {
        let before = self.before.swap(count, Ordering::Relaxed);
        #[allow(clippy::cast_precision_loss, reason = "a rate is not exact")]
        let new = count.saturating_sub(before) as f64 / elapsed.as_secs_f64().max(0.001) * 60.0;
        let rate = self.get();
        let rate = rate + (new - rate) * 0.5;
        let rate = if rate < NOTHING { 0.0 } else { rate };
        self.value.store(rate.to_bits(), Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> f64 {
        f64::from_bits(self.value.load(Ordering::Relaxed))
    }
}
