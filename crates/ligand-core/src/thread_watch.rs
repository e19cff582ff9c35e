//! Handlers that hold a thread of the runtime for long, so that everything else on it waits.
//!
//! Every step of a handler is watched, so watching must cost next to nothing. Reading the clock twice costs a good part
//! of a local call; so a thread counts ticks and notes when each came, and a step compares two numbers. Only a step
//! that has seen a tick looks at the clock: it has taken at least the time since the first tick after its start.

use std::{
    cell::RefCell,
    collections::VecDeque,
    future::Future,
    num::NonZeroU64,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{self, Poll},
    time::{Duration, Instant},
};

use pin_project_lite::pin_project;

use crate::context::Context;
use ligand_net::LogLimit;

/// Lines in ten seconds.
const LINES: u32 = 10;

/// So many ticks in the time that is too long.
const TICKS: u32 = 4;

/// With a longer limit a tick says too little about the time.
const PRECISE: Duration = Duration::from_millis(200);

/// So many ticks are remembered.
const NOTED: usize = 64;

/// So many long steps of a thread are remembered; calls nest deeper seldom.
const REMEMBERED: usize = 16;

/// Watches the handlers of one broker.
pub(crate) struct ThreadWatch {
    ticks: Arc<Ticks>,
    /// Zero: nothing is watched.
    limit: Duration,
    lines: LogLimit,
}

struct Ticks {
    born: Instant,
    count: AtomicU64,
    /// When the last ones came, in nanoseconds since `born`.
    times: [AtomicU64; NOTED],
}

impl Ticks {
    fn age(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn time(&self, tick: u64) -> &AtomicU64 {
        let noted = usize::try_from(tick % NOTED as u64).unwrap_or(0);
        &self.times[noted]
    }

    fn tick(&self) {
        let next = self.count.load(Ordering::Relaxed) + 1;
        self.time(next).store(self.age(), Ordering::Release);
        self.count.store(next, Ordering::Release);
    }

    /// The least time that has gone by since tick `start` was the last one.
    fn since(&self, start: u64) -> Duration {
        let oldest = self.count.load(Ordering::Acquire).saturating_sub(NOTED as u64 / 2);
        let first = self.time((start + 1).max(oldest)).load(Ordering::Acquire);
        Duration::from_nanos(self.age().saturating_sub(first))
    }
}

thread_local! {
    /// The last long steps of this thread: the tick when each began, and the time that was its own. The steps around
    /// them took as long, and are not to blame.
    static LONG: RefCell<VecDeque<(u64, Duration)>> = const { RefCell::new(VecDeque::new()) };
}

impl ThreadWatch {
    /// `limit`: how long a step may take; zero = any time.
    pub(crate) fn new(limit: Duration) -> Self {
        let ticks = Ticks {
            born: Instant::now(),
            count: AtomicU64::new(0),
            times: std::array::from_fn(|_| AtomicU64::new(0)),
        };
        Self { ticks: Arc::new(ticks), limit, lines: LogLimit::new(LINES) }
    }

    /// Starts to count. The thread ends soon after the broker.
    pub(crate) fn start(&self, stopped: impl Fn() -> bool + Send + 'static) {
        if self.limit.is_zero() {
            return;
        }
        let (ticks, pause) = (Arc::downgrade(&self.ticks), self.limit / TICKS);
        let count = move || {
            while let Some(ticks) = ticks.upgrade()
                && !stopped()
            {
                ticks.tick();
                drop(ticks);
                std::thread::park_timeout(pause);
            }
        };
        if let Err(error) = std::thread::Builder::new().name("ligand-ticks".into()).spawn(count) {
            tracing::warn!(%error, "handlers that hold a thread are not named: there is no thread to watch them");
        }
    }

    /// The number of this tick; `None` while nothing ticks, or too seldom to tell the time.
    pub(crate) fn tick(&self) -> Option<NonZeroU64> {
        if self.limit > PRECISE {
            return None;
        }
        NonZeroU64::new(self.now())
    }

    pub(crate) fn now(&self) -> u64 {
        self.ticks.count.load(Ordering::Relaxed)
    }

    /// A step that began at `start` has ended.
    #[inline]
    pub(crate) fn ended(&self, start: u64, ctx: &Context) {
        if self.now() != start {
            self.ticked(start, ctx);
        }
    }

    /// The same for a step whose context is not made unless it is asked for.
    #[inline]
    pub(crate) fn ended_in(&self, start: u64, ctx: impl FnOnce() -> Context) {
        if self.now() != start {
            self.ticked(start, &ctx());
        }
    }

    #[cold]
    fn ticked(&self, start: u64, ctx: &Context) {
        // What takes long on the way to another node is not its handler.
        if ctx.endpoint().is_some_and(|endpoint| endpoint.node().is_some()) {
            return;
        }
        let took = self.ticks.since(start);
        let held = LONG.with_borrow_mut(|long| {
            let inner: Duration = long.iter().filter(|(began, _)| *began >= start).map(|(_, own)| *own).sum();
            let own = took.saturating_sub(inner);
            long.truncate(REMEMBERED - 1);
            long.push_front((start, own));
            own
        });
        if held < self.limit {
            return;
        }
        let Some(hidden) = self.lines.pass() else { return };
        let held = Duration::from_millis(u64::try_from(held.as_millis()).unwrap_or(u64::MAX));
        let (what, mark) = describe(ctx);
        tracing::warn!(
            action = ctx.action(),
            event = ctx.event_name(),
            service = ctx.service_full_name(),
            request_id = %ctx.request_id(),
            ?held,
            hidden,
            "{what} held its thread, and whatever else runs there had to wait; make it `{mark}` without `async`, or \
             give the long part to `tokio::task::spawn_blocking`"
        );
        crate::log::unheard(format_args!(
            "WARN {what} held its thread for about {held:?}, and whatever else runs there had to wait; make it `{mark}` \
             without `async`, or give the long part to `tokio::task::spawn_blocking`"
        ));
    }
}

/// The handler, and the attribute that helps.
fn describe(ctx: &Context) -> (String, &'static str) {
    let service = ctx.service_full_name();
    match (ctx.action(), ctx.event_name()) {
        ("", "") => (format!("background work of service '{service}'"), "#[every(.., blocking)]"),
        ("", event) => {
            (format!("the listener of '{event}' in service '{service}'"), "#[event(.., blocking)]")
        }
        (action, _) => (format!("action '{action}'"), "#[action(blocking)]"),
    }
}

pin_project! {
    /// Work of a handler outside of a call, step by step.
    pub(crate) struct Watched<F> {
        #[pin]
        work: F,
        ctx: Context,
    }
}

pub(crate) fn watch<F: Future>(ctx: Context, work: F) -> Watched<F> {
    Watched { work, ctx }
}

impl<F: Future> Future for Watched<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let thread_watch = this.ctx.broker().thread_watch();
        let start = thread_watch.now();
        let poll = this.work.poll(cx);
        thread_watch.ended(start, this.ctx);
        poll
    }
}
