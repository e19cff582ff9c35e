//! Spans: one `tracing` span for each handler, so that its lines in the log carry the id of the request. A log of ours
//! needs none: [where a thread is](crate::log::place) is noted for it.
//!
//! With `tracing` in the options a span is a part of the trace that packets tell of, too, and remote calls have one.
//! Without a subscriber there is none, and asking for it costs one load.

use std::sync::Arc;

use ligand_wire::Payload;
use tracing::{Instrument as _, Span};

use crate::{
    broker::Parts,
    context::Context,
    future::Work,
    log::{
        HANDLER,
        place::{Around, Place, Placed, are_noted, scoped},
    },
    service::{ActionDef, DynAction, DynEvent, layer},
};

// The level of the spans is that of errors: a filter that lets a line through lets its span through.

pub(super) fn action(parts: &Parts, action: &Arc<ActionDef>, next: DynAction) -> DynAction {
    if !parts.options.tracing && !parts.options.log.context {
        return next;
    }
    spanning(parts, action, next)
}

/// Nothing writes lines around a remote call but the trace.
pub(super) fn remote(parts: &Parts, action: &Arc<ActionDef>, next: DynAction) -> DynAction {
    if !parts.options.tracing {
        return next;
    }
    spanning(parts, action, next)
}

fn spanning(parts: &Parts, action: &Arc<ActionDef>, next: DynAction) -> DynAction {
    let (name, node): (Arc<str>, _) = (action.full_name().into(), parts.node_id.clone());
    let traced = parts.options.tracing;
    layer(move |ctx: &Context, params: Payload| -> Work<Payload> {
        if !traced && are_noted() {
            return placed(ctx, || next.call(ctx, params));
        }
        let span = tracing::error_span!(
            target: HANDLER, "action", action = &*name, request_id = %ctx.request_id(), node = &*node, level = ctx.level()
        );
        within(ctx, span, traced, || next.call(ctx, params))
    })
}

pub(super) fn event(parts: &Parts, next: DynEvent) -> DynEvent {
    if !parts.options.tracing && !parts.options.log.context {
        return next;
    }
    let (node, traced) = (parts.node_id.clone(), parts.options.tracing);
    Arc::new(move |ctx: &Context, payload: Payload| -> Work<()> {
        if !traced && are_noted() {
            return placed(ctx, || next.call(ctx, payload));
        }
        // A sender that waits may run it in its own place, which is no part of it.
        let span = tracing::error_span!(
            target: HANDLER, parent: None, "event", event = ctx.event_name(), service = ctx.service_full_name(),
            request_id = %ctx.request_id(), node = &*node
        );
        within(ctx, span, traced, || next.call(ctx, payload))
    })
}

/// Around work that nobody called: a job, or a handler of the life cycle.
pub(crate) fn background(parts: &Parts, ctx: &Context, work: &str) -> Around {
    let (traced, noted) = (parts.options.tracing, parts.options.log.context);
    let place = (noted && are_noted()).then(|| Place::In { ctx: ctx.clone(), work: Some(work.into()) });
    if !traced && (!noted || place.is_some()) {
        return Around { place, span: Span::none() };
    }
    let span = tracing::error_span!(
        target: HANDLER, "background", work, service = ctx.service_full_name(), request_id = %ctx.request_id(),
        node = &*parts.node_id
    );
    if parts.options.tracing {
        ctx.set_span(span.clone());
    }
    Around { place, span }
}

fn placed<T: Unpin + Send + 'static>(ctx: &Context, work: impl FnOnce() -> Work<T>) -> Work<T> {
    let mut place = Some(Place::of(ctx));
    match scoped(&mut place, work) {
        work if work.is_done() => work,
        work => Work::new(Placed { place, work }),
    }
}

fn within<T: Unpin + Send + 'static>(
    ctx: &Context,
    span: Span,
    traced: bool,
    work: impl FnOnce() -> Work<T>,
) -> Work<T> {
    if span.is_disabled() && !traced {
        return work();
    }
    if traced {
        ctx.set_span(span.clone());
    }
    let mut place = are_noted().then(|| Place::of(ctx));
    // What needs no wait is done right here.
    match scoped(&mut place, || span.in_scope(work)) {
        work if work.is_done() => work,
        work => Work::new(Placed { place, work: work.instrument(span) }),
    }
}
