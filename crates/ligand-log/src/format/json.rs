//! Lines for machines.

use serde_json::{Map, Value};

use super::text;
use crate::record::Record;

/// Names of the line itself: a field with one of them gets a `_` in front.
const OWN: [&str; 15] = [
    "ts",
    "time",
    "level",
    "msg",
    "message",
    "nodeID",
    "ns",
    "mod",
    "svc",
    "action",
    "event",
    "work",
    "requestID",
    "spanID",
    "module",
];

pub(super) fn write(record: &Record<'_>, extended: bool, line: &mut String) {
    let mut object = Map::new();
    if extended {
        let mut time = String::new();
        text::timestamp(record.time, &mut time);
        object.insert("time".into(), time.into());
    } else {
        object.insert("ts".into(), record.time.as_millisecond().into());
    }
    object.insert("level".into(), record.level.name().into());
    object.insert(if extended { "message" } else { "msg" }.into(), record.message.into());
    let who = record.who;
    let mut put = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            object.insert(name.into(), value.into());
        }
    };
    put("nodeID", who.node.as_deref());
    put("ns", who.namespace.as_deref());
    put("mod", Some(record.label()));
    put("svc", who.service.as_deref());
    put("action", who.action.as_deref());
    put("event", who.event.as_deref());
    put("work", who.work.as_deref());
    put("requestID", who.request_id.as_deref());
    put("spanID", who.span_id.as_deref());
    for (name, value) in record.fields {
        let taken = OWN.contains(&name.as_str());
        let name = if taken { format!("_{name}") } else { name.clone() };
        object.entry(name).or_insert_with(|| value.clone());
    }
    line.push_str(&Value::Object(object).to_string());
}
