//! Logging: `tracing` events to the console.
//!
//! [`crate::BrokerBuilder::run`] starts it from the options; a program with a subscriber of its own keeps it.

use std::{io::IsTerminal as _, str::FromStr as _};

use ligand_wire::{Error, Result};
use tracing_subscriber::{
    Layer as _, filter::Targets, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use crate::config::{Color, LogFormat, LogOptions};

/// Starts logging to standard output. Does nothing when the program has a subscriber already.
///
/// # Errors
/// `BROKER_OPTIONS_ERROR` for a level that is not one.
pub fn init(options: &LogOptions) -> Result<()> {
    let filter = Targets::from_str(&options.level).map_err(|error| {
        Error::broker_options(format!(
            "option 'log.level': '{}' is not a level (off, error, warn, info, debug, trace) or a list such as \
             \"info,shop=debug\": {error}",
            options.level
        ))
    })?;
    let colors = match options.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => std::io::stdout().is_terminal(),
    };
    let layer = tracing_subscriber::fmt::layer().with_ansi(colors);
    let layer = match options.format {
        LogFormat::Full => layer.boxed(),
        LogFormat::Simple => layer.without_time().with_target(false).boxed(),
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
    };
    // An error means that a subscriber is set already.
    let _ = tracing_subscriber::registry().with(layer.with_filter(filter)).try_init();
    Ok(())
}
