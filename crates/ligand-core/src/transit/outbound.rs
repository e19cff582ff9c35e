//! Calls on their way to another node.

use std::{
    borrow::Cow,
    future::Future,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{self, Poll},
};

use ligand_transport::{Outbound, Sending, Ticket};
use ligand_wire::{
    Error, Payload, Result,
    packet::{Fields, Packet, PacketKind, Request},
    topic::Topic,
};
use serde_json::{Value, json};
use tokio::{sync::oneshot, time::Instant};

use super::{
    Transit, balanced, inquiry,
    pending::{Again, Entry, Reply},
    stats,
    streams::{self, Way},
};
use crate::{
    context::{Context, Headers, Id, Inner, Meta, parent_of},
    future::Work,
    registry::{Endpoint, Node, strategy::Pick},
    stream::Credit,
};

impl Transit {
    /// Calls the context's action on `node`, or on the one that the bus chooses.
    pub(super) fn request(&self, ctx: &Context, params: Payload, node: Option<&Arc<Node>>) -> Work<Payload> {
        match self.start(ctx, params, node) {
            Ok(call) => Work::new(call),
            Err(error) => Work::done(Err(error)),
        }
    }

    fn start(&self, ctx: &Context, params: Payload, node: Option<&Arc<Node>>) -> Result<Call> {
        let Some(me) = self.me() else { return Err(Error::disconnected()) };
        let action = ctx.action_def().expect("a remote endpoint runs in a context with its action");
        let most = self.options.transit.max_queue_size;
        if most > 0 && self.pending.len() >= most {
            let size = self.pending.len();
            let data = json!({
                "action": action.full_name(), "nodeID": &*self.node_id, "size": size, "limit": most,
            });
            return Err(Error::queue_is_full(action.full_name(), &self.node_id).with_data(data));
        }
        let Some((high, low)) = ctx.id().as_halves() else {
            return Err(Error::internal_error("a call needs an id of this node"));
        };
        let ticket = Ticket(low);
        let ver = node.map_or(self.ver, |node| self.ver_of(node));
        let stream = ctx.stream();
        let mut rooms = Rooms::default();
        let mut request = describe(ctx, params, ver, &mut rooms);
        if let Some(stream) = &stream {
            (request.stream, request.seq) = (true, Some(0));
            let mut headers = request.headers.take().map(Cow::into_owned).unwrap_or_default();
            streams::mark(&mut headers, stream.mode());
            request.headers = Some(Cow::Owned(headers));
        }
        let body = self.pack(&Packet::Request(request), ver, node.map(|node| &**node))?;
        let (reply, answer) = oneshot::channel();
        let sent = Instant::now();
        let entry = Entry {
            high,
            reply,
            node: node.cloned(),
            action: action.clone(),
            body: body.clone(),
            tried: Vec::new(),
            former: Vec::new(),
            // A call that waits for the bus has seen it lost.
            outages: if self.is_online() { self.outages.load(Ordering::Relaxed) } else { u64::MAX },
            again: match &stream {
                Some(_) => Again::Nowhere,
                None if ctx.inner().pinned => Again::SameNode,
                None => Again::Anywhere,
            },
            made: sent,
            sent,
            ask_at: inquiry::first(sent),
            asked_at: sent,
            asked: 0,
            resent: 0,
            resent_at: sent,
        };
        self.pending.insert(ticket, entry);
        let mut waiting = Waiting { transit: me, ticket, done: false, upload: None };
        // Noted before the call leaves: its answer may be here before this goes on.
        let outgoing = match (stream, node) {
            (Some(stream), Some(node)) => {
                let outgoing = self.note_stream(Way::Up, node, &ctx.id().to_string(), stream);
                waiting.upload = Some((outgoing.credit(), node.clone()));
                Some(outgoing)
            }
            _ => None,
        };
        let topic = match node {
            Some(node) => Topic::node(PacketKind::Request, node.id().clone()),
            None => balanced::topic(PacketKind::Request, action.full_name()),
        };
        let sending = match self.send(Outbound { topic, body, ticket: Some(ticket) }) {
            Sending::Done(result) => {
                result?;
                None
            }
            waiting @ Sending::Waiting(_) => Some(waiting),
        };
        if let Some(outgoing) = outgoing {
            self.pump_up(outgoing, ctx.clone());
        }
        Ok(Call { ctx: ctx.clone(), sending, answer, waiting })
    }

