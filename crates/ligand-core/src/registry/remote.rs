//! Services of other nodes, as their infos describe them.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use ligand_wire::{
    packet::{NodeInfo, ServiceInfo},
    pattern::Pattern,
};
use serde::Deserialize as _;
use serde_json::Value;

use super::{Endpoint, Node, strategy::StrategyOptions};
use crate::{
    config::{CircuitBreakerOptions, RetryOptions},
    service::{ActionDef, Announced, DynAction, Visibility, read_rest},
};

/// What another node offers.
pub(crate) struct RemoteNode {
    pub(crate) node: Arc<Node>,
    pub(crate) services: Vec<RemoteService>,
}

/// One service of another node.
pub(crate) struct RemoteService {
    pub(crate) full_name: Arc<str>,
    pub(crate) endpoints: Vec<Arc<Endpoint>>,
    pub(crate) events: Vec<(Pattern, Arc<str>)>,
    info: Arc<NodeInfo>,
    index: usize,
}

impl RemoteService {
    /// What the node says of it.
    pub(crate) fn info(&self) -> &ServiceInfo {
        &self.info.services[self.index]
    }

    pub(crate) fn settings(&self) -> &Value {
        &self.info().settings
    }
}

/// Makes the services of `info`. `endpoint` gets each action that other nodes may call; an action of `before` that
/// did not change keeps its endpoint, and with it the state of its circuit breaker.
pub(crate) fn services(
    info: &Arc<NodeInfo>,
    handler: &DynAction,
    before: Option<&RemoteNode>,
    endpoint: impl Fn(ActionDef) -> Arc<Endpoint>,
) -> Vec<RemoteService> {
    let mut services = Vec::with_capacity(info.services.len());
    for (index, service) in info.services.iter().enumerate() {
        let full_name: Arc<str> = full_name(service).into();
        let old = before.and_then(|node| node.services.iter().find(|old| old.full_name == full_name));
        let old = old.map(Known::of).unwrap_or_default();
        let mut endpoints: Vec<Arc<Endpoint>> = Vec::with_capacity(service.actions.len());
        let mut names = HashSet::with_capacity(service.actions.len());
        for definition in service.actions.values() {
            let Some(name) = definition.get("name").and_then(Value::as_str) else { continue };
            let Some(visibility) = visibility(definition) else { continue };
            if !names.insert(name) {
                continue;
            }
            let same = old.kept(name, definition);
            endpoints.push(match same {
                Some(kept) => kept,
                None => endpoint(action(name, &full_name, visibility, definition, handler)),
            });
        }
        let events = service.events.values().filter_map(|definition| {
            let name = definition.get("name").and_then(Value::as_str)?;
            let group = definition.get("group").and_then(Value::as_str).unwrap_or(&service.name);
            Some((Pattern::new(name), group.into()))
        });
        services.push(RemoteService {
            events: events.collect(),
            full_name,
            endpoints,
            info: info.clone(),
            index,
        });
    }
    services
}

/// What was known of a service, by names of actions: an info may list thousands.
#[derive(Default)]
struct Known<'a> {
    definitions: HashMap<&'a str, &'a Value>,
    endpoints: HashMap<&'a str, &'a Arc<Endpoint>>,
}

impl<'a> Known<'a> {
    fn of(service: &'a RemoteService) -> Self {
        let definitions = service.info().actions.values().rev();
        let named = definitions.filter_map(|d| Some((d.get("name")?.as_str()?, d)));
        let endpoints = service.endpoints.iter().map(|e| (e.action().full_name(), e));
        Self { definitions: named.collect(), endpoints: endpoints.collect() }
    }

    /// The endpoint of an action that is defined as before.
    fn kept(&self, name: &str, definition: &Value) -> Option<Arc<Endpoint>> {
        let same = self.definitions.get(name).is_some_and(|before| *before == definition);
        same.then(|| self.endpoints.get(name).map(|kept| Arc::clone(kept))).flatten()
    }
}

fn full_name(service: &ServiceInfo) -> String {
    if let Some(name) = &service.full_name {
        return name.clone();
    }
    match &service.version {
        Some(Value::Number(version)) => format!("v{version}.{}", service.name),
        Some(Value::String(version)) => format!("{version}.{}", service.name),
        _ => service.name.clone(),
    }
}

/// `None` for actions that other nodes must not call, though their node lists them.
fn visibility(definition: &Value) -> Option<Visibility> {
    match definition.get("visibility") {
        None | Some(Value::Null) => Some(Visibility::Published),
        Some(Value::String(text)) if text == "published" => Some(Visibility::Published),
        Some(Value::String(text)) if text == "public" => Some(Visibility::Public),
        Some(_) => None,
    }
}

fn action(
    name: &str,
    service: &Arc<str>,
    visibility: Visibility,
    definition: &Value,
    handler: &DynAction,
) -> ActionDef {
    let short = definition.get("rawName").and_then(Value::as_str);
    let short = short.unwrap_or_else(|| name.strip_prefix(&format!("{service}.")).unwrap_or(name));
    let mut action = ActionDef::remote(short.into(), name.into(), service.clone(), handler.clone());
    action.visibility = visibility;
    action.timeout = definition.get("timeout").and_then(millis);
    action.retry = policy(definition, "retryPolicy").map(|policy| RetryOptions {
        enabled: policy.get("enabled").and_then(Value::as_bool),
        // What another node asks for must not make this one try for ever.
        retries: policy.get("retries").and_then(Value::as_u64).map(|n| n.min(10) as u32),
        delay: policy.get("delay").and_then(millis).map(|delay| delay.max(Duration::from_millis(10))),
        max_delay: policy.get("maxDelay").and_then(millis),
        factor: policy.get("factor").and_then(Value::as_f64).filter(|factor| *factor >= 1.0),
        check: None,
    });
    action.circuit_breaker = policy(definition, "circuitBreaker").map(|policy| CircuitBreakerOptions {
        enabled: policy.get("enabled").and_then(Value::as_bool),
        threshold: policy
            .get("threshold")
            .and_then(Value::as_f64)
            .filter(|share| *share > 0.0 && *share <= 1.0),
        window_time: policy.get("windowTime").and_then(Value::as_f64).and_then(seconds),
        min_request_count: policy
            .get("minRequestCount")
            .and_then(Value::as_u64)
            .and_then(|n| n.try_into().ok()),
        half_open_time: policy.get("halfOpenTime").and_then(millis),
        check: None,
    });
    action.strategy = definition.get("strategy").and_then(|own| StrategyOptions::deserialize(own).ok());
    action.announced = definition.get("params").and_then(Announced::new).map(Arc::new);
    if let Some(value) = definition.get("rest") {
        (action.rest, action.rest_problems) = read_rest(value, action.raw_name());
    }
    // The gateway decides by these who may call the action.
    let fields =
        definition.as_object().into_iter().flatten().filter(|(key, _)| !OWN_FIELDS.contains(&key.as_str()));
    action.metadata = fields.map(|(key, value)| (key.clone(), value.clone())).collect();
    action
}

/// Fields of a definition that are not the user's.
const OWN_FIELDS: [&str; 10] = [
    "name",
    "rawName",
    "visibility",
    "params",
    "rest",
    "description",
    "cache",
    "timeout",
    "retryPolicy",
    "circuitBreaker",
];

fn policy<'a>(definition: &'a Value, name: &str) -> Option<&'a serde_json::Map<String, Value>> {
    definition.get(name).and_then(Value::as_object).filter(|policy| !policy.is_empty())
}

fn millis(value: &Value) -> Option<Duration> {
    seconds(value.as_f64()? / 1000.0)
}

fn seconds(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok()
}
