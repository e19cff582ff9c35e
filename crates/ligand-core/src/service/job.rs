//! Jobs: background work of a service that repeats.

use std::{fmt, future::Future, sync::Arc, time::Duration};

use ligand_wire::{Error, Result, error::Failure};

use crate::{
    blocking,
    context::Context,
    future::{Work, guarded, isolate},
};

/// What happens when a run is due while the one before still works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overlap {
    /// The run is left out.
    #[default]
    Skip,
    /// It begins when the other has ended. One run waits at most, further ones are left out.
    Queue,
    /// It begins all the same. 64 runs work at once at most, further ones are left out.
    Run,
}

type JobHandler = Arc<dyn Fn(&Context, RunGuard) -> Work<()> + Send + Sync>;

/// Kept by a run for as long as it works. What blocks its thread works on when nobody waits for it any more.
pub(crate) type RunGuard = tokio::sync::oneshot::Sender<()>;

/// Describes background work of a service that repeats. `#[every("1m")]` writes it for you.
///
/// It begins when the broker has started and the service takes calls, and ends with them: no run begins while either
/// stops, and the stop waits for the one that works. Each run gets a context of its own with a new request id. Errors and
/// panics are logged and counted
/// ([`ServiceBroker::background_errors`](crate::broker::ServiceBroker::background_errors)), and the next run comes all
/// the same. `$node.services` shows what each job did.
///
/// ```
/// use std::time::Duration;
/// use ligand_core::{Context, Error, ServiceDef, service::Job};
///
/// let cleanup = Job::every("cleanup", Duration::from_secs(60), |ctx: Context| async move {
///     ctx.call_named("sessions.expire", serde_json::json!({})).await.map(drop)
/// });
/// let service = ServiceDef::new("sessions").job(cleanup.start_now().timeout(Duration::from_secs(30)));
/// ```
#[derive(Clone)]
pub struct Job(JobDef);

/// What a [`Job`] says.
#[derive(Clone)]
pub struct JobDef {
    pub(crate) name: Arc<str>,
    pub(crate) period: Duration,
    pub(crate) first: Option<Duration>,
    pub(crate) overlap: Overlap,
    pub(crate) jitter: Duration,
    pub(crate) timeout: Option<Duration>,
    pub(crate) doc: &'static str,
    handler: JobHandler,
}

impl Job {
    /// Work that repeats in this period, at least 1 ms; the first run comes after one period. `name` is for logs and
    /// `$node.services`.
    pub fn every<E, F, Fut>(name: impl Into<Arc<str>>, period: Duration, handler: F) -> Self
    where
        E: Failure,
        F: Fn(Context) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
    {
        Self::new(name.into(), period, move |ctx, _| match guarded(|| handler(ctx.clone())) {
            Ok(work) => Work::new(isolate(async move { work.await.map_err(Into::into) })),
            Err(panic) => Work::done(Err(panic)),
        })
    }

    /// As [`Job::every`] for work that blocks its thread: it runs where blocking actions run.
    pub fn blocking<E, F>(name: impl Into<Arc<str>>, period: Duration, handler: F) -> Self
    where
        E: Failure,
        F: Fn(&Context) -> Result<(), E> + Send + Sync + 'static,
    {
        let handler = Arc::new(handler);
        Self::new(name.into(), period, move |ctx, guard| {
            let handler = handler.clone();
            blocking::run(ctx, move |ctx| {
                let result = handler(ctx).map_err(Into::into);
                drop(guard);
                result
            })
        })
    }

    fn new(
        name: Arc<str>,
        period: Duration,
        handler: impl Fn(&Context, RunGuard) -> Work<()> + Send + Sync + 'static,
    ) -> Self {
        Self(JobDef {
            name,
            period,
            first: None,
            overlap: Overlap::default(),
            jitter: Duration::ZERO,
            timeout: None,
            doc: "",
            handler: Arc::new(handler),
        })
    }

