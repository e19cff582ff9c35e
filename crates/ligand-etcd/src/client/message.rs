//! Questions and answers of the JSON gateway: bytes are base64, 64-bit numbers are texts.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Bytes, base64 on the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Blob(pub(crate) Vec<u8>);

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        STANDARD.decode(&*text).map(Self).map_err(de::Error::custom)
    }
}

impl From<&str> for Blob {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

/// Who logs in.
#[derive(Serialize)]
pub(crate) struct Credentials {
    pub(crate) name: String,
    pub(crate) password: String,
}

/// What a login answers.
#[derive(Deserialize)]
pub(crate) struct Token {
    pub(crate) token: String,
}

/// How etcd refuses.
#[derive(Deserialize)]
pub(crate) struct Refusal {
    #[serde(default)]
    pub(crate) message: String,
    pub(crate) code: u32,
}

/// `/v3/lease/grant`: a time to live in seconds.
#[derive(Serialize)]
pub(crate) struct Grant {
    #[serde(rename = "TTL")]
    pub(crate) ttl: u64,
}

/// A lease by its id: in `/v3/lease/keepalive` and `/v3/lease/revoke`, and what a grant answers.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub(crate) struct Lease {
    #[serde(rename = "ID")]
    pub(crate) id: String,
}

/// What `/v3/lease/keepalive` answers.
#[derive(Deserialize)]
pub(crate) struct KeptAlive {
    pub(crate) result: TimeLeft,
}

/// Missing or zero = the lease is gone.
#[derive(Deserialize)]
pub(crate) struct TimeLeft {
    #[serde(rename = "TTL", default)]
    pub(crate) ttl: String,
}

impl TimeLeft {
    pub(crate) fn is_over(&self) -> bool {
        matches!(&*self.ttl, "" | "0")
    }
}

/// `/v3/kv/txn` without conditions: all of it or nothing.
#[derive(Default, Serialize)]
pub(crate) struct Transaction {
    pub(crate) success: Vec<Operation>,
}

/// Part of a transaction.
#[derive(Serialize)]
pub(crate) enum Operation {
    #[serde(rename = "request_put")]
    Put(Put),
    #[serde(rename = "request_delete_range")]
    Delete(Delete),
    #[serde(rename = "request_range")]
    Read(Range),
}

#[derive(Serialize)]
pub(crate) struct Put {
    pub(crate) key: Blob,
    pub(crate) value: Blob,
    pub(crate) lease: String,
}

#[derive(Serialize)]
pub(crate) struct Delete {
    pub(crate) key: Blob,
}

/// `/v3/kv/range`: one key, or all from it to before `range_end`.
#[derive(Clone, Default, Serialize)]
pub(crate) struct Range {
    pub(crate) key: Blob,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) range_end: Option<Blob>,
    pub(crate) limit: u32,
    pub(crate) keys_only: bool,
}

impl Range {
    /// All keys that begin with `prefix`, which must not be empty and must end with an ASCII letter or sign.
    pub(crate) fn prefix(prefix: &str, limit: u32) -> Self {
        let mut end = prefix.as_bytes().to_vec();
        if let Some(last) = end.last_mut() {
            *last += 1;
        }
        Self { key: prefix.into(), range_end: Some(Blob(end)), limit, keys_only: true }
    }
}

/// What `/v3/kv/txn` answers.
#[derive(Deserialize)]
pub(crate) struct Done {
    #[serde(default)]
    pub(crate) responses: Vec<DonePart>,
}

#[derive(Deserialize)]
pub(crate) struct DonePart {
    #[serde(default)]
    pub(crate) response_range: Found,
}

/// What `/v3/kv/range` answers.
#[derive(Default, Deserialize)]
pub(crate) struct Found {
    #[serde(default)]
    pub(crate) kvs: Vec<Pair>,
}

#[derive(Deserialize)]
pub(crate) struct Pair {
    pub(crate) key: Blob,
    #[serde(default)]
    pub(crate) value: Blob,
    /// Grows when the key is written again.
    #[serde(default)]
    pub(crate) mod_revision: String,
}

/// What nobody reads.
#[derive(Deserialize)]
pub(crate) struct Ignored {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let range = serde_json::to_value(Range::prefix("a/", 3)).expect("JSON");
        assert_eq!(
            range,
            serde_json::json!({"key": "YS8=", "range_end": "YTA=", "limit": 3, "keys_only": true})
        );
        let put = Operation::Put(Put { key: "k".into(), value: Blob(vec![255]), lease: "7".into() });
        let put = serde_json::to_value(Transaction { success: vec![put] }).expect("JSON");
        let expected =
            serde_json::json!({"success": [{"request_put": {"key": "aw==", "value": "/w==", "lease": "7"}}]});
        assert_eq!(put, expected);
        let found: Found =
            serde_json::from_str(r#"{"header":{},"kvs":[{"key":"aw=="}],"more":true}"#).expect("JSON");
        assert!(found.kvs[0].key == "k".into() && found.kvs[0].value.0.is_empty());
        let kept = |text| serde_json::from_str::<KeptAlive>(text).expect("JSON").result;
        assert!(kept(r#"{"result":{"ID":"1"}}"#).is_over());
        assert!(!kept(r#"{"result":{"ID":"1","TTL":"30"}}"#).is_over());
    }
}
