//! The `$node` service: what a node tells about itself. Never published through a gateway.

use std::sync::Arc;

use ligand_transport::Link as _;
use ligand_wire::{Error, Payload, Result, schema::Schema};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    ServiceBroker,
    health::{health, hostname},
};
use crate::{
    context::Context,
    future::BoxFuture,
    metrics::{self, Kind},
    registry::{Endpoint, Group, Node, definition, listed},
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
    only_local: bool,
    only_available: bool,
    grouping: Option<bool>,
}

pub(super) fn service() -> ServiceDef {
    ServiceDef::new("$node")
        .of_type::<ServiceBroker>()
        .action(action("list", "All nodes.", |broker, filter| {
            let mut nodes = vec![own_node(broker, filter)];
            for node in broker.registry().nodes() {
                if node.is_available() || (!filter.only_available && node.seq() > 0) {
                    nodes.push(other_node(&node, filter));
                }
            }
            nodes.into()
        }))
        .action(action("services", "All services.", services))
        .action(action("actions", "All actions.", |broker, filter| {
            let snapshot = broker.registry().snapshot();
            let wanted = |endpoint: &&Arc<Endpoint>| {
                let action = endpoint.action();
                let internal = filter.skip_internal && action.full_name().starts_with('$');
                let hidden = matches!(action.visibility, Visibility::Protected | Visibility::Private);
                let far = filter.only_local && endpoint.node().is_some();
                !internal && !hidden && !far
            };
            let rows = snapshot.endpoints().filter(wanted).filter_map(|endpoint| {
                let instances: Vec<_> = snapshot.endpoints_of(endpoint.action().full_name()).collect();
                let available = instances.iter().any(|endpoint| endpoint.is_available());
                (available || !filter.only_available).then(|| action_json(endpoint, &instances, filter))
            });
            rows.collect()
        }))
        .action(action("events", "All listeners.", |broker, filter| {
            let snapshot = broker.registry().snapshot();
            let wanted = |list: &&Arc<Group>| {
                let internal = filter.skip_internal && list.pattern().starts_with('$');
                !internal && (list.is_local() || !filter.only_local)
            };
            snapshot
                .event_lists()
                .iter()
                .filter(wanted)
                .map(|list| event_json(broker, list, filter))
                .collect()
        }))
        .action(action("health", "Load, memory and process of this node.", |broker, _| health(broker)))
        .action(action("options", "The options in force, without secrets.", |broker, _| options(broker)))
        .action(
            Action::raw("setLogLevels", |_ctx: &Context, params: Payload| -> BoxFuture<Result<Payload>> {
                let set = || {
                    let params = params.to_value()?;
                    let list = params.get("levels").and_then(Value::as_str);
                    let list =
                        list.ok_or_else(|| Error::client(422, "LOG_LEVELS", "'levels' must be a text."))?;
                    crate::log::set_levels(list).map(|()| Payload::NULL)
                };
                crate::future::ready(set())
            })
            // Whoever can change what is logged can hide.
            .visibility(Visibility::Protected)
            .doc("Changes which lines of the log are wanted: `{ levels: \"info,ORDER=debug\" }`."),
        )
        .action(
            Action::raw("metrics", |ctx: &Context, params: Payload| -> BoxFuture<Result<Payload>> {
                crate::future::ready(metric_values(ctx.broker(), params))
            })
            .visibility(Visibility::Public)
            .doc("Metric values."),
        )
}

/// Which metrics are asked for.
#[derive(Clone, Default, Deserialize, serde::Serialize)]
#[serde(default)]
struct Wanted {
    types: Option<Masks>,
    includes: Option<Masks>,
    excludes: Option<Masks>,
}

/// One text, or several.
#[derive(Clone, Deserialize, serde::Serialize)]
#[serde(untagged)]
enum Masks {
    One(String),
    Many(Vec<String>),
}

impl Masks {
    fn list(masks: Option<Self>) -> Vec<String> {
        match masks {
            None => Vec::new(),
            Some(Self::One(mask)) => vec![mask],
            Some(Self::Many(masks)) => masks,
        }
    }
}

