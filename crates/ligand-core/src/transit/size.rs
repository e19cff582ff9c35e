//! How long packets may be: what a receiver would drop is refused here, where somebody can be told.
//!
//! Each Ligand node tells in its info how much it takes. What does not fit is an error at once; what comes
//! nevertheless (from a node that does not know the limit) is not taken, but looked at: whoever waits for it is told.

use bytes::Bytes;
use ligand_transport::Transmit as _;
use ligand_wire::{
    Error, Result, codec,
    packet::{NodeInfo, Packet, PacketKind, Received},
};
use serde_json::json;

use super::{
    Transit,
    control::CONTROL,
    inbound,
    pending::Reply,
    streams::{Piece, Way},
};
use crate::{
    registry::Node,
    stream::{Mode, Part},
};

/// What is longer than this many times the limit is not even looked at.
const LOOKED_AT: usize = 4;

/// Type of the error of a packet that does not fit; transporters use it too.
const TOO_LARGE: &str = "PACKET_TOO_LARGE";

/// The packet is longer than its receiver or the bus takes: a shorter one would go.
pub(super) fn is_too_large(error: &Error) -> bool {
    error.code() == 413 && error.kind() == TOO_LARGE
}

fn too_large(what: &str, size: usize, limit: usize, node: &str) -> Error {
    let text = format!(
        "{what} of {size} bytes is longer than node '{node}' takes ({limit} bytes): send less, send a stream, or \
         raise 'transit.max_packet_size' there."
    );
    Error::client(413, TOO_LARGE, text).with_data(json!({ "size": size, "limit": limit, "nodeID": node }))
}

/// Whether the limit counts that the receiver told of itself. Others may have told it in its name: what finds out the
/// truth goes to it all the same.
pub(super) fn is_bounded_by_receiver(packet: &Packet<'_>) -> bool {
    match packet {
        Packet::Request(request) => !request.action.starts_with(CONTROL),
        Packet::Event(event) => !event.event.starts_with(CONTROL),
        Packet::Response(_) | Packet::Info(_) => true,
        _ => false,
    }
}

impl Transit {
    /// Longest packet that this node takes.
    pub(super) fn largest(&self) -> usize {
        let bus = self.transporter.largest().unwrap_or(usize::MAX);
        self.options.transit.max_packet_size.min(bus)
    }

    /// Whether a packet is short enough for a node; `None` = for nodes of this one's kind.
    pub(super) fn fits(&self, kind: PacketKind, size: usize, node: Option<&Node>) -> Result<()> {
        let (limit, name) = match node {
            Some(node) => (node.largest(), &**node.id()),
            None => (self.largest(), "*"),
        };
        match size <= limit {
            true => Ok(()),
            false => Err(too_large(&format!("A packet ({})", kind.as_str()), size, limit, name)),
        }
    }

    /// The info of this node does not leave: nobody learns of its services.
    #[cold]
    pub(super) fn not_announced(&self, why: &Error) {
        tracing::error!(
            node = &*self.node_id,
            error = %format!("{why:#}"),
            "THE INFO OF THIS NODE IS NOT SENT: other nodes do not see its services"
        );
    }

    /// Something longer than this node takes came. What it says is not taken, but whoever waits for it is told.
    #[cold]
    pub(super) fn too_large_came(&self, kind: PacketKind, body: Bytes, sealed: bool) {
        let (size, limit) = (body.len(), self.options.transit.max_packet_size);
        let refuse = |who: &str| {
            let text = format!("it has {size} bytes, more than 'transit.max_packet_size' ({limit}), {who}");
            self.refuse(kind, &Error::invalid_packet(kind, &text));
            if kind == PacketKind::Info
                && let Some(hidden) = self.news.pass()
            {
                tracing::error!(
                    hidden,
                    "the services of a node are not known here, its info is too large: {text}"
                );
            }
        };
        let plain = match sealed {
            _ if size > limit.saturating_mul(LOOKED_AT) => None,
            true => self.transmit.receive(kind, body).ok(),
            false => Some(body),
        };
        let Some(plain) = plain else { return refuse("from an unknown node") };
        let Ok(Received { sender, packet, .. }) = codec::decode(kind, self.format, &plain) else {
            return refuse("from an unknown node");
        };
        if inbound::has_long_names(&sender, &packet) {
            return refuse("from an unknown node");
        }
        refuse(&format!("from node '{sender}'"));
        let Some(node) = self.broker().and_then(|broker| broker.registry().node(&sender)) else { return };
        let error = too_large(&format!("A packet ({})", kind.as_str()), size, limit, &self.node_id);
        match packet {
            Packet::Request(request) => match request.seq {
                Some(seq @ 1..) => {
                    let piece = failed(Way::Up, &request.id, seq, error);
                    self.piece_came(&node, piece, true);
                }
                _ => self.answer(&node, &request.id, request.meta.into_owned(), Err(error)),
            },
            Packet::Response(response) => match response.seq {
                Some(seq @ 1..) => {
                    let early = self.pending.asked(&response.id, node.id());
                    self.piece_came(&node, failed(Way::Down, &response.id, seq, error), early);
                }
                _ => {
                    if let Some(entry) = self.pending.answered(&response.id, node.id()) {
                        let _ = entry.reply.send(Reply::from(error));
                    }
                }
            },
            Packet::Event(event) => {
                self.event_lost(&event.event, &format!("from node '{}': {error:#}", node.id()));
            }
            _ => {}
        }
    }

    /// An info that others would not take is shouted about where it is made.
    pub(super) fn check_info(&self, info: &NodeInfo) {
        if inbound::is_too_large(info) {
            let why = Error::invalid_packet(PacketKind::Info, inbound::TOO_MANY);
            self.not_announced(&why);
        }
    }
}

fn failed(way: Way, id: &str, seq: u64, error: Error) -> Piece<'_> {
    Piece { way, id, seq, mode: Mode::Bytes, part: Part::Error(error), len: 0 }
}
