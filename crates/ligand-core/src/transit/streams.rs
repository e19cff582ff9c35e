//! Streams between nodes: chunks of calls and answers, in numbered packets.

use std::{
    borrow::Cow,
    collections::{HashMap, VecDeque, hash_map::Entry},
    sync::{
        Arc, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use ligand_transport::Outbound;
use ligand_wire::{
    Error, Payload, Result,
    packet::{Fields, Packet, PacketKind, Request, Response},
    topic::Topic,
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Transit, outbound, size::is_too_large};
use crate::{
    context::Context,
    registry::Node,
    stream::{
        Assembly, Credit, Feedback, Limits, Mode, Numbered, Outflow, Part, Progress, Streaming, WINDOW,
    },
};

/// Which way a stream goes, seen from the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Way {
    /// From caller to callee.
    Up,
    /// From callee to caller.
    Down,
}

impl Way {
    const fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }

    /// Kind of its packets.
    const fn kind(self) -> PacketKind {
        match self {
            Self::Up => PacketKind::Request,
            Self::Down => PacketKind::Response,
        }
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        match name {
            "up" => Some(Self::Up),
            "down" => Some(Self::Down),
            _ => None,
        }
    }
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Key {
    node: Arc<str>,
    way: Way,
    id: Box<str>,
}

struct Incoming {
    assembly: Assembly,
    /// Waits for packet 0, which starts the call or answers it.
    stream: Option<Streaming>,
    /// Everything has come, before packet 0.
    complete: bool,
    /// When its last packet came.
    last: Instant,
    /// Bytes that came before packet 0.
    early: Early,
}

/// Counts bytes of a stream whose packet 0 has not come, in the sum of all.
struct Early {
    own: usize,
    all: Arc<AtomicUsize>,
}

impl Early {
    fn add(&mut self, bytes: usize) {
        self.own += bytes;
        self.all.fetch_add(bytes, Ordering::Relaxed);
    }

    fn clear(&mut self) {
        self.all.fetch_sub(std::mem::take(&mut self.own), Ordering::Relaxed);
    }
}

impl Drop for Early {
    fn drop(&mut self) {
        self.clear();
    }
}

impl Incoming {
    fn new(assembly: Assembly, stream: Option<Streaming>, early: &Arc<AtomicUsize>) -> Self {
        let early = Early { own: 0, all: early.clone() };
        Self { assembly, stream, complete: false, last: Instant::now(), early }
    }
}

/// The latest streams of calls that ended here: their late packets must not look like the beginning of a new one.
#[derive(Default)]
struct Ended {
    /// Whether packet 0 came: then the call runs.
    keys: HashMap<Key, bool>,
    order: VecDeque<Key>,
}

impl Ended {
    fn add(&mut self, key: Key, opened: bool) {
        if key.way == Way::Up
            && let Entry::Vacant(free) = self.keys.entry(key.clone())
        {
            free.insert(opened);
            self.order.push_back(key);
        }
        if self.order.len() > MOST_ENDED
            && let Some(oldest) = self.order.pop_front()
        {
            self.keys.remove(&oldest);
        }
    }
}

/// Streams that come and go now.
#[derive(Default)]
pub(super) struct Streams {
    incoming: Mutex<HashMap<Key, Incoming>>,
    ended: Mutex<Ended>,
    early: Arc<AtomicUsize>,
    outgoing: Mutex<HashMap<Key, Going>>,
}

/// A stream on its way out.
struct Going {
    credit: Credit,
    /// How far it was at the last look.
    seen: u64,
}

impl Streams {
    /// Streams that did not move since the last look. The news that nobody reads them may be lost.
    fn standing(&self) -> Vec<Key> {
        let mut standing = Vec::new();
        for (key, going) in &mut *self.outgoing.lock() {
            let progress = going.credit.progress();
            if going.seen == progress {
                standing.push(key.clone());
            }
            going.seen = progress;
        }
        // In an order that does not depend on the map.
        standing.sort_unstable();
        standing
    }

    /// Takes a stream that comes out of the list and remembers that it was there. Whatever becomes of it then finds that
    /// noted.
    fn end(&self, key: &Key) -> Option<Incoming> {
        let mut incoming = self.incoming.lock();
        let known = incoming.remove(key)?;
        self.ended.lock().add(key.clone(), known.stream.is_none());
        Some(known)
    }

    /// How many streams come, and how many go.
    pub(super) fn len(&self) -> (usize, usize) {
        (self.incoming.lock().len(), self.outgoing.lock().len())
    }
}

/// Most streams that come at once.
const MOST_STREAMS: usize = 10_000;

/// How many ended streams are remembered.
const MOST_ENDED: usize = 4096;

/// Most bytes of streams whose packet 0 has not come, all of them together.
const MOST_EARLY: usize = 16 * 1024 * 1024;

/// What is forgotten when nothing comes within this time: a stream without its first packet, one that nobody reads,
/// one with a gap. The sender of another one is asked whether it still has it.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the reader of a stream tells its sender; only Ligand nodes listen.
struct Back {
    transit: Weak<Transit>,
    node: Arc<Node>,
    way: Way,
    id: Box<str>,
}

impl Back {
    fn tell(&self, mut news: Value) {
        let Some(transit) = self.transit.upgrade() else { return };
        if self.node.is_ligand() && self.node.is_available() {
            news["id"] = (*self.id).into();
            news["way"] = self.way.name().into();
            transit.control(&self.node, super::control::FLOW, news.into());
        }
    }
}

impl Feedback for Back {
    fn consumed(&self, total: u64) {
        self.tell(json!({ "total": total }));
    }

    fn cancelled(&self) {
        self.tell(json!({ "cancelled": true }));
        // Others go on to the end, and their packets are dropped as they come.
        if self.node.is_ligand()
            && let Some(transit) = self.transit.upgrade()
        {
            let key = Key { node: self.node.id().clone(), way: self.way, id: self.id.clone() };
            // Late packets find no stream and are dropped.
            drop(transit.streams.end(&key));
        }
    }
}

/// One packet of a stream that came.
pub(super) struct Piece<'a> {
    pub(super) way: Way,
    pub(super) id: &'a str,
    pub(super) seq: u64,
    pub(super) mode: Mode,
    pub(super) part: Part,
    pub(super) len: usize,
}

