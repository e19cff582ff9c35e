//! Actions: what a service offers to be called.

mod def;
mod http;

use std::{any::TypeId, fmt, future::Future, sync::Arc, time::Duration};

pub use def::{ActionDef, Visibility};
pub(crate) use def::{Passes, Seen, Validator};
pub(super) use http::check_body;
use ligand_wire::{
    Data, Payload, Result,
    error::Failure,
    schema::{JsonSchema, Schema},
    validate::Validate,
};
use serde_json::Value;

use super::handler::{ActionHandler, layer};
use crate::{
    blocking,
    cache::CacheRule,
    config::{BulkheadOptions, CircuitBreakerOptions, RetryOptions},
    context::Context,
    future::{Work, guarded, isolate},
    middleware::{AfterHook, BeforeHook, ErrorHook, Fallback},
    registry::strategy::StrategyOptions,
    service::{FastPath, Rest, Typed, contract::Conversion, probe::Form, validation},
    stream::Streaming,
};

/// Describes one action: name, handler and options. `#[action]` writes it for you. What it says is read from its
/// [`ActionDef`].
///
/// ```
/// use ligand_core::{Action, Context, Result};
/// let add = Action::new("add", |_ctx: Context, (a, b): (f64, f64)| async move { Ok::<f64, ligand_core::Error>(a + b) })
///     .rest("POST /add")?
///     .timeout(std::time::Duration::from_secs(2));
/// assert_eq!(add.def().raw_name(), "add");
/// # Ok::<(), ligand_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Action(pub(super) ActionDef);

impl Action {
    /// An action with a typed handler. `name` is the short name (`get`); the service adds its own.
    pub fn new<P, R, E, F, Fut>(name: impl Into<Arc<str>>, handler: F) -> Self
    where
        P: Data,
        R: Data,
        E: Failure,
        F: Fn(Context, P) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, E>> + Send + 'static,
    {
        let handler = Arc::new(handler);
        let own = Arc::clone(&handler);
        let raw = move |ctx: &Context, params: Payload| -> Work<Payload> {
            match params.take::<P>() {
                Ok(params) => finish(|| handler(ctx.clone(), params)),
                Err(error) => Work::done(Err(error)),
            }
        };
        let fast = Typed::later_in(move |ctx, params: Payload| {
            let work = own(ctx.clone(), params.take_typed()?);
            Ok(async move { work.await.map_err(Into::into) })
        });
        Self::raw(name, raw).of_types::<P, R>().with_fast_path(fast)
    }

    /// As [`Action::new`] for a handler that does not need the context; saves handing it over.
    ///
    /// ```
    /// use ligand_core::{Action, Error};
    /// let twice = Action::of("twice", |n: i64| async move { Ok::<_, Error>(2 * n) });
    /// assert_eq!(twice.def().raw_name(), "twice");
    /// ```
    pub fn of<P, R, E, F, Fut>(name: impl Into<Arc<str>>, handler: F) -> Self
    where
        P: Data,
        R: Data,
        E: Failure,
        F: Fn(P) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, E>> + Send + 'static,
    {
        let handler = Arc::new(handler);
        let own = Arc::clone(&handler);
        let raw = move |_: &Context, params: Payload| -> Work<Payload> {
            match params.take::<P>() {
                Ok(params) => finish(|| handler(params)),
                Err(error) => Work::done(Err(error)),
            }
        };
        let fast = Typed::later(move |params: Payload| {
            let work = own(params.take_typed()?);
            Ok(async move { work.await.map_err(Into::into) })
        });
        Self::raw(name, raw).of_types::<P, R>().with_fast_path(fast)
    }

    /// An action that blocks its thread: it computes for long, or waits for something that is not asynchronous. It runs
    /// on a thread of its own, at most `blocking.concurrency` at once on a node; others wait, up to
    /// `blocking.max_queue_size`, and more are refused with 429 `QUEUE_FULL`. A call that nobody waits for any more
    /// is not begun, but one that runs goes on to its end. [`Context::block_on`] waits for calls made from there.
    ///
    /// ```
    /// use ligand_core::{Action, Context, Error};
    /// let hash = Action::blocking("hash", |_ctx: &Context, text: String| {
    ///     Ok::<usize, Error>(text.bytes().map(usize::from).sum())
    /// });
    /// ```
    pub fn blocking<P, R, E, F>(name: impl Into<Arc<str>>, handler: F) -> Self
    where
        P: Data,
        R: Data,
        E: Failure,
        F: Fn(&Context, P) -> Result<R, E> + Send + Sync + 'static,
    {
        let handler = Arc::new(handler);
        let raw = move |ctx: &Context, params: Payload| -> Work<Payload> {
            match params.take::<P>() {
                Ok(params) => {
                    let handler = Arc::clone(&handler);
                    blocking::run(ctx, move |ctx| {
                        handler(ctx, params).map(Payload::typed).map_err(Into::into)
                    })
                }
                Err(error) => Work::done(Err(error)),
            }
        };
        Self::raw(name, raw).of_types::<P, R>()
    }

