//! A small cluster under good traffic while somebody on the bus sends whatever comes to mind.
//!
//! What must hold: nothing panics, every good call gets its own answer, memory stays bounded, what is no packet is
//! counted, and the nodes know each other afterwards. What cannot hold without [sealed](ligand_transmit::Sealed)
//! packets: whoever knows the id of a running call and the name of the node that was asked can answer it.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use ligand_core::{Action, Context, Error, Event, Payload, ServiceBroker, ServiceDef};
use ligand_transmit::{Compression, Key, Sealed};
use ligand_transport::{MemoryBus, Transmit};
use ligand_wire::{
    codec::{self, Envelope},
    packet::{self, Packet, PacketKind},
    payload::Format,
    topic::Topic,
};
use parking_lot::Mutex;
use serde_json::{Map, Value, json};

use crate::{damage, golden};

/// What protects the packets of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrapping {
    /// Nothing.
    Plain,
    /// Compression.
    Compressed,
    /// Compression, and encryption that notices changes.
    Sealed,
}

/// What is sent, and to whom.
#[derive(Clone, Copy, Debug)]
pub struct Siege {
    /// Everything is drawn from it.
    pub seed: u64,
    /// How many hostile packets.
    pub packets: u64,
    /// Serializer of the cluster.
    pub format: Format,
    /// What protects its packets.
    pub wrapping: Wrapping,
}

/// How it went.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Good calls and events that were as they should.
    pub good: u64,
    /// Packets that the nodes refused.
    pub refused: u64,
    /// Nodes that the first node remembers.
    pub nodes: usize,
    /// Growth of the process in bytes.
    pub growth: u64,
    /// What was not as it should.
    pub violations: Vec<String>,
}

const NODES: [&str; 3] = ["good-a", "good-b", "good-c"];

/// Hostile packets between two good calls: what arrives at once.
const BATCH: u64 = 100;

/// A siege may leave this much behind.
const MOST_GROWTH: u64 = 300 * 1024 * 1024;

/// Keeps the latest packets of good nodes, for replays.
#[derive(Clone, Default)]
struct Tap(Arc<Mutex<VecDeque<(PacketKind, Bytes)>>>);

impl Transmit for Tap {
    fn name(&self) -> &'static str {
        "tap"
    }

    fn send(&self, kind: PacketKind, body: Bytes) -> ligand_wire::Result<Bytes> {
        let mut seen = self.0.lock();
        seen.push_back((kind, body.clone()));
        if seen.len() > 256 {
            seen.pop_front();
        }
        Ok(body)
    }

    fn receive(&self, _: PacketKind, body: Bytes) -> ligand_wire::Result<Bytes> {
        Ok(body)
    }
}

impl Siege {
    /// Lets it happen, on a clock that moves only when nobody has anything to do.
    ///
    /// # Panics
    /// When the cluster cannot be started.
    pub fn run(self) -> Report {
        fastrand::seed(self.seed);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime without threads and sockets can be made");
        runtime.block_on(self.happen())
    }

