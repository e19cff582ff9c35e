//! Packets in the name of others: a node that lives keeps its name.

#![allow(clippy::disallowed_methods, reason = "a test's own tasks end with it")]

#[cfg(feature = "nats")]
mod nats;
#[cfg(feature = "tcp")]
mod tcp;

use std::{sync::Arc, time::Duration};

use ligand_core::{Action, Context, Error, Event, ServiceBroker, ServiceDef, registry::Node};
use ligand_transport::memory::MemoryBus;
use ligand_wire::{packet::PacketKind, topic::Topic};
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// A node that lives has its name back within this time.
const SOON: Duration = Duration::from_secs(1);

fn who() -> ServiceDef {
    ServiceDef::new("who")
        .action(Action::new("ami", |ctx: Context, (): ()| async move {
            Ok::<_, Error>(ctx.broker().node_id().to_owned())
        }))
        .action(Action::new("wait", |_: Context, millis: u64| async move {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            Ok::<_, Error>("done".to_owned())
        }))
}

async fn node(bus: &MemoryBus, id: &str, services: Vec<ServiceDef>) -> ServiceBroker {
    let mut builder = ServiceBroker::builder().node_id(id).transporter(bus.transporter());
    for service in services {
        builder = builder.service(service);
    }
    builder.start().await.unwrap()
}

/// A node that offers `who`, one that calls it, and what the second knows of the first.
async fn pair(bus: &MemoryBus) -> (ServiceBroker, ServiceBroker, Arc<Node>) {
    let a = node(bus, "a", vec![who()]).await;
    let b = node(bus, "b", vec![]).await;
    b.wait_for_services(&["who"], SOON).await.unwrap();
    // Questions about the start are answered.
    tokio::time::sleep(SOON).await;
    let known = b.registry().node("a").unwrap();
    (a, b, known)
}

