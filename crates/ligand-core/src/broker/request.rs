//! A call as a future.

use std::{
    borrow::Cow,
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{self, Poll},
    time::Duration,
};

use ligand_wire::{Data, Error, Payload, Result};
use serde_json::Value;

use super::ServiceBroker;
use super::{
    call::{CallOptions, Dispatch, Outgoing, at_once, dispatch},
    running::Running,
    straight::{Straight, hit, straight},
};
use crate::{
    context::{Context, Id, ReplyHead},
    edge::HttpRequest,
    future::{BoxFuture, guarded},
    middleware::Fallback,
    stream::Streaming,
};

/// A call that runs when it is awaited. Dropping it cancels the callee.
///
/// ```
/// # use ligand_core::{ActionRef, ServiceBroker};
/// # async fn example(broker: ServiceBroker) -> ligand_core::Result<()> {
/// # const GET: ActionRef<u64, String> = ActionRef::new("users.name");
/// let name = broker.call(GET, 5).timeout(std::time::Duration::from_secs(1)).retries(2).await?;
/// # Ok(()) }
/// ```
#[must_use = "a call does nothing until it is awaited"]
pub struct Request<R> {
    state: Step<R>,
}

/// Nothing is ever pinned in it: futures that run are boxed.
impl<R> Unpin for Request<R> {}

#[allow(clippy::large_enum_variant, reason = "a request lives on its caller's stack or future")]
enum Step<R> {
    Waiting(Outgoing),
    /// On its way without layers.
    Straight(Running<BoxFuture<Result<R>>>),
    Direct(Running),
    Long(BoxFuture<Result<Payload>>),
    Done,
}

impl<R> Request<R> {
    pub(crate) fn new(
        broker: &ServiceBroker,
        parent: Option<Context>,
        action: Cow<'static, str>,
        params: Payload,
    ) -> Self {
        Self { state: Step::Waiting(Outgoing::new(broker, parent, action, params)) }
    }

    fn set(&mut self, change: impl FnOnce(&mut CallOptions)) {
        if let Step::Waiting(call) = &mut self.state {
            change(call.options_mut());
        }
    }