impl Transit {
    /// The stream that packet 0 opens; `None` when it was opened before, so that the packet came twice.
    ///
    /// # Errors
    /// There are too many, or this one has ended before its packet 0 came.
    pub(super) fn open(&self, node: &Arc<Node>, way: Way, id: &str, mode: Mode) -> Result<Option<Streaming>> {
        let key = Key { node: node.id().clone(), way, id: id.into() };
        match self.streams.ended.lock().keys.get(&key) {
            Some(true) => return Ok(None),
            Some(false) => return Err(crate::stream::cut_off()),
            None => {}
        }
        let mut incoming = self.streams.incoming.lock();
        if let Some(known) = incoming.get_mut(&key) {
            let stream = known.stream.take();
            known.early.clear();
            let gone = known.complete.then(|| incoming.remove(&key));
            drop(incoming);
            if gone.is_some() {
                self.streams.ended.lock().add(key, true);
            }
            drop(gone);
            return Ok(stream);
        }
        // Before the stream is made: dropping one looks for it in this very map.
        if incoming.len() >= MOST_STREAMS {
            return Err(Error::queue_is_full("stream", &self.node_id));
        }
        let (assembly, stream) = self.assembly(node, &key, mode)?;
        incoming.insert(key, Incoming::new(assembly, None, &self.streams.early));
        Ok(Some(stream))
    }

    fn assembly(&self, node: &Arc<Node>, key: &Key, mode: Mode) -> Result<(Assembly, Streaming)> {
        let back = Back { transit: self.me.clone(), node: node.clone(), way: key.way, id: key.id.clone() };
        Ok(Assembly::new(mode, Limits::default(), Arc::new(back)))
    }

