//! Who offers an action: one endpoint of this node at most, and those of other nodes.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use foldhash::fast::RandomState;

use super::{
    Endpoint,
    snapshot::Place,
    strategy::{Candidates, Pick, Strategy},
};

/// Everybody who offers one action. Immutable, but for what the strategy remembers.
#[derive(Clone)]
pub(crate) struct ActionList {
    pub(super) local: Option<Place>,
    pub(super) remotes: Vec<Arc<Endpoint>>,
    /// Outlives the list: a new one is built when an instance comes or goes.
    strategy: Arc<dyn Strategy>,
    /// Differs for lists of different nodes.
    generation: u64,
}

impl ActionList {
    fn new(strategy: Arc<dyn Strategy>) -> Self {
        Self { local: None, remotes: Vec::new(), strategy, generation: 0 }
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

    /// Whom the strategy chooses: endpoints that rest and nodes that do not answer are left out while there are
    /// others. `None` only when nobody offers the action or `skip` leaves nobody.
    pub(crate) fn pick(
        &self,
        prefer_local: bool,
        pick: &Pick<'_>,
        skip: &dyn Fn(&Endpoint) -> bool,
    ) -> Option<&Arc<Endpoint>> {
        if let Some(local) = self.local()
            && (prefer_local || self.remotes.is_empty())
            && (local.is_available() || self.remotes.is_empty())
            && !skip(local)
        {
            return Some(local);
        }
        let choose = |rank: Rank| {
            let among = Among { list: self, rank, skip };
            self.strategy.pick(&among, pick).map(|index| self.get(index))
        };
        choose(Rank::Healthy).or_else(|| choose(Rank::Available)).or_else(|| choose(Rank::Any))
    }
}

/// Which endpoints a strategy may choose.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rank {
    Healthy,
    Available,
    Any,
}

struct Among<'a> {
    list: &'a ActionList,
    rank: Rank,
    skip: &'a dyn Fn(&Endpoint) -> bool,
}

impl Candidates for Among<'_> {
    fn len(&self) -> usize {
        self.list.len()
    }

    fn generation(&self) -> u64 {
        self.list.generation
    }

    fn usable(&self, index: usize) -> bool {
        let endpoint = self.list.get(index);
        let fits = match self.rank {
            Rank::Healthy => endpoint.is_available() && !endpoint.is_suspect(),
            Rank::Available => endpoint.is_available(),
            Rank::Any => true,
        };
        fits && !(self.skip)(endpoint)
    }

    fn node(&self, index: usize) -> &str {
        self.list.get(index).node_id()
    }

    fn cpu(&self, index: usize) -> Option<f64> {
        let endpoint = self.list.get(index);
        match endpoint.node() {
            Some(node) => node.cpu(),
            None => endpoint.broker().transit().and_then(|transit| transit.membership().cpu()),
        }
    }

    fn latency(&self, index: usize) -> Option<f64> {
        // This node is nearest.
        self.list.get(index).node().map_or(Some(0.0), |node| node.latency())
    }
}

static GENERATIONS: AtomicU64 = AtomicU64::new(1);

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
    // Names of one service differ in their ends.
    let end = match name.as_bytes().last_chunk::<8>() {
        Some(end) => u64::from_le_bytes(*end),
        None => name.bytes().fold(0, |end, byte| end << 8 | u64::from(byte)),
    };
    // Golden ratio: the upper bits depend on all others.
    let mixed = end.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - SHARDS.ilog2());
    usize::try_from(mixed).unwrap_or_default()
}

impl Actions {
    pub(super) fn get(&self, name: &str) -> Option<&Arc<ActionList>> {
        self.0[shard_of(name)].get(name)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<ActionList>)> {
        self.0.iter().flat_map(|shard| shard.iter())
    }

    /// Changes the list of one action; an empty one goes.
    pub(super) fn change(
        &mut self,
        name: &Arc<str>,
        strategy: impl FnOnce() -> Arc<dyn Strategy>,
        change: impl FnOnce(&mut ActionList),
    ) {
        let shards = Arc::make_mut(&mut self.0);
        let shard = Arc::make_mut(&mut shards[shard_of(name)]);
        let list = shard.entry(name.clone()).or_insert_with(|| Arc::new(ActionList::new(strategy())));
        let list = Arc::make_mut(list);
        change(list);
        list.generation = GENERATIONS.fetch_add(1, Ordering::Relaxed);
        if list.is_empty() {
            shard.remove(name);
        }
    }
}
