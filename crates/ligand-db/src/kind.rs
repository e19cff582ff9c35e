//! What a column holds: how its values are kept, compared and put in order.
//!
//! The kind comes from the JSON schema of the field, which tells a decimal, a moment, a uuid or a list of them from
//! a plain text. Everything that depends on it is below: [`order`] compares, [`keep`] brings values into the form in
//! which stores hold them. The stores have no opinion of their own, so they cannot differ.

mod decimal;
mod derive;
mod keep;
pub(crate) mod moment;
mod order;

use std::sync::Arc;

pub(crate) use decimal::sum;
pub(crate) use keep::{Misfit, real};
pub(crate) use moment::now;
#[cfg(feature = "sqlite")]
pub(crate) use order::unquoted;

/// What a column holds; null is always possible.
///
/// The page "Databases" of the documentation lists which Rust type becomes which kind, and what can be asked of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Texts, in the order of their bytes.
    Text,
    /// One of these texts: an enum whose variants hold nothing. In the order of their bytes.
    Choice(Arc<[String]>),
    /// Whole numbers in a range.
    Integer {
        /// The least one.
        min: i64,
        /// The greatest one.
        max: u64,
    },
    /// Floating-point numbers.
    Real {
        /// Of 32 bits: what they are compared with is rounded to that.
        single: bool,
    },
    /// Decimal numbers, exact: `1.0` and `1.00` are equal.
    Decimal {
        /// Kept as JSON numbers; as texts otherwise.
        number: bool,
    },
    /// True or false.
    Boolean,
    /// Moments, in whatever zone they are written.
    Instant {
        /// Milliseconds since 1970 are one too.
        millis: bool,
        /// Written with the name of their zone in brackets.
        zoned: bool,
    },
    /// Dates and times of no zone.
    Local,
    /// Calendar days.
    Day,
    /// Times of day.
    Clock,
    /// Uuids, in whatever notation.
    Uuid,
    /// IP addresses, version 4 before version 6.
    Address,
    /// Texts whose order is not that of their letters, such as durations: equal or not, but never less.
    Opaque,
    /// Lists; what is asked with a single value is asked of the items.
    List(Arc<Kind>),
    /// Objects with known fields, of which each can be asked: `address.city`.
    Struct(Arc<[Inner]>),
    /// Whatever has several types. Compared as a whole only.
    Json,
}

/// A field inside a [`Kind::Struct`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inner {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// The outside cannot ask for it.
    pub(crate) secret: bool,
}

impl Inner {
    /// The name on the wire.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it holds.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }
}

impl Kind {
    /// Whether one value can be less than another.
    pub fn is_ordered(&self) -> bool {
        !matches!(self, Self::Boolean | Self::Opaque | Self::List(_) | Self::Struct(_) | Self::Json)
    }

    /// Whether rows can be sorted by it.
    pub fn is_sortable(&self) -> bool {
        self.is_ordered() || *self == Self::Boolean
    }

    /// Whether it is a text that can be searched in.
    pub(crate) fn is_text(&self) -> bool {
        matches!(self, Self::Text | Self::Choice(_))
    }

    /// What it holds, for messages.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Text => "texts".into(),
            Self::Choice(texts) => format!("one of {}", texts.join(", ")),
            Self::Integer { min, max } => format!("whole numbers from {min} to {max}"),
            Self::Real { .. } => "numbers".into(),
            Self::Decimal { .. } => "decimal numbers such as 12.50".into(),
            Self::Boolean => "true or false".into(),
            Self::Instant { .. } => "moments such as 2026-01-31T12:00:00Z".into(),
            Self::Local => "dates with times such as 2026-01-31T12:00:00".into(),
            Self::Day => "days such as 2026-01-31".into(),
            Self::Clock => "times such as 12:00:00".into(),
            Self::Uuid => "uuids".into(),
            Self::Address => "IP addresses".into(),
            Self::Opaque => "texts that have no order".into(),
            Self::List(item) => format!("lists, their items are {}", item.describe()),
            Self::Struct(fields) => {
                let names: Vec<_> =
                    fields.iter().filter(|field| !field.secret).map(|field| &*field.name).collect();
                format!("objects with the fields {}", names.join(", "))
            }
            Self::Json => "values of several types".into(),
        }
    }
}
