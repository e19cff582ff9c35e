//! Events that were handed over to one listener.
//!
//! Whoever sends an event puts it here and goes on. One task of the listener takes them out in order and starts the
//! handler of each. What ends at once costs nothing more; what waits goes on in a task of its own, which a stop waits for.
//!
//! A sender that waits for the listeners starts the handlers itself, when nobody else does so at that moment: to wake a
//! task and be woken by it takes longer than most listeners do. So there are two who may take events out, never both at
//! once: handlers start in the order in which the events came.
//!
//! The number of events in hand (they wait here, or their handler runs) is limited by places.

use std::{
    collections::VecDeque,
    fmt,
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{self, Poll, Waker},
    time::Duration,
};

use ligand_wire::{Error, Payload, Result};
use parking_lot::Mutex;
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    Listener,
    ends::{End, Ends},
};
use crate::{
    context::Context,
    future::{Work, guarded, isolate},
    log::place::Around,
    task::Tasks,
    thread_watch::watch,
};

/// With so many events in hand, senders let others run before they send on.
const BUSY: usize = 256;

/// A sender that waits starts no more handlers than this for one listener: the events before its own are of others.
const HELPS: usize = 16;

/// One event for one listener.
pub(crate) struct Handed {
    /// Holds the listener: it counts as running from here on.
    ctx: Context,
    payload: Payload,
    /// Whoever waits for the end.
    done: Option<End>,
    place: Option<OwnedSemaphorePermit>,
}

/// What one listener has in hand.
pub(super) struct Inbox {
    state: Mutex<State>,
    /// `None`: no limit.
    places: Option<Arc<Semaphore>>,
    limit: usize,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Handed>,
    /// Somebody takes events out and starts their handlers: the task, or a sender.
    serving: bool,
    /// The task was made.
    tasked: bool,
    /// Wakes the task.
    waker: Option<Waker>,
    closed: bool,
}

/// What has to be done, without the lock, so that the task sees what waits.
enum Call {
    Nobody,
    Make,
    Wake(Waker),
}

impl State {
    /// What the task has to be told: nothing while somebody serves, who will see what waits.
    fn call(&mut self) -> Call {
        if self.serving || self.waiting.is_empty() {
            return Call::Nobody;
        }
        if !std::mem::replace(&mut self.tasked, true) {
            return Call::Make;
        }
        self.waker.take().map_or(Call::Nobody, Call::Wake)
    }
}

impl Inbox {
    /// `limit`: the most events in hand; 0 = no limit.
    pub(super) fn new(limit: usize) -> Self {
        let places = (limit > 0).then(|| Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS))));
        Self { state: Mutex::default(), places, limit }
    }

    /// A place for one event; waits for one at most so long. `None`: there is none.
    async fn place(&self, patience: Duration) -> Option<Option<OwnedSemaphorePermit>> {
        let Some(places) = &self.places else { return Some(None) };
        if let Ok(place) = places.clone().try_acquire_owned() {
            return Some(Some(place));
        }
        if patience.is_zero() {
            return None;
        }
        // Boxed: few have to wait, and all would be larger.
        let place = Box::pin(tokio::time::timeout(patience, places.clone().acquire_owned())).await;
        place.ok()?.ok().map(Some)
    }

    fn is_busy(&self) -> bool {
        let in_hand = match &self.places {
            Some(places) => self.limit.saturating_sub(places.available_permits()),
            None => self.state.lock().waiting.len(),
        };
        in_hand >= BUSY
    }

    /// Leaves an event to the task.
    fn put(self: &Arc<Self>, event: Handed, tasks: &Tasks) {
        let mut state = self.state.lock();
        if state.closed {
            drop(state);
            drop(event);
            return;
        }
        state.waiting.push_back(event);
        let call = state.call();
        drop(state);
        self.answer(call, tasks);
    }

    /// Puts an event in and starts its handler, unless others are before it who take long or are many.
    fn put_and_serve(self: &Arc<Self>, event: Handed, tasks: &Tasks, cx: &mut task::Context<'_>) {
        // Handlers run on the runtime of their broker: its timers and sockets are theirs.
        let here = tasks.is_here();
        let mut state = self.state.lock();
        let before = state.waiting.len();
        if !here || state.closed || state.serving || before >= HELPS {
            drop(state);
            return self.put(event, tasks);
        }
        if before == 0 {
            state.serving = true;
            drop(state);
            let serving = Serving { inbox: self, tasks };
            begin(event, tasks, cx);
            return drop(serving);
        }
        state.waiting.push_back(event);
        state.serving = true;
        drop(state);
        let _serving = Serving { inbox: self, tasks };
        for _ in 0..=before {
            let Some(next) = self.take() else { break };
            begin(next, tasks, cx);
        }
    }

    fn take(&self) -> Option<Handed> {
        self.state.lock().waiting.pop_front()
    }

    fn answer(self: &Arc<Self>, call: Call, tasks: &Tasks) {
        match call {
            Call::Nobody => {}
            Call::Wake(waker) => waker.wake(),
            Call::Make => {
                let service = Service(self.clone());
                let own = tasks.clone();
                tasks.spawn_background(async move { service.run(&own).await });
            }
        }
    }

    /// The next event, for the task, which serves from then on.
    fn poll_next(&self, cx: &task::Context<'_>) -> Poll<Option<Handed>> {
        let mut state = self.state.lock();
        if state.closed {
            return Poll::Ready(None);
        }
        if !state.serving
            && let Some(event) = state.waiting.pop_front()
        {
            state.serving = true;
            return Poll::Ready(Some(event));
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Takes nothing more; what waits is dropped.
    pub(super) fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        let (left, waker) = (std::mem::take(&mut state.waiting), state.waker.take());
        drop(state);
        // Events hold the listener, which may end with the last of them.
        drop(left);
        waker.into_iter().for_each(Waker::wake);
    }
}

