//! Packets to bytes and back, in every serializer of the protocol. One pass each way.
//!
//! Which fields a packet has is said once, in `write` and `read`; a format says how a field is written
//! (`FieldWriter`) and read (`FieldReader`).

mod json;
mod names;
mod read;
mod write;

#[cfg(feature = "serializers")]
pub(crate) mod serializers;
#[cfg(not(feature = "serializers"))]
#[path = "codec/absent.rs"]
pub(crate) mod serializers;

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
/// `PAYLOAD_ENCODE_ERROR` when the value's own `Serialize` fails, `BROKER_OPTIONS_ERROR` when the format is not
/// compiled in.
pub fn encode(packet: &Packet<'_>, envelope: Envelope<'_>, format: Format, out: &mut Vec<u8>) -> Result<()> {
    let start = out.len();
    let written = match format {
        Format::Json => json::encode(packet, envelope, out),
        _ => serializers::encode_packet(packet, envelope, format, out),
    };
    if written.is_err() {
        out.truncate(start);
    }
    written
}

/// Reads a packet. Texts and payloads point into `bytes`.
///
/// # Errors
/// `INVALID_PACKET_DATA` that names the kind of packet and what is wrong with it, `BROKER_OPTIONS_ERROR` when the
/// format is not compiled in.
pub fn decode(kind: PacketKind, format: Format, bytes: &Bytes) -> Result<Received<'_>> {
    match format {
        Format::Json => json::decode(kind, bytes).map_err(|flaw| Error::invalid_packet(kind, &flaw)),
        _ => serializers::decode_packet(kind, format, bytes),
    }
}
