//! What happens to packets on the wire: compression and encryption, as Moleculer's transmit middlewares do it, and an
//! authenticated encryption for clusters of Ligand nodes.
//!
//! | | peers | secret | unchanged |
//! |---|---|---|---|
//! | [`Compression`] | Moleculer, Ligand | no | no |
//! | [`Encryption`] | Moleculer, Ligand | against onlookers only, equal packets look equal | no |
//! | [`Sealed`] | Ligand | yes | yes |
//!
//! Each is a [`ligand_transport::Transmit`]; several make a [`ligand_transport::Chain`]. Compress before encrypting:
//! `Chain::new(vec![encryption, compression])`. Where an attacker chooses a part of a packet that also carries a
//! secret, the length of a compressed packet tells something about the secret: leave compression out then.

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "compression")]
mod compression;
#[cfg(feature = "encryption")]
mod encryption;
#[cfg(feature = "encryption")]
mod key;
#[cfg(feature = "encryption")]
mod sealed;

#[cfg(feature = "compression")]
pub use compression::{Compression, Method};
#[cfg(feature = "encryption")]
pub use encryption::Encryption;
#[cfg(feature = "encryption")]
pub use key::Key;
#[cfg(feature = "encryption")]
pub use sealed::Sealed;

#[cfg(any(feature = "compression", feature = "encryption"))]
fn invalid(kind: ligand_wire::packet::PacketKind, what: impl std::fmt::Display) -> ligand_wire::Error {
    let message = format!("Invalid {} packet: {what}.", kind.as_str());
    ligand_wire::Error::build("InvalidPacketDataError", 500, message).with_kind("INVALID_PACKET_DATA")
}
