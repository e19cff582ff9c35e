//! Nodes that stop, die and come back.

use std::time::Duration;

use serde_json::{Value, json};

use super::balancing::{work, workers};
use crate::{
    check::{Outcome, ensure, same, until},
    cluster::{Cluster, Transporter},
    process::NodeProcess,
};

/// How long the heartbeats of a dead node may be missed: six seconds, checked every six seconds.
const NOTICED: Duration = Duration::from_secs(20);

/// A stopped node says so: nobody is surprised, and its work goes to the others.
pub(super) async fn stop(cluster: &Cluster) -> Outcome {
    let Some(node) = cluster.workers().get(1) else { return Ok(()) };
    node.ask("stop", json!({})).await?;
    node.ended(Duration::from_secs(10)).await?;
    let left = gone(cluster, node).await?;
    if tells_leaves(cluster) {
        same(format_args!("the leave of {node}"), &left["unexpected"], &json!(false))?;
    }
    let call = json!({ "action": "conf.whoami", "nodeID": node.id() });
    let error = cluster.call(call).await?.error("a call to a stopped node")?;
    same("a call to a stopped node", &error["code"], &json!(404))?;
    let made = work(cluster, 6, &json!({ "action": "test.work" })).await?;
    let others: Vec<_> = cluster.workers().iter().filter(|other| other.id() != node.id()).collect();
    let want: Vec<_> = others.iter().flat_map(|other| vec![other.id(); 6 / others.len()]).collect();
    same("who works now", &workers(&made), &json!(want))?;
    Ok(())
}

/// A killed node is missed: what waits for it is told, and it is no longer asked.
pub(super) async fn kill(cluster: &Cluster) -> Outcome {
    let Some(node) = cluster.workers().last() else { return Ok(()) };
    let waiting = async {
        let call = json!({ "action": "conf.slow", "params": { "ms": 60_000 }, "timeout": 30_000, "nodeID": node.id() });
        cluster.call(call).await?.error("a call to a killed node")
    };
    let killing = async {
        until("the call runs", NOTICED, || async { running(cluster, node).await }, |up| *up == json!(true))
            .await?;
        node.kill().await;
        let left = gone(cluster, node).await?;
        let unexpected = if tells_leaves(cluster) { json!(true) } else { left["unexpected"].clone() };
        same(format_args!("the leave of {node}"), &left["unexpected"], &unexpected)
    };
    let (error, killed) = futures_util::future::join(waiting, killing).await;
    killed?;
    let error = error?;
    same("the call that waited", &error["name"], &json!("RequestRejectedError"))?;
    same("the call that waited", &error["data"]["nodeID"], &json!(node.id()))?;
    let made = work(cluster, 4, &json!({ "action": "test.work" })).await?;
    let asked = workers(&made);
    ensure(
        !asked.as_array().is_some_and(|asked| asked.iter().any(|id| *id == node.id())),
        "who works now",
        &asked,
    )?;
    Ok(())
}

/// A node that comes back under its name is known within three seconds.
pub(super) async fn restart(cluster: &Cluster) -> Outcome {
    let place = cluster.workers().len();
    let Some(old) = cluster.workers().last() else { return Ok(()) };
    let node = cluster.restart(place).await?;
    let ask = || async { Ok(cluster.call(json!({ "action": "conf.whoami", "nodeID": node.id() })).await?.0) };
    let answer =
        until(format_args!("{node} is back"), Duration::from_secs(3), ask, |answer| answer["ok"] == true)
            .await?;
    same("conf.whoami", &answer["result"], &json!(old.id()))?;
    let history = nodes(cluster).await?;
    let back = |entry: &Value| {
        entry["nodeID"] == node.id() && entry["event"] == "connected" && entry["reconnected"] == true
    };
    ensure(history.as_array().into_iter().flatten().any(back), "it was noticed as reconnected", &history)?;
    Ok(())
}

/// Whether a leave on purpose differs from a death: gossip over TCP has no word for it.
fn tells_leaves(cluster: &Cluster) -> bool {
    !matches!(cluster.setup().transporter, Transporter::Tcp | Transporter::Udp)
}

/// Waits until the supervisor has heard of the leave; the event.
async fn gone(cluster: &Cluster, node: &NodeProcess) -> Result<Value, String> {
    let left = |history: &Value| {
        history
            .as_array()
            .into_iter()
            .flatten()
            .rfind(|entry| entry["nodeID"] == node.id() && entry["event"] == "disconnected")
            .cloned()
    };
    let history = until(
        format_args!("{node} is missed"),
        NOTICED,
        || nodes(cluster),
        |history| left(history).is_some(),
    )
    .await?;
    left(&history).ok_or_else(|| "no leave".into())
}

async fn nodes(cluster: &Cluster) -> Result<Value, String> {
    let own = cluster.supervisor().id();
    cluster.call(json!({ "action": "probe.nodes", "nodeID": own })).await?.result("probe.nodes")
}

/// Whether the node answers, so that what was sent before has arrived.
async fn running(cluster: &Cluster, node: &NodeProcess) -> Result<Value, String> {
    let call = json!({ "action": "conf.whoami", "nodeID": node.id() });
    Ok(json!(cluster.call(call).await?.0["ok"] == true))
}
