//! Actions: what a service offers to be called.

use std::{any::TypeId, fmt, future::Future, marker::PhantomData, sync::Arc, time::Duration};

use ligand_wire::{
    Data, Payload, Result,
    error::Failure,
    schema::{JsonSchema, Schema},
    validate::Validate,
};
use serde_json::{Map, Value};

use crate::{
    blocking,
    cache::CacheRule,
    config::{BulkheadOptions, CircuitBreakerOptions, RetryOptions},
    context::Context,
    future::{Work, guarded, isolate},
    middleware::{AfterHook, BeforeHook, ErrorHook, Fallback, Hooks},
    registry::strategy::StrategyOptions,
    service::{FastPath, Rest, Typed, announced::Announced, contract::Conversion, probe::Form, validation},
    sharded::{Handle, Handles, Line, Sharded},
    stream::Streaming,
};

/// Runs an action: the shape of handlers and of every middleware layer around them.
pub trait ActionHandler: Send + Sync + 'static {
    /// Starts the work. What needs no wait is done at once; dropping the rest cancels it.
    fn call(&self, ctx: &Context, params: Payload) -> Work<Payload>;
}

/// A shared [`ActionHandler`]; what a middleware receives as `next`.
pub type DynAction = Arc<dyn ActionHandler>;

impl<F, W> ActionHandler for F
where
    F: Fn(&Context, Payload) -> W + Send + Sync + 'static,
    W: Into<Work<Payload>>,
{
    fn call(&self, ctx: &Context, params: Payload) -> Work<Payload> {
        self(ctx, params).into()
    }
}

impl<H: ActionHandler> ActionHandler for Line<H> {
    fn call(&self, ctx: &Context, params: Payload) -> Work<Payload> {
        (**self).call(ctx, params)
    }
}

/// Hands on to a layer that it shares with others.
pub(crate) struct Forward(DynAction);

impl Forward {
    /// As many as there are groups of threads: a layer that keeps `next` for each call counts handles of its own.
    pub(crate) fn sharded(next: &DynAction) -> Sharded<Line<Self>> {
        Sharded::new(|| Line::new(Self(next.clone())))
    }
}

impl ActionHandler for Forward {
    fn call(&self, ctx: &Context, params: Payload) -> Work<Payload> {
        self.0.call(ctx, params)
    }
}

/// A handler or layer on cache lines of its own: all cores read it at every call, and nobody writes beside it.
pub(crate) fn layer(handler: impl ActionHandler) -> DynAction {
    Arc::new(Line::new(handler))
}

/// The name of an action together with the types it takes and answers. Generated as a constant for every
/// `#[action]` (`Users::GET`); write one by hand to call a service that is not written in Rust.
///
/// ```
/// use ligand_core::ActionRef;
/// const ADD: ActionRef<(f64, f64), f64> = ActionRef::new("math.add");
/// assert_eq!(ADD.name(), "math.add");
/// ```
pub struct ActionRef<P, R> {
    name: &'static str,
    types: PhantomData<fn(P) -> R>,
}

impl<P, R> ActionRef<P, R> {
    /// `name` is the full name with version prefix: `v2.orders.place`.
    pub const fn new(name: &'static str) -> Self {
        Self { name, types: PhantomData }
    }

    /// The full action name.
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

impl<P, R> Clone for ActionRef<P, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P, R> Copy for ActionRef<P, R> {}

impl<P, R> fmt::Debug for ActionRef<P, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ActionRef({})", self.name)
    }
}

/// Who may call an action.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// Everybody, also through the gateway.
    #[default]
    Published,
    /// Every node, not the gateway.
    Public,
    /// Services on the same node.
    Protected,
    /// Only the service itself.
    Private,
}

/// Decodes, sanitises and checks the parameters; the output holds the typed value.
pub(crate) type Validator = fn(Payload) -> Result<Payload>;

/// Tells whether a [`Validator`] would leave the parameters as they are.
pub(crate) type Passes = fn(&Payload) -> bool;