    /// A packet after the first. `early`: it may have overtaken packet 0.
    pub(super) fn piece_came(&self, node: &Arc<Node>, piece: Piece<'_>, early: bool) {
        let key = Key { node: node.id().clone(), way: piece.way, id: piece.id.into() };
        let mut incoming = self.streams.incoming.lock();
        if !incoming.contains_key(&key) {
            if !early {
                drop(incoming);
                return self.unread(node, key.way, &key.id);
            }
            if incoming.len() >= MOST_STREAMS || self.streams.ended.lock().keys.contains_key(&key) {
                return;
            }
            let Ok((assembly, stream)) = self.assembly(node, &key, piece.mode) else { return };
            incoming.insert(key.clone(), Incoming::new(assembly, Some(stream), &self.streams.early));
        }
        if incoming.get(&key).is_some_and(|known| known.stream.is_some())
            && self.streams.early.load(Ordering::Relaxed) + piece.len > MOST_EARLY
        {
            drop(incoming);
            drop(self.streams.end(&key));
            self.refuse(
                piece.way.kind(),
                &Error::invalid_packet(piece.way.kind(), "its stream was not opened"),
            );
            return;
        }
        let Some(known) = incoming.get_mut(&key) else { return };
        known.last = Instant::now();
        if known.stream.is_some() {
            known.early.add(piece.len);
        }
        match known.assembly.accept(piece.seq, piece.part, piece.len) {
            Progress::Open => {}
            Progress::Complete if known.stream.is_some() => known.complete = true,
            Progress::Complete => {
                drop(incoming);
                drop(self.streams.end(&key));
            }
            Progress::Broken(error) => {
                drop(incoming);
                drop(self.streams.end(&key));
                tracing::debug!(node = &**node.id(), error = %format!("{error:#}"), "a stream broke");
                Back { transit: self.me.clone(), node: node.clone(), way: key.way, id: key.id }
                    .tell(json!({ "cancelled": true }));
            }
        }
    }

    /// News from the other end of a stream.
    pub(super) fn flow_came(&self, node: &Arc<str>, way: Way, id: &str, news: &Payload) {
        let key = Key { node: node.clone(), way, id: id.into() };
        let says = |name: &str| news.get(name).is_some_and(|value| value == true);
        if says("gone") {
            if let Some(mut known) = self.streams.end(&key) {
                let _ = known.assembly.fail(crate::stream::cut_off());
            }
            return;
        }
        let back = |key: Key| {
            let node = self.broker().and_then(|broker| broker.registry().node(node));
            node.map(|node| Back { transit: self.me.clone(), node, way, id: key.id })
        };
        if says("offered") {
            let taken = self.streams.incoming.lock().get(&key).map(|known| known.assembly.taken());
            if let Some(back) = back(key) {
                match taken {
                    // What was told of it may be lost.
                    Some(taken) => back.consumed(taken),
                    None => back.tell(json!({ "cancelled": true })),
                }
            }
            return;
        }
        let credit = self.streams.outgoing.lock().get(&key).map(|going| going.credit.clone());
        let Some(credit) = credit else {
            if says("asked")
                && let Some(back) = back(key)
            {
                back.tell(json!({ "gone": true }));
            }
            return;
        };
        if says("cancelled") {
            credit.cancel();
        } else if let Some(total) = news.get("total").and_then(|total| total.as_u64()) {
            credit.grant(total);
        }
    }

    /// A node is lost: its streams end. With this node's own connection gone, `told`: the other side lives and gets
    /// to know when the bus is back.
    pub(super) fn end_streams(&self, wanted: impl Fn(&str) -> bool, error: &Error, told: bool) {
        let mut ended: Vec<_> = {
            let incoming = self.streams.incoming.lock();
            incoming.keys().filter(|key| wanted(&key.node)).cloned().collect()
        };
        // In an order that does not depend on the map.
        ended.sort_unstable();
        for key in ended {
            if let Some(mut incoming) = self.streams.end(&key) {
                let _ = incoming.assembly.fail(error.clone());
            }
            if told && let Some(node) = self.broker().and_then(|broker| broker.registry().node(&key.node)) {
                Back { transit: self.me.clone(), node, way: key.way, id: key.id.clone() }
                    .tell(json!({ "cancelled": true }));
            }
        }
        let mut credits: Vec<_> = {
            let outgoing = self.streams.outgoing.lock();
            let wanted = outgoing.iter().filter(|(key, _)| wanted(&key.node));
            wanted.map(|(key, going)| (key.clone(), going.credit.clone())).collect()
        };
        credits.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        for (_, credit) in credits {
            match told {
                true => credit.fail(error.clone()),
                false => credit.cancel(),
            }
        }
    }