    /// The first run comes at once instead of after one period.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Context, Error, ServiceBroker, ServiceDef, service::Job};
    /// # use std::time::Duration;
    /// # use tokio::sync::mpsc;
    /// let (ran, mut runs) = mpsc::unbounded_channel();
    /// let job = Job::every("warm", Duration::from_secs(3600), move |_: Context| {
    ///     let sent = ran.send(());
    ///     async move { sent.map_err(Error::from) }
    /// });
    /// let broker = ServiceBroker::builder().service(ServiceDef::new("cache").job(job.start_now())).start().await?;
    /// assert_eq!(runs.recv().await, Some(()));
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn start_now(self) -> Self {
        self.start_after(Duration::ZERO)
    }

    /// The first run comes after this time instead of one period.
    pub fn start_after(mut self, pause: Duration) -> Self {
        self.0.first = Some(pause);
        self
    }

    /// What happens when a run is due while the one before still works. Default: it is left out.
    ///
    /// ```
    /// # use ligand_core::{Context, service::{Job, Overlap}};
    /// # use std::time::Duration;
    /// let report = Job::every("report", Duration::from_secs(60), |_: Context| async { Ok::<_, ligand_core::Error>(()) })
    ///     .start_after(Duration::from_secs(5))
    ///     .jitter(Duration::from_secs(1));
    /// assert_eq!((report.def().name(), report.def().period()), ("report", Duration::from_secs(60)));
    /// ```
    pub fn overlap(mut self, overlap: Overlap) -> Self {
        self.0.overlap = overlap;
        self
    }

    /// Each run comes later by a random time up to this one, so that the nodes of a cluster do not work at the same
    /// moment. Shorter than the period. Default: none.
    pub fn jitter(mut self, most: Duration) -> Self {
        self.0.jitter = most;
        self
    }

    /// The longest time of one run; then it is dropped, and counts as failed. Zero = no limit, the default. One that blocks
    /// its thread cannot be dropped: it counts as failed, and as working until it ends.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.0.timeout = Some(limit).filter(|limit| !limit.is_zero());
        self
    }

    /// What the job does; the doc comment of the method.
    pub fn doc(mut self, doc: &'static str) -> Self {
        self.0.doc = doc;
        self
    }

    /// What it says so far.
    pub fn def(&self) -> &JobDef {
        &self.0
    }
}

impl From<Job> for JobDef {
    fn from(job: Job) -> Self {
        job.0
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Job").field(&self.0.name).finish()
    }
}

impl JobDef {
    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The period.
    pub fn period(&self) -> Duration {
        self.period
    }

    /// The doc comment.
    pub fn doc(&self) -> &'static str {
        self.doc
    }

    pub(crate) fn run(&self, ctx: &Context, guard: RunGuard) -> Work<()> {
        guarded(|| (self.handler)(ctx, guard)).unwrap_or_else(|panic| Work::done(Err(panic)))
    }

    /// What keeps the job from ever running as it says.
    pub(crate) fn check(&self, service: &str) -> Result<()> {
        let name = self.name.escape_debug();
        if self.name.trim().is_empty() || self.name.chars().any(char::is_control) {
            let text = format!("a job of service '{service}' needs a printable name; '{name}' is none");
            return Err(Error::service_schema(text));
        }
        if self.period < Duration::from_millis(1) {
            return Err(Error::service_schema(format!(
                "job '{name}' of service '{service}' repeats every {:?}; the shortest period is 1ms",
                self.period
            )));
        }
        if self.jitter >= self.period {
            return Err(Error::service_schema(format!(
                "the jitter of job '{name}' of service '{service}' is {:?}; it must be shorter than its period, {:?}",
                self.jitter, self.period
            )));
        }
        Ok(())
    }
}

impl fmt::Debug for JobDef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobDef")
            .field("name", &self.name)
            .field("period", &self.period)
            .finish_non_exhaustive()
    }
}
