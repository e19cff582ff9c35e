//! The types of the crate `time` as fields of payloads and entities (feature `time`).
//!
//! They have no JSON Schema of their own, and serde writes them as lists of numbers. [`Text`] gives them both: the
//! notation of RFC 3339, and the schema that says so. `#[payload]` and `#[entity]` put it on fields of these types by
//! themselves, also inside `Option`, `Patch`, `Vec`, `Box` and maps; other types name it:
//!
//! ```
//! use ligand_wire::time::Text;
//! use time::OffsetDateTime;
//!
//! #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
//! struct Order {
//!     #[serde(with = "Text::<OffsetDateTime>")]
//!     placed: OffsetDateTime,
//!     #[serde(default, with = "Text::<Option<OffsetDateTime>>")]
//!     paid: Option<OffsetDateTime>,
//! }
//!
//! let order: Order = serde_json::from_str(r#"{ "placed": "2026-01-31T13:00:00+01:00" }"#).unwrap();
//! assert_eq!(serde_json::to_string(&order).unwrap(), r#"{"placed":"2026-01-31T13:00:00+01:00","paid":null}"#);
//! ```

pub mod probe;
mod within;

use std::{borrow::Cow, marker::PhantomData};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use time::{Date, OffsetDateTime, PrimitiveDateTime, Time, UtcDateTime, UtcOffset};

use crate::moment;

/// Julian day of 1970-01-01.
const EPOCH: i64 = 2_440_588;

/// For `#[serde(with = "Text::<T>")]` on a field of the type `T`: a type of `time`, or an option, a list or a map of one.
#[derive(Debug)]
pub struct Text<T>(PhantomData<fn() -> T>);

impl<T: Written> Text<T> {
    /// Writes a value.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        value.write(serializer)
    }

    /// Reads a value.
    ///
    /// # Errors
    /// When the text is not of this type.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        T::read(deserializer)
    }
}

impl<T: Written> JsonSchema for Text<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Text_{}", std::any::type_name::<T>()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::schema(generator)
    }
}

/// What [`Text`] can write.
pub trait Written: Sized {
    /// Writes the value as text, or in the form of what it is inside of.
    ///
    /// # Errors
    /// Those of the serializer.
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;

    /// Reads what [`write`](Self::write) writes.
    ///
    /// # Errors
    /// When it is not of this type.
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;

    /// Its JSON Schema.
    fn schema(generator: &mut SchemaGenerator) -> Schema;
}

/// One of the types itself.
trait Leaf: Sized {
    const FORMAT: &'static str;
    const EXAMPLE: &'static str;

    fn text(&self) -> String;
    fn of(text: &str) -> Option<Self>;
}

macro_rules! written {
    ($($type:ty),*) => {
        $(impl Written for $type {
            fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.text().serialize(serializer)
            }

            fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<'de, str>::deserialize(deserializer)?;
                Self::of(&text).ok_or_else(|| D::Error::custom(format_args!("expected a text such as {}", Self::EXAMPLE)))
            }

            fn schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "format": Self::FORMAT })
            }
        })*
    };
}

written!(Date, Time, PrimitiveDateTime, OffsetDateTime, UtcDateTime);

impl Leaf for Date {
    const FORMAT: &'static str = "date";
    const EXAMPLE: &'static str = "2026-01-31";

    fn text(&self) -> String {
        let (year, month, day) = (self.year(), u8::from(self.month()), self.day());
        match year {
            0..=9999 => format!("{year:04}-{month:02}-{day:02}"),
            _ => format!("{year:+07}-{month:02}-{day:02}"),
        }
    }

    fn of(text: &str) -> Option<Self> {
        Self::from_julian_day(i32::try_from(moment::day(text)? + EPOCH).ok()?).ok()
    }
}

impl Leaf for Time {
    const FORMAT: &'static str = "partial-time";
    const EXAMPLE: &'static str = "12:30:00";

    fn text(&self) -> String {
        let (hour, minute, second, nanos) = self.as_hms_nano();
        let fraction = format!(".{nanos:09}");
        let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
        format!("{hour:02}:{minute:02}:{second:02}{fraction}")
    }

    fn of(text: &str) -> Option<Self> {
        let (seconds, nanos) = moment::clock(text)?;
        let part = |seconds: i64| u8::try_from(seconds).ok();
        Self::from_hms_nano(part(seconds / 3600)?, part(seconds / 60 % 60)?, part(seconds % 60)?, nanos).ok()
    }
}

impl Leaf for PrimitiveDateTime {
    const FORMAT: &'static str = "partial-date-time";
    const EXAMPLE: &'static str = "2026-01-31T12:00:00";

    fn text(&self) -> String {
        format!("{}T{}", self.date().text(), self.time().text())
    }

    fn of(text: &str) -> Option<Self> {
        let (date, time) = moment::split(text)?;
        Some(Self::new(Date::of(date)?, Time::of(time)?))
    }
}

impl Leaf for OffsetDateTime {
    const FORMAT: &'static str = "date-time";
    const EXAMPLE: &'static str = "2026-01-31T12:00:00Z";

    fn text(&self) -> String {
        let local = PrimitiveDateTime::new(self.date(), self.time()).text();
        let (hours, minutes, seconds) = self.offset().as_hms();
        let sign = if self.offset().is_negative() { '-' } else { '+' };
        let (hours, minutes, seconds) =
            (hours.unsigned_abs(), minutes.unsigned_abs(), seconds.unsigned_abs());
        match (hours, minutes, seconds) {
            (0, 0, 0) => format!("{local}Z"),
            (_, _, 0) => format!("{local}{sign}{hours:02}:{minutes:02}"),
            _ => format!("{local}{sign}{hours:02}:{minutes:02}:{seconds:02}"),
        }
    }

    fn of(text: &str) -> Option<Self> {
        let (date, time) = moment::split(text)?;
        let (time, offset) = moment::zone(time)?;
        let offset = UtcOffset::from_whole_seconds(i32::try_from(offset?).ok()?).ok()?;
        Some(PrimitiveDateTime::new(Date::of(date)?, Time::of(time)?).assume_offset(offset))
    }
}

impl Leaf for UtcDateTime {
    const FORMAT: &'static str = "date-time";
    const EXAMPLE: &'static str = "2026-01-31T12:00:00Z";

    fn text(&self) -> String {
        format!("{}Z", PrimitiveDateTime::new(self.date(), self.time()).text())
    }

    fn of(text: &str) -> Option<Self> {
        OffsetDateTime::of(text)?.checked_to_utc()
    }
}
