//! Packets that are longer than their receiver or the bus takes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::stream;
use ligand_core::{Action, Context, Error, Event, Payload, ServiceBroker, ServiceDef, stream::Streaming};
use ligand_transport::memory::MemoryBus;
use ligand_wire::{packet::PacketKind, topic::Topic};
use serde_json::{Value, json};

use crate::support::{Log, spawn};

const LIMIT: Duration = Duration::from_secs(60);

fn texts(heard: &Arc<AtomicUsize>) -> ServiceDef {
    let heard = heard.clone();
    ServiceDef::new("texts")
        .action(Action::new("length", |_: Context, text: String| async move { Ok::<_, Error>(text.len()) }))
        .action(Action::new("make", |_: Context, len: usize| async move { Ok::<_, Error>("x".repeat(len)) }))
        .action(Action::new("fail", |_: Context, len: usize| async move {
            Err::<(), _>(Error::client(418, "TEAPOT", "t".repeat(len)))
        }))
        .action(Action::new("save", |ctx: Context, (): ()| async move {
            let stream = ctx.stream().ok_or_else(|| Error::bad_request("no stream"))?;
            Ok::<_, Error>(stream.collect_bytes(100_000_000).await?.len())
        }))
        .action(Action::new("load", |_: Context, len: usize| async move {
            Ok::<_, Error>(Streaming::from_bytes(vec![7; len]))
        }))
        .event(Event::new("said", move |_: Context, text: String| {
            heard.fetch_add(text.len(), Ordering::SeqCst);
            async { Ok::<_, Error>(()) }
        }))
}

/// What one node takes and the other one does not.
async fn pair(bus: &MemoryBus, small: usize, heard: &Arc<AtomicUsize>) -> (ServiceBroker, ServiceBroker) {
    let start = |id: &str, most: usize| {
        let builder = ServiceBroker::builder().node_id(id).transporter(bus.transporter());
        builder.options(move |options| options.transit.max_packet_size = most)
    };
    let b = start("b", small).service(texts(heard)).start().await.unwrap();
    let a = start("a", 16 << 20).start().await.unwrap();
    a.wait_for_services(&["texts"], LIMIT).await.unwrap();
    (a, b)
}

fn is_too_large(error: &Error) {
    assert_eq!(
        (error.code(), error.kind(), error.retryable()),
        (413, "PACKET_TOO_LARGE", false),
        "{error:#}"
    );
}

