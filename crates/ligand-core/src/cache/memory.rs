//! The cacher in this process: values stay typed, nothing is serialised.

use std::{hash::BuildHasher, time::Duration};

use foldhash::fast::RandomState;
use hashlink::LinkedHashMap;
use ligand_wire::{Payload, Result, pattern::Pattern};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::{Cacher, Lookup};
use crate::future::{BoxFuture, ready};

#[derive(Default)]
struct Shard {
    entries: LinkedHashMap<String, Entry, RandomState>,
    /// When expired entries were last swept.
    swept: Option<Instant>,
}

struct Entry {
    value: Payload,
    expires: Option<Instant>,
}

impl Entry {
    fn is_live(&self) -> bool {
        self.expires.is_none_or(|expires| Instant::now() < expires)
    }
}

/// Entries in memory, with an optional limit: the one unused for longest goes first.
pub struct MemoryCacher {
    shards: Box<[Mutex<Shard>]>,
    hasher: RandomState,
    max: usize,
    lru: bool,
}

/// Expired entries that nobody asks for again go with the first write to their shard after this time.
const SWEEP: Duration = Duration::from_secs(30);

impl MemoryCacher {
    /// Without a limit on entries.
    pub fn unbounded() -> Self {
        Self::with_shards(16, usize::MAX, false)
    }

    /// At most `max` entries; exact least-recently-used order.
    pub fn lru(max: usize) -> Self {
        Self::with_shards(1, max.max(1), true)
    }

    fn with_shards(count: usize, max: usize, lru: bool) -> Self {
        let shards = (0..count).map(|_| Mutex::default()).collect();
        Self { shards, hasher: RandomState::default(), max, lru }
    }

    fn shard(&self, key: &str) -> &Mutex<Shard> {
        let hash = self.hasher.hash_one(key);
        &self.shards[usize::try_from(hash % self.shards.len() as u64).unwrap_or(0)]
    }
}

impl Cacher for MemoryCacher {
    fn get(&self, key: &str) -> Lookup {
        let mut shard = self.shard(key).lock();
        let found = match shard.entries.get(key) {
            Some(entry) if entry.is_live() => Some(entry.value.clone()),
            Some(_) => {
                shard.entries.remove(key);
                None
            }
            None => None,
        };
        if self.lru && found.is_some() {
            shard.entries.to_back(key);
        }
        Lookup::Ready(found)
    }

    fn set(&self, key: String, value: Payload, ttl: Option<Duration>) -> BoxFuture<()> {
        let expires = ttl.and_then(|ttl| Instant::now().checked_add(ttl));
        let mut shard = self.shard(&key).lock();
        shard.entries.remove(&key);
        shard.entries.insert(key, Entry { value, expires });
        let now = Instant::now();
        if now.duration_since(*shard.swept.get_or_insert(now)) >= SWEEP {
            shard.swept = Some(now);
            shard.entries.retain(|_, entry| entry.is_live());
        }
        if shard.entries.len() > self.max {
            shard.entries.pop_front();
        }
        ready(())
    }

    fn del(&self, keys: Vec<String>) -> BoxFuture<Result<()>> {
        for key in keys {
            self.shard(&key).lock().entries.remove(&key);
        }
        ready(Ok(()))
    }

    fn clean(&self, masks: Vec<Pattern>) -> BoxFuture<Result<()>> {
        for shard in &self.shards {
            shard.lock().entries.retain(|key, _| !masks.iter().any(|mask| mask.matches(key)));
        }
        ready(Ok(()))
    }

    fn keys(&self) -> BoxFuture<Result<Vec<String>>> {
        let mut keys = Vec::new();
        for shard in &self.shards {
            let shard = shard.lock();
            keys.extend(
                shard.entries.iter().filter(|(_, entry)| entry.is_live()).map(|(key, _)| key.clone()),
            );
        }
        keys.sort_unstable();
        ready(Ok(keys))
    }
}

impl std::fmt::Debug for MemoryCacher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryCacher").field("max", &self.max).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    async fn hit(cacher: &MemoryCacher, key: &str) -> bool {
        cacher.get(key).wait().await.is_some()
    }

    #[tokio::test(start_paused = true)]
    async fn entries_expire_and_nothing_is_not_a_miss() {
        let cacher = MemoryCacher::unbounded();
        cacher.set("a".into(), Payload::NULL, Some(Duration::from_secs(30))).await;
        assert!(hit(&cacher, "a").await);
        tokio::time::advance(Duration::from_secs(30)).await;
        assert!(!hit(&cacher, "a").await);
        assert!(cacher.keys().await.unwrap().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn expired_entries_go_also_when_nobody_asks_for_them() {
        let cacher = MemoryCacher::with_shards(1, usize::MAX, false);
        for number in 0..1000 {
            cacher.set(number.to_string(), Payload::NULL, Some(Duration::from_secs(1))).await;
        }
        tokio::time::advance(SWEEP).await;
        cacher.set("last".into(), Payload::NULL, None).await;
        assert_eq!(cacher.shards[0].lock().entries.len(), 1);
    }

    #[tokio::test]
    async fn lru_drops_the_one_unused_for_longest() {
        let cacher = MemoryCacher::lru(2);
        for key in ["a", "b"] {
            cacher.set(key.into(), json!(1).into(), None).await;
        }
        assert!(hit(&cacher, "a").await);
        cacher.set("c".into(), json!(1).into(), None).await;
        assert_eq!(cacher.keys().await.unwrap(), ["a", "c"]);
    }

    #[tokio::test]
    async fn masks_clean_what_they_name() {
        let cacher = MemoryCacher::unbounded();
        for key in ["posts.find:1.5", "posts.get:1", "users.get:1"] {
            cacher.set(key.into(), json!(1).into(), None).await;
        }
        cacher.clean(vec![Pattern::new("posts.**")]).await.unwrap();
        assert_eq!(cacher.keys().await.unwrap(), ["users.get:1"]);
        cacher.del(vec!["users.get:1".into()]).await.unwrap();
        assert!(cacher.keys().await.unwrap().is_empty());
    }
}