    /// The packet with this ticket reached nobody.
    pub(super) fn nobody_there(&self, ticket: Ticket) {
        let Some(broker) = self.broker() else { return };
        let node = self.pending.with(ticket, |entry| entry.node.clone());
        let Some(node) = node else {
            self.event_undelivered(&broker, ticket);
            return;
        };
        let Some(node) = node else {
            // The bus was to choose, and there was nobody.
            let listed = |entry: &Entry| {
                let list = broker.registry().load().list(entry.action.full_name()).cloned();
                list.is_some_and(|list| !list.remotes().is_empty())
            };
            if self.pending.may_wait(ticket, |entry| self.may_return(entry, || listed(entry))) {
                return self.call_later(ticket);
            }
            if let Some(entry) = self.pending.remove(ticket) {
                stats::one(&self.stats.calls_rejected);
                let error = Error::service_not_available(entry.action.full_name(), None);
                let _ = entry.reply.send(error.into());
            }
            return;
        };
        self.absent(&node);
        self.send_again(&broker, ticket, &node);
    }

    /// Sends a call that `node` did not get to another one; nothing has run yet, so this is safe.
    pub(super) fn send_again(&self, broker: &crate::ServiceBroker, ticket: Ticket, node: &Arc<Node>) -> bool {
        let ver = self.ver_of(node);
        let next = self.pending.with(ticket, |entry| {
            if entry.again != Again::Anywhere {
                return None;
            }
            entry.tried.push(node.id().clone());
            let list = broker.registry().load().list(entry.action.full_name())?.clone();
            let tried = &entry.tried;
            let size = entry.body.len();
            let skip = |endpoint: &Endpoint| {
                endpoint.node().is_none_or(|node| {
                    tried.contains(node.id()) || self.ver_of(node) != ver || size > node.largest()
                })
            };
            // What the packet says is not looked at again: a key is not known here.
            let endpoint = list.pick(false, &Pick::new(&Payload::UNDEFINED, &Meta::default), &skip)?;
            let next = endpoint.node()?.clone();
            entry.moves_to(next.clone());
            Some((next, entry.body.clone()))
        });
        match next.flatten() {
            Some((next, body)) => {
                stats::one(&self.stats.sent_again);
                tracing::debug!(
                    from = &**node.id(),
                    to = &**next.id(),
                    "a call reached nobody, sent to another node"
                );
                let topic = Topic::node(PacketKind::Request, next.id().clone());
                if let Err(error) = self.try_hand_over(Outbound { topic, body, ticket: Some(ticket) })
                    && let Some(entry) = self.pending.remove(ticket)
                {
                    let _ = entry.reply.send(error.into());
                }
                true
            }
            None if self.pending.may_wait(ticket, |entry| self.may_return(entry, || node.is_absent())) => {
                self.call_later(ticket);
                true
            }
            None => {
                if let Some(entry) = self.pending.remove(ticket) {
                    stats::one(&self.stats.calls_rejected);
                    let error = Error::request_rejected(entry.action.full_name(), node.id())
                        .with_internal("the node did not get the call, and no other node can take it");
                    let _ = entry.reply.send(error.into());
                }
                false
            }
        }
    }

    /// The node is gone: calls that it got and did not answer end now, those that `wanted` says.
    pub(super) fn reject(&self, node: &Node, wanted: impl Fn(&Entry) -> bool) {
        let its = |entry: &Entry| entry.node.as_ref().is_some_and(|own| own.id() == node.id());
        let calls = self.pending.take(|entry| its(entry) && wanted(entry));
        for entry in calls {
            stats::one(&self.stats.calls_rejected);
            let error = Error::request_rejected(entry.action.full_name(), node.id());
            let _ = entry.reply.send(error.into());
        }
    }
}

/// Room for the texts of a packet's ids.
#[derive(Default)]
pub(super) struct Rooms {
    id: Room,
    parent: Room,
    request: Room,
}

struct Room([u8; 36]);

impl Default for Room {
    fn default() -> Self {
        Self([0; 36])
    }
}

