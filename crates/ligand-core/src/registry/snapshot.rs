//! One immutable state of the registry.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use foldhash::fast::RandomState;
use serde_json::Value;

use super::{
    Endpoint, Listener, Node, Schedule,
    actions::{ActionList, Actions},
    events::{self, Events, Finder, Groups},
    remote::{RemoteNode, RemoteService},
    strategy::{RoundRobin, Strategy, StrategyOptions},
};
use crate::{
    service::{ActionDef, ServiceDef},
    sharded::Sharded,
};

/// A service that takes calls on this node.
pub struct ServiceItem {
    full_name: Arc<str>,
    def: ServiceDef,
    /// One of each of `sharded`.
    endpoints: Vec<Arc<Endpoint>>,
    sharded: Vec<Sharded<Endpoint>>,
    listeners: Vec<Arc<Listener>>,
    schedules: Vec<Arc<Schedule>>,
    /// A `started` handler has run, but the service has not come into the registry.
    half_started: AtomicBool,
}

impl ServiceItem {
    pub(crate) fn new(
        full_name: Arc<str>,
        def: ServiceDef,
        endpoints: Vec<Endpoint>,
        listeners: Vec<Arc<Listener>>,
    ) -> Self {
        let sharded: Vec<_> = endpoints.into_iter().map(Endpoint::sharded).collect();
        let endpoints = sharded.iter().map(|all| all.own().clone()).collect();
        let schedules = def.jobs.iter().map(|job| Arc::new(Schedule::new(job.clone()))).collect();
        Self {
            full_name,
            def,
            endpoints,
            sharded,
            listeners,
            schedules,
            half_started: AtomicBool::new(false),
        }
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

    /// From now on its endpoints are not called any more.
    pub(crate) fn retire(&self) {
        self.sharded.iter().flat_map(Sharded::iter).for_each(|endpoint| endpoint.retire());
    }

    /// The listeners.
    pub fn listeners(&self) -> &[Arc<Listener>] {
        &self.listeners
    }

    /// One for each job.
    pub(crate) fn schedules(&self) -> &[Arc<Schedule>] {
        &self.schedules
    }

    /// How many calls, handlers and runs of jobs there are: each holds a handle of its endpoint or listener. Snapshots
    /// do not count, they hold the item.
    pub(crate) fn running(&self) -> usize {
        // One handle of each is this item's own.
        let calls = self.sharded.iter().map(|endpoint| endpoint.handles() - 1);
        let events = self.listeners.iter().map(|listener| Arc::strong_count(listener) - 1);
        let runs = self.schedules.iter().map(|schedule| schedule.running());
        calls.chain(events).chain(runs).sum()
    }
}

impl fmt::Debug for ServiceItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceItem").field("name", &self.full_name).finish_non_exhaustive()
    }
}

/// Where an action or listener of this node is found: service and position in it.
#[derive(Clone)]
pub(super) struct Place {
    service: Arc<ServiceItem>,
    index: usize,
}

impl Place {
    pub(super) fn listener(&self) -> &Arc<Listener> {
        &self.service.listeners[self.index]
    }

    pub(super) fn endpoint(&self) -> &Arc<Endpoint> {
        self.service.sharded[self.index].own()
    }
}

/// A service that some node offers, as a gateway sees it.
#[derive(Clone, Copy, Debug)]
pub struct Offer<'a> {
    /// Full name with version.
    pub full_name: &'a str,
    settings: Settings<'a>,
    endpoints: &'a [Arc<Endpoint>],
}

#[derive(Clone, Copy, Debug)]
enum Settings<'a> {
    Own(&'a serde_json::Map<String, Value>),
    Other(&'a Value),
}

impl<'a> Offer<'a> {
    /// A public setting.
    pub fn setting(&self, name: &str) -> Option<&'a Value> {
        match self.settings {
            Settings::Own(settings) => settings.get(name),
            Settings::Other(settings) => settings.get(name),
        }
    }

    /// The actions.
    pub fn actions(&self) -> impl Iterator<Item = &'a Arc<ActionDef>> + use<'a> {
        self.endpoints.iter().map(|endpoint| endpoint.action())
    }
}

/// One immutable state of the registry. A change shares with it what it does not touch.
#[derive(Clone, Default)]
pub struct Snapshot {
    services: Arc<Vec<Arc<ServiceItem>>>,
    actions: Actions,
    events: Arc<Events>,
    nodes: Arc<HashMap<Arc<str>, Arc<RemoteNode>, RandomState>>,
    strategy: Arc<StrategyOptions>,
}

