//! Which node is asked.

use std::time::Duration;

use futures_util::future::try_join_all;
use serde_json::{Value, json};

use super::events::scenario_clear;
use crate::{
    check::{Outcome, same, until},
    cluster::{Cluster, SUPERVISOR},
};

/// Nine calls to three workers: three each.
pub(super) async fn calls(cluster: &Cluster) -> Outcome {
    let params = json!({ "id": 1, "name": "Ada" });
    let made =
        work(cluster, 9, &json!({ "action": "test.work", "params": params, "meta": { "m": 1 } })).await?;
    let many = 9 / cluster.workers().len();
    let want: Vec<_> = cluster.workers().iter().flat_map(|node| vec![node.id(); many]).collect();
    same("who worked", &workers(&made), &json!(want))?;
    for entry in made.as_array().into_iter().flatten() {
        same("params", &entry["params"], &params)?;
        same("meta", &entry["meta"], &json!({ "m": 1 }))?;
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

/// A service of the caller's own node is asked first.
pub(super) async fn local_first(cluster: &Cluster) -> Outcome {
    for _ in 0..5 {
        let result = cluster.call(json!({ "action": "conf.whoami" })).await?.result("conf.whoami")?;
        same("conf.whoami", &result, &json!(SUPERVISOR))?;
    }
    for node in cluster.workers() {
        let params = json!({ "action": "conf.whoami" });
        let call = json!({ "action": "conf.call", "params": params, "nodeID": node.id() });
        let result = cluster.call(call).await?.result("conf.call")?;
        same("conf.whoami through a worker", &result["result"], &json!(node.id()))?;
    }
    Ok(())
}

/// Makes calls to `test.work` at once and waits until the workers have told of them.
pub(super) async fn work(cluster: &Cluster, count: usize, call: &Value) -> Result<Value, String> {
    scenario_clear(cluster).await?;
    let calls = (0..count).map(|_| async { cluster.call(call.clone()).await?.result("test.work") });
    try_join_all(calls).await?;
    let ask = || async {
        cluster
            .call(json!({ "action": "$scenario.getCalledActions" }))
            .await?
            .result("$scenario.getCalledActions")
    };
    let enough = |calls: &Value| calls.as_array().is_some_and(|calls| calls.len() >= count);
    until(format_args!("{count} calls"), Duration::from_secs(5), ask, enough).await
}

/// The nodes that worked, sorted.
pub(super) fn workers(made: &Value) -> Value {
    let mut nodes: Vec<_> =
        made.as_array().into_iter().flatten().map(|call| call["nodeID"].as_str().unwrap_or("?")).collect();
    nodes.sort_unstable();
    json!(nodes)
}
