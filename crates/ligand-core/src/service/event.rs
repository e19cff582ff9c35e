//! Events: what a service listens to, and the typed events it sends.

mod def;

use std::{fmt, future::Future, sync::Arc, time::Duration};

pub use def::EventDef;
use ligand_wire::{
    Data, Payload, Result, error::Failure, pattern::Pattern, schema::JsonSchema, validate::Validate,
};

use super::handler::EventHandler;
use crate::{
    blocking,
    config::BulkheadOptions,
    context::Context,
    future::{Work, guarded, isolate},
    service::{probe::Form, validation},
    sharded::CachePadded,
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

/// Describes one listener: pattern, handler and options. `#[event]` writes it for you. What it says is read from its
/// [`EventDef`].
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
/// assert_eq!(audit.def().pattern(), "user.*");
/// let broker = ServiceBroker::builder().service(ServiceDef::new("audit").event(audit)).start().await?;
/// assert!(broker.has_event_listener("user.removed"));
/// # broker.stop().await;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Event(EventDef);

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

    /// A listener that blocks its thread: it runs where blocking actions run; see
    /// [`Action::blocking`](crate::service::Action::blocking).
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

    /// A listener whose handler sees the payload as it came.
    pub fn raw(pattern: &str, handler: impl EventHandler) -> Self {
        Self(EventDef {
            pattern: Pattern::new(pattern),
            group: None,
            service: "".into(),
            handler: Arc::new(CachePadded::new(handler)),
            validator: None,
            params: None,
            doc: "",
            bulkhead: None,
            throttle: None,
            debounce: None,
        })
    }

    /// Checks the payload against the rules of `P` before the handler runs, and publishes its schema.
    pub fn params<P: Data + Validate + JsonSchema>(mut self) -> Self {
        self.0.validator = Some(validation::check::<P>);
        self.0.params = Some(P::schema());
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
        self.0.group = Some(group.into());
        self
    }

    /// What the listener does; the doc comment of the method.
    pub fn doc(mut self, doc: &'static str) -> Self {
        self.0.doc = doc;
        self
    }

    /// Limits how many events are handled at once.
    pub fn bulkhead(mut self, options: BulkheadOptions) -> Self {
        self.0.bulkhead = Some(options);
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
        self.0.throttle = Some(period);
        self
    }

    /// Waits until no event came for `pause`, then handles the last one. A stop of the broker ends the pause: what
    /// waits is handled at once, while everything still answers.
    pub fn debounce(mut self, pause: Duration) -> Self {
        self.0.debounce = Some(pause);
        self
    }

    /// An event whose payload is described by its form.
    pub(super) fn of_form<P: Form>(pattern: &str, handler: impl EventHandler) -> Self {
        let Self(mut def) = Self::raw(pattern, handler);
        (def.validator, def.params) = (P::validator(), P::schema());
        Self(def)
    }

    /// What it says so far. Without a group of its own, the group comes with the service.
    pub fn def(&self) -> &EventDef {
        &self.0
    }
}

impl From<Event> for EventDef {
    fn from(event: Event) -> Self {
        event.0
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Event").field(&self.0.pattern()).finish()
    }
}
