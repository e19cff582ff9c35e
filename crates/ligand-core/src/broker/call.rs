//! How a call runs: checks, the choice of the endpoint, retries and fallback around it.
//!
//! A call without retries and fallback is one [`Running`]: context and chain, nothing else. Everything rarer
//! goes through [`run`], which may make several of them.

use std::{borrow::Cow, fmt, sync::Arc, time::Duration};

use ligand_wire::{Error, Payload, Result};
use parking_lot::Mutex;

use super::{ServiceBroker, running::Running};
use crate::{
    context::{Context, Extra, Headers, Id, Inner as ContextInner, Limit, Meta, Owner, ReplyHead},
    edge::HttpRequest,
    future::{BoxFuture, guarded},
    middleware::{Fallback, Plan, fallback},
    registry::{Endpoint, recent, strategy::Pick},
    service::Visibility,
    stream::Streaming,
};

/// What one call wants beside its parameters. All are optional.
#[derive(Clone, Debug, Default)]
pub struct CallOptions {
    /// The longest time; zero = no limit. Default: the action's, else the broker's.
    pub timeout: Option<Duration>,
    /// Tries after the first one, also when the retry policy is off.
    pub retries: Option<u32>,
    /// What to fall back to when the call fails, for whatever reason.
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
    /// What is streamed to the callee beside the parameters.
    pub stream: Option<Streaming>,
    /// Where to put what the action says about its answer at the edge; for gateways.
    pub head: Option<ReplyHead>,
    /// The HTTP request, for an action that asks for it; for gateways.
    pub http: Option<Arc<HttpRequest>>,
}

/// A call on its way out, as [`crate::middleware::Middleware::call`] sees it.
pub struct Outgoing {
    pub(super) action: Cow<'static, str>,
    /// Parameters.
    pub params: Payload,
    pub(super) options: Option<Box<CallOptions>>,
    pub(super) parent: Option<Context>,
    pub(super) target: Target,
}

/// Looked up when the call is described, so that starting it moves the handle on.
pub(super) enum Target {
    Found(Arc<Endpoint>),
    Missing(ServiceBroker),
    /// The call has begun: nobody looks at it any more.
    Taken,
}

impl Target {
    /// The endpoint of a call that needs nothing but it, when it is made from there. `None`: there is more to do.
    #[inline]
    pub(super) fn plain(&self, parent: Option<&Context>) -> Option<&Arc<Endpoint>> {
        let Self::Found(endpoint) = self else { return None };
        let inner = &endpoint.broker().0;
        let open = parent.is_some() || !inner.registry.is_closed();
        let plain = open && endpoint.is_direct() && !endpoint.is_retired() && inner.call_hooks.is_none();
        plain.then_some(endpoint)
    }
}

impl Outgoing {
    pub(super) fn new(
        broker: &ServiceBroker,
        parent: Option<Context>,
        action: Cow<'static, str>,
        params: Payload,
    ) -> Self {
        let target = local_target(broker, &action);
        Self { action, params, options: None, parent, target }
    }

    /// Chooses the endpoint unless that was done already. Between its description and its start a service may come
    /// or go.
    fn choose(&mut self) {
        let outdated = match &self.target {
            Target::Found(endpoint) => {
                endpoint.is_retired()
                    || self.options.as_ref().is_some_and(|options| options.node_id.is_some())
            }
            Target::Missing(_) | Target::Taken => true,
        };
        if outdated {
            let broker = self.broker().clone();
            self.target = match find(&broker, self) {
                Some(endpoint) => Target::Found(endpoint),
                None => Target::Missing(broker),
            };
        }
    }

    /// Full name of the action.
    pub fn action(&self) -> &str {
        &self.action
    }

    /// Calls another action instead.
    pub fn set_action(&mut self, action: impl Into<Cow<'static, str>>) {
        self.action = action.into();
        self.target = local_target(self.broker(), &self.action);
    }

    /// Options of this call, `None` when all are left to the defaults.
    pub fn options(&self) -> Option<&CallOptions> {
        self.options.as_deref()
    }

    /// Options of this call, for change.
    pub fn options_mut(&mut self) -> &mut CallOptions {
        self.options.get_or_insert_default()
    }

    /// The context that calls, `None` when the broker itself does.
    pub fn context(&self) -> Option<&Context> {
        self.parent.as_ref()
    }

