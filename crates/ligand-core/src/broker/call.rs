//! How a call runs: checks, the choice of the endpoint, retries and fallback around it.
//!
//! A call without retries and fallback is one [`Running`]: context and chain, nothing else. Everything rarer
//! goes through [`run`], which may make several of them.

use std::{
    borrow::Cow,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{self, Poll},
    time::Duration,
};

use ligand_wire::{Error, Payload, Result};
use parking_lot::Mutex;
use tokio::time::Sleep;

use super::ServiceBroker;
use crate::{
    context::{Context, Headers, Id, Inner as ContextInner, Limit, Meta},
    future::{BoxFuture, guarded},
    middleware::{Fallback, Plan},
    registry::{Endpoint, Snapshot},
    service::{Caller, Visibility},
};

/// What one call wants beside its parameters. All are optional.
#[derive(Clone, Debug, Default)]
pub struct CallOptions {
    /// The longest time; zero = no limit. Default: the action's, else the broker's.
    pub timeout: Option<Duration>,
    /// Tries after the first one, also when the retry policy is off.
    pub retries: Option<u32>,
    /// What to answer when the call fails for whatever reason.
    pub fallback: Option<Fallback>,
    /// Ask this node only.
    pub node_id: Option<Arc<str>>,
    /// Laid over the caller's meta.
    pub meta: Meta,
    /// Headers of this call; names in lower case.
    pub headers: Option<Arc<Headers>>,
    /// Id of the request, when it does not come from the caller.
    pub request_id: Option<Id>,
    /// Neither read the cache nor write it.
    pub no_cache: bool,
}

/// A call on its way out, as [`crate::Middleware::call`] sees it.
#[derive(Debug)]
pub struct Outgoing {
    /// Full name of the action.
    pub action: Cow<'static, str>,
    /// Parameters.
    pub params: Payload,
    /// Options of this call.
    pub options: CallOptions,
    pub(super) caller: Caller,
}

impl Outgoing {
    /// The context that calls, `None` when the broker itself does.
    pub fn context(&self) -> Option<&Context> {
        self.caller.context()
    }

    /// The broker.
    pub fn broker(&self) -> &ServiceBroker {
        self.caller.broker()
    }
}

