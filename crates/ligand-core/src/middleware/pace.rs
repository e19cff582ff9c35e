//! Throttle and debounce: listeners that do not follow every single event.

use std::{ops::ControlFlow, sync::Arc};

use ligand_wire::Payload;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::{
    broker::Parts,
    context::Context,
    future::Work,
    service::{DynEvent, EventDef},
};

/// Leading edge: events within the period after the last handled one are dropped.
pub(super) fn throttle(event: &Arc<EventDef>, next: DynEvent) -> DynEvent {
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

/// Trailing edge: each event restarts the pause; the last one is handled when it ends, or when the broker stops.
pub(super) fn debounce(parts: &Parts, event: &Arc<EventDef>, next: DynEvent) -> DynEvent {
    let Some(pause) = event.debounce else { return next };
    let broker = parts.broker.clone();
    let pending = Arc::new(Mutex::new(Pending::default()));
    Arc::new(move |ctx: &Context, payload: Payload| -> Work<()> {
        let Some(broker) = broker.upgrade() else { return Work::done(Ok(())) };
        let mut state = pending.lock();
        let last = state.latest.replace((ctx.clone(), payload));
        state.due = Instant::now().checked_add(pause);
        let watched = std::mem::replace(&mut state.watched, true);
        drop(state);
        drop(last);
        if !watched {
            let watch = Watch { pending: pending.clone(), ended: false };
            broker.tasks().spawn(handle_when_due(watch, broker.stopping(), next.clone()));
        }
        Work::done(Ok(()))
    })
}

/// Watches one burst. When its task is aborted, the event that waits is dropped: its context holds the listener,
/// and that holds what waits.
struct Watch {
    pending: Arc<Mutex<Pending>>,
    ended: bool,
}

impl Watch {
    /// When to look again; the watch has ended when what waits is due at `now`, or at any time without it.
    fn end(&mut self, now: Option<Instant>) -> ControlFlow<Option<(Context, Payload)>, Instant> {
        let mut state = self.pending.lock();
        if let (Some(due), Some(now)) = (state.due, now)
            && due > now
        {
            return ControlFlow::Continue(due);
        }
        self.ended = true;
        state.watched = false;
        ControlFlow::Break(state.latest.take())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !self.ended {
            drop(self.end(None));
        }
    }
}

/// One task for all events of a burst.
async fn handle_when_due(mut watch: Watch, stopping: impl Future<Output = ()>, next: DynEvent) {
    let mut stopping = std::pin::pin!(stopping);
    let mut now = Some(Instant::now());
    let latest = loop {
        let due = match watch.end(now) {
            ControlFlow::Continue(due) => due,
            ControlFlow::Break(latest) => break latest,
        };
        now = tokio::select! {
            () = tokio::time::sleep_until(due) => Some(Instant::now()),
            () = &mut stopping => None,
        };
    };
    let Some((ctx, payload)) = latest else { return };
    let own = ctx.clone();
    let work = crate::future::isolate(async move { next.call(&own, payload).await });
    if let Err(error) = work.await {
        ctx.broker().note_listener_error(&ctx, &error);
    }
}
