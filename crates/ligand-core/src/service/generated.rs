//! What the code of `#[service]` calls: handlers that are methods, with types described by their [forms](super::probe).

use std::{borrow::Cow, sync::Arc, time::Duration};

use ligand_wire::{Error, Payload, Result, error::Failure};

use super::{Action, ActionRef, Caller, Event, Job, Term, Typed, contract::Conversion, probe::Form};
use crate::{
    blocking,
    broker::Request,
    context::Context,
    future::{Work, guarded, isolate},
    middleware::{AfterHook, BeforeHook, ErrorHook, Fallback},
    sharded::{Handle, Handles},
};

/// An action that is an async method of `service`.
pub fn action<S, P, R, E, F, Fut>(
    name: impl Into<Arc<str>>,
    service: &Arc<S>,
    _params: P,
    _result: R,
    handler: F,
) -> Action
where
    S: Send + Sync + 'static,
    P: Form,
    R: Form,
    E: Failure,
    F: Fn(Handle<S>, &Context, P::Value) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<R::Value, E>> + Send + 'static,
{
    let method = Arc::new((Handles::new(service), handler));
    let own = Arc::clone(&method);
    let raw = move |ctx: &Context, params: Payload| -> Work<Payload> {
        let (service, handler) = &*method;
        match P::take(params) {
            Ok(params) => {
                let work = handler(service.own(), ctx, params);
                Work::new(isolate(async move { work.await.map(R::put).map_err(Into::into) }))
            }
            Err(error) => Work::done(Err(error)),
        }
    };
    let fast = Typed::later_in(move |ctx, params: Payload| {
        let (service, handler) = &*own;
        let work = handler(service.own(), ctx, P::take_typed(params)?);
        Ok(async move { work.await.map_err(Into::into) })
    });
    Action::of_forms::<P, R>(name, raw).with_fast_path(fast)
}

/// As [`action`] for a method that does not need the context: a call that meets no layer makes none unless it waits.
pub fn action_of<S, P, R, E, F, Fut>(
    name: impl Into<Arc<str>>,
    service: &Arc<S>,
    params: P,
    result: R,
    handler: F,
) -> Action
where
    S: Send + Sync + 'static,
    P: Form,
    R: Form,
    E: Failure,
    F: Fn(Handle<S>, P::Value) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<R::Value, E>> + Send + 'static,
{
    let handler = Arc::new(handler);
    let (own, this) = (Arc::clone(&handler), Handles::new(service));
    let fast = Typed::later(move |params: Payload| {
        let work = own(this.own(), P::take_typed(params)?);
        Ok(async move { work.await.map_err(Into::into) })
    });
    let with_context = move |this: Handle<S>, _: &Context, params: P::Value| handler(this, params);
    action(name, service, params, result, with_context).with_fast_path(fast)
}

/// As [`action`] for a method that is not async: its result needs no future.
pub fn action_now<S, P, R, E, F>(
    name: impl Into<Arc<str>>,
    service: &Arc<S>,
    _params: P,
    _result: R,
    handler: F,
) -> Action
where
    S: Send + Sync + 'static,
    P: Form,
    R: Form,
    E: Failure,
    F: Fn(&Arc<S>, &Context, P::Value) -> Result<R::Value, E> + Send + Sync + 'static,
{
    let method = Arc::new((Arc::clone(service), handler));
    let own = Arc::clone(&method);
    let raw = move |ctx: &Context, params: Payload| -> Work<Payload> {
        let (service, handler) = &*method;
        let params = match P::take(params) {
            Ok(params) => params,
            Err(error) => return Work::done(Err(error)),
        };
        Work::done(match guarded(|| handler(service, ctx, params)) {
            Ok(result) => result.map(R::put).map_err(Into::into),
            Err(panic) => Err(panic),
        })
    };
    let fast = Typed::NowIn(Box::new(move |ctx, params| {
        let (service, handler) = &*own;
        Ok(handler(service, ctx, P::take_typed(params)?).map_err(Into::into))
    }));
    Action::of_forms::<P, R>(name, raw).with_fast_path(fast)
}