/// One endpoint at work.
pub(super) struct Running {
    pub(super) ctx: Context,
    parent: Option<Context>,
    work: BoxFuture<Result<Payload>>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Running {
    fn start(ctx: Context, parent: Option<Context>, params: Payload) -> Self {
        let chain = ctx.inner().endpoint.as_ref().map(|endpoint| endpoint.chain());
        let chain = chain.expect("prepare sets the endpoint");
        let work = match guarded(|| chain.call(ctx.clone(), params)) {
            Ok(work) => work,
            Err(error) => crate::future::ready(Err(error)),
        };
        Self { ctx, parent, work, sleep: None }
    }
}

impl Future for Running {
    type Output = Result<Payload>;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Result<Payload>> {
        let this = self.get_mut();
        let result = match guarded(|| this.work.as_mut().poll(cx)) {
            Ok(Poll::Ready(result)) => result,
            Err(panic) => Err(panic),
            Ok(Poll::Pending) => {
                let Some(deadline) = this.ctx.deadline() else { return Poll::Pending };
                let sleep = this.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
                if sleep.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                Err(Error::request_timeout(this.ctx.action(), this.ctx.broker().node_id()))
            }
        };
        // The work ends now, also when it is late: layers see it dropped before the caller goes on.
        this.work = Box::pin(std::future::pending());
        if let Some(parent) = &this.parent {
            parent.merge_meta(&this.ctx);
        }
        Poll::Ready(result)
    }
}

/// The next step of a call: one endpoint, or the long way.
pub(super) enum Dispatch {
    Direct(Running),
    Long(BoxFuture<Result<Payload>>),
}

/// Starts a call.
pub(super) fn dispatch(call: Outgoing) -> Dispatch {
    let broker = call.caller.broker();
    if let Some(hooks) = &broker.0.call_hooks {
        let hooks = hooks.clone();
        let work = guarded(|| hooks.call(call));
        return Dispatch::Long(work.unwrap_or_else(|panic| crate::future::ready(Err(panic))));
    }
    direct(call)
}

/// Starts a call behind the `call` hooks.
pub(super) fn direct(call: Outgoing) -> Dispatch {
    let broker = call.caller.broker();
    let snapshot = broker.0.registry.load();
    let Some(endpoint) = snapshot.endpoint(&call.action) else {
        let error = not_found(&call, &snapshot);
        return Dispatch::Long(Box::pin(failed(call, error)));
    };
    if snapshot.is_closed() && call.caller.context().is_none() {
        let error = Error::request_rejected(&call.action, broker.node_id());
        return Dispatch::Long(Box::pin(failed(call, error)));
    }
    let action = endpoint.action();
    let parts = &broker.0.parts;
    let simple = call.options.retries.is_none()
        && call.options.fallback.is_none()
        && action.fallback.is_none()
        && !(action.retry.is_some() || parts.options.retry_policy.enabled);
    if !simple {
        return Dispatch::Long(Box::pin(run(call)));
    }
    match prepare(&call, endpoint) {
        Ok(inner) => {
            drop(snapshot);
            Dispatch::Direct(Running::start(inner.build(), call.caller.into_context(), call.params))
        }
        Err(error) => Dispatch::Long(crate::future::ready(Err(error))),
    }
}

/// Checks that the call may be made and describes its context.
fn prepare(call: &Outgoing, endpoint: &Arc<Endpoint>) -> Result<ContextInner> {
    let broker = call.caller.broker();
    let action = endpoint.action();
    let parent = call.caller.context();
    if let Some(node) = &call.options.node_id
        && **node != *broker.0.parts.node_id
    {
        return Err(Error::service_not_found(&call.action, Some(node)));
    }
    if action.visibility == Visibility::Private && parent.is_none_or(|ctx| ctx.service() != action.service())
    {
        return Err(Error::service_not_found(&call.action, None));
    }
    let mut inner = ContextInner::root(broker.clone());
    let limit = call.options.timeout.or(action.timeout).unwrap_or(broker.0.parts.options.request_timeout);
    let mut outer = None;
    if let Some(parent) = parent {
        let max = broker.0.parts.options.max_call_level;
        if max > 0 && parent.level() >= max {
            return Err(Error::max_call_level(parent.level(), broker.node_id()));
        }
        parent.check_time(&call.action)?;
        outer = parent.deadline();
        inner.request_id = Some(parent.request_id());
        inner.parent_id = Some(parent.id());
        inner.level = parent.level() + 1;
        inner.caller = parent.service_name().cloned();
        let mut meta = parent.metas();
        meta.merge(&call.options.meta);
        inner.meta = Mutex::new(meta);
    } else if !call.options.meta.is_empty() {
        inner.meta = Mutex::new(call.options.meta.clone());
    }
    if call.options.request_id.is_some() {
        inner.request_id.clone_from(&call.options.request_id);
    }
    inner.limit = Limit::new(Some(limit), outer);
    inner.headers.clone_from(&call.options.headers);
    inner.no_cache = call.options.no_cache;
    inner.endpoint = Some(endpoint.clone());
    Ok(inner)
}

/// A call with retries or a fallback.
async fn run(call: Outgoing) -> Result<Payload> {
    let broker = call.caller.broker().clone();
    let known = broker.0.registry.load().endpoint(&call.action).map(|endpoint| endpoint.action().clone());
    let Some(action) = known else {
        let error = not_found(&call, &broker.0.registry.load());
        return failed(call, error).await;
    };
    let mut plan = Plan::new(broker.0.parts.retry(&action), call.options.retries);
    let error = loop {
        let error = match attempt(&call) {
            Ok(running) => match running.await {
                Ok(result) => return Ok(result),
                Err(error) => error,
            },
            Err(Refused::Now(error)) => error,
            Err(Refused::Always(error)) => break error,
        };
        let Some(pause) = plan.next(&error) else { break error };
        tracing::debug!(action = &*call.action, error = %format!("{error:#}"), ?pause, "call failed, trying again");
        if let Some(end) = call.caller.context().and_then(Context::deadline)
            && end.saturating_duration_since(tokio::time::Instant::now()) <= pause
        {
            break error;
        }
        tokio::time::sleep(pause).await;
    };
    let Some(fallback) = call.options.fallback.as_ref().or(action.fallback.as_ref()) else {
        return Err(error);
    };
    let parent = call.caller.context();
    let ctx = fallback_context(&call).or_else(|| parent.cloned());
    let result = fallback.answer(&broker, ctx.clone(), call.params, error).await;
    if let (Some(parent), Some(ctx)) = (parent, &ctx) {
        parent.merge_meta(ctx);
    }
    result
}

/// Why a try was not made.
enum Refused {
    /// Another moment may be better.
    Now(Error),
    /// It will never be allowed.
    Always(Error),
}

/// One try: the endpoint is picked anew.
fn attempt(call: &Outgoing) -> Result<Running, Refused> {
    let snapshot = call.caller.broker().0.registry.load();
    let endpoint = snapshot.endpoint(&call.action).ok_or_else(|| Refused::Now(not_found(call, &snapshot)))?;
    let ctx = prepare(call, endpoint).map_err(Refused::Always)?.build();
    Ok(Running::start(ctx, call.caller.context().cloned(), call.params.clone()))
}

/// The context of a fallback: as the action's, but with all the time that the caller has left; the action's own
/// may be used up.
fn fallback_context(call: &Outgoing) -> Option<Context> {
    let snapshot = call.caller.broker().0.registry.load();
    let mut inner = prepare(call, snapshot.endpoint(&call.action)?).ok()?;
    inner.limit = Limit::new(None, call.caller.context().and_then(Context::deadline));
    Some(inner.build())
}

/// A call that found no endpoint: only its own fallback can answer.
async fn failed(call: Outgoing, error: Error) -> Result<Payload> {
    match &call.options.fallback {
        Some(fallback) => {
            let ctx = call.caller.context().cloned();
            fallback.answer(call.caller.broker(), ctx, call.params, error).await
        }
        None => Err(error),
    }
}

#[cold]
fn not_found(call: &Outgoing, snapshot: &Snapshot) -> Error {
    if snapshot.is_closed() {
        return Error::request_rejected(&call.action, call.caller.broker().node_id());
    }
    let error = Error::service_not_found(&call.action, call.options.node_id.as_deref());
    match &*snapshot.versions_of(&call.action) {
        [] => error,
        names => {
            let mut names: Vec<_> = names.iter().map(|name| format!("'{name}'")).collect();
            names.sort_unstable();
            let hint = format!("did you mean {}?", names.join(" or "));
            error.with_data(serde_json::json!({ "action": call.action, "hint": hint })).with_internal(hint)
        }
    }
}
