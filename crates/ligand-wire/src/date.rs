//! A moment, as JavaScript's `Date`.

use std::{
    borrow::Cow,
    fmt,
    ops::{Add, Sub},
    str::FromStr,
    time::{Duration, SystemTime},
};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{Error, Result, validate::Validate};

/// The name by which Ligand's serializers know a date.
pub(crate) const DATE: &str = "$ligand::Date";

const DAY: i64 = 86_400_000;

/// A moment, in milliseconds: what JavaScript calls a `Date`.
///
/// In JSON it is an RFC 3339 text with milliseconds (`2026-01-31T12:00:00.000Z`), in the other serializers their
/// own kind of date. Whatever a peer writes is read: such a text, milliseconds since 1970, a native date.
///
/// ```
/// use ligand_wire::Date;
///
/// let date: Date = "2026-01-31T13:00:00+01:00".parse().unwrap();
/// assert_eq!(date.to_string(), "2026-01-31T12:00:00.000Z");
/// assert_eq!(serde_json::to_string(&Date::from_millis(0)).unwrap(), r#""1970-01-01T00:00:00.000Z""#);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(i64);

impl Date {
    /// The present moment of the system's clock.
    pub fn now() -> Self {
        Self::from(SystemTime::now())
    }

    /// From milliseconds since 1970, UTC; negative before.
    ///
    /// ```
    /// use ligand_wire::Date;
    /// assert_eq!(Date::from_millis(0).millis(), 0);
    /// assert!(Date::from_millis(0) < Date::now());
    /// ```
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970, UTC; negative before.
    pub const fn millis(self) -> i64 {
        self.0
    }
}

/// Later by this time, as far as the calendar of `i64` milliseconds reaches.
impl Add<Duration> for Date {
    type Output = Self;

    fn add(self, time: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(time.as_millis()).unwrap_or(i64::MAX)))
    }
}

/// Earlier by this time, as far as the calendar of `i64` milliseconds reaches.
impl Sub<Duration> for Date {
    type Output = Self;

    fn sub(self, time: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(time.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl From<SystemTime> for Date {
    /// Fractions of a millisecond are dropped.
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(SystemTime::UNIX_EPOCH);
        Self(match since {
            Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |millis| -millis),
        })
    }
}

impl fmt::Display for Date {
    /// As `Date.toISOString`: years beyond four digits have a sign and six digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil(self.0.div_euclid(DAY));
        let millis = self.0.rem_euclid(DAY);
        match year {
            0..=9999 => write!(f, "{year:04}")?,
            _ => write!(f, "{year:+07}")?,
        }
        let (hour, minute, second) = (millis / 3_600_000, millis / 60_000 % 60, millis / 1000 % 60);
        write!(f, "-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", millis % 1000)
    }
}

/// Year, month and day of a day counted from 1970 in the proleptic Gregorian calendar.
///
/// Years begin in March here, so that the leap day is the last one; 146 097 days are 400 years.
const fn civil(day: i64) -> (i64, i64, i64) {
    let shifted = day + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let year = year_of_era + era * 400 + if month >= 10 { 1 } else { 0 };
    (year, if month < 10 { month + 3 } else { month - 9 }, day_of_year - (153 * month + 2) / 5 + 1)
}

/// The reverse of [`civil`].
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

impl FromStr for Date {
    type Err = Error;

    /// Reads an RFC 3339 text; what is finer than milliseconds is dropped. As in JavaScript, a day alone is its
    /// beginning in UTC.
    fn from_str(text: &str) -> Result<Self> {
        parse(text).map(Self).ok_or_else(|| {
            Error::client(422, "VALIDATION_ERROR", "A date must look like 2026-01-31T12:00:00.000Z.")
        })
    }
}

fn parse(text: &str) -> Option<i64> {
    let mut rest = text.as_bytes();
    let year = match rest.split_first()? {
        (b'+', tail) => digits(&mut { tail }, 6).map(|year| (year, 7))?,
        (b'-', tail) => digits(&mut { tail }, 6).map(|year| (-year, 7))?,
        _ => digits(&mut { rest }, 4).map(|year| (year, 4))?,
    };
    rest = &rest[year.1..];
    mark(&mut rest, b"-")?;
    let month = digits(&mut rest, 2).filter(|month| (1..=12).contains(month))?;
    mark(&mut rest, b"-")?;
    let day = digits(&mut rest, 2)?;
    let date = days(year.0, month, day);
    if civil(date) != (year.0, month, day) {
        return None;
    }
    let date = date * DAY;
    if rest.is_empty() {
        return Some(date);
    }
    mark(&mut rest, b"Tt ")?;
    let time = clock(&mut rest, 23)? * 60_000;
    let mut millis = 0;
    if mark(&mut rest, b":").is_some() {
        millis = digits(&mut rest, 2).filter(|second| *second <= 60)? * 1000;
        if mark(&mut rest, b".,").is_some() {
            millis += fraction(&mut rest)?;
        }
    }
    let sign = match rest.split_first()? {
        (b'Z' | b'z', []) => return Some(date + time + millis),
        (b'+', _) => -60_000,
        (b'-', _) => 60_000,
        _ => return None,
    };
    rest = &rest[1..];
    let offset = clock(&mut rest, 23)?;
    rest.is_empty().then_some(date + time + millis + sign * offset)
}

/// `HH:MM` as minutes.
fn clock(rest: &mut &[u8], hours: i64) -> Option<i64> {
    let hour = digits(rest, 2).filter(|hour| *hour <= hours)?;
    mark(rest, b":")?;
    let minute = digits(rest, 2).filter(|minute| *minute <= 59)?;
    Some(hour * 60 + minute)
}