/// Makes of the parameters what the handler takes, or gives them back.
pub(crate) type Decoder = fn(Payload) -> Result<Payload, Payload>;

/// Says whether an answer that did not come from the handler is of its result's type, or the name of the type.
pub(crate) type Reader = fn(Payload) -> Result<(), &'static str>;

/// The definition of one action: name, handler and options. `#[action]` writes it for you.
///
/// ```
/// use ligand_core::{Action, Context, Result};
/// let add = Action::new("add", |_ctx: Context, (a, b): (f64, f64)| async move { Ok::<f64, ligand_core::Error>(a + b) })
///     .rest("POST /add")?
///     .timeout(std::time::Duration::from_secs(2));
/// assert_eq!(add.raw_name(), "add");
/// # Ok::<(), ligand_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Action {
    pub(crate) name: Arc<str>,
    pub(crate) full_name: Arc<str>,
    pub(crate) service: Arc<str>,
    pub(crate) handler: DynAction,
    /// The same handler for callers of its own types.
    pub(crate) fast_path: Option<FastPath>,
    pub(crate) validator: Option<Validator>,
    /// Tells parameters that the validator leaves as they are; `None`: those of the handler's type.
    pub(crate) passes: Option<Passes>,
    pub(crate) decoder: Option<Decoder>,
    /// Reads an answer as callers do.
    pub(crate) reader: Option<Reader>,
    /// Makes parameters of the contract's type those of the handler.
    pub(crate) conversion: Option<Conversion>,
    pub(crate) params: Option<Schema>,
    /// What another node says of the parameters of its action.
    pub(crate) announced: Option<Arc<Announced>>,
    pub(crate) returns: Option<Schema>,
    pub(crate) doc: &'static str,
    pub(crate) rest: Vec<Rest>,
    /// What is wrong with further aliases of an action of another node.
    pub(crate) rest_problems: Vec<String>,
    pub(crate) visibility: Visibility,
    pub(crate) cache: Option<CacheRule>,
    pub(crate) cache_off: bool,
    pub(crate) timeout: Option<Duration>,
    pub(crate) retry: Option<RetryOptions>,
    pub(crate) circuit_breaker: Option<CircuitBreakerOptions>,
    pub(crate) bulkhead: Option<BulkheadOptions>,
    pub(crate) fallback: Option<Fallback>,
    pub(crate) strategy: Option<StrategyOptions>,
    pub(crate) hooks: Hooks,
    pub(crate) metadata: Map<String, Value>,
    /// The result is a stream.
    pub(crate) streams: bool,
    /// The handler takes a stream as its parameters, which none can be.
    pub(crate) takes_stream: bool,
}

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
        let fast = Typed::later(move |ctx, params: Payload| {
            let work = own(ctx.clone(), params.take_typed()?);
            Ok(async move { work.await.map_err(Into::into) })
        });
        Self::of_types::<P, R>(Self::raw(name, raw)).with_fast_path(fast)
    }

    /// As [`Action::new`] for a handler that does not need the context; saves handing it over.
    ///
    /// ```
    /// use ligand_core::{Action, Error};
    /// let twice = Action::of("twice", |n: i64| async move { Ok::<_, Error>(2 * n) });
    /// assert_eq!(twice.raw_name(), "twice");
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
        let fast = Typed::later(move |_, params: Payload| {
            let work = own(params.take_typed()?);
            Ok(async move { work.await.map_err(Into::into) })
        });
        Self::of_types::<P, R>(Self::raw(name, raw)).with_fast_path(fast)
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
        Self::of_types::<P, R>(Self::raw(name, raw))
    }

    /// An action that is a method of `service`, with types described by their forms; see
    /// [`probe`](super::probe).
    pub fn method<S, P, R, E, F, Fut>(
        name: impl Into<Arc<str>>,
        service: &Arc<S>,
        _params: P,
        _result: R,
        handler: F,
    ) -> Self
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
        let fast = Typed::later(move |ctx, params: Payload| {
            let (service, handler) = &*own;
            let work = handler(service.own(), ctx, P::take_typed(params)?);
            Ok(async move { work.await.map_err(Into::into) })
        });
        Self::described::<P, R>(Self::raw(name, raw)).with_fast_path(fast)
    }

    /// As [`Action::method`] for a method that is not async: its result needs no future.
    pub fn method_now<S, P, R, E, F>(
        name: impl Into<Arc<str>>,
        service: &Arc<S>,
        _params: P,
        _result: R,
        handler: F,
    ) -> Self
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
        Self::described::<P, R>(Self::raw(name, raw)).with_fast_path(fast)
    }

    /// As [`Action::method_now`] for a method that does not need the context: a call that meets no layer makes none.
    pub fn method_now_of<S, P, R, E, F>(
        name: impl Into<Arc<str>>,
        service: &Arc<S>,
        params: P,
        result: R,
        handler: F,
    ) -> Self
    where
        S: Send + Sync + 'static,
        P: Form,
        R: Form,
        E: Failure,
        F: Fn(&Arc<S>, P::Value) -> Result<R::Value, E> + Send + Sync + 'static,
    {
        let handler = Arc::new(handler);
        let (own, this) = (Arc::clone(&handler), Arc::clone(service));
        let fast =
            Typed::Now(Box::new(move |params| Ok(own(&this, P::take_typed(params)?).map_err(Into::into))));
        let with_context = move |this: &Arc<S>, _: &Context, params: P::Value| handler(this, params);
        Self::method_now(name, service, params, result, with_context).with_fast_path(fast)
    }

    /// As [`Action::method`] for a method that blocks its thread: it runs where it holds up nothing else.
    pub fn method_blocking<S, P, R, E, F>(
        name: impl Into<Arc<str>>,
        service: &Arc<S>,
        _params: P,
        _result: R,
        handler: F,
    ) -> Self
    where
        S: Send + Sync + 'static,
        P: Form,
        P::Value: Send,
        R: Form,
        E: Failure,
        F: Fn(&Arc<S>, &Context, P::Value) -> Result<R::Value, E> + Send + Sync + 'static,
    {
        let put = move |service: &Arc<S>, ctx: &Context, params: P::Value| {
            handler(service, ctx, params).map(R::put)
        };
        let raw = blocking::method::<S, P, Payload, E, _>(Arc::clone(service), put);
        Self::described::<P, R>(Self::raw(name, raw))
    }

    fn with_fast_path<R: 'static>(self, handler: Typed<R>) -> Self {
        Self { fast_path: Some(FastPath::new(handler)), ..self }
    }

    fn of_types<P: Data, R: Data>(action: Self) -> Self {
        let decoder: Option<Decoder> = Some(validation::handled::<P>);
        let reader: Option<Reader> = Some(|answer| read(answer.take::<R>()));
        Self { decoder, reader, streams: is_stream::<R>(), takes_stream: is_stream::<P>(), ..action }
    }

    fn described<P: Form, R: Form>(action: Self) -> Self {
        let (validator, decoder) = (P::validator(), P::decoder());
        let reader: Option<Reader> = Some(|answer| read(R::take(answer)));
        let (params, returns, streams) = (P::schema(), R::schema(), R::streams());
        let passes = P::passes();
        Self {
            validator,
            passes,
            decoder,
            reader,
            params,
            returns,
            streams,
            takes_stream: P::streams(),
            ..action
        }
    }

    /// Takes parameters of another type with the same fields as they are: those of callers through a contract. What it
    /// gets is the answer of [`Agreement::check`](super::contract::Agreement).
    pub fn converting(mut self, conversion: Option<Conversion>) -> Self {
        self.conversion = conversion;
        self
    }

    /// What the handler will see of these parameters, when they are checked (`checked`) and when not. `None` when
    /// the call would fail.
    pub(crate) fn handled(&self, params: Payload, checked: bool) -> Option<Payload> {
        let params = match self.validator.filter(|_| checked) {
            Some(check) => check(params).ok()?,
            None => params,
        };
        self.decoded(params).ok()
    }

    /// The parameters as the handler takes them, or back.
    pub(crate) fn decoded(&self, params: Payload) -> Result<Payload, Payload> {
        match self.decoder {
            Some(decode) => decode(params),
            None => Ok(validation::or_empty(params)),
        }
    }

    /// An action whose handler sees the payload as it came.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Action, Context, Payload, ServiceBroker, ServiceDef, Work};
    /// let echo = Action::raw("echo", |_: &Context, params: Payload| Work::done(Ok(params)));
    /// let broker = ServiceBroker::builder().service(ServiceDef::new("s").action(echo)).start().await?;
    /// assert_eq!(broker.call_named("s.echo", 5).await?.take::<u64>()?, 5);
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn raw(name: impl Into<Arc<str>>, handler: impl ActionHandler) -> Self {
        Self::with_handler(name.into(), layer(handler))
    }

    fn with_handler(name: Arc<str>, handler: DynAction) -> Self {
        Self {
            full_name: name.clone(),
            name,
            service: "".into(),
            handler,
            fast_path: None,
            validator: None,
            passes: None,
            decoder: None,
            reader: None,
            conversion: None,
            params: None,
            announced: None,
            returns: None,
            doc: "",
            rest: Vec::new(),
            rest_problems: Vec::new(),
            visibility: Visibility::Published,
            cache: None,
            cache_off: false,
            timeout: None,
            retry: None,
            circuit_breaker: None,
            bulkhead: None,
            fallback: None,
            strategy: None,
            hooks: Hooks::default(),
            metadata: Map::new(),
            streams: false,
            takes_stream: false,
        }
    }

    /// An action of another node.
    pub(crate) fn remote(name: Arc<str>, full_name: Arc<str>, service: Arc<str>, handler: DynAction) -> Self {
        Self { full_name, service, ..Self::with_handler(name, handler) }
    }

    /// Checks the parameters against the rules of `P` before the handler runs, and publishes its schema.
    pub fn params<P: Data + Validate + JsonSchema>(mut self) -> Self {
        self.validator = Some(validation::check::<P>);
        // It may be another type than the handler's.
        self.passes = Some(validation::passes::<P>);
        self.params = Some(P::schema());
        self
    }

    /// Publishes the schema of the parameters and checks dynamic parameters against it, for actions whose
    /// handler takes a [`Payload`].
    pub fn params_schema(mut self, schema: Schema) -> Self {
        self.params = Some(schema);
        self
    }

    /// Publishes the schema of the result.
    pub fn returns<R: Validate + JsonSchema>(mut self) -> Self {
        self.returns = Some(R::schema());
        self
    }

    /// What the action does; the doc comment of the method.
    pub fn doc(mut self, doc: &'static str) -> Self {
        self.doc = doc;
        self
    }

    /// Adds an HTTP alias such as `GET /:id`. The parameters of its path are parameters of the action, in either spelling
    /// (`:book_id`, `:bookId`); what the schema of the parameters does not have stops the start.
    ///
    /// ```
    /// # use ligand_core::{Action, Error};
    /// let get = Action::of("get", |id: u64| async move { Ok::<_, Error>(id) }).rest("GET /:id")?;
    /// assert_eq!(get.rest_of().len(), 1);
    /// # Ok::<_, ligand_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// `SERVICE_SCHEMA_ERROR` when the text is not `METHOD /path`, with what to write instead.
    pub fn rest(mut self, rest: &str) -> Result<Self> {
        self.rest.push(rest.parse()?);
        Ok(self)
    }

    /// As [`Action::rest`], of parts. What is wrong with them stops the start.
    pub fn with_rest(mut self, rest: Rest) -> Self {
        self.rest.push(rest);
        self
    }

    /// Limits who may call the action. Default: published.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Action, Error, ServiceBroker, ServiceDef, Visibility};
    /// let own = Action::of("hash", |text: String| async move { Ok::<_, Error>(text.len()) }).visibility(Visibility::Private);
    /// let broker = ServiceBroker::builder().service(ServiceDef::new("users").action(own)).start().await?;
    /// assert!(broker.call_named("users.hash", "secret".to_owned()).await.is_err());
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn visibility(mut self, visibility: Visibility) -> Self {
        self.visibility = visibility;
        self
    }

    /// Keeps results in the cache. No effect on a broker without a cacher.
    pub fn cache(mut self, rule: CacheRule) -> Self {
        self.cache = Some(rule);
        self
    }

    /// Switches caching off, also when the service's `$cache` setting or a mixin asks for it.
    pub fn no_cache(mut self) -> Self {
        self.cache = None;
        self.cache_off = true;
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
        self.timeout = Some(limit);
        self
    }

    /// Tries again after retryable errors. Default: the broker's `retry_policy`.
    pub fn retry(mut self, options: RetryOptions) -> Self {
        self.retry = Some(options);
        self
    }

    /// Gives the action a rest after too many failures. Default: the broker's `circuit_breaker`.
    pub fn circuit_breaker(mut self, options: CircuitBreakerOptions) -> Self {
        self.circuit_breaker = Some(options);
        self
    }

    /// Limits how many calls run at once. Default: the broker's `bulkhead`.
    pub fn bulkhead(mut self, options: BulkheadOptions) -> Self {
        self.bulkhead = Some(options);
        self
    }

    /// Answers with something else when the call fails for whatever reason. A [value](Fallback::value) that callers could
    /// not read as the result of the action stops the start.
    pub fn fallback(mut self, fallback: Fallback) -> Self {
        self.fallback = Some(fallback);
        self
    }

    /// Which instance gets a call, when there are several. Default: the broker's `registry.strategy`.
    pub fn strategy(mut self, strategy: StrategyOptions) -> Self {
        self.strategy = Some(strategy);
        self
    }

    /// Runs before the handler and may change the parameters.
    pub fn before(mut self, hook: BeforeHook) -> Self {
        self.hooks.before.push(hook);
        self
    }

    /// Runs after the handler and may change the result.
    pub fn after(mut self, hook: AfterHook) -> Self {
        self.hooks.after.push(hook);
        self
    }

    /// Runs when the handler or a hook failed; may recover.
    pub fn on_error(mut self, hook: ErrorHook) -> Self {
        self.hooks.error.push(hook);
        self
    }

    /// Adds a field of your own that middlewares and the gateway can read.
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }

    /// Full name with version and service, `v2.users.get`: what Moleculer calls `action.name`. Guards and masks compare
    /// this one.
    pub fn full_name(&self) -> &str {
        &self.full_name
    }

    /// Short name, `get`: what Moleculer calls `action.rawName`. Actions of many services share it.
    pub fn raw_name(&self) -> &str {
        &self.name
    }

    /// Full name of the service with version, `v2.users`: what Moleculer calls `action.service.fullName`.
    pub fn service_full_name(&self) -> &str {
        &self.service
    }

    /// The doc comment.
    pub fn docs(&self) -> &'static str {
        self.doc
    }

    /// Schema of the parameters, when known; of an action of another node, what that node announces. That node checks by
    /// rules of its own: here the schema is for reading and for [converting](Schema::convert) texts.
    pub fn params_of(&self) -> Option<&Schema> {
        self.params.as_ref().or_else(|| self.announced.as_ref()?.schema())
    }

    /// Schema of the result, when known.
    pub fn returns_of(&self) -> Option<&Schema> {
        self.returns.as_ref()
    }

    /// HTTP aliases.
    pub fn rest_of(&self) -> &[Rest] {
        &self.rest
    }

    /// What is wrong with aliases of another node's action that could not be understood: they are not among
    /// [`Action::rest_of`].
    pub fn rest_problems(&self) -> &[String] {
        &self.rest_problems
    }

    /// Who may call.
    pub fn visibility_of(&self) -> Visibility {
        self.visibility
    }

    /// A field set with [`Action::metadata`].
    pub fn meta_field(&self, key: &str) -> Option<&Value> {
        self.metadata.get(key)
    }
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Action").field("name", &self.full_name).finish_non_exhaustive()
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