/// A sender's turn at an inbox. What came in the meantime is for the task.
struct Serving<'a> {
    inbox: &'a Arc<Inbox>,
    tasks: &'a Tasks,
}

impl Drop for Serving<'_> {
    fn drop(&mut self) {
        let mut state = self.inbox.state.lock();
        state.serving = false;
        let call = state.call();
        drop(state);
        self.inbox.answer(call, self.tasks);
    }
}

/// Serves an inbox. When its task is aborted, the events that wait are dropped: they hold the listener, which holds
/// them.
struct Service(Arc<Inbox>);

impl Drop for Service {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Service {
    async fn run(self, tasks: &Tasks) {
        let mut event = None;
        while let Some(next) = poll_fn(|cx| self.0.poll_next(cx)).await {
            event.replace(next);
            poll_fn(|cx| Poll::Ready(event.take().map(|event| begin(event, tasks, cx)))).await;
            self.0.state.lock().serving = false;
            // Others of this thread want to run too.
            tokio::task::coop::consume_budget().await;
        }
    }
}

/// Runs the first step of a handler here, and the others in a task.
fn begin(event: Handed, tasks: &Tasks, cx: &mut task::Context<'_>) {
    let Handed { ctx, payload, done, place } = event;
    let thread_watch = ctx.broker().thread_watch();
    let start = thread_watch.now();
    let work = guarded(|| ctx.listener().map(|listener| listener.chain().call(&ctx, payload)));
    let mut work = match work {
        Ok(work) => work.unwrap_or_else(|| Work::done(Ok(()))),
        Err(panic) => Work::done(Err(panic)),
    };
    let step = guarded(|| Pin::new(&mut work).poll(cx));
    thread_watch.ended(start, &ctx);
    match step {
        Ok(Poll::Ready(result)) => ended(&ctx, result, done),
        Err(panic) => ended(&ctx, Err(panic), done),
        Ok(Poll::Pending) => {
            // The context stays until the end: it tells that the listener runs.
            tasks.spawn(async move {
                let result = isolate(watch(ctx.clone(), work)).await;
                ended(&ctx, result, done);
                drop((ctx, place));
            });
        }
    }
}

fn ended(ctx: &Context, result: Result<()>, done: Option<End>) {
    if let Err(error) = &result {
        // It is the listener's, also where a sender serves.
        Around::context(ctx).in_scope(|| ctx.broker().note_listener_error(ctx, error));
    }
    if let Some(done) = done {
        done.with(result);
    }
}

/// The events of one send on their way to listeners of this node.
pub(crate) struct HandingOver {
    tasks: Tasks,
    /// How long the sender waits for a place.
    patience: Duration,
    /// The ends that the sender waits for.
    ends: Option<Arc<Ends>>,
    /// The sender starts handlers itself.
    serves: bool,
    first: Option<Error>,
    busy: bool,
}

impl HandingOver {
    /// `wait`: the sender wants to know how the listeners end.
    pub(crate) fn new(tasks: Tasks, patience: Duration, wait: bool) -> Self {
        Self { tasks, patience, ends: wait.then(Arc::default), serves: false, first: None, busy: false }
    }

    /// A sender that only waits may as well start the handlers.
    pub(crate) fn serving(mut self) -> Self {
        self.serves = self.ends.is_some();
        self
    }

    /// Hands an event over to the listener of `ctx`.
    pub(crate) async fn to(&mut self, listener: &Arc<Listener>, ctx: Context, payload: Payload) {
        let inbox = &listener.inbox;
        let Some(place) = inbox.place(self.patience).await else {
            let error = refused(&ctx, inbox.limit);
            ctx.broker().note_listener_error(&ctx, &error);
            self.first.get_or_insert(error);
            return;
        };
        let done = self.ends.as_ref().map(Ends::one);
        let event = Handed { ctx, payload, done, place };
        if self.serves {
            let mut event = Some(event);
            let tasks = &self.tasks;
            poll_fn(|cx| Poll::Ready(event.take().map(|event| inbox.put_and_serve(event, tasks, cx)))).await;
            return;
        }
        inbox.put(event, &self.tasks);
        self.busy |= inbox.is_busy();
    }

    /// Waits for the listeners when the sender wants to; returns the first error.
    pub(crate) async fn end(mut self) -> Result<()> {
        match self.ends.take() {
            Some(ends) => {
                if let Some(error) = ends.all().await {
                    self.first.get_or_insert(error);
                }
            }
            // Who sends without end must not keep the listeners from running.
            None if self.busy => tokio::task::yield_now().await,
            None => {}
        }
        self.first.map_or(Ok(()), Err)
    }
}

#[cold]
fn refused(ctx: &Context, limit: usize) -> Error {
    let (event, service) = (ctx.event_name(), ctx.service_full_name());
    Error::queue_is_full(event, ctx.broker().node_id())
        .with_message(format!(
            "The listener of '{event}' in service '{service}' has {limit} events in hand and takes no more."
        ))
        .with_data(json!({ "event": event, "service": service, "nodeID": ctx.node_id() }))
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").field("waiting", &self.state.lock().waiting.len()).finish_non_exhaustive()
    }
}