/// The packet of a call.
pub(super) fn describe<'a>(
    ctx: &'a Context,
    params: Payload,
    ver: &str,
    rooms: &'a mut Rooms,
) -> Request<'a> {
    let inner = ctx.inner();
    let id = text(&inner.id, &mut rooms.id);
    let request_id = match &inner.request_id {
        Some(own) => text(own, &mut rooms.request),
        None => id.clone(),
    };
    let headers = || ctx.headers().map_or_else(Fields::new, fields);
    Request {
        id,
        action: Cow::Borrowed(ctx.action()),
        params,
        meta: meta(inner),
        headers: (ver != "4").then(|| Cow::Owned(headers())),
        timeout: Some(ctx.deadline().map_or(0.0, |end| {
            // Zero would mean no limit.
            (end.saturating_duration_since(Instant::now()).as_secs_f64() * 1000.0).max(0.001)
        })),
        level: inner.level,
        tracing: ctx.tracing(),
        parent_id: parent_of(inner.trace.as_deref(), inner.parent_id.as_ref())
            .map(|id| text(id, &mut rooms.parent)),
        request_id: Some(request_id),
        caller: inner.caller.as_deref().map(Cow::Borrowed),
        stream: false,
        seq: None,
    }
}

/// The meta of the packet.
fn meta(inner: &Inner) -> Cow<'_, Fields> {
    let (asks, http) =
        inner.extra.as_ref().map_or((false, None), |extra| (extra.head.is_some(), extra.http.as_deref()));
    let carried = inner.carried.lock();
    if carried.is_empty() && !inner.no_cache && !asks && http.is_none() {
        return Cow::default();
    }
    let mut room = [0; 36];
    let mut meta = carried.to_packet(asks.then(|| inner.id.text(&mut room)), http);
    if inner.no_cache {
        meta.insert(NO_CACHE.into(), false.into());
    }
    Cow::Owned(meta)
}

/// The key of the meta that switches the callee's cache off when it is false.
const NO_CACHE: &str = "$cache";

fn text<'a>(id: &'a Id, room: &'a mut Room) -> Cow<'a, str> {
    Cow::Borrowed(id.text(&mut room.0))
}

pub(super) fn fields(headers: &Headers) -> Fields {
    headers.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect()
}

/// Takes the call out of the list when nobody waits any more, and tells the node to stop.
struct Waiting {
    transit: Arc<Transit>,
    ticket: Ticket,
    done: bool,
    /// The stream that goes along, and where it goes; it goes on after an answer that is no error.
    upload: Option<(Credit, Arc<Node>)>,
}

impl Waiting {
    /// Releases the source of the stream that goes along.
    fn end_upload(&self) {
        match &self.upload {
            // It does not know that nobody waits: its handler must not read for ever.
            Some((upload, node)) if !node.is_ligand() => {
                upload.fail(Error::new("The caller stopped waiting."));
            }
            Some((upload, _)) => upload.cancel(),
            None => {}
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        let entry = self.transit.pending.remove(self.ticket);
        let node = entry.as_ref().and_then(|entry| entry.node.as_ref());
        self.end_upload();
        if let Some(entry) = &entry
            && let Some(node) = node
        {
            self.transit.cancel(node, &Id::from_halves(entry.high, self.ticket.0));
        }
    }
}

/// A call that waits for its answer.
struct Call {
    ctx: Context,
    sending: Option<Sending>,
    answer: oneshot::Receiver<Reply>,
    waiting: Waiting,
}

impl Future for Call {
    type Output = Result<Payload>;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Result<Payload>> {
        let this = self.get_mut();
        if let Some(sending) = &mut this.sending
            && let Poll::Ready(sent) = Pin::new(sending).poll(cx)
        {
            this.sending = None;
            sent?;
        }
        let Poll::Ready(reply) = Pin::new(&mut this.answer).poll(cx) else { return Poll::Pending };
        this.waiting.done = true;
        if !reply.as_ref().is_ok_and(|reply| reply.result.is_ok()) {
            this.waiting.end_upload();
        }
        let Ok(reply) = reply else { return Poll::Ready(Err(Error::disconnected())) };
        if let Some(mut meta) = reply.meta
            && !meta.is_empty()
        {
            if this.ctx.inner().no_cache {
                meta.shift_remove(NO_CACHE);
            }
            this.ctx.inner().carried.lock().answered(meta);
        }
        Poll::Ready(reply.result)
    }
}
