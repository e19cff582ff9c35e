//! What goes over the wire, and what comes back.

#![allow(clippy::unwrap_used)]

mod compression;
mod encryption;
mod moleculer;
mod sealed;

use bytes::Bytes;
use ligand_transport::Transmit;
use ligand_wire::{Error, packet::PacketKind};

const REQ: PacketKind = PacketKind::Request;

/// There and back again.
fn round(transmit: &dyn Transmit, body: &[u8]) -> Bytes {
    let wire = transmit.send(REQ, Bytes::copy_from_slice(body)).unwrap();
    assert_eq!(transmit.receive(REQ, wire.clone()).unwrap(), body);
    wire
}

fn refused(transmit: &dyn Transmit, wire: impl Into<Bytes>) -> Error {
    let error = transmit.receive(REQ, wire.into()).unwrap_err();
    assert_eq!((error.kind(), error.name()), ("INVALID_PACKET_DATA", "InvalidPacketDataError"));
    assert!(error.message().starts_with("Invalid REQ packet: "), "{error}");
    error
}

/// Nothing from the bus makes it panic, and nothing random passes where it must not.
fn survives_noise(transmit: &dyn Transmit, passes: bool) {
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..2000 {
        let noise: Vec<u8> = (0..random.usize(..200)).map(|_| random.u8(..)).collect();
        let received = transmit.receive(REQ, noise.into());
        assert!(passes || received.is_err());
    }
    let wire = transmit.send(REQ, Bytes::from(vec![b'x'; 5000])).unwrap();
    for _ in 0..2000 {
        let mut changed = wire.to_vec();
        let at = random.usize(..changed.len());
        changed[at] ^= 1 << random.u8(..8);
        let received = transmit.receive(REQ, changed.into());
        assert!(passes || received.is_err());
    }
    for len in 0..wire.len().min(100) {
        assert!(passes || transmit.receive(REQ, wire.slice(..len)).is_err());
    }
}
