//! The cacher in this process: values stay typed, nothing is serialised.

use std::{hash::BuildHasher, time::Duration};

use foldhash::fast::RandomState;
use hashlink::LinkedHashMap;
use ligand_wire::{Payload, Result, pattern::Pattern};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::{Cacher, Lookup};
use crate::{
    config::CacherOptions,
    future::{BoxFuture, ready},
};

struct Shard {
    entries: LinkedHashMap<String, Entry, RandomState>,
    /// The sum of the weights of all entries.
    weight: usize,
    /// When expired entries were last swept.
    swept: Option<Instant>,
}

struct Entry {
    value: Payload,
    expires: Option<Instant>,
    weight: usize,
}

impl Entry {
    fn is_live(&self) -> bool {
        self.expires.is_none_or(|expires| Instant::now() < expires)
    }
}

impl Shard {
    fn new(hasher: RandomState) -> Self {
        Self { entries: LinkedHashMap::with_hasher(hasher), weight: 0, swept: None }
    }

    fn remove(&mut self, key: &str) {
        if let Some(entry) = self.entries.remove(key) {
            self.weight -= entry.weight;
        }
    }

    fn remove_oldest(&mut self) {
        if let Some((_, entry)) = self.entries.pop_front() {
            self.weight -= entry.weight;
        }
    }

    fn retain(&mut self, keep: impl Fn(&str, &Entry) -> bool) {
        let weight = &mut self.weight;
        self.entries.retain(|key, entry| {
            let kept = keep(key, entry);
            *weight -= if kept { 0 } else { entry.weight };
            kept
        });
    }
}

/// Entries in memory, within a limit of bytes, and one of entries if wanted. Where there is no room the oldest entry
/// goes first; with a limit of entries the one unused for longest.
///
/// The bytes are those of keys and values as [`Payload::weight`] estimates them, and 160 for what is around them. An
/// entry that alone would take more than a sixteenth of the limit is not kept.
pub struct MemoryCacher {
    shards: Box<[Mutex<Shard>]>,
    hasher: RandomState,
    max: usize,
    max_memory: usize,
    lru: bool,
}

/// Bytes that an entry takes beside the content of its key and value.
const ENTRY: usize = 160;

/// The largest part of the limit of bytes that one entry may take.
const PART: usize = 16;

/// Expired entries that nobody asks for again go with the first write to their shard after this time.
const SWEEP: Duration = Duration::from_secs(30);

impl MemoryCacher {
    /// Without a limit of entries.
    pub fn new() -> Self {
        Self::with_shards(PART, usize::MAX, false)
    }

    /// At most `max` entries; exact least-recently-used order.
    ///
    /// ```
    /// use ligand_core::{ServiceBroker, cache::MemoryCacher};
    /// // At most 10 000 results that weigh 64 MiB together.
    /// let builder = ServiceBroker::builder().cacher(MemoryCacher::lru(10_000).max_memory(64 * 1024 * 1024));
    /// # let _ = builder;
    /// ```
    pub fn lru(max: usize) -> Self {
        Self::with_shards(1, max.max(1), true)
    }

    /// The most bytes, see [`MemoryCacher`]; `0` = no limit. Default: [`MAX_MEMORY`](CacherOptions::MAX_MEMORY).
    pub fn max_memory(mut self, bytes: usize) -> Self {
        self.max_memory = if bytes == 0 { usize::MAX } else { bytes };
        self
    }

    fn with_shards(count: usize, max: usize, lru: bool) -> Self {
        let hasher = RandomState::default();
        let shards = (0..count).map(|_| Mutex::new(Shard::new(hasher.clone()))).collect();
        Self { shards, hasher, max, max_memory: CacherOptions::MAX_MEMORY, lru }
    }

    fn shard(&self, key: &str) -> &Mutex<Shard> {
        self.shard_of(self.hasher.hash_one(key))
    }

    fn shard_of(&self, hash: u64) -> &Mutex<Shard> {
        // The maps inside take their places from other bits.
        &self.shards[usize::try_from((hash >> 32) % self.shards.len() as u64).unwrap_or(0)]
    }

    /// The bytes of an entry; `None` when it is too large to be kept.
    fn weight(&self, key: &str, value: &Payload) -> Option<usize> {
        let around = key.len() + ENTRY;
        if self.max_memory == usize::MAX {
            return Some(around);
        }
        let most = (self.max_memory / PART).checked_sub(around)?;
        value.weight(most).map(|weight| weight + around)
    }
}

impl Default for MemoryCacher {
    fn default() -> Self {
        Self::new()
    }
}

impl Cacher for MemoryCacher {
    fn get(&self, key: &str) -> Lookup {
        Lookup::Ready(self.peek(key))
    }