impl Snapshot {
    /// Nothing yet; actions that name no strategy get this one.
    pub(super) fn new(strategy: StrategyOptions) -> Self {
        Self { strategy: Arc::new(strategy), ..Self::default() }
    }

    /// The strategy of an action's list: its own, else the broker's.
    fn strategy(&self, action: &ActionDef) -> Arc<dyn Strategy> {
        let own = action.strategy.as_ref().and_then(|own| own.build().ok());
        // The broker's was checked at the start.
        own.or_else(|| self.strategy.build().ok()).unwrap_or_else(|| Arc::new(RoundRobin::default()))
    }

    /// The services of this node in order of registration.
    pub fn services(&self) -> &[Arc<ServiceItem>] {
        &self.services
    }

    /// A service of this node by full name.
    pub fn service(&self, full_name: &str) -> Option<&Arc<ServiceItem>> {
        self.services.iter().find(|service| &*service.full_name == full_name)
    }

    /// True when some node offers the service.
    pub fn has_service(&self, full_name: &str) -> bool {
        self.service(full_name).is_some()
            || self.nodes.values().any(|node| node.services.iter().any(|s| *s.full_name == *full_name))
    }

    /// Any endpoint of an action by full name, this node's if there is one: for its definition.
    pub fn endpoint(&self, action: &str) -> Option<&Arc<Endpoint>> {
        self.actions.get(action)?.first()
    }

    pub(crate) fn list(&self, action: &str) -> Option<&Arc<ActionList>> {
        self.actions.get(action)
    }

    /// All endpoints of an action, this node's first.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Action, Error, ServiceBroker, ServiceDef};
    /// let get = Action::of("get", |id: u64| async move { Ok::<_, Error>(id) });
    /// let broker = ServiceBroker::builder().service(ServiceDef::new("users").action(get)).start().await?;
    /// let snapshot = broker.registry().snapshot();
    /// assert_eq!(snapshot.endpoints_of("users.get").count(), 1);
    /// assert!(snapshot.has_service("users"));
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn endpoints_of(&self, action: &str) -> impl Iterator<Item = &Arc<Endpoint>> {
        self.actions.get(action).into_iter().flat_map(|list| list.iter())
    }

    /// One endpoint of every action that some node offers: this node's in order of registration, then the others
    /// by name.
    pub fn endpoints(&self) -> impl Iterator<Item = &Arc<Endpoint>> {
        let own = self.services.iter().flat_map(|service| service.endpoints.iter());
        let mut others: Vec<_> = self
            .actions
            .iter()
            .filter(|(_, list)| list.local.is_none())
            .filter_map(|(_, list)| list.first())
            .collect();
        others.sort_by(|a, b| a.action().full_name().cmp(b.action().full_name()));
        own.chain(others)
    }

    /// Every listener of this node in order of registration.
    pub fn listeners(&self) -> impl Iterator<Item = &Arc<Listener>> {
        self.services.iter().flat_map(|service| service.listeners.iter())
    }