    /// The broker.
    pub fn broker(&self) -> &ServiceBroker {
        match &self.target {
            Target::Found(endpoint) => endpoint.broker(),
            Target::Missing(broker) => broker,
            Target::Taken => unreachable!("a call that has begun is not looked at"),
        }
    }
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing").field("action", &self.action).finish_non_exhaustive()
    }
}

/// The endpoint of this node when nothing but the name decides: most calls are.
#[inline]
#[allow(clippy::ptr_arg, reason = "a constant is known by its address")]
fn local_target(broker: &ServiceBroker, action: &Cow<'static, str>) -> Target {
    let found = match action {
        Cow::Borrowed(name) => {
            let epoch = broker.0.registry.epoch();
            let recalled = recent::recall(epoch, name).filter(|endpoint| endpoint.is_available());
            recalled.or_else(|| look_up(broker, name).inspect(|endpoint| recent::note(epoch, name, endpoint)))
        }
        Cow::Owned(name) => look_up(broker, name),
    };
    match found.filter(|_| !broker.balances()) {
        Some(endpoint) => Target::Found(endpoint),
        None => Target::Missing(broker.clone()),
    }
}

/// See [`local_target`].
fn look_up(broker: &ServiceBroker, action: &str) -> Option<Arc<Endpoint>> {
    let registry = broker.0.registry.load();
    let list = registry.list(action)?;
    let local = list.local()?;
    let preferred = broker.0.parts.options.registry.prefer_local && local.is_available();
    (preferred || list.remotes().is_empty()).then(|| local.clone())
}

/// The endpoint that a call goes to.
fn find(broker: &ServiceBroker, call: &Outgoing) -> Option<Arc<Endpoint>> {
    let registry = broker.0.registry.load();
    let list = registry.list(&call.action)?;
    if let Some(node) = call.options().and_then(|options| options.node_id.as_deref()) {
        return list.on(node).cloned();
    }
    let private = |endpoint: &Endpoint| endpoint.action().visibility == Visibility::Private;
    if let Some(own) = list.local().filter(|own| private(own)) {
        // Nobody else may have it.
        return Some(own.clone());
    }
    // The packets of a stream must all reach the same node.
    let streams = call.options().is_some_and(|options| options.stream.is_some());
    if broker.balances() && !call.action.starts_with('$') && !streams {
        return Some(broker.transit()?.balanced_endpoint(broker, list.first()?));
    }
    let local = call.action.starts_with('$') || broker.0.parts.options.registry.prefer_local;
    let meta = || {
        let mut meta = call.parent.as_ref().map(|ctx| ctx.down().meta().clone()).unwrap_or_default();
        if let Some(options) = call.options() {
            meta.merge(&options.meta);
        }
        meta
    };
    list.pick(local, &Pick::new(&call.params, &meta), &|_| false).cloned()
}

/// Starts a call that needs nothing but its endpoint, as most do: what it takes is moved out of `call`. `None`: there is
/// more to do, and nothing was taken.
#[inline]
pub(super) fn at_once(call: &mut Outgoing) -> Option<Result<Running>> {
    let plain = call.options.as_ref().is_none_or(|options| {
        options.retries.is_none() && options.fallback.is_none() && options.node_id.is_none()
    });
    if !plain || call.target.plain(call.parent.as_ref()).is_none() {
        return None;
    }
    let Target::Found(endpoint) = std::mem::replace(&mut call.target, Target::Taken) else {
        unreachable!("the target was matched above")
    };
    Some(begin(
        endpoint,
        &call.action,
        call.parent.take(),
        std::mem::take(&mut call.params),
        call.options.as_deref(),
    ))
}

#[inline]
fn begin(
    endpoint: Arc<Endpoint>,
    name: &str,
    parent: Option<Context>,
    params: Payload,
    options: Option<&CallOptions>,
) -> Result<Running> {
    check(&endpoint, name, parent.as_ref())?;
    let ctx = describe(endpoint, parent.as_ref(), options).build();
    Ok(Running::start(ctx, parent, params))
}

/// The next step of a call: one endpoint, or the long way.
pub(super) enum Dispatch {
    Direct(Running),
    Long(BoxFuture<Result<Payload>>),
}

/// Starts a call.
pub(super) fn dispatch(call: Outgoing) -> Dispatch {
    match &call.broker().0.call_hooks {
        Some(hooks) => {
            let hooks = hooks.clone();
            let work = guarded(|| hooks.call(call));
            Dispatch::Long(work.unwrap_or_else(|panic| crate::future::ready(Err(panic))))
        }
        None => direct(call),
    }
}

