//! What nodes tell each other of their services.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    check::{Outcome, ensure, same, until},
    cluster::{Answer, Cluster, Transporter},
    process::NodeProcess,
};

/// How long a change of services may take until other nodes know it. Gossip asks one node in two seconds.
fn known_within(cluster: &Cluster) -> Duration {
    let gossip = matches!(cluster.setup().transporter, Transporter::Tcp | Transporter::Udp);
    Duration::from_secs(if gossip { 15 } else { 3 })
}

/// Other nodes call what is published or public, nothing else.
pub(super) async fn visibility(cluster: &Cluster) -> Outcome {
    for node in cluster.targets() {
        for visibility in ["published", "public"] {
            let call = json!({ "action": format!("conf.{visibility}"), "nodeID": node.id() });
            same(visibility, &cluster.call(call).await?.result(visibility)?, &json!(visibility))?;
        }
        for visibility in ["protected", "private"] {
            let call = json!({ "action": format!("conf.{visibility}"), "nodeID": node.id() });
            let error = cluster.call(call).await?.error(visibility)?;
            same(format_args!("{visibility} of {node}"), &error["name"], &json!("ServiceNotFoundError"))?;
        }
    }
    Ok(())
}

/// Versions are parts of the name.
pub(super) async fn versions(cluster: &Cluster) -> Outcome {
    for node in cluster.targets() {
        for (prefix, version) in [("v1", "1"), ("v2", "2"), ("staging", "staging")] {
            let call = json!({ "action": format!("{prefix}.conf.version"), "nodeID": node.id() });
            let result = cluster.call(call).await?.result(prefix)?;
            same(format_args!("{prefix}.conf of {node}"), &result, &json!(version))?;
        }
        let call = json!({ "action": "conf.version", "nodeID": node.id() });
        cluster.call(call).await?.error("conf.version")?;
    }
    Ok(())
}

/// Settings and metadata are known everywhere, secrets nowhere.
pub(super) async fn settings(cluster: &Cluster) -> Outcome {
    let call = json!({ "action": "$node.services", "params": { "grouping": false, "withActions": true } });
    let services = cluster.call(call).await?.result("$node.services")?;
    for node in cluster.workers() {
        let own = |name: &str| {
            services
                .as_array()
                .into_iter()
                .flatten()
                .find(|service| service["fullName"] == name && service["nodeID"] == node.id())
                .cloned()
                .ok_or_else(|| format!("{name} of {node} is not in $node.services"))
        };
        let conf = own("conf")?;
        same(format_args!("settings of {node}"), &conf["settings"], &json!({ "shown": 1 }))?;
        same(format_args!("metadata of {node}"), &conf["metadata"], &json!({ "m": 1 }))?;
        same(format_args!("availability of {node}"), &conf["available"], &json!(true))?;
        ensure(
            !conf["actions"]["conf.echo"].is_null(),
            format_args!("conf.echo of {node}"),
            &conf["actions"],
        )?;
        ensure(
            conf["actions"]["conf.private"].is_null(),
            format_args!("conf.private of {node}"),
            &conf["actions"],
        )?;
        same("version", &own("v2.conf")?["version"], &json!(2))?;
        same("version", &own("staging.conf")?["version"], &json!("staging"))?;
    }
    Ok(())
}

/// A service that is added while the nodes run is known and called; removed, it is gone.
pub(super) async fn hot(cluster: &Cluster) -> Outcome {
    for node in cluster.targets() {
        let name = format!("hot{}", node.id());
        let action = format!("v3.{name}.who");
        tell(node, "addService", json!({ "service": { "name": name, "version": 3 } })).await?;
        known(cluster, &action, node.id()).await?;
        tell(node, "removeService", json!({ "name": format!("v3.{name}") })).await?;
        let gone = |answer: &Value| answer["ok"] == false && answer["error"]["code"] == 404;
        until(
            format_args!("{action} is gone from {node}"),
            known_within(cluster),
            || call(cluster, &action),
            gone,
        )
        .await?;
        tell(node, "addService", json!({ "service": { "name": name, "version": 3 } })).await?;
        known(cluster, &action, node.id()).await?;
    }
    Ok(())
}

/// A service waits for another one, on another node, before it starts.
pub(super) async fn dependencies(cluster: &Cluster) -> Outcome {
    for node in cluster.targets() {
        for (first, second) in [(cluster.supervisor(), node), (node, cluster.supervisor())] {
            let (late, base) =
                (format!("late-{}", first.id()), format!("base-{}-{}", second.id(), node.id()));
            let late = format!("{late}-{}", node.id());
            tell(first, "addService", json!({ "service": { "name": late, "dependencies": [base] } })).await?;
            sleep(Duration::from_millis(1200)).await;
            let action = format!("{late}.who");
            let early = call(cluster, &action).await?;
            ensure(early["ok"] == false, format_args!("'{late}' of {first} waits for '{base}'"), &early)?;
            tell(second, "addService", json!({ "service": { "name": base } })).await?;
            known(cluster, &format!("{base}.who"), second.id()).await?;
            known(cluster, &action, first.id()).await?;
        }
    }
    Ok(())
}

/// Waits until the supervisor can call it and the right node answers.
async fn known(cluster: &Cluster, action: &str, node: &str) -> Result<(), String> {
    // The dependency of a service is looked for once a second.
    let limit = known_within(cluster) + Duration::from_secs(2);
    let answer = until(
        format_args!("{action} is known"),
        limit,
        || call(cluster, action),
        |answer| answer["ok"] == true,
    )
    .await?;
    same(action, &answer["result"], &json!(node))
}

async fn call(cluster: &Cluster, action: &str) -> Result<Value, String> {
    Ok(cluster.call(json!({ "action": action })).await?.0)
}

async fn tell(node: &NodeProcess, what: &str, command: Value) -> Result<(), String> {
    Answer(node.ask(what, command).await?).result(what).map(drop)
}
