//! How long packets may be: what a receiver would drop is refused here, where somebody can be told.
//!
//! Each Ligand node tells in its info how much it takes. What does not fit is an error at once; what comes
//! nevertheless (from a node that does not know the limit) is not taken, but looked at ([`crate::transit`]'s
//! `inbound/too_large.rs`): whoever waits for it is told.

use ligand_wire::{
    Error, Result,
    packet::{Packet, PacketKind},
};
use serde_json::json;

use super::Outbox;
use crate::{registry::Node, transit::control::CONTROL};

/// Type of the error of a packet that does not fit; transporters use it too.
const TOO_LARGE: &str = "PACKET_TOO_LARGE";

/// The packet is longer than its receiver or the bus takes: a shorter one would go.
pub(crate) fn is_too_large(error: &Error) -> bool {
    error.code() == 413 && error.kind() == TOO_LARGE
}

pub(crate) fn too_large(kind: PacketKind, size: usize, limit: usize, node: &str) -> Error {
    let text = format!(
        "A packet ({}) of {size} bytes is longer than node '{node}' takes ({limit} bytes): send less, send a stream, \
         or raise 'transit.max_packet_size' there.",
        kind.as_str()
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

impl Outbox {
    /// Longest packet that this node takes, whatever the bus says.
    pub(crate) fn max_packet_size(&self) -> usize {
        self.max_packet_size
    }

    /// Longest packet that comes to this node.
    pub(crate) fn largest(&self) -> usize {
        let bus = self.transporter.largest().unwrap_or(usize::MAX);
        self.max_packet_size.min(bus)
    }

    /// Whether a packet is short enough for a node; `None` = for nodes of this one's kind.
    pub(super) fn fits(&self, kind: PacketKind, size: usize, node: Option<&Node>) -> Result<()> {
        let (limit, name) = match node {
            Some(node) => (node.largest(), &**node.id()),
            None => (self.largest(), "*"),
        };
        match size <= limit {
            true => Ok(()),
            false => Err(too_large(kind, size, limit, name)),
        }
    }

    /// The info of this node does not leave: nobody learns of its services.
    #[cold]
    pub(crate) fn not_announced(&self, why: &Error) {
        tracing::error!(
            node = &**self.node_id(),
            error = %why.for_log(),
            "THE INFO OF THIS NODE IS NOT SENT: other nodes do not see its services"
        );
    }
}
