//! The order of all layers, in one place.
//!
//! | # | step | active when | why here |
//! |---|---|---|---|
//! | 1 | `fallback` | the action or the call names one | covers every failure below, also "not available" |
//! | 2 | `retry` | policy on, or the call says `retries` | each try picks the endpoint anew |
//! | 3 | `timeout` | a limit is set | each try has its own |
//! | 4 | `span` | tracing on; for log lines alone it is always there and not listed | |
//! | 4a | `metrics` | metrics on | sees what the breaker refuses and what the cache answers |
//! | 5 | `circuit_breaker` | policy on | sees time-outs too |
//! | 6 | `validator` | the parameters have a schema | decodes and checks; keys are made of what the handler gets |
//! | 7 | `cacher` | the action has `cache` and the broker a cacher | hits skip everything below |
//! | 8 | `bulkhead` | policy on | waiting counts into the time limit |
//! | 9 | `hooks` | the action or service has some | see typed, checked parameters |
//! | 10 | your middlewares | they wrap | last registered first |
//! | 11 | `handler` | always | panics become errors of the caller |
//!
//! Steps 1 to 3 belong to the call and stand around the choice of the endpoint; the others belong to the
//! endpoint and are composed once. Actions of other nodes: 1 to 5, your middlewares, `transit`. Listeners: `throttle`,
//! `debounce`, `span`, `bulkhead`, `validator`, your middlewares, `handler`.

use std::{
    fmt,
    sync::{Arc, atomic::AtomicBool},
};

use ligand_wire::{Payload, Result, schema::Schema};

use super::{bulkhead, cacher, cacher::Hits, circuit_breaker, hooks, metrics, pace, span};
use crate::{
    broker::Parts,
    context::Context,
    future::Work,
    registry::{Endpoint, Node},
    service::{
        ActionDef, DynAction, DynEvent, EventDef, FastPath, Validator, check_dynamic, check_texts, layer,
    },
    sharded::CachePadded,
};

/// One step of a pipeline, as [`crate::broker::ServiceBroker::pipeline`] lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Name of the layer.
    pub name: String,
    /// What makes it active.
    pub detail: String,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.detail.as_str() {
            "" => f.write_str(&self.name),
            detail => write!(f, "{} ({detail})", self.name),
        }
    }
}

/// The layers of an endpoint.
pub(crate) struct Layers {
    pub(crate) chain: DynAction,
    /// Which of the broker's middlewares take part, in order of registration.
    pub(crate) wrapped: Vec<usize>,
    /// For calls that meet none of the layers.
    pub(crate) fast_path: Option<FastPath>,
    /// For calls whose answer is in the cache.
    pub(crate) hits: Option<Hits>,
}

/// Composes the layers of an endpoint, from the handler outwards.
pub(crate) fn action(
    parts: &Parts,
    action: &Arc<ActionDef>,
    available: &Arc<CachePadded<AtomicBool>>,
) -> Layers {
    let mut next = action.handler.clone();
    let mut wrapped = Vec::new();
    for (index, middleware) in parts.middlewares.iter().enumerate() {
        let before = next.clone();
        next = middleware.local_action(action, next);
        if !Arc::ptr_eq(&before, &next) {
            wrapped.push(index);
        }
    }
    next = hooks::wrap(action, next);
    next = bulkhead::action(parts, action, next);
    let bare = Arc::ptr_eq(&next, &action.handler);
    let inner = next.clone();
    next = cacher::wrap(parts, action, next);
    let cached = !Arc::ptr_eq(&inner, &next);
    // Spans of the log and the checks of a type can be left out where they would do nothing.
    let by_type = !parts.options.validator || action.validator.is_some() || action.params.is_none();
    let by_type = by_type && action.conversion.is_none() && !parts.options.tracing;
    let by_type = by_type && parts.metrics.built_in.is_none();
    next = validate_action(parts, action, next);
    next = convert(action, next);
    let inner = next.clone();
    next = circuit_breaker::wrap(parts, action, &parts.node_id, available, next);
    let fast = by_type && Arc::ptr_eq(&inner, &next);
    let passes = action.passes.filter(|_| parts.options.validator);
    let fast_path = action.fast_path.as_ref().filter(|_| fast && bare && !cached);
    let fast_path = fast_path.map(|path| path.within(passes, parts.options.log.context));
    next = metrics::action(parts, true, next);
    let hits = if fast && cached { Hits::new(parts, action) } else { None };
    Layers { chain: span::action(parts, action, next), wrapped, fast_path, hits }
}

/// Composes the layers around an action of another node.
pub(crate) fn remote(
    parts: &Parts,
    action: &Arc<ActionDef>,
    node: &Node,
    available: &Arc<CachePadded<AtomicBool>>,
) -> Layers {
    let mut next = action.handler.clone();
    let mut wrapped = Vec::new();
    for (index, middleware) in parts.middlewares.iter().enumerate() {
        let before = next.clone();
        next = middleware.remote_action(action, next);
        if !Arc::ptr_eq(&before, &next) {
            wrapped.push(index);
        }
    }
    next = circuit_breaker::wrap(parts, action, node.id(), available, next);
    next = metrics::action(parts, false, next);
    Layers { chain: span::remote(parts, action, next), wrapped, fast_path: None, hits: None }
}

