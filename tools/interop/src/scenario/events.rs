//! Events: one listener of each group, or all of them.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    check::{Outcome, same, until},
    cluster::{Answer, Cluster, SUPERVISOR},
    process::NodeProcess,
};

/// How long events may take.
const ARRIVE: Duration = Duration::from_secs(5);
/// How long is waited for events that must not come.
const QUIET: Duration = Duration::from_millis(300);

/// Every listener of every node hears a broadcast once, with payload, meta and sender.
pub(super) async fn broadcast(cluster: &Cluster) -> Outcome {
    clear(cluster).await?;
    let payload = json!({ "a": [1, { "b": "☃" }], "n": null });
    let event = json!({ "event": "conf.told", "payload": payload, "meta": { "m": [1] } });
    send(cluster.supervisor(), "broadcast", event).await?;
    let want =
        json!([{ "event": "conf.told", "payload": payload, "meta": { "m": [1] }, "sender": SUPERVISOR }]);
    for node in cluster.nodes() {
        heard(node, 1).await?;
    }
    sleep(QUIET).await;
    for node in cluster.nodes() {
        same(format_args!("events at {node}"), &events(node).await?, &want)?;
    }
    Ok(())
}

/// One listener of each group: the supervisor's own of `users`, both of `payment` in turn, the only one of `mail`.
pub(super) async fn emit(cluster: &Cluster) -> Outcome {
    let payload = json!({ "id": 1, "name": "Ada" });
    let event = json!({ "event": "user.created", "payload": payload, "meta": { "m": 1 } });
    let heard = collect(cluster, "emit", &event, 6, 18).await?;
    let want = [("node1:payment", 3), ("node2:mail", 6), ("node3:payment", 3), ("supervisor:users", 6)];
    same("who heard", &places(&heard), &counted(&want))?;
    for entry in heard.as_array().into_iter().flatten() {
        same("payload", &entry["params"], &payload)?;
        same("meta", &entry["meta"], &json!({ "m": 1 }))?;
        same("event", &entry["event"], &json!("user.created"))?;
    }
    let heard = collect(cluster, "broadcast", &event, 3, 15).await?;
    let want = [
        ("node1:payment", 3),
        ("node1:users", 3),
        ("node2:mail", 3),
        ("node3:payment", 3),
        ("supervisor:users", 3),
    ];
    same("who heard the broadcast", &places(&heard), &counted(&want))?;
    Ok(())
}

/// Only the groups that are named hear.
pub(super) async fn groups(cluster: &Cluster) -> Outcome {
    let event = json!({ "event": "user.created", "payload": 1, "groups": ["mail"] });
    let heard = collect(cluster, "emit", &event, 2, 2).await?;
    same("emit to mail", &places(&heard), &counted(&[("node2:mail", 2)]))?;
    let event = json!({ "event": "user.created", "payload": 1, "groups": ["payment", "mail"] });
    let heard = collect(cluster, "broadcast", &event, 1, 3).await?;
    let want = [("node1:payment", 1), ("node2:mail", 1), ("node3:payment", 1)];
    same("broadcast to payment and mail", &places(&heard), &counted(&want))?;

    clear(cluster).await?;
    for (group, many) in [("conf", 0), ("confgroup", 1)] {
        let event = json!({ "event": "grp.event", "payload": group, "groups": [group] });
        send(cluster.supervisor(), "broadcast", event).await?;
        for node in cluster.nodes() {
            heard_exactly(node, many).await?;
        }
    }
    Ok(())
}

/// Nothing, null, scalars and lists are payloads.
pub(super) async fn payloads(cluster: &Cluster) -> Outcome {
    clear(cluster).await?;
    let payloads = [json!(null), json!(5), json!("text"), json!([1, 2]), json!(false), json!({})];
    for payload in &payloads {
        send(cluster.supervisor(), "broadcast", json!({ "event": "conf.sent", "payload": payload })).await?;
    }
    send(cluster.supervisor(), "broadcast", json!({ "event": "conf.sent" })).await?;
    for node in cluster.workers() {
        heard(node, 7).await?;
        let events = events(node).await?;
        let mut got: Vec<_> =
            events.as_array().into_iter().flatten().map(|event| event["payload"].to_string()).collect();
        let mut want: Vec<_> = payloads.iter().map(Value::to_string).chain(["null".into()]).collect();
        got.sort();
        want.sort();
        same(format_args!("payloads at {node}"), &json!(got), &json!(want))?;
    }
    Ok(())
}

/// `conf.*` is one part after the dot.
pub(super) async fn patterns(cluster: &Cluster) -> Outcome {
    clear(cluster).await?;
    for event in ["conf", "config.a", "conf.a.b", "conf.a"] {
        send(cluster.supervisor(), "broadcast", json!({ "event": event, "payload": {} })).await?;
    }
    for node in cluster.nodes() {
        heard_exactly(node, 1).await?;
        same(format_args!("event at {node}"), &events(node).await?[0]["event"], &json!("conf.a"))?;
    }
    Ok(())
}

