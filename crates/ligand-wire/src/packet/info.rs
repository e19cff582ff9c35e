//! What a node is and offers, and what nodes tell each other about others.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What a node is and offers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeInfo {
    /// The services.
    pub services: Vec<ServiceInfo>,
    /// Addresses of the machine.
    pub ip_list: Vec<String>,
    /// Name of the machine.
    pub hostname: String,
    /// The implementation.
    pub client: ClientInfo,
    /// Free fields; Ligand nodes name their extensions under `ligand`.
    pub config: Map<String, Value>,
    /// Changes with every start of the node.
    #[serde(rename = "instanceID")]
    pub instance_id: String,
    /// Fields of the user.
    pub metadata: Map<String, Value>,
    /// Grows with every change of the services.
    pub seq: u64,
    /// Where the node listens; only in TCP clusters and discovery stores.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

/// The implementation of a node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClientInfo {
    /// `nodejs`, `rust`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// Version of the framework.
    pub version: String,
    /// Version of the language.
    pub lang_version: String,
}

/// One service of a node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceInfo {
    /// Name without version.
    pub name: String,
    /// A number or a text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<Value>,
    /// Name with version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full_name: Option<String>,
    /// Public settings.
    pub settings: Value,
    /// Fields of the user.
    pub metadata: Value,
    /// Definitions by full name.
    pub actions: Map<String, Value>,
    /// Definitions by pattern.
    pub events: Map<String, Value>,
}

/// What a node knows of others, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Gossip {
    /// Available nodes: seq, number of the load value, load in percent.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub online: BTreeMap<String, (u64, u64, f64)>,
    /// Nodes that left: seq.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub offline: BTreeMap<String, u64>,
}

/// What the asking node did not know.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GossipReply {
    /// Available nodes.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub online: BTreeMap<String, GossipRow>,
    /// Nodes that left: seq.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub offline: BTreeMap<String, u64>,
}

/// News about one node: `[info]`, `[cpuSeq, cpu]` or `[info, cpuSeq, cpu]` on the wire.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GossipRow {
    /// What it is, when that is news.
    pub info: Option<Box<NodeInfo>>,
    /// Number of the load value and load in percent, when that is news.
    pub cpu: Option<(u64, f64)>,
}

/// Who opens a connection.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GossipHello {
    /// Name or address under which the sender is reached.
    pub host: String,
    /// Where it listens.
    pub port: u16,
}

impl Serialize for GossipRow {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeSeq;
        let count = usize::from(self.info.is_some()) + 2 * usize::from(self.cpu.is_some());
        let mut row = serializer.serialize_seq(Some(count))?;
        if let Some(info) = &self.info {
            row.serialize_element(info)?;
        }
        if let Some((seq, cpu)) = &self.cpu {
            row.serialize_element(seq)?;
            row.serialize_element(cpu)?;
        }
        row.end()
    }
}

impl<'de> Deserialize<'de> for GossipRow {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let mut row = Vec::<Value>::deserialize(deserializer)?;
        let number = |value: &Value| value.as_f64().ok_or_else(|| D::Error::custom("cpu must be a number"));
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let cpu = |row: &[Value]| Ok::<_, D::Error>((number(&row[0])? as u64, number(&row[1])?));
        match row.len() {
            2 => Ok(Self { info: None, cpu: Some(cpu(&row)?) }),
            1 | 3 => {
                let cpu = if row.len() == 3 { Some(cpu(&row[1..])?) } else { None };
                let info = NodeInfo::deserialize(row.swap_remove(0)).map_err(D::Error::custom)?;
                Ok(Self { info: Some(Box::new(info)), cpu })
            }
            len => Err(D::Error::custom(format!("a row of {len} values; it must have 1, 2 or 3"))),
        }
    }
}
