//! Counts calls and events. See [`crate::metrics`].

use std::sync::Arc;

use ligand_wire::Payload;

use crate::{
    broker::Parts,
    context::Context,
    future::Work,
    service::{DynAction, DynEvent, EventDef, layer},
};

/// Around an action; `place` is `local` or `remote`.
pub(super) fn action(parts: &Parts, place: &'static str, next: DynAction) -> DynAction {
    let Some(metrics) = parts.metrics.built_in.clone() else { return next };
    layer(move |ctx: &Context, params: Payload| -> Work<Payload> {
        let running = metrics.call(ctx, place);
        running.around(next.call(ctx, params))
    })
}

/// Around a listener.
pub(super) fn event(parts: &Parts, event: &Arc<EventDef>, next: DynEvent) -> DynEvent {
    let Some(metrics) = parts.metrics.built_in.clone() else { return next };
    let event = event.clone();
    Arc::new(move |ctx: &Context, payload: Payload| -> Work<()> {
        let running = metrics.event(ctx, event.group());
        running.around(next.call(ctx, payload))
    })
}
