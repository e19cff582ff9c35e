//! Ways into the decoders of this crate for the fuzzer. No part of the API.

use bytes::{Buf as _, BufMut as _, BytesMut};
use ligand_transport::Cluster;
use ligand_wire::packet::{Gossip, GossipReply};

use crate::{Urls, beacon, frame::FrameReader, gossip};

/// Reads frames that arrive in pieces; returns how many there were.
pub fn frames(mut bytes: &[u8], piece: usize) -> usize {
    let mut reader = FrameReader::new(1024 * 1024);
    let mut count = 0;
    while bytes.has_remaining() {
        let len = piece.clamp(1, bytes.len());
        let space: &mut BytesMut = reader.space();
        space.put_slice(&bytes[..len]);
        bytes.advance(len);
        loop {
            match reader.next() {
                Ok(Some(_)) => count += 1,
                Ok(None) => break,
                Err(_) => return count,
            }
        }
    }
    count
}

/// Reads a beacon; returns whether it was one.
pub fn beacon(bytes: &[u8]) -> bool {
    beacon::parse(bytes, "", None).is_some()
}

/// Answers a gossip request.
pub fn gossip_request(cluster: &dyn Cluster, request: &Gossip) {
    let me = gossip::Me { id: "me", port: 1, address: None };
    let _ = gossip::answer(cluster, me, "other", request);
    let _ = gossip::request(cluster, me);
}

/// Takes in a gossip answer.
pub fn gossip_reply(cluster: &dyn Cluster, reply: GossipReply) {
    let me = gossip::Me { id: "me", port: 1, address: None };
    gossip::apply(cluster, me, "other", reply, |_| {});
}

/// Reads a list of nodes; returns whether it is one.
pub fn urls(text: &str) -> bool {
    Urls::Text(text.into()).endpoints().is_ok()
}
