//! Calls that do not take the way through the layers, because nothing on it is for them.

use ligand_wire::{Payload, Result};

use super::{
    call::{Outgoing, Target, check, describe},
    running::Running,
};
use crate::{
    cache::NO_CACHE,
    context::Context,
    future::{BoxFuture, guarded},
    log::place::{Place, scoped},
    service::Typed,
};

/// What a call has come to that met no layer.
pub(super) enum Straight<R> {
    Done(Result<R>),
    Running(Running<BoxFuture<Result<R>>>),
}

/// What came of the start of a handler.
enum Begun<R> {
    Done(Result<R>),
    /// Its work, and the context that it has seen.
    Works(BoxFuture<Result<R>>, Option<Context>),
}

/// Starts a call that needs nothing but the handler, of the handler's own types. `None`: there is more to do, and
/// nothing was taken.
#[inline]
pub(super) fn straight<R: 'static>(call: &mut Outgoing) -> Option<Straight<R>> {
    if call.options.is_some() {
        return None;
    }
    let parent = call.parent.as_ref();
    let endpoint = call.target.plain(parent)?;
    let fast_path = endpoint.fast_path()?;
    let handler = fast_path.handler::<R>()?;
    if let Err(error) = check(endpoint, &call.action, parent) {
        return Some(Straight::Done(Err(error)));
    }
    let params = std::mem::take(&mut call.params);
    let context = || describe(endpoint.clone(), parent, None).build();
    let checked = |params: Payload| if fast_path.passes(&params) { Ok(params) } else { Err(params) };
    let watch = endpoint.broker().thread_watch();
    let start = watch.now();
    let noted = fast_path.is_noted();
    let tried = match handler {
        Typed::Now(handler) => {
            let mut place = noted.then(|| Place::at(endpoint, parent));
            let tried = scoped(&mut place, || guarded(|| handler(checked(params)?)));
            watch.ended_in(start, context);
            tried.map(|tried| tried.map(Begun::Done))
        }
        Typed::NowIn(handler) => {
            let ctx = context();
            let mut place = noted.then(|| Place::of(&ctx));
            let tried = scoped(&mut place, || guarded(|| handler(&ctx, checked(params)?)));
            watch.ended(start, &ctx);
            if let Some(parent) = parent {
                parent.merge_meta(&ctx);
            }
            tried.map(|tried| tried.map(Begun::Done))
        }
        Typed::Later(handler) => {
            // All its lines have one request id, wherever it waits: that of its context.
            let ctx = noted.then(context);
            let mut place = ctx.as_ref().map(Place::of);
            let tried = scoped(&mut place, || guarded(|| handler(checked(params)?)));
            watch.ended_in(start, context);
            tried.map(|tried| tried.map(|work| Begun::Works(work, ctx)))
        }
        Typed::LaterIn(handler) => {
            let ctx = context();
            let mut place = noted.then(|| Place::of(&ctx));
            let tried = scoped(&mut place, || guarded(|| handler(&ctx, checked(params)?)));
            watch.ended(start, &ctx);
            tried.map(|tried| tried.map(|work| Begun::Works(work, Some(ctx))))
        }
    };
    match tried {
        Ok(Ok(Begun::Done(result))) => Some(Straight::Done(result)),
        Ok(Ok(Begun::Works(work, ctx))) => {
            let parent = call.parent.take();
            let running = match (ctx, std::mem::replace(&mut call.target, Target::Taken)) {
                (Some(ctx), _) => Running::within(ctx, parent, work).noted(noted),
                (None, Target::Found(endpoint)) => Running::without_context(endpoint, parent, work),
                (None, _) => unreachable!("the endpoint was found above"),
            };
            Some(Straight::Running(running))
        }
        // For the layers to say what is wrong, or to convert.
        Ok(Err(params)) => {
            call.params = params;
            None
        }
        Err(panic) => Some(Straight::Done(Err(panic))),
    }
}

/// The answer of a call from the cache, when it is there and nothing stands before the cache. `None`: there is more to
/// do, and nothing was taken.
#[inline]
pub(super) fn hit(call: &Outgoing) -> Option<Result<Payload>> {
    if call.options.is_some() {
        return None;
    }
    let parent = call.parent.as_ref();
    let endpoint = call.target.plain(parent)?;
    let hits = endpoint.hits()?;
    if let Err(error) = check(endpoint, &call.action, parent) {
        return Some(Err(error));
    }
    if parent.is_some_and(|parent| parent.down().meta().get(NO_CACHE).is_some()) {
        return None;
    }
    let watch = endpoint.broker().thread_watch();
    let start = watch.now();
    let found = guarded(|| hits.find(&call.params));
    watch.ended_in(start, || describe(endpoint.clone(), parent, None).build());
    match found {
        Ok(found) => found.map(Ok),
        Err(panic) => Some(Err(panic)),
    }
}
