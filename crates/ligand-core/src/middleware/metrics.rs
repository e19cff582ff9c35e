//! Counts calls and events. See [`crate::metrics`].

use std::sync::Arc;

use ligand_wire::Payload;

use crate::{
    broker::Parts,
    context::Context,
    future::Work,
    service::{DynAction, DynEvent, layer},
};

/// Around an action of this node or another.
pub(super) fn action(parts: &Parts, is_local: bool, next: DynAction) -> DynAction {
    let Some(metrics) = parts.metrics.built_in.clone() else { return next };
    layer(move |ctx: &Context, params: Payload| -> Work<Payload> {
        let running = metrics.call(ctx, is_local);
        running.around(next.call(ctx, params))
    })
}

/// Around a listener.
pub(super) fn event(parts: &Parts, next: DynEvent) -> DynEvent {
    let Some(metrics) = parts.metrics.built_in.clone() else { return next };
    Arc::new(move |ctx: &Context, payload: Payload| -> Work<()> {
        let running = metrics.event(ctx);
        running.around(next.call(ctx, payload))
    })
}
