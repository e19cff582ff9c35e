//! What this node tells others about its services: the `services` of its info.

use ligand_wire::packet::ServiceInfo;
use serde_json::{Map, Value, json};

use super::{Endpoint, Listener, ServiceItem, Snapshot};
use crate::service::{Version, Visibility};

/// The services as other nodes see them. Private actions are left out; protected ones are listed and not callable,
/// as the protocol has it.
pub(crate) fn listed(snapshot: &Snapshot) -> Vec<ServiceInfo> {
    snapshot.services().iter().map(|item| service(item)).collect()
}

fn service(item: &ServiceItem) -> ServiceInfo {
    let def = item.def();
    let shown = item.endpoints().iter().filter(|e| e.action().visibility != Visibility::Private);
    let actions = shown.map(|e| (e.action().full_name().to_owned(), definition(e)));
    let events =
        item.listeners().iter().map(|listener| (listener.event().pattern().to_owned(), event(listener)));
    ServiceInfo {
        name: def.name.clone(),
        version: def.version.as_ref().map(Version::to_value),
        full_name: Some(item.full_name().to_string()),
        settings: public_settings(&def.settings),
        metadata: Value::Object(def.metadata.clone()),
        actions: actions.collect(),
        events: events.collect(),
    }
}

/// Settings without those that `$secureSettings` names (dotted paths).
pub(crate) fn public_settings(settings: &Map<String, Value>) -> Value {
    let mut shown = settings.clone();
    let secret = match settings.get("$secureSettings") {
        Some(Value::Array(paths)) => paths.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(path)) => vec![path.as_str()],
        _ => Vec::new(),
    };
    for path in secret {
        // A key may have dots of its own.
        if shown.shift_remove(path).is_none() {
            hide(&mut shown, path);
        }
    }
    shown.shift_remove("$secureSettings");
    Value::Object(shown)
}

/// Takes out what a path names: `db.password`, `servers[0].password`.
fn hide(settings: &mut Map<String, Value>, path: &str) {
    let path = path.replace('[', ".").replace(']', "");
    let Some((first, rest)) = path.split_once('.') else { return };
    let Some(mut at) = settings.get_mut(first) else { return };
    let (parents, last) = rest.rsplit_once('.').map_or((None, rest), |(parents, last)| (Some(parents), last));
    for part in parents.into_iter().flat_map(|parents| parents.split('.')) {
        let next = match at {
            Value::Object(map) => map.get_mut(part),
            Value::Array(items) => part.parse::<usize>().ok().and_then(|index| items.get_mut(index)),
            _ => None,
        };
        let Some(next) = next else { return };
        at = next;
    }
    match at {
        Value::Object(map) => drop(map.shift_remove(last)),
        Value::Array(items) => {
            if let Some(item) = last.parse::<usize>().ok().and_then(|index| items.get_mut(index)) {
                *item = Value::Null;
            }
        }
        _ => {}
    }
}

/// The definition of an action in the form that all nodes understand. What is only for this node stays here:
/// hooks, the fallback, the bulkhead.
pub(crate) fn definition(endpoint: &Endpoint) -> Value {
    let action = endpoint.action();
    let mut json = Map::new();
    for (key, value) in &action.metadata {
        json.insert(key.clone(), value.clone());
    }
    if let Some(schema) = &action.params {
        json.insert("params".into(), schema.fastest());
    } else if let Some(announced) = &action.announced {
        json.insert("params".into(), announced.json().clone());
    }
    let upload = action.body().and_then(|body| body.upload());
    let rest: Vec<Value> = action.rest.iter().map(|rest| rest.to_value(upload.as_ref())).collect();
    match rest.len() {
        0 => {}
        1 => drop(json.insert("rest".into(), rest.into_iter().next().unwrap_or_default())),
        _ => drop(json.insert("rest".into(), rest.into())),
    }
    if !action.doc.is_empty() {
        json.insert("description".into(), action.doc.into());
    }
    if action.cache.is_some() {
        json.insert("cache".into(), true.into());
    }
    if let Some(timeout) = action.timeout {
        json.insert("timeout".into(), millis(timeout));
    }
    if let Some(retry) = &action.retry {
        let mut policy = Map::new();
        policy.insert("enabled".into(), retry.enabled.unwrap_or(true).into());
        put(&mut policy, "retries", retry.retries.map(Value::from));
        put(&mut policy, "delay", retry.delay.map(millis));
        put(&mut policy, "maxDelay", retry.max_delay.map(millis));
        put(&mut policy, "factor", retry.factor.map(Value::from));
        json.insert("retryPolicy".into(), policy.into());
    }
    if let Some(breaker) = &action.circuit_breaker {
        let mut policy = Map::new();
        policy.insert("enabled".into(), breaker.enabled.unwrap_or(true).into());
        put(&mut policy, "threshold", breaker.threshold.map(Value::from));
        put(&mut policy, "windowTime", breaker.window_time.map(|time| time.as_secs_f64().into()));
        put(&mut policy, "minRequestCount", breaker.min_request_count.map(Value::from));
        put(&mut policy, "halfOpenTime", breaker.half_open_time.map(millis));
        json.insert("circuitBreaker".into(), policy.into());
    }
    json.insert("visibility".into(), json!(action.visibility));
    json.insert("rawName".into(), action.raw_name().into());
    json.insert("name".into(), action.full_name().into());
    Value::Object(json)
}

fn put(map: &mut Map<String, Value>, key: &str, value: Option<Value>) {
    if let Some(value) = value {
        map.insert(key.into(), value);
    }
}

fn millis(time: std::time::Duration) -> Value {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).into()
}

fn event(listener: &Listener) -> Value {
    let event = listener.event();
    let mut json = Map::new();
    json.insert("group".into(), event.group().into());
    if let Some(schema) = &event.params {
        json.insert("params".into(), schema.fastest());
    }
    json.insert("name".into(), event.pattern().into());
    Value::Object(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_settings_stay_here_however_they_are_named() {
        let settings = json!({
            "shown": 1, "a.b": "x", "db": { "password": "x", "host": "h" }, "servers": [{ "key": "x" }],
            "$secureSettings": ["a.b", "db.password", "servers[0].key", "missing.x"]
        });
        let shown = public_settings(settings.as_object().unwrap());
        assert_eq!(shown, json!({ "shown": 1, "db": { "host": "h" }, "servers": [{}] }));
        let one = json!({ "a": 1, "b": 2, "$secureSettings": "a" });
        assert_eq!(public_settings(one.as_object().unwrap()), json!({ "b": 2 }));
    }
}
