//! Packets that came from other nodes.

use std::{
    borrow::Cow,
    sync::{Arc, atomic::Ordering},
    task::{self, Waker},
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::{AbortHandle, Abortable};
use ligand_transport::{BoxFuture, Cluster as _, Outbound, Sending, Ticket, Transmit as _};
use ligand_wire::{
    Error, Payload, codec,
    packet::{Event, Fields, NodeInfo, Packet, PacketKind, Received, Request, Response},
    topic::{To, Topic},
};
use serde_json::Value;
use tokio::sync::oneshot;

use super::{
    Transit,
    control::CONTROL,
    inquiry::CALLS,
    kept::Key,
    pending::{Again, Reply},
    serving::Seat,
    stats,
    streams::{self, Piece, Way},
};
use crate::{
    ServiceBroker,
    broker::{State, receive_event, serve},
    context::{
        Arrived, Carried, Context, EventKind, Extra, Headers, Home, Id, Inner as ContextInner, Limit, Trace,
    },
    registry::{Endpoint, Node},
    service::Visibility,
    stream::{Mode, Streaming},
};

/// An event that waits for its listeners to start: one after the other, as they came.
pub(super) struct EventIn {
    pub(super) name: Arc<str>,
    pub(super) data: Payload,
    pub(super) groups: Vec<String>,
    pub(super) ctx: EventContext,
    done: Option<oneshot::Sender<()>>,
}

/// Where an event of another node comes from.
#[derive(Clone, Debug)]
pub(crate) struct EventContext {
    pub(crate) kind: EventKind,
    pub(crate) carried: Carried,
    pub(crate) headers: Option<Arc<Headers>>,
    pub(crate) level: u32,
    pub(crate) parent_id: Option<Id>,
    pub(crate) trace: Option<Arc<Trace>>,
    pub(crate) request_id: Option<Id>,
    pub(crate) caller: Option<Arc<str>>,
    pub(crate) node: Arc<str>,
}

/// Says that a stream is one of values.
const MODE_FLAG: &str = "$streamObjectMode";

/// A handler whose first step takes longer than this gets a task of its own from then on.
const SLOW: Duration = Duration::from_micros(200);

/// Longest node id, packet id, action or event name, in bytes: they are remembered.
const LONGEST_NAME: usize = 512;

/// Texts of a packet that this node may keep.
fn names<'a>(packet: &'a Packet<'_>) -> impl Iterator<Item = &'a str> {
    let names: [&str; 2] = match packet {
        Packet::Request(request) => [&request.id, &request.action],
        Packet::Response(response) => [&response.id, ""],
        Packet::Event(event) => [&event.id, &event.event],
        _ => ["", ""],
    };
    names.into_iter()
}

/// A name is too long to be remembered or logged, or there is no sender.
pub(super) fn has_long_names(sender: &str, packet: &Packet<'_>) -> bool {
    sender.is_empty() || sender.len() > LONGEST_NAME || names(packet).any(|name| name.len() > LONGEST_NAME)
}

/// Deeper than any call tree.
const DEEPEST: u32 = 100_000;

impl Transit {
    /// Deals with a packet. `tracked`: the receiver answers when its work has ended.
    pub(super) fn take_in(
        &self,
        kind: PacketKind,
        body: Bytes,
        tracked: bool,
    ) -> Option<oneshot::Receiver<()>> {
        stats::one(&self.stats.packets_received);
        stats::add(&self.stats.bytes_received, body.len());
        let body = match self.unseal(kind, body) {
            Ok(Some(body)) => body,
            // It was too long.
            Ok(None) => return None,
            Err(error) => {
                self.refuse(kind, &error);
                return None;
            }
        };
        self.take_plain(kind, &body, None, tracked)
    }

    /// Deals with a packet that came straight from a node: it must be in that node's name.
    pub(super) fn take_from(&self, node: &str, kind: PacketKind, body: Bytes) {
        stats::one(&self.stats.packets_received);
        stats::add(&self.stats.bytes_received, body.len());
        match self.unseal(kind, body) {
            Ok(Some(body)) => drop(self.take_plain(kind, &body, Some(node), false)),
            // It was too long.
            Ok(None) => {}
            Err(error) => self.refuse(kind, &error),
        }
    }

    /// As [`Transit::take_in`], after decryption and decompression. `from`: who must have sent it.
    pub(super) fn take_plain(
        &self,
        kind: PacketKind,
        body: &Bytes,
        from: Option<&str>,
        tracked: bool,
    ) -> Option<oneshot::Receiver<()>> {
        let len = body.len();
        let received = match codec::decode(kind, self.format, body) {
            Ok(received) => received,
            Err(error) => {
                self.refuse(kind, &error);
                return None;
            }
        };
        let Received { ver, sender, packet } = received;
        if has_long_names(&sender, &packet) {
            let why = "a name in it is empty or longer than 512 bytes";
            self.refuse(kind, &Error::invalid_packet(kind, why));
            return None;
        }
        if from.is_some_and(|node| *node != *sender) {
            let why = "it came over the connection of another node than it names";
            self.refuse(kind, &Error::invalid_packet(kind, why));
            return None;
        }
        if let Some(logger) = &self.logger {
            logger.received(kind, &sender, || super::text(&packet, &ver, &sender));
        }
        if !self.accepts(&ver) {
            let why = Error::protocol_mismatch(&self.node_id, self.ver, &ver);
            self.refuse(kind, &why);
            return None;
        }
        let broker = self.broker()?;
        if *sender == *self.node_id {
            return self.own_name_came(&broker, packet, tracked);
        }
        let Some(node) = self.sender(&broker, &sender, &packet) else {
            self.refuse(kind, &Error::invalid_packet(kind, "there are 'transit.max_nodes' nodes already"));
            return None;
        };
        node.set_ver(&ver);
        if let Packet::Request(_) = &packet
            && let Ok(end) = self.early.hold(body, tracked)
        {
            return end;
        }
        self.dispatch(&broker, &node, packet, len, tracked)
    }

    /// The node that sent a packet. Names are cheap for whoever invents them: a new one is remembered only for what
    /// says what the node is, or waits for an answer.
    fn sender(&self, broker: &ServiceBroker, name: &str, packet: &Packet<'_>) -> Option<Arc<Node>> {
        // Nearly always: no lock.
        if let Some(known) = broker.registry().load().node(name) {
            return Some(known.clone());
        }
        match packet {
            Packet::Info(_) | Packet::Request(_) => self.note(broker, name),
            _ => Some(broker.registry().node(name).unwrap_or_else(|| Arc::new(Node::new(name)))),
        }
    }

    fn accepts(&self, ver: &str) -> bool {
        match ver {
            "4" | "5" => !self.options.transit.strict_version || ver == self.ver,
            _ => false,
        }
    }

    fn dispatch(
        &self,
        broker: &ServiceBroker,
        node: &Arc<Node>,
        packet: Packet<'_>,
        len: usize,
        tracked: bool,
    ) -> Option<oneshot::Receiver<()>> {
        match packet {
            Packet::Request(request) => return self.request_came(broker, node, request, len, tracked),
            Packet::Response(response) => self.response_came(node, response, len),
            Packet::Event(event) => return self.event_came(node, event, tracked),
            Packet::Discover => self.tell(node),
            Packet::Info(info) if is_too_large(&info) => {
                tracing::error!(node = &**node.id(), "the services of a node are not known here: {TOO_MANY}");
                self.refuse(PacketKind::Info, &Error::invalid_packet(PacketKind::Info, TOO_MANY));
            }
            // Nodes of a store do not send it: what it says is there, or somebody else said it.
            Packet::Info(_) if self.discoverer.is_some() => self.ask(node),
            Packet::Info(info) => self.learn(node.id(), *info, None),
            Packet::Disconnect => self.farewell(node),
            Packet::Heartbeat(beat) => {
                if !self.heard(node.id(), &beat) {
                    match node.is_available() && self.discoverer.is_none() {
                        // It says something else than what is known.
                        true => _ = self.confirm(node, false),
                        false => self.ask(node),
                    }
                }
            }
            Packet::Ping(ping) => self.answer_ping(node, &ping),
            Packet::Pong(pong) => self.pong_came(broker, node, &pong),
            Packet::GossipRequest(_) | Packet::GossipResponse(_) | Packet::GossipHello(_) => {
                let why = Error::invalid_packet(packet.kind(), "gossip is for TCP only");
                self.refuse(packet.kind(), &why);
            }
        }
        None
    }

    /// Packets from this node's own name: its own balanced calls, or a node that was given the same name.
    fn own_name_came(
        &self,
        broker: &ServiceBroker,
        packet: Packet<'_>,
        tracked: bool,
    ) -> Option<oneshot::Receiver<()>> {
        match packet {
            Packet::Info(info) if info.instance_id != self.instance_id => {
                self.other_life_came(&info);
                None
            }
            // Not by this node.
            Packet::Info(info) if info.seq > self.seq.load(Ordering::Acquire) => {
                self.contradict(info.seq);
                None
            }
            Packet::Disconnect if !self.left.load(Ordering::Acquire) => {
                self.contradict(0);
                None
            }
            // An answer to the probe is another node's: this one does not answer itself.
            Packet::Response(response) if *response.id == self.probe.to_string() => {
                self.name_conflict("it answered");
                None
            }
            Packet::Response(response) => {
                let own = Arc::new(Node::new(&self.node_id));
                self.response_came(&own, response, 0);
                None
            }
            Packet::Request(request) if self.may_balance() || self.is_probe(&request) => {
                // The probe of this very start is not answered by itself.
                if *request.id == self.probe.to_string() {
                    return None;
                }
                let own = Arc::new(Node::new(&self.node_id));
                self.request_came(broker, &own, request, 0, tracked)
            }
            Packet::Event(event) if self.may_balance() => {
                let own = Arc::new(Node::new(&self.node_id));
                self.event_came(&own, event, tracked)
            }
            _ => None,
        }
    }

    fn response_came(&self, node: &Arc<Node>, response: Response<'_>, len: usize) {
        let sender = node.id();
        let mode = if response.object_mode() { Mode::Objects } else { Mode::Bytes };
        if let Some(seq @ 1..) = response.seq {
            let early = self.pending.asked(&response.id, sender);
            let part = streams::part(response.stream == Some(true), response.data, response.error);
            let piece = Piece { way: Way::Down, id: &response.id, seq, mode, part, len };
            self.piece_came(node, piece, early);
            return;
        }
        let Some(entry) = self.pending.answered(&response.id, sender) else {
            stats::one(&self.stats.orphan_responses);
            if response.stream == Some(true) {
                // Its source must not wait for a reader.
                self.unread(node, Way::Down, &response.id);
            }
            return;
        };
        node.set_answered();
        if let (Some(error), Some(node)) = (&response.error, &entry.node)
            && not_run(error, &entry.action.full_name, sender)
            && entry.again == Again::Anywhere
            && let (Some(broker), Some((_, low))) = (self.broker(), Id::halves(&response.id))
        {
            // The node does not have the action any more, nothing has run: another one may have it.
            let (node, error) = (node.clone(), error.clone());
            let others = broker.registry().load().list(entry.action.full_name()).is_some_and(|list| {
                list.remotes().iter().any(|e| {
                    e.node().is_some_and(|other| other.id() != node.id() && !entry.tried.contains(other.id()))
                })
            });
            if others {
                self.pending.insert(Ticket(low), entry);
                // Its caller may have gone in between.
                if self.pending.with(Ticket(low), |entry| entry.reply.is_closed()) == Some(true) {
                    self.pending.remove(Ticket(low));
                    return;
                }
                self.send_again(&broker, Ticket(low), &node);
            } else {
                let _ = entry.reply.send(error.into());
            }
            return;
        }
        let result = match response.error {
            Some(error) => Err(error),
            None if response.stream == Some(true) => {
                let twice = || Error::invalid_packet(PacketKind::Response, "its stream is open");
                let opened = self.open(node, Way::Down, &response.id, mode);
                opened.and_then(|stream| stream.ok_or_else(twice)).map(Payload::typed)
            }
            None => Ok(response.data),
        };
        let _ = entry.reply.send(Reply { result, meta: Some(response.meta.into_owned()) });
    }

    fn event_came(&self, node: &Arc<Node>, event: Event<'_>, tracked: bool) -> Option<oneshot::Receiver<()>> {
        if event.event.starts_with(CONTROL) {
            self.controlled(node, &event.event, &event.data);
            return None;
        }
        let (done, end) = match tracked {
            true => {
                let (done, end) = oneshot::channel();
                (Some(done), Some(end))
            }
            false => (None, None),
        };
        let parent_id = event.parent_id.map(|id| Id::parse(&id));
        let ctx = EventContext {
            kind: if event.broadcast { EventKind::Broadcast } else { EventKind::Emit },
            carried: Arrived::new(event.meta.into_owned(), "").carried,
            headers: event.headers.and_then(|headers| texts(&headers)),
            level: event.level.clamp(1, DEEPEST),
            trace: Trace::of_packet(event.tracing, parent_id.as_ref()),
            parent_id,
            request_id: event.request_id.map(|id| Id::parse(&id)),
            caller: event.caller.map(|caller| caller.as_ref().into()),
            node: node.id().clone(),
        };
        let name: Arc<str> = event.event.as_ref().into();
        let groups = event.groups.iter().map(|group| group.to_string()).collect();
        let queued = EventIn { name: name.clone(), data: event.data, groups, ctx, done };
        if self.event_queue.try_send(queued).is_err() {
            self.event_lost(&name, "more events came than the listeners can take");
        }
        end
    }

    /// Starts the listeners of events in the order in which they came.
    pub(super) fn run_events(&self) {
        let Some(mut source) = self.event_source.lock().take() else { return };
        let weak = self.broker.clone();
        self.tasks.spawn_background(async move {
            while let Some(event) = source.recv().await {
                let Some(broker) = weak.upgrade() else { return };
                receive_event(&broker, event.name, event.data, &event.groups, &event.ctx, event.done).await;
            }
        });
    }

    fn request_came(
        &self,
        broker: &ServiceBroker,
        node: &Arc<Node>,
        mut request: Request<'_>,
        len: usize,
        tracked: bool,
    ) -> Option<oneshot::Receiver<()>> {
        let me = self.me()?;
        if *request.action == *CALLS {
            self.calls_came(node.id(), &request.params);
            return None;
        }
        let mode = if request.object_mode() { Mode::Objects } else { Mode::Bytes };
        if let Some(seq @ 1..) = request.seq {
            let error = request.stream_error();
            let part = streams::part(request.stream, request.params, error);
            self.piece_came(node, Piece { way: Way::Up, id: &request.id, seq, mode, part, len }, true);
            return None;
        }
        // Only Ligand nodes cancel calls and ask about them. A call can come before the caller has told what it is.
        let asks = node.is_maybe_ligand() || **node.id() == *self.node_id;
        let key = asks.then(|| (node.id().clone(), Id::parse(&request.id)));
        if key.as_ref().is_some_and(|key| self.may_come_again() && self.came_before(key)) {
            return None;
        }
        let begun = key.map(|key| Begun::new(me.clone(), key));
        if begun.as_ref().is_some_and(|begun| !self.kept.arrives(&begun.key)) {
            return None;
        }
        let mut stream = None;
        if request.stream {
            match self.open(node, Way::Up, &request.id, mode) {
                Ok(Some(opened)) => stream = Some(opened),
                // The packet came twice: the call runs.
                Ok(None) => return None,
                Err(error) => {
                    self.answer(node, &request.id, request.meta.into_owned(), Err(error));
                    return None;
                }
            }
            // The flag is the transport's, not the caller's.
            if let Some(headers) = &mut request.headers {
                headers.to_mut().shift_remove(MODE_FLAG);
            }
            if request.meta.contains_key(MODE_FLAG) {
                request.meta.to_mut().shift_remove(MODE_FLAG);
            }
        }
        let Some(seat) = self.serving.enter(self.options.transit.max_running) else {
            let error = Error::queue_is_full(&request.action, &self.node_id);
            self.answer(node, &request.id, request.meta.into_owned(), Err(error));
            return None;
        };
        let registry = broker.registry().load();
        let callable = |endpoint: &&Arc<Endpoint>| {
            matches!(endpoint.action().visibility, Visibility::Published | Visibility::Public)
        };
        let local = registry.list(&request.action).and_then(|list| list.local());
        let Some(endpoint) = local.filter(callable).cloned() else {
            let error = match broker.state() {
                State::Started => Error::service_not_found(&request.action, Some(&self.node_id)),
                // It may be there in a moment, or was there until now.
                State::Starting | State::Stopping | State::Stopped => {
                    Error::service_not_available(&request.action, Some(&self.node_id))
                }
            };
            self.answer(node, &request.id, request.meta.into_owned(), Err(error));
            return None;
        };
        drop(registry);
        let mut inner = ContextInner::new(Home::Endpoint(endpoint));
        inner.id = Id::parse(&request.id);
        // The first call of a tree has the id of the tree.
        inner.request_id = request.request_id.map(|id| match id == request.id {
            true => inner.id.clone(),
            false => Id::parse(&id),
        });
        inner.parent_id = request.parent_id.map(|id| Id::parse(&id));
        inner.trace = Trace::of_packet(request.tracing, inner.parent_id.as_ref());
        inner.caller = request.caller.map(|caller| caller.as_ref().into());
        inner.level = request.level.clamp(1, DEEPEST);
        let Arrived { carried, http, mute } = Arrived::new(request.meta.into_owned(), &request.id);
        inner.carried = parking_lot::Mutex::new(carried);
        inner.limit = limit(broker, request.timeout, &inner.home);
        inner.extra = Some(Arc::new(Extra {
            headers: request.headers.and_then(|headers| texts(&headers)),
            node: Some(node.id().clone()),
            stream,
            http,
            mute,
            ..Extra::default()
        }));
        let ctx = inner.build();
        let (done, end) = match tracked {
            true => {
                let (done, end) = oneshot::channel();
                (Some(done), Some(end))
            }
            false => (None, None),
        };
        let params = request.params;
        let endpoint = ctx.endpoint().expect("the context was made with an endpoint").clone();
        let caller = Caller { transit: me.clone(), node: node.clone(), _seat: seat };
        let mut work: BoxFuture<()> = Box::pin(async move {
            let result = serve(&ctx, params).await;
            caller.answer(&ctx, result);
            drop(done);
        });
        // Most handlers end at once: they need no task. One that takes long at its start is not run here again.
        if !endpoint.is_slow() {
            let start = tokio::time::Instant::now();
            let mut cx = task::Context::from_waker(Waker::noop());
            let ended = work.as_mut().poll(&mut cx).is_ready();
            if start.elapsed() > SLOW {
                endpoint.was_slow();
            }
            if ended {
                return end;
            }
        }
        drop(endpoint);
        let Some(begun) = begun else {
            self.tasks.spawn(work);
            return end;
        };
        let (cancel, cancelled) = AbortHandle::new_pair();
        // Before it goes on, so that its end finds it.
        let noted = Noted { transit: me, key: begun.key.clone() };
        self.serving.note(noted.key.clone(), node.clone(), cancel);
        drop(begun);
        self.tasks.spawn(async move {
            let _ = Abortable::new(work, cancelled).await;
            drop(noted);
        });
        end
    }

    /// The bus is about to be back, or was lost just now: what it hands over may have come before.
    fn may_come_again(&self) -> bool {
        !self.is_online() || self.returning.is_on()
    }

    /// A bus may hand over a call once more after an outage, because it has no receipt for it: it runs, or has its answer.
    fn came_before(&self, (caller, id): &Key) -> bool {
        if self.serving.has(caller, id) {
            return true;
        }
        let answer = self.kept.find(caller, std::slice::from_ref(id)).remove(id);
        if let Some(Some(body)) = &answer {
            self.answer_again(caller, body);
        }
        answer.is_some()
    }

    /// Sends an answer that was kept.
    pub(super) fn answer_again(&self, caller: &Arc<str>, body: &Bytes) {
        stats::one(&self.stats.answers_repeated);
        let topic = Topic::node(PacketKind::Response, caller.clone());
        self.hand_over(Outbound { topic, body: body.clone(), ticket: None });
    }

    /// Answers a call with a stream.
    fn stream_down(&self, node: &Arc<Node>, id: &str, meta: Fields, stream: Streaming) {
        let mut headers = Fields::new();
        streams::mark(&mut headers, stream.mode());
        let response = Response {
            id: id.into(),
            meta: Cow::Borrowed(&meta),
            headers: Some(Cow::Owned(headers)),
            data: Payload::NULL,
            error: None,
            stream: Some(true),
            seq: Some(0),
        };
        // Noted before it is opened: the reader may be gone at once.
        let outgoing = self.note_stream(Way::Down, node, id, stream);
        match self.send_answer(node, response) {
            Ok(()) => self.pump_down(outgoing, meta),
            Err(error) => {
                drop(outgoing);
                self.answer_error(node, id, error);
            }
        }
    }

    /// Answers a call.
    pub(super) fn answer(&self, node: &Arc<Node>, id: &str, meta: Fields, result: Result<Payload, Error>) {
        let ver = self.ver_of(node);
        let (data, error) = match result {
            Ok(data) => (data, None),
            Err(error) => (Payload::NULL, Some(error)),
        };
        let response = Response {
            id: id.into(),
            meta: Cow::Owned(meta),
            headers: (ver != "4").then(Cow::default),
            data,
            error,
            stream: None,
            seq: None,
        };
        if let Err(error) = self.send_answer(node, response) {
            self.answer_error(node, id, error);
        }
    }

    /// An answer cannot be sent as it is: the caller must not wait for it.
    fn answer_error(&self, node: &Arc<Node>, id: &str, error: Error) {
        // The bus is lost or full: this would fail too, and the caller can ask for the answer.
        if matches!(error.code(), 502 | 503) {
            return self.not_sent(PacketKind::Response, &error);
        }
        let headers = (self.ver_of(node) != "4").then(Cow::default);
        let response = Response { id: id.into(), error: Some(error), headers, ..Response::default() };
        if let Err(error) = self.send_answer(node, response) {
            self.not_sent(PacketKind::Response, &error);
        }
    }

    /// Sends an answer; answers an error when it did not leave. One that the bus refuses later becomes an error.
    fn send_answer(&self, node: &Arc<Node>, response: Response<'_>) -> Result<(), Error> {
        let (id, is_error) = (Id::parse(&response.id), response.error.is_some());
        let streamed = response.stream.is_some();
        let body = self.pack(&Packet::Response(response), self.ver_of(node), Some(node))?;
        if node.is_maybe_ligand() || **node.id() == *self.node_id {
            // Packets of a stream are not sent again.
            self.kept.keep((node.id().clone(), id.clone()), (!streamed).then(|| body.clone()));
        }
        let topic = Topic::node(PacketKind::Response, node.id().clone());
        match self.send(Outbound { topic, body, ticket: None }) {
            Sending::Done(result) => result,
            Sending::Waiting(work) => {
                let Some(me) = self.me() else { return Err(Error::disconnected()) };
                let node = node.clone();
                self.tasks.spawn_background(async move {
                    match work.await {
                        Err(error) if is_error => me.not_sent(PacketKind::Response, &error),
                        Err(error) => me.answer_error(&node, &id.to_string(), error),
                        Ok(()) => {}
                    }
                });
                Ok(())
            }
        }
    }

    /// An answer waited for the bus, which refuses it: the caller must not wait for it.
    #[cold]
    pub(super) fn answer_refused(&self, packet: &Outbound, error: Error) {
        self.not_sent(PacketKind::Response, &error);
        let To::Node(node) = &packet.topic.to else { return };
        let Some(node) = self.broker().and_then(|broker| broker.registry().node(node)) else { return };
        let Ok(plain) = self.transmit.receive(PacketKind::Response, packet.body.clone()) else { return };
        let received = codec::decode(PacketKind::Response, self.format, &plain);
        if let Ok(Received { packet: Packet::Response(response), .. }) = received
            && response.error.is_none()
            && response.seq.is_none_or(|seq| seq == 0)
        {
            self.answer_error(&node, &response.id, error);
        }
    }
}

/// Who called an action of this node.
struct Caller {
    transit: Arc<Transit>,
    node: Arc<Node>,
    _seat: Seat,
}

impl Caller {
    fn answer(&self, ctx: &Context, result: Result<Payload, Error>) {
        let mute = ctx.inner().extra.as_ref().is_some_and(|extra| extra.mute);
        let meta = ctx.inner().carried.lock().to_answer(!mute);
        let mut room = [0; 36];
        let id = ctx.inner().id.text(&mut room);
        if let Ok(payload) = &result
            && let Some(stream) = payload.peek::<Streaming>().cloned()
        {
            self.transit.stream_down(&self.node, id, meta, stream);
            return;
        }
        self.transit.answer(&self.node, id, meta, result);
    }
}

/// A call that is known until it has ended or is noted.
struct Begun {
    transit: Arc<Transit>,
    key: Key,
}

impl Begun {
    fn new(transit: Arc<Transit>, key: Key) -> Self {
        transit.serving.begins(key.clone());
        Self { transit, key }
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.transit.serving.began(&self.key);
    }
}

/// A call of another node that its caller may cancel; its end is noted however it comes.
struct Noted {
    transit: Arc<Transit>,
    key: Key,
}

impl Drop for Noted {
    fn drop(&mut self) {
        self.transit.serving.ended(&self.key);
    }
}

/// Most services, and most actions and events, that one node may offer.
const MOST_SERVICES: usize = 1000;
const MOST_ITEMS: usize = 10_000;
pub(super) const TOO_MANY: &str = "it lists more than 1000 services or 10000 actions and events";

pub(super) fn is_too_large(info: &NodeInfo) -> bool {
    let items = info.services.iter().map(|service| service.actions.len() + service.events.len());
    info.services.len() > MOST_SERVICES || items.sum::<usize>() > MOST_ITEMS
}

/// The error says that the node asked does not offer the action (any more): nothing has run.
fn not_run(error: &Error, action: &str, sender: &str) -> bool {
    (error.is("ServiceNotFoundError") || error.is("ServiceNotAvailableError"))
        && error.node_id().is_none_or(|node| node == sender)
        && error.data().is_some_and(|data| {
            data.get("action").and_then(|a| a.as_str()) == Some(action)
                && data.get("nodeID").and_then(|n| n.as_str()) == Some(sender)
        })
}

/// Headers as texts: numbers as JavaScript writes them, lists and maps as JSON. Null is none.
fn texts(headers: &Fields) -> Option<Arc<Headers>> {
    if headers.is_empty() {
        return None;
    }
    let text = |value: &Value| match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(match number.as_f64() {
            Some(whole) if number.is_f64() && whole.fract() == 0.0 && whole.abs() < 1e15 => {
                format!("{whole:.0}")
            }
            _ => number.to_string(),
        }),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => Some(value.to_string()),
    };
    let texts = headers.iter().filter_map(|(name, value)| Some((name.to_ascii_lowercase(), text(value)?)));
    Some(Arc::new(texts.collect()))
}

/// The time that the caller gives; missing = the action's own.
fn limit(broker: &ServiceBroker, timeout: Option<f64>, home: &Home) -> Limit {
    let given =
        timeout.map(|millis| std::time::Duration::try_from_secs_f64(millis / 1000.0).unwrap_or_default());
    let own = || match home {
        Home::Endpoint(endpoint) => endpoint.action().timeout,
        Home::Listener(_) | Home::Broker(_) => None,
    };
    let limit = given.or_else(own).unwrap_or(broker.options().request_timeout);
    Limit::new(Some(limit), None)
}
