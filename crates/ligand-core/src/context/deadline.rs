//! Until when a context has time, and whether it is late.

use std::{
    num::NonZeroU64,
    sync::{OnceLock, atomic::Ordering},
    time::Duration,
};

use ligand_wire::Result;
use tokio::time::Instant;

use super::Context;

/// The time a call may take. The clock starts when the call first waits or calls further: a call that ends at
/// once never asks for the time.
#[derive(Default)]
pub(crate) struct Limit {
    timeout: Option<Duration>,
    /// The caller's own end, which this one can only shorten.
    outer: Option<Instant>,
    deadline: OnceLock<Option<Instant>>,
}

impl Limit {
    pub(crate) fn new(timeout: Option<Duration>, outer: Option<Instant>) -> Self {
        Self { timeout: timeout.filter(|timeout| !timeout.is_zero()), outer, deadline: OnceLock::new() }
    }

    fn none(&self) -> bool {
        self.timeout.is_none() && self.outer.is_none()
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        if self.none() {
            return None;
        }
        *self.deadline.get_or_init(|| {
            // A limit beyond what the clock can count is none.
            let own = self.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
            match (own, self.outer) {
                (Some(own), Some(outer)) => Some(own.min(outer)),
                (own, outer) => own.or(outer),
            }
        })
    }
}

impl Context {
    /// When the caller stops waiting. Calls made from here get at most the time that is left.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Action, Context, Error, ServiceBroker, ServiceDef};
    ///
    /// # use std::time::Duration;
    /// let left = Action::new("left", |ctx: Context, (): ()| async move { Ok::<_, Error>(ctx.deadline().is_some()) });
    /// let broker = ServiceBroker::builder().service(ServiceDef::new("s").action(left)).start().await?;
    /// assert!(broker.call_named("s.left", ()).timeout(Duration::from_secs(5)).await?.take::<bool>()?);
    /// assert!(!broker.call_named("s.left", ()).timeout(Duration::ZERO).await?.take::<bool>()?);
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn deadline(&self) -> Option<Instant> {
        self.0.limit.deadline()
    }

    /// There is a deadline; asking for it would start the clock.
    pub(crate) fn is_limited(&self) -> bool {
        !self.0.limit.none()
    }

    /// Fails when the call that runs here is already too late to call further.
    ///
    /// A handler that makes call after call without a wait reads the clock once in each tick, not at each call.
    pub(crate) fn check_time(&self, action: &str) -> Result<()> {
        let Some(end) = self.deadline() else { return Ok(()) };
        let tick = self.broker().thread_watch().tick();
        if tick.is_some_and(|tick| self.0.in_time.load(Ordering::Relaxed) == tick.get()) {
            return Ok(());
        }
        if end <= Instant::now() {
            return Err(ligand_wire::Error::request_skipped(action, self.broker().node_id()));
        }
        self.0.in_time.store(tick.map_or(0, NonZeroU64::get), Ordering::Relaxed);
        Ok(())
    }

    /// The handler goes on after a wait: how long that was only the clock knows.
    pub(crate) fn waited(&self) {
        self.0.in_time.store(0, Ordering::Relaxed);
    }
}
