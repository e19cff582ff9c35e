//! Waiting for services.

use std::time::Duration;

use ligand_wire::{Error, Result};
use serde_json::json;

use super::ServiceBroker;
use crate::service::Dependency;

/// After this time a wait is worth a warning.
const PATIENCE: Duration = Duration::from_secs(5);

/// Waits until every dependency is there; zero = for ever.
pub(super) async fn wait_for(broker: &ServiceBroker, wanted: &[Dependency], limit: Duration) -> Result<()> {
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
    let first = if limit.is_zero() { PATIENCE } else { limit.min(PATIENCE) };
    if tokio::time::timeout(first, &mut all).await.is_ok() {
        return Ok(());
    }
    if limit.is_zero() || limit > first {
        let missing = wanted.iter().filter(|dependency| !is_there(broker, dependency));
        let missing: Vec<_> = missing.map(|dependency| dependency.any_of.join(" or ")).collect();
        tracing::warn!(services = missing.join(", "), "still waiting for services");
    }
    if limit.is_zero() {
        all.await;
        return Ok(());
    }
    if tokio::time::timeout(limit.saturating_sub(first), all).await.is_ok() {
        return Ok(());
    }
    let names: Vec<_> = wanted.iter().map(|dependency| dependency.any_of.join(" or ")).collect();
    let statuses: Vec<_> = wanted
        .iter()
        .zip(&names)
        .map(|(dependency, name)| json!({ "name": name, "available": is_there(broker, dependency) }))
        .collect();
    Err(Error::server(500, "WAITFOR_SERVICES", "Services waiting is timed out.")
        .with_data(json!({ "services": names, "statuses": statuses })))
}

fn is_there(broker: &ServiceBroker, dependency: &Dependency) -> bool {
    let snapshot = broker.registry().load();
    dependency.any_of.iter().any(|name| snapshot.has_service(name))
}