/// Starts a call behind the `call` hooks.
pub(super) fn direct(mut call: Outgoing) -> Dispatch {
    call.choose();
    let Target::Found(endpoint) = &call.target else {
        let error = not_found(&call);
        return Dispatch::Long(Box::pin(failed(call, error)));
    };
    if call.parent.is_none() && endpoint.broker().0.registry.is_closed() {
        let error = Error::request_rejected(&call.action, endpoint.broker().node_id());
        return Dispatch::Long(Box::pin(failed(call, error)));
    }
    let plain =
        call.options.as_ref().is_none_or(|options| options.retries.is_none() && options.fallback.is_none());
    if !plain || !endpoint.is_direct() {
        return Dispatch::Long(Box::pin(run(call)));
    }
    let Outgoing { target: Target::Found(endpoint), params, parent, options, action } = call else {
        unreachable!("the target was matched above")
    };
    match begin(endpoint, &action, parent, params, options.as_deref()) {
        Ok(running) => Dispatch::Direct(running),
        Err(error) => Dispatch::Long(crate::future::ready(Err(error))),
    }
}

/// Checks that the call may be made.
pub(super) fn check(endpoint: &Endpoint, name: &str, parent: Option<&Context>) -> Result<()> {
    let action = endpoint.action();
    if action.visibility == Visibility::Private
        && parent.is_none_or(|ctx| ctx.service_full_name() != action.service_full_name())
    {
        return Err(Error::service_not_found(name, None));
    }
    let Some(parent) = parent else { return Ok(()) };
    let broker = parent.broker();
    let max = broker.0.parts.options.max_call_level;
    if max > 0 && parent.level() >= max {
        return Err(Error::max_call_level(parent.level(), broker.node_id()));
    }
    parent.check_time(name)
}

/// The context of a call.
#[inline]
pub(super) fn describe(
    endpoint: Arc<Endpoint>,
    parent: Option<&Context>,
    options: Option<&CallOptions>,
) -> ContextInner {
    let timeout = options.and_then(|options| options.timeout).or(endpoint.action().timeout);
    let timeout = timeout.unwrap_or(endpoint.broker().0.parts.options.request_timeout);
    let mut inner = ContextInner::new(Owner::Endpoint(endpoint));
    let mut outer = None;
    if let Some(parent) = parent {
        outer = parent.deadline();
        inner.request_id = Some(parent.request_id());
        inner.parent_id = Some(parent.id());
        inner.trace = parent.trace();
        inner.level = parent.level() + 1;
        inner.caller = parent.as_caller();
        let carried = parent.down();
        inner.inherited = carried.meta().clone();
        inner.carried = Mutex::new(carried);
    }
    inner.limit = Limit::new(Some(timeout), outer);
    if let Some(options) = options {
        lay_over(&mut inner, options);
    }
    inner
}

fn lay_over(inner: &mut ContextInner, options: &CallOptions) {
    inner.carried.get_mut().lay_over(&options.meta);
    if options.request_id.is_some() {
        inner.request_id.clone_from(&options.request_id);
    }
    let CallOptions { headers, stream, head, http, .. } = options;
    if headers.is_some() || stream.is_some() || head.is_some() || http.is_some() {
        let (headers, stream) = (headers.clone(), stream.clone());
        let (head, http) = (head.clone(), http.clone());
        inner.extra = Some(Arc::new(Extra { headers, stream, head, http, ..Extra::default() }));
    }
    inner.no_cache = options.no_cache;
    inner.pinned = options.node_id.is_some();
}