fn metric_values(broker: &ServiceBroker, params: Payload) -> Result<Payload> {
    if broker.parts().metrics.built_in.is_none() {
        return Err(Error::client(400, "METRICS_DISABLED", "Metrics feature is disabled"));
    }
    let wanted = if params.is_null() { Wanted::default() } else { params.take::<Wanted>()? };
    let kinds = [Kind::Counter, Kind::Gauge, Kind::Histogram, Kind::Info];
    let types = wanted.types.map(|types| Masks::list(Some(types)));
    let of = |types: Vec<String>| {
        kinds.into_iter().filter(|kind| types.iter().any(|name| name == kind.name())).collect()
    };
    let filter = metrics::Filter {
        kinds: types.map(of),
        includes: Masks::list(wanted.includes),
        excludes: Masks::list(wanted.excludes),
    };
    Ok(Value::from(broker.metrics().snapshot(&filter)).into())
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

fn own_node(broker: &ServiceBroker, filter: &Filter) -> Value {
    let mut node = json!({
        "id": broker.node_id(),
        "available": true,
        "local": true,
        "client": { "type": "rust", "version": env!("CARGO_PKG_VERSION"), "langVersion": env!("CARGO_PKG_RUST_VERSION") },
        "hostname": hostname(),
        "metadata": broker.options().metadata,
        "offlineSince": null,
    });
    if let Some(transit) = broker.transit() {
        let local = transit.cluster().local();
        let info = &local.info;
        node["instanceID"] = info.instance_id.as_str().into();
        node["seq"] = info.seq.into();
        node["ipList"] = json!(info.ip_list);
        node["port"] = json!(info.port);
        node["config"] = json!(info.config);
        node["cpu"] = json!(local.cpu);
        node["cpuSeq"] = local.cpu_seq.into();
    }
    if filter.with_services {
        node["services"] = json!(listed(&broker.registry().snapshot()));
    }
    node
}

fn other_node(node: &Node, filter: &Filter) -> Value {
    let info = node.info();
    let mut json = json!({
        "id": &**node.id(),
        "instanceID": info.instance_id,
        "available": node.is_available(),
        "local": false,
        "lastHeartbeatTime": node.silence().as_secs_f64().round(),
        "config": info.config,
        "client": info.client,
        "metadata": info.metadata,
        "ipList": info.ip_list,
        "port": info.port,
        "hostname": info.hostname,
        "cpu": node.cpu(),
        "cpuSeq": node.load_seq(),
        "seq": node.seq(),
        "offlineSince": node.offline_for().map(|time| time.as_secs_f64().round()),
    });
    if filter.with_services {
        json["services"] = json!(info.services);
    }
    json
}

/// All services: one row for each with the nodes that offer it, or one for each node.
fn services(broker: &ServiceBroker, filter: &Filter) -> Value {
    let snapshot = broker.registry().snapshot();
    let mut rows: Vec<Value> = Vec::new();
    let own = listed(&snapshot);
    let own = own.iter().map(|service| (broker.node_id(), service, true));
    let others = snapshot.remote_services().map(|(node, service)| (&**node.id(), service.info(), false));
    let mut others: Vec<_> = others.filter(|_| !filter.only_local).collect();
    others.sort_by(|a, b| (&a.1.full_name, a.0).cmp(&(&b.1.full_name, b.0)));
    for (node, service, local) in own.chain(others) {
        let name = service.full_name.clone().unwrap_or_else(|| service.name.clone());
        if filter.skip_internal && name.starts_with('$') {
            continue;
        }
        let grouped = filter.grouping != Some(false);
        if grouped && let Some(row) = rows.iter_mut().find(|row| row["fullName"] == *name) {
            if let Some(nodes) = row["nodes"].as_array_mut() {
                nodes.push(node.into());
            }
            for (key, items) in [("actions", &service.actions), ("events", &service.events)] {
                if let Some(known) = row.get_mut(key).and_then(Value::as_object_mut) {
                    for (name, item) in
                        items.iter().filter(|(name, _)| key == "actions" || !name.starts_with('$'))
                    {
                        known.entry(name.clone()).or_insert_with(|| item.clone());
                    }
                }
            }
            continue;
        }
        let mut row = json!({
            "name": service.name,
            "version": service.version,
            "fullName": name,
            "settings": service.settings,
            "metadata": service.metadata,
            "local": local,
            "available": true,
        });
        if grouped {
            row["nodes"] = json!([node]);
        } else {
            row["nodeID"] = node.into();
        }
        if local {
            let jobs = snapshot.service(&name).map(|item| item.schedules()).unwrap_or_default();
            if !jobs.is_empty() {
                row["jobs"] = jobs.iter().map(|schedule| schedule.to_json()).collect();
            }
        }
        if filter.with_actions {
            row["actions"] = Value::Object(service.actions.clone());
        }
        if filter.with_events {
            let shown = service.events.iter().filter(|(name, _)| !name.starts_with('$'));
            row["events"] = Value::Object(shown.map(|(name, event)| (name.clone(), event.clone())).collect());
        }
        rows.push(row);
    }
    rows.into()
}

fn action_json(endpoint: &Endpoint, instances: &[&Arc<Endpoint>], filter: &Filter) -> Value {
    let mut json = json!({
        "name": endpoint.action().full_name(),
        "count": instances.len(),
        "hasLocal": endpoint.node().is_none(),
        "available": instances.iter().any(|endpoint| endpoint.is_available()),
        "action": definition(endpoint),
    });
    if filter.with_endpoints {
        json["endpoints"] = instances
            .iter()
            .map(|endpoint| {
                let available = endpoint.is_available();
                json!({ "nodeID": endpoint.node_id(), "state": available, "available": available })
            })
            .collect();
    }
    json
}

fn event_json(broker: &ServiceBroker, list: &Group, filter: &Filter) -> Value {
    let own = list.is_local().then(|| broker.node_id());
    let nodes = own.into_iter().chain(list.nodes().iter().map(|node| &**node.id()));
    let mut json = json!({
        "name": list.pattern(), "group": &*list.name, "count": list.all().count() + list.nodes().len(),
        "hasLocal": list.is_local(), "available": true,
    });
    if filter.with_endpoints {
        json["endpoints"] =
            nodes.map(|node| json!({ "nodeID": node, "state": true, "available": true })).collect();
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
        "events": { "maxQueueSize": options.events.max_queue_size },
        "blocking": {
            "concurrency": options.blocking.concurrency,
            "maxQueueSize": options.blocking.max_queue_size,
            "warnAfter": millis(options.blocking.warn_after),
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
