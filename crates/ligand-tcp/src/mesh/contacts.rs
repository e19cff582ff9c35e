//! Nodes to talk to soon, outside of the rounds of gossip.

use std::{
    collections::HashMap,
    net::IpAddr,
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
    /// It is silent: it must say something.
    Probe,
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
    waiting: HashMap<Arc<str>, Contact>,
    recent: HashMap<Arc<str>, Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Contact {
    due: Instant,
    purpose: Purpose,
    /// Who told of it, when it never answered.
    source: Option<IpAddr>,
}

impl List {
    /// How many of a source wait.
    fn of(&self, source: IpAddr) -> usize {
        self.waiting.values().filter(|contact| contact.source == Some(source)).count()
    }

    /// Makes room for one of this source: somebody of the most crowded one goes. False: that is this one.
    fn make_room(&mut self, source: Option<IpAddr>) -> bool {
        let mut crowds = HashMap::<IpAddr, usize>::new();
        for source in self.waiting.values().filter_map(|contact| contact.source) {
            *crowds.entry(source).or_default() += 1;
        }
        let Some((crowd, size)) = crowds.into_iter().max_by_key(|(_, size)| *size) else { return false };
        if source.is_some_and(|source| self.of(source) + 1 >= size) {
            return false;
        }
        let last = self.waiting.iter().filter(|(_, contact)| contact.source == Some(crowd));
        let last = last.max_by_key(|(_, contact)| contact.due).map(|(node, _)| node.clone());
        last.is_some_and(|node| self.waiting.remove(&node).is_some())
    }
}

impl Contacts {
    /// Talk to this node after `delay`. `source`: who told of it, when it never answered; of these a few wait, shared
    /// among the sources.
    pub(crate) fn add(&self, node: Arc<str>, purpose: Purpose, delay: Duration, source: Option<IpAddr>) {
        let mut list = self.list.lock();
        let mut due = Instant::now() + delay;
        if let Some(last) = list.recent.get(&node) {
            due = due.max(*last + PAUSE);
        }
        if list.waiting.len() >= MOST && !list.waiting.contains_key(&node) && !list.make_room(source) {
            return;
        }
        let entry = list.waiting.entry(node).or_insert(Contact { due, purpose, source });
        entry.due = entry.due.min(due);
        entry.purpose = entry.purpose.max(purpose);
        entry.source = entry.source.and(source);
        drop(list);
        if delay.is_zero() {
            self.due.notify_one();
        }
    }

    /// Who is due now: first those that have answered before.
    pub(crate) fn take(&self) -> Vec<(Arc<str>, Purpose)> {
        let now = Instant::now();
        let mut list = self.list.lock();
        list.recent.retain(|_, last| *last + PAUSE > now);
        let mut due: Vec<_> = list.waiting.iter().filter(|(_, contact)| contact.due <= now).collect();
        due.sort_unstable_by_key(|(_, contact)| (contact.source.is_some(), contact.due));
        let due: Vec<_> =
            due.into_iter().take(AT_ONCE).map(|(node, contact)| (node.clone(), contact.purpose)).collect();
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
        contacts.add("a".into(), Purpose::Ask, Duration::ZERO, None);
        contacts.add("a".into(), Purpose::Introduce, Duration::ZERO, None);
        contacts.add("b".into(), Purpose::Ask, Duration::from_secs(60), None);
        assert_eq!(contacts.take(), [("a".into(), Purpose::Introduce)]);
        contacts.add("a".into(), Purpose::Ask, Duration::ZERO, None);
        assert_eq!(contacts.take(), []);
    }

    #[test]
    fn the_list_is_bounded() {
        let contacts = Contacts::default();
        for n in 0..10 * MOST {
            contacts.add(n.to_string().into(), Purpose::Ask, Duration::ZERO, None);
        }
        let mut taken = 0;
        while let n @ 1.. = contacts.take().len() {
            assert!(n <= AT_ONCE);
            taken += n;
        }
        assert_eq!(taken, MOST);
    }

    #[test]
    fn a_crowd_of_one_source_keeps_nobody_else_out() {
        let contacts = Contacts::default();
        let (evil, good) = (Some([10, 0, 0, 1].into()), Some([10, 0, 0, 2].into()));
        for n in 0..10 * MOST {
            contacts.add(n.to_string().into(), Purpose::Introduce, Duration::ZERO, evil);
        }
        contacts.add("newcomer".into(), Purpose::Introduce, Duration::ZERO, good);
        contacts.add("known".into(), Purpose::Ask, Duration::ZERO, None);
        assert_eq!(contacts.take()[0], ("known".into(), Purpose::Ask));
        let mut met = Vec::new();
        while let taken @ [_, ..] = &*contacts.take() {
            met.extend(taken.iter().map(|(node, _)| node.clone()));
        }
        assert!(met.contains(&"newcomer".into()));
        assert!(met.len() < MOST);
    }
}
