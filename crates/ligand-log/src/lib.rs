//! Log lines: what `tracing` events become, and where they go.
//!
//! | module | what it has |
//! |---|---|
//! | [`level`], [`levels`] | how important a line is, and which lines are wanted, by module and by service |
//! | [`who`] | in whose place a line is written: node, service, action, request |
//! | [`record`] | one line before it has a form |
//! | [`mod@format`] | its form: full, short, simple, JSON, a template, or your own |
//! | [`redact`] | fields whose values are never written |
//! | [`sink`] | where it goes: consoles, files by date and size, your own |
//! | [`layer`] | the layer of `tracing-subscriber` that does all that |
//!
//! ```
//! use ligand_log::{Log, Sink, format::Format, level::Level};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let folder = folder.path();
//! let log = Log::builder()
//!     .levels("info,order=debug,sqlx=warn")?
//!     .sink(Sink::stdout().format(Format::Short))
//!     .sink(Sink::file(folder, "combined-{date}.log").format(Format::Json))
//!     .sink(Sink::file(folder, "error.log").format(Format::Json).at_least(Level::Error))
//!     .build()?;
//! tracing::subscriber::with_default(log.subscriber(), || {
//!     tracing::error!(order = 7, "the card was refused");
//! });
//! log.flush();
//! assert!(std::fs::read_to_string(folder.join("error.log"))?.contains("the card was refused"));
//! # Ok(()) }
//! ```

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod format;
pub mod layer;
pub mod level;
pub mod levels;
mod log;
pub mod record;
pub mod redact;
pub mod sink;
pub mod who;

pub use self::{
    log::{Log, LogBuilder, WrongLog},
    sink::Sink,
};
