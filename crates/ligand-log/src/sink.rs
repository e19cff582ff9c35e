//! Where lines go.

mod file;
mod queue;

use std::{
    fmt,
    io::{IsTerminal as _, Write},
    path::PathBuf,
    sync::Arc,
    time::Instant,
};

use jiff::Timestamp;

use self::{
    file::Files,
    queue::{Notice, Queue},
};
use crate::{
    format::{Format, Style},
    level::Level,
    levels::Levels,
    record::Record,
    who::Who,
};

/// Where lines go: a form, levels of its own by choice, and a console, file or writer.
///
/// Consoles are written to at once, under a lock. Everything else is written by a thread of its own: whoever logs never
/// waits for a disk. Its queue holds 16 384 lines; what does not fit is dropped and counted
/// ([`Log::dropped`](crate::Log::dropped)), and said in the file as soon as there is room.
pub struct Sink {
    format: Format,
    style: Style,
    levels: Option<Levels>,
    target: Target,
}

enum Target {
    Stdout,
    Stderr,
    File(Files),
    Writer(Box<dyn Write + Send>),
}

/// How large files become and how many are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// A file that would become larger than this is put away; `None`: no limit. Default: 100 MiB.
    pub max_bytes: Option<u64>,
    /// So many files that were put away, or are of other days, are kept; 0 = all. Default: 14.
    pub keep: usize,
}

impl Default for Rotation {
    fn default() -> Self {
        Self { max_bytes: Some(100 << 20), keep: 14 }
    }
}

impl Sink {
    fn new(target: Target, colors: bool) -> Self {
        let style = Style { colors, ..Style::default() };
        Self { format: Format::default(), style, levels: None, target }
    }

    /// Standard output. Colours on a terminal.
    pub fn stdout() -> Self {
        Self::new(Target::Stdout, std::io::stdout().is_terminal())
    }

    /// Standard error. Colours on a terminal.
    pub fn stderr() -> Self {
        Self::new(Target::Stderr, std::io::stderr().is_terminal())
    }

    /// Files of a folder, which is made when it is missing. In the name, `{date}` becomes the day (UTC), `{nodeID}` and
    /// `{namespace}` those of the log. Every day has a file of its own where the name has `{date}`.
    pub fn file(folder: impl Into<PathBuf>, name: impl Into<String>) -> Self {
        Self::new(Target::File(Files::new(folder.into(), name.into())), false)
    }

    /// Anything else; a thread of its own writes to it.
    pub fn writer(writer: impl Write + Send + 'static) -> Self {
        Self::new(Target::Writer(Box::new(writer)), false)
    }

    /// The form of lines. Default: [`Format::Full`].
    pub fn format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    /// Colours, whatever the console is.
    pub fn colors(mut self, colors: bool) -> Self {
        self.style.colors = colors;
        self
    }

    /// A colour for each module, where there are colours. Default: false.
    pub fn module_colors(mut self, colors: bool) -> Self {
        self.style.module_colors = colors;
        self
    }

    /// Names of modules are filled up to the longest so far. Default: false.
    pub fn padding(mut self, padding: bool) -> Self {
        self.style.padding = padding;
        self
    }

    /// Which lines of those that the log wants; it cannot have more.
    pub fn levels(mut self, levels: Levels) -> Self {
        self.levels = Some(levels);
        self
    }

    /// Only lines that are at least so important.
    pub fn at_least(self, level: Level) -> Self {
        self.levels(Levels::all(Some(level)))
    }

    /// How large files become and how many are kept. Nothing for other sinks.
    pub fn rotation(mut self, rotation: Rotation) -> Self {
        if let Target::File(files) = &mut self.target {
            files.rotation = rotation;
        }
        self
    }

    /// The line of this form that says how many were dropped.
    fn notice(&self) -> Notice {
        let (format, style) = (self.format.clone(), self.style);
        Box::new(move |lost| {
            let record = Record {
                time: Timestamp::now(),
                level: Level::Warn,
                module: "ligand_log",
                message: "lines of the log were dropped: its queue was full, or the file could not be written",
                fields: &[("dropped".to_owned(), lost.into())],
                who: &Who::default(),
            };
            let mut line = String::new();
            format.write(&record, style, &mut line);
            line
        })
    }

    /// Opens what has to be opened.
    pub(crate) fn open(self, node: &str, namespace: &str) -> std::io::Result<Opened> {
        let notice = self.notice();
        let out = match self.target {
            Target::Stdout => Out::Stdout,
            Target::Stderr => Out::Stderr,
            Target::File(mut files) => {
                files.open(node, namespace)?;
                Out::Queue(Queue::start(Box::new(files), notice)?)
            }
            Target::Writer(writer) => Out::Queue(Queue::start(writer, notice)?),
        };
        Ok(Opened { format: self.format, style: self.style, levels: self.levels, out })
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = match &self.target {
            Target::Stdout => "stdout",
            Target::Stderr => "stderr",
            Target::File(_) => "file",
            Target::Writer(_) => "writer",
        };
        f.debug_struct("Sink").field("target", &target).field("format", &self.format).finish_non_exhaustive()
    }
}

/// A sink that is written to.
pub(crate) struct Opened {
    format: Format,
    style: Style,
    levels: Option<Levels>,
    out: Out,
}

enum Out {
    Stdout,
    Stderr,
    Queue(Arc<Queue>),
}

impl Opened {
    pub(crate) fn write(&self, record: &Record<'_>, line: &mut String) {
        if let Some(levels) = &self.levels
            && !levels.wants(record.level, record.module, record.who.service.as_deref())
        {
            return;
        }
        line.clear();
        self.format.write(record, self.style, line);
        // A console that is closed is no reason to fail.
        match &self.out {
            Out::Stdout => drop(std::io::stdout().lock().write_all(line.as_bytes())),
            Out::Stderr => drop(std::io::stderr().lock().write_all(line.as_bytes())),
            Out::Queue(queue) => queue.put(line),
        }
    }

    pub(crate) fn flush(&self, end: Instant) {
        match &self.out {
            Out::Stdout => drop(std::io::stdout().lock().flush()),
            Out::Stderr => {}
            Out::Queue(queue) => queue.flush(end),
        }
    }

    pub(crate) fn dropped(&self) -> u64 {
        match &self.out {
            Out::Queue(queue) => queue.dropped(),
            _ => 0,
        }
    }
}
