//! Throttle and debounce: listeners that do not follow every single event.

use std::sync::Arc;

use ligand_wire::Payload;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::{
    broker::Parts,
    context::Context,
    future::Work,
    service::{DynEvent, Event},
};

/// Leading edge: events within the period after the last handled one are dropped.
pub(super) fn throttle(event: &Arc<Event>, next: DynEvent) -> DynEvent {
    let Some(period) = event.throttle else { return next };
    let last = Mutex::new(None::<Instant>);
    Arc::new(move |ctx: &Context, payload: Payload| -> Work<()> {
        let now = Instant::now();
        let mut last = last.lock();
        if last.is_some_and(|last| now - last < period) {
            return Work::done(Ok(()));
        }
        *last = Some(now);
        drop(last);
        next.call(ctx, payload)
    })
}

/// What a debounced listener waits with.
#[derive(Default)]
struct Pending {
    latest: Option<(Context, Payload)>,
    due: Option<Instant>,
    /// A task watches the pause.
    watched: bool,
}

/// Trailing edge: each event restarts the pause; the last one is handled when it ends.
pub(super) fn debounce(parts: &Parts, event: &Arc<Event>, next: DynEvent) -> DynEvent {
    let Some(pause) = event.debounce else { return next };
    let broker = parts.broker.clone();
    let pending = Arc::new(Mutex::new(Pending::default()));
    Arc::new(move |ctx: &Context, payload: Payload| -> Work<()> {
        let Some(broker) = broker.upgrade() else { return Work::done(Ok(())) };
        let mut state = pending.lock();
        state.latest = Some((ctx.clone(), payload));
        state.due = Instant::now().checked_add(pause);
        if !std::mem::replace(&mut state.watched, true) {
            broker.tasks().spawn(handle_when_due(pending.clone(), next.clone()));
        }
        Work::done(Ok(()))
    })
}

/// One task for all events of a burst.
async fn handle_when_due(pending: Arc<Mutex<Pending>>, next: DynEvent) {
    let latest = loop {
        let due = {
            let mut state = pending.lock();
            match state.due {
                Some(due) if due > Instant::now() => due,
                _ => {
                    state.watched = false;
                    break state.latest.take();
                }
            }
        };
        tokio::time::sleep_until(due).await;
    };
    let Some((ctx, payload)) = latest else { return };
    let name = ctx.event().to_owned();
    let work = crate::future::isolate(async move { next.call(&ctx, payload).await });
    if let Err(error) = work.await {
        crate::broker::log_event_error(&name, &error);
    }
}
