//! How an event reaches its listeners.
//!
//! A send is over when the event is handed over: it stands in the queues of this node's listeners, and is on the bus
//! for others. Listeners take none of the time of a sender that does not wait for them; see
//! `registry/listener/inbox.rs`.

use std::{borrow::Cow, fmt, future::IntoFuture, sync::Arc, time::Duration};

use ligand_transport::Sending;
use ligand_wire::{Error, Payload, Result, packet::Event};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::oneshot;

use super::ServiceBroker;
use crate::{
    context::{Context, EventKind, Extra, Id, Inner as ContextInner, Meta, Owner, parent_of},
    future::{BoxFuture, isolate},
    registry::{Group, Groups, HandingOver, Listener, Node},
    service::Caller,
    transit::{EventContext, Events, Transit},
};

/// How long a sender whose time is limited waits for a place in a full queue: it must not lose its time to a listener.
const SHORT: Duration = Duration::from_millis(100);

/// The same for others, such as imports: they go as fast as the listener. Not for ever, it may wait for the sender.
const LONG: Duration = Duration::from_secs(10);

/// An event on its way out, as [`crate::middleware::Middleware::emit`] sees it.
#[derive(Debug)]
pub struct OutgoingEvent {
    /// Name of the event.
    pub name: Cow<'static, str>,
    /// What it carries.
    pub payload: Payload,
    /// How it is sent.
    pub kind: EventKind,
    /// Only these groups; empty = all.
    pub groups: Vec<String>,
    /// Laid over the sender's meta.
    pub meta: Meta,
    /// Wait until the listeners of this node have ended.
    pub wait_for_listeners: bool,
    /// Wait for them, and answer the first error instead of only logging it.
    pub throw_error: bool,
    caller: Caller,
}

impl OutgoingEvent {
    /// The context that sends, `None` when the broker itself does.
    pub fn context(&self) -> Option<&Context> {
        self.caller.context()
    }

    /// The broker.
    pub fn broker(&self) -> &ServiceBroker {
        self.caller.broker()
    }

    fn hand_over(&self) -> HandingOver {
        let limited = self.context().is_some_and(Context::is_limited);
        let patience = if limited { SHORT } else { LONG };
        let wait = self.wait_for_listeners || self.throw_error;
        HandingOver::new(self.broker().tasks().clone(), patience, wait).serving()
    }

    /// Whether the sender hears of this error.
    fn thrown(&self, result: Result<()>) -> Result<()> {
        result.or_else(|error| if self.throw_error { Err(error) } else { Ok(()) })
    }
}

/// An event that is sent when it is awaited. The wait is over when the event is handed over: it stands in the queues of
/// the listeners on this node, which get it in the order in which it was sent, and is on its way to other nodes. What
/// listeners do with it takes none of the sender's time.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> ligand_core::Result<()> {
/// use ligand_core::{Context, Error, Event, ServiceBroker, ServiceDef};
/// use tokio::sync::mpsc;
///
/// let (heard, mut news) = mpsc::unbounded_channel();
/// let listener = Event::new("user.created", move |_: Context, name: String| {
///     let heard = heard.clone();
///     async move { heard.send(name).map_err(Error::from) }
/// });
/// let broker = ServiceBroker::builder().service(ServiceDef::new("mail").event(listener)).start().await?;
/// broker.emit_named("user.created", "ada".to_owned()).await?;
/// assert_eq!(news.recv().await.as_deref(), Some("ada"));
/// # broker.stop().await;
/// # Ok(()) }
/// ```
#[must_use = "an event is not sent until it is awaited"]
pub struct Emit(OutgoingEvent);

impl Emit {
    pub(crate) fn new(caller: Caller, name: Cow<'static, str>, payload: Payload, kind: EventKind) -> Self {
        Self(OutgoingEvent {
            name,
            payload,
            kind,
            groups: Vec::new(),
            meta: Meta::default(),
            wait_for_listeners: false,
            throw_error: false,
            caller,
        })
    }

