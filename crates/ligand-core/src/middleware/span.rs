//! Spans: one `tracing` span for each action and listener, when `tracing` is on in the options.

use std::sync::Arc;

use ligand_wire::{Payload, Result};
use tracing::Instrument as _;

use crate::{
    broker::Parts,
    context::Context,
    future::BoxFuture,
    service::{Action, DynAction, DynEvent, Event},
};

pub(super) fn action(parts: &Parts, action: &Arc<Action>, next: DynAction) -> DynAction {
    if !parts.options.tracing {
        return next;
    }
    let name: Arc<str> = action.full_name().into();
    Arc::new(move |ctx: &Context, params: Payload| -> BoxFuture<Result<Payload>> {
        let span = tracing::info_span!("action", action = &*name, request_id = %ctx.request_id(), level = ctx.level());
        ctx.set_span(span.clone());
        Box::pin(next.call(ctx, params).instrument(span))
    })
}

pub(super) fn event(parts: &Parts, event: &Arc<Event>, next: DynEvent) -> DynEvent {
    if !parts.options.tracing {
        return next;
    }
    let _ = event;
    Arc::new(move |ctx: &Context, payload: Payload| -> BoxFuture<Result<()>> {
        let span = tracing::info_span!("event", event = ctx.event(), request_id = %ctx.request_id());
        ctx.set_span(span.clone());
        Box::pin(next.call(ctx, payload).instrument(span))
    })
}
