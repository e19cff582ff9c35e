//! The decoders that the fuzzer feeds, and what must hold for whatever they read.

use std::collections::BTreeMap;

use bytes::Bytes;
use ligand_amqp::AmqpOptions;
use ligand_mqtt::MqttOptions;
use ligand_tcp::fuzz;
use ligand_transmit::{Compression, Encryption, Key, Sealed};
use ligand_transport::{Address, Cluster, Local, Peer, Transmit};
use ligand_wire::{
    Payload,
    codec::{self, Envelope},
    key,
    packet::{Heartbeat, NodeInfo, Packet, PacketKind, Received},
    pattern::Pattern,
    payload::Format,
    topic::{To, Topic},
};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::Value;

use crate::{damage, golden};

/// A decoder.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Name, and folder of the stored corpus.
    pub name: &'static str,
    /// What it begins with beside the stored corpus.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Makes new input, beside damage to old input.
    pub make: Option<fn(&mut fastrand::Rng) -> Vec<u8>>,
    /// Decodes; answers whether the input was understood. Panics when a rule is broken.
    pub run: fn(&[u8]) -> bool,
}

/// Every decoder.
pub const ALL: &[Target] = &[
    packets(
        "json",
        |bytes| packet(Format::Json, bytes),
        || recorded(Format::Json),
        |rng| made(Format::Json, rng),
    ),
    packets(
        "jsonext",
        |bytes| packet(Format::JsonExt, bytes),
        || recorded(Format::JsonExt),
        |rng| made(Format::JsonExt, rng),
    ),
    packets(
        "msgpack",
        |bytes| packet(Format::MsgPack, bytes),
        || recorded(Format::MsgPack),
        |rng| made(Format::MsgPack, rng),
    ),
    packets(
        "notepack",
        |bytes| packet(Format::Notepack, bytes),
        || recorded(Format::Notepack),
        |rng| made(Format::Notepack, rng),
    ),
    packets(
        "cbor",
        |bytes| packet(Format::Cbor, bytes),
        || recorded(Format::Cbor),
        |rng| made(Format::Cbor, rng),
    ),
    Target { name: "frames", seeds: framed, make: None, run: frames },
    Target {
        name: "beacon",
        seeds: || texts(&["|node|4000", "|a.b-c|65535"]),
        make: None,
        run: fuzz::beacon,
    },
    Target { name: "gossip", seeds: || gossiped(), make: None, run: gossip },
    Target { name: "urls", seeds: || texts(URLS), make: None, run: urls },
    Target { name: "pattern", seeds: || texts(PATTERNS), make: None, run: pattern },
    Target { name: "topic", seeds: || texts(PATTERNS), make: None, run: topic },
    Target { name: "transmit", seeds: wrapped, make: None, run: transmit },
];

const URLS: &[&str] = &[
    "tcp://10.0.0.1:4000/node-1,10.0.0.2:4000/node-2",
    "tcp://[::1]:4000/node",
    "mqtt://user:secret@localhost:1883?x=1",
    "mqtts://host",
    "amqp://user:secret@localhost:5672/vhost%2f?heartbeat=10",
    "amqps://host/",
    "amqp://host?frameMax=0;amqp://other",
];

const PATTERNS: &[&str] =
    &["user.*\nuser.created", "**\na.b.c", "a.?.c\na.b.c", "$node.**\n$node.info", "*.*.**\na.b.c.d.e.f"];

const fn packets(
    name: &'static str,
    run: fn(&[u8]) -> bool,
    seeds: fn() -> Vec<Vec<u8>>,
    make: fn(&mut fastrand::Rng) -> Vec<u8>,
) -> Target {
    Target { name, seeds, make: Some(make), run }
}

fn texts(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// Recorded packets, each behind a byte that tells its kind.
fn recorded(format: Format) -> Vec<Vec<u8>> {
    let number = |kind: PacketKind| PacketKind::ALL.iter().position(|other| *other == kind).unwrap_or(0);
    golden::packets(format)
        .into_iter()
        .map(|golden| {
            let mut entry = vec![u8::try_from(number(golden.kind)).unwrap_or(0)];
            entry.extend(golden.bytes);
            entry
        })
        .collect()
}

/// A recorded packet with strange fields.
fn made(format: Format, rng: &mut fastrand::Rng) -> Vec<u8> {
    thread_local! {
        static SHORT: Mutex<BTreeMap<&'static str, Vec<Vec<u8>>>> = Mutex::default();
    }
    let name = golden::FORMATS.iter().find(|(other, _)| *other == format).map_or("json", |(_, name)| name);
    let mut entry = SHORT.with(|short| {
        let mut short = short.lock();
        let list = short
            .entry(name)
            .or_insert_with(|| recorded(format).into_iter().filter(|entry| entry.len() < 2000).collect());
        list[rng.usize(..list.len())].clone()
    });
    let Ok(mut value) = Payload::encoded(format, entry[1..].to_vec()).to_value() else { return entry };
    for _ in 0..rng.usize(1..4) {
        damage::value(&mut value, rng);
    }
    let mut out = vec![entry[0]];
    match Payload::from(value).encode(format, &mut out) {
        Ok(()) => out,
        Err(_) => {
            entry.truncate(rng.usize(1..=entry.len()));
            entry
        }
    }
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "only read")]
struct Typed {
    id: Option<u64>,
    name: Option<String>,
    list: Option<Vec<f64>>,
    inner: Option<Box<Typed>>,
}

