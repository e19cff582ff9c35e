//! Events: what a service listens to, and the typed events it sends.

use std::{fmt, future::Future, sync::Arc, time::Duration};

use ligand_wire::{
    Data, Payload, Result,
    error::Failure,
    pattern::Pattern,
    schema::{JsonSchema, Schema},
    validate::Validate,
};

use crate::{
    blocking,
    config::BulkheadOptions,
    context::Context,
    future::{Work, guarded, isolate},
    service::{action::Validator, probe::Form, validation},
    sharded::{Handle, Handles, Line},
};

/// An event type with its name, so that names exist once and are checked at both ends.
///
/// `#[payload(event = "users.created")]` implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event",
    label = "no event name is known for this type",
    note = "put #[payload(event = \"some.name\")] on it, or use emit_named(\"some.name\", value)"
)]
pub trait EventPayload: Data {
    /// The event's name on the bus.
    const NAME: &'static str;
}

/// Runs a listener: the shape of handlers and of every middleware layer around them.
pub trait EventHandler: Send + Sync + 'static {
    /// Starts the work for one event.
    fn call(&self, ctx: &Context, payload: Payload) -> Work<()>;
}

/// A shared [`EventHandler`]; what a middleware receives as `next`.
pub type DynEvent = Arc<dyn EventHandler>;

impl<F, W> EventHandler for F
where
    F: Fn(&Context, Payload) -> W + Send + Sync + 'static,
    W: Into<Work<()>>,
{
    fn call(&self, ctx: &Context, payload: Payload) -> Work<()> {
        self(ctx, payload).into()
    }
}

impl<H: EventHandler> EventHandler for Line<H> {
    fn call(&self, ctx: &Context, payload: Payload) -> Work<()> {
        (**self).call(ctx, payload)
    }
}

/// The definition of one listener: pattern, handler and options. `#[event]` writes it for you.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> ligand_core::Result<()> {
/// use ligand_core::{Context, Error, Event, ServiceBroker, ServiceDef};
///
/// let audit = Event::new("user.*", |ctx: Context, id: u64| async move {
///     println!("{}: {id}", ctx.event_name());
///     Ok::<_, Error>(())
/// });
/// assert_eq!(audit.pattern(), "user.*");
/// let broker = ServiceBroker::builder().service(ServiceDef::new("audit").event(audit)).start().await?;
/// assert!(broker.has_event_listener("user.removed"));
/// # broker.stop().await;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Event {
    pub(crate) pattern: Pattern,
    pub(crate) group: Option<Arc<str>>,
    pub(crate) service: Arc<str>,
    pub(crate) handler: DynEvent,
    pub(crate) validator: Option<Validator>,
    pub(crate) params: Option<Schema>,
    pub(crate) doc: &'static str,
    pub(crate) bulkhead: Option<BulkheadOptions>,
    pub(crate) throttle: Option<Duration>,
    pub(crate) debounce: Option<Duration>,
}

impl Event {
    /// A listener with a typed handler. `pattern` is a name or a mask: `*` is one dot-free part, `**`
    /// anything.
    pub fn new<P, E, F, Fut>(pattern: &str, handler: F) -> Self
    where
        P: Data,
        E: Failure,
        F: Fn(Context, P) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
    {
        Self::raw(pattern, move |ctx: &Context, payload: Payload| -> Work<()> {
            match payload.take::<P>() {
                Ok(payload) => match guarded(|| handler(ctx.clone(), payload)) {
                    Ok(work) => Work::new(isolate(async move { work.await.map_err(Into::into) })),
                    Err(panic) => Work::done(Err(panic)),
                },
                Err(error) => Work::done(Err(error)),
            }
        })
    }