    /// The longest time to wait; zero = no limit. Never longer than the caller itself has.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Action, Error, ServiceBroker, ServiceDef};
    /// # use std::{future::pending, time::Duration};
    /// let never = Action::of("never", |(): ()| async { pending::<Result<(), Error>>().await });
    /// let broker = ServiceBroker::builder().service(ServiceDef::new("s").action(never)).start().await?;
    /// let error = broker.call_named("s.never", ()).timeout(Duration::from_millis(1)).await.unwrap_err();
    /// assert_eq!(error.code(), 504);
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.set(|options| options.timeout = Some(limit));
        self
    }

    /// Tries again this often after retryable errors, also when the retry policy is off.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Action, Error, ServiceBroker, ServiceDef};
    /// # use std::sync::atomic::{AtomicU32, Ordering};
    /// static TRIES: AtomicU32 = AtomicU32::new(0);
    /// let moody = Action::of("moody", |(): ()| async {
    ///     match TRIES.fetch_add(1, Ordering::Relaxed) {
    ///         0 | 1 => Err(Error::server(503, "NOT_NOW", "Ask again.").with_retryable(true)),
    ///         tries => Ok(tries),
    ///     }
    /// });
    /// let broker = ServiceBroker::builder().service(ServiceDef::new("s").action(moody)).start().await?;
    /// let tries: u32 = broker.call_named("s.moody", ()).retries(2).await?.take()?;
    /// assert_eq!(tries, 2);
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn retries(mut self, count: u32) -> Self {
        self.set(|options| options.retries = Some(count));
        self
    }

    /// Asks this node only.
    pub fn node(mut self, node_id: impl Into<Arc<str>>) -> Self {
        self.set(|options| options.node_id = Some(node_id.into()));
        self
    }

    /// Sets one value of the callee's meta.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Action, Context, Error, ServiceBroker, ServiceDef};
    /// let who = Action::new("who", |ctx: Context, (): ()| async move { ctx.require_meta::<String>("user") });
    /// let broker = ServiceBroker::builder().service(ServiceDef::new("s").action(who)).start().await?;
    /// let user: String = broker.call_named("s.who", ()).meta("user", "ada").await?.take()?;
    /// assert_eq!(user, "ada");
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn meta(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.set(|options| options.meta.set(key, value));
        self
    }

    /// Sets one header.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Action, Context, Error, ServiceBroker, ServiceDef};
    /// let lang = Action::new("lang", |ctx: Context, (): ()| async move {
    ///     Ok::<_, Error>(ctx.header("x-lang").unwrap_or("en").to_owned())
    /// });
    /// let broker = ServiceBroker::builder().service(ServiceDef::new("s").action(lang)).start().await?;
    /// let lang: String = broker.call_named("s.lang", ()).header("x-lang", "de").await?.take()?;
    /// assert_eq!(lang, "de");
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.set(|options| {
            let headers = options.headers.get_or_insert_default();
            Arc::make_mut(headers).insert(name.to_ascii_lowercase(), value.into());
        });
        self
    }

    /// Names the request; by default it is the caller's, or a new one.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Action, Context, Error, ServiceBroker, ServiceDef};
    /// let id = Action::new("id", |ctx: Context, (): ()| async move { Ok::<_, Error>(ctx.request_id().to_string()) });
    /// let broker = ServiceBroker::builder().service(ServiceDef::new("s").action(id)).start().await?;
    /// let id: String = broker.call_named("s.id", ()).request_id("order-5").await?.take()?;
    /// assert_eq!(id, "order-5");
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn request_id(mut self, id: impl Into<Id>) -> Self {
        self.set(|options| options.request_id = Some(id.into()));
        self
    }

    /// Streams this to the callee beside the parameters; the handler finds it in [`Context::stream`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Action, Context, Error, ServiceBroker, ServiceDef, stream::Streaming};
    /// let length = Action::new("length", |ctx: Context, (): ()| async move {
    ///     let Some(file) = ctx.stream() else { return Ok(0) };
    ///     Ok::<_, Error>(file.collect_bytes(1024).await?.len())
    /// });
    /// let broker = ServiceBroker::builder().service(ServiceDef::new("s").action(length)).start().await?;
    /// let file = Streaming::from_bytes("twelve bytes");
    /// let length: usize = broker.call_named("s.length", ()).stream(file).await?.take()?;
    /// assert_eq!(length, 12);
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn stream(mut self, stream: Streaming) -> Self {
        self.set(|options| options.stream = Some(stream));
        self
    }

    /// Puts what the action says about its answer at the edge (`$statusCode`, `$responseHeaders` and the like) into
    /// `head`, also when the call fails. For gateways: to everybody else it is not said.
    pub fn reply_head(mut self, head: &ReplyHead) -> Self {
        self.set(|options| options.head = Some(head.clone()));
        self
    }

    /// Gives the action the HTTP request it asks for; see [`HttpWants`](crate::edge::HttpWants). For gateways.
    pub fn http(mut self, request: HttpRequest) -> Self {
        self.set(|options| options.http = Some(Arc::new(request)));
        self
    }

    /// Neither reads the cache nor writes it.
    pub fn no_cache(mut self) -> Self {
        self.set(|options| options.no_cache = true);
        self
    }
}

impl<R: Data> Request<R> {
    fn poll_payload(&mut self, cx: &mut task::Context<'_>) -> Poll<Result<Payload>> {
        if let Step::Waiting(call) = &mut self.state {
            if let Some(found) = hit(call) {
                self.state = Step::Done;
                return Poll::Ready(found);
            }
            if let Some(begun) = at_once(call) {
                self.state = Step::Done;
                let mut running = match begun {
                    Ok(running) => running,
                    Err(error) => return Poll::Ready(Err(error)),
                };
                let result = Pin::new(&mut running).poll(cx);
                if result.is_pending() {
                    self.state = Step::Direct(running);
                }
                return result;
            }
            let Step::Waiting(call) = std::mem::replace(&mut self.state, Step::Done) else { unreachable!() };
            self.state = match dispatch(call) {
                Dispatch::Direct(running) => Step::Direct(running),
                Dispatch::Long(work) => Step::Long(work),
            };
        }
        let result = match &mut self.state {
            Step::Direct(running) => Pin::new(running).poll(cx),
            Step::Straight(running) => Pin::new(running).poll(cx).map_ok(Payload::typed),
            // Fallbacks and `call` middlewares may panic.
            Step::Long(work) => match guarded(|| work.as_mut().poll(cx)) {
                Ok(poll) => poll,
                Err(panic) => Poll::Ready(Err(panic)),
            },
            Step::Waiting(_) | Step::Done => panic!("a request was polled after it had ended"),
        };
        if result.is_ready() {
            self.state = Step::Done;
        }
        result
    }