    /// Forgets streams that will not go on. Asks the senders of quiet ones: an end that was lost would leave the
    /// reader waiting for ever.
    pub(super) fn sweep_streams(&self) {
        let incoming = self.streams.incoming.lock();
        let (mut keys, mut quiet) = (Vec::new(), Vec::new());
        for (key, known) in incoming.iter().filter(|(_, known)| known.last.elapsed() > PATIENCE) {
            let over = known.stream.is_some() || known.assembly.has_gap() || known.assembly.is_unread();
            match over {
                true => keys.push(key.clone()),
                false => quiet.push((key.clone(), known.assembly.taken())),
            }
        }
        keys.sort_unstable();
        quiet.sort_unstable();
        drop(incoming);
        // Whoever reads gets `STREAM_CUT_OFF`.
        keys.iter().for_each(|key| drop(self.streams.end(key)));
        let Some(broker) = self.broker() else { return };
        for (key, taken) in quiet {
            if let Some(node) = broker.registry().node(&key.node) {
                Back { transit: self.me.clone(), node, way: key.way, id: key.id }
                    .tell(json!({ "asked": true, "total": taken }));
            }
        }
        for key in self.streams.standing() {
            if let Some(node) = broker.registry().node(&key.node) {
                Back { transit: self.me.clone(), node, way: key.way, id: key.id }
                    .tell(json!({ "offered": true }));
            }
        }
    }

    /// Nobody reads a stream that a node sends: a Ligand node stops.
    pub(super) fn unread(&self, node: &Arc<Node>, way: Way, id: &str) {
        let key = Key { node: node.id().clone(), way, id: id.into() };
        if !self.streams.incoming.lock().contains_key(&key) {
            Back { transit: self.me.clone(), node: node.clone(), way, id: key.id }
                .tell(json!({ "cancelled": true }));
        }
    }

    /// Ends a stream that goes to a node which does not want it. False: there is none.
    pub(super) fn stop_sending(&self, node: &Arc<str>, way: Way, id: &str) -> bool {
        let key = Key { node: node.clone(), way, id: id.into() };
        let credit = self.streams.outgoing.lock().get(&key).map(|going| going.credit.clone());
        credit.as_ref().inspect(|credit| credit.cancel()).is_some()
    }

    /// Notes a stream that goes to a node, before its first packet leaves: news of its reader find it.
    pub(super) fn note_stream(&self, way: Way, node: &Arc<Node>, id: &str, stream: Streaming) -> Outgoing {
        let window = node.is_ligand().then_some(WINDOW);
        let mode = stream.mode();
        let flow = Outflow::new(stream, self.options.transit.max_chunk_size, window);
        let credit = flow.credit();
        let key = Key { node: node.id().clone(), way, id: id.into() };
        let mut outgoing = self.streams.outgoing.lock();
        let twice = outgoing.contains_key(&key);
        if !twice {
            outgoing.insert(key.clone(), Going { credit: credit.clone(), seen: u64::MAX });
        }
        drop(outgoing);
        if twice {
            // The call came twice and both answer: only one of them is read.
            credit.cancel();
        }
        let noted = (!twice).then(|| self.me.clone());
        let ending = Ending { transit: noted.unwrap_or_default(), key };
        if window.is_some() && !node.is_available() {
            // Its loss was noticed before this stream was noted. It may be back before it notices.
            credit.fail(Error::disconnected());
        }
        Outgoing { node: node.clone(), mode, flow, ending }
    }

    /// Sends the chunks of a call after its first packet.
    pub(super) fn pump_up(&self, outgoing: Outgoing, ctx: Context) {
        let mode = outgoing.mode;
        let ver = self.ver_of(&outgoing.node);
        self.pump(Way::Up, outgoing, move |seq, part| {
            let (params, error, more) = split(part);
            let mut rooms = outbound::Rooms::default();
            let mut request = outbound::describe(&ctx, params, ver, &mut rooms);
            request.meta = Cow::default();
            let mut headers = request.headers.take().map(Cow::into_owned).unwrap_or_default();
            mark(&mut headers, mode);
            if let Some(error) = error {
                headers.insert("$streamError".into(), error.to_plain(ctx.broker().node_id()));
            }
            request.headers = Some(Cow::Owned(headers));
            (request.stream, request.seq) = (more, Some(seq));
            Packet::Request(Request { meta: Cow::default(), ..owned(request) })
        });
    }

