//! One immutable state of the registry.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use arc_swap::ArcSwap;
use foldhash::fast::RandomState;

use super::{Endpoint, Listener};
use crate::service::ServiceDef;

type Map<K, V> = HashMap<K, V, RandomState>;

/// A service that takes calls on this node.
pub struct ServiceItem {
    full_name: Arc<str>,
    def: ServiceDef,
    endpoints: Vec<Arc<Endpoint>>,
    listeners: Vec<Arc<Listener>>,
    /// A `started` handler has run, but the service has not come into the registry.
    half_started: AtomicBool,
}

impl ServiceItem {
    pub(crate) fn new(
        full_name: Arc<str>,
        def: ServiceDef,
        endpoints: Vec<Arc<Endpoint>>,
        listeners: Vec<Arc<Listener>>,
    ) -> Self {
        Self { full_name, def, endpoints, listeners, half_started: AtomicBool::new(false) }
    }

    pub(crate) fn is_half_started(&self) -> bool {
        self.half_started.load(Ordering::Acquire)
    }

    pub(crate) fn set_half_started(&self, half: bool) {
        self.half_started.store(half, Ordering::Release);
    }

    /// Full name with version.
    pub fn full_name(&self) -> &Arc<str> {
        &self.full_name
    }

    /// The definition.
    pub fn def(&self) -> &ServiceDef {
        &self.def
    }

    /// One endpoint for each action.
    pub fn endpoints(&self) -> &[Arc<Endpoint>] {
        &self.endpoints
    }

    /// The listeners.
    pub fn listeners(&self) -> &[Arc<Listener>] {
        &self.listeners
    }

    /// How many calls and handlers run: each holds a handle of its endpoint or listener. Snapshots do not count,
    /// they hold the item.
    pub(crate) fn running(&self) -> usize {
        let calls = self.endpoints.iter().map(|endpoint| Arc::strong_count(endpoint) - 1);
        let events = self.listeners.iter().map(|listener| Arc::strong_count(listener) - 1);
        calls.chain(events).sum()
    }
}

impl fmt::Debug for ServiceItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceItem").field("name", &self.full_name).finish_non_exhaustive()
    }
}

/// Where an action or listener is found: service and position in it.
#[derive(Clone)]
struct Place {
    service: Arc<ServiceItem>,
    index: usize,
}

/// The services that listen with one mask in one group; an `emit` reaches one of them.
pub(crate) struct Group {
    pub(crate) name: Arc<str>,
    /// Of each service all listeners with the mask: its own and those of its mixins hear the same events.
    members: Vec<Vec<Place>>,
    next: AtomicUsize,
}

impl Group {
    /// The listeners of the service whose turn it is.
    pub(crate) fn pick(&self) -> impl Iterator<Item = &Arc<Listener>> {
        let turn = match self.members.len() {
            1 => 0,
            len => self.next.fetch_add(1, Ordering::Relaxed) % len,
        };
        self.members[turn].iter().map(Place::listener)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Listener>> {
        self.members.iter().flatten().map(Place::listener)
    }
}

impl Place {
    fn listener(&self) -> &Arc<Listener> {
        &self.service.listeners[self.index]
    }
}

/// The groups that hear one event name.
pub(crate) type Groups = Arc<[Group]>;

/// One immutable state of the registry.
#[derive(Default)]
pub struct Snapshot {
    services: Vec<Arc<ServiceItem>>,
    actions: Map<Arc<str>, Place>,
    /// Resolved event names; grows by copying, so that readers never wait.
    heard: ArcSwap<Map<Arc<str>, Groups>>,
}

/// Names beyond this many are resolved anew each time: event names may come from outside.
const MOST_RESOLVED_NAMES: usize = 1024;

impl Snapshot {
    pub(super) fn build(services: Vec<Arc<ServiceItem>>) -> Self {
        let mut actions = Map::default();
        for service in &services {
            for (index, endpoint) in service.endpoints.iter().enumerate() {
                let place = Place { service: service.clone(), index };
                actions.insert(endpoint.action().full_name.clone(), place);
            }
        }
        Self { services, actions, heard: ArcSwap::default() }
    }

    /// All services in order of registration.
    pub fn services(&self) -> &[Arc<ServiceItem>] {
        &self.services
    }

    /// A service by full name.
    pub fn service(&self, full_name: &str) -> Option<&Arc<ServiceItem>> {
        self.services.iter().find(|service| &*service.full_name == full_name)
    }

    /// An action by full name.
    pub fn endpoint(&self, action: &str) -> Option<&Arc<Endpoint>> {
        let place = self.actions.get(action)?;
        place.service.endpoints.get(place.index)
    }

    /// Every action in order of registration.
    pub fn endpoints(&self) -> impl Iterator<Item = &Arc<Endpoint>> {
        self.services.iter().flat_map(|service| service.endpoints.iter())
    }

    /// Every listener in order of registration.
    pub fn listeners(&self) -> impl Iterator<Item = &Arc<Listener>> {
        self.services.iter().flat_map(|service| service.listeners.iter())
    }

    /// Full names that end in the same service and action, with another version: for "did you mean".
    pub(crate) fn versions_of(&self, action: &str) -> Vec<&str> {
        let tail = format!(".{action}");
        self.actions.keys().map(|name| &**name).filter(|name| name.ends_with(&tail)).collect()
    }

    /// The groups that hear `event`.
    pub(crate) fn heard(&self, event: &str) -> Groups {
        let heard = self.heard.load();
        if let Some(groups) = heard.get(event) {
            return groups.clone();
        }
        if heard.len() >= MOST_RESOLVED_NAMES {
            return self.resolve(event, fastrand::usize(..usize::MAX / 2));
        }
        let groups = self.resolve(event, 0);
        self.heard.rcu(|heard| {
            let mut heard = Map::clone(heard);
            heard.insert(event.into(), groups.clone());
            heard
        });
        groups
    }

    /// `first` is the service of a group that is picked first.
    fn resolve(&self, event: &str, first: usize) -> Groups {
        let mut groups: Vec<Group> = Vec::new();
        for service in &self.services {
            for (index, listener) in service.listeners.iter().enumerate() {
                let def = listener.event();
                if !def.pattern.matches(event) {
                    continue;
                }
                let place = Place { service: service.clone(), index };
                let same = |group: &&mut Group| {
                    &*group.name == def.group_of()
                        && group.members[0][0].listener().event().pattern == def.pattern
                };
                match groups.iter_mut().find(same) {
                    Some(group) => match group.members.last_mut() {
                        Some(member) if Arc::ptr_eq(&member[0].service, service) => member.push(place),
                        _ => group.members.push(vec![place]),
                    },
                    None => groups.push(Group {
                        name: def.group_of().into(),
                        members: vec![vec![place]],
                        next: AtomicUsize::new(first),
                    }),
                }
            }
        }
        groups.into()
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").field("services", &self.services).finish_non_exhaustive()
    }
}
