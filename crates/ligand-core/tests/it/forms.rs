//! Every serializer and transmit layer, and the balancer of the bus.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::stream;
#[cfg(feature = "transmit")]
use ligand_core::config::ComponentOptions;
#[cfg(feature = "serializers")]
use ligand_core::config::Serializer;
use ligand_core::{
    Action, Context, Error, Event, Payload, ServiceBroker, ServiceDef,
    broker::BrokerBuilder,
    config::Protocol,
    registry::strategy::{ShardOptions, StrategyOptions},
    stream::Streaming,
};
use ligand_transport::memory::MemoryBus;
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(10);

fn echo() -> ServiceDef {
    ServiceDef::new("echo")
        .action(Action::new("value", |ctx: Context, params: Value| async move {
            ctx.set_meta("back", json!([1, 2.5, "é"]));
            Ok::<_, Error>(params)
        }))
        .action(Action::new("payload", |_: Context, params: Payload| async move { Ok::<_, Error>(params) }))
        .action(Action::new("fail", |_: Context, (): ()| async move {
            Err::<(), _>(Error::client(402, "PAY", "Pay").with_data(json!({ "sum": 1.5 })))
        }))
        .action(Action::new("bytes", |_: Context, size: usize| async move {
            Ok::<_, Error>(Streaming::bytes(stream::iter([Ok(Bytes::from(vec![7; size]))])))
        }))
        .action(Action::new("who", |ctx: Context, _: Value| async move {
            Ok::<_, Error>(ctx.broker().node_id().to_owned())
        }))
}

async fn start(
    bus: &MemoryBus,
    id: &str,
    change: impl FnOnce(BrokerBuilder) -> BrokerBuilder,
) -> ServiceBroker {
    change(ServiceBroker::builder().node_id(id).transporter(bus.transporter())).start().await.unwrap()
}

async fn exchange(a: &ServiceBroker) {
    a.wait_for_services(&["echo"], LIMIT).await.unwrap();
    let value = json!({
        "i": -1, "u": 4_294_967_296u64, "f": 1.5, "t": true, "n": null, "s": "árvíztűrő ☃ 😀", "e": "", "d": "[[DT]]1",
        "a": [1, "two", null, [3]], "o": { "a": { "b": { "c": 1 } } }
    });
    let back: Value = a.call_named("echo.value", value.clone()).await.unwrap().take().unwrap();
    assert_eq!(back, value);
    let back: String = a.call_named("echo.value", json!("x")).await.unwrap().take().unwrap();
    assert_eq!(back, "x");
    let bytes = a.call_named("echo.payload", Payload::binary(vec![0u8, 1, 255])).await.unwrap();
    assert_eq!(&bytes.into_bytes().unwrap()[..], [0, 1, 255]);
    let error = a.call_named("echo.fail", json!(null)).await.unwrap_err();
    assert_eq!((error.code(), error.kind(), error.data()), (402, "PAY", Some(&json!({ "sum": 1.5 }))));
    let got: Streaming = a.call_named("echo.bytes", json!(700_000)).await.unwrap().take().unwrap();
    assert_eq!(got.collect_bytes(1_000_000).await.unwrap(), vec![7; 700_000]);
}

#[cfg(feature = "serializers")]
#[tokio::test]
async fn every_serializer_carries_everything() {
    for serializer in
        [Serializer::Json, Serializer::JsonExt, Serializer::Msgpack, Serializer::Notepack, Serializer::Cbor]
    {
        let bus = MemoryBus::new();
        let with = |builder: BrokerBuilder| builder.options(move |options| options.serializer = serializer);
        let b = start(&bus, "b", |builder| with(builder).service(echo())).await;
        let a = start(&bus, "a", with).await;
        exchange(&a).await;
        a.stop().await;
        b.stop().await;
    }
}

#[cfg(feature = "transmit")]
#[tokio::test]
async fn every_transmit_layer_carries_everything() {
    let table = |value: Value| serde_json::from_value::<ComponentOptions>(value).unwrap();
    let compression = || table(json!({ "type": "compression", "method": "gzip", "threshold": 10 }));
    let encryption = || {
        table(json!({
            "type": "encryption", "password": "01234567890123456789012345678901", "iv": "0123456789abcdef"
        }))
    };
    let sealed = || table(json!({ "type": "sealed", "keys": ["00".repeat(32), "11".repeat(32)] }));
    for layers in [
        vec![compression()],
        vec![compression(), encryption()],
        vec![encryption(), compression()],
        vec![sealed()],
    ] {
        let bus = MemoryBus::new();
        let with = |builder: BrokerBuilder| {
            let layers = layers.clone();
            builder.options(move |options| options.transmit = layers)
        };
        let b = start(&bus, "b", |builder| with(builder).service(echo())).await;
        let a = start(&bus, "a", with).await;
        exchange(&a).await;
        let plain = start(&bus, "c", |builder| builder).await;
        assert!(
            plain.call_named("echo.who", json!({})).await.is_err(),
            "a node without the key understands nothing"
        );
        plain.stop().await;
        a.stop().await;
        b.stop().await;
    }
}

