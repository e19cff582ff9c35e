//! With the option `disableBalancer` the message broker picks the node.

use futures_util::future::try_join_all;
use serde_json::{Value, json};

use super::{
    balancing::{work, workers},
    events::{collect, places},
};
use crate::{
    check::{Outcome, Stop, ensure, same},
    cluster::{Cluster, Transporter},
};

/// Every call is answered once, and every worker gets some.
pub(super) async fn calls(cluster: &Cluster) -> Outcome {
    let made = work(cluster, 60, &json!({ "action": "test.work", "params": { "id": 1 } })).await?;
    let nodes = workers(&made);
    ensure(nodes.as_array().is_some_and(|nodes| nodes.len() == 60), "sixty calls", &nodes)?;
    for node in cluster.workers() {
        let own = nodes.as_array().into_iter().flatten().filter(|id| **id == node.id()).count();
        ensure(own > 0, format_args!("{node} works"), &nodes)?;
    }
    Ok(())
}

/// A call that names a node goes there.
pub(super) async fn direct(cluster: &Cluster) -> Outcome {
    for node in cluster.workers() {
        let made = work(cluster, 4, &json!({ "action": "test.work", "nodeID": node.id() })).await?;
        same("who worked", &workers(&made), &json!(vec![node.id(); 4]))?;
    }
    Ok(())
}

/// One listener of each group.
pub(super) async fn emit(cluster: &Cluster) -> Outcome {
    let event = json!({ "event": "user.created", "payload": { "id": 1 } });
    let heard = collect(cluster, "emit", &event, 6, 18).await?;
    let mut services: Vec<_> = heard
        .as_array()
        .into_iter()
        .flatten()
        .map(|event| event["service"].as_str().unwrap_or("?"))
        .collect();
    services.sort_unstable();
    let want: Vec<_> = ["mail", "payment", "users"].iter().flat_map(|service| vec![*service; 6]).collect();
    same("who heard", &json!(services), &json!(want))?;
    Ok(())
}

/// Every listener, the supervisor's too.
pub(super) async fn broadcast(cluster: &Cluster) -> Outcome {
    let event = json!({ "event": "user.created", "payload": { "id": 1 } });
    let heard = collect(cluster, "broadcast", &event, 1, 5).await?;
    let want = json!(["node1:payment", "node1:users", "node2:mail", "node3:payment", "supervisor:users"]);
    same("who heard", &places(&heard), &want)?;
    Ok(())
}

/// AMQP: a consumer that is busy gets nothing more; the others do the rest.
pub(super) async fn slow_node(cluster: &Cluster) -> Outcome {
    if cluster.setup().transporter != Transporter::Amqp {
        return Err(Stop::Skipped("only AMQP knows who is busy"));
    }
    let calls = (0..9).map(|i| async move {
        let delay = if i == 0 { 2000 } else { 50 };
        let call = json!({ "action": "test.hello", "params": { "i": i, "delay": delay } });
        cluster.call(call).await?.result("test.hello")
    });
    let answers: Vec<Value> = try_join_all(calls).await?;
    let slow = &answers[0]["nodeID"];
    let own = answers.iter().filter(|answer| answer["nodeID"] == *slow).count();
    ensure(own == 1, "the slow node gets one call", &json!(answers))?;
    Ok(())
}