    fn peek(&self, key: &str) -> Option<Payload> {
        // One hash for the shard and for the place in it.
        let hash = self.hasher.hash_one(key);
        let mut shard = self.shard_of(hash).lock();
        let found = match shard.entries.raw_entry().from_key_hashed_nocheck(hash, key) {
            Some((_, entry)) if entry.is_live() => Some(entry.value.clone()),
            Some(_) => {
                shard.remove(key);
                None
            }
            None => None,
        };
        if self.lru && found.is_some() {
            shard.entries.to_back(key);
        }
        found
    }

    fn set(&self, key: String, value: Payload, ttl: Option<Duration>) -> BoxFuture<()> {
        let expires = ttl.and_then(|ttl| Instant::now().checked_add(ttl));
        let weight = self.weight(&key, &value);
        let entry = weight.map(|weight| Entry { value: value.detached(), expires, weight });
        let mut shard = self.shard(&key).lock();
        shard.remove(&key);
        if let Some(entry) = entry {
            shard.weight += entry.weight;
            shard.entries.insert(key, entry);
        }
        let now = Instant::now();
        if now.duration_since(*shard.swept.get_or_insert(now)) >= SWEEP {
            shard.swept = Some(now);
            shard.retain(|_, entry| entry.is_live());
        }
        let share = self.max_memory / self.shards.len();
        while shard.entries.len() > self.max || shard.weight > share {
            shard.remove_oldest();
        }
        ready(())
    }

    fn del(&self, keys: Vec<String>) -> BoxFuture<Result<()>> {
        for key in keys {
            self.shard(&key).lock().remove(&key);
        }
        ready(Ok(()))
    }

    fn clean(&self, masks: Vec<Pattern>) -> BoxFuture<Result<()>> {
        for shard in &self.shards {
            shard.lock().retain(|key, _| !masks.iter().any(|mask| mask.matches(key)));
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
        f.debug_struct("MemoryCacher")
            .field("max", &self.max)
            .field("max_memory", &self.max_memory)
            .finish_non_exhaustive()
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
        let cacher = MemoryCacher::new();
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
        let cacher = MemoryCacher::new();
        for key in ["posts.find:1.5", "posts.get:1", "users.get:1"] {
            cacher.set(key.into(), json!(1).into(), None).await;
        }
        cacher.clean(vec![Pattern::new("posts.**")]).await.unwrap();
        assert_eq!(cacher.keys().await.unwrap(), ["users.get:1"]);
        cacher.del(vec!["users.get:1".into()]).await.unwrap();
        assert!(cacher.keys().await.unwrap().is_empty());
    }

    fn weight(cacher: &MemoryCacher) -> usize {
        cacher.shards.iter().map(|shard| shard.lock().weight).sum()
    }

    #[tokio::test]
    async fn keys_and_values_stay_within_the_limit_of_bytes() {
        for cacher in [MemoryCacher::new(), MemoryCacher::lru(usize::MAX)] {
            let cacher = cacher.max_memory(1 << 20);
            for number in 0..5000 {
                let (key, value) = (format!("{number}:{}", "k".repeat(500)), "v".repeat(500));
                cacher.set(key, Payload::typed(value), None).await;
                assert!(weight(&cacher) <= 1 << 20);
            }
            let keys = cacher.keys().await.unwrap();
            // The limit is used, and the newest entries are the ones that are there.
            assert!(weight(&cacher) > 900_000 && keys.len() > 500, "{}", keys.len());
            assert!(keys.iter().all(|key| key.split(':').next().unwrap().parse::<u32>().unwrap() > 3000));
            cacher.clean(vec![Pattern::new("**")]).await.unwrap();
            assert_eq!(weight(&cacher), 0);
        }
    }

    #[tokio::test]
    async fn what_is_too_large_is_not_kept_and_takes_no_place() {
        let cacher = MemoryCacher::lru(10).max_memory(1 << 20);
        cacher.set("small".into(), json!(1).into(), None).await;
        for large in [
            Payload::typed("x".repeat(1 << 16)),
            Payload::json(vec![b' '; 1 << 16]),
            Payload::from(json!(vec![0; 1 << 14])),
        ] {
            cacher.set("large".into(), json!(1).into(), None).await;
            cacher.set("large".into(), large, None).await;
            assert_eq!(cacher.keys().await.unwrap(), ["small"]);
        }
        let free = MemoryCacher::new().max_memory(0);
        free.set("large".into(), Payload::typed("x".repeat(1 << 23)), None).await;
        assert!(hit(&free, "large").await);
    }

    #[tokio::test]
    async fn an_entry_holds_no_packet() {
        let cacher = MemoryCacher::new();
        let packet = bytes::Bytes::from(vec![b'1'; 1 << 20]);
        cacher.set("a".into(), Payload::json(packet.slice(7..8)), None).await;
        assert!(packet.is_unique());
    }
}