async fn end(a: ServiceBroker, b: ServiceBroker) {
    assert_eq!(a.in_flight(), Some(ligand_core::broker::InFlight::default()));
    a.stop().await;
    b.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_node_does_not_take_is_refused_where_it_is_sent() {
    let (bus, heard) = (MemoryBus::new(), Arc::default());
    let (a, b) = pair(&bus, 100_000, &heard).await;
    for len in [99_000, 110_000, 20 << 20] {
        let start = tokio::time::Instant::now();
        let result = a.call_named("texts.length", json!("x".repeat(len))).await;
        match result {
            Ok(answer) => assert_eq!(answer.take::<usize>().unwrap(), len),
            Err(error) => {
                is_too_large(&error);
                assert!(len > 100_000);
                assert_eq!(error.data().unwrap()["limit"], 100_000);
                assert_eq!(start.elapsed(), Duration::ZERO);
            }
        }
    }
    // An answer that its caller does not take becomes an error.
    let error = a.call_named("texts.make", json!(17 << 20)).await.unwrap_err();
    is_too_large(&error);
    assert_eq!(error.node_id(), Some("b"));
    let error = a.call_named("texts.fail", json!(17 << 20)).await.unwrap_err();
    is_too_large(&error);
    assert_eq!(a.call_named("texts.make", json!(5)).await.unwrap().take::<String>().unwrap(), "xxxxx");
    // An event is counted, and told to whoever wants to know.
    let long = "x".repeat(110_000);
    a.emit_named("texts.none", json!(long)).throw_error().await.unwrap();
    a.emit_named("said", json!(long)).await.unwrap();
    assert_eq!(a.traffic().unwrap().events_lost, 1);
    is_too_large(&a.emit_named("said", json!(long)).throw_error().await.unwrap_err());
    is_too_large(&a.broadcast_named("said", json!(long)).throw_error().await.unwrap_err());
    assert_eq!((a.traffic().unwrap().events_lost, heard.load(Ordering::SeqCst)), (3, 0));
    assert_eq!(b.traffic().unwrap().packets_refused, 0, "nothing was sent in vain");
    end(a, b).await;
}

#[tokio::test(start_paused = true)]
async fn what_the_bus_does_not_take_is_told() {
    let (bus, heard) = (MemoryBus::new().largest(100_000), Arc::default());
    let (a, b) = pair(&bus, 16 << 20, &heard).await;
    is_too_large(&a.call_named("texts.length", json!("x".repeat(110_000))).await.unwrap_err());
    is_too_large(&a.call_named("texts.make", json!(110_000)).await.unwrap_err());
    is_too_large(&a.emit_named("said", json!("x".repeat(110_000))).throw_error().await.unwrap_err());
    end(a, b).await;
}

#[tokio::test(start_paused = true)]
async fn chunks_of_streams_are_cut_to_fit() {
    for limit in [20_000, 200_000] {
        for by_bus in [false, true] {
            let heard = Arc::default();
            let bus = if by_bus { MemoryBus::new().largest(limit) } else { MemoryBus::new() };
            let (a, b) = pair(&bus, if by_bus { 16 << 20 } else { limit }, &heard).await;
            let len = 400_001;
            let upload = Streaming::from_bytes(vec![200; len]);
            let saved = a.call_named("texts.save", json!(null)).stream(upload).await.unwrap();
            assert_eq!(saved.take::<usize>().unwrap(), len);
            let load: Streaming = a.call_named("texts.load", json!(len)).await.unwrap().take().unwrap();
            let bytes = load.collect_bytes(len).await.unwrap();
            assert!(bytes.len() == len && bytes.iter().all(|byte| *byte == 7));
            // A value cannot be cut: the reader gets an error.
            let values = stream::iter([Ok(json!(1)), Ok(json!("x".repeat(limit + 1)))]);
            let error = a.call_named("texts.save", json!(null)).stream(Streaming::objects(values)).await;
            assert!(error.is_err());
            end(a, b).await;
        }
    }
}

/// A packet in another node's name, from a program that knows no limit.
fn publish(bus: &MemoryBus, kind: PacketKind, to: &str, mut packet: Value, text: usize) {
    packet["ver"] = "5".into();
    packet["sender"] = "js".into();
    for field in ["params", "data"] {
        if packet.get(field).is_some() {
            packet[field] = "x".repeat(text).into();
        }
    }
    bus.publish("", &Topic::node(kind, to.into()), &Bytes::from(packet.to_string()));
}

#[tokio::test(start_paused = true)]
async fn what_comes_too_large_is_told_to_whoever_waits() {
    use ligand_transport::{Transporter as _, contract::TestLink};
    let (bus, heard) = (MemoryBus::new(), Arc::default());
    let (a, b) = pair(&bus, 100_000, &heard).await;
    let (transporter, js) = (bus.transporter(), TestLink::new("js", ""));
    transporter.clone().connect(js.clone()).await.unwrap();
    let info = json!({
        "ver": "5", "sender": "js", "instanceID": "i", "seq": 1, "hostname": "h", "ipList": [], "config": {},
        "client": { "type": "nodejs", "version": "0.15.0", "langVersion": "v22" }, "metadata": {},
        "services": [{ "name": "far", "fullName": "far", "settings": {}, "metadata": {}, "events": {},
            "actions": { "far.away": { "name": "far.away", "rawName": "away" } } }],
    });
    bus.publish("", &Topic::all(PacketKind::Info), &info.to_string().into());
    b.wait_for_services(&["far"], LIMIT).await.unwrap();
    // A request: it is answered.
    let request = json!({ "id": "1", "action": "texts.length", "params": "", "meta": {}, "level": 1 });
    publish(&bus, PacketKind::Request, "b", request, 110_000);
    let answer = loop {
        let (kind, body) = js.next_packet(LIMIT).await.unwrap();
        if kind == PacketKind::Response {
            break serde_json::from_slice::<Value>(&body).unwrap();
        }
    };
    assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!("1"), &json!(413)));
    // An event: it is counted.
    let event = json!({ "id": "2", "event": "said", "data": "", "meta": {}, "level": 1, "broadcast": true });
    publish(&bus, PacketKind::Event, "b", event, 110_000);
    // An answer: its caller gets an error.
    let call = spawn(b.call_named("far.away", json!(null)).into_future());
    let id = loop {
        let (kind, body) = js.next_packet(LIMIT).await.unwrap();
        if kind == PacketKind::Request {
            break serde_json::from_slice::<Value>(&body).unwrap()["id"].clone();
        }
    };
    publish(
        &bus,
        PacketKind::Response,
        "b",
        json!({ "id": id, "success": true, "data": "", "meta": {} }),
        110_000,
    );
    is_too_large(&call.await.unwrap().unwrap_err());
    assert_eq!((b.traffic().unwrap().events_lost, b.traffic().unwrap().packets_refused), (1, 3));
    end(a, b).await;
}

