//! Moments as columns hold them. What their texts mean is read in one place, for payloads and columns.

use serde_json::Value;

pub(crate) use ligand_wire::moment::{Point, day, instant, local, time_of_day};

use super::Kind;

/// A moment as a column may hold it: an earlier form of the columns had milliseconds since 1970 too.
pub(super) fn kept_instant(text: &str) -> Option<Point> {
    match text.parse::<i64>() {
        Ok(millis) => {
            let nanos = u32::try_from(millis.rem_euclid(1000)).ok()? * 1_000_000;
            Some((millis.div_euclid(1000), nanos))
        }
        Err(_) => instant(text),
    }
}

/// The time now as a column of this kind holds it.
pub(crate) fn now(kind: &Kind) -> Value {
    let now = jiff::Timestamp::now();
    match kind {
        Kind::Integer { .. } => now.as_millisecond().into(),
        Kind::Instant { zoned: true, .. } => format!("{now:.3}").replace('Z', "+00:00[UTC]").into(),
        _ => format!("{now:.3}").into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_are_moments_too() {
        assert_eq!(kept_instant("1769860800000"), instant("2026-01-31T12:00:00Z"));
        assert_eq!(kept_instant("-1"), Some((-1, 999_000_000)));
        assert_eq!(kept_instant("soon"), None);
    }
}
