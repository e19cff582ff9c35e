//! What happens to packets on their way.

use std::{ops::Range, time::Duration};

use tokio::time::Instant;

use super::routes::Member;

/// What happens to packets on their way.
pub(super) struct Disturbances {
    lots: fastrand::Rng,
    pub(super) loss: f64,
    pub(super) duplication: f64,
    pub(super) reordering: f64,
    pub(super) rush: f64,
    pub(super) delay: Range<Duration>,
}

impl Default for Disturbances {
    fn default() -> Self {
        Self {
            lots: fastrand::Rng::new(),
            loss: 0.0,
            duplication: 0.0,
            reordering: 0.0,
            rush: 0.0,
            delay: Duration::ZERO..Duration::ZERO,
        }
    }
}

impl Disturbances {
    pub(super) fn seed(&mut self, seed: u64) {
        self.lots = fastrand::Rng::with_seed(seed);
    }

    /// A number below `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.lots.usize(..end.max(1))
    }

    /// When the copies of a packet arrive at a receiver; an inner `None` means at once.
    pub(super) fn fates(&mut self, to: &Member) -> impl Iterator<Item = Option<Instant>> + use<> {
        let copies =
            if self.happens(self.loss) { 0 } else { 1 + usize::from(self.happens(self.duplication)) };
        let fates = [self.fate(to, copies > 0), self.fate(to, copies > 1)];
        fates.into_iter().take(copies)
    }

    fn fate(&mut self, to: &Member, real: bool) -> Option<Instant> {
        if !real {
            return None;
        }
        let longest = self.delay.end.max(self.delay.start);
        if self.happens(self.reordering) {
            let extra = longest.max(Duration::from_millis(1));
            return Some(Instant::now() + whole(longest + extra.mul_f64(self.lots.f64())));
        }
        if longest.is_zero() {
            return to.last();
        }
        let travel = whole(self.delay.start + (longest - self.delay.start).mul_f64(self.lots.f64()));
        Some(to.not_before_the_last(Instant::now() + travel))
    }

    /// Whether a packet is handled before its sender goes on.
    pub(super) fn rushes(&mut self) -> bool {
        self.happens(self.rush)
    }

    fn happens(&mut self, part: f64) -> bool {
        part > 0.0 && self.lots.f64() < part
    }
}

/// Rounded up to milliseconds, which timers do anyway: what falls on the same tick must not depend on the fraction at
/// which the clock started.
fn whole(time: Duration) -> Duration {
    Duration::from_millis(u64::try_from(time.as_micros().div_ceil(1000)).unwrap_or(u64::MAX))
}
