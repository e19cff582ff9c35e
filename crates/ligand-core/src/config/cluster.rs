//! Options of a node that has others beside it.

use std::{fmt, time::Duration};

use ligand_wire::{Error, payload::Format, redact::Redacted};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::names::names;
use crate::registry::strategy::StrategyOptions;

/// What carries packets, or where nodes are found: `"nats://localhost:4222"`, a bare kind such as `"tcp"`, or a
/// table with `type` and the options of that kind.
///
/// ```
/// use ligand_core::config::ComponentOptions;
/// let bus = ComponentOptions::new("nats://ada:secret@bus:4222");
/// assert_eq!(bus.kind, "nats");
/// // What may hold a secret is not shown.
/// assert_eq!(format!("{bus:?}"), "ComponentOptions(nats)");
/// assert_eq!(ComponentOptions::new("tcp").url, None);
/// ```
#[derive(Clone, PartialEq)]
pub struct ComponentOptions {
    /// `tcp`, `nats`, `redis`, …, in lower case.
    pub kind: String,
    /// The address, when there was one: one text. A list of them is among the options.
    pub url: Option<String>,
    /// What the table holds beside `type` and `url`.
    pub options: Map<String, Value>,
}

impl fmt::Debug for ComponentOptions {
    /// Addresses and options hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ComponentOptions({})", Redacted::kind(&self.kind))
    }
}

impl ComponentOptions {
    /// Reads an address or a bare kind.
    pub fn new(text: &str) -> Self {
        match text.split_once("://") {
            Some((kind, _)) => {
                Self { kind: kind.to_ascii_lowercase(), url: Some(text.to_owned()), options: Map::new() }
            }
            None => Self { kind: text.to_ascii_lowercase(), url: None, options: Map::new() },
        }
    }
}

impl<'de> Deserialize<'de> for ComponentOptions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let mut options = match Value::deserialize(deserializer)? {
            Value::String(text) => return Ok(Self::new(&text)),
            Value::Object(options) => options,
            _ => return Err(D::Error::custom("expected an address, a name or a table with `type`")),
        };
        let kind = match options.remove("type") {
            Some(Value::String(kind)) => Some(kind.to_ascii_lowercase()),
            None => None,
            Some(_) => return Err(D::Error::custom("`type` must be a text")),
        };
        // A list stays among the options, as it is.
        let first = match options.get("url") {
            Some(Value::Array(list)) => list.first().and_then(Value::as_str).map(str::to_owned),
            _ => None,
        };
        let url = match first {
            Some(_) => None,
            None => match options.get("url") {
                // What else it may be, its kind knows.
                None | Some(Value::Object(_)) => None,
                Some(Value::Array(list)) if list.is_empty() => None,
                Some(Value::String(url)) => {
                    let url = url.clone();
                    options.remove("url");
                    Some(url)
                }
                Some(_) => return Err(D::Error::custom("`url` must be a text or a list of texts")),
            },
        };
        let from_url =
            || url.as_ref().or(first.as_ref())?.split_once("://").map(|(kind, _)| kind.to_ascii_lowercase());
        let kind = kind.or_else(from_url).ok_or_else(|| D::Error::custom("a table needs `type` or `url`"))?;
        Ok(Self { kind, url, options })
    }
}

/// How packets are written. All nodes of a cluster use the same.
///
/// ```
/// use ligand_core::{ServiceBroker, config::Serializer};
/// let builder = ServiceBroker::builder().options(|options| options.serializer = Serializer::Msgpack);
/// # let _ = builder;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Serializer {
    /// UTF-8 JSON.
    #[default]
    Json,
    /// JSON where dates and bytes are tagged texts; Moleculer 0.15 only.
    JsonExt,
    /// MessagePack as `msgpack5` writes it.
    Msgpack,
    /// MessagePack as `notepack.io` writes it.
    Notepack,
    /// CBOR as `cbor-x` writes it.
    Cbor,
}

names!(Serializer, "json" => Json, "json_ext" => JsonExt, "msgpack" => Msgpack, "notepack" => Notepack, "cbor" => Cbor);

impl Serializer {
    pub(crate) const fn format(self) -> Format {
        match self {
            Self::Json => Format::Json,
            Self::JsonExt => Format::JsonExt,
            Self::Msgpack => Format::MsgPack,
            Self::Notepack => Format::Notepack,
            Self::Cbor => Format::Cbor,
        }
    }
}

