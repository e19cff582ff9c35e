//! Connections that this node began just now.
//!
//! On a bus without a secret anybody can dial a node and say that it is this one. Whoever is dialled asks this node,
//! where it found it before, whether the connection that begins with a certain number is its own.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

/// Nobody asks about a connection after this time.
const KEPT: Duration = Duration::from_secs(15);

/// Connections that are remembered.
const MOST: usize = 8192;

/// Whom this node dialled just now, and the number with which it began. Oldest first.
#[derive(Debug, Default)]
pub(crate) struct RecentDials(Mutex<VecDeque<(Instant, Arc<str>, String)>>);

impl RecentDials {
    /// This node dials `node` and begins with this number.
    pub(crate) fn note(&self, node: &Arc<str>, nonce: &str) {
        let mut list = self.0.lock();
        while list.front().is_some_and(|(when, ..)| when.elapsed() > KEPT) || list.len() >= MOST {
            list.pop_front();
        }
        list.push_back((Instant::now(), node.clone(), nonce.to_owned()));
    }

    /// Whether this node dialled `node` with this number. Somebody in between could pass on a hello that is for him.
    pub(crate) fn has(&self, node: &str, nonce: &str) -> bool {
        self.0.lock().iter().any(|(_, to, known)| **to == *node && known == nonce)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_dialled_counts_and_the_oldest_go() {
        let recent_dials = RecentDials::default();
        let node: Arc<str> = "a".into();
        recent_dials.note(&node, "1");
        assert!(recent_dials.has("a", "1") && !recent_dials.has("b", "1") && !recent_dials.has("a", "2"));
        for n in 0..MOST {
            recent_dials.note(&node, &format!("x{n}"));
        }
        assert!(!recent_dials.has("a", "1") && recent_dials.has("a", "x0"));
        assert_eq!(recent_dials.0.lock().len(), MOST);
    }
}
