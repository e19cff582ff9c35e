//! Waiting for services.

use std::time::Duration;

use ligand_wire::{Error, Result};
use serde_json::json;
use tokio::time::Instant;

use super::ServiceBroker;
use crate::service::Dependency;

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

/// Says who waits for whom: services of two nodes that wait for each other are seen by whoever reads both logs.
fn warn(broker: &ServiceBroker, who: Option<&str>, wanted: &[Dependency]) {
    let missing = wanted.iter().filter(|dependency| !is_there(broker, dependency));
    let missing: Vec<_> = missing.map(|dependency| dependency.any_of.join(" or ")).collect();
    tracing::warn!(
        node = broker.node_id(),
        service = who.unwrap_or(""),
        waits_for = missing.join(", "),
        "still waiting for services; if they wait for this one they wait for ever, see option 'dependency_timeout'"
    );
}

fn is_there(broker: &ServiceBroker, dependency: &Dependency) -> bool {
    let snapshot = broker.registry().load();
    dependency.any_of.iter().any(|name| snapshot.has_service(name))
}
