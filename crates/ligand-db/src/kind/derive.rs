//! From the schema of a field to its kind.

use ligand_wire::schema::Part;

use super::{Inner, Kind};

/// Objects inside objects beyond this are compared as a whole.
const MAX_DEPTH: usize = 8;

/// How schemars writes decimal numbers, read and written.
const DECIMALS: [&str; 2] = [r"^-?\d+(\.\d+)?([eE]\d+)?$", r"^-?\d+(\.\d+)?$"];

impl Kind {
    /// The kind of a part of an entity's schema.
    ///
    /// # Errors
    /// What is wrong with a type that no column holds exactly.
    pub(crate) fn of(part: Part<'_>) -> Result<Self, String> {
        within(part, &mut Vec::new())
    }
}

impl Kind {
    /// What a text is by the Rust type that is written as one, when the schema does not say more.
    pub(crate) fn refined(self, rust: &str) -> Self {
        match self {
            Self::Text => written(rust).unwrap_or(Self::Text),
            Self::List(item) if *item == Self::Text => Self::List(Self::Text.refined(rust).into()),
            other => other,
        }
    }
}

/// The kind of a type of a crate that writes itself as text, whatever it is wrapped in.
fn written(rust: &str) -> Option<Kind> {
    let instant = |zoned| Kind::Instant { millis: false, zoned };
    let inner = ["core::option::Option<", "alloc::vec::Vec<", "alloc::boxed::Box<", "alloc::sync::Arc<"];
    if let Some(rest) = inner.iter().find_map(|wrapper| rust.strip_prefix(wrapper)) {
        return written(rest.strip_suffix('>')?);
    }
    let (krate, _) = rust.split_once("::")?;
    let name = rust.split('<').next()?.rsplit("::").next()?;
    Some(match (krate, name) {
        ("rust_decimal", "Decimal") | ("bigdecimal", "BigDecimal") => Kind::Decimal { number: false },
        ("ligand_wire", "Date") => Kind::Instant { millis: true, zoned: false },
        ("chrono", "DateTime") | ("time", "OffsetDateTime" | "UtcDateTime") | ("jiff", "Timestamp") => {
            instant(false)
        }
        ("jiff", "Zoned") => instant(true),
        ("chrono", "NaiveDateTime")
        | ("time", "PrimitiveDateTime" | "PlainDateTime")
        | ("jiff", "DateTime") => Kind::Local,
        ("chrono", "NaiveDate") | ("time" | "jiff", "Date") => Kind::Day,
        ("chrono", "NaiveTime") | ("time" | "jiff", "Time") => Kind::Clock,
        ("jiff", "SignedDuration" | "Span") => Kind::Opaque,
        ("uuid", "Uuid") => Kind::Uuid,
        ("core" | "std", "IpAddr" | "Ipv4Addr" | "Ipv6Addr") => Kind::Address,
        _ => return None,
    })
}

/// `outer` are the objects that this part is inside of.
fn within<'s>(part: Part<'s>, outer: &mut Vec<Part<'s>>) -> Result<Kind, String> {
    let types = part.types();
    let (text, integer, boolean) = (types.string(), types.integer(), types.boolean());
    let (list, object) = (types.array(), types.object());
    Ok(match (text, integer, boolean, list, object) {
        (true, number, false, false, false) => texts(part, number),
        (false, true, false, false, false) => numbers(part)?,
        (false, false, true, false, false) => Kind::Boolean,
        (false, false, false, true, false) => match part.items() {
            Some(items) => Kind::List(within(items, outer)?.into()),
            None => Kind::Json,
        },
        (false, false, false, false, true) => {
            if outer.len() >= MAX_DEPTH || outer.iter().any(|outer| outer.is(part)) {
                return Ok(Kind::Json);
            }
            outer.push(part);
            let mut fields = Vec::new();
            for property in part.properties() {
                let inner = part.at(&property);
                let kind = within(inner, outer).map_err(|why| format!("{}: {why}", property.name))?;
                fields.push(Inner { name: property.name.into(), kind, secret: inner.flag("secret") });
            }
            outer.pop();
            // Without fields of its own it is a map: its names are data.
            if fields.is_empty() { Kind::Json } else { Kind::Struct(fields.into()) }
        }
        _ => Kind::Json,
    })
}

