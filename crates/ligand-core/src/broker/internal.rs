//! The `$node` service: what a node tells about itself. Never published through a gateway.

use std::{collections::BTreeMap, sync::Arc};

use ligand_wire::{Error, Payload, Result, schema::Schema};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::ServiceBroker;
use crate::{
    context::Context,
    future::BoxFuture,
    registry::{Endpoint, Listener, ServiceItem, definition, public_settings},
    service::{Action, ServiceDef, Visibility},
};

/// Common filters of the list actions.
#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Filter {
    skip_internal: bool,
    with_actions: bool,
    with_events: bool,
    with_endpoints: bool,
    with_services: bool,
    only_available: bool,
    grouping: Option<bool>,
}

pub(super) fn service() -> ServiceDef {
    ServiceDef::new("$node")
        .action(action("list", "All nodes.", |broker, filter| {
            let mut node = node(broker);
            if filter.with_services {
                let services = broker.registry().snapshot();
                node["services"] = services
                    .services()
                    .iter()
                    .map(|item| {
                        service_json(
                            broker,
                            item,
                            &Filter { with_actions: true, with_events: true, ..Filter::default() },
                        )
                    })
                    .collect();
            }
            json!([node])
        }))
        .action(action("services", "All services.", |broker, filter| {
            let snapshot = broker.registry().snapshot();
            let wanted =
                |item: &&Arc<ServiceItem>| !(filter.skip_internal && item.full_name().starts_with('$'));
            snapshot.services().iter().filter(wanted).map(|item| service_json(broker, item, filter)).collect()
        }))
        .action(action("actions", "All actions.", |broker, filter| {
            let snapshot = broker.registry().snapshot();
            let wanted = |endpoint: &&Arc<Endpoint>| {
                let action = endpoint.action();
                let internal = filter.skip_internal && action.full_name().starts_with('$');
                let hidden = matches!(action.visibility, Visibility::Protected | Visibility::Private);
                let at_rest = filter.only_available && !endpoint.is_available();
                !internal && !hidden && !at_rest
            };
            snapshot
                .endpoints()
                .filter(wanted)
                .map(|endpoint| endpoint_json(broker, endpoint, filter))
                .collect()
        }))
        .action(action("events", "All listeners.", |broker, filter| {
            let snapshot = broker.registry().snapshot();
            let wanted = |l: &&Arc<Listener>| !(filter.skip_internal && l.event().pattern().starts_with('$'));
            snapshot.listeners().filter(wanted).map(|l| listener_json(broker, l, filter)).collect()
        }))
        .action(action("health", "Load, memory and process of this node.", |broker, _| health(broker)))
        .action(action("options", "The options in force, without secrets.", |broker, _| options(broker)))
        .action(
            Action::raw("metrics", |_ctx: &Context, _params: Payload| -> BoxFuture<Result<Payload>> {
                crate::future::ready(Err(Error::client(
                    400,
                    "METRICS_DISABLED",
                    "Metrics feature is disabled",
                )))
            })
            .visibility(Visibility::Public)
            .doc("Metric values."),
        )
}

fn action(
    name: &'static str,
    doc: &'static str,
    answer: impl Fn(&ServiceBroker, &Filter) -> Value + Send + Sync + 'static,
) -> Action {
    let run = move |ctx: &Context, params: Payload| -> Result<Payload> {
        let mut params = params.to_value()?;
        filter_schema().convert(&mut params);
        let filter =
            if params.is_null() { Filter::default() } else { Payload::from(params).take::<FilterData>()?.0 };
        Ok(answer(ctx.broker(), &filter).into())
    };
    Action::raw(name, move |ctx: &Context, params: Payload| -> BoxFuture<Result<Payload>> {
        crate::future::ready(run(ctx, params))
    })
    .visibility(Visibility::Public)
    .doc(doc)
}

/// `Filter` as a payload: it is only ever read.
#[derive(Clone, Deserialize)]
struct FilterData(Filter);