/// As [`action_now`] for a method that does not need the context: a call that meets no layer makes none.
pub fn action_now_of<S, P, R, E, F>(
    name: impl Into<Arc<str>>,
    service: &Arc<S>,
    params: P,
    result: R,
    handler: F,
) -> Action
where
    S: Send + Sync + 'static,
    P: Form,
    R: Form,
    E: Failure,
    F: Fn(&Arc<S>, P::Value) -> Result<R::Value, E> + Send + Sync + 'static,
{
    let handler = Arc::new(handler);
    let (own, this) = (Arc::clone(&handler), Arc::clone(service));
    let fast = Typed::Now(Box::new(move |params| Ok(own(&this, P::take_typed(params)?).map_err(Into::into))));
    let with_context = move |this: &Arc<S>, _: &Context, params: P::Value| handler(this, params);
    action_now(name, service, params, result, with_context).with_fast_path(fast)
}

/// As [`action`] for a method that blocks its thread: it runs where it holds up nothing else.
pub fn action_blocking<S, P, R, E, F>(
    name: impl Into<Arc<str>>,
    service: &Arc<S>,
    _params: P,
    _result: R,
    handler: F,
) -> Action
where
    S: Send + Sync + 'static,
    P: Form,
    P::Value: Send,
    R: Form,
    E: Failure,
    F: Fn(&Arc<S>, &Context, P::Value) -> Result<R::Value, E> + Send + Sync + 'static,
{
    let put =
        move |service: &Arc<S>, ctx: &Context, params: P::Value| handler(service, ctx, params).map(R::put);
    let raw = blocking::method::<S, P, Payload, E, _>(Arc::clone(service), put);
    Action::of_forms::<P, R>(name, raw)
}

/// The action with the conversion that callers through its contract need: what
/// [`Agreement::check`](super::contract::agreement::Agreement) returns.
pub fn converting(action: Action, conversion: Option<Conversion>) -> Action {
    action.converting(conversion)
}

/// A listener that is an async method of `service`.
pub fn event<S, P, E, F, Fut>(pattern: &str, service: &Arc<S>, _payload: P, handler: F) -> Event
where
    S: Send + Sync + 'static,
    P: Form,
    E: Failure,
    F: Fn(Handle<S>, &Context, P::Value) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), E>> + Send + 'static,
{
    let service = Handles::new(service);
    let raw = move |ctx: &Context, payload: Payload| -> Work<()> {
        match P::take(payload) {
            Ok(payload) => {
                let work = handler(service.own(), ctx, payload);
                Work::new(isolate(async move { work.await.map_err(Into::into) }))
            }
            Err(error) => Work::done(Err(error)),
        }
    };
    Event::of_form::<P>(pattern, raw)
}

/// As [`event`] for a method that is not async: it needs no future.
pub fn event_now<S, P, E, F>(pattern: &str, service: &Arc<S>, _payload: P, handler: F) -> Event
where
    S: Send + Sync + 'static,
    P: Form,
    E: Failure,
    F: Fn(&Arc<S>, &Context, P::Value) -> Result<(), E> + Send + Sync + 'static,
{
    let service = Arc::clone(service);
    let raw = move |ctx: &Context, payload: Payload| -> Work<()> {
        let payload = match P::take(payload) {
            Ok(payload) => payload,
            Err(error) => return Work::done(Err(error)),
        };
        Work::done(match guarded(|| handler(&service, ctx, payload)) {
            Ok(result) => result.map_err(Into::into),
            Err(panic) => Err(panic),
        })
    };
    Event::of_form::<P>(pattern, raw)
}