    /// Only listeners of these groups hear it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Context, Error, Event, ServiceBroker, ServiceDef};
    /// # use std::sync::atomic::{AtomicU32, Ordering};
    /// static MAILS: AtomicU32 = AtomicU32::new(0);
    /// let count = |_: Context, (): ()| async { Ok::<_, Error>(drop(MAILS.fetch_add(1, Ordering::Relaxed))) };
    /// let broker = ServiceBroker::builder()
    ///     .service(ServiceDef::new("mail").event(Event::new("order.paid", count)))
    ///     .start()
    ///     .await?;
    /// broker.emit_named("order.paid", ()).groups(["stock"]).wait_for_listeners().await?;
    /// broker.emit_named("order.paid", ()).groups(["stock", "mail"]).wait_for_listeners().await?;
    /// assert_eq!(MAILS.load(Ordering::Relaxed), 1);
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn groups<G: Into<String>>(mut self, groups: impl IntoIterator<Item = G>) -> Self {
        self.0.groups = groups.into_iter().map(Into::into).collect();
        self
    }

    /// Sets one value of the listeners' meta.
    pub fn meta(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.0.meta.set(key, value);
        self
    }

    /// Waits until the listeners on this node have ended, whatever comes of it. What listeners on other nodes do is not
    /// known.
    ///
    /// A listener that sends an event which it hears itself must not wait for its end.
    pub fn wait_for_listeners(mut self) -> Self {
        self.0.wait_for_listeners = true;
        self
    }

    /// [Waits for the listeners](Emit::wait_for_listeners) on this node and returns the first error of one, or of the way
    /// to another node: an event that is too large for a node or the bus, that cannot be written, or that finds the bus
    /// lost and no room to wait for it. By default errors are only logged (and counted:
    /// [`Traffic::events_lost`](crate::broker::Traffic::events_lost)), and the event goes on to the other listeners in
    /// any case. What happens to an event after it has left is not known.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Context, Error, Event, ServiceBroker, ServiceDef};
    /// let full = Event::new("order.paid", |_: Context, (): ()| async {
    ///     Err::<(), _>(Error::server(507, "FULL", "No room for the order."))
    /// });
    /// let broker = ServiceBroker::builder().service(ServiceDef::new("archive").event(full)).start().await?;
    /// assert!(broker.emit_named("order.paid", ()).await.is_ok());
    /// let error = broker.emit_named("order.paid", ()).throw_error().await.unwrap_err();
    /// assert_eq!(error.kind(), "FULL");
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn throw_error(mut self) -> Self {
        self.0.throw_error = true;
        self
    }
}

impl IntoFuture for Emit {
    type Output = Result<()>;
    type IntoFuture = BoxFuture<Result<()>>;

    fn into_future(self) -> Self::IntoFuture {
        match &self.0.broker().0.emit_hooks {
            Some(hooks) => {
                let hooks = hooks.clone();
                Box::pin(isolate(async move { hooks.emit(self.0).await }))
            }
            None => Box::pin(deliver(self.0)),
        }
    }
}

impl fmt::Debug for Emit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Emit({})", self.0.name)
    }
}

/// Sends an event behind the `emit` hooks.
pub(super) async fn deliver(mut event: OutgoingEvent) -> Result<()> {
    event.payload.share();
    let broker = event.caller.broker();
    if let Some(ctx) = event.caller.context() {
        let max = broker.0.parts.options.max_call_level;
        if max > 0 && ctx.level() >= max {
            return Err(Error::max_call_level(ctx.level(), broker.node_id()));
        }
    }
    let groups = broker.0.registry.load().heard(&event.name);
    if groups.is_empty() {
        return Ok(());
    }
    if let Some(transit) = broker.0.transit.as_ref().filter(|_| event.kind != EventKind::BroadcastLocal) {
        let transit = transit.clone();
        // What only some events need would make the future of all large.
        return Box::pin(to_cluster(event, &groups, &transit)).await;
    }
    let sent = Arc::new(Extra { event: Some((Arc::from(&*event.name), event.kind)), ..Extra::default() });
    let mut handing = event.hand_over();
    for group in groups.iter().filter(|group| wanted(&event.groups, group)) {
        hand_over(&mut handing, group, event.kind, &event.payload, |listener| {
            context(&event, &sent, listener)
        })
        .await;
    }
    let heard = handing.end().await;
    event.thrown(heard)
}

