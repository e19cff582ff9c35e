//! Durations in configuration: a text with a unit, or `0`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de::Error};

#[derive(Deserialize)]
#[serde(untagged, expecting = "a duration such as \"500ms\", \"30s\" or \"5m\" (0 = none)")]
enum Form {
    Text(String),
    Zero(u64),
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    const EXPECTED: &str = "expected a duration such as \"500ms\", \"30s\" or \"5m\" (0 = none)";
    match Form::deserialize(deserializer)? {
        Form::Zero(0) => Ok(Duration::ZERO),
        Form::Text(text) if text.trim() == "0" => Ok(Duration::ZERO),
        Form::Text(text) => humantime::parse_duration(text.trim()).map_err(|_| D::Error::custom(EXPECTED)),
        Form::Zero(_) => Err(D::Error::custom(EXPECTED)),
    }
}