/// Composes the layers of a listener, from the handler outwards.
pub(crate) fn event(parts: &Parts, event: &Arc<EventDef>) -> DynEvent {
    let mut next = event.handler.clone();
    for middleware in &parts.middlewares {
        next = middleware.local_event(event, next);
    }
    next = validate_event(parts, event, next);
    next = bulkhead::event(parts, event, next);
    next = metrics::event(parts, next);
    next = span::event(parts, next);
    next = pace::debounce(parts, event, next);
    pace::throttle(event, next)
}

/// What is active for an action, outermost first.
pub(crate) fn steps(parts: &Parts, endpoint: &Endpoint) -> Vec<Step> {
    let action = endpoint.action();
    let mut steps = Vec::new();
    let mut step = |name: &str, detail: String| steps.push(Step { name: name.into(), detail });
    if action.fallback.is_some() {
        step("fallback", "the action's".into());
    }
    let retry = parts.retry(action);
    if retry.enabled && retry.retries > 0 {
        step("retry", format!("{} times, from {:?} to {:?}", retry.retries, retry.delay, retry.max_delay));
    }
    if let Some(limit) = parts.timeout(action) {
        step("timeout", format!("{limit:?}"));
    }
    if parts.options.tracing {
        step("span", String::new());
    }
    if parts.metrics.built_in.is_some() {
        step("metrics", String::new());
    }
    let breaker = parts.circuit_breaker(action);
    if breaker.enabled {
        step(
            "circuit_breaker",
            format!("from {} calls, {} failed", breaker.min_request_count, breaker.threshold),
        );
    }
    let yours = |step: &mut dyn FnMut(&str, String)| {
        for index in endpoint.wrapped().iter().rev() {
            step(parts.middlewares[*index].name(), "yours".into());
        }
    };
    if let Some(node) = endpoint.node() {
        yours(&mut step);
        step("transit", format!("to {}", node.id()));
        return steps;
    }
    if parts.options.validator && (action.validator.is_some() || action.params.is_some()) {
        step("validator", String::new());
    }
    if let (Some(rule), Some(_)) = (&action.cache, &parts.cache) {
        step("cacher", rule.to_string());
    }
    let bulkhead = parts.bulkhead(action);
    if bulkhead.enabled {
        step("bulkhead", format!("{} at once, {} waiting", bulkhead.concurrency, bulkhead.max_queue_size));
    }
    if !action.hooks.is_empty() {
        let (before, after, error) =
            (action.hooks.before.len(), action.hooks.after.len(), action.hooks.error.len());
        step("hooks", format!("{before} before, {after} after, {error} error"));
    }
    yours(&mut step);
    step("handler", String::new());
    steps
}

/// A part of the validator: the handler's own type of parameters, for callers through a contract.
fn convert(action: &ActionDef, next: DynAction) -> DynAction {
    let Some(conversion) = action.conversion else { return next };
    layer(move |ctx: &Context, params: Payload| -> Work<Payload> { next.call(ctx, conversion(params)) })
}

/// Checks are synchronous: no future of their own.
fn validate_action(parts: &Parts, action: &Arc<ActionDef>, next: DynAction) -> DynAction {
    let schema = action.params.clone();
    match (parts.options.validator, action.validator, schema) {
        (true, Some(check), schema) => checking(next, schema, check),
        (true, None, Some(schema)) => {
            let own = schema.clone();
            checking(next, Some(schema), move |params| check_dynamic(&own, &params).map(|()| params))
        }
        _ => next,
    }
}

fn checking(
    next: DynAction,
    schema: Option<Schema>,
    check: impl Fn(Payload) -> Result<Payload> + Send + Sync + 'static,
) -> DynAction {
    layer(move |ctx: &Context, params: Payload| -> Work<Payload> {
        let checked = match &schema {
            Some(schema) if ctx.is_foreign() => check_texts(schema, &params, &check),
            _ => check(params),
        };
        match checked {
            Ok(params) => next.call(ctx, params),
            Err(error) => Work::done(Err(blame(error, "action", ctx.action(), ctx.node_id()))),
        }
    })
}

fn validate_event(parts: &Parts, event: &Arc<EventDef>, next: DynEvent) -> DynEvent {
    let check: Option<Validator> = event.validator.filter(|_| parts.options.validator);
    let Some(check) = check else { return next };
    let pattern: Arc<str> = event.pattern().into();
    Arc::new(move |ctx: &Context, payload: Payload| -> Work<()> {
        match check(payload) {
            Ok(payload) => next.call(ctx, payload),
            Err(error) => Work::done(Err(blame(error, "event", &pattern, ctx.node_id()))),
        }
    })
}

/// Every entry of a validation error names the action (or event) and the caller's node.
#[cold]
fn blame(mut error: ligand_wire::Error, key: &str, name: &str, node: &str) -> ligand_wire::Error {
    if let Some(serde_json::Value::Array(entries)) = error.data_mut() {
        for entry in entries.iter_mut().filter_map(serde_json::Value::as_object_mut) {
            entry.insert("nodeID".into(), node.into());
            entry.insert(key.into(), name.into());
        }
    }
    error
}
