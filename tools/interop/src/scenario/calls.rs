//! Calls that take too long, go nowhere, are refused or answered from a cache.

use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use serde_json::{Value, json};

use crate::{
    check::{Outcome, ensure, same},
    cluster::{Answer, Cluster},
};

/// A slow call ends when its time is over, with the error of a timeout.
pub(super) async fn timeout(cluster: &Cluster) -> Outcome {
    for node in cluster.targets() {
        let start = Instant::now();
        let call =
            json!({ "action": "conf.slow", "params": { "ms": 3000 }, "timeout": 300, "nodeID": node.id() });
        let error = cluster.call(call).await?.error("conf.slow")?;
        let want = json!({ "name": "RequestTimeoutError", "code": 504, "type": "REQUEST_TIMEOUT", "retryable": true });
        for field in ["name", "code", "type", "retryable"] {
            same(format_args!("{field} of a timeout at {node}"), &error[field], &want[field])?;
        }
        same("action of a timeout", &error["data"]["action"], &json!("conf.slow"))?;
        let took = start.elapsed();
        ensure(took < Duration::from_secs(2), "a timeout of 300 ms ends early", &json!(took.as_millis()))?;
        let call =
            json!({ "action": "conf.slow", "params": { "ms": 50 }, "timeout": 5000, "nodeID": node.id() });
        same("a call in time", &cluster.call(call).await?.result("conf.slow")?, &json!("done"))?;
    }
    Ok(())
}

/// The rest of the caller's time, a fraction of milliseconds, is the limit of the calls it makes.
pub(super) async fn shrinking_timeout(cluster: &Cluster) -> Outcome {
    for from in cluster.workers() {
        for to in cluster.workers().iter().filter(|to| to.id() != from.id()) {
            let through = |ms: u32, timeout: u32| {
                json!({
                    "action": "conf.call", "nodeID": from.id(), "timeout": timeout,
                    "params": { "action": "conf.slow", "params": { "ms": ms }, "nodeID": to.id() },
                })
            };
            let what = format!("from {from} to {to}");
            let result = cluster.call(through(20, 5000)).await?.result(&what)?;
            same(&what, &result["result"], &json!("done"))?;
            // The outer or the inner limit is noticed first; both say the same.
            let answer = cluster.call(through(3000, 400)).await?;
            let error = answer
                .result("")
                .map_or_else(|_| answer.0["error"].clone(), |result| result["error"].clone());
            same(&what, &error["name"], &json!("RequestTimeoutError"))?;
        }
    }
    Ok(())
}

/// What nobody has is not found.
pub(super) async fn unknown(cluster: &Cluster) -> Outcome {
    let error = cluster.call(json!({ "action": "nobody.has" })).await?.error("nobody.has")?;
    same("unknown action", &error["name"], &json!("ServiceNotFoundError"))?;
    same("unknown action", &error["data"]["action"], &json!("nobody.has"))?;
    let call = json!({ "action": "conf.echo", "nodeID": "nowhere" });
    let error = cluster.call(call).await?.error("conf.echo on an unknown node")?;
    same("unknown node", &error["name"], &json!("ServiceNotFoundError"))?;
    same("unknown node", &error["data"], &json!({ "action": "conf.echo", "nodeID": "nowhere" }))?;
    for node in cluster.targets() {
        let call = json!({ "action": "conf.nothing", "nodeID": node.id() });
        let error = cluster.call(call).await?.error("conf.nothing")?;
        same("unknown action of a node", &error["code"], &json!(404))?;
    }
    Ok(())
}

/// Broken rules are listed; texts from outside become numbers where the rule says so.
pub(super) async fn validation(cluster: &Cluster) -> Outcome {
    for node in cluster.targets() {
        let call =
            |params: Value| json!({ "action": "probe.checked", "params": params, "nodeID": node.id() });
        let good = json!({ "id": 5, "name": "Ada" });
        let result = cluster.call(call(good.clone())).await?.result("probe.checked")?;
        same(format_args!("checked params at {node}"), &result, &good)?;
        let error = cluster.call(call(json!({ "name": "A" }))).await?.error("probe.checked")?;
        for (field, want) in
            [("name", json!("ValidationError")), ("code", json!(422)), ("type", json!("VALIDATION_ERROR"))]
        {
            same(format_args!("{field} of a refusal by {node}"), &error[field], &want)?;
        }
        let mut rules: Vec<_> = error["data"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|entry| {
                format!(
                    "{} {}",
                    entry["field"].as_str().unwrap_or("?"),
                    entry["type"].as_str().unwrap_or("?")
                )
            })
            .collect();
        rules.sort();
        same(
            format_args!("broken rules at {node}"),
            &json!(rules),
            &json!(["id required", "name stringMin"]),
        )?;
    }
    Ok(())
}

/// The second call with the same id is answered from the callee's cache.
pub(super) async fn cache(cluster: &Cluster) -> Outcome {
    for node in cluster.targets() {
        let call = |id: u32| json!({ "action": "conf.cached", "params": { "id": id, "more": 1 }, "nodeID": node.id() });
        let first = cluster.call(call(1)).await?.result("conf.cached")?;
        same("id", &first["id"], &json!(1))?;
        let second = cluster.call(call(1)).await?.result("conf.cached")?;
        same(format_args!("a cached result of {node}"), &second, &first)?;
        let other = cluster.call(call(2)).await?.result("conf.cached")?;
        ensure(other["runs"] != first["runs"], "another id runs again", &other)?;
    }
    Ok(())
}

/// Every node answers a ping.
pub(super) async fn ping(cluster: &Cluster) -> Outcome {
    for node in cluster.workers() {
        let answer = Answer(cluster.supervisor().ask("ping", json!({ "nodeID": node.id() })).await?);
        let pong = answer.result("ping")?;
        ensure(
            pong["elapsedTime"].is_number() && pong["timeDiff"].is_number(),
            format_args!("a pong of {node}"),
            &pong,
        )?;
    }
    Ok(())
}

/// Two hundred calls at once to each worker, each with its own answer.
pub(super) async fn many(cluster: &Cluster) -> Outcome {
    let calls = (0..200 * cluster.workers().len()).map(|number| async move {
        let node = &cluster.workers()[number % cluster.workers().len()];
        let params = json!({ "number": number, "text": "x".repeat(number % 50) });
        let call = json!({ "action": "conf.echo", "params": params, "nodeID": node.id() });
        let result = cluster.call(call).await?.result("conf.echo")?;
        same(format_args!("call {number} to {node}"), &result["params"], &params)
    });
    try_join_all(calls).await?;
    Ok(())
}
