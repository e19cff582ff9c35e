//! A request of another node, step by step: is it new, may it run, what does it run in, where does it run.

use std::{
    sync::Arc,
    task::{self, Waker},
    time::Duration,
};

use futures_util::future::{AbortHandle, Abortable};
use ligand_transport::BoxFuture;
use ligand_wire::{Error, Payload, Result, packet::Request};
use tokio::time::Instant;

use super::{Key, Served, running::CallSlot};
use crate::{
    broker::{ServiceBroker, State, serve},
    context::{Arrived, Context, Extra, Id, Inner as ContextInner, Limit, Owner, Trace},
    registry::{Endpoint, Node},
    service::Visibility,
    stream::{Mode, Streaming},
    transit::{
        received::{Receipt, level, receipt, texts},
        streams::{self, Direction, MODE_FLAG, StreamPacket},
    },
};

/// A handler whose first step takes longer than this gets a task of its own from then on.
const SLOW: Duration = Duration::from_micros(200);

/// A request that may run.
struct Admitted {
    stream: Option<Streaming>,
    slot: CallSlot,
    endpoint: Arc<Endpoint>,
}

/// Why a request does not run.
enum Refused {
    /// It came before.
    Twice,
    Because(Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Because(error)
    }
}

impl Served {
    /// A request came, or a packet of its stream. With `tracked` the receipt ends when its work has ended.
    pub(crate) fn on_request(
        self: &Arc<Self>,
        broker: &ServiceBroker,
        node: &Arc<Node>,
        mut request: Request<'_>,
        len: usize,
        tracked: bool,
    ) -> Option<Receipt> {
        if let Some(seq @ 1..) = request.seq {
            self.on_stream_packet(node, request, seq, len);
            return None;
        }
        let begun = self.begin(node, &request.id)?;
        let Admitted { stream, slot, endpoint } = match self.admit(broker, node, &mut request) {
            Ok(admitted) => admitted,
            Err(Refused::Twice) => return None,
            Err(Refused::Because(error)) => {
                self.answer(node, &request.id, request.meta.into_owned(), Err(error));
                return None;
            }
        };
        let params = std::mem::take(&mut request.params);
        let ctx = context(broker, node, endpoint, request, stream);
        let (done, end) = receipt(tracked);
        let caller = Caller { served: self.clone(), node: node.clone(), _slot: slot };
        let endpoint = ctx.endpoint().expect("the context was made with an endpoint").clone();
        let mut work: BoxFuture<()> = Box::pin(async move {
            let result = serve(&ctx, params).await;
            caller.answer(&ctx, result);
            drop(done);
        });
        if !ends_at_once(&endpoint, &mut work) {
            drop(endpoint);
            self.run(node, work, begun);
        }
        end
    }

    fn on_stream_packet(self: &Arc<Self>, node: &Arc<Node>, request: Request<'_>, seq: u64, len: usize) {
        let mode = mode(&request);
        let error = request.stream_error();
        let part = streams::part(request.stream, request.params, error);
        let packet = StreamPacket { direction: Direction::Upload, id: &request.id, seq, mode, part, len };
        self.streams.on_packet(node, packet, true);
    }

    /// A request came that is too long to be read.
    pub(crate) fn on_unreadable(self: &Arc<Self>, node: &Arc<Node>, request: Request<'_>, error: Error) {
        match request.seq {
            Some(seq @ 1..) => {
                let packet = StreamPacket::failed(Direction::Upload, &request.id, seq, error);
                self.streams.on_packet(node, packet, true);
            }
            _ => self.answer(node, &request.id, request.meta.into_owned(), Err(error)),
        }
    }

    /// Notes that a call begins; `None` when it came before or its caller has stopped waiting.
    fn begin(self: &Arc<Self>, node: &Arc<Node>, id: &str) -> Option<Begun> {
        // Only Ligand nodes cancel calls and ask about them. A call can come before the caller has told what it is.
        if !node.is_maybe_ligand() {
            return Some(Begun(None));
        }
        let key = (node.id().clone(), Id::parse(id));
        if self.outbox.connection().may_repeat() && self.came_before(&key) {
            return None;
        }
        self.running.begins(key.clone());
        let begun = Begun(Some((self.clone(), key)));
        let arrives = begun.0.as_ref().is_none_or(|(_, key)| self.kept.arrives(key));
        arrives.then_some(begun)
    }

    /// A bus may hand over a call once more after an outage, because it has no receipt for it: it runs, or has its answer.
    fn came_before(&self, (caller, id): &Key) -> bool {
        if self.runs(caller, id) {
            return true;
        }
        let answer = self.kept.find(caller, std::slice::from_ref(id)).remove(id);
        if let Some(Some(body)) = &answer {
            self.answer_again(caller, body);
        }
        answer.is_some()
    }

    /// Opens its stream, finds a slot and the action.
    fn admit(
        self: &Arc<Self>,
        broker: &ServiceBroker,
        node: &Arc<Node>,
        request: &mut Request<'_>,
    ) -> Result<Admitted, Refused> {
        let stream = self.open_stream(node, request)?;
        let slot = self.running.enter(self.max_running);
        let slot = slot.ok_or_else(|| Error::queue_is_full(&request.action, self.outbox.node_id()))?;
        let endpoint = self.endpoint(broker, &request.action)?;
        Ok(Admitted { stream, slot, endpoint })
    }