    async fn happen(self) -> Report {
        let bus = MemoryBus::new().seed(self.seed);
        let tap = Tap::default();
        let heard = Arc::new(AtomicU64::new(0));
        let mut brokers = Vec::new();
        for id in NODES {
            brokers.push(self.node(&bus, id, &tap, &heard).await);
        }
        let mut report = Report::default();
        let mut attacker = Attacker::new(self, &tap);
        let before = memory();
        let mut sent = 0;
        let mut round = 0;
        while sent < self.packets {
            let from = &brokers[usize::try_from(round % 3).unwrap_or(0)];
            let value = format!("{round}-{}", fastrand::u64(..));
            let call = from.call_named("echo.say", json!({ "value": value, "ms": round % 3 }));
            // Started before the packets, ended after them.
            let mut calls = tokio::task::JoinSet::new();
            calls.spawn(call.into_future());
            tokio::task::yield_now().await;
            let events = heard.load(Ordering::Relaxed);
            let event = from.emit_named("good.event", json!({ "round": round })).await;
            for _ in 0..BATCH.min(self.packets - sent) {
                let (topic, body) = attacker.next();
                bus.publish("", &topic, &body);
                sent += 1;
            }
            let answer = match calls.join_next().await {
                Some(Ok(result)) => result.and_then(|payload| payload.take::<Value>()),
                _ => Err(Error::internal_error("the call panicked")),
            };
            match answer {
                Ok(answer) if answer["value"] == *value => report.good += 1,
                other => report.violations.push(format!("call {round} after {sent} packets: {other:?}")),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            match (event, heard.load(Ordering::Relaxed) - events) {
                (Ok(()), 1) => report.good += 1,
                (event, times) => {
                    report.violations.push(format!("event {round}: {event:?}, heard {times} times"));
                }
            }
            round += 1;
            if report.violations.len() > 20 {
                break;
            }
        }
        drop(attacker);
        report.nodes = brokers[0].registry().nodes().len();
        self.aftermath(&brokers, &mut report).await;
        report.growth = memory().saturating_sub(before);
        if report.growth > MOST_GROWTH {
            report.violations.push(format!("memory grew by {} MiB", report.growth >> 20));
        }
        for broker in &brokers {
            report.refused += broker.traffic().unwrap_or_default().packets_refused;
            broker.stop().await;
        }
        if report.refused < self.packets / 20 {
            report.violations.push(format!("only {} packets were refused", report.refused));
        }
        report
    }

    async fn node(&self, bus: &MemoryBus, id: &str, tap: &Tap, heard: &Arc<AtomicU64>) -> ServiceBroker {
        let format = self.format;
        let mut builder = ServiceBroker::builder()
            .node_id(id)
            .transporter(bus.transporter())
            .transmit(tap.clone())
            .service(echo())
            .options(move |options| {
                options.registry.prefer_local = false;
                options.serializer = match format {
                    Format::JsonExt => ligand_core::config::Serializer::JsonExt,
                    Format::MsgPack => ligand_core::config::Serializer::Msgpack,
                    Format::Notepack => ligand_core::config::Serializer::Notepack,
                    Format::Cbor => ligand_core::config::Serializer::Cbor,
                    _ => ligand_core::config::Serializer::Json,
                };
            });
        if self.wrapping == Wrapping::Sealed {
            let key = Key::from_bytes(&[7; 32]).expect("a key has 32 bytes");
            builder = builder.transmit(Sealed::new([key]).expect("one key is enough"));
        }
        if self.wrapping != Wrapping::Plain {
            builder = builder.transmit(Compression::deflate());
        }
        // One listener in the cluster: each event is heard once.
        if id == NODES[1] {
            let heard = heard.clone();
            let event = Event::new("good.event", move |_: Context, _: Payload| {
                heard.fetch_add(1, Ordering::Relaxed);
                async { Ok::<_, Error>(()) }
            });
            builder = builder.service(ServiceDef::new("ears").event(event));
        }
        builder.start().await.expect("the node starts")
    }

    /// The nodes are well afterwards.
    async fn aftermath(&self, brokers: &[ServiceBroker], report: &mut Report) {
        // Streams that never end are given up after 30 seconds.
        tokio::time::sleep(Duration::from_secs(60)).await;
        for broker in brokers {
            let left = broker.in_flight().unwrap_or_default();
            if left != Default::default() {
                report.violations.push(format!("{} has {left:?} afterwards", broker.node_id()));
            }
            for id in NODES.into_iter().filter(|id| *id != broker.node_id()) {
                let well = broker.call_named("echo.say", json!({ "value": id })).node(id).await.is_ok();
                if !well {
                    report.violations.push(format!("{} cannot call {id} afterwards", broker.node_id()));
                }
            }
        }
    }
}

/// Somebody says farewell in the name of a node that lives, and tells infos in its name. Answers what was wrong a
/// moment later, and after the next heartbeat.
pub fn forged_farewell() -> Vec<String> {
    let siege = Siege { seed: 1, packets: 0, format: Format::Json, wrapping: Wrapping::Plain };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without threads and sockets can be made");
    runtime.block_on(async move {
        let bus = MemoryBus::new();
        let (tap, heard) = (Tap::default(), Arc::default());
        let a = siege.node(&bus, NODES[0], &tap, &heard).await;
        let b = siege.node(&bus, NODES[1], &tap, &heard).await;
        let mut attacker = Attacker::new(siege, &tap);
        let mut wrong = Vec::new();
        let info = packet::NodeInfo { instance_id: "other".into(), seq: 1 << 40, ..Default::default() };
        let forgeries = [
            (Packet::Disconnect, Duration::from_millis(300)),
            (Packet::Info(Box::new(info)), Duration::from_secs(12)),
        ];
        for (packet, patience) in forgeries {
            for _ in 0..100 {
                let (kind, body) = attacker.encode_from(&packet, NODES[1]);
                bus.publish("", &Topic::all(kind), &body);
                attacker.names += 1;
            }
            tokio::time::sleep(patience).await;
            let call = a.call_named("echo.say", json!({ "value": 1 })).node(NODES[1]);
            if let Err(error) = call.await {
                wrong.push(format!("after a forged {}: {error:#}", packet.kind().as_str()));
            }
        }
        a.stop().await;
        b.stop().await;
        wrong
    })
}

fn echo() -> ServiceDef {
    ServiceDef::new("echo").action(Action::new("say", |_: Context, params: Value| async move {
        if let Some(ms) = params["ms"].as_u64() {
            tokio::time::sleep(Duration::from_millis(ms.min(100))).await;
        }
        Ok::<_, Error>(json!({ "value": params["value"] }))
    }))
}

/// Resident memory of this process in bytes; 0 where that cannot be read.
fn memory() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096
}