/// What is read can be written in the same form and read again.
fn packet(format: Format, input: &[u8]) -> bool {
    let Some((&number, body)) = input.split_first() else { return false };
    let kind = PacketKind::ALL[usize::from(number) % PacketKind::ALL.len()];
    let body = Bytes::copy_from_slice(body);
    let Ok(received) = codec::decode(kind, format, &body) else { return false };
    if let Some(payload) = payload(&received) {
        let _ = payload.get("a.b");
        let _ = payload.is_null();
        let mut key = String::new();
        let _ = key::write_parts(&mut key, 1, None, |_, text| payload.write_key(None, text));
        let _ = payload.clone().take::<Value>();
        if let Ok(bytes) = json_of(payload) {
            let _ = serde_json::from_slice::<Typed>(&bytes);
        }
    }
    let envelope = Envelope { ver: &received.ver, sender: &received.sender };
    let mut out = Vec::new();
    if codec::encode(&received.packet, envelope, format, &mut out).is_ok() {
        let out = Bytes::from(out);
        let again = codec::decode(kind, format, &out);
        let same = again.as_ref().is_ok_and(|again| again.sender == received.sender);
        assert!(same, "was read, and not again after it was written: {again:?}");
    }
    for (other, _) in golden::FORMATS {
        let _ = codec::encode(&received.packet, envelope, other, &mut Vec::new());
    }
    true
}

fn json_of(payload: &Payload) -> ligand_wire::Result<Vec<u8>> {
    let mut out = Vec::new();
    payload.write_json(&mut out).map(|()| out)
}

fn payload<'a>(received: &'a Received<'_>) -> Option<&'a Payload> {
    match &received.packet {
        Packet::Request(request) => Some(&request.params),
        Packet::Response(response) => Some(&response.data),
        Packet::Event(event) => Some(&event.data),
        _ => None,
    }
}

/// Frames as the TCP transporter of Moleculer writes them.
fn framed() -> Vec<Vec<u8>> {
    let frame = |number: u8, body: &[u8]| {
        let len = u32::try_from(body.len() + 6).unwrap_or(6).to_be_bytes();
        let mut frame = vec![len[0] ^ len[1] ^ len[2] ^ len[3] ^ number];
        frame.extend(len);
        frame.push(number);
        frame.extend(body);
        frame
    };
    vec![frame(1, b"{}"), frame(8, b"{\"a\":1}"), [frame(6, b"x"), frame(7, b"")].concat()]
}

fn frames(input: &[u8]) -> bool {
    let whole = fuzz::frames(input, input.len());
    let piece = input.first().map_or(1, |first| usize::from(*first % 16) + 1);
    assert_eq!(whole, fuzz::frames(input, piece), "pieces make a difference");
    whole > 0
}

fn gossiped() -> Vec<Vec<u8>> {
    let is_gossip = |entry: &Vec<u8>| {
        let kind = PacketKind::ALL[usize::from(entry[0])];
        matches!(kind, PacketKind::GossipRequest | PacketKind::GossipResponse)
    };
    recorded(Format::Json).into_iter().filter(is_gossip).collect()
}

fn gossip(input: &[u8]) -> bool {
    let Some((&number, body)) = input.split_first() else { return false };
    let kind = PacketKind::ALL[usize::from(number) % PacketKind::ALL.len()];
    let body = Bytes::copy_from_slice(body);
    let Ok(received) = codec::decode(kind, Format::Json, &body) else { return false };
    let cluster = Known::default();
    match received.packet {
        Packet::GossipRequest(request) => fuzz::gossip_request(&cluster, &request),
        Packet::GossipResponse(reply) => fuzz::gossip_reply(&cluster, reply),
        _ => return false,
    }
    true
}

