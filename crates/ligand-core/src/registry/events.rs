//! Who hears an event: lists of one mask and one group each.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use arc_swap::ArcSwap;
use foldhash::fast::RandomState;
use ligand_wire::pattern::Pattern;

use super::{Listener, Node, snapshot::Place};

type Map<K, V> = HashMap<K, V, RandomState>;

/// The services and nodes that listen with one mask in one group; an `emit` reaches one of them.
#[derive(Clone)]
pub(crate) struct Group {
    pub(crate) name: Arc<str>,
    pub(super) pattern: Pattern,
    /// Of each service of this node all listeners with the mask: its own and those of its mixins hear the same
    /// events.
    pub(super) members: Vec<Vec<Place>>,
    pub(super) nodes: Vec<Arc<Node>>,
    /// Outlives the list.
    local_turn: Arc<AtomicUsize>,
    node_turn: Arc<AtomicUsize>,
}

impl Group {
    /// The mask.
    pub(crate) fn pattern(&self) -> &str {
        self.pattern.as_str()
    }

    /// Someone on this node listens.
    pub(crate) fn is_local(&self) -> bool {
        !self.members.is_empty()
    }

    /// Other nodes that listen.
    pub(crate) fn nodes(&self) -> &[Arc<Node>] {
        &self.nodes
    }

    /// The listeners of the service on this node whose turn it is.
    pub(crate) fn pick(&self) -> impl Iterator<Item = &Arc<Listener>> {
        let turn = match self.members.len() {
            0 | 1 => 0,
            len => self.local_turn.fetch_add(1, Ordering::Relaxed) % len,
        };
        self.members.get(turn).into_iter().flatten().map(Place::listener)
    }

    /// All listeners on this node.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Listener>> {
        self.members.iter().flatten().map(Place::listener)
    }

    /// The next place in turn among this node (`None`) and the others, without those in `skip`.
    pub(crate) fn next_node(&self, local: bool, skip: &[Arc<str>]) -> Option<Option<&Arc<Node>>> {
        let own = usize::from(local && self.is_local());
        let len = own + self.nodes.len();
        let start = match len {
            0 => return None,
            1 => 0,
            _ => self.node_turn.fetch_add(1, Ordering::Relaxed) % len,
        };
        let turn = |suspects: bool| {
            (0..len).map(|step| (start + step) % len).find_map(|at| {
                if at < own {
                    return Some(None);
                }
                let node = &self.nodes[at - own];
                let wanted = (suspects || !node.is_suspect()) && !skip.contains(node.id());
                wanted.then_some(Some(node))
            })
        };
        turn(false).or_else(|| turn(true))
    }
}

/// The lists that hear one event name.
pub(crate) type Groups = Arc<[Arc<Group>]>;

/// All lists. A clone shares them; a change resolves names anew.
#[derive(Default)]
pub(super) struct Events {
    lists: Vec<Arc<Group>>,
    /// Resolved event names; grows by copying, so that readers never wait.
    heard: ArcSwap<Map<Arc<str>, Groups>>,
}

/// Names beyond this many are resolved anew each time: event names may come from outside.
const MOST_RESOLVED_NAMES: usize = 1024;

impl Events {
    /// A copy to change.
    pub(super) fn changed(&self, change: impl FnOnce(&mut Vec<Arc<Group>>)) -> Self {
        let mut lists = self.lists.clone();
        change(&mut lists);
        lists.retain(|list| list.is_local() || !list.nodes.is_empty());
        Self { lists, heard: ArcSwap::default() }
    }

    pub(super) fn lists(&self) -> &[Arc<Group>] {
        &self.lists
    }

    pub(super) fn heard(&self, event: &str) -> Groups {
        let heard = self.heard.load();
        if let Some(groups) = heard.get(event) {
            return groups.clone();
        }
        let groups: Groups = self.lists.iter().filter(|list| list.pattern.matches(event)).cloned().collect();
        if heard.len() < MOST_RESOLVED_NAMES {
            self.heard.rcu(|heard| {
                let mut heard = Map::clone(heard);
                heard.insert(event.into(), groups.clone());
                heard
            });
        }
        groups
    }
}

/// Finds lists by group and mask: a node may listen to thousands of events.
pub(super) struct Finder<'a> {
    lists: &'a mut Vec<Arc<Group>>,
    places: Map<(Box<str>, Box<str>), usize>,
}

impl<'a> Finder<'a> {
    pub(super) fn new(lists: &'a mut Vec<Arc<Group>>) -> Self {
        let places =
            lists.iter().enumerate().map(|(at, list)| (key(&list.pattern, &list.name), at)).collect();
        Self { lists, places }
    }

    /// The list of a mask and group, made when there is none.
    pub(super) fn list(&mut self, pattern: &Pattern, group: &str) -> &mut Group {
        let at = *self.places.entry(key(pattern, group)).or_insert_with(|| {
            self.lists.push(Arc::new(Group {
                name: group.into(),
                pattern: pattern.clone(),
                members: Vec::new(),
                nodes: Vec::new(),
                local_turn: Arc::default(),
                node_turn: Arc::default(),
            }));
            self.lists.len() - 1
        });
        Arc::make_mut(&mut self.lists[at])
    }
}

fn key(pattern: &Pattern, group: &str) -> (Box<str>, Box<str>) {
    (group.into(), pattern.as_str().into())
}
