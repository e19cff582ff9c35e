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
pub(crate) struct Missed(Mutex<HashMap<Arc<str>, Instant>>);

impl Missed {
    /// Whether a node is looked for that is not there. `now`: it was there until now.
    pub(crate) fn misses(&self, node: &Arc<str>, now: bool) -> bool {
        let mut missed = self.0.lock();
        missed.retain(|_, since| since.elapsed() < RETURN);
        if now && missed.len() < MOST {
            missed.insert(node.clone(), Instant::now());
        }
        now || missed.contains_key(node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_was_there_is_missed_and_not_too_many_are() {
        let missed = Missed::default();
        let node: Arc<str> = "a".into();
        assert!(!missed.misses(&node, false));
        assert!(missed.misses(&node, true) && missed.misses(&node, false));
        for n in 0..2 * MOST {
            assert!(missed.misses(&n.to_string().into(), true), "each is asked once");
        }
        assert_eq!(missed.0.lock().len(), MOST);
    }
}
