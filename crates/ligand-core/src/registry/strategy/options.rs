//! Strategies in configuration: a name, or a table with `kind` and the options of that kind.

use std::{fmt, sync::Arc};

use ligand_wire::{Error, Result};
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor, value::MapAccessDeserializer},
};

use crate::config::plain;

use super::{CpuUsage, Latency, Random, RoundRobin, Shard, Strategy};

/// Which strategy, with its options. Read from a name (`"latency"`) or a table (`{ kind = "latency", low_latency = 5 }`);
/// the names of Moleculer (`CpuUsage`, `lowCpuUsage`) are understood too.
///
/// ```
/// use ligand_core::{Action, Error, registry::strategy::{Latency, StrategyOptions}};
/// let near = StrategyOptions::Latency(Latency::default());
/// let find = Action::of("find", |text: String| async move { Ok::<_, Error>(text) }).strategy(near);
/// # let _ = find;
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum StrategyOptions {
    /// One after the other.
    #[default]
    RoundRobin,
    /// Any of them.
    Random,
    /// The least busy of a few.
    CpuUsage(CpuUsage),
    /// The nearest of a few.
    Latency(Latency),
    /// Equal keys to the same node.
    Shard(ShardOptions),
}

/// Options of [`Shard`].
///
/// ```
/// use ligand_core::registry::strategy::{ShardOptions, StrategyOptions};
/// // All calls about one user go to one node.
/// let shard = ShardOptions { shard_key: Some("user.id".into()), ..ShardOptions::default() };
/// assert!(StrategyOptions::Shard(shard).build().is_ok());
/// // A ring of nothing cannot be.
/// let shard = ShardOptions { vnodes: 0, ..ShardOptions::default() };
/// assert!(StrategyOptions::Shard(shard).build().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ShardOptions {
    /// Path of the key in the parameters, or in the meta with `#` before it. Default: none, calls go to any node.
    #[serde(alias = "shardKey")]
    pub shard_key: Option<String>,
    /// Slices of the ring for each node. Default: 10.
    pub vnodes: u32,
    /// Hashes are taken modulo this. Default: 2³².
    #[serde(alias = "ringSize")]
    pub ring_size: Option<u64>,
    /// Understood for configurations of Moleculer, where it bounds a cache from key to node. Here the node is
    /// computed each time, and the number has no effect. Default: 1000.
    #[serde(alias = "cacheSize")]
    pub cache_size: usize,
}

impl Default for ShardOptions {
    fn default() -> Self {
        Self { shard_key: None, vnodes: 10, ring_size: None, cache_size: 1000 }
    }
}

impl StrategyOptions {
    /// A strategy for one list of endpoints.
    ///
    /// # Errors
    /// `BROKER_OPTIONS_ERROR` that names the option that cannot be.
    pub fn build(&self) -> Result<Arc<dyn Strategy>> {
        self.check()?;
        Ok(match self {
            Self::RoundRobin => Arc::new(RoundRobin::default()),
            Self::Random => Arc::new(Random),
            Self::CpuUsage(strategy) => Arc::new(strategy.clone()),
            Self::Latency(strategy) => Arc::new(strategy.clone()),
            Self::Shard(ShardOptions { shard_key, vnodes, ring_size, .. }) => {
                Arc::new(Shard::new(shard_key.as_deref(), *vnodes, *ring_size))
            }
        })
    }

    fn check(&self) -> Result<()> {
        let wrong = match self {
            Self::CpuUsage(CpuUsage { low_cpu_usage, .. }) if !low_cpu_usage.is_finite() => {
                format!("'low_cpu_usage' must be a load in percent; it is {low_cpu_usage}")
            }
            Self::Latency(Latency { low_latency, .. }) if !low_latency.is_finite() => {
                format!("'low_latency' must be a number of milliseconds; it is {low_latency}")
            }
            Self::Latency(Latency { collect_count: 0, .. }) => {
                "'collect_count' must be at least 1; it is 0".to_owned()
            }
            Self::Latency(Latency { ping_interval, .. }) if ping_interval.is_zero() => {
                "'ping_interval' must be longer than 0".to_owned()
            }
            Self::Shard(ShardOptions { vnodes: 0, .. }) => "'vnodes' must be at least 1; it is 0".to_owned(),
            Self::Shard(ShardOptions { ring_size: Some(0), .. }) => {
                "'ring_size' must be at least 1; it is 0".to_owned()
            }
            _ => return Ok(()),
        };
        Err(Error::broker_options(format!("option 'strategy': {wrong}")))
    }
}

