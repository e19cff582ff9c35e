//! Names that were heard of and never answered.
//!
//! Names are cheap for whoever invents them, so there is room for a bounded number, shared among those who told of them;
//! the oldest go first. Who answers is no stranger any more and takes no room here.

use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
    sync::Arc,
};

use parking_lot::Mutex;

/// Names that are remembered, of all sources together.
pub(crate) const MOST: usize = 4096;

/// Names that one source may tell of: a node that is new is told of many by the first one it meets.
pub(crate) const OF_ONE: usize = 1024;

/// Names that were heard of and never answered, by who told of them.
#[derive(Debug, Default)]
pub(crate) struct Unconfirmed(Mutex<List>);

#[derive(Debug, Default)]
struct List {
    names: HashMap<Arc<str>, IpAddr>,
    /// Oldest first; names that answered are still in it until they are at the front.
    sources: HashMap<IpAddr, VecDeque<Arc<str>>>,
}

impl List {
    /// Takes out the oldest name of a source.
    fn oldest(&mut self, source: IpAddr) -> Option<Arc<str>> {
        let List { names, sources } = self;
        let queue = sources.get_mut(&source)?;
        let mut found = None;
        while let Some(name) = queue.pop_front() {
            if names.get(&name) == Some(&source) {
                names.remove(&name);
                found = Some(name);
                break;
            }
        }
        if queue.is_empty() {
            sources.remove(&source);
        }
        found
    }
}

impl Unconfirmed {
    /// Notes a new name. Answers who has to go for it.
    pub(crate) fn admit(&self, name: &Arc<str>, source: IpAddr) -> Option<Arc<str>> {
        let mut list = self.0.lock();
        if list.names.contains_key(name) {
            return None;
        }
        list.names.insert(name.clone(), source);
        let queue = list.sources.entry(source).or_default();
        queue.push_back(name.clone());
        if queue.len() > OF_ONE {
            return list.oldest(source);
        }
        if list.names.len() > MOST {
            let crowded = list.sources.iter().max_by_key(|(_, queue)| queue.len()).map(|(source, _)| *source);
            return list.oldest(crowded?);
        }
        None
    }

    /// It never answered.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.0.lock().names.contains_key(name)
    }

    /// It answered, or is forgotten. True: it was one.
    pub(crate) fn remove(&self, name: &str) -> bool {
        let mut list = self.0.lock();
        let Some(source) = list.names.remove(name) else { return false };
        let List { names, sources } = &mut *list;
        if let Some(queue) = sources.get_mut(&source) {
            while queue.front().is_some_and(|name| names.get(name) != Some(&source)) {
                queue.pop_front();
            }
            // Names in the middle go when there are many of them.
            if queue.len() > 64 && queue.len() > 2 * names.len() {
                queue.retain(|name| names.get(name) == Some(&source));
            }
            if queue.is_empty() {
                sources.remove(&source);
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(n: u8) -> IpAddr {
        [10, 0, 0, n].into()
    }

    #[test]
    fn a_source_with_many_names_pushes_out_its_own() {
        let unconfirmed = Unconfirmed::default();
        let honest: Arc<str> = "honest".into();
        assert_eq!(unconfirmed.admit(&honest, ip(1)), None);
        let mut gone = 0;
        for n in 0..10_000 {
            gone += usize::from(unconfirmed.admit(&format!("x{n}").into(), ip(2)).is_some());
        }
        assert_eq!(gone, 10_000 - OF_ONE);
        assert!(
            unconfirmed.contains("honest") && unconfirmed.contains("x9999") && !unconfirmed.contains("x0")
        );
    }

    #[test]
    fn of_many_sources_the_most_crowded_gives_way() {
        let unconfirmed = Unconfirmed::default();
        for n in 0..8000 {
            unconfirmed.admit(&format!("x{n}").into(), ip(u8::try_from(n % 8).unwrap()));
        }
        let honest: Arc<str> = "honest".into();
        unconfirmed.admit(&honest, ip(200));
        for n in 8000..16_000 {
            unconfirmed.admit(&format!("x{n}").into(), ip(u8::try_from(n % 8).unwrap()));
        }
        assert!(unconfirmed.contains("honest"));
        assert_eq!(unconfirmed.0.lock().names.len(), MOST);
    }

    #[test]
    fn who_answered_takes_no_room() {
        let unconfirmed = Unconfirmed::default();
        for n in 0..10_000 {
            let name: Arc<str> = format!("x{n}").into();
            assert_eq!(unconfirmed.admit(&name, ip(1)), None);
            assert!(unconfirmed.remove(&name) && !unconfirmed.remove(&name));
        }
        let list = unconfirmed.0.lock();
        assert!(list.names.is_empty() && list.sources.is_empty());
    }
}
