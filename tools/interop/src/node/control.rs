//! Commands on standard input, one JSON object a line, answered on standard output in any order:
//! `{"id", "do", …}` → `{"id", "ok", …}`.

use std::{collections::BTreeMap, time::Duration};

use futures_util::{StreamExt, stream::FuturesUnordered};
use ligand::{
    Action, Map, ServiceDef, Streaming, broker::Request, context::EventKind, prelude::*, service::Version,
};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, BufReader};

use super::{
    conf::fields,
    content::{Source, digest},
    own,
    types::Types,
};

/// Follows commands until the input ends or one of them says stop.
pub(super) async fn obey(broker: &ServiceBroker) {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let mut running = FuturesUnordered::new();
    loop {
        tokio::select! {
            line = lines.next_line() => match line {
                Ok(Some(line)) => running.push(follow(broker, line)),
                Ok(None) | Err(_) => return,
            },
            Some(stop) = running.next() => if stop { return },
        }
    }
}

/// Follows one command; true when it says stop.
async fn follow(broker: &ServiceBroker, line: String) -> bool {
    let command: Value = serde_json::from_str(&line).unwrap_or_default();
    let what = command["do"].as_str().unwrap_or_default();
    // Its answer does not wait for what the service waits for.
    if what == "addService" {
        answer(&command, Ok(json!({})));
        if let Err(error) = add(broker, &command["service"]).await {
            eprintln!("{error:#}");
        }
        return false;
    }
    let result = match what {
        "call" => call(broker, &command).await,
        "emit" => send(broker, EventKind::Emit, &command).await,
        "broadcast" => send(broker, EventKind::Broadcast, &command).await,
        "broadcastLocal" => send(broker, EventKind::BroadcastLocal, &command).await,
        "types" => types(broker, &command).await,
        "sendTypes" => send_types(broker, &command).await,
        "removeService" => {
            let name = command["name"].as_str().unwrap_or_default();
            broker.destroy_service(name).await.map(|()| json!({}))
        }
        "waitFor" => wait(broker, &command).await,
        "ping" => {
            let node = command["nodeID"].as_str().unwrap_or_default();
            let echo = broker.ping(node, Duration::from_secs(3)).await;
            Ok(json!({ "result": echo }))
        }
        "stop" => Ok(json!({})),
        _ => Err(Error::bad_request(format!("unknown command '{what}'"))),
    };
    answer(&command, result);
    what == "stop"
}

fn answer(command: &Value, result: Result<Value>) {
    let mut answer = match result {
        Ok(answer) => answer,
        Err(error) => json!({ "ok": false, "error": error }),
    };
    answer["id"] = command["id"].clone();
    if answer.get("ok").is_none() {
        answer["ok"] = true.into();
    }
    println!("{answer}");
}

#[derive(Deserialize)]
struct Call {
    action: String,
    #[serde(default)]
    meta: Map<String, Value>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    timeout: Option<f64>,
    #[serde(rename = "nodeID")]
    node_id: Option<String>,
    #[serde(rename = "requestID")]
    request_id: Option<String>,
    upload: Option<Source>,
    /// The meta after the call is asked for: it is then made from a context, one level deeper.
    #[serde(rename = "wantMeta", default)]
    want_meta: bool,
}

async fn call(broker: &ServiceBroker, command: &Value) -> Result<Value> {
    let call = Call::deserialize(command)?;
    let params = command.get("params").map_or(Payload::UNDEFINED, |params| Payload::from(params.clone()));
    let ctx = broker.root_context();
    let mut request: Request<Payload> = if call.want_meta {
        call.meta.into_iter().for_each(|(key, value)| ctx.set_meta(key, value));
        ctx.call_named(call.action, params)
    } else {
        let request = broker.call_named(call.action, params);
        call.meta.into_iter().fold(request, |request, (key, value)| request.meta(key, value))
    };
    for (name, value) in call.headers {
        request = request.header(&name, value);
    }
    if let Some(ms) = call.timeout {
        request = request.timeout(Duration::from_secs_f64(ms / 1000.0));
    }
    if let Some(node) = call.node_id {
        request = request.node(node);
    }
    if let Some(id) = call.request_id {
        request = request.request_id(id);
    }
    if let Some(source) = call.upload {
        request = request.stream(source.stream());
    }
    let mut answer = match request.await {
        Ok(result) => match result.peek::<Streaming>().cloned() {
            Some(stream) => json!({ "stream": digest(stream).await? }),
            None if result.is_undefined() => json!({ "result": { "$undefined": true } }),
            None => json!({ "result": result.to_value()? }),
        },
        Err(error) => json!({ "ok": false, "error": error }),
    };
    answer["meta"] = fields(&ctx.metas()).into();
    Ok(answer)
}

async fn send(broker: &ServiceBroker, kind: EventKind, command: &Value) -> Result<Value> {
    let name = command["event"].as_str().unwrap_or_default().to_owned();
    let payload = command.get("payload").map_or(Payload::UNDEFINED, |payload| Payload::from(payload.clone()));
    let mut event = match kind {
        EventKind::Emit => broker.emit_named(name, payload),
        EventKind::Broadcast => broker.broadcast_named(name, payload),
        EventKind::BroadcastLocal => broker.broadcast_local(name, payload),
    };
    if let Some(groups) = command["groups"].as_array() {
        event = event.groups(groups.iter().filter_map(Value::as_str));
    }
    for (key, value) in command["meta"].as_object().into_iter().flatten() {
        event = event.meta(key, value.clone());
    }
    event.wait_for_listeners().await?;
    Ok(json!({}))
}

async fn types(broker: &ServiceBroker, command: &Value) -> Result<Value> {
    let node = command["nodeID"].as_str().unwrap_or_default();
    let types: Types = broker.call_named("conf.types", Payload::UNDEFINED).node(node).await?.take()?;
    Ok(json!({ "result": types.tagged() }))
}

async fn send_types(broker: &ServiceBroker, command: &Value) -> Result<Value> {
    let node = command["nodeID"].as_str().unwrap_or_default();
    let seen = broker.call_named("probe.seen", Payload::typed(Types::sample())).node(node).await?;
    Ok(json!({ "result": seen.to_value()? }))
}

async fn add(broker: &ServiceBroker, wanted: &Value) -> Result<()> {
    let mut service = ServiceDef::new(wanted["name"].as_str().unwrap_or_default());
    if let Some(version) = wanted["version"].as_u64() {
        service = service.version(Version::Number(u32::try_from(version).unwrap_or_default()));
    }
    for dependency in wanted["dependencies"].as_array().into_iter().flatten() {
        service = service.dependency(dependency.as_str().unwrap_or_default());
    }
    let who = |ctx: Context, _: Payload| async move { Ok::<_, Error>(own(ctx.broker())) };
    broker.add_service(service.action(Action::new("who", who))).await
}

async fn wait(broker: &ServiceBroker, command: &Value) -> Result<Value> {
    let names: Vec<_> =
        command["services"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let limit = Duration::from_millis(command["timeout"].as_u64().unwrap_or_default());
    broker.wait_for_services(&names, limit).await?;
    Ok(json!({}))
}
