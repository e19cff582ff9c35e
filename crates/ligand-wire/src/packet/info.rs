//! What a node is and offers, and what nodes tell each other about others.
//!
//! Reading forgives what other implementations do: missing and null fields and those of a wrong type have their
//! default, unknown ones are ignored. Only what makes a service or a row useless is an error.

mod lenient;
mod write;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

pub(crate) use self::write::OnlineRows;

/// What a node is and offers.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
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
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
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
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceInfo {
    /// Name without version.
    pub name: String,
    /// A number or a text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<Value>,
    /// Name with version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full_name: Option<String>,
    /// Public settings; null is written as `{}`.
    #[serde(serialize_with = "write::object")]
    pub settings: Value,
    /// Fields of the user; null is written as `{}`.
    #[serde(serialize_with = "write::object")]
    pub metadata: Value,
    /// Definitions by full name.
    pub actions: Map<String, Value>,
    /// Definitions by pattern.
    pub events: Map<String, Value>,
}

/// What a node knows of others, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Gossip {
    /// Available nodes: seq, number of the load value, load in percent.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", serialize_with = "write::online")]
    pub online: BTreeMap<String, (u64, u64, f64)>,
    /// Nodes that left: seq.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub offline: BTreeMap<String, u64>,
}

/// What the asking node did not know.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
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
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GossipHello {
    /// Name or address under which the sender is reached.
    pub host: String,
    /// Where it listens.
    pub port: u16,
    /// What Ligand nodes tell and prove each other; others know it not and do not mind.
    pub ligand: Option<Box<HelloIdentity>>,
}

/// Who is at one end of a connection, between Ligand nodes.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HelloIdentity {
    /// Life of the sender, as in its info.
    #[serde(rename = "instanceID")]
    pub instance_id: String,
    /// The node for which it is.
    pub to: String,
    /// A random number, for this connection alone.
    pub nonce: String,
    /// Proof that the sender knows the secret of the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<String>,
    /// Who else claims the receiver's name: it is refused for that, or is told of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taken: Option<String>,
    /// Somebody who says that it is the receiver began a connection with this number: did the receiver?
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asks: Option<String>,
    /// The answer to `asks`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub began: Option<bool>,
}

impl NodeInfo {
    /// More services in one info are refused.
    pub const MAX_SERVICES: usize = 4096;
}

impl ServiceInfo {
    /// More actions and events of one service are refused.
    pub const MAX_ITEMS: usize = 16_384;
}

impl Gossip {
    /// More nodes in one packet of gossip are refused.
    pub const MAX_NODES: usize = 16_384;
}

#[cfg(test)]
mod tests;