    fn open_stream(
        self: &Arc<Self>,
        node: &Arc<Node>,
        request: &mut Request<'_>,
    ) -> Result<Option<Streaming>, Refused> {
        if !request.stream {
            return Ok(None);
        }
        let opened = self.streams.open(node, Direction::Upload, &request.id, mode(request))?;
        // The packet came twice: the call runs.
        let stream = opened.ok_or(Refused::Twice)?;
        // The flag is the transport's, not the caller's.
        if let Some(headers) = &mut request.headers {
            headers.to_mut().shift_remove(MODE_FLAG);
        }
        if request.meta.contains_key(MODE_FLAG) {
            request.meta.to_mut().shift_remove(MODE_FLAG);
        }
        Ok(Some(stream))
    }

    /// The action of this node that others may call by this name.
    fn endpoint(&self, broker: &ServiceBroker, action: &str) -> Result<Arc<Endpoint>> {
        let registry = broker.registry().load();
        let callable = |endpoint: &&Arc<Endpoint>| {
            matches!(endpoint.action().visibility, Visibility::Published | Visibility::Public)
        };
        let local = registry.list(action).and_then(|list| list.local());
        local.filter(callable).cloned().ok_or_else(|| {
            let own = Some(&**self.outbox.node_id());
            match broker.state() {
                State::Started => Error::service_not_found(action, own),
                // It may be there in a moment, or was there until now.
                State::Starting | State::Stopping | State::Stopped => {
                    Error::service_not_available(action, own)
                }
            }
        })
    }

    /// Goes on with work that waits, in a task that its caller may end.
    fn run(self: &Arc<Self>, node: &Arc<Node>, work: BoxFuture<()>, begun: Begun) {
        let Some((_, key)) = &begun.0 else {
            self.tasks.spawn(work);
            return;
        };
        let (cancel, cancelled) = AbortHandle::new_pair();
        // Before it goes on, so that its end finds it.
        let noted = Noted { served: self.clone(), key: key.clone() };
        self.running.note(noted.key.clone(), node.clone(), cancel);
        drop(begun);
        self.tasks.spawn(async move {
            let _ = Abortable::new(work, cancelled).await;
            drop(noted);
        });
    }
}

/// Runs the first step where the packet was read: most handlers end there and need no task. One that takes long at its
/// start is not run here again.
fn ends_at_once(endpoint: &Endpoint, work: &mut BoxFuture<()>) -> bool {
    if endpoint.is_slow() {
        return false;
    }
    let start = Instant::now();
    let mut cx = task::Context::from_waker(Waker::noop());
    let ended = work.as_mut().poll(&mut cx).is_ready();
    if start.elapsed() > SLOW {
        endpoint.was_slow();
    }
    ended
}

fn mode(request: &Request<'_>) -> Mode {
    if request.object_mode() { Mode::Objects } else { Mode::Bytes }
}

/// The context in which a request runs.
fn context(
    broker: &ServiceBroker,
    node: &Arc<Node>,
    endpoint: Arc<Endpoint>,
    request: Request<'_>,
    stream: Option<Streaming>,
) -> Context {
    let mut inner = ContextInner::new(Owner::Endpoint(endpoint));
    let own = Id::parse(&request.id);
    // The first call of a tree has the id of the tree.
    inner.request_id = request.request_id.map(|id| match id == request.id {
        true => own.clone(),
        false => Id::parse(&id),
    });
    inner.set_id(own);
    inner.parent_id = request.parent_id.map(|id| Id::parse(&id));
    inner.trace = Trace::of_packet(request.tracing, inner.parent_id.as_ref());
    inner.caller = request.caller.into();
    inner.level = level(request.level);
    let Arrived { carried, http, mute } = Arrived::new(request.meta.into_owned(), &request.id);
    inner.carried = parking_lot::Mutex::new(carried);
    inner.limit = limit(broker, request.timeout, &inner.owner);
    inner.extra = Some(Arc::new(Extra {
        headers: request.headers.and_then(|headers| texts(&headers)),
        node: Some(node.id().clone()),
        stream,
        http,
        mute,
        ..Extra::default()
    }));
    inner.build()
}

/// The time that the caller gives; missing = the action's own.
fn limit(broker: &ServiceBroker, timeout: Option<f64>, owner: &Owner) -> Limit {
    let given = timeout.map(|millis| Duration::try_from_secs_f64(millis / 1000.0).unwrap_or_default());
    let own = || match owner {
        Owner::Endpoint(endpoint) => endpoint.action().timeout,
        Owner::Listener(_) | Owner::Broker(_) => None,
    };
    let limit = given.or_else(own).unwrap_or(broker.options().request_timeout);
    Limit::new(Some(limit), None)
}

/// Who called an action of this node.
struct Caller {
    served: Arc<Served>,
    node: Arc<Node>,
    _slot: CallSlot,
}

impl Caller {
    fn answer(&self, ctx: &Context, result: Result<Payload>) {
        let mute = ctx.inner().extra.as_ref().is_some_and(|extra| extra.mute);
        let meta = ctx.inner().carried.lock().to_answer(!mute);
        let mut room = [0; 36];
        let id = ctx.inner().id().text(&mut room);
        if let Ok(payload) = &result
            && let Some(stream) = payload.peek::<Streaming>().cloned()
        {
            return self.served.answer_stream(&self.node, id, meta, stream);
        }
        self.served.answer(&self.node, id, meta, result);
    }
}

/// A call that is known until it has ended or is noted. Empty for callers that never ask about calls.
struct Begun(Option<(Arc<Served>, Key)>);

impl Drop for Begun {
    fn drop(&mut self) {
        if let Some((served, key)) = &self.0 {
            served.running.began(key);
        }
    }
}

/// A call of another node that its caller may cancel; its end is noted however it comes.
struct Noted {
    served: Arc<Served>,
    key: Key,
}

impl Drop for Noted {
    fn drop(&mut self) {
        self.served.running.ended(&self.key);
    }
}
