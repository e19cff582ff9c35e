//! Durations in configuration: a text with a unit, or `0`. For `#[serde(with = "ligand_net::duration")]`.

use std::{fmt, time::Duration};

use serde::{Deserializer, de};

/// Reads `"500ms"`, `"30s"`, `"1h 30m"`, or `0` for none.
///
/// # Errors
/// For everything else, a number without a unit too: seconds for one are milliseconds for the next.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
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

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::{Value, from_value, json};

    use super::*;

    #[derive(Deserialize)]
    #[serde(transparent)]
    struct Pause(#[serde(with = "super")] Duration);

    #[test]
    fn a_text_with_a_unit_or_zero() {
        let read = |value: Value| from_value::<Pause>(value).map(|pause| pause.0.as_millis());
        for (form, millis) in
            [(json!("500ms"), 500), (json!(" 1m 1s "), 61_000), (json!("0"), 0), (json!(0), 0)]
        {
            assert_eq!(read(form).unwrap(), millis);
        }
        for form in [json!(5), json!("5"), json!(1.5), json!("soon"), json!(-1), json!(true), json!([1])] {
            let error = read(form).unwrap_err().to_string();
            assert!(error.contains("a duration such as"), "{error}");
        }
    }
}