/// A call with retries or a fallback.
async fn run(mut call: Outgoing) -> Result<Payload> {
    call.params.share();
    let broker = call.broker().clone();
    // Only tries count as running: a pause must not keep a service from stopping.
    call.target = Target::Missing(broker.clone());
    // For the definition only: the strategy is asked once for each try.
    let Some(endpoint) = broker.0.registry.load().endpoint(&call.action).cloned() else {
        let error = not_found(&call);
        return failed(call, error).await;
    };
    let action = endpoint.action().clone();
    drop(endpoint);
    if let Some(fallback) = call.options().and_then(|options| options.fallback.as_ref()) {
        fallback::check_of_call(&action, fallback)?;
    }
    let retries = call.options().and_then(|options| options.retries);
    let mut plan = Plan::new(broker.0.parts.retry(&action), retries);
    let error = loop {
        let error = match attempt(&broker, &call) {
            Ok(running) => match running.await {
                Ok(result) => return Ok(result),
                Err(error) => error,
            },
            Err(Refused::Now(error)) => error,
            Err(Refused::Always(error)) => break error,
        };
        let Some(pause) = plan.next(&error) else { break error };
        forget_head(&call);
        tracing::debug!(action = &*call.action, error = %error.for_log(), ?pause, "call failed, trying again");
        if let Some(end) = call.parent.as_ref().and_then(Context::deadline)
            && end.saturating_duration_since(tokio::time::Instant::now()) <= pause
        {
            break error;
        }
        tokio::time::sleep(pause).await;
    };
    let own = call.options().and_then(|options| options.fallback.clone());
    let Some(fallback) = own.as_ref().or(action.fallback.as_ref()) else {
        return Err(error);
    };
    let own = fallback_context(&broker, &call);
    let ctx = own.clone().or_else(|| call.parent.clone());
    // What the failed call said about its answer is not about this one.
    forget_head(&call);
    let result = fallback.answer(&broker, ctx, call.params, error).await;
    if let Some(own) = &own {
        if let Some(parent) = &call.parent {
            parent.merge_meta(own);
        }
        own.tell_head();
    }
    result
}

fn forget_head(call: &Outgoing) {
    if let Some(head) = call.options().and_then(|options| options.head.as_ref()) {
        head.put(Meta::default());
    }
}

/// Why a try was not made.
enum Refused {
    /// Another moment may be better.
    Now(Error),
    /// It will never be allowed.
    Always(Error),
}

/// One try: the endpoint is picked anew.
fn attempt(broker: &ServiceBroker, call: &Outgoing) -> Result<Running, Refused> {
    let Some(endpoint) = find(broker, call) else {
        return Err(Refused::Now(not_found(call)));
    };
    let parent = call.parent.as_ref();
    check(&endpoint, &call.action, parent).map_err(Refused::Always)?;
    let ctx = describe(endpoint, parent, call.options()).build();
    Ok(Running::start(ctx, parent.cloned(), call.params.clone()))
}

/// The context of a fallback: as the action's, but with all the time that the caller has left; the action's own
/// may be used up.
fn fallback_context(broker: &ServiceBroker, call: &Outgoing) -> Option<Context> {
    let endpoint = broker.0.registry.load().endpoint(&call.action)?.clone();
    let parent = call.parent.as_ref();
    check(&endpoint, &call.action, parent).ok()?;
    let mut inner = describe(endpoint, parent, call.options());
    inner.limit = Limit::new(None, parent.and_then(Context::deadline));
    Some(inner.build())
}

/// A call that found no endpoint: only its own fallback can answer.
async fn failed(call: Outgoing, error: Error) -> Result<Payload> {
    let broker = call.broker().clone();
    match call.options.and_then(|options| options.fallback) {
        Some(fallback) => fallback.answer(&broker, call.parent, call.params, error).await,
        None => Err(error),
    }
}

#[cold]
fn not_found(call: &Outgoing) -> Error {
    let registry = &call.broker().0.registry;
    if registry.is_closed() {
        return Error::request_rejected(&call.action, call.broker().node_id());
    }
    let node = call.options().and_then(|options| options.node_id.as_deref());
    let error = Error::service_not_found(&call.action, node);
    let snapshot = registry.load();
    let mut names: Vec<_> =
        snapshot.versions_of(&call.action).into_iter().map(|name| format!("'{name}'")).collect();
    if names.is_empty() {
        return error;
    }
    names.sort_unstable();
    let hint = format!("did you mean {}?", names.join(" or "));
    error.with_data(serde_json::json!({ "action": call.action, "hint": hint })).with_internal(hint)
}

/// A call of another node: the endpoint's layers, and the action's own fallback. Retries are the caller's.
pub(crate) async fn serve(ctx: &Context, params: Payload) -> Result<Payload> {
    let action = ctx.action_def().expect("the context of a call has an action").clone();
    let Some(fallback) = &action.fallback else {
        return Running::start(ctx.clone(), None, params).await;
    };
    let mut params = params;
    params.share();
    match Running::start(ctx.clone(), None, params.clone()).await {
        Ok(result) => Ok(result),
        Err(error) => {
            // What the failed call said about its answer is not about this one.
            ctx.inner().carried.lock().take_directives();
            fallback.answer(ctx.broker(), Some(ctx.clone()), params, error).await
        }
    }
}