    pub(super) fn with_fast_path<R: 'static>(mut self, handler: Typed<R>) -> Self {
        self.0.fast_path = Some(FastPath::new(handler));
        self
    }

    fn of_types<P: Data, R: Data>(mut self) -> Self {
        let def = &mut self.0;
        def.decoder = Some(validation::handled::<P>);
        def.seen = Some(validation::seen::<P>);
        def.reader = Some(|answer| read(answer.take::<R>()));
        (def.streams, def.takes_stream) = (is_stream::<R>(), is_stream::<P>());
        self
    }

    /// An action whose types are described by their forms.
    pub(super) fn of_forms<P: Form, R: Form>(name: impl Into<Arc<str>>, handler: impl ActionHandler) -> Self {
        let Self(mut def) = Self::raw(name, handler);
        (def.validator, def.passes, def.decoder) = (P::validator(), P::passes(), P::decoder());
        def.seen = P::seen();
        def.reader = Some(|answer| read(R::take(answer)));
        (def.params, def.returns) = (P::schema(), R::schema());
        (def.streams, def.takes_stream) = (R::streams(), P::streams());
        Self(def)
    }

    /// Takes parameters of another type with the same fields as they are: those of callers through a contract.
    pub(super) fn converting(mut self, conversion: Option<Conversion>) -> Self {
        self.0.conversion = conversion;
        self
    }

    /// An action whose handler sees the payload as it came.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Action, Context, Payload, ServiceBroker, ServiceDef, future::Work};
    /// let echo = Action::raw("echo", |_: &Context, params: Payload| Work::done(Ok(params)));
    /// let broker = ServiceBroker::builder().service(ServiceDef::new("s").action(echo)).start().await?;
    /// assert_eq!(broker.call_named("s.echo", 5).await?.take::<u64>()?, 5);
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn raw(name: impl Into<Arc<str>>, handler: impl ActionHandler) -> Self {
        Self(ActionDef::new(name.into(), layer(handler)))
    }

    /// Checks the parameters against the rules of `P` before the handler runs, and publishes its schema.
    pub fn params<P: Data + Validate + JsonSchema>(mut self) -> Self {
        self.0.validator = Some(validation::check::<P>);
        // It may be another type than the handler's.
        self.0.passes = Some(validation::passes::<P>);
        self.0.params = Some(P::schema());
        self
    }

    /// Publishes the schema of the parameters and checks dynamic parameters against it, for actions whose
    /// handler takes a [`Payload`].
    pub fn params_schema(mut self, schema: Schema) -> Self {
        self.0.params = Some(schema);
        self
    }

    /// Publishes the schema of the result.
    pub fn returns<R: Validate + JsonSchema>(mut self) -> Self {
        self.0.returns = Some(R::schema());
        self
    }

    /// What the action does; the doc comment of the method.
    pub fn doc(mut self, doc: &'static str) -> Self {
        self.0.doc = doc;
        self
    }

    /// Adds an HTTP alias such as `GET /:id`. The parameters of its path are parameters of the action, in either spelling
    /// (`:book_id`, `:bookId`); what the schema of the parameters does not have stops the start.
    ///
    /// ```
    /// # use ligand_core::{Action, Error};
    /// let get = Action::of("get", |id: u64| async move { Ok::<_, Error>(id) }).rest("GET /:id")?;
    /// assert_eq!(get.def().rest().len(), 1);
    /// # Ok::<_, ligand_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// `SERVICE_SCHEMA_ERROR` when the text is not `METHOD /path`, with what to write instead.
    pub fn rest(mut self, rest: &str) -> Result<Self> {
        self.0.rest.push(rest.parse()?);
        Ok(self)
    }

    /// As [`Action::rest`], of parts. What is wrong with them stops the start.
    pub fn with_rest(mut self, rest: Rest) -> Self {
        self.0.rest.push(rest);
        self
    }

    /// Limits who may call the action. Default: published.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Action, Error, ServiceBroker, ServiceDef, service::Visibility};
    /// let own = Action::of("hash", |text: String| async move { Ok::<_, Error>(text.len()) }).visibility(Visibility::Private);
    /// let broker = ServiceBroker::builder().service(ServiceDef::new("users").action(own)).start().await?;
    /// assert!(broker.call_named("users.hash", "secret".to_owned()).await.is_err());
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn visibility(mut self, visibility: Visibility) -> Self {
        self.0.visibility = visibility;
        self
    }

    /// Keeps results in the cache. No effect on a broker without a cacher.
    pub fn cache(mut self, rule: CacheRule) -> Self {
        self.0.cache = Some(rule);
        self
    }

    /// Switches caching off, also when the service's `$cache` setting or a mixin asks for it.
    pub fn no_cache(mut self) -> Self {
        self.0.cache = None;
        self.0.cache_off = true;
        self
    }

    /// The longest time a call may take; zero = no limit. Default: the broker's `request_timeout`.
    ///
    /// ```
    /// # use ligand_core::{Action, Error, config::{BulkheadOptions, RetryOptions}};
    /// use std::time::Duration;
    /// let pay = Action::of("pay", |cents: u64| async move { Ok::<_, Error>(cents) })
    ///     .timeout(Duration::from_secs(5))
    ///     .retry(RetryOptions { enabled: Some(true), retries: Some(2), ..RetryOptions::default() })
    ///     .bulkhead(BulkheadOptions { enabled: Some(true), concurrency: Some(4), ..BulkheadOptions::default() });
    /// # let _ = pay;
    /// ```
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.0.timeout = Some(limit);
        self
    }

    /// Tries again after retryable errors. Default: the broker's `retry_policy`.
    pub fn retry(mut self, options: RetryOptions) -> Self {
        self.0.retry = Some(options);
        self
    }

    /// Stops calls of the action for a while after too many failures. Default: the broker's `circuit_breaker`.
    pub fn circuit_breaker(mut self, options: CircuitBreakerOptions) -> Self {
        self.0.circuit_breaker = Some(options);
        self
    }

    /// Limits how many calls run at once. Default: the broker's `bulkhead`.
    pub fn bulkhead(mut self, options: BulkheadOptions) -> Self {
        self.0.bulkhead = Some(options);
        self
    }

    /// Falls back to something else when the call fails, for whatever reason. A [value](Fallback::value) that callers could
    /// not read as the result of the action stops the start.
    pub fn fallback(mut self, fallback: Fallback) -> Self {
        self.0.fallback = Some(fallback);
        self
    }

    /// Which instance gets a call, when there are several. Default: the broker's `registry.strategy`.
    pub fn strategy(mut self, strategy: StrategyOptions) -> Self {
        self.0.strategy = Some(strategy);
        self
    }

    /// Runs before the handler and may change the parameters.
    pub fn before(mut self, hook: BeforeHook) -> Self {
        self.0.hooks.before.push(hook);
        self
    }

    /// Runs after the handler and may change the result.
    pub fn after(mut self, hook: AfterHook) -> Self {
        self.0.hooks.after.push(hook);
        self
    }

    /// Runs when the handler or a hook failed; may recover.
    pub fn on_error(mut self, hook: ErrorHook) -> Self {
        self.0.hooks.error.push(hook);
        self
    }

    /// Adds a field of your own that middlewares and the gateway can read.
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.0.metadata.insert(key.into(), value.into());
        self
    }

    /// What it says so far. The full name comes with the service.
    pub fn def(&self) -> &ActionDef {
        &self.0
    }
}

impl From<Action> for ActionDef {
    fn from(action: Action) -> Self {
        action.0
    }
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Action").field(&self.0.raw_name()).finish()
    }
}

pub(super) fn is_stream<R: 'static>() -> bool {
    TypeId::of::<R>() == TypeId::of::<Streaming>()
}

/// See [`Reader`]. What is wrong is left out: it quotes the answer.
fn read<R>(answer: Result<R>) -> Result<(), &'static str> {
    answer.map(drop).map_err(|_| std::any::type_name::<R>())
}

/// The one future of a handler: its result as a payload, its panic as an error.
fn finish<R, E, Fut>(start: impl FnOnce() -> Fut) -> Work<Payload>
where
    R: Data,
    E: Failure,
    Fut: Future<Output = Result<R, E>> + Send + 'static,
{
    match guarded(start) {
        Ok(work) => Work::new(isolate(async move { work.await.map(Payload::typed).map_err(Into::into) })),
        Err(panic) => Work::done(Err(panic)),
    }
}
