//! Lines for people.

use std::{
    fmt::Write as _,
    sync::atomic::{AtomicUsize, Ordering},
};

use super::{
    Style,
    color::{DIM, RESET, of_level, of_module},
};
use crate::record::Record;
use jiff::{Timestamp, tz::TimeZone};

/// The longest label so far, up to a limit: one odd module must not push all lines to the right.
static WIDTH: AtomicUsize = AtomicUsize::new(0);
const WIDEST: usize = 40;

pub(super) fn full(record: &Record<'_>, style: Style, line: &mut String) {
    head(record, style, (timestamp, true), line);
    message(record, line);
    paint(line, style.colors, DIM, |line| place(record, line));
}

pub(super) fn short(record: &Record<'_>, style: Style, line: &mut String) {
    head(record, style, (time, false), line);
    message(record, line);
}

/// What stands before the text: when, how important, and where; with the node or without.
fn head(
    record: &Record<'_>,
    style: Style,
    (when, node): (fn(Timestamp, &mut String), bool),
    line: &mut String,
) {
    paint(line, style.colors, DIM, |line| {
        line.push('[');
        when(record.time, line);
        line.push(']');
    });
    line.push(' ');
    level(record, style, line);
    line.push(' ');
    label(record, style, node, line);
    line.push_str(": ");
}

pub(super) fn simple(record: &Record<'_>, style: Style, line: &mut String) {
    level(record, style, line);
    line.push_str(" - ");
    message(record, line);
}

/// ISO 8601 in UTC with milliseconds.
pub(super) fn timestamp(at: Timestamp, line: &mut String) {
    let _ = write!(line, "{at:.3}");
}

/// The time of day in UTC.
pub(super) fn time(at: Timestamp, line: &mut String) {
    let time = at.to_zoned(TimeZone::UTC).time();
    let _ = write!(line, "{time:.3}Z");
}

pub(super) fn level(record: &Record<'_>, style: Style, line: &mut String) {
    paint(line, style.colors, of_level(record.level), |line| line.push_str(record.level.label()));
}

/// Node and module; names in upper case.
pub(super) fn label(record: &Record<'_>, style: Style, node: bool, line: &mut String) {
    let mut label = String::new();
    if let Some(node) = record.who.node.as_deref().filter(|_| node) {
        label.push_str(node);
        label.push('/');
    }
    match record.is_named() {
        true => label.extend(record.label().chars().flat_map(char::to_uppercase)),
        false => label.push_str(record.label()),
    }
    let colors = style.colors && style.module_colors;
    paint(line, colors, of_module(record.label()), |line| escaped(&label, "\t", line));
    if style.padding {
        let length = label.chars().count();
        let width = WIDTH.fetch_max(length.min(WIDEST), Ordering::Relaxed).max(length.min(WIDEST));
        line.extend(std::iter::repeat_n(' ', width.saturating_sub(length)));
    }
}

/// Text and fields.
pub(super) fn message(record: &Record<'_>, line: &mut String) {
    escaped(record.message, "\t", line);
    for (name, value) in record.fields {
        if !line.ends_with(' ') {
            line.push(' ');
        }
        escaped(name, "\t", line);
        line.push('=');
        // As JSON: texts are quoted.
        escaped(&value.to_string(), "\t", line);
    }
}

/// What runs, and for whom.
fn place(record: &Record<'_>, line: &mut String) {
    let who = record.who;
    let parts =
        [("action", &who.action), ("event", &who.event), ("work", &who.work), ("requestID", &who.request_id)];
    for (name, value) in parts {
        if let Some(value) = value {
            line.push(' ');
            line.push_str(name);
            line.push('=');
            escaped(value, "\t", line);
        }
    }
}

/// Control characters that a form of one's own may write.
pub(super) const COLORED: &str = "\t\u{1b}";

/// Control characters as escapes: they would forge lines, or move the cursor of whoever reads.
pub(super) fn escaped(text: &str, but: &str, line: &mut String) {
    for c in text.chars() {
        match c {
            '\n' => line.push_str("\\n"),
            c if c.is_control() && !but.contains(c) => line.extend(c.escape_default()),
            c => line.push(c),
        }
    }
}

fn paint(line: &mut String, colors: bool, color: &str, write: impl FnOnce(&mut String)) {
    if !colors {
        return write(line);
    }
    line.push_str(color);
    write(line);
    line.push_str(RESET);
}
