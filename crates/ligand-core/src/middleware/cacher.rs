//! The cacher layer: answers from the cache, and lets concurrent misses of one key run the handler once.

use std::sync::Arc;

use ligand_wire::{Payload, Result};

use crate::{
    broker::Parts,
    cache::{Cache, CacheRule, Lookup},
    context::Context,
    future::Work,
    service::{Action, DynAction},
};

pub(super) fn wrap(parts: &Parts, action: &Arc<Action>, next: DynAction) -> DynAction {
    let (Some(rule), Some(cache)) = (action.cache.clone(), parts.cache.clone()) else { return next };
    let name: Arc<str> = action.full_name().into();
    let rule = Arc::new(rule);
    Arc::new(move |ctx: &Context, params: Payload| -> Work<Payload> {
        if ctx.inner().no_cache || !rule.applies(ctx) || ctx.meta::<bool>("$cache") == Some(false) {
            return next.call(ctx, params);
        }
        let Some(key) = rule.key(&name, &params, ctx, cache.max_params_length()) else {
            return next.call(ctx, params);
        };
        let lookup = cache.lookup(&key);
        if let Lookup::Ready(Some(found)) = lookup {
            ctx.mark_cached();
            return Work::done(Ok(found));
        }
        Work::new(miss(cache.clone(), rule.clone(), next.clone(), ctx.clone(), params, key, lookup))
    })
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
        ctx.mark_cached();
        return Ok(found);
    }
    // One caller of a key at a time: the first runs the handler, the others find its result.
    let mut turn = cache.turn(&key).await;
    if let Some(found) = cache.lookup(&key).wait().await {
        ctx.mark_cached();
        return Ok(found);
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
        && !removed()
    {
        cache.store(key.clone(), found.clone(), rule.ttl()).await;
        stored = !removed();
        if !stored {
            cache.forget(key).await;
        }
    }
    turn.ended(stored);
    result
}