/// Makes hostile packets.
struct Attacker {
    siege: Siege,
    rng: fastrand::Rng,
    tap: Tap,
    short: Vec<golden::Golden>,
    long: Vec<golden::Golden>,
    bomb: Bytes,
    names: u64,
}

impl Attacker {
    fn new(siege: Siege, tap: &Tap) -> Self {
        let (short, long) =
            golden::packets(siege.format).into_iter().partition(|golden| golden.bytes.len() < 1000);
        // Longer than any packet may be.
        let bomb = match siege.wrapping {
            Wrapping::Compressed => vec![0; 20 * 1024 * 1024],
            Wrapping::Plain | Wrapping::Sealed => Vec::new(),
        };
        let bomb = Compression::deflate().send(PacketKind::Event, bomb.into()).unwrap_or_default();
        let rng = fastrand::Rng::with_seed(siege.seed);
        Self { siege, rng, tap: tap.clone(), short, long, bomb, names: 0 }
    }

    /// The next packet and where it goes.
    fn next(&mut self) -> (Topic, Bytes) {
        let (kind, body) = match self.rng.u32(..100) {
            0..30 => self.damaged(),
            30..52 => self.forged(),
            52..60 => self.heartbeat(),
            60..63 => self.info(),
            63..73 => self.stream(),
            73..83 => self.response(),
            83..88 => self.control(),
            88..94 => self.replay(),
            94..97 => self.question(),
            97 if self.rng.u8(..10) == 0 => (PacketKind::Event, self.bomb.clone()),
            _ => (self.kind(), self.noise()),
        };
        let kind = if self.rng.u8(..40) == 0 { self.kind() } else { kind };
        let target = NODES[self.rng.usize(..NODES.len())];
        let topic = match kind {
            PacketKind::Info | PacketKind::Discover | PacketKind::Ping if self.rng.bool() => Topic::all(kind),
            PacketKind::Disconnect | PacketKind::Heartbeat => Topic::all(kind),
            _ => Topic::node(kind, target.into()),
        };
        (topic, body)
    }

