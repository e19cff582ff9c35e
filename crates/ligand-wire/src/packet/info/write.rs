//! Infos and gossip as Node writes them.

use std::collections::BTreeMap;

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::Value;

use super::GossipRow;

type Online = BTreeMap<String, (u64, u64, f64)>;

/// The rows of available nodes.
pub(crate) struct OnlineRows<'a>(pub(crate) &'a Online);

impl Serialize for OnlineRows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        online(self.0, serializer)
    }
}

pub(super) fn online<S: Serializer>(rows: &Online, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(rows.len()))?;
    for (node, (seq, cpu_seq, cpu)) in rows {
        map.serialize_entry(node, &(seq, cpu_seq, Number(*cpu)))?;
    }
    map.end()
}

/// Null as `{}`.
pub(super) fn object<S: Serializer>(value: &Value, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Value::Null => serializer.serialize_map(Some(0))?.end(),
        value => value.serialize(serializer),
    }
}

impl Serialize for GossipRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let count = usize::from(self.info.is_some()) + 2 * usize::from(self.cpu.is_some());
        let mut row = serializer.serialize_seq(Some(count))?;
        if let Some(info) = &self.info {
            row.serialize_element(info)?;
        }
        if let Some((seq, cpu)) = &self.cpu {
            row.serialize_element(seq)?;
            row.serialize_element(&Number(*cpu))?;
        }
        row.end()
    }
}

/// As JavaScript writes a number: a whole one without a fraction.
struct Number(f64);

impl Serialize for Number {
    #[allow(clippy::cast_possible_truncation)]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.trunc() == self.0 && self.0.abs() < f64::from(i32::MAX) {
            serializer.serialize_i32(self.0 as i32)
        } else {
            serializer.serialize_f64(self.0)
        }
    }
}
