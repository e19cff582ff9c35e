//! Nodes that were lost just now.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

/// They are looked for so long: maybe only the way to them is cut for a moment.
const RETURN: Duration = Duration::from_secs(5);

/// So many of them; the rounds of gossip look for the others.
const MOST: usize = 256;

/// Nodes that were lost just now, and when.
#[derive(Debug, Default)]
pub(crate) struct RecentlyLost(Mutex<HashMap<Arc<str>, Instant>>);

impl RecentlyLost {
    /// Whether a node is looked for that is not there. `now`: it was there until now.
    pub(crate) fn misses(&self, node: &Arc<str>, now: bool) -> bool {
        let mut recently_lost = self.0.lock();
        recently_lost.retain(|_, since| since.elapsed() < RETURN);
        if now && recently_lost.len() < MOST {
            recently_lost.insert(node.clone(), Instant::now());
        }
        now || recently_lost.contains_key(node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_was_there_is_missed_and_not_too_many_are() {
        let recently_lost = RecentlyLost::default();
        let node: Arc<str> = "a".into();
        assert!(!recently_lost.misses(&node, false));
        assert!(recently_lost.misses(&node, true) && recently_lost.misses(&node, false));
        for n in 0..2 * MOST {
            assert!(recently_lost.misses(&n.to_string().into(), true), "each is asked once");
        }
        assert_eq!(recently_lost.0.lock().len(), MOST);
    }
}
