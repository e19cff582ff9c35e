//! What real nodes sent is read, and written again as it was.

use std::{fs, path::Path};

use bytes::Bytes;
use ligand_wire::{
    Error, Payload,
    codec::{self, Envelope},
    packet::{Event, Packet, PacketKind, Received, Request, Response},
    payload::Format,
};
use serde_json::{Value, json};

/// A recorded packet.
pub(crate) struct Golden {
    pub(crate) name: String,
    pub(crate) kind: PacketKind,
    pub(crate) bytes: Bytes,
}

impl Golden {
    pub(crate) fn read(&self, format: Format) -> Received<'_> {
        codec::decode(self.kind, format, &self.bytes)
            .unwrap_or_else(|error| panic!("{}: {error:?}", self.name))
    }
}

/// Every packet of `folder`, for example `json/5`.
pub(crate) fn packets(folder: &str) -> Vec<Golden> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(folder);
    let mut packets: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|file| {
            let path = file.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let kind = name.split('-').next().unwrap();
            let kind = *PacketKind::ALL.iter().find(|known| known.as_str() == kind).unwrap();
            Golden { name, kind, bytes: fs::read(&path).unwrap().into() }
        })
        .collect();
    packets.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(packets.len() > 100, "{} packets in {folder:?}", packets.len());
    packets
}

fn packet(folder: &str, name: &str) -> Golden {
    packets(folder).into_iter().find(|packet| packet.name == name).unwrap()
}

fn request(golden: &Golden) -> Request<'_> {
    match golden.read(Format::Json).packet {
        Packet::Request(request) => request,
        other => panic!("{other:?}"),
    }
}

fn response(golden: &Golden) -> Response<'_> {
    match golden.read(Format::Json).packet {
        Packet::Response(response) => response,
        other => panic!("{other:?}"),
    }
}

fn event(golden: &Golden) -> Event<'_> {
    match golden.read(Format::Json).packet {
        Packet::Event(event) => event,
        other => panic!("{other:?}"),
    }
}

fn failure(name: &str) -> Error {
    response(&packet("json/5", name)).error.unwrap()
}

pub(crate) fn written(received: &Received<'_>, format: Format) -> Vec<u8> {
    let mut out = Vec::new();
    let envelope = Envelope { ver: &received.ver, sender: &received.sender };
    codec::encode(&received.packet, envelope, format, &mut out).unwrap();
    out
}

/// What is meant to be different: stacks stay at home, a code that is a text becomes the type, headers are never null.
fn leave_out_differences(sent: &mut Value, ours: &mut Value) {
    let top = sent.as_object_mut().unwrap();
    if top.get("headers") == Some(&Value::Null) {
        top.remove("headers");
    }
    // Version 4 says so of calls with null parameters.
    if top.get("stream") == Some(&Value::Null) {
        top.insert("stream".into(), json!(false));
    }
    let (Some(sent), Some(ours)) = (sent.get_mut("error"), ours.get_mut("error")) else { return };
    let (sent, ours) = (sent.as_object_mut().unwrap(), ours.as_object_mut().unwrap());
    sent.remove("stack").unwrap();
    let stack = ours.remove("stack").unwrap();
    assert_eq!(stack, format!("{}: {}", ours["name"].as_str().unwrap(), ours["message"].as_str().unwrap()));
    if let Some(Value::String(_)) = sent.get("code") {
        assert_eq!(sent.remove("code"), ours.remove("type"));
        assert_eq!(ours.get("code"), None);
    }
}

#[test]
fn every_json_packet_is_written_as_it_came() {
    for folder in ["json/4", "json/5"] {
        for golden in packets(folder) {
            let received = golden.read(Format::Json);
            let mut sent: Value = serde_json::from_slice(&golden.bytes).unwrap();
            let mut ours: Value = serde_json::from_slice(&written(&received, Format::Json)).unwrap();
            leave_out_differences(&mut sent, &mut ours);
            assert_eq!(sent, ours, "{folder}/{}", golden.name);
        }
    }
}