async fn until(what: &str, check: impl Fn() -> bool) {
    let wait = async {
        while !check() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    assert!(tokio::time::timeout(SOON, wait).await.is_ok(), "{what}");
}

/// Somebody who is no node says something.
fn say(bus: &MemoryBus, kind: PacketKind, to: Option<&str>, packet: &Value) {
    let topic = to.map_or_else(|| Topic::all(kind), |to| Topic::node(kind, to.into()));
    bus.publish("", &topic, &packet.to_string().into());
}

fn info(sender: &str, instance: &str, seq: u64) -> Value {
    json!({
        "ver": "5", "sender": sender, "services": [], "instanceID": instance, "seq": seq, "ipList": ["10.9.9.9"],
        "hostname": "evil", "client": { "type": "rust" }, "config": { "ligand": {} }, "metadata": {},
    })
}

async fn works(b: &ServiceBroker) {
    let id: String = b.call_named("who.ami", json!(null)).await.unwrap().take().unwrap();
    assert_eq!(id, "a");
}

/// Whatever `packet` makes of what is known, the node wins its name back. Sent to one node, and to all.
async fn is_won_back(packet: impl Fn(&Node) -> Value) {
    for to in [Some("b"), None] {
        let bus = MemoryBus::new();
        let (a, b, known) = pair(&bus).await;
        for round in 0..3 {
            let before = b.traffic().unwrap().packets_received;
            say(&bus, PacketKind::Info, to, &packet(&known));
            until("the packet came", || b.traffic().unwrap().packets_received > before).await;
            until(&format!("a is back, {to:?}, round {round}"), || {
                let offers = b.registry().snapshot().endpoints_of("who.ami").count() == 1;
                offers && known.info().hostname != "evil"
            })
            .await;
            works(&b).await;
            assert!(b.registry().node("a").is_some_and(|a| a.is_available()));
        }
        // What it says later is heard too.
        a.add_service(ServiceDef::new("later")).await.unwrap();
        b.wait_for_services(&["later"], SOON).await.unwrap();
        b.stop().await;
        a.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_info_with_the_next_number_is_contradicted() {
    is_won_back(|a| info("a", &a.info().instance_id, a.seq() + 1)).await;
}

#[tokio::test(start_paused = true)]
async fn an_info_with_a_number_that_nobody_can_outlive_is_refused_or_contradicted() {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    let now = u64::try_from(now).unwrap();
    for seq in [u64::MAX, 1 << 53, (1 << 53) - 1, now, now + 1000, 1 << 30, 1 << 20] {
        is_won_back(|a| info("a", &a.info().instance_id, seq)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_info_of_another_life_is_contradicted() {
    is_won_back(|_| info("a", "evil", 1)).await;
    is_won_back(|_| info("a", "evil", 1 << 40)).await;
    is_won_back(|_| info("a", &fastrand::u64(..).to_string(), 5)).await;
    is_won_back(|_| info("a", "", 5)).await;
}

#[tokio::test(start_paused = true)]
async fn an_info_that_hides_what_the_node_is_made_of_is_contradicted() {
    is_won_back(|a| {
        let mut info = info("a", &a.info().instance_id, a.seq() + 1);
        info["client"] = json!({ "type": "nodejs", "version": "0.15.0" });
        info["config"] = json!({});
        info
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_farewell_in_the_name_of_a_living_node_ends_no_call() {
    for to in [Some("b"), None] {
        let bus = MemoryBus::new();
        let (a, b, known) = pair(&bus).await;
        let call = tokio::spawn(b.call_named("who.wait", json!(3000)).into_future());
        tokio::task::yield_now().await;
        for _ in 0..100 {
            say(&bus, PacketKind::Disconnect, to, &json!({ "ver": "5", "sender": "a" }));
            tokio::time::sleep(Duration::from_millis(10)).await;
            assert!(known.is_available());
            works(&b).await;
        }
        call.await.unwrap().unwrap();
        b.stop().await;
        a.stop().await;
    }
}

/// Nodes in doubt are probed every second, and the bus may tell sooner that nobody listens to one that left than its
/// silence does.
#[tokio::test(start_paused = true)]
async fn a_node_that_said_farewell_left_as_expected_whenever_it_is_probed() {
    for offset in (0..1000).step_by(20) {
        let bus = MemoryBus::new().delay(Duration::from_millis(1)..Duration::from_millis(2));
        let (heard, mut told) = mpsc::unbounded_channel();
        let notice = Event::new("$node.disconnected", move |_: Context, about: Value| {
            let _ = heard.send(about["unexpected"].clone());
            async { Ok::<_, Error>(()) }
        });
        let b = node(&bus, "b", vec![ServiceDef::new("listener").event(notice)]).await;
        tokio::time::sleep(Duration::from_millis(offset)).await;
        let a = node(&bus, "a", vec![who()]).await;
        b.wait_for_services(&["who"], SOON).await.unwrap();
        a.stop().await;
        assert_eq!(told.recv().await, Some(json!(false)), "it came after {offset} ms");
        b.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn heartbeats_in_the_name_of_another_change_nothing() {
    let bus = MemoryBus::new();
    let (a, b, known) = pair(&bus).await;
    for beat in [
        json!({ "ver": "5", "sender": "a", "cpu": 1e308, "cpuSeq": u64::MAX, "seq": 1, "instanceID": "evil" }),
        json!({ "ver": "5", "sender": "a", "cpu": -5, "seq": u64::MAX }),
        json!({ "ver": "4", "sender": "a", "cpu": null, "seq": 0 }),
    ] {
        say(&bus, PacketKind::Heartbeat, Some("b"), &beat);
        tokio::time::sleep(Duration::from_millis(200)).await;
        works(&b).await;
        assert!(known.cpu().is_none_or(|cpu| (0.0..=100.0).contains(&cpu)), "{:?}", known.cpu());
    }
    b.stop().await;
    a.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_packet_of_another_version_does_not_change_how_a_node_is_spoken_to() {
    let bus = MemoryBus::new();
    let strict = ServiceBroker::builder().node_id("a").transporter(bus.transporter()).service(who());
    let a = strict.options(|options| options.transit.strict_version = true).start().await.unwrap();
    let b = ServiceBroker::builder().node_id("b").transporter(bus.transporter()).start().await.unwrap();
    b.wait_for_services(&["who"], SOON).await.unwrap();
    say(&bus, PacketKind::Heartbeat, Some("b"), &json!({ "ver": "4", "sender": "a", "cpu": 1 }));
    tokio::time::sleep(Duration::from_millis(50)).await;
    works(&b).await;
    b.stop().await;
    a.stop().await;
}

#[tokio::test(start_paused = true)]
async fn pongs_that_nobody_asked_for_measure_nothing() {
    let bus = MemoryBus::new();
    let (a, b, _) = pair(&bus).await;
    let asked = tokio::spawn({
        let b = b.clone();
        async move { b.ping("a", SOON).await }
    });
    for _ in 0..10 {
        let pong = json!({ "ver": "5", "sender": "a", "time": 0, "id": "evil", "arrived": 1e300 });
        say(&bus, PacketKind::Pong, Some("b"), &pong);
        tokio::task::yield_now().await;
    }
    let echo = asked.await.unwrap().unwrap();
    assert!(echo.elapsed_ms < 100.0 && echo.skew_ms.abs() < 5000.0, "{echo:?}");
    b.stop().await;
    a.stop().await;
}

#[tokio::test(start_paused = true)]
async fn names_that_never_answered_make_room_for_newcomers() {
    let bus = MemoryBus::new();
    let a = node(&bus, "a", vec![who()]).await;
    let b = ServiceBroker::builder().node_id("b").transporter(bus.transporter());
    let b = b.options(|options| options.transit.max_nodes = 50).start().await.unwrap();
    b.wait_for_services(&["who"], SOON).await.unwrap();
    // Nobody listens under these names; the first hundred only ask.
    for n in 0..1000 {
        let name = format!("x{n}");
        match n < 100 {
            true => {
                let request = json!({ "ver": "5", "sender": name, "id": name, "action": "no.such" });
                say(&bus, PacketKind::Request, Some("b"), &request);
            }
            false => say(&bus, PacketKind::Info, Some("b"), &info(&name, &name, 1)),
        }
        if n % 10 == 0 {
            tokio::task::yield_now().await;
        }
    }
    let c = node(&bus, "c", vec![ServiceDef::new("new")]).await;
    b.wait_for_services(&["new"], SOON).await.unwrap();
    works(&b).await;
    assert!(b.registry().nodes().len() <= 50);
    // Those that were made up are out of the way.
    until("two nodes are there", || b.registry().snapshot().nodes().count() == 2).await;
    for broker in [c, b, a] {
        broker.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn names_that_never_answered_make_room_for_newcomers_after_an_outage_too() {
    let bus = MemoryBus::new();
    let b = ServiceBroker::builder().node_id("b").transporter(bus.transporter());
    let b = b.options(|options| options.transit.max_nodes = 50).start().await.unwrap();
    bus.isolate("b");
    tokio::time::sleep(SOON).await;
    bus.rejoin("b");
    tokio::time::sleep(Duration::from_millis(10)).await;
    for n in 0..50 {
        let name = format!("x{n}");
        say(&bus, PacketKind::Info, Some("b"), &info(&name, &name, 1));
    }
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(b.registry().nodes().len(), 50, "nobody listens under these names");
    let c = node(&bus, "c", vec![who()]).await;
    b.wait_for_services(&["who"], SOON).await.unwrap();
    assert!(b.registry().nodes().len() <= 50);
    for broker in [c, b] {
        broker.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn many_questions_are_answered_by_one_packet_to_all() {
    let bus = MemoryBus::new();
    let (a, b, _) = pair(&bus).await;
    let before = a.traffic().unwrap();
    for n in 0..5000 {
        say(&bus, PacketKind::Discover, Some("a"), &json!({ "ver": "5", "sender": format!("x{n}") }));
        if n % 100 == 0 {
            tokio::task::yield_now().await;
        }
    }
    until("all came", || a.traffic().unwrap().packets_received >= before.packets_received + 1000).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let sent = a.traffic().unwrap().packets_sent - before.packets_sent;
    assert!(sent < 500, "{sent} packets");
    works(&b).await;
    b.stop().await;
    a.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_claim_to_its_name_does_not_keep_a_node_from_starting() {
    let bus = MemoryBus::new();
    let liar = tokio::spawn({
        let bus = bus.clone();
        async move {
            loop {
                say(&bus, PacketKind::Info, None, &info("a", "evil", 7));
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    });
    let a = node(&bus, "a", vec![who()]).await;
    liar.abort();
    a.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_node_that_was_started_anew_is_believed_though_its_name_was_disputed() {
    use ligand_transport::Transporter as _;

    let bus = MemoryBus::new();
    let line = bus.transporter();
    let first = ServiceBroker::builder().node_id("a").transporter(line.clone()).service(who());
    let first = first.start().await.unwrap();
    let b = node(&bus, "b", vec![]).await;
    b.wait_for_services(&["who"], SOON).await.unwrap();
    let known = b.registry().node("a").unwrap();
    say(&bus, PacketKind::Info, Some("b"), &info("a", "evil", 1));
    tokio::time::sleep(Duration::from_millis(100)).await;
    works(&b).await;
    // It dies without a word, and comes back.
    let life = known.info().instance_id.clone();
    line.disconnect().await;
    let a = node(&bus, "a", vec![who(), ServiceDef::new("new")]).await;
    b.wait_for_services(&["new"], SOON).await.unwrap();
    assert_ne!(b.registry().node("a").unwrap().info().instance_id, life);
    works(&b).await;
    for broker in [first, b, a] {
        broker.stop().await;
    }
}
