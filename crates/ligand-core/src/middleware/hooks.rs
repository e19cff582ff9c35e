//! Hooks: functions that run before, after or on error of actions.
//!
//! Order: service-wide `*`, matching masks, the action's own, **handler**, the action's own, matching masks,
//! service-wide `*`. An `after` hook returns the new result; an error hook recovers by returning one.

use std::{fmt, future::Future, sync::Arc};

use ligand_wire::{Data, Error, Payload, Result, pattern::Pattern};

use crate::{
    context::Context,
    future::{BoxFuture, Work},
    service::{ActionDef, DynAction, layer, probe::Form},
};

type Before = Arc<dyn Fn(Context, Payload) -> BoxFuture<Result<Payload>> + Send + Sync>;
type OnError = Arc<dyn Fn(Context, Error) -> BoxFuture<Result<Payload>> + Send + Sync>;

/// Runs before the handler and passes the parameters on, changed or not.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> ligand_core::Result<()> {
/// use ligand_core::{Action, Context, Error, ServiceBroker, ServiceDef, middleware::BeforeHook};
///
/// let trim = BeforeHook::new(|_: Context, name: String| async move { Ok(name.trim().to_owned()) });
/// let greet = Action::of("greet", |name: String| async move { Ok::<_, Error>(format!("Hello, {name}!")) }).before(trim);
/// let broker = ServiceBroker::builder().service(ServiceDef::new("s").action(greet)).start().await?;
/// let text: String = broker.call_named("s.greet", " Ada ".to_owned()).await?.take()?;
/// assert_eq!(text, "Hello, Ada!");
/// # broker.stop().await;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct BeforeHook(Before);

/// Runs after the handler and passes the result on, changed or not.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> ligand_core::Result<()> {
/// use ligand_core::{Action, Context, Error, ServiceBroker, ServiceDef, middleware::AfterHook};
///
/// let round = AfterHook::new(|_: Context, sum: f64| async move { Ok(sum.round()) });
/// let half = Action::of("half", |n: f64| async move { Ok::<_, Error>(n / 2.0) }).after(round);
/// let broker = ServiceBroker::builder().service(ServiceDef::new("s").action(half)).start().await?;
/// assert_eq!(broker.call_named("s.half", 5.5).await?.take::<f64>()?, 3.0);
/// # broker.stop().await;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct AfterHook(Before);

/// Runs after a failure: returns a result to recover, or an error to go on failing.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> ligand_core::Result<()> {
/// use ligand_core::{Action, Context, Error, Payload, ServiceBroker, ServiceDef, middleware::ErrorHook};
///
/// let none = ErrorHook::raw(|_: Context, error: Error| async move {
///     if error.code() == 404 { Ok(Payload::NULL) } else { Err(error) }
/// });
/// let find = Action::of("find", |id: u64| async move {
///     Err::<String, _>(Error::client(404, "NOT_FOUND", format!("There is no user {id}.")))
/// })
/// .on_error(none);
/// let broker = ServiceBroker::builder().service(ServiceDef::new("users").action(find)).start().await?;
/// assert_eq!(broker.call_named("users.find", 5).await?.take::<Option<String>>()?, None);
/// # broker.stop().await;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct ErrorHook(OnError);

impl BeforeHook {
    /// A hook over the payload as it is.
    pub fn raw<F, Fut>(hook: F) -> Self
    where
        F: Fn(Context, Payload) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Payload>> + Send + 'static,
    {
        Self(Arc::new(move |ctx, params| Box::pin(hook(ctx, params))))
    }

    /// A hook whose parameters are described by their form.
    pub(crate) fn of_form<P: Form, F, Fut>(hook: F) -> Self
    where
        F: Fn(Context, P::Value) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<P::Value>> + Send + 'static,
    {
        Self(Arc::new(move |ctx, params| match P::take(params) {
            Ok(params) => {
                let work = hook(ctx, params);
                Box::pin(async move { work.await.map(P::put) })
            }
            Err(error) => crate::future::ready(Err(error)),
        }))
    }

    /// A hook over typed parameters: takes them and returns them, changed or not.
    pub fn new<P, F, Fut>(hook: F) -> Self
    where
        P: Data,
        F: Fn(Context, P) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<P>> + Send + 'static,
    {
        Self(Arc::new(move |ctx, params| match params.take::<P>() {
            Ok(params) => {
                let work = hook(ctx, params);
                Box::pin(async move { work.await.map(Payload::typed) })
            }
            Err(error) => crate::future::ready(Err(error)),
        }))
    }
}

impl AfterHook {
    /// A hook over the payload as it is.
    pub fn raw<F, Fut>(hook: F) -> Self
    where
        F: Fn(Context, Payload) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Payload>> + Send + 'static,
    {
        Self(Arc::new(move |ctx, result| Box::pin(hook(ctx, result))))
    }

    /// A hook whose result is described by its form.
    pub(crate) fn of_form<R: Form, F, Fut>(hook: F) -> Self
    where
        F: Fn(Context, R::Value) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R::Value>> + Send + 'static,
    {
        Self(BeforeHook::of_form::<R, _, _>(hook).0)
    }

    /// A hook over a typed result: takes it and returns it, changed or not.
    pub fn new<R, F, Fut>(hook: F) -> Self
    where
        R: Data,
        F: Fn(Context, R) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R>> + Send + 'static,
    {
        Self(BeforeHook::new(hook).0)
    }
}

