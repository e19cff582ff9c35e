//! Calls to other nodes, from the packet to the answer.
//!
//! A call is noted in [`pending`] before it leaves. When its packet reached nobody, it goes to another node
//! ([`failover`]); when nothing is heard of it, its node is asked ([`inquiry`]). Where the bus chooses the node, see
//! [`balanced`].

mod balanced;
mod failover;
mod inquiry;
pub(super) mod packet;
mod pending;
mod waiting;

use std::{borrow::Cow, sync::Arc, time::Duration};

use ligand_transport::{Outbound, Sending, Tasks, Ticket};
use ligand_wire::{
    Error, Payload, Result,
    packet::{Packet, PacketKind, Response},
    topic::Topic,
};
use serde_json::json;
use tokio::sync::oneshot;

pub(crate) use self::{balanced::topic as balanced_topic, failover::Target};
use self::{
    packet::IdTexts,
    pending::{Entry, Failover, Pending, Reply},
    waiting::{Call, Waiting},
};
use super::{
    directory::Directory,
    outbox::{Outbox, one},
    served::Served,
    streams::{self, Direction, StreamPacket, Streams},
};
use crate::{
    config::Options,
    context::{Context, Id},
    future::Work,
    registry::Node,
    service::ActionHandler,
    stream::Mode,
};

/// Calls that wait for other nodes.
pub(crate) struct Calls {
    outbox: Arc<Outbox>,
    streams: Arc<Streams>,
    served: Arc<Served>,
    directory: Directory,
    tasks: Tasks,
    pending: Pending,
    max_queue_size: usize,
    return_wait: Duration,
    heartbeat_timeout: Duration,
    /// The bus may choose among nodes: it can, and is asked to.
    may_balance: bool,
}

/// The handler of every action of one other node.
pub(crate) struct RemoteHandler {
    pub(crate) calls: Arc<Calls>,
    /// `None`: the bus chooses.
    pub(crate) node: Option<Arc<Node>>,
}

impl ActionHandler for RemoteHandler {
    fn call(&self, ctx: &Context, params: Payload) -> Work<Payload> {
        match self.calls.start(ctx, params, self.node.as_ref()) {
            Ok(call) => Work::new(call),
            Err(error) => Work::done(Err(error)),
        }
    }
}

impl Calls {
    pub(super) fn new(
        outbox: Arc<Outbox>,
        streams: Arc<Streams>,
        served: Arc<Served>,
        directory: Directory,
        tasks: Tasks,
        options: &Options,
    ) -> Self {
        Self {
            may_balance: options.disable_balancer && outbox.features().balancer,
            outbox,
            streams,
            served,
            directory,
            tasks,
            pending: Pending::default(),
            max_queue_size: options.transit.max_queue_size,
            return_wait: options.transit.return_wait,
            heartbeat_timeout: options.registry.heartbeat_timeout,
        }
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.pending.len()
    }

    /// The nodes that calls wait for.
    pub(crate) fn nodes(&self) -> Vec<Arc<Node>> {
        self.pending.nodes()
    }

    /// Calls the context's action on `node`, or on the one that the bus chooses.
    fn start(self: &Arc<Self>, ctx: &Context, params: Payload, node: Option<&Arc<Node>>) -> Result<Call> {
        let action = ctx.action_def().expect("a remote endpoint runs in a context with its action");
        self.check_room(action.full_name())?;
        let Some((high, low)) = ctx.id().as_halves() else {
            return Err(Error::internal_error("a call needs an id of this node"));
        };
        let ticket = Ticket(low);
        let ver = node.map_or(self.outbox.ver(), |node| self.outbox.ver_of(node));
        let stream = ctx.stream();
        let mut texts = IdTexts::default();
        let mut request = packet::describe(ctx, params, ver, &mut texts);
        if let Some(stream) = &stream {
            (request.stream, request.seq) = (true, Some(0));
            let mut headers = request.headers.take().map(Cow::into_owned).unwrap_or_default();
            streams::mark(&mut headers, stream.mode());
            request.headers = Some(Cow::Owned(headers));
        }
        let body = self.outbox.pack(&Packet::Request(request), ver, node.map(|node| &**node))?;
        let (reply, answer) = oneshot::channel();
        let failover = match &stream {
            Some(_) => Failover::Nowhere,
            None if ctx.inner().pinned => Failover::SameNode,
            None => Failover::Anywhere,
        };
        // A call that waits for the bus has seen it lost.
        let outages = if self.outbox.is_online() { self.outbox.connection().outages() } else { u64::MAX };
        let (node_of, action_of) = (node.cloned(), action.clone());
        self.pending
            .insert(ticket, Entry::new(high, reply, node_of, action_of, body.clone(), outages, failover));
        let mut waiting = Waiting::new(self.clone(), ticket);
        // Noted before the call leaves: its answer may be here before this goes on.
        let outgoing = match (stream, node) {
            (Some(stream), Some(node)) => {
                let outgoing = self.streams.note(Direction::Upload, node, &ctx.id().to_string(), stream);
                waiting.upload = Some((outgoing.credit(), node.clone()));
                Some(outgoing)
            }
            _ => None,
        };
        let topic = match node {
            Some(node) => Topic::node(PacketKind::Request, node.id().clone()),
            None => balanced::topic(PacketKind::Request, action.full_name()),
        };
        let sending = match self.outbox.send(Outbound { topic, body, ticket: Some(ticket) }) {
            Sending::Done(result) => {
                result?;
                None
            }
            waiting @ Sending::Waiting(_) => Some(waiting),
        };
        if let Some(outgoing) = outgoing {
            self.streams.pump_up(outgoing, ctx.clone());
        }
        Ok(Call { ctx: ctx.clone(), sending, answer, waiting })
    }

