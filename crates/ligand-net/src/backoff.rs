//! Pauses between tries.

use std::time::Duration;

/// Growing pauses with jitter: each is drawn between half and the whole of a limit that doubles up to the longest.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    tries: u32,
}

impl Default for Backoff {
    /// From 100 ms to 1.5 s.
    fn default() -> Self {
        Self::new(Duration::from_millis(100), Duration::from_millis(1500))
    }
}

impl Backoff {
    /// Pauses from `first` to `longest`.
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, tries: 0 }
    }

    /// As if so many pauses had been taken already.
    pub const fn after(mut self, tries: u32) -> Self {
        self.tries = if tries > 31 { 31 } else { tries };
        self
    }

    /// How many pauses were taken since the last success.
    pub const fn tries(&self) -> u32 {
        self.tries
    }

    /// The next pause.
    pub fn pause(&mut self) -> Duration {
        let limit =
            self.first.saturating_mul(1u32.checked_shl(self.tries).unwrap_or(u32::MAX)).min(self.longest);
        self.tries = self.tries.saturating_add(1).min(31);
        limit.mul_f64(0.5 + 0.5 * fastrand::f64())
    }

    /// The try succeeded: pauses start anew.
    pub const fn reset(&mut self) {
        self.tries = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_stay_within_bounds() {
        let mut backoff = Backoff::default();
        for limit in [100, 200, 400, 800, 1500, 1500] {
            let pause = backoff.pause();
            assert!(pause <= Duration::from_millis(limit) && pause * 2 >= Duration::from_millis(limit));
        }
        (0..100).for_each(|_| assert!(backoff.pause() <= Duration::from_millis(1500)));
        backoff.reset();
        assert!(backoff.pause() <= Duration::from_millis(100));
        assert!(Backoff::default().after(3).pause() >= Duration::from_millis(400));
    }
}
