//! A request packet to bytes and back, in every serializer.

use std::borrow::Cow;

use bytes::Bytes;
use ligand::{Payload, prelude::*};
use ligand_wire::{
    codec::{self, Envelope},
    packet::{Packet, PacketKind, Request},
    payload::Format,
};

use crate::Failure;

/// A user with six fields, as JSON: what is sent around.
pub const USER: &str = r#"{"id":42,"name":"Ada Lovelace","email":"ada@example.com","age":36,"active":true,"tags":["math","engine","poetry"]}"#;

/// The same as a type.
#[payload]
#[derive(Clone)]
pub struct User {
    /// Tells one from another.
    pub id: u64,
    name: String,
    email: String,
    age: u8,
    active: bool,
    tags: Vec<String>,
}

/// A call as a node sends it.
///
/// # Errors
/// None, as long as the text above fits the type.
pub fn request() -> Result<Packet<'static>, Failure> {
    let user: User = serde_json::from_str(USER)?;
    Ok(Packet::Request(Request {
        id: "0b0e1d22-4c3b-4f1e-9a5d-6f1f0c7a8b90".into(),
        action: "users.create".into(),
        params: Payload::typed(user),
        headers: Some(Cow::default()),
        timeout: Some(10_000.0),
        level: 1,
        request_id: Some("0b0e1d22-4c3b-4f1e-9a5d-6f1f0c7a8b90".into()),
        ..Request::default()
    }))
}

/// Writes a packet over what `out` held.
///
/// # Errors
/// Those of the codec.
pub fn write(packet: &Packet<'_>, format: Format, out: &mut Vec<u8>) -> ligand::Result<()> {
    out.clear();
    codec::encode(packet, Envelope { ver: "5", sender: "node-1" }, format, out)
}

/// From bytes to the typed parameters.
///
/// # Errors
/// Those of the codec, and when the bytes are no request with a user.
pub fn read(format: Format, bytes: &Bytes) -> ligand::Result<User> {
    match codec::decode(PacketKind::Request, format, bytes)?.packet {
        Packet::Request(request) => request.params.take(),
        other => Err(ligand::Error::new(format!("a request came back as {}", other.kind().as_str()))),
    }
}
