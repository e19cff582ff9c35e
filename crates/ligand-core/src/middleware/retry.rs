//! Retry: how often and after which pauses a failed call is tried again.

use std::time::Duration;

use ligand_wire::Error;

use crate::config::RetryPolicy;

/// The tries of one call.
pub(crate) struct Plan {
    policy: RetryPolicy,
    left: u32,
    done: u32,
}

impl Plan {
    /// `wanted` is the call's own number of retries: it works also when the policy is off.
    pub(crate) fn new(policy: RetryPolicy, wanted: Option<u32>) -> Self {
        let left = wanted.unwrap_or(if policy.enabled { policy.retries } else { 0 });
        Self { policy, left, done: 0 }
    }

    /// The pause before the next try, or `None` when `error` is final.
    pub(crate) fn next(&mut self, error: &Error) -> Option<Duration> {
        let again = match &self.policy.check {
            Some(check) => check.counts(error),
            // An open circuit answers the same again until it has rested.
            None => error.retryable() && !error.is("CircuitBreakerOpenError"),
        };
        if self.left == 0 || !again {
            return None;
        }
        self.left -= 1;
        let growth = self.policy.factor.max(1.0).powi(i32::try_from(self.done).unwrap_or(i32::MAX));
        self.done += 1;
        let pause = Duration::try_from_secs_f64(self.policy.delay.as_secs_f64() * growth);
        Some(pause.unwrap_or(self.policy.max_delay).min(self.policy.max_delay))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_the_longest() {
        let policy = RetryPolicy { enabled: true, ..RetryPolicy::default() };
        let mut plan = Plan::new(policy, None);
        let error = Error::transient(503, "BUSY", "busy");
        let pauses: Vec<_> = std::iter::from_fn(|| plan.next(&error)).map(|p| p.as_millis()).collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1000]);
    }

    #[test]
    fn only_retryable_errors_and_only_as_often_as_asked() {
        let retryable = Error::transient(503, "BUSY", "busy");
        assert!(Plan::new(RetryPolicy::default(), None).next(&retryable).is_none());
        assert!(Plan::new(RetryPolicy::default(), Some(1)).next(&Error::new("no")).is_none());
        let mut plan = Plan::new(RetryPolicy::default(), Some(1));
        assert!(plan.next(&retryable).is_some());
        assert!(plan.next(&retryable).is_none());
    }
}
