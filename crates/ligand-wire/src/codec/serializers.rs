//! JSONExt, MessagePack (two dialects) and CBOR.
//!
//! [`Reader`](reader::Reader) turns the bytes of every format into the same tokens, and [`lenient`] turns tokens
//! into Rust types, so a type is compiled for reading once, whatever the format. Writing is the same in reverse:
//! [`serialize`] knows types, [`Writer`](writer::Writer) knows formats.

mod buffer_object;
mod cbor;
mod fault;
mod head;
mod json_text;
mod key_name;
mod lenient;
mod msgpack;
mod packet;
mod reader;
mod serialize;
mod special;
mod token;
mod transcode;
mod writer;

use bytes::Bytes;
use serde::{Serialize, Serializer, de::DeserializeOwned, ser::Error as _};
use serde_json::Value;

use self::{fault::Fault, reader::Reader, transcode::Document, writer::Writer};
use super::Envelope;
use crate::{
    Error, Result,
    key::{Found, KeyError, Text},
    packet::{Packet, PacketKind, Received},
    payload::{Format, decode_error, encode_error},
};

/// Appends a packet.
///
/// # Errors
/// `PAYLOAD_ENCODE_ERROR`.
pub(super) fn encode_packet(
    packet: &Packet<'_>,
    envelope: Envelope<'_>,
    format: Format,
    out: &mut Vec<u8>,
) -> Result<()> {
    packet::encode(packet, envelope, format, out)
}

/// Reads a packet.
///
/// # Errors
/// `INVALID_PACKET_DATA`.
pub(super) fn decode_packet(kind: PacketKind, format: Format, bytes: &Bytes) -> Result<Received<'_>> {
    packet::decode(kind, format, bytes).map_err(|flaw| Error::invalid_packet(kind, &flaw))
}

/// Reads the one value that `bytes` hold.
///
/// # Errors
/// `PAYLOAD_DECODE_ERROR` that names the place.
pub(crate) fn read<T: DeserializeOwned>(format: Format, bytes: &[u8]) -> Result<T> {
    let mut reader = Reader::new(format, bytes);
    let value = T::deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    value.map_err(|fault| decode_error::<T>(&fault.at(reader.position())))
}

/// Appends `value` to `out`.
///
/// # Errors
/// `PAYLOAD_ENCODE_ERROR`.
pub(crate) fn write<T: Serialize + ?Sized>(value: &T, format: Format, out: &mut Vec<u8>) -> Result<()> {
    value
        .serialize(&mut Writer::new(format, out))
        .map_err(|fault| encode_error(std::any::type_name::<T>(), &fault))
}

/// Appends bytes.
///
/// # Errors
/// `PAYLOAD_ENCODE_ERROR` for more than the format can hold.
pub(crate) fn write_bytes(bytes: &[u8], format: Format, out: &mut Vec<u8>) -> Result<()> {
    Writer::new(format, out).bytes(bytes).map_err(|fault| encode_error("bytes", &fault))
}

/// Appends null, or undefined where the format has it.
pub(crate) fn write_nothing(undefined: bool, format: Format, out: &mut Vec<u8>) -> Result<()> {
    let mut writer = Writer::new(format, out);
    if undefined {
        writer.undefined();
    } else {
        writer.null();
    }
    Ok(())
}

/// Appends what `bytes` hold in another format.
///
/// # Errors
/// `PAYLOAD_DECODE_ERROR` when the bytes are not one value.
pub(crate) fn transcode(from: Format, bytes: &[u8], to: Format, out: &mut Vec<u8>) -> Result<()> {
    let fault = match to {
        Format::Json => transcode::copy(from, bytes, &mut crate::text::serializer(out))
            .map_err(|error| Fault::new(error.to_string())),
        _ => transcode::copy(from, bytes, &mut Writer::new(to, out)),
    };
    fault.map_err(|fault| decode_error::<Value>(&fault))
}

/// Gives what `bytes` hold to any serializer.
///
/// # Errors
/// When the bytes are not one value, and those of the serializer.
pub(crate) fn serialize<S: Serializer>(format: Format, bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
    transcode::copy(format, bytes, to)
}

/// The key text of what is at `path`.
///
/// # Errors
/// When the bytes are not one value or cannot be a key.
pub(crate) fn write_key(
    format: Format,
    bytes: &[u8],
    path: &str,
    text: &mut Text<'_>,
) -> Result<Found, KeyError> {
    let document = Document::new(format, bytes);
    let found = text.document(&document, path)?;
    document.end().map_err(KeyError::custom)?;
    Ok(found)
}

/// Whether the bytes are null or undefined.
pub(crate) fn is_nothing(format: Format, bytes: &[u8]) -> bool {
    let mut reader = Reader::new(format, bytes);
    reader.nothing() && reader.end().is_ok()
}

/// Whether the bytes are undefined.
pub(crate) fn is_undefined(format: Format, bytes: &[u8]) -> bool {
    match format {
        Format::Cbor => bytes == cbor::UNDEFINED,
        Format::MsgPack | Format::Notepack => bytes == msgpack::UNDEFINED,
        Format::Json | Format::JsonExt => false,
    }
}

#[cfg(test)]
mod tests;
