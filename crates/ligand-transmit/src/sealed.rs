//! Authenticated encryption: XChaCha20-Poly1305 with a random nonce for each packet.
//!
//! Wire form: `LS`, version 1, 4 bytes that name the key, 24 bytes of nonce, ciphertext, 16 bytes of tag. The tag
//! covers the first 7 bytes and the kind of the packet too.

use std::fmt;

use bytes::Bytes;
use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead, AeadInOut, KeyInit, Payload},
};
use ligand_transport::Transmit;
use ligand_wire::{Error, Result, packet::PacketKind};

use crate::{Key, invalid};

const MAGIC: [u8; 3] = *b"LS\x01";
const ID: usize = 4;
const HEAD: usize = MAGIC.len() + ID;
const NONCE: usize = 24;
const TAG: usize = 16;

/// Encrypts packets so that changes are noticed: for clusters of Ligand nodes. Moleculer nodes cannot read it.
///
/// Nonces of 24 random bytes do not repeat in practice: a key is good for more packets than a cluster ever sends.
/// What it does not prevent: somebody on the bus can send a recorded packet again, to the same or another node, hold
/// packets back, and see their lengths, times and topics.
///
/// To change the key: give all nodes `[old, new]`, then `[new, old]`, then `[new]`.
pub struct Sealed(Vec<Named>);

struct Named {
    id: [u8; ID],
    cipher: XChaCha20Poly1305,
}

impl Sealed {
    /// Encrypts with the first key, understands all.
    ///
    /// # Errors
    /// `BROKER_OPTIONS_ERROR` when there is no key.
    pub fn new(keys: impl IntoIterator<Item = Key>) -> Result<Self> {
        let keys: Vec<_> = keys
            .into_iter()
            .map(|key| Named { id: key.id(), cipher: XChaCha20Poly1305::new(key.secret().into()) })
            .collect();
        if keys.is_empty() {
            return Err(Error::broker_options("sealing packets needs at least one key"));
        }
        Ok(Self(keys))
    }
}

/// What the tag covers beside the content.
fn associated(head: &[u8], kind: PacketKind) -> ([u8; 32], usize) {
    let kind = kind.as_str().as_bytes();
    let mut data = [0; 32];
    let len = head.len() + kind.len();
    data[..head.len()].copy_from_slice(head);
    data[head.len()..len].copy_from_slice(kind);
    (data, len)
}

impl Transmit for Sealed {
    fn name(&self) -> &'static str {
        "sealed"
    }

    fn send(&self, kind: PacketKind, body: Bytes) -> Result<Bytes> {
        let Named { id, cipher } = &self.0[0];
        let mut out = vec![0; HEAD + NONCE + body.len() + TAG];
        let (head, rest) = out.split_at_mut(HEAD);
        let (nonce, rest) = rest.split_at_mut(NONCE);
        let (content, tag) = rest.split_at_mut(body.len());
        head[..MAGIC.len()].copy_from_slice(&MAGIC);
        head[MAGIC.len()..].copy_from_slice(id);
        getrandom::fill(nonce)
            .map_err(|error| Error::internal_error(format_args!("no random numbers for a nonce: {error}")))?;
        content.copy_from_slice(&body);
        let (data, len) = associated(head, kind);
        let nonce =
            XNonce::try_from(&*nonce).map_err(|_| Error::internal_error("a nonce of wrong length"))?;
        let made = cipher
            .encrypt_inout_detached(&nonce, &data[..len], content.into())
            .map_err(|_| Error::internal_error("a packet is too long to be sealed"))?;
        tag.copy_from_slice(&made);
        Ok(out.into())
    }

    fn receive(&self, kind: PacketKind, body: Bytes) -> Result<Bytes> {
        let foreign = || invalid(kind, "it is not sealed; do all nodes seal their packets?");
        let (head, rest) = body.split_at_checked(HEAD).ok_or_else(foreign)?;
        let (nonce, sealed) = rest.split_at_checked(NONCE).ok_or_else(foreign)?;
        if head[..MAGIC.len()] != MAGIC || sealed.len() < TAG {
            return Err(foreign());
        }
        let nonce = XNonce::try_from(nonce).map_err(|_| foreign())?;
        let (data, len) = associated(head, kind);
        let mut known = self.0.iter().filter(|key| key.id == head[MAGIC.len()..]).peekable();
        if known.peek().is_none() {
            return Err(invalid(kind, "it is sealed with a key that this node does not have"));
        }
        known
            .find_map(|key| key.cipher.decrypt(&nonce, Payload { msg: sealed, aad: &data[..len] }).ok())
            .map(Bytes::from)
            .ok_or_else(|| invalid(kind, "it was changed on its way"))
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} keys)", self.0.len())
    }
}
