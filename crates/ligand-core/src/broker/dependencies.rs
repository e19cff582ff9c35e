//! Waiting for services.

use std::{fmt, sync::Arc, time::Duration};

use ligand_wire::{Error, Result};
use serde::Deserialize as _;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::{ServiceBroker, dependency_cycle::Graph};
use crate::{registry::ServiceItem, service::Dependency};

/// Where the info of a node tells what its services wait for.
pub(crate) const WAITS: &str = "waits";

/// The most waiting services of one node that are told, read and shown.
const MOST: usize = 100;

/// After this time a wait is worth a warning; the next ones come after twice the time each, up to the longest.
const PATIENCE: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(60);

/// Waits until every dependency is there; zero = for ever. `who` is the service that waits.
pub(super) async fn wait_for(
    broker: &ServiceBroker,
    who: Option<&str>,
    wanted: &[Dependency],
    limit: Duration,
) -> Result<()> {
    let mut changes = broker.registry().changes();
    let all = async {
        loop {
            changes.mark_unchanged();
            if wanted.iter().all(|dependency| is_there(broker, dependency))
                || changes.changed().await.is_err()
            {
                return;
            }
        }
    };
    let mut all = std::pin::pin!(all);
    let start = Instant::now();
    let mut pause = PATIENCE;
    loop {
        let left = limit.saturating_sub(start.elapsed());
        let next = if limit.is_zero() { pause } else { left.min(pause) };
        if tokio::time::timeout(next, &mut all).await.is_ok() {
            return Ok(());
        }
        if !limit.is_zero() && start.elapsed() >= limit {
            break;
        }
        warn(broker, who, wanted);
        pause = (pause * 2).min(LONGEST);
    }
    let names: Vec<_> = wanted.iter().map(|dependency| dependency.any_of.join(" or ")).collect();
    let statuses: Vec<_> = wanted
        .iter()
        .zip(&names)
        .map(|(dependency, name)| json!({ "name": name, "available": is_there(broker, dependency) }))
        .collect();
    Err(Error::server(500, "WAITFOR_SERVICES", "Services waiting is timed out.")
        .with_data(json!({ "services": names, "statuses": statuses }))
        .with_internal(who.map_or_else(|| "the broker waits".into(), |who| format!("service '{who}' waits"))))
}

/// Says who waits for whom, on other nodes too.
fn warn(broker: &ServiceBroker, who: Option<&str>, wanted: &[Dependency]) {
    let missing = wanted.iter().filter(|dependency| !is_there(broker, dependency));
    let missing: Vec<_> = missing.map(|dependency| dependency.any_of.join(" or ")).collect();
    let waiting = Waiting::all(broker);
    let from = who.and_then(|who| waiting.iter().position(|one| one.service == who));
    let graph = Graph::new(waiting.iter().map(|one| (one.service.as_str(), &*one.wanted)));
    let (node, service, waits_for) = (broker.node_id(), who.unwrap_or(""), missing.join(", "));
    match from.and_then(|from| graph.way(from)) {
        Some(way) => {
            let circle: Vec<_> = way.into_iter().map(|at| waiting[at].to_string()).collect();
            let circle = circle.join(" → ");
            tracing::warn!(
                node,
                service,
                waits_for,
                circle,
                "services wait for each other and none of them starts; leave out one of these dependencies and call the \
                 other service when it is needed"
            );
        }
        None => {
            let others =
                waiting.iter().filter(|one| wanted.iter().any(|wanted| wanted.any_of.contains(&one.service)));
            let others: Vec<_> =
                others.take(MOST).map(|one| format!("{one} for {}", one.missing())).collect();
            tracing::warn!(
                node,
                service,
                waits_for,
                others_wait = others.join(", "),
                "still waiting for services; see option 'dependency_timeout'"
            );
        }
    }
}

/// A service that is not started because others are missing.
struct Waiting {
    service: String,
    node: String,
    wanted: Vec<Dependency>,
}

impl Waiting {
    /// Those of this node, and those of which other nodes told.
    fn all(broker: &ServiceBroker) -> Vec<Self> {
        let own = broker.waits().into_iter().map(|(service, wanted)| Self {
            service: service.to_string(),
            node: broker.node_id().to_owned(),
            wanted,
        });
        let mut all: Vec<_> = own.collect();
        for node in broker.registry().nodes().iter().filter(|node| node.is_available()) {
            let info = node.info();
            let told = info.config.get("ligand").and_then(|own| own.get(WAITS)).and_then(Value::as_object);
            let told = told.into_iter().flatten().take(MOST).map(|(service, wanted)| {
                let wanted = Vec::<Vec<String>>::deserialize(wanted).unwrap_or_default();
                let wanted = wanted.into_iter().map(|any_of| Dependency { any_of });
                Self {
                    service: service.clone(),
                    node: node.id().to_string(),
                    wanted: wanted.filter(|dependency| !is_there(broker, dependency)).collect(),
                }
            });
            all.extend(told);
        }
        all
    }

    fn missing(&self) -> String {
        let names: Vec<_> = self.wanted.iter().map(|wanted| wanted.any_of.join(" or ")).collect();
        printable(&names.join(" and "))
    }
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", printable(&self.service), self.node)
    }
}

/// A name that another node told, fit for a line of the log.
fn printable(name: &str) -> String {
    name.chars().take(128).flat_map(char::escape_debug).collect()
}

impl ServiceBroker {
    /// The services of this node that do not take calls yet.
    pub(super) fn unstarted(&self) -> Vec<Arc<ServiceItem>> {
        let snapshot = self.registry().load();
        let services = self.0.services.lock();
        services.iter().filter(|item| snapshot.service(item.full_name()).is_none()).cloned().collect()
    }

    /// What they wait for.
    fn waits(&self) -> Vec<(Arc<str>, Vec<Dependency>)> {
        let waits = self.unstarted().into_iter().filter_map(|item| {
            let wanted = item.def().dependencies.iter();
            let wanted: Vec<_> = wanted.filter(|dependency| !is_there(self, dependency)).cloned().collect();
            (!wanted.is_empty()).then(|| (item.full_name().clone(), wanted))
        });
        waits.collect()
    }

    /// The same for other nodes: `{ "orders": [["stock"], ["v1.users", "v2.users"]] }`; `None` when nothing waits.
    pub(crate) fn waits_told(&self) -> Option<Value> {
        let waits = self.waits();
        let told = waits.iter().take(MOST).map(|(service, wanted)| {
            let names: Vec<_> = wanted.iter().map(|wanted| &wanted.any_of).collect();
            (service.to_string(), json!(names))
        });
        let told: Map<_, _> = told.collect();
        (!told.is_empty()).then_some(Value::Object(told))
    }
}

fn is_there(broker: &ServiceBroker, dependency: &Dependency) -> bool {
    let snapshot = broker.registry().load();
    dependency.any_of.iter().any(|name| snapshot.has_service(name))
}
