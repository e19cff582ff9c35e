//! What stands in for the serializers when they are not compiled in: an error that names the feature.

use bytes::Bytes;
use serde::{Serialize, Serializer, de::DeserializeOwned, ser::Error as _};

use super::Envelope;
use crate::{
    Error, Result,
    key::{Found, KeyError, Text},
    packet::{Packet, PacketKind, Received},
    payload::Format,
};

pub(super) fn encode_packet(_: &Packet<'_>, _: Envelope<'_>, format: Format, _: &mut Vec<u8>) -> Result<()> {
    Err(absent(format))
}

pub(super) fn decode_packet(_: PacketKind, format: Format, _: &Bytes) -> Result<Received<'_>> {
    Err(absent(format))
}

pub(crate) fn read<T: DeserializeOwned>(format: Format, _: &[u8]) -> Result<T> {
    Err(absent(format))
}

pub(crate) fn write<T: Serialize + ?Sized>(_: &T, format: Format, _: &mut Vec<u8>) -> Result<()> {
    Err(absent(format))
}

pub(crate) fn write_bytes(_: &[u8], format: Format, _: &mut Vec<u8>) -> Result<()> {
    Err(absent(format))
}

pub(crate) fn write_nothing(_: bool, format: Format, _: &mut Vec<u8>) -> Result<()> {
    Err(absent(format))
}

pub(crate) fn transcode(from: Format, _: &[u8], to: Format, _: &mut Vec<u8>) -> Result<()> {
    Err(absent(if from == Format::Json { to } else { from }))
}

pub(crate) fn serialize<S: Serializer>(format: Format, _: &[u8], _: S) -> Result<S::Ok, S::Error> {
    Err(S::Error::custom(absent(format)))
}

pub(crate) fn write_key(format: Format, _: &[u8], _: &str, _: &mut Text<'_>) -> Result<Found, KeyError> {
    Err(KeyError::custom(absent(format)))
}

pub(crate) fn is_nothing(_: Format, _: &[u8]) -> bool {
    false
}

pub(crate) fn is_undefined(_: Format, _: &[u8]) -> bool {
    false
}

#[cold]
fn absent(format: Format) -> Error {
    Error::broker_options(format!(
        "The serializer {format} is not compiled in: enable the cargo feature `serializers`."
    ))
}
