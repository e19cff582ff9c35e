//! Defaults that a whole type brings: fields whose form is not that of their type have them too.

use ligand::{Payload, prelude::*, schema::Schema};
use serde_json::json;
use time::OffsetDateTime;

mod percent {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &Option<u8>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => serializer.serialize_str(&value.to_string()),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u8>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| text.parse().map_err(serde::de::Error::custom)).transpose()
    }
}

#[payload]
#[serde(default)]
struct Options {
    ratio: Option<f32>,
    #[serde(with = "percent")]
    #[check(schema = Option<String>)]
    share: Option<u8>,
    since: Option<OffsetDateTime>,
    limit: Patch<u8>,
    #[check(default)]
    own: Option<f32>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            ratio: Some(0.5),
            share: Some(7),
            since: Some(OffsetDateTime::UNIX_EPOCH),
            limit: Patch::Value(3),
            own: Some(1.0),
        }
    }
}

#[test]
fn what_is_missing_is_what_the_whole_type_says() {
    let read = |value| Payload::from(value).take::<Options>().unwrap();
    // A default of the field itself is nearer.
    assert_eq!(read(json!({})), Options { own: None, ..Options::default() });
    assert!(Schema::of::<Options>().check(&json!({})).is_empty());
    let nothing = json!({ "ratio": null, "share": null, "since": null, "limit": null });
    assert_eq!(
        read(nothing),
        Options { ratio: None, share: None, since: None, limit: Patch::Null, own: None }
    );
}
