//! Logging: `tracing` events to the console.
//!
//! [`crate::broker::BrokerBuilder::run`] starts it from the options; a program with a subscriber of its own keeps it.

use std::{fmt, io::IsTerminal as _, str::FromStr as _};

use ligand_wire::{Error, Result};
use tracing_subscriber::{
    Layer, Registry,
    filter::{LevelFilter, Targets},
    fmt::MakeWriter,
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
    let filter = with_context(without_client_libraries(filter(&options.level)?, &options.level));
    let colors = match options.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => std::io::stdout().is_terminal(),
    };
    let layer = layer(options.format, colors, std::io::stdout);
    // An error means that a subscriber is set already.
    let _ = tracing_subscriber::registry().with(layer.with_filter(filter)).try_init();
    Ok(())
}

/// Writes lines in a format.
fn layer<W>(format: LogFormat, colors: bool, writer: W) -> Box<dyn Layer<Registry> + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let layer = tracing_subscriber::fmt::layer().with_ansi(colors).with_writer(writer);
    match format {
        LogFormat::Full => layer.boxed(),
        LogFormat::Simple => layer.without_time().with_target(false).boxed(),
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
    }
}

/// The NATS transporter says itself what happens to its connection; its library would say so again, as errors.
fn without_client_libraries(filter: Targets, levels: &str) -> Targets {
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
    use std::{io, sync::Arc};

    use parking_lot::Mutex;
    use serde_json::json;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::{filter, layer};
    use crate::config::LogFormat;

    /// What is written.
    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// One line in a format.
    fn line(format: LogFormat, colors: bool) -> String {
        let page = Page::default();
        let writer = page.clone();
        let subscriber = tracing_subscriber::registry().with(layer(format, colors, move || writer.clone()));
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(target: "shop", order = 7, user = "ada", "an order was placed");
        });
        let bytes = page.0.lock().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn lines_have_the_chosen_format() {
        let simple = line(LogFormat::Simple, false);
        assert_eq!(simple, " INFO an order was placed order=7 user=\"ada\"\n");
        let full = line(LogFormat::Full, false);
        let (time, rest) = full.split_once(' ').unwrap();
        assert!(time.starts_with("20") && time.ends_with('Z'), "{full}");
        assert_eq!(rest, " INFO shop: an order was placed order=7 user=\"ada\"\n");
        assert!(line(LogFormat::Full, true).contains("\u{1b}["));
        let json: serde_json::Value = serde_json::from_str(&line(LogFormat::Json, false)).unwrap();
        let fields = ["level", "target", "message", "order", "user"].map(|name| json[name].clone());
        let expected = [json!("INFO"), json!("shop"), json!("an order was placed"), json!(7), json!("ada")];
        assert_eq!(fields, expected);
        assert!(json["timestamp"].is_string(), "{json}");
    }

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