impl ErrorHook {
    /// A hook that returns a payload to recover, or the error to go on failing.
    pub fn raw<F, Fut>(hook: F) -> Self
    where
        F: Fn(Context, Error) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Payload>> + Send + 'static,
    {
        Self(Arc::new(move |ctx, error| Box::pin(hook(ctx, error))))
    }
}

macro_rules! opaque_debug {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($name))
            }
        }
    )*};
}
opaque_debug!(BeforeHook, AfterHook, ErrorHook);

/// The hooks of one action in the order they run.
#[derive(Clone, Default)]
pub(crate) struct Hooks {
    pub(crate) before: Vec<BeforeHook>,
    pub(crate) after: Vec<AfterHook>,
    pub(crate) error: Vec<ErrorHook>,
}

impl Hooks {
    pub(crate) fn is_empty(&self) -> bool {
        self.before.is_empty() && self.after.is_empty() && self.error.is_empty()
    }

    /// Adds a mixin's: its `before` first, its `after` and `error` last.
    pub(crate) fn merge_below(&mut self, lower: Self) {
        self.before.splice(0..0, lower.before);
        self.after.extend(lower.after);
        self.error.extend(lower.error);
    }
}

/// Service-wide hooks with the masks they are for.
#[derive(Clone, Default)]
pub(crate) struct ServiceHooks {
    before: Vec<(String, BeforeHook)>,
    after: Vec<(String, AfterHook)>,
    error: Vec<(String, ErrorHook)>,
}

impl ServiceHooks {
    pub(crate) fn add_before(&mut self, actions: &str, hook: BeforeHook) {
        self.before.push((actions.into(), hook));
    }

    pub(crate) fn add_after(&mut self, actions: &str, hook: AfterHook) {
        self.after.push((actions.into(), hook));
    }

    pub(crate) fn add_error(&mut self, actions: &str, hook: ErrorHook) {
        self.error.push((actions.into(), hook));
    }

    pub(crate) fn merge_below(&mut self, lower: Self) {
        self.before.splice(0..0, lower.before);
        self.after.extend(lower.after);
        self.error.extend(lower.error);
    }

    /// Gives every action the hooks that are for it.
    ///
    /// # Errors
    /// When a name or mask fits no action: a guard that never runs is worse than no guard. `*` may have nothing
    /// to do, and so may the hook of a mixin whose action the service has `removed`.
    pub(crate) fn apply(&self, service: &str, actions: &mut [ActionDef], removed: &[String]) -> Result<()> {
        let masks = self.before.iter().map(|(mask, _)| mask);
        let masks = masks.chain(self.after.iter().map(|(mask, _)| mask));
        for mask in masks.chain(self.error.iter().map(|(mask, _)| mask)) {
            if names(mask).next().is_none() {
                return Err(Error::service_schema(format!("a hook of service '{service}' names no action")));
            }
            for name in names(mask).filter(|name| !matches!(*name, "*" | "**")) {
                let pattern = Pattern::new(name);
                let known = actions.iter().any(|action| pattern.matches(&action.name));
                if !known && !removed.iter().any(|name| pattern.matches(name)) {
                    return Err(Error::service_schema(format!(
                        "a hook of service '{service}' is for '{name}', but there is no such action (actions: {})",
                        actions.iter().map(|action| &*action.name).collect::<Vec<_>>().join(", ")
                    )));
                }
            }
        }
        for action in actions {
            let before = in_order(&self.before, &action.name);
            action.hooks.before.splice(0..0, before.0.into_iter().chain(before.1));
            let after = in_order(&self.after, &action.name);
            action.hooks.after.extend(after.1.into_iter().chain(after.0));
            let error = in_order(&self.error, &action.name);
            action.hooks.error.extend(error.1.into_iter().chain(error.0));
        }
        Ok(())
    }
}

fn names(mask: &str) -> impl Iterator<Item = &str> {
    mask.split(['|', ',']).map(str::trim).filter(|name| !name.is_empty())
}

/// The hooks for one action: (those for `*`, those whose mask names it).
fn in_order<H: Clone>(hooks: &[(String, H)], action: &str) -> (Vec<H>, Vec<H>) {
    let all = hooks.iter().filter(|(mask, _)| mask.trim() == "*").map(|(_, hook)| hook.clone());
    let some = hooks
        .iter()
        .filter(|(mask, _)| mask.trim() != "*" && names(mask).any(|name| Pattern::new(name).matches(action)));
    (all.collect(), some.map(|(_, hook)| hook.clone()).collect())
}

/// The layer around the handler.
pub(crate) fn wrap(action: &ActionDef, next: DynAction) -> DynAction {
    if action.hooks.is_empty() {
        return next;
    }
    let hooks = Arc::new(action.hooks.clone());
    layer(move |ctx: &Context, params: Payload| -> Work<Payload> {
        let (hooks, next, ctx) = (hooks.clone(), next.clone(), ctx.clone());
        Work::new(async move {
            let mut result = run(&hooks, &next, &ctx, params).await;
            for hook in &hooks.error {
                match result {
                    Ok(_) => break,
                    Err(error) => result = (hook.0)(ctx.clone(), error).await,
                }
            }
            result
        })
    })
}

async fn run(hooks: &Hooks, next: &DynAction, ctx: &Context, mut params: Payload) -> Result<Payload> {
    for hook in &hooks.before {
        params = (hook.0)(ctx.clone(), params).await?;
    }
    let mut result = next.call(ctx, params).await?;
    for hook in &hooks.after {
        result = (hook.0)(ctx.clone(), result).await?;
    }
    Ok(result)
}
