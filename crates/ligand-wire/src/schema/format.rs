//! The `format` of texts: what each takes, and the rule of fastest-validator that is broken when it does not.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::{Map, Value};

use super::node::{self, Types};
use crate::{moment, rules};

/// The rule that `text` breaks, if it does.
pub(super) fn broken(node: &Map<String, Value>, format: &str, text: &str) -> Option<&'static str> {
    let has_time = || moment::split(text).is_some() || Types::declared(node).number();
    let (valid, kind) = match format {
        "email" => (rules::email(text), "email"),
        "uri" | "url" if node::extension(node, "url") => (rules::url(text), "url"),
        "uri" | "url" => (rules::uri(text), "url"),
        "uuid" if node::extension(node, "versioned") => (rules::uuid(text), "uuid"),
        "uuid" => (rules::any_uuid(text), "uuid"),
        "date-time" | "zoned-date-time" => (moment::instant(text).is_some() && has_time(), "date"),
        "partial-date-time" => (moment::local(text).is_some() && has_time(), "date"),
        "date" => (moment::day(text).is_some(), "date"),
        "time" => (rules::time(text), "date"),
        "partial-time" => (moment::time_of_day(text).is_some(), "date"),
        "decimal" => (rules::decimal(text), "number"),
        "ip" => (text.parse::<IpAddr>().is_ok(), "ip"),
        "ipv4" => (text.parse::<Ipv4Addr>().is_ok(), "ip"),
        "ipv6" => (text.parse::<Ipv6Addr>().is_ok(), "ip"),
        _ => (true, ""),
    };
    (!valid).then_some(kind)
}

/// The rule that a value breaks which is no text at all, where it is another one than that of texts.
pub(super) fn kind_of_type(format: &str) -> Option<&'static str> {
    match format {
        "date-time" | "zoned-date-time" | "partial-date-time" | "date" | "time" | "partial-time" => {
            Some("date")
        }
        "decimal" => Some("number"),
        _ => None,
    }
}

/// What a text of the format looks like, for those whose notation has to be told.
pub(super) fn example(format: &str) -> Option<&'static str> {
    Some(match format {
        "date-time" => "2026-01-31T12:00:00Z",
        "zoned-date-time" => "2026-01-31T12:00:00+01:00[Europe/Paris]",
        "partial-date-time" => "2026-01-31T12:00:00",
        "date" => "2026-01-31",
        "time" => "12:30:00Z",
        "partial-time" => "12:30:00",
        _ => return None,
    })
}

/// How schemars describes decimal numbers.
const DECIMAL: &str = r"^-?\d+(\.\d+)?([eE]\d+)?$";

/// Gives decimal numbers the format of that name instead of a pattern, which refuses `1e-7` and makes errors about
/// patterns of what is no number.
pub(super) fn name_decimals(document: &mut Value) {
    let mut left = vec![document];
    while let Some(value) = left.pop() {
        match value {
            Value::Object(node) => {
                if node.get("pattern").is_some_and(|pattern| pattern == DECIMAL)
                    && Types::declared(node).overlaps(Types::NUMBER)
                {
                    node.shift_remove("pattern");
                    node.insert("format".into(), "decimal".into());
                }
                left.extend(node.values_mut());
            }
            Value::Array(items) => left.extend(items),
            _ => {}
        }
    }
}