    fn check_room(&self, action: &str) -> Result<()> {
        let (most, size) = (self.max_queue_size, self.pending.len());
        if most == 0 || size < most {
            return Ok(());
        }
        let own = self.outbox.node_id();
        let data = json!({ "action": action, "nodeID": &**own, "size": size, "limit": most });
        Err(Error::queue_is_full(action, own).with_data(data))
    }

    /// An answer came, or a packet of a stream that answers.
    pub(crate) fn on_response(self: &Arc<Self>, node: &Arc<Node>, response: Response<'_>, len: usize) {
        let sender = node.id();
        let mode = if response.object_mode() { Mode::Objects } else { Mode::Bytes };
        if let Some(seq @ 1..) = response.seq {
            let overtakes = self.pending.asked(&response.id, sender);
            let part = streams::part(response.stream == Some(true), response.data, response.error);
            let direction = Direction::Download;
            let packet = StreamPacket { direction, id: &response.id, seq, mode, part, len };
            return self.streams.on_packet(node, packet, overtakes);
        }
        let Some(entry) = self.pending.answered(&response.id, sender) else {
            one(&self.outbox.stats().orphan_responses);
            if response.stream == Some(true) {
                // Its source must not wait for a reader.
                self.streams.unread(node, Direction::Download, &response.id);
            }
            return;
        };
        node.set_answered();
        if let Some(error) = &response.error
            && not_run(error, &entry.action.full_name, sender)
            && entry.failover == Failover::Anywhere
            && entry.node.is_some()
            && let Some((_, low)) = Id::halves(&response.id)
        {
            return self.run_elsewhere(Ticket(low), entry, error);
        }
        let result = match response.error {
            Some(error) => Err(error),
            None if response.stream == Some(true) => {
                let twice = || Error::invalid_packet(PacketKind::Response, "its stream is open");
                let opened = self.streams.open(node, Direction::Download, &response.id, mode);
                opened.and_then(|stream| stream.ok_or_else(twice)).map(Payload::typed)
            }
            None => Ok(response.data),
        };
        let _ = entry.reply.send(Reply { result, meta: Some(response.meta.into_owned()) });
    }

    /// An answer came that is too long to be read.
    pub(crate) fn on_unreadable(self: &Arc<Self>, node: &Arc<Node>, response: &Response<'_>, error: Error) {
        match response.seq {
            Some(seq @ 1..) => {
                let overtakes = self.pending.asked(&response.id, node.id());
                let packet = StreamPacket::failed(Direction::Download, &response.id, seq, error);
                self.streams.on_packet(node, packet, overtakes);
            }
            _ => {
                if let Some(entry) = self.pending.answered(&response.id, node.id()) {
                    entry.fail(error);
                }
            }
        }
    }

    /// Somebody waits for the call with this ticket.
    pub(crate) fn is_waited_for(&self, ticket: Ticket) -> bool {
        self.pending.with(ticket, |_| ()).is_some()
    }

    /// The bus refuses a call that waited for it. False: nobody waits for it.
    pub(crate) fn on_refused(&self, ticket: Ticket, error: Error) -> Result<(), Error> {
        match self.pending.remove(ticket) {
            Some(entry) => {
                entry.fail(error);
                Ok(())
            }
            None => Err(error),
        }
    }

    /// The error of a call that took too long: it says so when the bus was lost meanwhile.
    pub(crate) fn timed_out(&self, ctx: &Context, node: &str) -> Error {
        let ticket = ctx.id().as_halves().map(|(_, low)| Ticket(low));
        let sent = ticket.and_then(|ticket| self.pending.with(ticket, |entry| entry.outages));
        let outages = self.outbox.connection().outages();
        if !self.outbox.is_online() || sent.is_some_and(|sent| sent != outages) {
            return Error::disconnected().with_internal(format!("calling '{}' on '{node}'", ctx.action()));
        }
        Error::request_timeout(ctx.action(), node)
    }

    /// This node leaves: what waits ends.
    pub(crate) fn end_all(&self) {
        for entry in self.pending.take(|_| true) {
            self.reject_entry(entry, |action| Error::request_rejected(action, self.outbox.node_id()));
        }
    }

    /// The node is gone: calls that it got and did not answer end now, those that `wanted` says.
    fn reject(&self, node: &Node, wanted: impl Fn(&Entry) -> bool) {
        let its = |entry: &Entry| entry.node.as_ref().is_some_and(|own| own.id() == node.id());
        for entry in self.pending.take(|entry| its(entry) && wanted(entry)) {
            self.reject_entry(entry, |action| Error::request_rejected(action, node.id()));
        }
    }

    /// Ends a call that no node answers.
    fn reject_entry(&self, entry: Entry, error: impl FnOnce(&str) -> Error) {
        one(&self.outbox.stats().calls_rejected);
        let error = error(entry.action.full_name());
        entry.fail(error);
    }
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
