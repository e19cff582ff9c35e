//! What a limit is, and what it makes of one more request.

use std::time::Duration;

/// How requests are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// A counter that begins anew in each window.
    FixedWindow,
    /// The generic cell rate algorithm: a bucket that is emptied steadily.
    Gcra,
}

/// At most `limit` requests in `window`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Most requests.
    pub limit: u32,
    /// In this time.
    pub window: Duration,
    /// How they are counted. A shared store may know only [`Algorithm::FixedWindow`].
    pub algorithm: Algorithm,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// It may pass.
    pub allowed: bool,
    /// How many more may pass now.
    pub remaining: u32,
    /// When all may pass again.
    pub reset: Duration,
    /// When the next one may pass; zero when it may now.
    pub retry_after: Duration,
}

impl Rule {
    /// The result of the request that is number `count` of a window with so much time left.
    pub fn counted(&self, count: u64, left: Duration) -> Taken {
        let limit = u64::from(self.limit);
        let remaining = u32::try_from(limit.saturating_sub(count)).unwrap_or(u32::MAX);
        let retry_after = if remaining == 0 { left } else { Duration::ZERO };
        Taken { allowed: count <= limit, remaining, reset: left, retry_after }
    }

    /// The result of a request at `now`, where `full` is when the bucket will be empty; both in nanoseconds.
    pub(super) fn spread(&self, now: u64, full: &mut u64) -> Taken {
        let window = u64::try_from(self.window.as_nanos()).unwrap_or(u64::MAX);
        let each = (window / u64::from(self.limit.max(1))).max(1);
        let level = (*full).max(now);
        let next = level.saturating_add(each);
        // What the bucket holds after this one.
        let held = next - now;
        let allowed = held <= window;
        if allowed {
            *full = next;
        }
        let held = if allowed { held } else { level - now };
        let free = window.saturating_sub(held) / each;
        let wait = (held + each).saturating_sub(window);
        Taken {
            allowed,
            remaining: u32::try_from(free).unwrap_or(u32::MAX),
            reset: Duration::from_nanos(held),
            retry_after: Duration::from_nanos(wait),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_window_lets_its_limit_pass() {
        let rule = Rule { limit: 2, window: Duration::from_secs(60), algorithm: Algorithm::FixedWindow };
        let left = Duration::from_secs(30);
        let seen: Vec<_> =
            (1..=3).map(|count| rule.counted(count, left)).map(|t| (t.allowed, t.remaining)).collect();
        assert_eq!(seen, [(true, 1), (true, 0), (false, 0)]);
        assert_eq!(rule.counted(3, left).retry_after, left);
    }

    #[test]
    fn a_bucket_empties_steadily() {
        let rule = Rule { limit: 3, window: Duration::from_secs(30), algorithm: Algorithm::Gcra };
        let mut full = 0;
        let now = 100 * SECOND;
        let burst: Vec<_> = (0..4).map(|_| rule.spread(now, &mut full)).collect();
        assert_eq!(burst.iter().map(|t| t.remaining).collect::<Vec<_>>(), [2, 1, 0, 0]);
        assert!(burst[2].allowed && !burst[3].allowed);
        assert_eq!(burst[3].retry_after, Duration::from_secs(10));
        assert!(!rule.spread(now + 9 * SECOND, &mut full).allowed);
        assert!(rule.spread(now + 10 * SECOND, &mut full).allowed);
        assert!(!rule.spread(now + 10 * SECOND, &mut full).allowed);
        assert_eq!(rule.spread(now + 100 * SECOND, &mut full).remaining, 2);
    }
}
