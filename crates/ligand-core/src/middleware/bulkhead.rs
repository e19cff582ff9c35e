//! Bulkhead: at most so many calls of an action at once, at most so many waiting, first come first served.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use ligand_wire::{Error, Payload};
use serde_json::json;
use tokio::sync::Semaphore;

use crate::{
    broker::Parts,
    config::BulkheadPolicy,
    context::Context,
    future::Work,
    service::{Action, DynAction, DynEvent, Event},
};

struct Bulkhead {
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
    fn new(policy: &BulkheadPolicy) -> Arc<Self> {
        Arc::new(Self {
            running: Arc::new(Semaphore::new(policy.concurrency.min(Semaphore::MAX_PERMITS))),
            waiting: Arc::default(),
            max_waiting: if policy.max_queue_size == 0 { usize::MAX } else { policy.max_queue_size },
        })
    }

    /// Runs `work` when it is its turn; `full` says that nobody may wait any more. The semaphore hands out permits in
    /// order of arrival.
    fn run<T: Send + Unpin + 'static>(
        &self,
        full: impl FnOnce() -> Error,
        work: impl FnOnce() -> Work<T> + Send + 'static,
    ) -> Work<T> {
        if let Ok(permit) = self.running.clone().try_acquire_owned() {
            return Work::new(async move {
                let result = work().await;
                drop(permit);
                result
            });
        }
        let reserve = |waiting: usize| (waiting < self.max_waiting).then_some(waiting + 1);
        if self.waiting.fetch_update(Ordering::AcqRel, Ordering::Acquire, reserve).is_err() {
            return Work::done(Err(full()));
        }
        let place = Place(self.waiting.clone());
        let running = self.running.clone();
        Work::new(async move {
            let permit = running.acquire_owned().await?;
            drop(place);
            let result = work().await;
            drop(permit);
            result
        })
    }
}

pub(super) fn action(parts: &Parts, action: &Arc<Action>, next: DynAction) -> DynAction {
    let policy = parts.bulkhead(action);
    if !policy.enabled {
        return next;
    }
    let bulkhead = Bulkhead::new(&policy);
    let (name, node): (Arc<str>, _) = (action.full_name().into(), parts.node_id.clone());
    Arc::new(move |ctx: &Context, params: Payload| -> Work<Payload> {
        let (next, ctx) = (next.clone(), ctx.clone());
        bulkhead.run(|| Error::queue_is_full(&name, &node), move || next.call(&ctx, params))
    })
}

pub(super) fn event(parts: &Parts, event: &Arc<Event>, next: DynEvent) -> DynEvent {
    let Some(options) = &event.bulkhead else { return next };
    let policy = options.over(&parts.options.bulkhead);
    if !policy.enabled {
        return next;
    }
    let bulkhead = Bulkhead::new(&policy);
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
