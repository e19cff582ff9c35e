//! Reads infos and gossip of any implementation.

use std::{
    collections::BTreeMap,
    fmt::{self, Display, Write},
};

use serde::{Deserialize, Deserializer, de::Error};
use serde_json::{Map, Value};

use super::{ClientInfo, Gossip, GossipHello, GossipReply, GossipRow, HelloIdentity, NodeInfo, ServiceInfo};

type Fields = Map<String, Value>;
type Flaw = String;

/// Each type is read from a map of its fields.
macro_rules! from_fields {
    ($($type:ty),+) => {$(
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::from_fields(Fields::deserialize(deserializer)?).map_err(D::Error::custom)
            }
        }
    )+};
}

from_fields!(NodeInfo, ClientInfo, ServiceInfo, Gossip, GossipReply, GossipHello);

impl<'de> Deserialize<'de> for GossipRow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_value(Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl NodeInfo {
    fn from_fields(mut fields: Fields) -> Result<Self, Flaw> {
        let services = list(&mut fields, "services");
        if services.len() > Self::MAX_SERVICES {
            return Err(too_many(services.len(), "services", Self::MAX_SERVICES));
        }
        let services = services.into_iter().enumerate().map(|(index, service)| match service {
            Value::Object(service) => {
                ServiceInfo::from_fields(service).map_err(|flaw| format!("services[{index}]: {flaw}"))
            }
            _ => Err(format!("services[{index}]: not an object")),
        });
        Ok(Self {
            services: services.collect::<Result<_, _>>()?,
            ip_list: list(&mut fields, "ipList").into_iter().filter_map(as_text).collect(),
            hostname: text(&mut fields, "hostname").unwrap_or_default(),
            client: ClientInfo::from_fields(object(&mut fields, "client"))?,
            config: object(&mut fields, "config"),
            instance_id: text(&mut fields, "instanceID").unwrap_or_default(),
            metadata: object(&mut fields, "metadata"),
            seq: count(fields.get("seq")).unwrap_or(1),
            port: port(&fields),
        })
    }
}

impl ClientInfo {
    fn from_fields(mut fields: Fields) -> Result<Self, Flaw> {
        Ok(Self {
            kind: text(&mut fields, "type").unwrap_or_default(),
            version: text(&mut fields, "version").unwrap_or_default(),
            lang_version: text(&mut fields, "langVersion").unwrap_or_default(),
        })
    }
}

impl ServiceInfo {
    fn from_fields(mut fields: Fields) -> Result<Self, Flaw> {
        let name = text(&mut fields, "name").ok_or("no name")?;
        let full_name = text(&mut fields, "fullName");
        let actions = definitions(&mut fields, "actions").map_err(|flaw| in_service(&name, flaw))?;
        let events = definitions(&mut fields, "events").map_err(|flaw| in_service(&name, flaw))?;
        let items = actions.len() + events.len();
        if items > Self::MAX_ITEMS {
            return Err(in_service(&name, too_many(items, "actions and events", Self::MAX_ITEMS)));
        }
        let version = match fields.shift_remove("version") {
            version @ Some(Value::Number(_) | Value::String(_)) => version,
            None | Some(Value::Null) => None,
            Some(_) => return Err(in_service(&name, "its version is neither a number nor a text")),
        };
        Ok(Self {
            version,
            full_name,
            settings: Value::Object(object(&mut fields, "settings")),
            metadata: Value::Object(object(&mut fields, "metadata")),
            actions,
            events,
            name,
        })
    }
}

impl Gossip {
    fn from_fields(mut fields: Fields) -> Result<Self, Flaw> {
        let online = rows(&mut fields, "online")?.into_iter().map(|(node, row)| match row {
            Value::Array(row) => {
                let seq = count(row.first()).unwrap_or_default();
                let (cpu_seq, cpu) = load(row.get(1..).unwrap_or_default());
                Ok((node, (seq, cpu_seq, cpu)))
            }
            _ => Err(format!("online '{}': not an array", Shown(&node))),
        });
        let online = online.collect::<Result<_, _>>()?;
        Ok(Self { online, offline: offline(&mut fields)? })
    }
}

impl GossipReply {
    fn from_fields(mut fields: Fields) -> Result<Self, Flaw> {
        let online =
            rows(&mut fields, "online")?.into_iter().map(|(node, row)| match GossipRow::from_value(row) {
                Ok(row) => Ok((node, row)),
                Err(flaw) => Err(format!("online '{}': {flaw}", Shown(&node))),
            });
        let online = online.collect::<Result<_, _>>()?;
        Ok(Self { online, offline: offline(&mut fields)? })
    }
}

impl GossipRow {
    fn from_value(row: Value) -> Result<Self, Flaw> {
        let Value::Array(mut row) = row else { return Err("not an array".into()) };
        let cpu = match row.len() {
            1 => None,
            2 => return Ok(Self { info: None, cpu: Some(load(&row)) }),
            3 => Some(load(&row[1..])),
            len => return Err(format!("a row of {len} values; it must have 1, 2 or 3")),
        };
        match row.swap_remove(0) {
            Value::Object(info) => Ok(Self { info: Some(Box::new(NodeInfo::from_fields(info)?)), cpu }),
            _ => Err("its info is not an object".into()),
        }
    }
}

impl GossipHello {
    fn from_fields(mut fields: Fields) -> Result<Self, Flaw> {
        Ok(Self {
            host: text(&mut fields, "host").unwrap_or_default(),
            port: port(&fields).unwrap_or_default(),
            ligand: match fields.remove("ligand") {
                Some(Value::Object(identity)) => Some(Box::new(HelloIdentity::from_fields(identity))),
                _ => None,
            },
        })
    }
}

impl HelloIdentity {
    fn from_fields(mut fields: Fields) -> Self {
        Self {
            instance_id: text(&mut fields, "instanceID").unwrap_or_default(),
            to: text(&mut fields, "to").unwrap_or_default(),
            nonce: text(&mut fields, "nonce").unwrap_or_default(),
            proof: text(&mut fields, "proof"),
            taken: text(&mut fields, "taken"),
            asks: text(&mut fields, "asks"),
            began: fields.get("began").and_then(Value::as_bool),
        }
    }
}

/// The beginning of a name from outside, fit for a log.
struct Shown<'a>(&'a str);

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().take(100).flat_map(char::escape_debug).try_for_each(|c| f.write_char(c))
    }
}

