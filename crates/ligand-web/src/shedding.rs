//! Requests that are refused because too many run: of a route, or of the gateway when it becomes slow.

use std::{sync::Arc, time::Duration};

use ligand_core::{Error, Result};
use parking_lot::Mutex;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use crate::error;

/// At most so many requests at once.
#[derive(Clone, Debug)]
pub(crate) struct Concurrency(Arc<Semaphore>);

impl Concurrency {
    pub(crate) fn new(most: usize) -> Self {
        Self(Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS))))
    }

    /// A place, kept until the request has its answer.
    ///
    /// # Errors
    /// 503 when there is none.
    pub(crate) fn enter(&self) -> Result<OwnedSemaphorePermit> {
        self.0
            .clone()
            .try_acquire_owned()
            .map_err(|_| error::service_unavailable("TOO_MANY_REQUESTS_AT_ONCE"))
    }
}

/// How many requests run at once without making each other slow; found out from how long they take. More get 503 with
/// `Retry-After`. See [`GatewayBuilder::shedding`](crate::GatewayBuilder::shedding).
///
/// The bound grows by one for as many fast answers as it is, and shrinks by a tenth when an answer took longer than the
/// target, at most once in that time.
///
/// ```
/// use std::time::Duration;
/// use ligand_web::{Gateway, Shedding};
/// let gateway = Gateway::builder().shedding(Shedding::new(Duration::from_millis(500)).bounds(20, 2000)).build();
/// # let _ = gateway;
/// ```
#[derive(Clone, Debug)]
pub struct Shedding {
    target: Duration,
    least: usize,
    most: usize,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    running: usize,
    bound: f64,
    shrunk: Option<Instant>,
}

impl Shedding {
    /// Answers should take no longer than `target`. Between 10 and 10 000 requests run at once; it begins at 100.
    pub fn new(target: Duration) -> Self {
        let state = State { running: 0, bound: 100.0, shrunk: None };
        Self { target, least: 10, most: 10_000, state: Arc::new(Mutex::new(state)) }
    }

    /// So many requests always run, and never more than so many.
    pub fn bounds(mut self, least: usize, most: usize) -> Self {
        self.least = least.max(1);
        self.most = most.max(self.least);
        let mut state = self.state.lock();
        state.bound = state.bound.clamp(self.least as f64, self.most as f64);
        drop(state);
        self
    }

    /// How many requests may run at once now.
    pub fn bound(&self) -> usize {
        self.state.lock().bound as usize
    }

    pub(crate) fn enter(&self) -> Result<Shed<'_>, Error> {
        let mut state = self.state.lock();
        if state.running >= state.bound as usize {
            return Err(error::service_unavailable("OVERLOADED"));
        }
        state.running += 1;
        Ok(Shed { shedding: self, begun: Instant::now() })
    }
}

/// A request that runs.
pub(crate) struct Shed<'a> {
    shedding: &'a Shedding,
    begun: Instant,
}

impl Drop for Shed<'_> {
    fn drop(&mut self) {
        let Shedding { target, least, most, state } = self.shedding;
        let mut state = state.lock();
        // Only who uses the bound can say whether it is too wide.
        let used = state.running as f64 * 2.0 >= state.bound;
        state.running -= 1;
        let now = Instant::now();
        if now - self.begun > *target {
            if state.shrunk.is_none_or(|shrunk| now - shrunk >= *target) {
                state.shrunk = Some(now);
                state.bound = (state.bound * 0.9).max(*least as f64);
            }
        } else if used {
            state.bound = (state.bound + 1.0 / state.bound).min(*most as f64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_bound_follows_how_long_answers_take() {
        let shedding = Shedding::new(Duration::from_secs(1)).bounds(10, 200);
        for _ in 0..50 {
            let running: Vec<_> = std::iter::from_fn(|| shedding.enter().ok()).collect();
            assert_eq!(running.len(), shedding.bound());
            tokio::time::advance(Duration::from_secs(2)).await;
        }
        assert_eq!(shedding.bound(), 10);
        let refused = std::iter::repeat_with(|| shedding.enter()).take(11).collect::<Vec<_>>();
        let error = refused.last().unwrap().as_ref().err().unwrap();
        assert_eq!((error.code(), error.kind()), (503, "OVERLOADED"));
        drop(refused);
        for _ in 0..500 {
            drop(std::iter::from_fn(|| shedding.enter().ok()).collect::<Vec<_>>());
        }
        assert_eq!(shedding.bound(), 200);
    }
}
