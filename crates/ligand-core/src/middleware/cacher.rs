//! The cacher layer: answers from the cache, and lets concurrent misses of one key run the handler once.

use std::sync::Arc;

use ligand_wire::{Payload, Result};
use tracing::level_filters::LevelFilter;

use crate::{
    broker::Parts,
    cache::{Cache, CacheRule, Lookup, NO_CACHE, Room, kept},
    context::Context,
    future::Work,
    log::place::are_noted,
    service::{ActionDef, DynAction, Passes, Seen, layer},
    stream::Streaming,
};

pub(super) fn wrap(parts: &Parts, action: &Arc<ActionDef>, next: DynAction) -> DynAction {
    let (Some(rule), Some(cache)) = (action.cache.clone(), parts.cache.clone()) else { return next };
    let (action, rule) = (action.clone(), Arc::new(rule));
    layer(move |ctx: &Context, params: Payload| -> Work<Payload> {
        let off = ctx.inner().no_cache || matches!(ctx.meta::<bool>(NO_CACHE), Ok(Some(false)));
        // No key says what is in a stream.
        if off || !rule.applies(ctx) || ctx.has_stream() {
            return next.call(ctx, params);
        }
        // The key is made of what the handler gets. What it would refuse is not cached: a hook may still change it.
        let params = match action.decoded(params) {
            Ok(params) => params,
            Err(params) => return next.call(ctx, params),
        };
        let Some(key) = rule.key(action.full_name(), &params, ctx, cache.max_params_length()) else {
            return next.call(ctx, params);
        };
        let lookup = cache.lookup(&key);
        if let Lookup::Ready(Some(found)) = lookup {
            return Work::done(Ok(hit(ctx, found)));
        }
        Work::new(miss(cache.clone(), rule.clone(), next.clone(), ctx.clone(), params, key, lookup))
    })
}

/// Finds what is in the cache of an action without context and layers, where nothing else is asked.
#[derive(Clone)]
pub(crate) struct Hits {
    cache: Cache,
    rule: Arc<CacheRule>,
    action: Arc<str>,
    seen: Seen,
    /// Tells parameters that the checks leave as they are.
    passes: Option<Passes>,
    /// A span of the log stands around it, when there is a log.
    spans: bool,
}

impl Hits {
    /// For the cacher of an action with nothing but checks and spans around it. `None`: its keys depend on the context.
    pub(super) fn new(parts: &Parts, action: &ActionDef) -> Option<Self> {
        let rule = action.cache.as_ref().filter(|rule| rule.asks_parameters_only())?;
        let passes = action.passes.filter(|_| parts.options.validator);
        Some(Self {
            cache: parts.cache.clone()?,
            rule: Arc::new(rule.clone()),
            action: action.full_name.clone(),
            seen: action.seen?,
            passes,
            spans: parts.options.log.context,
        })
    }

    /// The answer for these parameters. `None`: it is not there, or only the layers can tell.
    pub(crate) fn find(&self, params: &Payload) -> Option<Payload> {
        if self.spans && !are_noted() && LevelFilter::current() != LevelFilter::OFF {
            return None;
        }
        let seen = (self.seen)(params).filter(|_| self.passes.is_none_or(|passes| passes(params)))?;
        let found = Room::with(|key| {
            let max = self.cache.max_params_length();
            self.rule.write_key(key, &self.action, seen, None, max)?;
            self.cache.peek(key)
        });
        // Nobody asked what the action says about its answer.
        found.map(|found| kept::unpack(found).0)
    }
}

/// An entry as the answer: with what the action said about the answer at the edge when it was made.
fn hit(ctx: &Context, found: Payload) -> Payload {
    ctx.mark_cached();
    let (value, directives) = kept::unpack(found);
    if !directives.is_empty() {
        ctx.inner().carried.lock().set_directives(directives);
    }
    value
}

async fn miss(
    cache: Cache,
    rule: Arc<CacheRule>,
    next: DynAction,
    ctx: Context,
    params: Payload,
    key: String,
    first: Lookup,
) -> Result<Payload> {
    if let Some(found) = first.wait().await {
        return Ok(hit(&ctx, found));
    }
    // One caller of a key at a time: the first runs the handler, the others find its result.
    let mut turn = cache.turn(&key).await;
    if let Some(found) = cache.lookup(&key).wait().await {
        return Ok(hit(&ctx, found));
    }
    turn.start();
    let before = turn.removals();
    let mut result = next.call(&ctx, params).await;
    if let Ok(found) = &mut result {
        found.share();
    }
    // What was read before a clean must not be written after it, nor stay when both happen at once.
    let removed = || turn.removals() != before;
    let mut stored = false;
    if let Ok(found) = &result
        && !is_stream(&ctx, found)
        && !sets_cookies(&ctx)
        && !removed()
    {
        let entry = kept::pack(found.clone(), ctx.inner().carried.lock().directives());
        cache.store(key.clone(), entry, rule.ttl()).await;
        stored = !removed();
        if !stored {
            cache.forget(key).await;
        }
    }
    turn.ended(stored);
    result
}

/// The cookies of one client are not for the next one.
fn sets_cookies(ctx: &Context) -> bool {
    let personal = kept::is_personal(ctx.inner().carried.lock().directives());
    if personal {
        tracing::warn!(
            action = ctx.action(),
            "an answer that sets cookies is not cached; write `cache = false`"
        );
    }
    personal
}

/// A stream can be read once. The type of an action tells, and the start refuses it; a handler without a type tells
/// only now.
fn is_stream(ctx: &Context, result: &Payload) -> bool {
    let is_stream = result.peek::<Streaming>().is_some();
    if is_stream {
        tracing::warn!(action = ctx.action(), "a stream is not cached; write `cache = false`");
    }
    is_stream
}