#[tokio::test]
async fn nodes_of_both_versions_and_mixed_ones_understand_each_other() {
    for (one, other) in [
        (Protocol::V4, Protocol::V4),
        (Protocol::V4, Protocol::V5),
        (Protocol::V5, Protocol::Mixed),
        (Protocol::V4, Protocol::Mixed),
    ] {
        let bus = MemoryBus::new();
        let b = start(&bus, "b", |builder| builder.options(move |o| o.protocol = one).service(echo())).await;
        let a = start(&bus, "a", |builder| builder.options(move |o| o.protocol = other)).await;
        exchange(&a).await;
        a.stop().await;
        b.stop().await;
    }
}

#[tokio::test]
async fn the_bus_balances_calls_and_events() {
    let bus = MemoryBus::new();
    let heard = Arc::new(AtomicUsize::new(0));
    let balanced = |builder: BrokerBuilder| builder.options(|options| options.disable_balancer = true);
    let mut nodes = Vec::new();
    for id in ["b", "c", "d"] {
        let heard = heard.clone();
        let listener =
            ServiceDef::new("mail").event(Event::new("user.created", move |_: Context, _: Payload| {
                let heard = heard.clone();
                async move {
                    heard.fetch_add(1, Ordering::SeqCst);
                    Ok::<_, Error>(())
                }
            }));
        nodes.push(start(&bus, id, |builder| balanced(builder).service(echo()).service(listener)).await);
    }
    let a = start(&bus, "a", balanced).await;
    until(|| a.registry().snapshot().nodes().count() == 3).await;
    let mut counts = BTreeMap::<String, usize>::new();
    for _ in 0..60 {
        let id: String = a.call_named("echo.who", json!({})).await.unwrap().take().unwrap();
        *counts.entry(id).or_default() += 1;
    }
    assert_eq!(counts.len(), 3, "{counts:?}");
    assert_eq!(a.call_named("echo.who", json!({})).node("c").await.unwrap().take::<String>().unwrap(), "c");
    for _ in 0..20 {
        a.emit_named("user.created", json!({})).await.unwrap();
    }
    until(|| heard.load(Ordering::SeqCst) == 20).await;
    a.broadcast_named("user.created", json!({})).await.unwrap();
    until(|| heard.load(Ordering::SeqCst) == 23).await;
    // A node may get its own balanced calls.
    let own: String = nodes[0].call_named("echo.who", json!({})).await.unwrap().take().unwrap();
    assert!(["b", "c", "d"].contains(&&*own));
    nodes.push(a);
    for node in nodes {
        node.stop().await;
    }
}

#[tokio::test]
async fn equal_keys_go_to_the_same_node() {
    let bus = MemoryBus::new();
    let mut nodes = Vec::new();
    for id in ["b", "c", "d"] {
        nodes.push(start(&bus, id, |builder| builder.service(echo())).await);
    }
    let shard = ShardOptions { shard_key: Some("id".into()), ..ShardOptions::default() };
    let a = start(&bus, "a", |builder| {
        builder.options(|options| options.registry.strategy = StrategyOptions::Shard(shard))
    })
    .await;
    until(|| a.registry().snapshot().nodes().count() == 3).await;
    let mut owners = BTreeMap::<u64, String>::new();
    for round in 0..3 {
        for id in 0..20u64 {
            let node: String = a.call_named("echo.who", json!({ "id": id })).await.unwrap().take().unwrap();
            let owner = owners.entry(id).or_insert_with(|| node.clone());
            assert_eq!(*owner, node, "round {round}");
        }
    }
    let used: std::collections::BTreeSet<_> = owners.values().collect();
    assert!(used.len() >= 2, "{used:?}");
    nodes.push(a);
    for node in nodes {
        node.stop().await;
    }
}

async fn until(check: impl Fn() -> bool) {
    let start = std::time::Instant::now();
    while !check() {
        assert!(start.elapsed() < LIMIT);
        tokio::task::yield_now().await;
    }
}
