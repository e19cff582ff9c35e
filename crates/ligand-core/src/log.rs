//! Logging: `tracing` events to the console.
//!
//! [`crate::BrokerBuilder::run`] starts it from the options; a program with a subscriber of its own keeps it.

use std::{fmt, io::IsTerminal as _, str::FromStr as _};

use ligand_wire::{Error, Result};
use tracing_subscriber::{
    Layer as _,
    filter::{LevelFilter, Targets},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use crate::config::{Color, LogFormat, LogOptions};

/// Target of the spans that handlers run in.
pub(crate) const HANDLER: &str = "ligand::handler";

/// Writes a line to standard error when the program has set up no log at all: what nobody else hears of must be seen
/// somewhere.
#[cold]
pub(crate) fn unheard(line: fmt::Arguments<'_>) {
    if !tracing::dispatcher::has_been_set() {
        // Standard error may be closed.
        let _ = crate::future::guarded(|| eprintln!("ligand: {line}"));
    }
}

/// Starts logging to standard output. Does nothing when the program has a subscriber already.
///
/// # Errors
/// `BROKER_OPTIONS_ERROR` for a level that is not one.
pub fn init(options: &LogOptions) -> Result<()> {
    let filter = with_context(quiet(filter(&options.level)?, &options.level));
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

/// The NATS transporter says itself what happens to its connection; its library would say so again, as errors.
fn quiet(filter: Targets, levels: &str) -> Targets {
    match levels.contains("async_nats") {
        true => filter,
        false => filter.with_target("async_nats", LevelFilter::OFF),
    }
}

/// Whatever module a line comes from, the span of its handler goes with it.
fn with_context(filter: Targets) -> Targets {
    let silent = filter.default_level().is_none_or(|level| level == LevelFilter::OFF)
        && filter.iter().all(|(_, level)| level == LevelFilter::OFF);
    match silent {
        true => filter,
        false => filter.with_target(HANDLER, LevelFilter::ERROR),
    }
}

/// Whether this is a level, or a list of levels.
///
/// # Errors
/// `BROKER_OPTIONS_ERROR` for what is none.
pub(crate) fn check(levels: &str) -> Result<()> {
    filter(levels).map(drop)
}

/// A word without `=` has to be a level: as the name of a module it would silence everything else.
fn filter(levels: &str) -> Result<Targets> {
    for (at, word) in levels.split(',').map(str::trim).enumerate() {
        let known = match word.contains('=') {
            true => Targets::from_str(word).is_ok(),
            // The parser takes the empty word for "error".
            false => !word.is_empty() && LevelFilter::from_str(word).is_ok(),
        };
        if !known {
            return Err(Error::broker_options(format!(
                "option 'log.level': word {} is not a level (off, error, warn, info, debug, trace) or a list such as \
                 \"info,shop=debug\"",
                at + 1
            )));
        }
    }
    Targets::from_str(levels).map_err(|_| Error::broker_options("option 'log.level' is not a list of levels"))
}

#[cfg(test)]
mod tests {
    use super::filter;

    #[test]
    fn words_are_levels() {
        for levels in ["info", "OFF", "warn,shop=debug", "shop=trace, info"] {
            filter(levels).unwrap();
        }
        for levels in ["loud", "", "info,shop", "shop=loud", "info,"] {
            let error = filter(levels).unwrap_err();
            assert!(error.message().contains("is not a level"), "{}", error.message());
        }
    }
}