    /// Every service that some node offers, this node's first, then the others by name and node. A service of several
    /// nodes is there once for each: while a new version is rolled out, they differ.
    pub fn offers(&self) -> Vec<Offer<'_>> {
        let own = self.services.iter().map(|item| Offer {
            full_name: &item.full_name,
            settings: Settings::Own(&item.def.settings),
            endpoints: &item.endpoints,
        });
        let mut others: Vec<_> = self.remote_services().collect();
        others.sort_by_key(|(node, service)| (&service.full_name, node.id()));
        let others = others.into_iter().map(|(_, service)| Offer {
            full_name: &service.full_name,
            settings: Settings::Other(service.settings()),
            endpoints: &service.endpoints,
        });
        own.chain(others).collect()
    }

    /// The other nodes that take calls.
    pub fn nodes(&self) -> impl Iterator<Item = &Arc<Node>> {
        self.nodes.values().map(|node| &node.node)
    }

    /// Another node that takes calls.
    pub fn node(&self, id: &str) -> Option<&Arc<Node>> {
        self.nodes.get(id).map(|node| &node.node)
    }

    pub(crate) fn remote_services(&self) -> impl Iterator<Item = (&Arc<Node>, &RemoteService)> {
        self.nodes.values().flat_map(|node| node.services.iter().map(move |service| (&node.node, service)))
    }

    pub(crate) fn event_lists(&self) -> &[Arc<events::Group>] {
        self.events.lists()
    }

    /// Full names that end in the same service and action, with another version: for "did you mean".
    pub(crate) fn versions_of(&self, action: &str) -> Vec<&str> {
        let tail = format!(".{action}");
        self.actions.iter().map(|(name, _)| &**name).filter(|name| name.ends_with(&tail)).collect()
    }

    /// The groups that hear `event`.
    pub(crate) fn heard(&self, event: &str) -> Groups {
        self.events.heard(event)
    }

    pub(super) fn with(&self, service: Arc<ServiceItem>) -> Self {
        let mut next = self.clone();
        for (index, endpoint) in service.endpoints.iter().enumerate() {
            let place = Place { service: service.clone(), index };
            let action = endpoint.action();
            next.actions.change(&action.full_name, || self.strategy(action), |list| list.local = Some(place));
        }
        if !service.listeners.is_empty() {
            next.events = Arc::new(self.events.changed(|lists| {
                let mut lists = Finder::new(lists);
                for (index, listener) in service.listeners.iter().enumerate() {
                    let event = listener.event();
                    let group = lists.list(&event.pattern, event.group());
                    let place = Place { service: service.clone(), index };
                    match group.members.last_mut() {
                        Some(member) if Arc::ptr_eq(&member[0].service, &service) => member.push(place),
                        _ => group.members.push(vec![place]),
                    }
                }
            }));
        }
        Arc::make_mut(&mut next.services).push(service);
        next
    }

    pub(super) fn without(&self, service: &Arc<ServiceItem>) -> Self {
        let mut next = self.clone();
        for endpoint in &service.endpoints {
            let action = endpoint.action();
            next.actions.change(&action.full_name, || self.strategy(action), |list| list.local = None);
        }
        if !service.listeners.is_empty() {
            next.events = Arc::new(self.events.changed(|lists| {
                for list in lists {
                    if list.members.iter().any(|member| Arc::ptr_eq(&member[0].service, service)) {
                        Arc::make_mut(list)
                            .members
                            .retain(|member| !Arc::ptr_eq(&member[0].service, service));
                    }
                }
            }));
        }
        Arc::make_mut(&mut next.services).retain(|other| !Arc::ptr_eq(other, service));
        next
    }

    /// With the services of another node; those it had before go.
    pub(super) fn with_node(&self, node: RemoteNode) -> Self {
        let mut next = self.without_node(node.node.id());
        for endpoint in node.services.iter().flat_map(|service| &service.endpoints) {
            let action = endpoint.action();
            next.actions.change(
                &action.full_name,
                || self.strategy(action),
                |list| {
                    list.remotes.push(endpoint.clone());
                },
            );
        }
        if node.services.iter().any(|service| !service.events.is_empty()) {
            next.events = Arc::new(next.events.changed(|lists| {
                let mut lists = Finder::new(lists);
                for (pattern, group) in node.services.iter().flat_map(|service| &service.events) {
                    let list = lists.list(pattern, group);
                    // Only this node is added here: if it is there, it is the last.
                    if list.nodes.last().is_none_or(|other| !Arc::ptr_eq(other, &node.node)) {
                        list.nodes.push(node.node.clone());
                    }
                }
            }));
        }
        Arc::make_mut(&mut next.nodes).insert(node.node.id().clone(), Arc::new(node));
        next
    }

    pub(super) fn without_node(&self, id: &str) -> Self {
        let mut next = self.clone();
        let Some(old) = self.nodes.get(id) else { return next };
        for endpoint in old.services.iter().flat_map(|service| &service.endpoints) {
            let action = endpoint.action();
            next.actions.change(
                &action.full_name,
                || self.strategy(action),
                |list| {
                    list.remotes.retain(|other| !Arc::ptr_eq(other, endpoint));
                },
            );
        }
        if old.services.iter().any(|service| !service.events.is_empty()) {
            next.events = Arc::new(self.events.changed(|lists| {
                for list in lists {
                    if list.nodes.iter().any(|node| &**node.id() == id) {
                        Arc::make_mut(list).nodes.retain(|node| &**node.id() != id);
                    }
                }
            }));
        }
        Arc::make_mut(&mut next.nodes).remove(id);
        next
    }

    pub(super) fn remote(&self, id: &str) -> Option<&Arc<RemoteNode>> {
        self.nodes.get(id)
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").field("services", &self.services).finish_non_exhaustive()
    }
}