fn in_service(name: &str, flaw: impl Display) -> Flaw {
    format!("service '{}': {flaw}", Shown(name))
}

fn too_many(count: usize, what: &str, most: usize) -> Flaw {
    format!("{count} {what}; at most {most} are allowed")
}

fn as_text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn text(fields: &mut Fields, key: &str) -> Option<String> {
    fields.shift_remove(key).and_then(as_text)
}

fn list(fields: &mut Fields, key: &str) -> Vec<Value> {
    match fields.shift_remove(key) {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    }
}

fn object(fields: &mut Fields, key: &str) -> Fields {
    match fields.shift_remove(key) {
        Some(Value::Object(object)) => object,
        _ => Fields::new(),
    }
}

fn definitions(fields: &mut Fields, key: &str) -> Result<Fields, Flaw> {
    match fields.shift_remove(key) {
        Some(Value::Object(object)) => Ok(object),
        None | Some(Value::Null) => Ok(Fields::new()),
        Some(_) => Err(format!("its {key} are not an object")),
    }
}

/// A whole number from 0.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn count(value: Option<&Value>) -> Option<u64> {
    let value = value?;
    value.as_u64().or_else(|| value.as_f64().filter(|number| *number >= 0.0).map(|number| number as u64))
}

fn port(fields: &Fields) -> Option<u16> {
    count(fields.get("port")).and_then(|port| u16::try_from(port).ok())
}

/// Number of the load value and load in percent.
fn load(row: &[Value]) -> (u64, f64) {
    let cpu = row.get(1).and_then(Value::as_f64).unwrap_or_default();
    (count(row.first()).unwrap_or_default(), cpu)
}

fn rows(fields: &mut Fields, key: &str) -> Result<Fields, Flaw> {
    let rows = object(fields, key);
    match rows.len() {
        len if len > Gossip::MAX_NODES => Err(too_many(len, "nodes", Gossip::MAX_NODES)),
        _ => Ok(rows),
    }
}

fn offline(fields: &mut Fields) -> Result<BTreeMap<String, u64>, Flaw> {
    let rows = rows(fields, "offline")?;
    Ok(rows.into_iter().map(|(node, seq)| (node, count(Some(&seq)).unwrap_or_default())).collect())
}
