//! Durations in configuration: a text with a unit, or a number of seconds.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de::Error};

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    const EXPECTED: &str = "expected a duration: a text such as \"500ms\", or a number of seconds";
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a duration: a text such as \"500ms\", or a number of seconds")]
    enum Form {
        Seconds(f64),
        Text(String),
    }
    match Form::deserialize(deserializer)? {
        Form::Seconds(seconds) => {
            Duration::try_from_secs_f64(seconds).map_err(|_| D::Error::custom(EXPECTED))
        }
        Form::Text(text) => humantime::parse_duration(text.trim()).map_err(|_| D::Error::custom(EXPECTED)),
    }
}