/// Which protocol version this node announces. Packets of either version are taken from everybody, and packets to
/// one node are sent in the version it speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// Moleculer 0.15.
    #[default]
    V5,
    /// Moleculer 0.14.
    V4,
    /// Both: broadcasts are sent twice.
    Mixed,
}

names!(Protocol, "5" => V5, "4" => V4, "mixed" => Mixed);

impl Protocol {
    /// As packets and metrics write it.
    pub(crate) fn number(self) -> &'static str {
        match self {
            Self::V4 => "4",
            Self::V5 | Self::Mixed => "5",
        }
    }
}

/// How packets travel.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct TransitOptions {
    /// Most calls that may wait for other nodes; 0 = no limit. Default: 50000.
    pub max_queue_size: usize,
    /// Most calls of other nodes that may run here; more are refused; 0 = no limit. Default: 50000.
    pub max_running: usize,
    /// Longest piece of a byte stream, in bytes. Default: 262144.
    pub max_chunk_size: usize,
    /// Longest packet that is taken, in bytes; other Ligand nodes are told and refuse to send more. Default: 16777216.
    pub max_packet_size: usize,
    /// Most bytes that wait while the bus is lost. Default: 8388608.
    pub max_buffer_size: usize,
    /// Most other nodes that are remembered. Default: 10000.
    pub max_nodes: usize,
    /// Drop packets of another protocol version, as JavaScript nodes do. Default: false.
    pub strict_version: bool,
    /// How long calls wait for a Ligand node that vanished with them without a farewell: it may be back soon. 0 = they
    /// fail at once. Default: `2s`.
    #[serde(with = "ligand_net::duration")]
    pub return_wait: Duration,
    /// How long a start waits for the infos of other nodes. Default: `200ms`.
    #[serde(with = "ligand_net::duration")]
    pub discovery_wait: Duration,
    /// Changes of services within this time are told to other nodes at once. Default: `50ms`.
    #[serde(with = "ligand_net::duration")]
    pub announce_delay: Duration,
}

impl Default for TransitOptions {
    fn default() -> Self {
        Self {
            max_queue_size: 50_000,
            max_running: 50_000,
            max_chunk_size: 262_144,
            max_packet_size: 16 * 1024 * 1024,
            max_buffer_size: 8 * 1024 * 1024,
            max_nodes: 10_000,
            strict_version: false,
            return_wait: Duration::from_secs(2),
            discovery_wait: Duration::from_millis(200),
            announce_delay: Duration::from_millis(50),
        }
    }
}

/// How other nodes are found and chosen.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RegistryOptions {
    /// Where nodes are found: `local` asks over the bus. Default: `local`.
    pub discoverer: Option<ComponentOptions>,
    /// Which instance gets a call. Default: `round_robin`.
    pub strategy: StrategyOptions,
    /// Call the own instance when there is one. Default: true.
    pub prefer_local: bool,
    /// How long a stop waits after it told the others, so that their calls go elsewhere. Default: `100ms`.
    #[serde(with = "ligand_net::duration")]
    pub stop_delay: Duration,
    /// How often a node says that it lives; `0` = never. Default: `10s`.
    #[serde(with = "ligand_net::duration")]
    pub heartbeat_interval: Duration,
    /// Silence after which a node counts as gone; `0` = never. Default: `30s`.
    #[serde(with = "ligand_net::duration")]
    pub heartbeat_timeout: Duration,
    /// Silence after which a node that left is forgotten; `0` = never. Default: `10m`.
    #[serde(with = "ligand_net::duration")]
    pub clean_offline_nodes_timeout: Duration,
}

impl Default for RegistryOptions {
    fn default() -> Self {
        Self {
            discoverer: None,
            strategy: StrategyOptions::default(),
            prefer_local: true,
            stop_delay: Duration::from_millis(100),
            heartbeat_interval: Duration::from_secs(10),
            heartbeat_timeout: Duration::from_secs(30),
            clean_offline_nodes_timeout: Duration::from_secs(600),
        }
    }
}

/// No node takes less than packets of so many bytes.
pub(crate) const SMALLEST_LIMIT: usize = 1024;

impl TransitOptions {
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.max_chunk_size == 0 || self.max_packet_size < SMALLEST_LIMIT {
            return Err(Error::broker_options(
                "option 'transit.max_chunk_size' must be at least 1 and 'transit.max_packet_size' at least 1024",
            ));
        }
        Ok(())
    }
}