/// A local broadcast stays on its node.
pub(super) async fn local(cluster: &Cluster) -> Outcome {
    clear(cluster).await?;
    send(cluster.supervisor(), "broadcastLocal", json!({ "event": "conf.here", "payload": 1 })).await?;
    heard_exactly(cluster.supervisor(), 1).await?;
    for node in cluster.workers() {
        heard_exactly(node, 0).await?;
    }
    Ok(())
}

/// Workers send too: with their own name as sender and the meta of the request.
pub(super) async fn from_workers(cluster: &Cluster) -> Outcome {
    for from in cluster.workers() {
        clear(cluster).await?;
        let call = json!({
            "action": "conf.emit", "nodeID": from.id(), "meta": { "trace": from.id() },
            "params": { "event": "conf.passed", "payload": { "x": 1 }, "broadcast": true },
        });
        cluster.call(call).await?.result("conf.emit")?;
        let want = json!([{
            "event": "conf.passed", "payload": { "x": 1 }, "meta": { "trace": from.id() }, "sender": from.id(),
        }]);
        for node in cluster.nodes() {
            heard(node, 1).await?;
            same(format_args!("event of {from} at {node}"), &events(node).await?, &want)?;
        }
        let call = json!({
            "action": "conf.emit", "nodeID": from.id(),
            "params": { "event": "user.created", "payload": 1, "groups": ["mail"] },
        });
        scenario_clear(cluster).await?;
        cluster.call(call).await?.result("conf.emit")?;
        let heard = collected(cluster, 1).await?;
        same(format_args!("emitted by {from}"), &places(&heard), &counted(&[("node2:mail", 1)]))?;
    }
    Ok(())
}

/// Sends an event `times` times and waits until the listeners have told of it.
pub(super) async fn collect(
    cluster: &Cluster,
    how: &str,
    event: &Value,
    times: usize,
    want: usize,
) -> Result<Value, String> {
    scenario_clear(cluster).await?;
    for _ in 0..times {
        send(cluster.supervisor(), how, event.clone()).await?;
    }
    collected(cluster, want).await
}

/// What `$scenario` has collected, when it is as many as wanted and a moment later.
async fn collected(cluster: &Cluster, want: usize) -> Result<Value, String> {
    let ask = || async {
        cluster
            .call(json!({ "action": "$scenario.getEmittedEvents" }))
            .await?
            .result("$scenario.getEmittedEvents")
    };
    let enough = |events: &Value| events.as_array().is_some_and(|events| events.len() >= want);
    until(format_args!("{want} events"), ARRIVE, ask, enough).await?;
    sleep(QUIET).await;
    ask().await
}

pub(super) async fn scenario_clear(cluster: &Cluster) -> Result<(), String> {
    cluster.call(json!({ "action": "$scenario.clear" })).await?.result("$scenario.clear").map(drop)
}

/// `node:service` of each that heard, sorted.
pub(super) fn places(events: &Value) -> Value {
    let mut places: Vec<_> = events
        .as_array()
        .into_iter()
        .flatten()
        .map(|event| {
            format!(
                "{}:{}",
                event["nodeID"].as_str().unwrap_or("?"),
                event["service"].as_str().unwrap_or("?")
            )
        })
        .collect();
    places.sort();
    json!(places)
}

fn counted(places: &[(&str, usize)]) -> Value {
    json!(places.iter().flat_map(|(place, count)| vec![*place; *count]).collect::<Vec<_>>())
}

async fn send(node: &NodeProcess, how: &str, event: Value) -> Result<(), String> {
    let answer = Answer(node.ask(how, event).await?);
    answer.result(how).map(drop)
}

async fn clear(cluster: &Cluster) -> Result<(), String> {
    // What earlier scenarios sent has come by now, or comes in this moment.
    sleep(QUIET / 3).await;
    for node in cluster.nodes() {
        local_call(node, "conf.clear").await?;
    }
    Ok(())
}

async fn events(node: &NodeProcess) -> Result<Value, String> {
    local_call(node, "conf.events").await
}

async fn heard(node: &NodeProcess, want: usize) -> Result<(), String> {
    let enough = |events: &Value| events.as_array().is_some_and(|events| events.len() >= want);
    until(format_args!("{want} events at {node}"), ARRIVE, || events(node), enough).await.map(drop)
}

async fn heard_exactly(node: &NodeProcess, want: usize) -> Result<(), String> {
    heard(node, want).await?;
    sleep(QUIET).await;
    let events = events(node).await?;
    let count = events.as_array().map_or(0, Vec::len);
    crate::check::ensure(count == want, format_args!("{want} events at {node}"), &events)
}

async fn local_call(node: &NodeProcess, action: &str) -> Result<Value, String> {
    Answer(node.ask("call", json!({ "action": action, "nodeID": node.id() })).await?).result(action)
}
