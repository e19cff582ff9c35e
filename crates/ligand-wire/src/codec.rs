//! Packets to bytes and back, in every serializer of the protocol. One pass each way.
//!
//! Which fields a packet has is said once, in `write` and `read`; a format says how a field is written
//! ([`FieldWriter`](write::FieldWriter)) and read ([`FieldReader`](read::FieldReader)).

mod json;
mod read;
mod write;

use bytes::Bytes;

use crate::{
    Error, Result,
    packet::{Packet, PacketKind, Received},
    payload::Format,
};

/// What every packet carries beside its own fields.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    /// Protocol version to write: `"4"` or `"5"`. Version 4 has no headers: stream flags go into the meta.
    pub ver: &'a str,
    /// Name of this node.
    pub sender: &'a str,
}

/// Appends `packet` to `out`; on failure `out` is as before.
///
/// # Errors
/// `PAYLOAD_ENCODE_ERROR` when the value's own `Serialize` fails.
pub fn encode(packet: &Packet<'_>, envelope: Envelope<'_>, format: Format, out: &mut Vec<u8>) -> Result<()> {
    let start = out.len();
    let written = match format {
        Format::Json => json::encode(packet, envelope, out),
    };
    if written.is_err() {
        out.truncate(start);
    }
    written
}

/// Reads a packet. Texts and payloads point into `bytes`.
///
/// # Errors
/// `INVALID_PACKET_DATA` that names the kind of packet and what is wrong with it.
pub fn decode(kind: PacketKind, format: Format, bytes: &Bytes) -> Result<Received<'_>> {
    let received = match format {
        Format::Json => json::decode(kind, bytes),
    };
    received.map_err(|flaw| Error::invalid_packet(kind, &flaw))
}