/// The table form.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Table {
    #[serde(alias = "RoundRobin")]
    RoundRobin(Nothing),
    #[serde(alias = "Random")]
    Random(Nothing),
    #[serde(alias = "CpuUsage")]
    CpuUsage(CpuUsage),
    #[serde(alias = "Latency")]
    Latency(Latency),
    #[serde(alias = "Shard")]
    Shard(ShardOptions),
}

/// No options: one that stands there is an error.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

impl From<Table> for StrategyOptions {
    fn from(table: Table) -> Self {
        match table {
            Table::RoundRobin(Nothing {}) => Self::RoundRobin,
            Table::Random(Nothing {}) => Self::Random,
            Table::CpuUsage(options) => Self::CpuUsage(options),
            Table::Latency(options) => Self::Latency(options),
            Table::Shard(options) => Self::Shard(options),
        }
    }
}

impl<'de> Deserialize<'de> for StrategyOptions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Form)
    }
}

struct Form;

impl<'de> Visitor<'de> for Form {
    type Value = StrategyOptions;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("round_robin, random, cpu_usage, latency or shard, or a table with one of them as `kind`")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<StrategyOptions, E> {
        Ok(match plain(name).as_str() {
            "roundrobin" => StrategyOptions::RoundRobin,
            "random" => StrategyOptions::Random,
            "cpuusage" => StrategyOptions::CpuUsage(CpuUsage::default()),
            "latency" => StrategyOptions::Latency(Latency::default()),
            "shard" => StrategyOptions::Shard(ShardOptions::default()),
            _ => return Err(E::invalid_value(de::Unexpected::Str(name), &self)),
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<StrategyOptions, A::Error> {
        Table::deserialize(MapAccessDeserializer::new(table)).map(Into::into)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(value: Value) -> Result<StrategyOptions, String> {
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    #[test]
    fn names_and_tables_are_read_in_both_spellings() {
        let debug = |value| format!("{:?}", read(value).unwrap());
        assert_eq!(debug(json!("RoundRobin")), debug(json!({ "kind": "round_robin" })));
        assert_eq!(debug(json!("random")), debug(json!({ "kind": "Random" })));
        assert_eq!(debug(json!("Shard")), debug(json!({ "kind": "shard" })));
        assert_eq!(
            debug(json!({ "kind": "CpuUsage", "sampleCount": 5, "lowCpuUsage": 30 })),
            debug(json!({ "kind": "cpu_usage", "sample_count": 5, "low_cpu_usage": 30.0 })),
        );
        let latency = debug(json!({ "kind": "latency", "collect_count": 7, "ping_interval": "5s" }));
        assert!(latency.contains("collect_count: 7") && latency.contains("ping_interval: 5s"), "{latency}");
        let shard =
            toml::from_str::<StrategyOptions>("kind = \"shard\"\nshard_key = \"#user.id\"\nring_size = 100");
        let StrategyOptions::Shard(shard) = shard.unwrap() else { panic!("not a shard") };
        assert_eq!((shard.shard_key.as_deref(), shard.ring_size), (Some("#user.id"), Some(100)));
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        assert!(read(json!("nearest")).unwrap_err().contains("round_robin, random, cpu_usage"));
        assert!(read(json!({ "kind": "random", "vnodes": 3 })).unwrap_err().contains("vnodes"));
        assert!(
            read(json!({ "kind": "latency", "low_cpu_usage": 3 })).unwrap_err().contains("low_cpu_usage")
        );
        assert!(read(json!({ "vnodes": 3 })).is_err());
        for wrong in [
            json!({ "kind": "shard", "vnodes": 0 }),
            json!({ "kind": "shard", "ring_size": 0 }),
            json!({ "kind": "latency", "collect_count": 0 }),
            json!({ "kind": "latency", "ping_interval": "0" }),
        ] {
            assert_eq!(read(wrong).unwrap().build().unwrap_err().kind(), "BROKER_OPTIONS_ERROR");
        }
    }
}
