//! Packets that are longer than this node takes. What they say is not taken, but whoever waits for it is told.

use bytes::Bytes;
use ligand_wire::{
    Error,
    packet::{Packet, PacketKind, Received},
};

use super::has_long_names;
use crate::transit::{Transit, outbox::too_large};

/// What is longer than this many times the limit is not even looked at.
const LOOKED_AT: usize = 4;

impl Transit {
    /// Something longer than this node takes came; `sealed`: it was not decrypted for that.
    #[cold]
    pub(in crate::transit) fn on_too_large(&self, kind: PacketKind, body: Bytes, sealed: bool) {
        let (size, limit) = (body.len(), self.outbox.max_packet_size());
        let plain = match sealed {
            _ if size > limit.saturating_mul(LOOKED_AT) => None,
            true => self.outbox.open(kind, body).ok(),
            false => Some(body),
        };
        let received = plain.as_ref().and_then(|plain| self.outbox.read(kind, plain).ok());
        let received = received.filter(|Received { sender, packet, .. }| !has_long_names(sender, packet));
        let Some(Received { sender, packet, .. }) = received else {
            return self.refuse_too_large(kind, size, "from an unknown node");
        };
        self.refuse_too_large(kind, size, &format!("from node '{sender}'"));
        let Some(node) = self.broker.upgrade().and_then(|broker| broker.registry().node(&sender)) else {
            return;
        };
        let error = too_large(kind, size, limit, self.outbox.node_id());
        match packet {
            Packet::Request(request) => self.served.on_unreadable(&node, request, error),
            Packet::Response(response) => self.calls.on_unreadable(&node, &response, error),
            Packet::Event(event) => {
                self.events
                    .lost(&event.event, &format_args!("from node '{}': {}", node.id(), error.for_log()));
            }
            _ => {}
        }
    }

    fn refuse_too_large(&self, kind: PacketKind, size: usize, who: &str) {
        let limit = self.outbox.max_packet_size();
        let text = format!("it has {size} bytes, more than 'transit.max_packet_size' ({limit}), {who}");
        self.outbox.refuse(kind, &Error::invalid_packet(kind, &text));
        if kind == PacketKind::Info
            && let Some(hidden) = self.inbound.too_large.pass()
        {
            tracing::error!(
                hidden,
                "the services of a node are not known here, its info is too large: {text}"
            );
        }
    }
}