    fn kind(&mut self) -> PacketKind {
        PacketKind::ALL[self.rng.usize(..PacketKind::ALL.len())]
    }

    fn noise(&mut self) -> Bytes {
        let len = self.rng.usize(..300);
        (0..len).map(|_| self.rng.u8(..)).collect::<Vec<_>>().into()
    }

    /// A name: of a few bad nodes, of a good one, or a new one each time.
    fn name(&mut self, kind: PacketKind) -> String {
        let hurts = matches!(kind, PacketKind::Info | PacketKind::Disconnect);
        match self.rng.u8(..4) {
            0 if !hurts => NODES[self.rng.usize(..NODES.len())].to_owned(),
            1 => self.new_name(),
            _ => format!("bad-{}", self.rng.u8(..8)),
        }
    }

    fn new_name(&mut self) -> String {
        self.names += 1;
        format!("bad-{}-{}", self.names, self.siege.seed)
    }

    /// What an attacker can wrap as the nodes do.
    fn wrap(&self, kind: PacketKind, body: Vec<u8>) -> Bytes {
        let body = Bytes::from(body);
        match self.siege.wrapping {
            Wrapping::Compressed => Compression::deflate().send(kind, body.clone()).unwrap_or(body),
            Wrapping::Plain | Wrapping::Sealed => body,
        }
    }

    fn golden(&mut self) -> (PacketKind, Vec<u8>) {
        // Long infos would take most of the time and show nothing new.
        let list = if self.rng.u8(..100) == 0 { &self.long } else { &self.short };
        let golden = &list[self.rng.usize(..list.len())];
        (golden.kind, golden.bytes.clone())
    }

    fn damaged(&mut self) -> (PacketKind, Bytes) {
        let (kind, bytes) = self.golden();
        let bytes = damage::bytes(bytes, &mut self.rng);
        (kind, self.wrap(kind, bytes))
    }

    /// A recorded packet with strange fields.
    fn forged(&mut self) -> (PacketKind, Bytes) {
        let (kind, bytes) = self.golden();
        let payload = Payload::encoded(self.siege.format, bytes);
        let Ok(mut value) = payload.to_value() else { return self.damaged() };
        value["sender"] = self.name(kind).into();
        for _ in 0..self.rng.usize(1..4) {
            damage::value(&mut value, &mut self.rng);
        }
        let good = value["sender"].as_str().is_some_and(|sender| NODES.contains(&sender));
        if good && matches!(kind, PacketKind::Info | PacketKind::Disconnect) {
            return self.damaged();
        }
        let mut out = Vec::new();
        match Payload::from(value).encode(self.siege.format, &mut out) {
            Ok(()) => (kind, self.wrap(kind, out)),
            Err(_) => self.damaged(),
        }
    }

    fn encode(&mut self, packet: &Packet<'_>) -> (PacketKind, Bytes) {
        let kind = packet.kind();
        let sender = self.name(kind);
        self.encode_from(packet, &sender)
    }

    fn encode_from(&self, packet: &Packet<'_>, sender: &str) -> (PacketKind, Bytes) {
        let mut out = Vec::new();
        // What cannot be written is sent empty.
        let _ = codec::encode(packet, Envelope { ver: "5", sender }, self.siege.format, &mut out);
        (packet.kind(), self.wrap(packet.kind(), out))
    }

    fn heartbeat(&mut self) -> (PacketKind, Bytes) {
        let beat = packet::Heartbeat { cpu: Some(self.rng.f64() * 1e9), ..Default::default() };
        let sender = if self.rng.u8(..5) == 0 { self.name(PacketKind::Heartbeat) } else { self.new_name() };
        self.encode_from(&Packet::Heartbeat(beat), &sender)
    }