impl serde::Serialize for FilterData {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

fn filter_schema() -> Schema {
    static SCHEMA: std::sync::OnceLock<Schema> = std::sync::OnceLock::new();
    SCHEMA
        .get_or_init(|| {
            let names = [
                "skipInternal",
                "withActions",
                "withEvents",
                "withEndpoints",
                "withServices",
                "onlyAvailable",
                "grouping",
                "onlyLocal",
            ];
            let properties: Map<_, _> =
                names.iter().map(|name| ((*name).to_owned(), json!({ "type": "boolean" }))).collect();
            Schema::from_json(json!({ "type": "object", "properties": properties }))
                .expect("a schema of booleans is a schema")
        })
        .clone()
}

fn node(broker: &ServiceBroker) -> Value {
    json!({
        "id": broker.node_id(),
        "available": true,
        "local": true,
        "client": { "type": "rust", "version": env!("CARGO_PKG_VERSION"), "langVersion": rustc() },
        "hostname": hostname(),
        "metadata": broker.options().metadata,
        "offlineSince": null,
    })
}

fn service_json(broker: &ServiceBroker, item: &ServiceItem, filter: &Filter) -> Value {
    let def = item.def();
    let mut service = json!({
        "name": def.name,
        "version": def.version.as_ref().map(|version| match version {
            crate::service::Version::Number(number) => json!(number),
            crate::service::Version::Text(text) => json!(text),
        }),
        "fullName": &**item.full_name(),
        "settings": public_settings(&def.settings),
        "metadata": def.metadata,
        "local": true,
        "available": true,
    });
    if filter.grouping == Some(false) {
        service["nodeID"] = broker.node_id().into();
    } else {
        service["nodes"] = json!([broker.node_id()]);
    }
    if filter.with_actions {
        let shown = item.endpoints().iter().filter(|e| e.action().visibility != Visibility::Private);
        let actions: BTreeMap<_, _> =
            shown.map(|endpoint| (endpoint.action().full_name(), definition(endpoint))).collect();
        service["actions"] = json!(actions);
    }
    if filter.with_events {
        let shown = item.listeners().iter().filter(|l| !l.event().pattern().starts_with('$'));
        let events: BTreeMap<_, _> = shown
            .map(|l| {
                (l.event().pattern(), json!({ "name": l.event().pattern(), "group": l.event().group_of() }))
            })
            .collect();
        service["events"] = json!(events);
    }
    service
}

fn endpoint_json(broker: &ServiceBroker, endpoint: &Endpoint, filter: &Filter) -> Value {
    let mut json = json!({
        "name": endpoint.action().full_name(),
        "count": 1,
        "hasLocal": true,
        "available": endpoint.is_available(),
        "action": definition(endpoint),
    });
    if filter.with_endpoints {
        let available = endpoint.is_available();
        json["endpoints"] =
            json!([{ "nodeID": broker.node_id(), "state": available, "available": available }]);
    }
    json
}

fn listener_json(broker: &ServiceBroker, listener: &Listener, filter: &Filter) -> Value {
    let event = listener.event();
    let mut json = json!({
        "name": event.pattern(), "group": event.group_of(), "count": 1, "hasLocal": true, "available": true,
    });
    if filter.with_endpoints {
        json["endpoints"] = json!([{ "nodeID": broker.node_id(), "state": true, "available": true }]);
    }
    json
}

fn options(broker: &ServiceBroker) -> Value {
    let options = broker.options();
    json!({
        "namespace": options.namespace,
        "nodeID": broker.node_id(),
        "logLevel": options.log.level,
        "requestTimeout": millis(options.request_timeout),
        "maxCallLevel": options.max_call_level,
        "retryPolicy": {
            "enabled": options.retry_policy.enabled,
            "retries": options.retry_policy.retries,
            "delay": millis(options.retry_policy.delay),
            "maxDelay": millis(options.retry_policy.max_delay),
            "factor": options.retry_policy.factor,
        },
        "circuitBreaker": {
            "enabled": options.circuit_breaker.enabled,
            "threshold": options.circuit_breaker.threshold,
            "windowTime": options.circuit_breaker.window_time.as_secs(),
            "minRequestCount": options.circuit_breaker.min_request_count,
            "halfOpenTime": millis(options.circuit_breaker.half_open_time),
        },
        "bulkhead": {
            "enabled": options.bulkhead.enabled,
            "concurrency": options.bulkhead.concurrency,
            "maxQueueSize": options.bulkhead.max_queue_size,
        },
        "tracking": {
            "enabled": options.tracking.enabled,
            "shutdownTimeout": millis(options.tracking.shutdown_timeout),
        },
        "cacher": options.cacher.as_ref().map(|cacher| format!("{:?}", cacher.kind)),
        "validator": options.validator,
        "internalServices": options.internal_services,
        "tracing": { "enabled": options.tracing },
        "metadata": options.metadata,
    })
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn health(broker: &ServiceBroker) -> Value {
    let load = read("/proc/loadavg");
    let mut load = load.split(' ').map(|part| part.parse::<f64>().unwrap_or(0.0));
    let mut next = || load.next().unwrap_or(0.0);
    let (load1, load5, load15) = (next(), next(), next());
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let memory = read("/proc/meminfo");
    let field = |text: &str, name: &str| -> u64 {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or("");
        line.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) * 1024
    };
    let (total, free) = (field(&memory, "MemTotal:"), field(&memory, "MemAvailable:"));
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let (percent, utilization) = (
        if total == 0 { 0.0 } else { free as f64 * 100.0 / total as f64 },
        (load1 * 100.0 / cores as f64) as u64,
    );
    let now = jiff::Timestamp::now();
    json!({
        "cpu": {
            "load1": load1, "load5": load5, "load15": load15,
            "cores": cores, "utilization": utilization.min(100),
        },
        "mem": { "free": free, "total": total, "percent": percent },
        "os": {
            "type": std::env::consts::OS, "arch": std::env::consts::ARCH, "platform": std::env::consts::OS,
            "hostname": hostname(), "release": read("/proc/sys/kernel/osrelease").trim(),
            "uptime": read("/proc/uptime").split(' ').next().and_then(|s| s.parse::<f64>().ok()),
        },
        "process": {
            "pid": std::process::id(),
            "memory": { "rss": field(&read("/proc/self/status"), "VmRSS:") },
            "uptime": broker.uptime().as_secs_f64(),
        },
        "client": { "type": "rust", "version": env!("CARGO_PKG_VERSION"), "langVersion": rustc() },
        "time": { "now": now.as_millisecond(), "iso": now.to_string(), "utc": now.to_string() },
    })
}

fn rustc() -> &'static str {
    env!("CARGO_PKG_RUST_VERSION")
}

fn read(file: &str) -> String {
    std::fs::read_to_string(file).unwrap_or_default()
}

/// Name of this machine.
pub(crate) fn hostname() -> String {
    let name = read("/proc/sys/kernel/hostname");
    let name = name.trim();
    match std::env::var("HOSTNAME") {
        _ if !name.is_empty() => name.to_owned(),
        Ok(name) if !name.is_empty() => name,
        _ => "localhost".into(),
    }
}