    /// Polls a call that met no layer. `None`: it does, or it is not known yet.
    #[inline]
    fn poll_straight(&mut self, cx: &mut task::Context<'_>) -> Option<Poll<Result<R>>> {
        if let Step::Waiting(call) = &mut self.state {
            self.state = match straight(call)? {
                Straight::Running(running) => Step::Straight(running),
                Straight::Done(result) => {
                    self.state = Step::Done;
                    return Some(Poll::Ready(result));
                }
            };
        }
        let Step::Straight(running) = &mut self.state else { return None };
        let result = Pin::new(running).poll(cx);
        if result.is_ready() {
            self.state = Step::Done;
        }
        Some(result)
    }

    /// A call with all options given at once. A fallback among them is checked as by [`Request::fallback`].
    pub fn with_options(self, mut options: CallOptions) -> Self {
        let fallback = options.fallback.take();
        let mut own = self;
        own.set(|all| *all = options);
        match fallback {
            Some(fallback) => own.fallback(fallback),
            None => own,
        }
    }

    /// Falls back to this when the call fails, for whatever reason. A constant ([`Fallback::value`]) has to be what the
    /// caller reads; where that is whatever comes ([`ServiceBroker::call_named`]), it has to be null or what the action
    /// could answer, as far as this node knows. [`Request::fallback_value`] is checked by the compiler.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{ServiceBroker, middleware::Fallback};
    /// let broker = ServiceBroker::builder().start().await?;
    /// let price = broker.call_named("prices.of", "tea".to_owned()).fallback(Fallback::value(2.5)).await?;
    /// assert_eq!(price.take::<f64>()?, 2.5);
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The call fails with `INVALID_RESPONSE_TYPE` before anything is called when the constant is something else.
    pub fn fallback(mut self, fallback: Fallback) -> Self {
        if let Step::Waiting(call) = &self.state {
            match fallback.read_as::<R>(call.action()) {
                Ok(fallback) => self.set(|options| options.fallback = Some(fallback)),
                Err(error) => self.state = Step::Long(crate::future::ready(Err(error))),
            }
        }
        self
    }

    /// Falls back to this value when the call fails, for whatever reason.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{ActionRef, ServiceBroker};
    /// const PRICE: ActionRef<String, f64> = ActionRef::new("prices.of");
    /// let broker = ServiceBroker::builder().start().await?;
    /// assert_eq!(broker.call(PRICE, "tea".to_owned()).fallback_value(2.5).await?, 2.5);
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn fallback_value(mut self, value: R) -> Self {
        self.set(|options| options.fallback = Some(Fallback::of(value)));
        self
    }

    /// Shares the result instead of copying it: a cached value is answered to every caller without a clone.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Action, ActionRef, Error, ServiceBroker, ServiceDef};
    /// const NAMES: ActionRef<(), Vec<String>> = ActionRef::new("s.names");
    /// let names = Action::of("names", |(): ()| async { Ok::<_, Error>(vec!["ada".to_owned()]) });
    /// let broker = ServiceBroker::builder().service(ServiceDef::new("s").action(names)).start().await?;
    /// let names: std::sync::Arc<Vec<String>> = broker.call(NAMES, ()).shared().await?;
    /// assert_eq!(*names, ["ada"]);
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As the call itself.
    pub fn shared(self) -> SharedRequest<R> {
        SharedRequest(self)
    }
}

impl<R: Data> Future for Request<R> {
    type Output = Result<R>;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Result<R>> {
        let this = self.get_mut();
        if let Some(straight) = this.poll_straight(cx) {
            return straight;
        }
        this.poll_payload(cx).map(|result| result?.take().map_err(|error| unfit(&error)))
    }
}

/// A call whose result is shared; made by [`Request::shared`].
#[must_use = "a call does nothing until it is awaited"]
#[derive(Debug)]
pub struct SharedRequest<R>(Request<R>);

impl<R: Data> Future for SharedRequest<R> {
    type Output = Result<Arc<R>>;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Result<Arc<R>>> {
        let poll = self.get_mut().0.poll_payload(cx);
        poll.map(|result| result?.shared().map_err(|error| unfit(&error)))
    }
}

/// A result of another type than the caller expects is nobody's input error.
#[cold]
fn unfit(error: &Error) -> Error {
    Error::server(500, "INVALID_RESPONSE_TYPE", "The result does not fit the type that the caller expects.")
        .with_retryable(false)
        .with_internal(error.message())
}

impl<R> fmt::Debug for Request<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.state {
            Step::Waiting(call) => write!(f, "Request({})", call.action()),
            Step::Straight(_) | Step::Direct(_) | Step::Long(_) => f.write_str("Request(running)"),
            Step::Done => f.write_str("Request(done)"),
        }
    }
}