    fn info(&mut self) -> (PacketKind, Bytes) {
        let count = if self.rng.u8(..50) == 0 { 3000 } else { self.rng.usize(..5) };
        let service = |index: usize| packet::ServiceInfo {
            name: format!("bad{index}"),
            full_name: Some(format!("bad{index}")),
            actions: Map::from_iter([(
                format!("bad{index}.run"),
                json!({ "name": format!("bad{index}.run"), "rawName": "run" }),
            )]),
            ..Default::default()
        };
        let info = packet::NodeInfo {
            services: (0..count).map(service).collect(),
            instance_id: self.rng.u64(..).to_string(),
            seq: self.rng.u64(..),
            ..Default::default()
        };
        self.encode(&Packet::Info(Box::new(info)))
    }

    fn id(&mut self) -> String {
        let (a, b) = (self.rng.u64(..), self.rng.u64(..));
        format!(
            "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
            a >> 32,
            a & 0xffff,
            a >> 20 & 0xfff,
            b >> 48 & 0xfff,
            b & 0xffff_ffff_ffff
        )
    }

    /// A chunk of a stream that nobody opened, or the beginning of one that never ends.
    fn stream(&mut self) -> (PacketKind, Bytes) {
        let seq = match self.rng.u8(..4) {
            0 => 0,
            1 => self.rng.u64(..),
            _ => self.rng.u64(1..2000),
        };
        let len = self.rng.usize(..4000);
        let id = if self.rng.bool() { format!("stream-{}", self.rng.u8(..)) } else { self.id() };
        let request = packet::Request {
            id: id.into(),
            action: "echo.say".into(),
            params: Payload::binary(vec![1; len]),
            level: 1,
            stream: self.rng.u8(..10) > 0,
            seq: Some(seq),
            ..Default::default()
        };
        self.encode(&Packet::Request(request))
    }

    /// An answer that nobody waits for, or from a node that was not asked.
    fn response(&mut self) -> (PacketKind, Bytes) {
        let replayed = self.tap.0.lock().iter().rev().find(|(kind, _)| *kind == PacketKind::Request).cloned();
        if let Some((kind, body)) = replayed
            && self.siege.wrapping == Wrapping::Plain
            && let Ok(received) = codec::decode(kind, self.siege.format, &body)
            && let Packet::Request(request) = &received.packet
        {
            let response = packet::Response {
                id: request.id.to_string().into(),
                data: json!({ "value": "wrong" }).into(),
                ..Default::default()
            };
            let sender = self.new_name();
            return self.encode_from(&Packet::Response(response), &sender);
        }
        let response =
            packet::Response { id: self.id().into(), seq: Some(self.rng.u64(..)), ..Default::default() };
        self.encode(&Packet::Response(response))
    }

    fn control(&mut self) -> (PacketKind, Bytes) {
        let mut data = json!({ "id": self.id(), "way": "up", "total": u64::MAX, "cancelled": true });
        damage::value(&mut data, &mut self.rng);
        let names = ["$ligand.cancel", "$ligand.flow", "$ligand.", "$ligand.x", "$node.connected"];
        let event = packet::Event {
            id: self.id().into(),
            event: names[self.rng.usize(..names.len())].into(),
            data: data.into(),
            level: 1,
            ..Default::default()
        };
        self.encode(&Packet::Event(event))
    }

    /// What a good node sent, once more. Events would be heard twice: nothing tells them from new ones.
    fn replay(&mut self) -> (PacketKind, Bytes) {
        let seen = self.tap.0.lock();
        let at = self.rng.usize(..seen.len().max(1));
        let found = seen.get(at).cloned();
        drop(seen);
        match found {
            Some((kind, body)) if !matches!(kind, PacketKind::Event | PacketKind::Info) => (kind, body),
            _ => self.damaged(),
        }
    }

    fn question(&mut self) -> (PacketKind, Bytes) {
        if self.rng.bool() {
            return self.encode(&Packet::Discover);
        }
        let ping = packet::Ping { time: self.rng.f64() * 1e300, id: self.id().into() };
        self.encode(&Packet::Ping(ping))
    }
}
