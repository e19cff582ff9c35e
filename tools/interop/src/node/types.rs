//! Values of every type, typed: what `conf.types` answers and `probe.seen` takes.

use bytes::Bytes;
use ligand::{Binary, Date, Map, Value, json};
use serde::{Deserialize, Serialize};

/// See `conf.types`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Types {
    i8: i8,
    u32: u32,
    i53: i64,
    neg: i64,
    f32: f32,
    f64: f64,
    t: bool,
    n: Option<bool>,
    s: String,
    empty: String,
    arr: Value,
    obj: Value,
    date: Date,
    bytes: Binary,
}

impl Types {
    pub(super) fn sample() -> Self {
        Self {
            i8: -1,
            u32: u32::MAX,
            i53: 9_007_199_254_740_991,
            neg: -9_007_199_254_740_991,
            f32: 1.5,
            f64: 0.1,
            t: true,
            n: None,
            s: "árvíztűrő ☃ 😀".into(),
            empty: String::new(),
            arr: json!([1, "two", null, [3]]),
            obj: json!({ "a": { "b": { "c": 1 } } }),
            date: Date::from_millis(1_767_323_045_678),
            bytes: Binary::from(Bytes::from_static(&[0, 1, 2, 255])),
        }
    }

    /// As JSON with marked dates and bytes.
    pub(super) fn tagged(&self) -> Value {
        let mut value = serde_json::to_value(self).unwrap_or_default();
        value["date"] = json!({ "$date": self.date.to_string() });
        value["bytes"] = json!({ "$bytes": base64(&self.bytes) });
        value
    }

    /// What each value is, in words.
    pub(super) fn described(&self) -> Map<String, Value> {
        let value = serde_json::to_value(self).unwrap_or_default();
        let mut words: Map<_, _> = match value {
            Value::Object(fields) => {
                fields.into_iter().map(|(name, value)| (name, kind(&value).into())).collect()
            }
            _ => Map::new(),
        };
        words.insert("date".into(), format!("date {}", self.date).into());
        words.insert("bytes".into(), format!("bytes {}", crate::scenario::hex(&self.bytes)).into());
        words
    }
}

/// What a value is, in words.
pub(super) fn kind(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(value) => format!("boolean {value}"),
        Value::Number(value) => format!("number {value}"),
        Value::String(value) => format!("string {value}"),
        Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for part in bytes.chunks(3) {
        let word =
            part.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - part.len()));
        for place in 0..4 {
            let digit = DIGITS[(word >> (18 - 6 * place)) as usize & 63];
            text.push(if place <= part.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_bytes_are_marked() {
        let tagged = Types::sample().tagged();
        assert_eq!(tagged["date"], json!({ "$date": "2026-01-02T03:04:05.678Z" }));
        assert_eq!(tagged["bytes"], json!({ "$bytes": "AAEC/w==" }));
    }

    #[test]
    fn base64_pads() {
        assert_eq!([base64(b"a"), base64(b"ab"), base64(b"abc")], ["YQ==", "YWI=", "YWJj"]);
    }
}
