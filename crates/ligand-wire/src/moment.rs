//! Texts of moments, days and times, as numbers that compare.
//!
//! They are those of RFC 3339 and its extensions, as `ligand::Date`, `chrono`, `jiff`, `time` and JavaScript write
//! them: any fraction of a second, any offset, a zone in brackets, years beyond four digits with a sign. Payloads are
//! checked and columns are compared by these.

use crate::Date;

const DAY: i64 = 86_400;

/// Seconds (since 1970, or since midnight) and nanoseconds.
pub type Point = (i64, u32);

/// A moment. A day alone is its beginning in UTC.
pub fn instant(text: &str) -> Option<Point> {
    let Some((date, time)) = split(text) else { return Some((day(text)? * DAY, 0)) };
    let (time, offset) = zone(time)?;
    let (seconds, nanos) = clock(time)?;
    Some((day(date)? * DAY + seconds - offset?, nanos))
}

/// A date and time of no zone.
pub fn local(text: &str) -> Option<Point> {
    let Some((date, time)) = split(text) else { return Some((day(text)? * DAY, 0)) };
    let (seconds, nanos) = clock(time)?;
    Some((day(date)? * DAY + seconds, nanos))
}

/// A time of day; one with an offset counts in UTC.
pub fn time_of_day(text: &str) -> Option<Point> {
    let (time, offset) = zone(text)?;
    let (seconds, nanos) = clock(time)?;
    Some((seconds - offset.unwrap_or(0), nanos))
}

/// Days since 1970.
pub fn day(text: &str) -> Option<i64> {
    let signed = text.starts_with(['+', '-']);
    let (year, rest) = text.get(usize::from(signed)..)?.split_once('-')?;
    if rest.len() != 5 || (!signed && year.len() != 4) || !(4..=6).contains(&year.len()) {
        return None;
    }
    let date: Date = match signed && year.len() < 6 {
        // chrono writes four or five digits where JavaScript writes six.
        true => format!("{}{year:0>6}-{rest}", &text[..1]).parse().ok()?,
        false => text.parse().ok()?,
    };
    Some(date.millis().div_euclid(DAY * 1000))
}

/// A day and a time.
pub fn split(text: &str) -> Option<(&str, &str)> {
    text.split_once(['T', 't', ' '])
}

/// A time without its offset, and the offset in seconds east of UTC.
pub fn zone(text: &str) -> Option<(&str, Option<i64>)> {
    let text = match text.strip_suffix(']') {
        Some(named) => named.split_once('[')?.0,
        None => text,
    };
    if let Some(time) = text.strip_suffix(['Z', 'z']) {
        return Some((time, Some(0)));
    }
    let Some(at) = text.rfind(['+', '-']) else { return Some((text, None)) };
    let (time, offset) = text.split_at(at);
    let (seconds, 0) = clock(&offset[1..])? else { return None };
    Some((time, Some(if offset.starts_with('-') { -seconds } else { seconds })))
}

/// `HH:MM`, `HH:MM:SS` or with a fraction; what is finer than nanoseconds is dropped.
pub fn clock(text: &str) -> Option<Point> {
    let mut parts = text.split(':');
    let hour = number(parts.next()?, 23)?;
    let minute = number(parts.next()?, 59)?;
    let (second, nanos) = match parts.next() {
        None => (0, 0),
        Some(part) => match part.split_once(['.', ',']) {
            // A leap second is the beginning of the next minute.
            Some((second, fraction)) => (number(second, 60)?, nanos(fraction)?),
            None => (number(part, 60)?, 0),
        },
    };
    parts.next().is_none().then_some((hour * 3600 + minute * 60 + second, nanos))
}

fn number(text: &str, most: i64) -> Option<i64> {
    let number = match text.as_bytes() {
        [a @ b'0'..=b'9', b @ b'0'..=b'9'] => i64::from(a - b'0') * 10 + i64::from(b - b'0'),
        _ => return None,
    };
    (number <= most).then_some(number)
}

fn nanos(fraction: &str) -> Option<u32> {
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = fraction.bytes().map(|byte| u32::from(byte - b'0')).chain(std::iter::repeat(0));
    Some(digits.take(9).fold(0, |nanos, digit| nanos * 10 + digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_in_every_notation() {
        let noon = Some((1_769_860_800, 0));
        for text in [
            "2026-01-31T12:00:00Z",
            "2026-01-31T12:00:00.000Z",
            "2026-01-31t12:00z",
            "2026-01-31 13:00:00+01:00",
            "2026-01-31T06:30:00.0-05:30",
            "2026-01-31T07:00:00-05:00[America/New_York]",
            "2026-01-31T12:00:00Z[UTC]",
            "+002026-01-31T12:00:00.000000000Z",
        ] {
            assert_eq!(instant(text), noon, "{text}");
        }
        assert_eq!(instant("2026-01-31T12:00:00.1234567899Z"), Some((1_769_860_800, 123_456_789)));
        assert_eq!(instant("2026-01-31"), Some((1_769_817_600, 0)));
        assert_eq!(instant("1969-12-31T23:59:59.25Z"), Some((-1, 250_000_000)));
        assert_eq!(instant("2016-12-31T23:59:60Z"), instant("2017-01-01T00:00:00Z"));
        assert_eq!(instant("+12345-01-01T00:00:00Z"), instant("+012345-01-01T00:00:00Z"));
        assert!(instant("-0001-06-01T00:00:00Z") < instant("0000-01-01T00:00:00Z"));
        assert_eq!(local("2026-01-31T12:00:00.5"), Some((1_769_860_800, 500_000_000)));
        assert_eq!(time_of_day("12:00:00.5"), Some((43_200, 500_000_000)));
        assert_eq!(time_of_day("13:00:00+01:00"), time_of_day("12:00"));
        assert_eq!(day("1970-01-02"), Some(1));
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in [
            "",
            "x",
            "soon",
            "2026-02-29",
            "2026-01-31T12:00:00",
            "2026-01-31T24:00:00Z",
            "2026-1-31",
            "26-01-31",
            "2026-01-31T12:00:00.Z",
            "2026-01-31T12Z",
            "2026-01-31T12:00:00+1",
            "2026-01-31T12:00:00Z]",
            "+2026",
            "2026",
            "12:00:00",
            "2026-01-31T",
            "ä",
            "2026-01-31Tä",
            "+ä026-01-31",
            "1e3",
            "2026-01-31T12:00:61Z",
        ] {
            assert_eq!(instant(text), None, "{text}");
        }
        assert_eq!(local("2026-01-31T12:00:00Z"), None);
        assert_eq!(day("2026-01-31T12:00:00Z"), None);
        assert_eq!(time_of_day("noon"), None);
    }
}
