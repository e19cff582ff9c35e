//! Answers to calls of other nodes.

use std::{borrow::Cow, sync::Arc};

use ligand_transport::{Outbound, Sending};
use ligand_wire::{
    Error, Payload, Result,
    packet::{Fields, Packet, PacketKind, Received, Response},
    topic::{To, Topic},
};

use super::Served;
use crate::{
    context::Id,
    registry::Node,
    stream::Streaming,
    transit::streams::{self, Direction},
};

impl Served {
    /// Answers a call with a stream.
    pub(super) fn answer_stream(
        self: &Arc<Self>,
        node: &Arc<Node>,
        id: &str,
        meta: Fields,
        stream: Streaming,
    ) {
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
        let outgoing = self.streams.note(Direction::Download, node, id, stream);
        match self.send_answer(node, response) {
            Ok(()) => self.streams.pump_down(outgoing, meta),
            Err(error) => {
                drop(outgoing);
                self.answer_error(node, id, error);
            }
        }
    }

    /// Answers a call.
    pub(super) fn answer(
        self: &Arc<Self>,
        node: &Arc<Node>,
        id: &str,
        meta: Fields,
        result: Result<Payload>,
    ) {
        let (data, error) = match result {
            Ok(data) => (data, None),
            Err(error) => (Payload::NULL, Some(error)),
        };
        let response = Response {
            id: id.into(),
            meta: Cow::Owned(meta),
            headers: self.outbox.ver_of(node).has_headers().then(Cow::default),
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
    fn answer_error(self: &Arc<Self>, node: &Arc<Node>, id: &str, error: Error) {
        // The bus is lost or full: this would fail too, and the caller can ask for the answer.
        if matches!(error.code(), 502 | 503) {
            return self.outbox.not_sent(PacketKind::Response, &error);
        }
        let headers = self.outbox.ver_of(node).has_headers().then(Cow::default);
        let response = Response { id: id.into(), error: Some(error), headers, ..Response::default() };
        if let Err(error) = self.send_answer(node, response) {
            self.outbox.not_sent(PacketKind::Response, &error);
        }
    }

    /// Sends an answer; returns an error when it did not leave. One that the bus refuses later becomes an error.
    fn send_answer(self: &Arc<Self>, node: &Arc<Node>, response: Response<'_>) -> Result<()> {
        let (id, is_error) = (Id::parse(&response.id), response.error.is_some());
        let streamed = response.stream.is_some();
        let body = self.outbox.pack_for(node, &Packet::Response(response))?;
        if node.is_maybe_ligand() {
            // Packets of a stream are not sent again.
            self.kept.keep((node.id().clone(), id.clone()), (!streamed).then(|| body.clone()));
        }
        let topic = Topic::node(PacketKind::Response, node.id().clone());
        match self.outbox.send(Outbound { topic, body, ticket: None }) {
            Sending::Done(result) => result,
            Sending::Waiting(work) => {
                let (me, node) = (self.clone(), node.clone());
                self.tasks.spawn_background(async move {
                    match work.await {
                        Err(error) if is_error => me.outbox.not_sent(PacketKind::Response, &error),
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
    pub(crate) fn on_refused(self: &Arc<Self>, packet: &Outbound, error: Error) {
        self.outbox.not_sent(PacketKind::Response, &error);
        let To::Node(node) = &packet.topic.to else { return };
        let Some(node) = self.directory.node(node) else { return };
        let Ok(plain) = self.outbox.open(PacketKind::Response, packet.body.clone()) else { return };
        let received = self.outbox.read(PacketKind::Response, &plain);
        if let Ok(Received { packet: Packet::Response(response), .. }) = received
            && response.error.is_none()
            && response.seq.is_none_or(|seq| seq == 0)
        {
            self.answer_error(&node, &response.id, error);
        }
    }
}
