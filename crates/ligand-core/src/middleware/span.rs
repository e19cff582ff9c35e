//! Spans: one `tracing` span for each action and listener, when `tracing` is on in the options.

use std::sync::Arc;

use ligand_wire::Payload;
use tracing::Instrument as _;

use crate::{
    broker::Parts,
    context::Context,
    future::Work,
    service::{Action, DynAction, DynEvent},
};

pub(super) fn action(parts: &Parts, action: &Arc<Action>, next: DynAction) -> DynAction {
    if !parts.options.tracing {
        return next;
    }
    let name: Arc<str> = action.full_name().into();
    Arc::new(move |ctx: &Context, params: Payload| -> Work<Payload> {
        let span = tracing::info_span!("action", action = &*name, request_id = %ctx.request_id(), level = ctx.level());
        ctx.set_span(span.clone());
        // A synchronous handler runs right here.
        let work = span.in_scope(|| next.call(ctx, params));
        Work::new(work.instrument(span))
    })
}

pub(super) fn event(parts: &Parts, next: DynEvent) -> DynEvent {
    if !parts.options.tracing {
        return next;
    }
    Arc::new(move |ctx: &Context, payload: Payload| -> Work<()> {
        let span = tracing::info_span!("event", event = ctx.event_name(), request_id = %ctx.request_id());
        ctx.set_span(span.clone());
        let work = span.in_scope(|| next.call(ctx, payload));
        Work::new(work.instrument(span))
    })
}
