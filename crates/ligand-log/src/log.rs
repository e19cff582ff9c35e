//! A log: levels, sinks, redaction.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use tracing_subscriber::{
    Layer as _, Registry, filter::Filtered, layer::SubscriberExt as _, registry::LookupSpan,
};

use crate::{
    layer::{Layer, Wanted},
    level::Level,
    levels::{Levels, WrongLevels},
    record::Record,
    redact::Redact,
    sink::{Opened, Sink},
    who::Who,
};

/// A log. Clones are the same one.
#[derive(Clone)]
pub struct Log(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) levels: ArcSwap<Levels>,
    sinks: Vec<Opened>,
    pub(crate) redact: Redact,
    /// Of lines that are written while nobody's handler runs.
    pub(crate) nobody: Who<'static>,
}

/// Describes a log; see the [crate](crate).
#[derive(Debug, Default)]
pub struct LogBuilder {
    levels: Levels,
    sinks: Vec<Sink>,
    redact: Redact,
    node: String,
    namespace: String,
}

/// Why a log cannot be made.
#[derive(Debug)]
pub struct WrongLog(std::io::Error);

impl fmt::Display for WrongLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the log file cannot be opened: {}", self.0)
    }
}

impl std::error::Error for WrongLog {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

/// How long a flush waits for disks.
const PATIENCE: Duration = Duration::from_secs(5);

/// The longest line that a thread keeps the memory of.
const USUAL: usize = 64 * 1024;

/// Whether the log of this process is one of these, which needs no spans to know who runs.
static INSTALLED: AtomicBool = AtomicBool::new(false);

impl Log {
    /// Starts to describe a log: level `info`, no sink.
    pub fn builder() -> LogBuilder {
        LogBuilder::default()
    }

    /// Makes it the log of the process. False when the program has a subscriber of `tracing` already; that one stays.
    pub fn install(&self) -> bool {
        let done = tracing::subscriber::set_global_default(self.subscriber()).is_ok();
        if done {
            INSTALLED.store(true, Ordering::Release);
            #[cfg(feature = "log")]
            {
                // Another bridge may be there already.
                let _ = tracing_log::LogTracer::init();
            }
        }
        done
    }

    /// Whether one of these is the log of the process.
    #[inline]
    pub fn is_installed() -> bool {
        INSTALLED.load(Ordering::Relaxed)
    }

    /// The layer, for a subscriber of one's own. What it leaves out, other layers still see.
    pub fn layer<S>(&self) -> Filtered<Layer, Wanted, S>
    where
        S: tracing::Subscriber + for<'a> LookupSpan<'a>,
    {
        Layer::new(self.clone()).with_filter(Wanted::new(self.clone()))
    }

    /// A subscriber that has nothing but this log.
    pub fn subscriber(&self) -> impl tracing::Subscriber + Send + Sync + 'static + use<> {
        Registry::default().with(self.layer())
    }

    /// Changes which lines are wanted, from now on.
    pub fn set_levels(&self, levels: Levels) {
        self.0.levels.store(Arc::new(levels));
        // What was left out at its place in the code may be wanted now.
        tracing::callsite::rebuild_interest_cache();
    }

    /// Waits until all lines so far are written, for 5 s at most.
    pub fn flush(&self) {
        let end = Instant::now() + PATIENCE;
        self.0.sinks.iter().for_each(|sink| sink.flush(end));
    }

    /// Lines that were dropped because a queue was full or a file could not be written.
    pub fn dropped(&self) -> u64 {
        self.0.sinks.iter().map(Opened::dropped).sum()
    }
}

impl Inner {
    pub(crate) fn write(&self, record: &Record<'_>) {
        std::thread_local! {
            static LINE: std::cell::RefCell<String> = const { std::cell::RefCell::new(String::new()) };
        }
        LINE.with(|line| match line.try_borrow_mut() {
            Ok(mut line) => {
                self.sinks.iter().for_each(|sink| sink.write(record, &mut line));
                line.clear();
                line.shrink_to(USUAL);
            }
            // A form of one's own that logs.
            Err(_) => self.sinks.iter().for_each(|sink| sink.write(record, &mut String::new())),
        });
    }
}

impl LogBuilder {
    /// Which lines are wanted; see [`Levels`].
    ///
    /// # Errors
    /// A word that is no level.
    pub fn levels(mut self, list: &str) -> Result<Self, WrongLevels> {
        self.levels = Levels::parse(list)?;
        Ok(self)
    }

    /// The same for everything. `None`: nothing.
    pub fn level(mut self, level: Option<Level>) -> Self {
        self.levels = Levels::all(level);
        self
    }

    /// Adds a place where lines go.
    pub fn sink(mut self, sink: Sink) -> Self {
        self.sinks.push(sink);
        self
    }

    /// Fields whose values are not written, beside [those that never are](crate::redact::ALWAYS).
    pub fn redact<S: AsRef<str>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.redact = self.redact.and(names);
        self
    }

    /// The node, for lines outside of all handlers and for names of files.
    pub fn node(mut self, id: &str, namespace: &str) -> Self {
        (self.node, self.namespace) = (id.to_owned(), namespace.to_owned());
        self
    }

    /// The log, with its files open.
    ///
    /// # Errors
    /// A file that cannot be opened.
    pub fn build(self) -> Result<Log, WrongLog> {
        let sinks = self.sinks.into_iter().map(|sink| sink.open(&self.node, &self.namespace));
        let sinks = sinks.collect::<Result<_, _>>().map_err(WrongLog)?;
        let known = |text: String| (!text.is_empty()).then(|| text.into());
        let nobody = Who { node: known(self.node), namespace: known(self.namespace), ..Who::default() };
        let levels = ArcSwap::from_pointee(self.levels);
        Ok(Log(Arc::new(Inner { levels, sinks, redact: self.redact, nobody })))
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("levels", &self.0.levels.load()).finish_non_exhaustive()
    }
}