    /// A listener that is a method of `service`, with a payload described by its form; see
    /// [`probe`](super::probe).
    pub fn method<S, P, E, F, Fut>(pattern: &str, service: &Arc<S>, _payload: P, handler: F) -> Self
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
        Self { validator: P::validator(), params: P::schema(), ..Self::raw(pattern, raw) }
    }

    /// As [`Event::method`] for a method that is not async: it needs no future.
    pub fn method_now<S, P, E, F>(pattern: &str, service: &Arc<S>, _payload: P, handler: F) -> Self
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
        Self { validator: P::validator(), params: P::schema(), ..Self::raw(pattern, raw) }
    }

    /// A listener that blocks its thread: it runs where blocking actions run; see
    /// [`Action::blocking`](crate::Action::blocking).
    pub fn blocking<P, E, F>(pattern: &str, handler: F) -> Self
    where
        P: Data,
        E: Failure,
        F: Fn(&Context, P) -> Result<(), E> + Send + Sync + 'static,
    {
        let handler = Arc::new(handler);
        Self::raw(pattern, move |ctx: &Context, payload: Payload| -> Work<()> {
            match payload.take::<P>() {
                Ok(payload) => {
                    let handler = Arc::clone(&handler);
                    blocking::run(ctx, move |ctx| handler(ctx, payload).map_err(Into::into))
                }
                Err(error) => Work::done(Err(error)),
            }
        })
    }

    /// As [`Event::method`] for a method that blocks its thread.
    pub fn method_blocking<S, P, E, F>(pattern: &str, service: &Arc<S>, _payload: P, handler: F) -> Self
    where
        S: Send + Sync + 'static,
        P: Form,
        P::Value: Send,
        E: Failure,
        F: Fn(&Arc<S>, &Context, P::Value) -> Result<(), E> + Send + Sync + 'static,
    {
        let raw = blocking::method::<S, P, (), E, F>(Arc::clone(service), handler);
        Self { validator: P::validator(), params: P::schema(), ..Self::raw(pattern, raw) }
    }

    /// A listener whose handler sees the payload as it came.
    pub fn raw(pattern: &str, handler: impl EventHandler) -> Self {
        Self {
            pattern: Pattern::new(pattern),
            group: None,
            service: "".into(),
            handler: Arc::new(Line::new(handler)),
            validator: None,
            params: None,
            doc: "",
            bulkhead: None,
            throttle: None,
            debounce: None,
        }
    }

    /// Checks the payload against the rules of `P` before the handler runs, and publishes its schema.
    pub fn params<P: Data + Validate + JsonSchema>(mut self) -> Self {
        self.validator = Some(validation::check::<P>);
        self.params = Some(P::schema());
        self
    }

    /// Listeners of one group share the events: an `emit` reaches one of them. Default: the service's name.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Context, Error, Event, ServiceBroker, ServiceDef};
    /// // One of all services of this group gets the event, whatever their names are.
    /// let paid = Event::new("order.paid", |_: Context, (): ()| async { Ok::<_, Error>(()) }).group("payment");
    /// let broker = ServiceBroker::builder().service(ServiceDef::new("mail").event(paid)).start().await?;
    /// assert_eq!(broker.event_groups("order.paid"), ["payment"]);
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn group(mut self, group: impl Into<Arc<str>>) -> Self {
        self.group = Some(group.into());
        self
    }

    /// What the listener does; the doc comment of the method.
    pub fn doc(mut self, doc: &'static str) -> Self {
        self.doc = doc;
        self
    }

    /// Limits how many events are handled at once.
    pub fn bulkhead(mut self, options: BulkheadOptions) -> Self {
        self.bulkhead = Some(options);
        self
    }

    /// Handles at most one event in each period; the others are dropped.
    ///
    /// ```
    /// # use ligand_core::{Context, Error, Event};
    /// use std::time::Duration;
    /// let moved = Event::new("mouse.moved", |_: Context, (): ()| async { Ok::<_, Error>(()) })
    ///     .throttle(Duration::from_millis(100));
    /// # let _ = moved;
    /// ```
    pub fn throttle(mut self, period: Duration) -> Self {
        self.throttle = Some(period);
        self
    }

    /// Waits until no event came for `pause`, then handles the last one. A stop of the broker ends the pause: what
    /// waits is handled at once, while everything still answers.
    pub fn debounce(mut self, pause: Duration) -> Self {
        self.debounce = Some(pause);
        self
    }

    /// The pattern.
    pub fn pattern(&self) -> &str {
        self.pattern.as_str()
    }

    /// The group: the one set, else the service's name without version.
    pub fn group_of(&self) -> &str {
        self.group.as_deref().unwrap_or(&self.service)
    }

    /// The doc comment.
    pub fn docs(&self) -> &'static str {
        self.doc
    }

    /// Schema of the payload, when known.
    pub fn params_of(&self) -> Option<&Schema> {
        self.params.as_ref()
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").field("pattern", &self.pattern()).finish_non_exhaustive()
    }
}
