//! How often packets ask for memory.

use std::borrow::Cow;

use allocation_counter::measure;
use bytes::Bytes;
use ligand_wire::{
    Payload,
    codec::{self, Envelope},
    packet::{Fields, Packet, PacketKind, Request, Response},
    payload::Format,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct User {
    id: u64,
    name: String,
    email: String,
    active: bool,
    score: f64,
    tags: Vec<String>,
}

fn user() -> User {
    User {
        id: 42,
        name: "Ada Lovelace".into(),
        email: "ada@example.com".into(),
        active: true,
        score: 12.5,
        tags: ["math", "poetry", "engines"].map(String::from).to_vec(),
    }
}

fn request(params: Payload, headers: &Fields) -> Packet<'_> {
    Packet::Request(Request {
        id: "5f1b9e0c-7c1e-4b7a-9f50-2f7b8f1d3c55".into(),
        action: "users.create".into(),
        params,
        headers: Some(Cow::Borrowed(headers)),
        timeout: Some(5000.0),
        level: 1,
        request_id: Some("5f1b9e0c-7c1e-4b7a-9f50-2f7b8f1d3c55".into()),
        caller: Some("api".into()),
        ..Request::default()
    })
}

const ENVELOPE: Envelope<'_> = Envelope { ver: "5", sender: "node-1" };

#[test]
fn writing_into_a_warm_buffer_needs_none() {
    let headers: Fields = serde_json::from_value(json!({ "h": 1 })).unwrap();
    let packets = [
        request(Payload::typed(user()), &headers),
        request(Payload::json(serde_json::to_vec(&user()).unwrap()), &headers),
        request(Payload::from(json!({ "a": [1, "x"] })), &headers),
        request(Payload::binary(vec![7; 100]), &headers),
        Packet::Response(Response { id: "1".into(), data: Payload::typed(user()), ..Response::default() }),
        Packet::Discover,
    ];
    let mut out = Vec::with_capacity(4096);
    for packet in packets {
        for ver in ["4", "5"] {
            out.clear();
            let envelope = Envelope { ver, ..ENVELOPE };
            let info = measure(|| codec::encode(&packet, envelope, Format::Json, &mut out).unwrap());
            assert_eq!(info.count_total, 0, "{packet:?}");
        }
    }
}

#[test]
fn reading_needs_what_the_value_itself_needs() {
    // JSONExt has numbers and texts that stand for others, and is read through tokens.
    let formats = [Format::Json, Format::MsgPack, Format::Notepack, Format::Cbor];
    for format in formats.into_iter().filter(|format| format.is_available()) {
        let mut out = Vec::new();
        codec::encode(&request(Payload::typed(user()), &Fields::new()), ENVELOPE, format, &mut out).unwrap();
        let bytes = Bytes::from(out);
        // The first slice of a buffer moves its count of owners to the heap.
        drop(bytes.clone());
        let head = measure(|| drop(codec::decode(PacketKind::Request, format, &bytes).unwrap()));
        assert_eq!(head.count_total, 0, "{format}");

        let mut taken = None;
        let whole = measure(|| {
            if let Packet::Request(request) =
                codec::decode(PacketKind::Request, format, &bytes).unwrap().packet
            {
                taken = Some(request.params.take::<User>().unwrap());
            }
        });
        let own = measure(|| drop(user()));
        assert_eq!(taken, Some(user()), "{format}");
        assert!(whole.count_total <= own.count_total, "{format}: {whole:?}, the value itself needs {own:?}");
    }
}
