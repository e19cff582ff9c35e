//! Several nodes on one bus.

#![allow(clippy::disallowed_methods, reason = "a test's own tasks end with it")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use ligand_core::{Action, Context, Error, Event, Payload, ServiceBroker, ServiceDef};
use ligand_transport::memory::MemoryBus;
use ligand_wire::{packet::PacketKind, schema::Schema, topic::Topic};
use parking_lot::Mutex;
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(5);

fn whoami() -> ServiceDef {
    ServiceDef::new("who")
        .action(Action::new("ami", |ctx: Context, (): ()| async move {
            Ok::<_, Error>(ctx.broker().node_id().to_owned())
        }))
        .action(Action::new("caller", |ctx: Context, params: Value| async move {
            ctx.set_meta("seen", ctx.node_id());
            Ok::<_, Error>(json!({
                "params": params, "node": ctx.node_id(), "caller": ctx.caller(), "level": ctx.level(),
                "request": ctx.request_id().to_string(), "user": ctx.meta::<String>("user")?,
                "header": ctx.header("x-a"),
            }))
        }))
        .action(Action::new("fail", |_: Context, (): ()| async move {
            Err::<(), _>(Error::client(402, "PAY", "Pay first").with_data(json!({ "a": 1 })))
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

#[tokio::test]
async fn a_call_reaches_another_node_and_comes_back() {
    let bus = MemoryBus::new();
    let a = node(&bus, "a", vec![]).await;
    let b = node(&bus, "b", vec![whoami()]).await;
    a.wait_for_services(&["who"], LIMIT).await.unwrap();
    let name: String = a.call_named("who.ami", json!(null)).await.unwrap().take().unwrap();
    assert_eq!(name, "b");
    let seen: Value = a
        .call_named("who.caller", json!({ "x": [1, "é"] }))
        .meta("user", "ada")
        .header("X-A", "1")
        .request_id("req-1")
        .await
        .unwrap()
        .take()
        .unwrap();
    assert_eq!(
        seen,
        json!({
            "params": { "x": [1, "é"] }, "node": "a", "caller": null, "level": 1, "request": "req-1",
            "user": "ada", "header": "1",
        })
    );
    let error = a.call_named("who.fail", json!(null)).await.unwrap_err();
    assert_eq!((error.code(), error.kind(), error.message()), (402, "PAY", "Pay first"));
    assert_eq!((error.data(), error.node_id()), (Some(&json!({ "a": 1 })), Some("b")));
    let error = a.call_named("who.wait", json!(60_000)).timeout(Duration::from_millis(50)).await.unwrap_err();
    assert_eq!((error.code(), error.kind()), (504, "REQUEST_TIMEOUT"));
    assert_eq!(a.traffic().unwrap().packets_refused, 0);
    b.stop().await;
    let error = a.call_named("who.ami", json!(null)).await.unwrap_err();
    assert_eq!(error.kind(), "SERVICE_NOT_FOUND");
    a.stop().await;
}

#[tokio::test]
async fn nodes_that_need_each_other_start() {
    let bus = MemoryBus::new();
    let a = node(&bus, "a", vec![whoami(), ServiceDef::new("a2").dependency("b1")]);
    let b = node(
        &bus,
        "b",
        vec![ServiceDef::new("b1"), ServiceDef::new("b2").dependency("who").dependency("a2")],
    );
    let both = async { tokio::join!(a, b) };
    let (a, b) = tokio::time::timeout(LIMIT, both).await.unwrap();
    a.wait_for_services(&["b2"], LIMIT).await.unwrap();
    a.stop().await;
    b.stop().await;
}

#[tokio::test]
async fn fields_of_an_action_are_known_on_other_nodes() {
    let bus = MemoryBus::new();
    let action = Action::new("stats", |_: Context, (): ()| async { Ok::<_, Error>(1) });
    let admin = ServiceDef::new("admin").action(action.metadata("role", "admin").timeout(LIMIT));
    let b = node(&bus, "b", vec![admin]).await;
    let a = node(&bus, "a", vec![]).await;
    a.wait_for_services(&["admin"], LIMIT).await.unwrap();
    let snapshot = a.registry().snapshot();
    let endpoint = snapshot.endpoints_of("admin.stats").next().unwrap();
    assert_eq!(endpoint.action().metadata("role"), Some(&json!("admin")));
    assert_eq!(endpoint.action().metadata("timeout"), None);
    a.stop().await;
    b.stop().await;
}

#[tokio::test]
async fn meta_flows_there_and_back() {
    let bus = MemoryBus::new();
    let b = node(&bus, "b", vec![whoami()]).await;
    let front = ServiceDef::new("front").dependency("who").action(Action::new(
        "run",
        |ctx: Context, (): ()| async move {
            let seen: Value = ctx.call_named("who.caller", json!({})).await?.take()?;
            Ok::<_, Error>(json!({ "seen": ctx.meta::<String>("seen")?, "caller": seen["caller"], "level": seen["level"] }))
        },
    ));
    let a = node(&bus, "a", vec![front]).await;
    let result: Value = a.call_named("front.run", json!({})).await.unwrap().take().unwrap();
    assert_eq!(result, json!({ "seen": "a", "caller": "front", "level": 2 }));
    a.stop().await;
    b.stop().await;
}

#[tokio::test]
async fn calls_go_round_and_end_at_the_node_that_was_asked_for() {
    let bus = MemoryBus::new();
    let a = node(&bus, "a", vec![]).await;
    let mut others = Vec::new();
    for id in ["b", "c", "d"] {
        others.push(node(&bus, id, vec![whoami()]).await);
    }
    let list = || a.registry().snapshot().endpoints_of("who.ami").count();
    let mut changes = a.registry().changes();
    while list() < 3 {
        tokio::time::timeout(LIMIT, changes.changed()).await.unwrap().unwrap();
    }
    let mut counts = std::collections::BTreeMap::<String, usize>::new();
    for _ in 0..30 {
        let id: String = a.call_named("who.ami", json!(null)).await.unwrap().take().unwrap();
        *counts.entry(id).or_default() += 1;
    }
    assert_eq!(counts.values().copied().collect::<Vec<_>>(), [10, 10, 10]);
    for id in ["b", "c", "d"] {
        let name: String = a.call_named("who.ami", json!(null)).node(id).await.unwrap().take().unwrap();
        assert_eq!(name, id);
    }
    let error = a.call_named("who.ami", json!(null)).node("x").await.unwrap_err();
    assert_eq!(error.data().unwrap()["nodeID"], "x");
    let echo = a.ping("b", LIMIT).await.unwrap();
    assert!(echo.elapsed_ms < 1000.0);
    assert_eq!(a.ping_all(LIMIT).await.values().filter(|echo| echo.is_some()).count(), 3);
    for broker in others {
        broker.stop().await;
    }
    a.stop().await;
}

fn listener(name: &str, pattern: &str, group: Option<&str>, count: &Arc<AtomicUsize>) -> ServiceDef {
    let count = count.clone();
    let mut event = Event::new(pattern, move |_: Context, _: Payload| {
        let count = count.clone();
        async move {
            count.fetch_add(1, Ordering::SeqCst);
            Ok::<_, Error>(())
        }
    });
    if let Some(group) = group {
        event = event.group(group);
    }
    ServiceDef::new(name).event(event)
}

async fn until(what: &str, check: impl Fn() -> bool) {
    let start = std::time::Instant::now();
    while !check() {
        assert!(start.elapsed() < LIMIT, "{what}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn events_reach_one_node_of_each_group_and_broadcasts_all() {
    let bus = MemoryBus::new();
    let (mail, stock) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let a = node(&bus, "a", vec![]).await;
    let mut others = Vec::new();
    for id in ["b", "c"] {
        let services = vec![
            listener("mail", "order.*", None, &mail),
            listener("stock", "order.placed", Some("st"), &stock),
        ];
        others.push(node(&bus, id, services).await);
    }
    until("both nodes are known", || a.registry().snapshot().nodes().count() == 2).await;
    assert!(a.has_event_listener("order.placed"));
    for _ in 0..10 {
        a.emit_named("order.placed", json!({ "id": 1 })).await.unwrap();
    }
    until("each group hears each event once", || {
        (mail.load(Ordering::SeqCst), stock.load(Ordering::SeqCst)) == (10, 10)
    })
    .await;
    a.broadcast_named("order.placed", json!({ "id": 1 })).await.unwrap();
    until("everybody hears a broadcast", || {
        (mail.load(Ordering::SeqCst), stock.load(Ordering::SeqCst)) == (12, 12)
    })
    .await;
    a.emit_named("order.placed", json!({})).groups(["st"]).await.unwrap();
    until("only one group hears it", || stock.load(Ordering::SeqCst) == 13).await;
    assert_eq!(mail.load(Ordering::SeqCst), 12);
    for broker in others {
        broker.stop().await;
    }
    a.stop().await;
}

#[tokio::test]
async fn a_call_for_a_named_node_goes_to_no_other_one() {
    let bus = MemoryBus::new();
    let a = node(&bus, "a", vec![]).await;
    let b = node(&bus, "b", vec![whoami()]).await;
    let c = node(&bus, "c", vec![whoami()]).await;
    until("both nodes are known", || a.registry().snapshot().nodes().count() == 2).await;
    bus.isolate("b");
    let error = a.call_named("who.ami", json!(null)).node("b").await.unwrap_err();
    assert_eq!((error.kind(), a.traffic().unwrap().sent_again), ("REQUEST_REJECTED", 0), "{error:#}");
    for broker in [b, c, a] {
        broker.stop().await;
    }
}

#[tokio::test]
async fn a_call_that_reached_nobody_goes_to_another_node() {
    let bus = MemoryBus::new();
    let a = node(&bus, "a", vec![]).await;
    let b = node(&bus, "b", vec![whoami()]).await;
    let c = node(&bus, "c", vec![whoami()]).await;
    until("both nodes are known", || a.registry().snapshot().nodes().count() == 2).await;
    bus.isolate("b");
    for _ in 0..10 {
        let id: String = a.call_named("who.ami", json!(null)).await.unwrap().take().unwrap();
        assert_eq!(id, "c");
    }
    until("the lost node is out", || a.registry().snapshot().nodes().count() == 1).await;
    assert!(a.traffic().unwrap().sent_again >= 1);
    bus.rejoin("b");
    until("the node is back", || a.registry().snapshot().nodes().count() == 2).await;
    for broker in [b, c, a] {
        broker.stop().await;
    }
}

#[tokio::test]
async fn dropping_a_call_stops_its_handler() {
    struct Dropped(Arc<AtomicUsize>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let bus = MemoryBus::new();
    let (started, dropped) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (s, d) = (started.clone(), dropped.clone());
    let slow = ServiceDef::new("slow").action(Action::new("run", move |_: Context, (): ()| {
        let guard = Dropped(d.clone());
        s.fetch_add(1, Ordering::SeqCst);
        async move {
            std::future::pending::<()>().await;
            drop(guard);
            Ok::<_, Error>(())
        }
    }));
    let b = node(&bus, "b", vec![slow]).await;
    let a = node(&bus, "a", vec![]).await;
    a.wait_for_services(&["slow"], LIMIT).await.unwrap();
    let call = tokio::spawn({
        let a = a.clone();
        async move { a.call_named("slow.run", json!(null)).await }
    });
    until("the handler runs", || started.load(Ordering::SeqCst) == 1).await;
    call.abort();
    until("the handler was dropped", || dropped.load(Ordering::SeqCst) == 1).await;
    assert_eq!(b.traffic().unwrap().calls_cancelled, 1);
    a.stop().await;
    b.stop().await;
}

#[tokio::test]
async fn a_node_with_a_taken_name_is_refused() {
    let bus = MemoryBus::new();
    let a = node(&bus, "a", vec![whoami()]).await;
    let error =
        ServiceBroker::builder().node_id("a").transporter(bus.transporter()).start().await.unwrap_err();
    assert!(error.message().contains("'a' is taken"), "{}", error.message());
    assert_eq!(a.call_named("who.ami", json!(null)).await.unwrap().take::<String>().unwrap(), "a");
    a.stop().await;
}

#[tokio::test]
async fn a_refused_node_harms_nobody() {
    let bus = MemoryBus::new();
    let runs = Arc::new(AtomicUsize::new(0));
    let own = runs.clone();
    let slow = ServiceDef::new("slow").action(Action::new("run", move |_: Context, (): ()| {
        own.fetch_add(1, Ordering::Relaxed);
        async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            Ok::<_, Error>(())
        }
    }));
    let a = node(&bus, "a", vec![slow, whoami()]).await;
    let b = node(&bus, "b", vec![]).await;
    b.wait_for_services(&["slow"], LIMIT).await.unwrap();
    let second = tokio::spawn(ServiceBroker::builder().node_id("a").transporter(bus.transporter()).start());
    let mut calls = Vec::new();
    while !second.is_finished() {
        calls.push(tokio::spawn(b.call_named("slow.run", json!(null)).into_future()));
        b.call_named("who.ami", json!(null)).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    second.await.unwrap().unwrap_err();
    let made = calls.len();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(runs.load(Ordering::Relaxed), made, "no call ran twice");
    assert_eq!(b.traffic().unwrap().sent_again, 0);
    b.stop().await;
    a.stop().await;
}

#[tokio::test]
async fn a_call_that_waited_for_the_bus_too_long_says_so() {
    let bus = MemoryBus::new();
    let a = node(&bus, "a", vec![]).await;
    let b = node(&bus, "b", vec![whoami()]).await;
    a.wait_for_services(&["who"], LIMIT).await.unwrap();
    bus.cut();
    until("the loss is noticed", || !a.is_connected()).await;
    let call = a.call_named("who.wait", json!(60_000)).timeout(Duration::from_millis(300));
    let waiting = tokio::spawn(call.into_future());
    tokio::task::yield_now().await;
    bus.heal();
    until("the bus is back", || a.is_connected()).await;
    let error = waiting.await.unwrap().unwrap_err();
    assert_eq!((error.code(), error.name()), (502, "BrokerDisconnectedError"));
    a.stop().await;
    b.stop().await;
}

#[tokio::test]
async fn events_wait_for_their_listeners_to_start() {
    let bus = MemoryBus::new();
    let heard = Arc::new(AtomicUsize::new(0));
    let own = bus.clone();
    let slow = ServiceDef::new("slow").started(move |ctx: Context| {
        let bus = own.clone();
        async move {
            let event = json!({
                "ver": "5", "sender": "x", "id": "1", "event": "sound", "data": 1, "groups": ["ears"],
                "broadcast": false, "meta": {}, "level": 1,
            });
            let topic = Topic::node(PacketKind::Event, "b".into());
            bus.publish("", &topic, &event.to_string().into());
            let came = || ctx.broker().traffic().unwrap().packets_received >= 1;
            until("the event came", came).await;
            Ok(())
        }
    });
    let ears = listener("ears", "sound", None, &heard).dependency("slow");
    let b = node(&bus, "b", vec![slow, ears]).await;
    until("the event is heard", || heard.load(Ordering::Relaxed) == 1).await;
    b.stop().await;
}

#[tokio::test]
async fn nodes_may_come_back_later_than_the_bus() {
    let bus = MemoryBus::new();
    let a = node(&bus, "a", vec![]).await;
    let heard = Arc::new(AtomicUsize::new(0));
    let b = node(&bus, "b", vec![whoami(), listener("ears", "sound", None, &heard)]).await;
    a.wait_for_services(&["who", "ears"], LIMIT).await.unwrap();
    bus.cut();
    until("the loss is noticed", || !a.is_connected()).await;
    let waiting = tokio::spawn(a.call_named("who.ami", json!(null)).into_future());
    a.emit_named("sound", json!(1)).await.unwrap();
    bus.isolate("b");
    bus.heal();
    until("the messages reached nobody", || a.traffic().unwrap().packets_sent >= 5).await;
    bus.rejoin("b");
    let id: String = waiting.await.unwrap().unwrap().take().unwrap();
    assert_eq!(id, "b");
    until("the event is heard", || heard.load(Ordering::Relaxed) == 1).await;
    assert_eq!(a.traffic().unwrap().events_lost, 0);
    a.stop().await;
    b.stop().await;
}

#[tokio::test]
async fn a_lost_bus_fails_nobody_who_can_wait() {
    let bus = MemoryBus::new();
    let a = node(&bus, "a", vec![]).await;
    let b = node(&bus, "b", vec![whoami()]).await;
    a.wait_for_services(&["who"], LIMIT).await.unwrap();
    bus.cut();
    until("the loss is noticed", || !a.is_connected()).await;
    let short = a.call_named("who.ami", json!(null)).timeout(Duration::from_millis(20)).await.unwrap_err();
    assert_eq!((short.code(), short.name()), (502, "BrokerDisconnectedError"));
    let waiting = tokio::spawn({
        let a = a.clone();
        async move { a.call_named("who.ami", json!(null)).await }
    });
    tokio::task::yield_now().await;
    bus.heal();
    let id: String = waiting.await.unwrap().unwrap().take().unwrap();
    assert_eq!(id, "b");
    a.stop().await;
    b.stop().await;
}

#[tokio::test]
async fn only_public_actions_are_callable_from_outside() {
    use ligand_core::service::Visibility;
    use ligand_transport::Transporter as _;
    use ligand_wire::{packet::PacketKind, topic::Topic};

    let bus = MemoryBus::new();
    let ran = Arc::new(AtomicUsize::new(0));
    let action = |name: &'static str, visibility| {
        let ran = ran.clone();
        Action::new(name, move |_: Context, (): ()| {
            ran.fetch_add(1, Ordering::SeqCst);
            async { Ok::<_, Error>(()) }
        })
        .visibility(visibility)
    };
    let service = ServiceDef::new("vault")
        .action(action("private", Visibility::Private))
        .action(action("protected", Visibility::Protected))
        .action(action("public", Visibility::Public));
    let a = node(&bus, "a", vec![service]).await;
    let before = a.traffic().unwrap().packets_sent;
    for name in ["private", "protected", "public"] {
        let body = format!(r#"{{"id":"{name}","action":"vault.{name}","ver":"5","sender":"x"}}"#);
        bus.publish("", &Topic::node(PacketKind::Request, "a".into()), &body.into());
    }
    until("all are answered", || a.traffic().unwrap().packets_sent >= before + 3).await;
    assert_eq!(ran.load(Ordering::SeqCst), 1);
    assert_eq!(bus.transporter().name(), "memory");
    a.stop().await;
}

#[tokio::test]
async fn retries_go_round_like_other_calls() {
    let bus = MemoryBus::new();
    let a = node(&bus, "a", vec![]).await;
    let mut others = Vec::new();
    for id in ["b", "c", "d"] {
        others.push(node(&bus, id, vec![whoami()]).await);
    }
    until("all nodes are known", || a.registry().snapshot().nodes().count() == 3).await;
    let mut ids = std::collections::BTreeSet::new();
    for _ in 0..3 {
        let id: String = a.call_named("who.ami", json!(null)).retries(1).await.unwrap().take().unwrap();
        ids.insert(id);
    }
    assert_eq!(ids.len(), 3);
    others.push(a);
    for broker in others {
        broker.stop().await;
    }
}

#[tokio::test]
async fn texts_that_a_gateway_of_another_framework_sends_are_converted_as_announced() {
    let bus = MemoryBus::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (untyped, typed) = (seen.clone(), seen.clone());
    let number = json!({ "type": "integer" });
    let schema = Schema::from_json(json!({ "type": "object", "properties": { "id": number, "name": {} } }));
    let get = Action::new("get", move |_: Context, params: Value| {
        untyped.lock().push(params);
        async { Ok::<_, Error>(()) }
    });
    let sum = Action::new("sum", move |_: Context, params: Vec<u32>| {
        typed.lock().push(json!(params));
        async { Ok::<_, Error>(()) }
    });
    let shop =
        ServiceDef::new("shop").action(get.params_schema(schema.unwrap())).action(sum.params::<Vec<u32>>());
    let a = node(&bus, "a", vec![shop]).await;
    let before = a.traffic().unwrap().packets_sent;
    for (action, params) in [
        ("get", json!({ "id": "5", "name": "7" })),
        ("get", json!({ "id": "x" })),
        ("sum", json!(["1", 2])),
        ("sum", json!(["-1"])),
    ] {
        let body = json!({ "id": action, "action": format!("shop.{action}"), "params": params, "ver": "5", "sender": "js" });
        bus.publish("", &Topic::node(PacketKind::Request, "a".into()), &body.to_string().into());
    }
    until("all are answered", || a.traffic().unwrap().packets_sent >= before + 4).await;
    assert_eq!(*seen.lock(), [json!({ "id": 5, "name": "7" }), json!([1, 2])]);
    // Nodes of Ligand convert at their own edge, and mean what they send.
    let b = node(&bus, "b", vec![]).await;
    b.wait_for_services(&["shop"], LIMIT).await.unwrap();
    let error = b.call_named("shop.get", json!({ "id": "5" })).await.unwrap_err();
    assert_eq!(error.kind(), "VALIDATION_ERROR");
    a.stop().await;
    b.stop().await;
}

#[tokio::test]
async fn header_values_of_other_nodes_become_texts() {
    let bus = MemoryBus::new();
    let seen = Arc::new(Mutex::new(None));
    let own = seen.clone();
    let look = Action::new("look", move |ctx: Context, (): ()| {
        *own.lock() = ctx.headers().cloned();
        async { Ok::<_, Error>(()) }
    });
    let a = node(&bus, "a", vec![ServiceDef::new("eye").action(look)]).await;
    let headers = json!({
        "Text": "t", "int": 5, "whole": 2.0, "half": 0.5, "flag": true, "list": [1, "x"], "map": { "a": null }, "none": null,
    });
    let body = json!({ "id": "1", "action": "eye.look", "headers": headers, "ver": "5", "sender": "js" });
    bus.publish("", &Topic::node(PacketKind::Request, "a".into()), &body.to_string().into());
    until("it was called", || seen.lock().is_some()).await;
    let expected = [
        ("flag", "true"),
        ("half", "0.5"),
        ("int", "5"),
        ("list", r#"[1,"x"]"#),
        ("map", r#"{"a":null}"#),
        ("text", "t"),
        ("whole", "2"),
    ];
    let seen = seen.lock().take().unwrap();
    assert_eq!(seen.iter().map(|(name, text)| (&**name, &**text)).collect::<Vec<_>>(), expected);
    a.stop().await;
}

#[tokio::test]
async fn without_prefer_local_other_nodes_have_their_share() {
    let heard = |id: &'static str, log: &crate::support::Log| {
        ServiceDef::new("ears").event(crate::support::listener("told", id, log))
    };
    for prefer_local in [true, false] {
        let (bus, log) = (MemoryBus::new(), crate::support::Log::default());
        let near = ServiceBroker::builder()
            .node_id("near")
            .transporter(bus.transporter())
            .service(whoami())
            .service(heard("near", &log))
            .options(move |o| o.registry.prefer_local = prefer_local)
            .start()
            .await
            .unwrap();
        let far = node(&bus, "far", vec![whoami(), heard("far", &log)]).await;
        let mut changes = near.registry().changes();
        while near.registry().snapshot().endpoints_of("who.ami").count() < 2 {
            tokio::time::timeout(LIMIT, changes.changed()).await.unwrap().unwrap();
        }
        let mut answered = Vec::new();
        for _ in 0..4 {
            let name: String = near.call_named("who.ami", json!(null)).await.unwrap().take().unwrap();
            answered.push(name);
            near.emit_named("told", json!(null)).await.unwrap();
        }
        answered.sort();
        let mut lines = Vec::new();
        tokio::time::timeout(LIMIT, async {
            while lines.len() < 4 {
                lines.extend(log.take());
                tokio::task::yield_now().await;
            }
        })
        .await
        .unwrap();
        lines.sort();
        let (calls, events) = match prefer_local {
            true => (["near"; 4], ["near:told"; 4]),
            false => (["far", "far", "near", "near"], ["far:told", "far:told", "near:told", "near:told"]),
        };
        assert_eq!((answered, lines), (calls.map(String::from).into(), events.map(String::from).into()));
        near.stop().await;
        far.stop().await;
    }
}