/// A text, or a text or number.
fn texts(part: Part<'_>, number: bool) -> Kind {
    let pattern = part.keyword("pattern").and_then(serde_json::Value::as_str);
    match part.format() {
        "date-time" => return Kind::Instant { millis: number, zoned: false },
        "zoned-date-time" => return Kind::Instant { millis: number, zoned: true },
        "decimal" => return Kind::Decimal { number: false },
        _ if pattern.is_some_and(|pattern| DECIMALS.contains(&pattern)) => {
            return Kind::Decimal { number: false };
        }
        _ if number => return Kind::Json,
        "date" => return Kind::Day,
        "time" | "partial-time" => return Kind::Clock,
        "partial-date-time" => return Kind::Local,
        "uuid" => return Kind::Uuid,
        "ip" | "ipv4" | "ipv6" => return Kind::Address,
        "duration" => return Kind::Opaque,
        _ => {}
    }
    match part.texts() {
        Some(texts) => Kind::Choice(texts.into_iter().map(str::to_owned).collect()),
        None => Kind::Text,
    }
}

fn numbers(part: Part<'_>) -> Result<Kind, String> {
    if part.types().number() {
        return Ok(match part.format() {
            "float" => Kind::Real { single: true },
            "double" => Kind::Real { single: false },
            // A number of no known width, which may be any: kept as it is written.
            _ => Kind::Decimal { number: true },
        });
    }
    match part.format() {
        wide @ ("int128" | "uint128") => Err(format!(
            "no column holds every {}; take an i64, a u64, a decimal or a text",
            if wide == "int128" { "i128" } else { "u128" }
        )),
        _ => {
            let (min, max) = part.integer_bounds().unwrap_or((i64::MIN, u64::MAX));
            Ok(Kind::Integer { min, max })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_says_more_than_a_schema_written_by_hand() {
        use std::any::type_name;
        for (rust, kind) in [
            (type_name::<Option<jiff::Timestamp>>(), Kind::Instant { millis: false, zoned: false }),
            (type_name::<jiff::Zoned>(), Kind::Instant { millis: false, zoned: true }),
            (type_name::<jiff::civil::DateTime>(), Kind::Local),
            (type_name::<jiff::civil::Date>(), Kind::Day),
            (type_name::<jiff::civil::Time>(), Kind::Clock),
            (type_name::<uuid::Uuid>(), Kind::Uuid),
            (type_name::<ligand_wire::Date>(), Kind::Instant { millis: true, zoned: false }),
            (type_name::<std::net::Ipv4Addr>(), Kind::Address),
            (type_name::<rust_decimal::Decimal>(), Kind::Decimal { number: false }),
            (
                type_name::<chrono::DateTime<chrono::FixedOffset>>(),
                Kind::Instant { millis: false, zoned: false },
            ),
            (type_name::<Option<chrono::NaiveDateTime>>(), Kind::Local),
            (type_name::<chrono::NaiveDate>(), Kind::Day),
            (type_name::<chrono::NaiveTime>(), Kind::Clock),
            (type_name::<time::OffsetDateTime>(), Kind::Instant { millis: false, zoned: false }),
            (type_name::<time::PrimitiveDateTime>(), Kind::Local),
            (type_name::<time::Date>(), Kind::Day),
            (type_name::<time::Time>(), Kind::Clock),
            (type_name::<String>(), Kind::Text),
            (type_name::<Option<std::path::PathBuf>>(), Kind::Text),
        ] {
            assert_eq!(Kind::Text.refined(rust), kind, "{rust}");
        }
        let list = Kind::List(Kind::Text.into()).refined(type_name::<Vec<uuid::Uuid>>());
        assert_eq!(list, Kind::List(Kind::Uuid.into()));
    }
}
