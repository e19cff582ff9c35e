//! A form written as a text with places.

use super::{Style, text};
use crate::record::Record;

pub(super) fn write(template: &str, record: &Record<'_>, style: Style, line: &mut String) {
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        line.push_str(&rest[..open]);
        rest = &rest[open..];
        let Some(close) = rest.find('}') else { break };
        let who = record.who;
        let mut known = |text: Option<&str>| text::escaped(text.unwrap_or_default(), "\t", line);
        match &rest[1..close] {
            "timestamp" => text::timestamp(record.time, line),
            "time" => text::time(record.time, line),
            "level" => text::level(record, style, line),
            "nodeID" => known(who.node.as_deref()),
            "mod" => text::label(record, style, false, line),
            "msg" => text::message(record, line),
            "requestID" => known(who.request_id.as_deref()),
            // No place: it stays as it is.
            _ => line.push_str(&rest[..=close]),
        }
        rest = &rest[close + 1..];
    }
    line.push_str(rest);
}