#[test]
fn keys_are_in_the_order_of_node() {
    let mut same = 0;
    for golden in packets("json/5") {
        // The error of an answer is between other keys when the answer is a stream; gossip sorts its nodes.
        let sent = String::from_utf8(golden.bytes.to_vec()).unwrap();
        if sent.contains(r#""stack":"#)
            || sent.contains(r#""headers":null"#)
            || sent.starts_with(r#"{"online""#)
        {
            continue;
        }
        let ours = String::from_utf8(written(&golden.read(Format::Json), Format::Json)).unwrap();
        assert_eq!(sent, ours, "{}", golden.name);
        same += 1;
    }
    assert!(same > 60, "{same} packets were the same, byte for byte");
}

#[test]
fn fields_of_a_call() {
    let golden = packet("json/5", "REQ-add");
    let received = golden.read(Format::Json);
    assert_eq!((&*received.ver, &*received.sender), ("5", "A"));
    let add = request(&golden);
    assert_eq!((&*add.action, add.timeout, add.level, add.tracing), ("v2.math.add", Some(1000.0), 1, None));
    assert_eq!((add.meta.get("m"), add.headers.unwrap().get("h")), (Some(&json!(1)), Some(&json!(1))));
    assert_eq!(add.request_id.as_deref(), Some(&*add.id));
    assert_eq!((add.parent_id, add.caller, add.stream, add.seq), (None, None, false, None));
    assert_eq!(add.params.to_value().unwrap(), json!({ "a": "1", "b": 2 }));

    let nested = packet("json/5", "REQ-nested-1");
    let nested = request(&nested);
    assert_eq!((nested.caller.as_deref(), nested.level), (Some("test"), 2));
    assert!(nested.parent_id.is_some() && nested.timeout.unwrap().fract() > 0.0);
    assert!(request(&packet("json/4", "REQ-add")).headers.is_none());
    let null = packet("json/5", "REQ-null");
    assert!(request(&null).params.is_null() && !request(&null).params.is_undefined());
}

#[test]
fn fields_of_an_answer() {
    let golden = packet("json/5", "RES-add");
    let add = response(&golden);
    assert_eq!((add.meta.get("added"), add.headers.unwrap().get("rh")), (Some(&json!(1)), Some(&json!(1))));
    assert_eq!((add.data.take::<u8>().unwrap(), add.error, add.stream, add.seq), (3, None, None, None));
    assert!(response(&packet("json/5", "RES-bare")).data.is_undefined());
    let null = response(&packet("json/5", "RES-null")).data;
    assert!(null.is_null() && !null.is_undefined());
}

#[test]
fn fields_of_an_event() {
    let golden = packet("json/5", "EVENT-groups");
    let groups = event(&golden);
    assert_eq!(
        (&*groups.event, &groups.groups[..], groups.broadcast),
        ("user.created", &["g1".into()][..], false)
    );
    assert_eq!(groups.data.get("name"), Some(json!("Ada Lovelace")));
    let broadcast = packet("json/5", "EVENT-broadcast");
    let broadcast = event(&broadcast);
    assert!(broadcast.groups.is_empty() && broadcast.broadcast && broadcast.data.is_null());
}

#[test]
fn failures_keep_their_class() {
    let client = failure("RES-error-client");
    assert_eq!((client.name(), client.message(), client.code()), ("MoleculerClientError", "Bad", 400));
    assert_eq!((client.kind(), client.node_id(), client.retryable()), ("BAD", Some("B"), false));
    assert_eq!(client.data(), Some(&json!({ "a": 5 })));
    let timeout = failure("RES-error-timeout");
    assert_eq!(timeout, Error::request_timeout("x.y", "B"));
    let custom = failure("RES-error-custom");
    assert_eq!(
        (custom.name(), custom.code(), custom.kind(), custom.retryable()),
        ("CustomError", 418, "TEAPOT", true)
    );
    let code = failure("RES-error-text-code");
    assert_eq!((code.name(), code.code(), code.kind()), ("Error", 500, "ECONNREFUSED"));
    assert_eq!(failure("RES-error-other-node").node_id(), Some("C"));
    assert_eq!(failure("RES-unknown-action"), Error::service_not_found("no.such", Some("B")));
}

#[test]
fn streams_of_both_versions() {
    for ver in ["4", "5"] {
        let folder = format!("json/{ver}");
        let chunks = [1, 2].map(|seq| packet(&folder, &format!("REQ-upload-{seq}")));
        let bytes = chunks.each_ref().map(|golden| {
            let chunk = request(golden);
            assert!(chunk.stream && !chunk.object_mode());
            chunk.params.into_bytes().unwrap()
        });
        assert_eq!(bytes.concat(), b"abc\x00\xff", "{ver}");
        let end = packet(&folder, "REQ-upload-3");
        assert_eq!((request(&end).stream, request(&end).seq), (false, Some(3)));
        assert!(request(&packet(&folder, "REQ-upload-objects-1")).object_mode());
        let broken = packet(&folder, "REQ-error-upload-2");
        let error = request(&broken).stream_error().unwrap();
        assert_eq!((error.message(), error.kind(), error.node_id()), ("broken", "BROKEN", Some("A")));
        let objects = packet(&folder, "RES-download-objects-1");
        assert!(response(&objects).object_mode());
        assert_eq!(response(&objects).stream, Some(true));
        let broken = packet(&folder, "RES-error-download-2");
        assert_eq!(response(&broken).error.unwrap().message(), "broken");
    }
}

#[test]
fn versions_change_places_of_flags() {
    let golden = packet("json/5", "REQ-upload-objects-1");
    let mut received = golden.read(Format::Json);
    received.ver = "4".into();
    let text = Bytes::from(written(&received, Format::Json));
    let old: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!((&old["meta"], old.get("headers")), (&json!({ "$streamObjectMode": true }), None));
    assert_eq!(old["params"], json!({ "a": 1 }));
}

#[test]
fn infos() {
    let golden = packet("json/5", "INFO-info");
    let Packet::Info(info) = golden.read(Format::Json).packet else { panic!() };
    assert_eq!((&*info.client.kind, &*info.hostname, info.port), ("nodejs", "example-host", None));
    let math = info.services.iter().find(|service| service.name == "math").unwrap();
    assert_eq!((math.full_name.as_deref(), &math.version), (Some("v2.math"), &Some(json!(2))));
    assert_eq!(math.actions["v2.math.add"]["hooks"], json!({ "before": [null, "check"] }));
    assert_eq!(math.settings, json!({ "open": { "x": 1 } }));
    assert!(math.events.contains_key("user.*"));
}

#[test]
fn a_payload_goes_on_as_it_came() {
    let golden = packet("json/5", "RES-common");
    let data = response(&golden).data;
    let text = data.as_json().unwrap().clone();
    let again = Packet::Event(Event {
        id: "1".into(),
        event: "e".into(),
        data: Payload::json(text.clone()),
        ..Event::default()
    });
    let received = Received { ver: "5".into(), sender: "A".into(), packet: again };
    let out = written(&received, Format::Json);
    assert!(out.windows(text.len()).any(|window| window == &text[..]));
}