/// Milliseconds of the digits after the point.
fn fraction(rest: &mut &[u8]) -> Option<i64> {
    let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, tail) = rest.split_at(count);
    *rest = tail;
    let digit = |at: usize| digits.get(at).map_or(0, |digit| i64::from(digit - b'0'));
    (count > 0).then(|| digit(0) * 100 + digit(1) * 10 + digit(2))
}

fn digits(rest: &mut &[u8], count: usize) -> Option<i64> {
    let (digits, tail) = rest.split_at_checked(count)?;
    *rest = tail;
    digits
        .iter()
        .try_fold(0, |value, digit| digit.is_ascii_digit().then(|| value * 10 + i64::from(digit - b'0')))
}

/// One of the bytes of `marks`.
fn mark(rest: &mut &[u8], marks: &[u8]) -> Option<()> {
    let (first, tail) = rest.split_first().filter(|(first, _)| marks.contains(first))?;
    let _ = first;
    *rest = tail;
    Some(())
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(DATE, &Plain(*self))
    }
}

/// A date for serializers that know none.
struct Plain(Date);

impl Serialize for Plain {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(&self.0)
        } else {
            serializer.serialize_i64(self.0.0)
        }
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(DATE, Visitor)
    }
}

struct Visitor;

impl<'de> de::Visitor<'de> for Visitor {
    type Value = Date;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a date")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Date, D::Error> {
        if deserializer.is_human_readable() {
            deserializer.deserialize_any(self)
        } else {
            deserializer.deserialize_i64(self)
        }
    }

    fn visit_i64<E: de::Error>(self, millis: i64) -> Result<Date, E> {
        Ok(Date(millis))
    }

    fn visit_u64<E: de::Error>(self, millis: u64) -> Result<Date, E> {
        i64::try_from(millis).map(Date).map_err(|_| E::custom("a date beyond the calendar"))
    }

    fn visit_f64<E: de::Error>(self, millis: f64) -> Result<Date, E> {
        if millis.is_nan() {
            return Err(E::custom("a date that is not a number"));
        }
        #[allow(clippy::cast_possible_truncation, reason = "saturates")]
        Ok(Date(millis.round() as i64))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Date, E> {
        text.parse().map_err(|error: Error| E::custom(error.message()))
    }
}

impl Validate for Date {}

impl JsonSchema for Date {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Date".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number"], "format": "date-time" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_those_of_javascript() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_732_147_200_123, "2024-11-21T00:00:00.123Z"),
            (253_402_300_800_000, "+010000-01-01T00:00:00.000Z"),
            (-62_198_755_200_000, "-000001-01-01T00:00:00.000Z"),
            (8_640_000_000_000_000, "+275760-09-13T00:00:00.000Z"),
            (-8_640_000_000_000_000, "-271821-04-20T00:00:00.000Z"),
        ] {
            assert_eq!(Date::from_millis(millis).to_string(), text);
            assert_eq!(text.parse::<Date>().unwrap().millis(), millis, "{text}");
        }
        // Never a panic, whatever the number.
        for millis in [i64::MIN, i64::MAX] {
            assert!(Date::from_millis(millis).to_string().ends_with('Z'));
        }
    }

    #[test]
    fn times_are_added_as_far_as_the_calendar_reaches() {
        let day = Duration::from_secs(24 * 60 * 60);
        assert_eq!(Date::from_millis(5) + day, Date::from_millis(86_400_005));
        assert_eq!(Date::from_millis(5) - day, Date::from_millis(-86_399_995));
        assert_eq!(Date::now() + Duration::MAX, Date::from_millis(i64::MAX));
        assert_eq!(Date::from_millis(i64::MIN) - day, Date::from_millis(i64::MIN));
    }

    #[test]
    fn every_day_of_some_centuries_is_read_back() {
        for day in days(1899, 1, 1)..days(2101, 1, 1) {
            let (year, month, date) = civil(day);
            assert_eq!(days(year, month, date), day);
        }
    }

    #[test]
    fn other_notations() {
        for text in [
            "2026-01-31T13:00:00+01:00",
            "2026-01-31t12:00:00z",
            "2026-01-31 12:00Z",
            "2026-01-31T12:00:00.000999Z",
            "2026-01-31T06:30:00-05:30",
        ] {
            assert_eq!(text.parse::<Date>().unwrap().to_string(), "2026-01-31T12:00:00.000Z", "{text}");
        }
        assert_eq!("2026-01-31".parse::<Date>().unwrap().to_string(), "2026-01-31T00:00:00.000Z");
        for text in [
            "",
            "x",
            "2026-02-29",
            "2026-01-31T12:00:00",
            "2026-13-01",
            "2026-01-31T24:00Z",
            "+2026-01-01",
            "2026-01-31T12:00:00.Z",
            "ä",
        ] {
            assert!(text.parse::<Date>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_schema_knows_texts_and_numbers() {
        let schema = crate::schema::Schema::of::<Vec<Date>>();
        assert!(schema.check(&serde_json::json!(["2026-01-31T12:00:00.000Z", 0])).is_empty());
        let errors = schema.check(&serde_json::json!(["soon", true]));
        assert_eq!(errors.iter().map(|error| &*error.kind).collect::<Vec<_>>(), ["date", "date"]);
    }

    #[test]
    fn json_has_many_forms_of_a_date() {
        for json in ["1769860800000", "1769860800000.2", "\"2026-01-31T12:00:00.000Z\""] {
            let date: Date = serde_json::from_str(json).unwrap();
            assert_eq!(date.to_string(), "2026-01-31T12:00:00.000Z");
        }
        assert!(serde_json::from_str::<Date>("\"soon\"").is_err());
        assert!(serde_json::from_str::<Date>("null").is_err());
        assert!(serde_json::from_str::<Option<Date>>("null").unwrap().is_none());
    }
}
