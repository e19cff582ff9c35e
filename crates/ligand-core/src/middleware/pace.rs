//! Throttle and debounce: listeners that do not follow every single event.

use std::sync::Arc;

use ligand_wire::{Payload, Result};
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::{
    broker::Parts,
    context::Context,
    future::{BoxFuture, ready},
    service::{DynEvent, Event},
};

/// Leading edge: events within the period after the last handled one are dropped.
pub(super) fn throttle(event: &Arc<Event>, next: DynEvent) -> DynEvent {
    let Some(period) = event.throttle else { return next };
    let last = Mutex::new(None::<Instant>);
    Arc::new(move |ctx: &Context, payload: Payload| -> BoxFuture<Result<()>> {
        let now = Instant::now();
        let mut last = last.lock();
        if last.is_some_and(|last| now - last < period) {
            return ready(Ok(()));
        }
        *last = Some(now);
        drop(last);
        next.call(ctx, payload)
    })
}

/// Trailing edge: each event restarts the pause; the last one is handled when it ends.
pub(super) fn debounce(parts: &Parts, event: &Arc<Event>, next: DynEvent) -> DynEvent {
    let Some(pause) = event.debounce else { return next };
    let broker = parts.broker.clone();
    let turn = Arc::new(Mutex::new(0u64));
    Arc::new(move |ctx: &Context, payload: Payload| -> BoxFuture<Result<()>> {
        let mine = {
            let mut turn = turn.lock();
            *turn += 1;
            *turn
        };
        let (turn, next, ctx) = (turn.clone(), next.clone(), ctx.clone());
        if let Some(broker) = broker.upgrade() {
            broker.tasks().spawn(async move {
                tokio::time::sleep(pause).await;
                if *turn.lock() != mine {
                    return;
                }
                let name = ctx.event().to_owned();
                if let Err(error) = next.call(&ctx, payload).await {
                    crate::broker::log_event_error(&name, &error);
                }
            });
        }
        ready(Ok(()))
    })
}
