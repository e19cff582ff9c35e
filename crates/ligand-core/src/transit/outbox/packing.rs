//! From a packet to the bytes that travel, and back.

use bytes::Bytes;
use ligand_transport::Transmit as _;
use ligand_wire::{
    Result,
    codec::{self, Envelope},
    packet::{Packet, PacketKind, ProtocolVersion, Received},
    payload::Format,
};

use super::{
    Outbox,
    memory::{self, Retention},
    size,
};
use crate::registry::Node;

/// What came, after decryption and decompression.
pub(crate) enum Unpacked {
    Plain(Bytes),
    /// Longer than this node takes; `sealed`: it was not decrypted for that.
    TooLong {
        body: Bytes,
        sealed: bool,
    },
}

impl Outbox {
    /// A packet as it travels to a node, or to nodes that take what this one does.
    pub(crate) fn pack(&self, packet: &Packet<'_>, ver: ProtocolVersion, to: Option<&Node>) -> Result<Bytes> {
        self.pack_measured(packet, ver, to).map(|(body, _)| body)
    }

    /// A packet as it travels to a node, in that node's version of the protocol.
    pub(crate) fn pack_for(&self, node: &Node, packet: &Packet<'_>) -> Result<Bytes> {
        self.pack(packet, self.ver_of(node), Some(node))
    }

    /// As [`Outbox::pack`], with the length before compression and encryption.
    pub(crate) fn pack_measured(
        &self,
        packet: &Packet<'_>,
        ver: ProtocolVersion,
        to: Option<&Node>,
    ) -> Result<(Bytes, usize)> {
        let kind = packet.kind();
        if let Some(logger) = &self.logger {
            logger.sent(kind, to.map(|node| &**node.id()), || readable(packet, ver.as_str(), self.node_id()));
        }
        let retention = if kind == PacketKind::Response { Retention::Kept } else { Retention::Passing };
        let plain = memory::pack(retention, |out| {
            codec::encode(packet, Envelope { ver: ver.as_str(), sender: self.node_id() }, self.format, out)
        })?;
        let len = plain.len();
        Ok((self.seal(kind, plain, to.filter(|_| size::is_bounded_by_receiver(packet)))?, len))
    }

    /// Compresses and encrypts a packet. The receiver looks at its length before and after.
    fn seal(&self, kind: PacketKind, plain: Bytes, to: Option<&Node>) -> Result<Bytes> {
        self.fits(kind, plain.len(), to)?;
        if self.transmit.is_empty() {
            return Ok(plain);
        }
        let body = self.transmit.send(kind, plain)?;
        self.fits(kind, body.len(), to)?;
        Ok(body)
    }

    /// The opposite of [`Outbox::pack`], up to the plain bytes.
    pub(crate) fn unpack(&self, kind: PacketKind, body: Bytes) -> Result<Unpacked> {
        let most = self.max_packet_size;
        if body.len() > most {
            return Ok(Unpacked::TooLong { body, sealed: true });
        }
        let body = self.open(kind, body)?;
        match body.len() > most {
            true => Ok(Unpacked::TooLong { body, sealed: false }),
            false => Ok(Unpacked::Plain(body)),
        }
    }

    /// Decrypts and decompresses, however long it is.
    pub(crate) fn open(&self, kind: PacketKind, body: Bytes) -> Result<Bytes> {
        self.transmit.receive(kind, body)
    }

    /// Reads a packet from its plain bytes.
    pub(crate) fn read<'a>(&self, kind: PacketKind, plain: &'a Bytes) -> Result<Received<'a>> {
        codec::decode(kind, self.format, plain)
    }

    pub(crate) fn log_received(&self, ver: &str, sender: &str, packet: &Packet<'_>) {
        if let Some(logger) = &self.logger {
            logger.received(packet.kind(), sender, || readable(packet, ver, sender));
        }
    }

    /// A packet for the transporter, which sends it itself.
    ///
    /// # Errors
    /// When the packet cannot be encoded.
    pub(crate) fn pack_for_transporter(&self, packet: &Packet<'_>, to: Option<&Node>) -> Result<Bytes> {
        let ver = to.and_then(Node::ver).unwrap_or(self.ver);
        let packed = self.pack(packet, ver, to);
        let fits = match (&packed, to) {
            // It goes all the same: the limit may be what somebody else said.
            (Ok(body), Some(node)) => self.fits(packet.kind(), body.len(), Some(node)),
            (Ok(_), None) => Ok(()),
            (Err(error), _) => Err(error.clone()),
        };
        if let Err(error) = &fits
            && size::is_too_large(error)
        {
            // Gossip: it carries the info.
            self.not_announced(error);
        }
        packed
    }
}

/// A packet for people.
fn readable(packet: &Packet<'_>, ver: &str, sender: &str) -> Result<Bytes> {
    let mut out = Vec::new();
    codec::encode(packet, Envelope { ver, sender }, Format::Json, &mut out)?;
    Ok(Bytes::from(out))
}