    /// Sends the chunks of an answer after its first packet.
    pub(super) fn pump_down(&self, outgoing: Outgoing, meta: Fields) {
        let mode = outgoing.mode;
        let id = outgoing.ending.key.id.clone();
        self.pump(Way::Down, outgoing, move |seq, part| {
            let (data, error, more) = split(part);
            let mut headers = Fields::new();
            mark(&mut headers, mode);
            Packet::Response(Response {
                id: Cow::Owned(id.to_string()),
                meta: Cow::Owned(meta.clone()),
                headers: Some(Cow::Owned(headers)),
                data,
                error,
                stream: Some(more),
                seq: Some(seq),
            })
        });
    }

    fn pump(
        &self,
        way: Way,
        outgoing: Outgoing,
        packet: impl Fn(u64, Part) -> Packet<'static> + Send + 'static,
    ) {
        let Some(me) = self.me() else { return };
        self.tasks.spawn(async move {
            let Outgoing { node, mut flow, ending: _ending, .. } = outgoing;
            while let Some(numbered) = flow.next().await {
                let Numbered { seq, part } = numbered;
                // Kept to cut it smaller; bytes are shared.
                let again = part.as_bytes();
                let error = match me.send_part(way, &node, packet(seq, part)).await {
                    Ok(len) => {
                        flow.sent(len);
                        continue;
                    }
                    Err(error) => error,
                };
                if let Some(bytes) = again
                    && is_too_large(&error)
                    && flow.cut(bytes)
                {
                    continue;
                }
                me.not_sent(way.kind(), &error);
                // The reader must not wait for what cannot be sent; an error may be short enough.
                if let Err(error) = me.send_part(way, &node, packet(seq, Part::Error(error))).await {
                    me.not_sent(way.kind(), &error);
                }
                return;
            }
        });
    }

    /// Sends a packet of a stream; answers its length before compression and encryption.
    async fn send_part(&self, way: Way, node: &Arc<Node>, packet: Packet<'static>) -> Result<usize> {
        let (len, outbound) = {
            let plain = self.plain(&packet, self.ver_of(node), Some(node))?;
            let len = plain.len();
            let body = self.seal(way.kind(), plain, Some(node))?;
            (len, Outbound { topic: Topic::node(way.kind(), node.id().clone()), body, ticket: None })
        };
        drop(packet);
        self.send(outbound).await?;
        Ok(len)
    }
}

/// A stream that is noted and goes to a node.
pub(super) struct Outgoing {
    node: Arc<Node>,
    mode: Mode,
    flow: Outflow,
    ending: Ending,
}

impl Outgoing {
    /// Lets it go on, or ends it.
    pub(super) fn credit(&self) -> Credit {
        self.flow.credit()
    }
}

/// Takes an outgoing stream out of the list, however it ends.
struct Ending {
    transit: Weak<Transit>,
    key: Key,
}

impl Drop for Ending {
    fn drop(&mut self) {
        if let Some(transit) = self.transit.upgrade() {
            transit.streams.outgoing.lock().remove(&self.key);
        }
    }
}

/// The flag of a stream of values, in every packet.
pub(super) fn mark(headers: &mut Fields, mode: Mode) {
    if mode == Mode::Objects {
        headers.insert("$streamObjectMode".into(), true.into());
    }
}

/// What a packet carries, its error, whether more follow.
fn split(part: Part) -> (Payload, Option<Error>, bool) {
    match part {
        Part::Chunk(chunk) => (chunk, None, true),
        Part::End => (Payload::NULL, None, false),
        Part::Error(error) => (Payload::NULL, Some(error), false),
    }
}

fn owned(request: Request<'_>) -> Request<'static> {
    let text = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
    Request {
        id: text(request.id),
        action: text(request.action),
        params: request.params,
        meta: Cow::Owned(request.meta.into_owned()),
        headers: request.headers.map(|headers| Cow::Owned(headers.into_owned())),
        timeout: request.timeout,
        level: request.level,
        tracing: request.tracing,
        parent_id: request.parent_id.map(text),
        request_id: request.request_id.map(text),
        caller: request.caller.map(text),
        stream: request.stream,
        seq: request.seq,
    }
}

/// What a packet of an incoming stream carries.
pub(super) fn part(more: bool, chunk: Payload, error: Option<Error>) -> Part {
    match (error, more) {
        (Some(error), _) => Part::Error(error),
        (None, true) => Part::Chunk(chunk),
        (None, false) => Part::End,
    }
}
