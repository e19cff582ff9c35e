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