#[tokio::test(start_paused = true)]
async fn an_event_that_finds_no_room_or_cannot_be_written_is_told() {
    let (bus, heard) = (MemoryBus::new(), Arc::default());
    let start = |id: &str| {
        let builder = ServiceBroker::builder().node_id(id).transporter(bus.transporter());
        builder.options(|options| options.transit.max_buffer_size = 2000)
    };
    let b = start("b").service(texts(&heard)).start().await.unwrap();
    let here = texts(&heard);
    let a = start("a").service(here).options(|o| o.registry.prefer_local = false).start().await.unwrap();
    a.wait_for_services(&["texts"], LIMIT).await.unwrap();
    while a.registry().snapshot().nodes().count() == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // Keys that are no texts cannot be written as JSON.
    let odd = std::collections::BTreeMap::from([((1, 2), 3)]);
    let error = a.broadcast_named("said", Payload::typed(odd)).throw_error().await.unwrap_err();
    assert_eq!(error.kind(), "PAYLOAD_ENCODE_ERROR", "{error:#}");
    assert_eq!(a.traffic().unwrap().events_lost, 1);
    bus.cut();
    while a.is_connected() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let text = json!("x".repeat(1000));
    a.broadcast_named("said", text.clone()).throw_error().await.unwrap();
    let error = a.broadcast_named("said", text.clone()).throw_error().await.unwrap_err();
    assert_eq!((error.code(), error.kind()), (502, "BAD_GATEWAY"));
    a.broadcast_named("said", text).wait_for_listeners().await.unwrap();
    assert_eq!(a.traffic().unwrap().events_lost, 3);
    // Those on the node itself have heard each of them.
    assert_eq!(heard.load(Ordering::SeqCst), 3000);
    bus.heal();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(heard.load(Ordering::SeqCst), 4000);
    end(a, b).await;
}

/// Lines of level error.
struct Shouts(Log);

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Shouts {
    fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        struct Message<'a>(&'a Log);
        impl tracing::field::Visit for Message<'_> {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                if field.name() == "message" {
                    self.0.add(format!("{value:?}"));
                }
            }
        }
        if *event.metadata().level() == tracing::Level::ERROR {
            event.record(&mut Message(&self.0));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_info_that_is_too_large_is_shouted_about() {
    use tracing_subscriber::layer::SubscriberExt as _;
    let shouts = Log::default();
    let layer = tracing_subscriber::registry().with(Shouts(shouts.clone()));
    let _guard = tracing::subscriber::set_default(layer);
    let many = (0..100).fold(ServiceDef::new("many"), |service, at| {
        service.action(Action::new(format!("action{at}"), |_: Context, (): ()| async { Ok::<_, Error>(()) }))
    });
    // The bus does not take it.
    let bus = MemoryBus::new().largest(2000);
    let node = ServiceBroker::builder().transporter(bus.transporter()).service(many.clone());
    let node = node.start().await.unwrap();
    assert!(shouts.take().iter().any(|line| line.contains("INFO OF THIS NODE IS NOT SENT")));
    node.stop().await;
    // Another node does not take it.
    let bus = MemoryBus::new();
    let small = ServiceBroker::builder().transporter(bus.transporter());
    let small = small.options(|options| options.transit.max_packet_size = 2000).start().await.unwrap();
    shouts.take();
    let node = ServiceBroker::builder().node_id("big").transporter(bus.transporter()).service(many);
    let node = node.start().await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!shouts.take().is_empty(), "its services are not known, and nobody says so");
    node.stop().await;
    small.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_says_how_full_it_is() {
    let (bus, heard) = (MemoryBus::new(), Arc::default());
    let b = ServiceBroker::builder().node_id("b").transporter(bus.transporter());
    let b = b.service(texts(&heard)).start().await.unwrap();
    let a = ServiceBroker::builder().node_id("a").transporter(bus.transporter());
    let a = a.options(|options| options.transit.max_queue_size = 1).start().await.unwrap();
    a.wait_for_services(&["texts"], LIMIT).await.unwrap();
    let calls = (0..2).map(|_| a.call_named("texts.length", json!("x")));
    let error = a.mcall(calls).settled().await.pop().unwrap().unwrap_err();
    let data = json!({ "action": "texts.length", "nodeID": "a", "size": 1, "limit": 1 });
    assert_eq!((error.kind(), error.data()), ("QUEUE_FULL", Some(&data)));
    end(a, b).await;
}

#[tokio::test(start_paused = true)]
async fn what_others_say_about_the_limit_of_a_node_does_not_silence_it() {
    for limit in [0, 1, 1500] {
        let (bus, heard) = (MemoryBus::new(), Arc::default());
        let (a, b) = pair(&bus, 16 << 20, &heard).await;
        let node = a.registry().node("b").unwrap();
        let mut forged = serde_json::to_value(&*node.info()).unwrap();
        forged["config"]["ligand"]["largest"] = limit.into();
        (forged["ver"], forged["sender"], forged["seq"]) = ("5".into(), "b".into(), (node.seq() + 1).into());
        bus.publish("", &Topic::node(PacketKind::Info, "a".into()), &forged.to_string().into());
        tokio::time::sleep(Duration::from_secs(2)).await;
        let answer = a.call_named("texts.length", json!("x".repeat(100_000))).await;
        assert_eq!(answer.unwrap().take::<usize>().unwrap(), 100_000);
        assert!(node.seq() > forged["seq"].as_u64().unwrap(), "the node was heard");
        end(a, b).await;
    }
}