/// Hands an event over to the listeners of this node in a group: to one service's, or to all.
async fn hand_over(
    handing: &mut HandingOver,
    group: &Group,
    kind: EventKind,
    payload: &Payload,
    context: impl Fn(&Arc<Listener>) -> Context,
) {
    if kind == EventKind::Emit {
        for listener in group.pick() {
            handing.to(listener, context(listener), payload.clone()).await;
        }
        return;
    }
    for listener in group.all() {
        handing.to(listener, context(listener), payload.clone()).await;
    }
}

fn wanted(groups: &[String], group: &Group) -> bool {
    groups.is_empty() || groups.iter().any(|wanted| **wanted == *group.name)
}

/// Sends an event to listeners on this and other nodes.
async fn to_cluster(mut event: OutgoingEvent, groups: &Groups, transit: &Arc<Transit>) -> Result<()> {
    let broker = event.caller.broker().clone();
    let wanted: Vec<_> = groups.iter().filter(|group| wanted(&event.groups, group)).collect();
    let mut here: Vec<&Arc<Group>> = Vec::new();
    let mut there: Vec<(Arc<Node>, Vec<Arc<str>>)> = Vec::new();
    let add = |there: &mut Vec<(Arc<Node>, Vec<Arc<str>>)>, node: &Arc<Node>, group: Option<&Arc<str>>| {
        let at = there.iter().position(|(known, _)| Arc::ptr_eq(known, node)).unwrap_or_else(|| {
            there.push((node.clone(), Vec::new()));
            there.len() - 1
        });
        if let Some(group) = group
            && !there[at].1.contains(group)
        {
            there[at].1.push(group.clone());
        }
    };
    let balanced = transit.balances() && !event.name.starts_with('$');
    let prefer_local = broker.0.parts.options.registry.prefer_local;
    for group in &wanted {
        if event.kind == EventKind::Broadcast {
            here.push(group);
            group.nodes().iter().for_each(|node| add(&mut there, node, None));
            continue;
        }
        if balanced {
            continue;
        }
        if group.is_local() && (prefer_local || group.nodes().is_empty()) {
            here.push(group);
            continue;
        }
        // Two masks of one group that hear the event stay together when one node has both.
        let chosen = there.iter().find(|(node, groups)| {
            groups.contains(&group.name) && group.nodes().iter().any(|n| n.id() == node.id())
        });
        if chosen.is_some() {
            continue;
        }
        match group.next_node(true, &[]) {
            Some(Some(node)) => add(&mut there, node, Some(&group.name)),
            Some(None) => here.push(group),
            None => {}
        }
    }
    let mut leaving = Leaving { wait: event.throw_error, ..Leaving::default() };
    if (!there.is_empty() || balanced)
        && let Err(error) = transit.events().encode_once(&mut event.payload)
    {
        // Listeners on this node can have it all the same.
        transit.events().lost(&event.name, &error.for_log());
        leaving.first = Some(error);
    }
    let id = Id::random();
    let settled = leaving.first.is_none();
    for (node, groups) in there.iter().filter(|_| settled) {
        // A broadcast names its groups only when the sender did.
        let groups: Vec<Cow<'_, str>> = match event.kind {
            EventKind::Broadcast => event.groups.iter().map(|group| Cow::Borrowed(&**group)).collect(),
            _ => groups.iter().map(|group| Cow::Borrowed(&**group)).collect(),
        };
        let events = transit.events();
        leaving.add(events, events.send_to_node(node, packet(&event, &id, groups)));
    }
    if balanced && settled && event.kind == EventKind::Emit {
        let mut names: Vec<&Arc<str>> = wanted.iter().map(|group| &group.name).collect();
        names.sort();
        names.dedup();
        for group in names {
            let events = transit.events();
            let packet = packet(&event, &id, vec![Cow::Borrowed(&**group)]);
            leaving.add(events, events.send_to_group(group, packet));
        }
    }
    let sent = Arc::new(Extra { event: Some((Arc::from(&*event.name), event.kind)), ..Extra::default() });
    let mut handing = event.hand_over();
    for group in here {
        hand_over(&mut handing, group, event.kind, &event.payload, |listener| {
            context(&event, &sent, listener)
        })
        .await;
    }
    let heard = handing.end().await;
    leaving.end().await?;
    event.thrown(heard)
}

