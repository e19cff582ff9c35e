//! Durations in configuration: a text with a unit, or `0`.

use std::{fmt, time::Duration};

use serde::{Deserializer, de};

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    deserializer.deserialize_any(Text)
}

struct Text;

impl de::Visitor<'_> for Text {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration such as \"500ms\", \"30s\", \"5m\" or \"1h\" (0 = none)")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Duration, E> {
        match text.trim() {
            "0" => Ok(Duration::ZERO),
            text => humantime::parse_duration(text)
                .map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self)),
        }
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Duration, E> {
        match number {
            0 => Ok(Duration::ZERO),
            other => Err(E::invalid_value(de::Unexpected::Signed(other), &self)),
        }
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Duration, E> {
        match number {
            0 => Ok(Duration::ZERO),
            other => Err(E::invalid_value(de::Unexpected::Unsigned(other), &self)),
        }
    }
}
