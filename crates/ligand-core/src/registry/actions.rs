//! Who offers an action: one endpoint of this node at most, and those of other nodes.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use foldhash::fast::RandomState;

use super::{Endpoint, snapshot::Place};

/// Everybody who offers one action. Immutable, but for the turn that goes round.
#[derive(Clone)]
pub(crate) struct ActionList {
    pub(super) local: Option<Place>,
    pub(super) remotes: Vec<Arc<Endpoint>>,
    /// Outlives the list: a new one is built when an instance comes or goes.
    turn: Arc<AtomicUsize>,
}

impl ActionList {
    pub(super) fn new() -> Self {
        Self { local: None, remotes: Vec::new(), turn: Arc::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.local.is_none() && self.remotes.is_empty()
    }

    /// The endpoint of this node.
    pub(crate) fn local(&self) -> Option<&Arc<Endpoint>> {
        self.local.as_ref().map(Place::endpoint)
    }

    /// Endpoints of other nodes.
    pub(crate) fn remotes(&self) -> &[Arc<Endpoint>] {
        &self.remotes
    }

    /// Any endpoint, for the definition.
    pub(crate) fn first(&self) -> Option<&Arc<Endpoint>> {
        self.local().or_else(|| self.remotes.first())
    }

    /// All endpoints, this node's first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Endpoint>> {
        self.local().into_iter().chain(&self.remotes)
    }

    fn len(&self) -> usize {
        usize::from(self.local.is_some()) + self.remotes.len()
    }

    fn get(&self, index: usize) -> &Arc<Endpoint> {
        match (&self.local, index) {
            (Some(place), 0) => place.endpoint(),
            (Some(_), index) => &self.remotes[index - 1],
            (None, index) => &self.remotes[index],
        }
    }

    /// The endpoint on `node`.
    pub(crate) fn on(&self, node: &str) -> Option<&Arc<Endpoint>> {
        self.iter().find(|endpoint| endpoint.node_id() == node)
    }

    /// Whose turn it is: endpoints that rest and nodes that do not answer are left out while there are others.
    /// `None` only when nobody offers the action or `skip` leaves nobody.
    pub(crate) fn pick(
        &self,
        prefer_local: bool,
        skip: impl Fn(&Endpoint) -> bool,
    ) -> Option<&Arc<Endpoint>> {
        if let Some(local) = self.local()
            && (prefer_local || self.remotes.is_empty())
            && (local.is_available() || self.remotes.is_empty())
            && !skip(local)
        {
            return Some(local);
        }
        let len = self.len();
        let start = match len {
            0 => return None,
            1 => 0,
            _ => self.turn.fetch_add(1, Ordering::Relaxed) % len,
        };
        let turn = |wanted: &dyn Fn(&Endpoint) -> bool| {
            (0..len)
                .map(|step| self.get((start + step) % len))
                .find(|endpoint| wanted(endpoint) && !skip(endpoint))
        };
        turn(&|endpoint| endpoint.is_available() && !endpoint.is_suspect())
            .or_else(|| turn(&Endpoint::is_available))
            .or_else(|| turn(&|_| true))
    }
}

/// Number of maps; a change copies only those it touches.
const SHARDS: usize = 64;

type Shard = HashMap<Arc<str>, Arc<ActionList>, RandomState>;

/// All lists by action name. A clone shares everything; changes copy one small map.
#[derive(Clone)]
pub(super) struct Actions(Arc<[Arc<Shard>]>);

impl Default for Actions {
    fn default() -> Self {
        let empty: Arc<Shard> = Arc::default();
        Self((0..SHARDS).map(|_| empty.clone()).collect())
    }
}

fn shard_of(name: &str) -> usize {
    let bytes = name.as_bytes();
    let sum = bytes.iter().rev().take(8).fold(bytes.len(), |sum, byte| sum * 31 + usize::from(*byte));
    sum % SHARDS
}

impl Actions {
    pub(super) fn get(&self, name: &str) -> Option<&Arc<ActionList>> {
        self.0[shard_of(name)].get(name)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<ActionList>)> {
        self.0.iter().flat_map(|shard| shard.iter())
    }

    /// Changes the list of one action; an empty one goes.
    pub(super) fn change(&mut self, name: &Arc<str>, change: impl FnOnce(&mut ActionList)) {
        let shards = Arc::make_mut(&mut self.0);
        let shard = Arc::make_mut(&mut shards[shard_of(name)]);
        let list = shard.entry(name.clone()).or_insert_with(|| Arc::new(ActionList::new()));
        change(Arc::make_mut(list));
        if list.is_empty() {
            shard.remove(name);
        }
    }
}
