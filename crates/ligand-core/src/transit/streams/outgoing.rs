//! Streams that go to other nodes.

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{Arc, Weak},
};

use ligand_transport::Outbound;
use ligand_wire::{
    Error, Payload, Result,
    packet::{Fields, Packet, Request, Response},
    topic::Topic,
};
use parking_lot::Mutex;

use super::{Direction, Key, Streams, mark};
use crate::{
    context::Context,
    registry::Node,
    stream::{Credit, Mode, Numbered, Outflow, Part, Streaming, WINDOW},
    transit::{calls::packet, outbox::is_too_large},
};

/// Streams that go, from before their first packet leaves.
#[derive(Default)]
pub(super) struct OutgoingStreams(Mutex<HashMap<Key, Going>>);

struct Going {
    credit: Credit,
    /// How far it was at the last look.
    seen: u64,
}

impl OutgoingStreams {
    pub(super) fn len(&self) -> usize {
        self.0.lock().len()
    }

    /// What lets a stream go on, or ends it.
    pub(super) fn credit(&self, key: &Key) -> Option<Credit> {
        self.0.lock().get(key).map(|going| going.credit.clone())
    }

    /// The same for all streams to the nodes that `wanted` says.
    pub(super) fn credits(&self, wanted: impl Fn(&str) -> bool) -> Vec<Credit> {
        let mut credits: Vec<_> = {
            let going = self.0.lock();
            let wanted = going.iter().filter(|(key, _)| wanted(&key.node));
            wanted.map(|(key, going)| (key.clone(), going.credit.clone())).collect()
        };
        // In an order that does not depend on the map.
        credits.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        credits.into_iter().map(|(_, credit)| credit).collect()
    }

    /// Streams that did not move since the last look. The news that nobody reads them may be lost.
    pub(super) fn stalled(&self) -> Vec<Key> {
        let mut stalled = Vec::new();
        for (key, going) in &mut *self.0.lock() {
            let progress = going.credit.progress();
            if going.seen == progress {
                stalled.push(key.clone());
            }
            going.seen = progress;
        }
        // In an order that does not depend on the map.
        stalled.sort_unstable();
        stalled
    }

    /// Notes a stream. False: one of this name goes already.
    fn note(&self, key: &Key, credit: &Credit) -> bool {
        let mut going = self.0.lock();
        let new = !going.contains_key(key);
        if new {
            going.insert(key.clone(), Going { credit: credit.clone(), seen: u64::MAX });
        }
        new
    }
}

/// A stream that is noted and goes to a node.
pub(crate) struct Outgoing {
    node: Arc<Node>,
    mode: Mode,
    flow: Outflow,
    entry: Entry,
}

impl Outgoing {
    /// Lets it go on, or ends it.
    pub(crate) fn credit(&self) -> Credit {
        self.flow.credit()
    }
}

/// Takes an outgoing stream out of the list, however it ends.
struct Entry {
    /// Empty when it is not in the list.
    streams: Weak<Streams>,
    key: Key,
}

impl Drop for Entry {
    fn drop(&mut self) {
        if let Some(streams) = self.streams.upgrade() {
            streams.outgoing.0.lock().remove(&self.key);
        }
    }
}

impl Streams {
    /// Ends a stream that goes to a node which does not want it. False: there is none.
    pub(crate) fn stop_sending(&self, node: &Arc<str>, direction: Direction, id: &str) -> bool {
        let credit = self.outgoing.credit(&Key { node: node.clone(), direction, id: id.into() });
        credit.as_ref().inspect(|credit| credit.cancel()).is_some()
    }

    /// Notes a stream that goes to a node, before its first packet leaves: news of its reader find it.
    pub(crate) fn note(
        self: &Arc<Self>,
        direction: Direction,
        node: &Arc<Node>,
        id: &str,
        stream: Streaming,
    ) -> Outgoing {
        let window = node.is_ligand().then_some(WINDOW);
        let mode = stream.mode();
        let flow = Outflow::new(stream, self.max_chunk_size, window);
        let credit = flow.credit();
        let key = Key { node: node.id().clone(), direction, id: id.into() };
        let entry = match self.outgoing.note(&key, &credit) {
            true => Entry { streams: Arc::downgrade(self), key },
            false => {
                // The call came twice and both answer: only one of them is read.
                credit.cancel();
                Entry { streams: Weak::new(), key }
            }
        };
        if window.is_some() && !node.is_available() {
            // Its loss was noticed before this stream was noted. It may be back before it notices.
            credit.fail(Error::disconnected());
        }
        Outgoing { node: node.clone(), mode, flow, entry }
    }

    /// Sends the chunks of a call after its first packet.
    pub(crate) fn pump_up(self: &Arc<Self>, outgoing: Outgoing, ctx: Context) {
        let mode = outgoing.mode;
        let ver = self.outbox.ver_of(&outgoing.node);
        self.pump(Direction::Upload, outgoing, move |seq, part| {
            let (params, error, more) = split(part);
            let mut texts = packet::IdTexts::default();
            let mut request = packet::describe(&ctx, params, ver, &mut texts);
            request.meta = Cow::default();
            let mut headers = request.headers.take().map(Cow::into_owned).unwrap_or_default();
            mark(&mut headers, mode);
            if let Some(error) = error {
                headers.insert("$streamError".into(), error.to_plain(ctx.broker().node_id()));
            }
            request.headers = Some(Cow::Owned(headers));
            (request.stream, request.seq) = (more, Some(seq));
            Packet::Request(owned(request))
        });
    }

    /// Sends the chunks of an answer after its first packet.
    pub(crate) fn pump_down(self: &Arc<Self>, outgoing: Outgoing, meta: Fields) {
        let mode = outgoing.mode;
        let id = outgoing.entry.key.id.clone();
        self.pump(Direction::Download, outgoing, move |seq, part| {
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
        self: &Arc<Self>,
        direction: Direction,
        outgoing: Outgoing,
        packet: impl Fn(u64, Part) -> Packet<'static> + Send + 'static,
    ) {
        let me = self.clone();
        self.tasks.spawn(async move {
            let Outgoing { node, mut flow, entry: _entry, .. } = outgoing;
            while let Some(numbered) = flow.next().await {
                let Numbered { seq, part } = numbered;
                // Kept to cut it smaller; bytes are shared.
                let again = part.as_bytes();
                let error = match me.send_part(direction, &node, packet(seq, part)).await {
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
                me.outbox.not_sent(direction.kind(), &error);
                // The reader must not wait for what cannot be sent; an error may be short enough.
                if let Err(error) = me.send_part(direction, &node, packet(seq, Part::Error(error))).await {
                    me.outbox.not_sent(direction.kind(), &error);
                }
                return;
            }
        });
    }

    /// Sends a packet of a stream; returns its length before compression and encryption.
    async fn send_part(
        &self,
        direction: Direction,
        node: &Arc<Node>,
        packet: Packet<'static>,
    ) -> Result<usize> {
        let (body, len) = self.outbox.pack_measured(&packet, self.outbox.ver_of(node), Some(node))?;
        drop(packet);
        let topic = Topic::node(direction.kind(), node.id().clone());
        self.outbox.send(Outbound { topic, body, ticket: None }).await?;
        Ok(len)
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
