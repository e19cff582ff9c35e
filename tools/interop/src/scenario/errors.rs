//! Errors: each class arrives as what it was thrown.

use serde_json::{Value, json};

use crate::{
    check::{Outcome, Stop, ensure, same},
    cluster::Cluster,
    process::NodeProcess,
};

/// Name, code, type, retryable; and the message where the class makes its own.
const CLASSES: [(&str, u16, &str, bool, Option<&str>); 17] = [
    ("MoleculerError", 500, "CONF_FAILED", false, None),
    ("MoleculerRetryableError", 500, "CONF_FAILED", true, None),
    ("MoleculerServerError", 500, "CONF_FAILED", true, None),
    ("MoleculerClientError", 400, "CONF_FAILED", false, None),
    ("ValidationError", 422, "VALIDATION_ERROR", false, None),
    (
        "ServiceNotFoundError",
        404,
        "SERVICE_NOT_FOUND",
        true,
        Some("Service 'conf.fail' is not found on '{}' node."),
    ),
    (
        "ServiceNotAvailableError",
        404,
        "SERVICE_NOT_AVAILABLE",
        true,
        Some("Service 'conf.fail' is not available on '{}' node."),
    ),
    (
        "RequestTimeoutError",
        504,
        "REQUEST_TIMEOUT",
        true,
        Some("Request is timed out when call 'conf.fail' action on '{}' node."),
    ),
    (
        "RequestSkippedError",
        514,
        "REQUEST_SKIPPED",
        false,
        Some("Calling 'conf.fail' is skipped because timeout reached on '{}' node."),
    ),
    (
        "RequestRejectedError",
        503,
        "REQUEST_REJECTED",
        true,
        Some("Request is rejected when call 'conf.fail' action on '{}' node."),
    ),
    (
        "QueueIsFullError",
        429,
        "QUEUE_FULL",
        true,
        Some("Queue is full. Request 'conf.fail' action on '{}' node is rejected."),
    ),
    ("MaxCallLevelError", 500, "MAX_CALL_LEVEL", false, None),
    ("ServiceSchemaError", 500, "SERVICE_SCHEMA_ERROR", false, None),
    ("BrokerOptionsError", 500, "BROKER_OPTIONS_ERROR", false, None),
    ("GracefulStopTimeoutError", 500, "GRACEFUL_STOP_TIMEOUT", false, None),
    (
        "ProtocolVersionMismatchError",
        500,
        "PROTOCOL_VERSION_MISMATCH",
        false,
        Some("Protocol version mismatch."),
    ),
    ("InvalidPacketDataError", 500, "INVALID_PACKET_DATA", false, Some("Invalid packet data.")),
];

/// Every class that Moleculer knows.
pub(super) async fn classes(cluster: &Cluster) -> Outcome {
    for node in cluster.targets() {
        for (name, code, kind, retryable, message) in CLASSES {
            let error = fail(cluster, node, name).await?;
            // Moleculer rebuilds this class without its data.
            let lost = name == "GracefulStopTimeoutError" && cluster.supervisor().program().is_js();
            let got = json!({
                "name": error["name"], "code": error["code"], "type": error["type"],
                "retryable": error["retryable"], "nodeID": error["nodeID"], "data": error["data"],
            });
            let want = json!({
                "name": name, "code": code, "type": kind, "retryable": retryable, "nodeID": node.id(),
                "data": if lost { Value::Null } else { json!({ "action": "conf.fail", "nodeID": node.id(), "a": 1 }) },
            });
            same(format_args!("{name} of {node}"), &got, &want)?;
            match message {
                Some(text) => same(name, &error["message"], &json!(text.replace("{}", node.id())))?,
                None => ensure(error["message"].as_str().is_some_and(|text| !text.is_empty()), name, &error)?,
            }
        }
    }
    Ok(())
}

/// A class of its own keeps its fields; an ordinary error is a 500.
pub(super) async fn own(cluster: &Cluster) -> Outcome {
    for node in cluster.targets() {
        let error = fail(cluster, node, "custom").await?;
        let got = json!([error["name"], error["code"], error["type"], error["data"], error["nodeID"]]);
        let want = json!(["CustomError", 499, "CUSTOM", { "a": 1 }, node.id()]);
        same(format_args!("an own error of {node}"), &got, &want)?;

        let error = fail(cluster, node, "plain").await?;
        same(format_args!("origin of an ordinary error of {node}"), &error["nodeID"], &json!(node.id()))?;
        let code = &error["code"];
        ensure(code.is_null() || *code == 500, format_args!("code of an ordinary error of {node}"), code)?;
        same(format_args!("name of an ordinary error of {node}"), &error["name"], &json!("Error"))?;

        if node.program().is_js() {
            let error = fail(cluster, node, "text").await?;
            let got = json!([error["name"], error["code"], error["message"]]);
            same("a thrown text", &got, &json!(["MoleculerError", 500, "a text was thrown"]))?;
        }
    }
    Ok(())
}

/// A typed error is read with its fields, also when it went through another node that let it through.
pub(super) async fn typed(cluster: &Cluster) -> Outcome {
    let (js, rust): (Vec<_>, Vec<_>) = cluster.workers().iter().partition(|node| node.program().is_js());
    if js.is_empty() || rust.is_empty() {
        return Err(Stop::Skipped("it takes workers of both kinds"));
    }
    let throws = |node: &NodeProcess, kind: &str| json!({ "action": "conf.fail", "params": { "kind": kind }, "nodeID": node.id() });
    for caller in &rust {
        let read = async |params: Value| {
            let call = json!({ "action": "conf.typed", "params": params, "nodeID": caller.id() });
            cluster.call(call).await?.result("conf.typed")
        };
        for callee in cluster.workers() {
            for (kind, mut want) in
                [("typed", json!(["lámp ☃", 2, ["red"]])), ("closed", json!(["closed", true]))]
            {
                // What never left its node has no origin.
                let local = callee.id() == caller.id();
                let mut direct = want.clone();
                push(&mut direct, if local { Value::Null } else { callee.id().into() });
                push(&mut want, callee.id().into());
                let got = read(throws(callee, kind)).await?;
                same(format_args!("{kind} error of {callee} at {caller}"), &got, &direct)?;
                for through in &js {
                    let params = throws(callee, kind);
                    let got =
                        read(json!({ "action": "conf.through", "params": params, "nodeID": through.id() }))
                            .await?;
                    same(
                        format_args!("{kind} error of {callee} through {through} at {caller}"),
                        &got,
                        &want,
                    )?;
                }
            }
        }
    }
    Ok(())
}

fn push(list: &mut Value, value: Value) {
    if let Value::Array(list) = list {
        list.push(value);
    }
}

async fn fail(cluster: &Cluster, node: &NodeProcess, kind: &str) -> Result<Value, String> {
    let call = json!({ "action": "conf.fail", "params": { "kind": kind }, "nodeID": node.id() });
    cluster.call(call).await?.error("conf.fail")
}