/// As [`event`] for a method that blocks its thread.
pub fn event_blocking<S, P, E, F>(pattern: &str, service: &Arc<S>, _payload: P, handler: F) -> Event
where
    S: Send + Sync + 'static,
    P: Form,
    P::Value: Send,
    E: Failure,
    F: Fn(&Arc<S>, &Context, P::Value) -> Result<(), E> + Send + Sync + 'static,
{
    Event::of_form::<P>(pattern, blocking::method::<S, P, (), E, F>(Arc::clone(service), handler))
}

/// A job that is a method of `service` and blocks its thread.
pub fn job_blocking<S, E, F>(name: impl Into<Arc<str>>, period: Duration, service: &Arc<S>, handler: F) -> Job
where
    S: Send + Sync + 'static,
    E: Failure,
    F: Fn(&Arc<S>, &Context) -> Result<(), E> + Send + Sync + 'static,
{
    let service = Arc::clone(service);
    Job::blocking(name, period, move |ctx| handler(&service, ctx))
}

/// A method that runs before an action.
pub fn before<P: Form, F, Fut>(_params: P, hook: F) -> BeforeHook
where
    F: Fn(Context, P::Value) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<P::Value>> + Send + 'static,
{
    BeforeHook::of_form::<P, _, _>(hook)
}

/// A method that runs after an action.
pub fn after<R: Form, F, Fut>(_result: R, hook: F) -> AfterHook
where
    F: Fn(Context, R::Value) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<R::Value>> + Send + 'static,
{
    AfterHook::of_form::<R, _, _>(hook)
}

/// A method that runs when an action failed, and may recover.
pub fn on_error<R: Form, F, Fut>(_result: R, hook: F) -> ErrorHook
where
    F: Fn(Context, Error) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<R::Value>> + Send + 'static,
{
    ErrorHook::raw(move |ctx, error| {
        let work = hook(ctx, error);
        async move { work.await.map(R::put) }
    })
}

/// A method that an action falls back to. It gets the context of the failed call; a call that failed before it had
/// one keeps its error.
pub fn fallback<R: Form, F, Fut>(_result: R, hook: F) -> Fallback
where
    F: Fn(Context, Error) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<R::Value>> + Send + 'static,
{
    Fallback::with(move |ctx, error| {
        let work = ctx.map(|ctx| hook(ctx, error.clone()));
        async move {
            match work {
                Some(work) => work.await.map(R::put),
                None => Err(error),
            }
        }
    })
}

/// One action that a contract promises, with the types that callers send and read.
pub fn term<P: Form, R: Form>(
    action: impl Into<Cow<'static, str>>,
    missing: impl Into<Cow<'static, str>>,
    _params: P,
    _result: R,
) -> Term {
    Term::new(action, missing).of_schemas(P::schema(), R::schema())
}

/// A call of a generated client.
pub fn call<P: Form, R>(
    caller: &Caller,
    action: ActionRef<P::Value, R>,
    _params: P,
    params: P::Value,
) -> Request<R> {
    caller.request(Cow::Borrowed(action.name()), P::put(params))
}

/// A handler that shares `this` with the definition: one more owner for each call.
pub fn bind<S, A, B, Fut>(
    this: &Arc<S>,
    handler: impl Fn(Arc<S>, A, B) -> Fut + Send + Sync + 'static,
) -> impl Fn(A, B) -> Fut + Send + Sync + 'static
where
    S: Send + Sync + 'static,
    Fut: Future,
{
    let this = Arc::clone(this);
    move |first, second| handler(Arc::clone(&this), first, second)
}

/// As [`bind`], for handlers of the lifecycle.
pub fn bind_one<S, A, Fut>(
    this: &Arc<S>,
    handler: impl Fn(Arc<S>, A) -> Fut + Send + Sync + 'static,
) -> impl Fn(A) -> Fut + Send + Sync + 'static
where
    S: Send + Sync + 'static,
    Fut: Future,
{
    let this = Arc::clone(this);
    move |argument| handler(Arc::clone(&this), argument)
}
