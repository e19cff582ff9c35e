//! Counters in memory, of bounded size.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

use parking_lot::Mutex;
use tokio::time::Instant;

use super::{Algorithm, Rule, Taken};

const SHARDS: usize = 16;

/// Counters that keys share when there are too many of them: whoever invents keys meets the limit all the same.
const SHARED: usize = 1024;

pub(super) struct Memory {
    start: Instant,
    shards: [Mutex<Shard>; SHARDS],
    most: usize,
    hasher: RandomState,
}

/// A slot is a count, or when a bucket will be empty.
#[derive(Default)]
struct Shard {
    window: u64,
    slots: HashMap<Box<str>, u64>,
    shared: Vec<u64>,
}

impl Memory {
    pub(super) fn new(most: usize) -> Self {
        let shards = std::array::from_fn(|_| Mutex::default());
        Self { start: Instant::now(), shards, most: most.div_ceil(SHARDS).max(1), hasher: RandomState::new() }
    }

    pub(super) fn take(&self, key: &str, rule: &Rule) -> Taken {
        // Never 0, which is a bucket that is empty.
        let now = u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX).saturating_add(1);
        let hash = self.hasher.hash_one(key);
        let mut shard = self.shards[usize::try_from(hash).unwrap_or_default() % SHARDS].lock();
        match rule.algorithm {
            Algorithm::FixedWindow => {
                let window = u64::try_from(rule.window.as_nanos()).unwrap_or(u64::MAX).max(1);
                if shard.window != now / window {
                    shard.window = now / window;
                    shard.forget();
                }
                let slot = shard.slot(key, hash, self.most, |_| false);
                *slot += 1;
                rule.counted(*slot, Duration::from_nanos(window - now % window))
            }
            Algorithm::Gcra => rule.spread(now, shard.slot(key, hash, self.most, |full| full <= now)),
        }
    }
}

impl Shard {
    fn forget(&mut self) {
        self.slots.clear();
        // What an attack has filled is given back.
        self.slots.shrink_to(1024);
        self.shared = Vec::new();
    }

    fn slot(&mut self, key: &str, hash: u64, most: usize, is_over: impl Fn(u64) -> bool) -> &mut u64 {
        if !self.slots.contains_key(key) && self.slots.len() >= most {
            // Looking at all of them is worth it only when it makes room for many: once for as many new keys.
            if self.shared.is_empty() {
                self.slots.retain(|_, slot| !is_over(*slot));
            }
            if self.slots.len() >= most {
                self.shared.resize(SHARED / SHARDS, 0);
                let at = usize::try_from(hash >> 32).unwrap_or_default() % self.shared.len();
                if self.shared.iter().all(|slot| is_over(*slot)) {
                    self.shared = vec![0; SHARED / SHARDS];
                    self.slots.retain(|_, slot| !is_over(*slot));
                }
                return &mut self.shared[at];
            }
        }
        self.slots.entry(key.into()).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(algorithm: Algorithm) -> Rule {
        Rule { limit: 2, window: Duration::from_secs(10), algorithm }
    }

    #[tokio::test(start_paused = true)]
    async fn counters_begin_anew_in_the_next_window() {
        let memory = Memory::new(100);
        let rule = rule(Algorithm::FixedWindow);
        let allowed = |key: &str| memory.take(key, &rule).allowed;
        assert_eq!([allowed("a"), allowed("a"), allowed("a"), allowed("b")], [true, true, false, true]);
        tokio::time::advance(Duration::from_secs(10)).await;
        assert!(allowed("a"));
    }

    #[tokio::test(start_paused = true)]
    async fn many_keys_are_bounded_and_still_limited() {
        for algorithm in [Algorithm::FixedWindow, Algorithm::Gcra] {
            let memory = Memory::new(160);
            let rule = rule(algorithm);
            let passed = (0..100_000).filter(|key| memory.take(&format!("key {key}"), &rule).allowed).count();
            assert!(passed <= 160 + 2 * SHARED, "{algorithm:?}: {passed}");
            let kept: usize = memory.shards.iter().map(|shard| shard.lock().slots.len()).sum();
            assert!(kept <= 160, "{algorithm:?}: {kept}");
            tokio::time::advance(Duration::from_secs(30)).await;
            let passed = (0..100).filter(|key| memory.take(&format!("new {key}"), &rule).allowed).count();
            assert_eq!(passed, 100, "{algorithm:?}");
        }
    }
}
