//! Nodes to talk to soon, outside of the rounds of gossip.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tokio::sync::Notify;

/// The same node is not talked to more often than this.
const PAUSE: Duration = Duration::from_millis(250);

/// Nodes beyond this number wait for the rounds.
const MOST: usize = 256;

/// Nodes that are talked to at once.
const AT_ONCE: usize = 16;

/// What there is to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Purpose {
    /// It knows something: ask.
    Ask,
    /// It does not know this node: tell, and ask.
    Introduce,
}

/// Nodes to talk to soon.
#[derive(Debug, Default)]
pub(crate) struct Contacts {
    list: Mutex<List>,
    /// Somebody is due.
    pub(crate) due: Notify,
}

#[derive(Debug, Default)]
struct List {
    waiting: HashMap<Arc<str>, (Instant, Purpose)>,
    recent: HashMap<Arc<str>, Instant>,
}

impl Contacts {
    /// Talk to this node after `delay`.
    pub(crate) fn add(&self, node: Arc<str>, purpose: Purpose, delay: Duration) {
        let mut list = self.list.lock();
        let mut due = Instant::now() + delay;
        if let Some(last) = list.recent.get(&node) {
            due = due.max(*last + PAUSE);
        }
        if list.waiting.len() >= MOST && !list.waiting.contains_key(&node) {
            return;
        }
        let entry = list.waiting.entry(node).or_insert((due, purpose));
        *entry = (entry.0.min(due), entry.1.max(purpose));
        drop(list);
        if delay.is_zero() {
            self.due.notify_one();
        }
    }

    /// Who is due now.
    pub(crate) fn take(&self) -> Vec<(Arc<str>, Purpose)> {
        let now = Instant::now();
        let mut list = self.list.lock();
        list.recent.retain(|_, last| *last + PAUSE > now);
        let due = list.waiting.iter().filter(|(_, (due, _))| *due <= now);
        let due: Vec<_> = due.take(AT_ONCE).map(|(node, (_, purpose))| (node.clone(), *purpose)).collect();
        for (node, _) in &due {
            list.waiting.remove(node);
            list.recent.insert(node.clone(), now);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_talked_to_twice_in_a_row() {
        let contacts = Contacts::default();
        contacts.add("a".into(), Purpose::Ask, Duration::ZERO);
        contacts.add("a".into(), Purpose::Introduce, Duration::ZERO);
        contacts.add("b".into(), Purpose::Ask, Duration::from_secs(60));
        assert_eq!(contacts.take(), [("a".into(), Purpose::Introduce)]);
        contacts.add("a".into(), Purpose::Ask, Duration::ZERO);
        assert_eq!(contacts.take(), []);
    }

    #[test]
    fn the_list_is_bounded() {
        let contacts = Contacts::default();
        for n in 0..10 * MOST {
            contacts.add(n.to_string().into(), Purpose::Ask, Duration::ZERO);
        }
        let mut taken = 0;
        while let n @ 1.. = contacts.take().len() {
            assert!(n <= AT_ONCE);
            taken += n;
        }
        assert_eq!(taken, MOST);
    }
}