/// An event on its way to other nodes.
#[derive(Default)]
struct Leaving {
    /// The sender wants to know.
    wait: bool,
    first: Option<Error>,
    waiting: Vec<Sending>,
}

impl Leaving {
    fn add(&mut self, events: &Events, sending: Sending) {
        match sending {
            Sending::Done(Ok(())) => {}
            Sending::Done(Err(error)) => drop(self.first.get_or_insert(error)),
            waiting if self.wait => self.waiting.push(waiting),
            waiting => events.detach(waiting),
        }
    }

    /// Waits for the bus when the sender wants to know, and returns the first error.
    async fn end(mut self) -> Result<()> {
        for sending in std::mem::take(&mut self.waiting) {
            if let Err(error) = sending.await {
                self.first.get_or_insert(error);
            }
        }
        match self.first {
            Some(error) if self.wait => Err(error),
            _ => Ok(()),
        }
    }
}

fn packet<'a>(event: &'a OutgoingEvent, id: &Id, groups: Vec<Cow<'a, str>>) -> Event<'a> {
    let parent = event.caller.context();
    let mut carried = parent.map(Context::down).unwrap_or_default();
    carried.lay_over(&event.meta);
    let text = |id: Id| Cow::Owned(id.to_string());
    Event {
        id: text(Id::random()),
        event: Cow::Borrowed(&event.name),
        data: event.payload.clone(),
        groups,
        broadcast: event.kind == EventKind::Broadcast,
        meta: Cow::Owned(carried.to_packet(None, None)),
        headers: Some(Cow::default()),
        level: parent.map_or(1, |parent| parent.level() + 1),
        tracing: parent.and_then(Context::tracing),
        parent_id: parent.and_then(|parent| {
            parent_of(parent.trace().as_deref(), Some(parent.inner().id())).cloned().map(text)
        }),
        request_id: Some(text(parent.map_or_else(|| id.clone(), Context::request_id))),
        caller: parent.and_then(|parent| parent.service_name()).map(|name| Cow::Borrowed(&**name)),
    }
}

/// Hands an event of another node over to its listeners. `done` goes when all have ended.
pub(crate) async fn receive(
    broker: &ServiceBroker,
    name: Arc<str>,
    mut payload: Payload,
    groups: &[String],
    from: &EventContext,
    done: Option<oneshot::Sender<()>>,
) {
    payload.share();
    let sent = Arc::new(Extra {
        event: Some((name.clone(), from.kind)),
        headers: from.headers.clone(),
        node: Some(from.node.clone()),
        ..Extra::default()
    });
    // Other events wait behind this one.
    let mut handing = HandingOver::new(broker.tasks().clone(), Duration::ZERO, done.is_some());
    let lists = broker.0.registry.load().heard(&name);
    for group in lists.iter().filter(|group| wanted(groups, group)) {
        let context = |listener: &Arc<Listener>| {
            let mut inner = ContextInner::new(Owner::Listener(listener.clone()));
            inner.request_id.clone_from(&from.request_id);
            inner.parent_id.clone_from(&from.parent_id);
            inner.trace.clone_from(&from.trace);
            inner.level = from.level;
            inner.caller.clone_from(&from.caller);
            inner.carried = Mutex::new(from.carried.clone());
            inner.extra = Some(sent.clone());
            inner.build()
        };
        hand_over(&mut handing, group, from.kind, &payload, context).await;
    }
    match done {
        Some(done) => {
            broker.0.tasks.spawn_background(async move {
                let _ = handing.end().await;
                drop(done);
            });
        }
        None => drop(handing.end().await),
    }
}

fn context(event: &OutgoingEvent, sent: &Arc<Extra>, listener: &Arc<Listener>) -> Context {
    let mut inner = ContextInner::new(Owner::Listener(listener.clone()));
    let carried = inner.carried.get_mut();
    if let Some(parent) = event.caller.context() {
        *carried = parent.down();
    }
    carried.lay_over(&event.meta);
    if let Some(parent) = event.caller.context() {
        inner.request_id = Some(parent.request_id());
        inner.parent_id = Some(parent.id());
        inner.trace = parent.trace();
        inner.level = parent.level() + 1;
        inner.caller = parent.as_caller();
    }
    inner.extra = Some(sent.clone());
    inner.build()
}
