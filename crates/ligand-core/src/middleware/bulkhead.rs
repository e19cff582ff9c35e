//! Bulkhead: at most so many calls of an action at once, at most so many waiting, first come first served.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use ligand_wire::{Error, Payload};
use serde_json::json;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

use crate::{
    broker::Parts,
    context::Context,
    future::Work,
    service::{ActionDef, DynAction, DynEvent, EventDef, layer},
};

pub(crate) struct Bulkhead {
    running: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    max_waiting: usize,
}

/// Gives a waiting place back, also when the waiting call is cancelled.
struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Bulkhead {
    /// `max_queue_size`: 0 = no limit.
    pub(crate) fn new(concurrency: usize, max_queue_size: usize) -> Self {
        Self {
            running: Arc::new(Semaphore::new(concurrency.min(Semaphore::MAX_PERMITS))),
            waiting: Arc::default(),
            max_waiting: if max_queue_size == 0 { usize::MAX } else { max_queue_size },
        }
    }

    /// Stands in line now and waits for its turn later; `None`: nobody may wait any more. The semaphore hands out
    /// permits in order of arrival.
    pub(crate) fn enter(
        &self,
    ) -> Option<impl Future<Output = Result<OwnedSemaphorePermit, AcquireError>> + Send + use<>> {
        let (now, later) = match self.running.clone().try_acquire_owned() {
            Ok(permit) => (Some(permit), None),
            Err(_) => {
                let reserve = |waiting: usize| (waiting < self.max_waiting).then_some(waiting + 1);
                self.waiting.fetch_update(Ordering::AcqRel, Ordering::Acquire, reserve).ok()?;
                (None, Some((Place(self.waiting.clone()), self.running.clone())))
            }
        };
        Some(async move {
            match (now, later) {
                (_, Some((place, running))) => {
                    let permit = running.acquire_owned().await;
                    drop(place);
                    permit
                }
                (Some(permit), None) => Ok(permit),
                (None, None) => unreachable!("one of them is there"),
            }
        })
    }

    /// Runs `work` when it is its turn; `full` says that nobody may wait any more.
    fn run<T: Send + Unpin + 'static>(
        &self,
        full: impl FnOnce() -> Error,
        work: impl FnOnce() -> Work<T> + Send + 'static,
    ) -> Work<T> {
        let Some(turn) = self.enter() else { return Work::done(Err(full())) };
        Work::new(async move {
            let permit = turn.await?;
            let result = work().await;
            drop(permit);
            result
        })
    }
}

pub(super) fn action(parts: &Parts, action: &Arc<ActionDef>, next: DynAction) -> DynAction {
    let policy = parts.bulkhead(action);
    if !policy.enabled {
        return next;
    }
    let bulkhead = Bulkhead::new(policy.concurrency, policy.max_queue_size);
    let (name, node): (Arc<str>, _) = (action.full_name().into(), parts.node_id.clone());
    layer(move |ctx: &Context, params: Payload| -> Work<Payload> {
        let (next, ctx) = (next.clone(), ctx.clone());
        bulkhead.run(|| Error::queue_is_full(&name, &node), move || next.call(&ctx, params))
    })
}

pub(super) fn event(parts: &Parts, event: &Arc<EventDef>, next: DynEvent) -> DynEvent {
    let Some(options) = &event.bulkhead else { return next };
    let policy = options.over(&parts.options.bulkhead);
    if !policy.enabled {
        return next;
    }
    let bulkhead = Bulkhead::new(policy.concurrency, policy.max_queue_size);
    Arc::new(move |ctx: &Context, payload: Payload| -> Work<()> {
        let (next, own) = (next.clone(), ctx.clone());
        let full = || {
            let service = ctx.service_name().map(|name| &**name);
            let data = json!({ "event": ctx.event_name(), "service": service, "nodeID": ctx.node_id() });
            Error::queue_is_full(ctx.event_name(), ctx.broker().node_id()).with_data(data)
        };
        bulkhead.run(full, move || next.call(&own, payload))
    })
}
