//! What happened on the broker, written down by a middleware.

use std::{collections::HashMap, fmt, sync::Arc, time::Duration};

use ligand_core::{
    Context, Error, Payload, Result,
    broker::{Outgoing, OutgoingEvent},
    future::{BoxFuture, Work},
    middleware::{DynCall, DynEmit, Middleware},
    service::{ActionDef, DynAction},
};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::Seen;

/// Calls and events in the order they happened.
pub(crate) struct Record {
    /// The longest wait for something to happen.
    pub(crate) patience: Duration,
    calls: Mutex<Vec<Entry<Payload>>>,
    events: Mutex<Vec<Entry<Seen>>>,
    changes: watch::Sender<()>,
}

struct Entry<T> {
    name: String,
    content: T,
    /// A wait has answered it.
    taken: bool,
}

impl Record {
    pub(crate) fn new(patience: Duration) -> Self {
        Self { patience, calls: Mutex::default(), events: Mutex::default(), changes: watch::Sender::new(()) }
    }

    fn add<T>(&self, list: &Mutex<Vec<Entry<T>>>, name: &str, content: T) {
        list.lock().push(Entry { name: name.into(), content, taken: false });
        self.changes.send_replace(());
    }

    pub(crate) fn calls(&self, action: &str) -> Vec<Payload> {
        named(&self.calls, action)
    }

    pub(crate) fn events(&self, name: &str) -> Vec<Seen> {
        named(&self.events, name)
    }

    pub(crate) fn all_events(&self) -> Vec<Seen> {
        self.events.lock().iter().map(|entry| entry.content.clone()).collect()
    }

    /// The first call of this action that no wait has answered yet.
    pub(crate) async fn next_call(&self, action: &str) -> Result<Payload> {
        self.next(&self.calls, action, "call of").await
    }

    /// The first event of this name that no wait has answered yet.
    pub(crate) async fn next_event(&self, name: &str) -> Result<Seen> {
        self.next(&self.events, name, "event").await
    }

    async fn next<T: Clone>(&self, list: &Mutex<Vec<Entry<T>>>, name: &str, what: &str) -> Result<T> {
        let mut changes = self.changes.subscribe();
        let found = async {
            loop {
                changes.mark_unchanged();
                if let Some(entry) = list.lock().iter_mut().find(|entry| !entry.taken && entry.name == name) {
                    entry.taken = true;
                    return entry.content.clone();
                }
                // The sender lives in `self`.
                let _ = changes.changed().await;
            }
        };
        tokio::time::timeout(self.patience, found).await.map_err(|_| {
            Error::build(
                "TestTimeoutError",
                500,
                format!("no {what} '{name}' within {:?}; seen: {}", self.patience, seen(list)),
            )
            .with_kind("TEST_TIMEOUT")
        })
    }
}

fn named<T: Clone>(list: &Mutex<Vec<Entry<T>>>, name: &str) -> Vec<T> {
    list.lock().iter().filter(|entry| entry.name == name).map(|entry| entry.content.clone()).collect()
}

/// The names in a list with their numbers, without the broker's own.
fn seen<T>(list: &Mutex<Vec<Entry<T>>>) -> String {
    let mut names: Vec<(String, usize)> = Vec::new();
    for entry in list.lock().iter().filter(|entry| !entry.name.starts_with('$')) {
        match names.iter_mut().find(|(name, _)| *name == entry.name) {
            Some((_, count)) => *count += 1,
            None => names.push((entry.name.clone(), 1)),
        }
    }
    if names.is_empty() {
        return "nothing".into();
    }
    names.iter().map(|(name, count)| format!("{name} ({count}×)")).collect::<Vec<_>>().join(", ")
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("calls", &seen(&self.calls))
            .field("events", &seen(&self.events))
            .finish()
    }
}

/// Writes everything down and puts mocks in the place of handlers.
pub(crate) struct Recorder {
    pub(crate) record: Arc<Record>,
    pub(crate) mocks: HashMap<&'static str, DynAction>,
}

impl Middleware for Recorder {
    fn name(&self) -> &str {
        "test"
    }

    fn local_action(&self, action: &ActionDef, next: DynAction) -> DynAction {
        let name = action.full_name();
        if name.starts_with('$') {
            return next;
        }
        let next = self.mocks.get(name).cloned().unwrap_or(next);
        let record = self.record.clone();
        Arc::new(move |ctx: &Context, mut params: Payload| -> Work<Payload> {
            params.share();
            record.add(&record.calls, ctx.action(), params.clone());
            next.call(ctx, params)
        })
    }

    fn emit(&self, next: DynEmit) -> Option<DynEmit> {
        let record = self.record.clone();
        Some(Arc::new(move |mut event: OutgoingEvent| -> BoxFuture<Result<()>> {
            event.payload.share();
            let seen = Seen {
                name: event.name.to_string(),
                payload: event.payload.clone(),
                kind: event.kind,
                groups: event.groups.clone(),
            };
            record.add(&record.events, &event.name, seen);
            next.emit(event)
        }))
    }

    fn call(&self, next: DynCall) -> Option<DynCall> {
        Some(Arc::new(move |call: Outgoing| -> BoxFuture<Result<Payload>> {
            let (name, work) = (call.action().to_owned(), next.call(call));
            Box::pin(async move { work.await.map_err(|error| with_hint(error, &name)) })
        }))
    }
}

/// Names the mock to add when exactly this action is missing.
fn with_hint(error: Error, action: &str) -> Error {
    let missing = error.data().and_then(|data| data.get("action")).and_then(|name| name.as_str());
    if error.kind() != "SERVICE_NOT_FOUND" || missing != Some(action) {
        return error;
    }
    let message = format!(
        "{} The test broker has neither this action nor a mock of it: add .service(..) or \
         .mock(ActionRef::new(\"{action}\"), |params| ..)",
        error.message()
    );
    error.with_message(message)
}
