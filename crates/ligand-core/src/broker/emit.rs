//! How an event reaches its listeners.
//!
//! A listener that ends at once costs no task. One that has to wait goes on in a task of its own: it ends
//! also when the sender is cancelled, and a stop waits for it.

use std::{borrow::Cow, fmt, future::IntoFuture, pin::Pin, sync::Arc, task::Poll};

use ligand_wire::{Error, Payload, Result};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::oneshot;

use super::ServiceBroker;
use crate::{
    context::{Context, EventKind, Extra, Home, Inner as ContextInner, Meta},
    future::{BoxFuture, Work, guarded, isolate},
    registry::Listener,
    service::Caller,
};

/// An event on its way out, as [`crate::Middleware::emit`] sees it.
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
    /// Answer the first listener's error instead of only logging it.
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
}

/// An event that is sent when it is awaited; the wait ends when the listeners on this node have ended.
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
            throw_error: false,
            caller,
        })
    }

    /// Only listeners of these groups hear it.
    pub fn groups<G: Into<String>>(mut self, groups: impl IntoIterator<Item = G>) -> Self {
        self.0.groups = groups.into_iter().map(Into::into).collect();
        self
    }

    /// Sets one value of the listeners' meta.
    pub fn meta(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.0.meta.set(key, value);
        self
    }

    /// Answers the first error of a listener on this node. By default errors are only logged.
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
    let sent = Arc::new(Extra { event: Some((Arc::from(&*event.name), event.kind)), ..Extra::default() });
    let mut first = None;
    let mut waiting = Vec::new();
    for group in groups.iter() {
        if !event.groups.is_empty() && !event.groups.iter().any(|wanted| **wanted == *group.name) {
            continue;
        }
        if event.kind == EventKind::Emit {
            for listener in group.pick() {
                run(&event, &sent, listener, &mut waiting, &mut first).await;
            }
            continue;
        }
        for listener in group.all() {
            run(&event, &sent, listener, &mut waiting, &mut first).await;
        }
    }
    for end in waiting {
        if let Ok(Err(error)) = end.await {
            first.get_or_insert(error);
        }
    }
    match first {
        Some(error) if event.throw_error => Err(error),
        _ => Ok(()),
    }
}

async fn run(
    event: &OutgoingEvent,
    sent: &Arc<Extra>,
    listener: &Arc<Listener>,
    waiting: &mut Vec<oneshot::Receiver<Result<()>>>,
    first: &mut Option<Error>,
) {
    let ctx = context(event, sent, listener);
    let payload = event.payload.clone();
    let work = guarded(|| listener.chain().call(&ctx, payload));
    let mut work = work.unwrap_or_else(|panic| Work::done(Err(panic)));
    let poll = std::future::poll_fn(|cx| Poll::Ready(guarded(|| Pin::new(&mut work).poll(cx)))).await;
    match poll {
        Ok(Poll::Ready(Ok(()))) => {}
        Ok(Poll::Ready(Err(error))) | Err(error) => {
            log_event_error(&event.name, &error);
            first.get_or_insert(error);
        }
        Ok(Poll::Pending) => {
            let (done, end) = oneshot::channel();
            // The context stays until the end: it tells that the listener runs.
            event.caller.broker().0.tasks.spawn(async move {
                let result = isolate(work).await;
                if let Err(error) = &result {
                    log_event_error(ctx.event(), error);
                }
                drop(ctx);
                let _ = done.send(result);
            });
            waiting.push(end);
        }
    }
}

fn context(event: &OutgoingEvent, sent: &Arc<Extra>, listener: &Arc<Listener>) -> Context {
    let mut inner = ContextInner::new(Home::Listener(listener.clone()));
    match event.caller.context() {
        Some(parent) => {
            inner.request_id = Some(parent.request_id());
            inner.parent_id = Some(parent.id());
            inner.level = parent.level() + 1;
            inner.caller = parent.service_name().cloned();
            let mut meta = parent.metas();
            meta.merge(&event.meta);
            inner.meta = Mutex::new(meta);
        }
        None => inner.meta = Mutex::new(event.meta.clone()),
    }
    inner.extra = Some(sent.clone());
    inner.build()
}

#[cold]
pub(crate) fn log_event_error(event: &str, error: &Error) {
    tracing::error!(event, error = %format!("{error:#}"), "a listener failed");
}
