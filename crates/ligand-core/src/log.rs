//! Logging: what becomes of `tracing` events.
//!
//! [`crate::broker::BrokerBuilder::run`] starts it from the [options](crate::config::LogOptions): a console, files,
//! levels by service and module. A program with a subscriber of its own keeps it. Handlers may write with the macros of
//! `tracing`, or with [`Context::logger`](crate::Context::logger).

mod logger;
pub(crate) mod place;

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

pub use ligand_log::{Log, LogBuilder, Sink, format, level, levels, record, redact, sink, who};
use ligand_wire::{Error, Result};

pub use self::logger::Logger;
use crate::config::{LogOptions, log_levels};

/// Target of the spans that handlers run in, for subscribers of one's own.
pub(crate) const HANDLER: &str = ligand_log::layer::HANDLER;

/// The log that [`init`] started.
static LOG: OnceLock<Log> = OnceLock::new();

/// Writes a line to standard error when the program has set up no log at all: what nobody else hears of must be seen
/// somewhere.
#[cold]
pub(crate) fn unheard(line: fmt::Arguments<'_>) {
    if !tracing::dispatcher::has_been_set() {
        // Standard error may be closed.
        let _ = crate::future::guarded(|| eprintln!("ligand: {line}"));
    }
}

/// Starts logging as the options say. Does nothing when the program has a subscriber of `tracing` already.
///
/// # Errors
/// `BROKER_OPTIONS_ERROR` for a level that is none and a file that cannot be opened.
pub fn init(options: &LogOptions) -> Result<()> {
    init_for(options, "", "")
}

/// The same for a node, which lines outside of handlers name.
pub(crate) fn init_for(options: &LogOptions, node: &str, namespace: &str) -> Result<()> {
    if tracing::dispatcher::has_been_set() {
        return Ok(());
    }
    let log = build(options, node, namespace)?;
    if log.install() {
        let _ = LOG.set(log);
    }
    Ok(())
}

/// A log as the options say, for a subscriber of one's own.
///
/// # Errors
/// As [`init`].
pub fn build(options: &LogOptions, node: &str, namespace: &str) -> Result<Log> {
    let list = without_client_libraries(&options.level);
    let wrong = |error: &dyn fmt::Display| Error::broker_options(error.to_string());
    log_levels(&options.level, "log.level")?;
    let mut log = Log::builder().levels(&list).map_err(|error| wrong(&error))?;
    for sink in options.sinks()? {
        log = log.sink(sink);
    }
    let log = log.redact(&options.redact).node(node, namespace).build();
    log.map_err(|error| wrong(&format!("option 'log.files': {error}")))
}

/// Changes which lines of the log that [`init`] started are wanted, from now on.
///
/// ```
/// assert!(ligand_core::log::set_levels("info,ORDER=debug").is_err(), "no log was started");
/// ```
///
/// # Errors
/// `BROKER_OPTIONS_ERROR` for a list that is none. `LOG_NOT_OURS` when the log is not that of a broker.
pub fn set_levels(list: &str) -> Result<()> {
    let levels = log_levels(&without_client_libraries(list), "log.level")?;
    match LOG.get() {
        Some(log) => {
            log.set_levels(levels);
            Ok(())
        }
        None => Err(Error::new(
            "The log of this process is not that of a broker: change its levels where the program sets it up.",
        )
        .with_kind("LOG_NOT_OURS")),
    }
}

/// Waits until the lines so far are written, for 5 s at most. A broker that was [run](crate::broker::BrokerBuilder::run)
/// does so at its end.
pub fn flush() {
    if let Some(log) = LOG.get() {
        log.flush();
    }
}

/// The NATS transporter says itself what happens to its connection; its library would say so again, as errors.
fn without_client_libraries(list: &str) -> Arc<str> {
    match list.contains("async_nats") {
        true => list.into(),
        false => format!("{list},async_nats=off").into(),
    }
}