fn urls(input: &[u8]) -> bool {
    let text = String::from_utf8_lossy(input);
    // Reads the file that it names.
    if text.trim_start().starts_with("file:") {
        return false;
    }
    let (mqtt, amqp) = (MqttOptions::from_url(&*text), AmqpOptions::from_url(&*text));
    let read = [fuzz::urls(&text), mqtt.check().is_ok(), amqp.check().is_ok()];
    read.contains(&true)
}

/// A pattern, a line break, a text.
fn pattern(input: &[u8]) -> bool {
    let text = String::from_utf8_lossy(input);
    let (pattern, name) = text.split_once('\n').unwrap_or((&text, &text));
    let once = Pattern::new(pattern);
    assert_eq!(once.matches(name), ligand_wire::pattern::matches(name, pattern), "two answers");
    once.matches(name)
}

fn topic(input: &[u8]) -> bool {
    let text = String::from_utf8_lossy(input);
    let (first, second) = text.split_once('\n').unwrap_or((&text, &text));
    let prefix = Topic::prefix(first);
    let to = To::Group { group: first.into(), event: second.into() };
    for kind in PacketKind::ALL {
        let name = Topic::node(kind, second.into()).name(&prefix);
        assert!(name.starts_with("MOL") && name.ends_with(second), "{name}");
        let _ = Topic { kind, to: to.clone() }.name_with(&prefix, "/");
    }
    true
}

fn layers() -> Vec<Box<dyn Transmit>> {
    let mut layers: Vec<Box<dyn Transmit>> = vec![
        Box::new(Compression::deflate().max_size(1024 * 1024)),
        Box::new(Compression::deflate_raw().max_size(1024 * 1024)),
        Box::new(Compression::gzip().max_size(1024 * 1024)),
    ];
    layers.extend(Encryption::from_password("secret").ok().map(|layer| Box::new(layer) as Box<dyn Transmit>));
    let sealed = Key::from_bytes(&[7; 32]).and_then(|key| Sealed::new([key]));
    layers.extend(sealed.ok().map(|layer| Box::new(layer) as Box<dyn Transmit>));
    layers
}

fn wrapped() -> Vec<Vec<u8>> {
    let bodies: [&[u8]; 2] = [b"{\"ver\":\"5\",\"sender\":\"a\"}", &[b'a'; 3000]];
    let wrap = |body: &[u8]| {
        let body = Bytes::copy_from_slice(body);
        layers()
            .iter()
            .filter_map(|layer| layer.send(PacketKind::Event, body.clone()).ok())
            .collect::<Vec<_>>()
    };
    bodies.iter().flat_map(|body| wrap(body)).map(|bytes| bytes.to_vec()).collect()
}

fn transmit(input: &[u8]) -> bool {
    thread_local!(static LAYERS: Vec<Box<dyn Transmit>> = layers());
    LAYERS.with(|layers| {
        let read = layers.iter().filter_map(|layer| {
            let body = layer.receive(PacketKind::Event, Bytes::copy_from_slice(input)).ok()?;
            assert!(
                body.len() <= (1024 * 1024).max(input.len()),
                "{} gave {} bytes",
                layer.name(),
                body.len()
            );
            Some(body)
        });
        read.count() > 0
    })
}

/// What a node knows of the others, for gossip.
#[derive(Default)]
struct Known(Mutex<BTreeMap<String, Peer>>);

impl Cluster for Known {
    fn local(&self) -> Local {
        Local { info: NodeInfo { seq: 5, ..NodeInfo::default() }.into(), cpu: Some(1.0), cpu_seq: 3 }
    }

    fn peers(&self) -> Vec<Peer> {
        self.0.lock().values().cloned().collect()
    }

    fn peer(&self, id: &str) -> Option<Peer> {
        self.0.lock().get(id).cloned()
    }

    fn learn(&self, id: &str, info: NodeInfo, _: Option<(u64, f64)>) {
        let peer = Peer {
            id: id.into(),
            available: true,
            seq: info.seq,
            cpu: None,
            cpu_seq: 0,
            info: info.into(),
            address: None,
        };
        self.0.lock().insert(id.to_owned(), peer);
    }

    fn heard(&self, _: &str, _: &Heartbeat) -> bool {
        true
    }

    fn load(&self, _: &str, _: u64, _: f64) {}

    fn lost(&self, id: &str, _: bool) {
        self.0.lock().remove(id);
    }

    fn gone(&self, id: &str, _: u64) {
        self.0.lock().remove(id);
    }

    fn sighted(&self, _: &str, _: Address) {}

    fn outlive(&self, _: u64) {}
}
