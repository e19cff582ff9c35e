//! What is logged, how, and where it goes.

use std::path::PathBuf;

use ligand_log::{Sink, format::Format, levels::Levels, sink::Rotation};
use ligand_wire::Error;
use serde::{Deserialize, Deserializer, de};

use super::names::names;
use crate::edge::Size;

/// What is logged and how. See [`crate::log`].
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogOptions {
    /// `trace`, `debug`, `info`, `warn`, `error`, `fatal`, `off`; or a list with services and modules:
    /// `info,ORDER=debug,v1.*=warn,sqlx=off`; see [`Levels`]. Default: `info`.
    pub level: String,
    /// Form of a line on the console: `full`, `short`, `simple`, `json`, `jsonext`, or a text with `{msg}`; see [`Format`].
    /// Default: `full`.
    #[serde(deserialize_with = "format")]
    pub format: Format,
    /// Where the console's lines go. Default: `stdout`.
    pub console: Console,
    /// Colours. Default: `auto`, only on a terminal.
    pub color: Color,
    /// A colour for each module, where there are colours. Default: false.
    pub module_colors: bool,
    /// Names of modules are filled up to the longest so far. Default: false.
    pub padding: bool,
    /// Fields whose values are not written, beside those that [never are](ligand_log::redact::ALWAYS). Default: none.
    pub redact: Vec<String>,
    /// Files, beside the console. Default: none.
    pub files: Vec<LogFileOptions>,
    /// Lines that handlers write carry the node, the service, the action, event or job, and the request id. For a
    /// subscriber of one's own each handler runs in a `tracing` span of level `error`. Default: true.
    pub context: bool,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self {
            level: "info".into(),
            format: Format::Full,
            console: Console::Stdout,
            color: Color::Auto,
            module_colors: false,
            padding: false,
            redact: Vec::new(),
            files: Vec::new(),
            context: true,
        }
    }
}

/// A log file, or one for each day.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogFileOptions {
    /// The folder; it is made when it is missing. Default: `logs`.
    pub folder: PathBuf,
    /// The name: `{date}` becomes the day (UTC), `{nodeID}` and `{namespace}` those of the node.
    /// Default: `ligand-{date}.log`.
    pub filename: String,
    /// As [`LogOptions::level`], of the lines that it lets through. Default: all of them.
    pub level: Option<String>,
    /// Form of a line. Default: `json`.
    #[serde(deserialize_with = "format")]
    pub format: Format,
    /// A file that would become larger is put away under a name with a number: `"100mb"`; `"0"` = no limit.
    /// Default: `100mb`.
    pub max_size: String,
    /// So many files that were put away, or are of other days, are kept; 0 = all. Default: 14.
    pub keep: usize,
}

impl Default for LogFileOptions {
    fn default() -> Self {
        Self {
            folder: "logs".into(),
            filename: "ligand-{date}.log".into(),
            level: None,
            format: Format::Json,
            max_size: "100mb".into(),
            keep: 14,
        }
    }
}

/// Where the console's lines go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Console {
    /// Standard output.
    #[default]
    Stdout,
    /// Standard error.
    Stderr,
    /// Nowhere.
    Off,
}

names!(Console, "stdout" => Stdout, "stderr" => Stderr, "off" => Off);

/// Colours in log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Color {
    /// Only on a terminal.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

names!(Color, "auto" => Auto, "always" => Always, "never" => Never);

fn format<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Format, D::Error> {
    let name = String::deserialize(deserializer)?;
    Format::named(&name).ok_or_else(|| {
        de::Error::custom("expected one of full, short, simple, json, jsonext, or a text with {msg}")
    })
}

impl LogOptions {
    /// # Errors
    /// `BROKER_OPTIONS_ERROR` for a level or size that is none.
    pub(crate) fn check(&self) -> Result<(), Error> {
        levels(&self.level, "log.level")?;
        for file in &self.files {
            file.level.as_deref().map(|list| levels(list, "log.files.level")).transpose()?;
            file.max_bytes()?;
        }
        Ok(())
    }

    /// The places where lines go.
    pub(crate) fn sinks(&self) -> Result<Vec<Sink>, Error> {
        let console = match self.console {
            Console::Stdout => Some(Sink::stdout()),
            Console::Stderr => Some(Sink::stderr()),
            Console::Off => None,
        };
        let mut sinks = Vec::new();
        if let Some(mut console) = console {
            console =
                console.format(self.format.clone()).module_colors(self.module_colors).padding(self.padding);
            sinks.push(match self.color {
                Color::Auto => console,
                Color::Always => console.colors(true),
                Color::Never => console.colors(false),
            });
        }
        for file in &self.files {
            let rotation = Rotation { max_bytes: file.max_bytes()?, keep: file.keep };
            let mut sink = Sink::file(&file.folder, &*file.filename)
                .format(file.format.clone())
                .padding(self.padding)
                .rotation(rotation);
            if let Some(list) = &file.level {
                sink = sink.levels(levels(list, "log.files.level")?);
            }
            sinks.push(sink);
        }
        Ok(sinks)
    }
}

impl LogFileOptions {
    fn max_bytes(&self) -> Result<Option<u64>, Error> {
        let bytes = Size::from(&*self.max_size)
            .bytes()
            .map_err(|problem| Error::broker_options(format!("option 'log.files.max_size': {problem}")))?;
        Ok((bytes > 0).then(|| u64::try_from(bytes).unwrap_or(u64::MAX)))
    }
}

/// A list of levels.
///
/// # Errors
/// `BROKER_OPTIONS_ERROR` for what is none.
pub(crate) fn levels(list: &str, option: &str) -> Result<Levels, Error> {
    Levels::parse(list).map_err(|wrong| Error::broker_options(format!("option '{option}': {wrong}")))
}
