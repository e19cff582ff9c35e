//! What travels beside the parameters: meta, headers, ids, levels, callers.

use serde_json::{Value, json};

use super::values::has_headers;
use crate::{
    check::{Outcome, Stop, ensure, same},
    cluster::Cluster,
};

/// The callee's changes of meta come back to the caller.
pub(super) async fn meta(cluster: &Cluster) -> Outcome {
    for node in cluster.targets() {
        let call = json!({
            "action": "conf.meta", "params": { "set": { "b": { "c": [2] }, "a": "changed" } },
            "meta": { "a": 1, "kept": true }, "wantMeta": true, "nodeID": node.id(),
        });
        let answer = cluster.call(call).await?;
        same("conf.meta", &answer.result("conf.meta")?, &json!(true))?;
        let want = json!({ "a": "changed", "b": { "c": [2] }, "kept": true });
        same(format_args!("meta after a call to {node}"), answer.meta(), &want)?;
    }
    Ok(())
}

/// They come back with an error too.
pub(super) async fn meta_on_error(cluster: &Cluster) -> Outcome {
    for node in cluster.targets() {
        let call =
            json!({ "action": "probe.metaFail", "meta": { "a": 1 }, "wantMeta": true, "nodeID": node.id() });
        let answer = cluster.call(call).await?;
        answer.error("probe.metaFail")?;
        let want = json!({ "a": 1, "mark": node.id() });
        same(format_args!("meta after a failed call to {node}"), answer.meta(), &want)?;
    }
    Ok(())
}

/// Headers reach the callee of protocol 5.
pub(super) async fn headers(cluster: &Cluster) -> Outcome {
    if cluster.is_old() {
        return Err(Stop::Skipped("protocol 4 has no headers"));
    }
    let headers = json!({ "x-tenant": "é1", "accept": "a/b" });
    for node in cluster.targets().into_iter().filter(|node| has_headers(node.program())) {
        let call = json!({ "action": "conf.echo", "headers": headers, "nodeID": node.id() });
        let result = cluster.call(call).await?.result("conf.echo")?;
        same(format_args!("headers at {node}"), &result["headers"], &headers)?;
    }
    Ok(())
}

/// Levels count up, the request keeps its id, parents and callers are named.
pub(super) async fn nesting(cluster: &Cluster) -> Outcome {
    for node in cluster.targets() {
        let call = json!({
            "action": "conf.nested", "params": { "depth": 3 }, "requestID": "request-☃", "nodeID": node.id(),
        });
        let result = cluster.call(call).await?.result("conf.nested")?;
        let levels: Vec<_> = entries(&result).iter().map(|entry| entry["level"].clone()).collect();
        same(format_args!("levels at {node}"), &json!(levels), &json!([1, 2, 3, 4]))?;
        check_tree(&result, "request-☃", &json!(null))?;
    }
    Ok(())
}

/// A worker asks another worker: level 2, the supervisor's request id, and errors keep the node they come from.
pub(super) async fn three_nodes(cluster: &Cluster) -> Outcome {
    for from in cluster.workers() {
        for to in cluster.workers().iter().filter(|to| to.id() != from.id()) {
            let through = |action: &str, params: Value| {
                json!({
                    "action": "conf.call", "nodeID": from.id(), "requestID": "r1", "meta": { "seen": "everywhere" },
                    "params": { "action": action, "params": params, "nodeID": to.id(), "meta": { "more": 1 } },
                })
            };
            let place = format!("from {from} to {to}");
            let result = cluster.call(through("conf.nested", json!({ "depth": 1 }))).await?.result(&place)?;
            same(&place, &result["ok"], &json!(true))?;
            let result = &result["result"];
            same(format_args!("first level {place}"), &result[0]["level"], &json!(2))?;
            check_tree(result, "r1", &json!("conf"))?;

            let result = cluster.call(through("conf.echo", json!({ "x": 1 }))).await?.result(&place)?;
            let meta = &result["result"]["meta"];
            same(format_args!("meta {place}"), meta, &json!({ "seen": "everywhere", "more": 1 }))?;

            let set = json!({ "set": { "added": to.id() } });
            let mut call = through("conf.meta", set);
            call["wantMeta"] = json!(true);
            let answer = cluster.call(call).await?;
            let (meta, added) = (answer.result(&place)?["meta"].clone(), json!(to.id()));
            same(format_args!("meta of the middle {place}"), &meta["added"], &added)?;
            same(format_args!("meta of the first {place}"), &answer.meta()["added"], &added)?;

            let fail = json!({ "kind": "MoleculerClientError" });
            let result = cluster.call(through("conf.fail", fail)).await?.result(&place)?;
            same(format_args!("failure {place}"), &result["ok"], &json!(false))?;
            same(format_args!("origin of an error {place}"), &result["error"]["nodeID"], &json!(to.id()))?;
        }
    }
    Ok(())
}

fn entries(result: &Value) -> &[Value] {
    result.as_array().map_or(&[], Vec::as_slice)
}

/// Every entry belongs to the request; only the first may lack a parent.
fn check_tree(result: &Value, request: &str, first_caller: &Value) -> Result<(), String> {
    for (place, entry) in entries(result).iter().enumerate() {
        same("request id", &entry["requestID"], &json!(request))?;
        let caller = if place == 0 { first_caller } else { &json!("conf") };
        same(format_args!("caller of entry {place}"), &entry["caller"], caller)?;
        let parent = &entry["parentID"];
        ensure(parent.is_string() != caller.is_null(), format_args!("parent of entry {place}"), parent)?;
    }
    Ok(())
}
