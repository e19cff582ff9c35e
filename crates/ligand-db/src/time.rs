//! The types of the crate `time` as fields of entities (feature `time`).
//!
//! They have no JSON schema of their own, and serde writes them as lists of numbers. [`Text`] gives them both: the
//! notation of RFC 3339, and the schema that makes a column of the right kind.
//!
//! ```
//! use ligand_db::time::Text;
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

use std::{borrow::Cow, marker::PhantomData};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use time::{Date, OffsetDateTime, PrimitiveDateTime, Time, UtcDateTime, UtcOffset};

use crate::kind::moment;

/// Julian day of 1970-01-01.
const EPOCH: i64 = 2_440_588;

/// For `#[serde(with = "Text::<T>")]` on a field of the type `T`: a type of `time`, or an option of one.
#[derive(Debug)]
pub struct Text<T>(PhantomData<fn() -> T>);

impl<T: Written> Text<T> {
    /// Writes a value.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        value.write().serialize(serializer)
    }

    /// Reads a value.
    ///
    /// # Errors
    /// When the text is none of the type.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        let text = Option::<Cow<'de, str>>::deserialize(deserializer)?;
        T::read(text.as_deref()).ok_or_else(|| D::Error::custom(format_args!("expected a {}", T::FORMAT)))
    }
}

impl<T: Written> JsonSchema for Text<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Text_{}", T::FORMAT).into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        match T::NULLABLE {
            true => json_schema!({ "type": ["string", "null"], "format": T::FORMAT }),
            false => json_schema!({ "type": "string", "format": T::FORMAT }),
        }
    }
}

/// What [`Text`] can write.
pub trait Written: Sized + sealed::Sealed {
    #[doc(hidden)]
    const FORMAT: &'static str;
    #[doc(hidden)]
    const NULLABLE: bool = false;
    #[doc(hidden)]
    fn write(&self) -> Option<String>;
    #[doc(hidden)]
    fn read(text: Option<&str>) -> Option<Self>;
}

mod sealed {
    pub trait Sealed {}
    impl<T: super::Written> Sealed for Option<T> {}
    impl Sealed for time::Date {}
    impl Sealed for time::Time {}
    impl Sealed for time::PrimitiveDateTime {}
    impl Sealed for time::OffsetDateTime {}
    impl Sealed for time::UtcDateTime {}
}

impl<T: Written> Written for Option<T> {
    const FORMAT: &'static str = T::FORMAT;
    const NULLABLE: bool = true;

    fn write(&self) -> Option<String> {
        self.as_ref().and_then(Written::write)
    }

    fn read(text: Option<&str>) -> Option<Self> {
        match text {
            None => Some(None),
            text => T::read(text).map(Some),
        }
    }
}

impl Written for Date {
    const FORMAT: &'static str = "date";

    fn write(&self) -> Option<String> {
        let (year, month, day) = (self.year(), u8::from(self.month()), self.day());
        Some(match year {
            0..=9999 => format!("{year:04}-{month:02}-{day:02}"),
            _ => format!("{year:+07}-{month:02}-{day:02}"),
        })
    }

    fn read(text: Option<&str>) -> Option<Self> {
        Self::from_julian_day(i32::try_from(moment::day(text?)? + EPOCH).ok()?).ok()
    }
}

impl Written for Time {
    const FORMAT: &'static str = "partial-time";

    fn write(&self) -> Option<String> {
        let (hour, minute, second, nanos) = self.as_hms_nano();
        let fraction = format!(".{nanos:09}");
        let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
        Some(format!("{hour:02}:{minute:02}:{second:02}{fraction}"))
    }

    fn read(text: Option<&str>) -> Option<Self> {
        let (seconds, nanos) = moment::clock(text?)?;
        let part = |seconds: i64| u8::try_from(seconds).ok();
        Self::from_hms_nano(part(seconds / 3600)?, part(seconds / 60 % 60)?, part(seconds % 60)?, nanos).ok()
    }
}

impl Written for PrimitiveDateTime {
    const FORMAT: &'static str = "partial-date-time";

    fn write(&self) -> Option<String> {
        Some(format!("{}T{}", self.date().write()?, self.time().write()?))
    }

    fn read(text: Option<&str>) -> Option<Self> {
        let (date, time) = moment::split(text?)?;
        Some(Self::new(Date::read(Some(date))?, Time::read(Some(time))?))
    }
}

impl Written for OffsetDateTime {
    const FORMAT: &'static str = "date-time";

    fn write(&self) -> Option<String> {
        let local = PrimitiveDateTime::new(self.date(), self.time()).write()?;
        let (hours, minutes, seconds) = self.offset().as_hms();
        let sign = if self.offset().is_negative() { '-' } else { '+' };
        let (hours, minutes, seconds) =
            (hours.unsigned_abs(), minutes.unsigned_abs(), seconds.unsigned_abs());
        Some(match (hours, minutes, seconds) {
            (0, 0, 0) => format!("{local}Z"),
            (_, _, 0) => format!("{local}{sign}{hours:02}:{minutes:02}"),
            _ => format!("{local}{sign}{hours:02}:{minutes:02}:{seconds:02}"),
        })
    }

    fn read(text: Option<&str>) -> Option<Self> {
        let (date, time) = moment::split(text?)?;
        let (time, offset) = moment::zone(time)?;
        let offset = UtcOffset::from_whole_seconds(i32::try_from(offset?).ok()?).ok()?;
        Some(PrimitiveDateTime::new(Date::read(Some(date))?, Time::read(Some(time))?).assume_offset(offset))
    }
}

impl Written for UtcDateTime {
    const FORMAT: &'static str = "date-time";

    fn write(&self) -> Option<String> {
        Some(format!("{}Z", PrimitiveDateTime::new(self.date(), self.time()).write()?))
    }

    fn read(text: Option<&str>) -> Option<Self> {
        OffsetDateTime::read(text)?.checked_to_utc()
    }
}
