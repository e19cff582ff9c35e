//! Colours of a terminal.

use crate::level::Level;

pub(super) const RESET: &str = "\u{1b}[0m";
pub(super) const DIM: &str = "\u{1b}[2m";

pub(super) fn of_level(level: Level) -> &'static str {
    match level {
        Level::Fatal => "\u{1b}[1;41m",
        Level::Error => "\u{1b}[31m",
        Level::Warn => "\u{1b}[33m",
        Level::Info => "\u{1b}[32m",
        Level::Debug => "\u{1b}[35m",
        Level::Trace => "\u{1b}[90m",
    }
}

/// The same colour for a name each time.
pub(super) fn of_module(name: &str) -> &'static str {
    const COLORS: [&str; 10] = [
        "\u{1b}[33m",
        "\u{1b}[32m",
        "\u{1b}[35m",
        "\u{1b}[36m",
        "\u{1b}[34m",
        "\u{1b}[93m",
        "\u{1b}[92m",
        "\u{1b}[95m",
        "\u{1b}[96m",
        "\u{1b}[94m",
    ];
    let sum = name.bytes().fold(7_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
    COLORS[sum as usize % COLORS.len()]
}
