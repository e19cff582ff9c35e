//! Nodes that are off the bus for a moment while calls are under way.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use ligand_core::{Action, Context, Error, Event, Payload, Result, ServiceBroker, ServiceDef};
use ligand_transport::{
    BoxFuture, Link, Outbound, Sending, Transporter,
    memory::{MemoryBus, MemoryTransporter},
};
use ligand_wire::{packet::PacketKind, topic::Topic};
use serde_json::json;
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};

use crate::support::{ms, spawn};

const LIMIT: Duration = Duration::from_secs(60);

/// `work.wait` answers after so many milliseconds; counts its runs.
fn work(runs: &Arc<AtomicUsize>) -> ServiceDef {
    let runs = runs.clone();
    ServiceDef::new("work").action(Action::new("wait", move |_: Context, millis: u64| {
        runs.fetch_add(1, Ordering::SeqCst);
        async move {
            sleep(ms(millis)).await;
            Ok::<_, Error>(millis)
        }
    }))
}

struct Pair {
    bus: MemoryBus,
    caller: ServiceBroker,
    callee: ServiceBroker,
    runs: Arc<AtomicUsize>,
}

async fn start(bus: &MemoryBus, id: &str, service: Option<ServiceDef>) -> ServiceBroker {
    let builder = ServiceBroker::builder().node_id(id).transporter(bus.transporter()).options(|options| {
        options.request_timeout = Duration::ZERO;
    });
    service.into_iter().fold(builder, ligand_core::broker::BrokerBuilder::service).start().await.unwrap()
}

async fn pair(bus: MemoryBus) -> Pair {
    let runs = Arc::default();
    let callee = start(&bus, "callee", Some(work(&runs))).await;
    let caller = start(&bus, "caller", None).await;
    caller.wait_for_services(&["work"], LIMIT).await.unwrap();
    Pair { bus, caller, callee, runs }
}

impl Pair {
    /// A call without a time limit.
    fn call(&self, millis: u64) -> JoinHandle<Result<Payload>> {
        spawn(self.caller.call_named("work.wait", json!(millis)).into_future())
    }

    fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }

    async fn end(self) {
        self.caller.stop().await;
        self.callee.stop().await;
        // What was aborted is dropped in its next turn.
        sleep(ms(1)).await;
        for broker in [&self.caller, &self.callee] {
            assert_eq!(broker.in_flight(), Some(ligand_core::broker::InFlight::default()));
        }
    }
}

async fn ended(call: JoinHandle<Result<Payload>>) -> Result<u64> {
    tokio::time::timeout(LIMIT, call).await.expect("the call ends").unwrap()?.take()
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_sent_while_the_caller_was_away_is_asked_for() {
    let pair = pair(MemoryBus::new()).await;
    let call = pair.call(300);
    sleep(ms(100)).await;
    pair.bus.isolate("caller");
    sleep(ms(500)).await;
    pair.bus.rejoin("caller");
    let back = Instant::now();
    assert_eq!(ended(call).await.unwrap(), 300);
    assert!(back.elapsed() < ms(50), "it is asked for at once: {:?}", back.elapsed());
    assert_eq!((pair.runs(), pair.callee.traffic().unwrap().answers_repeated), (1, 1));
    pair.end().await;
}

#[tokio::test(start_paused = true)]
async fn short_outages_of_either_side_in_every_phase_of_a_call_go_unnoticed() {
    for who in ["caller", "callee"] {
        for from in [0, 1, 50, 150, 250, 299, 301] {
            for lasts in [20, 100, 500, 1500] {
                let pair = pair(MemoryBus::new()).await;
                let call = pair.call(300);
                sleep(ms(from)).await;
                pair.bus.isolate(who);
                // Another message tells that nobody is there.
                let _ = pair.caller.ping("callee", ms(1)).await;
                sleep(ms(lasts)).await;
                pair.bus.rejoin(who);
                let case = format!("{who} away after {from} ms for {lasts} ms");
                assert_eq!(ended(call).await.map_err(|e| format!("{case}: {e:#}")), Ok(300));
                assert_eq!(pair.runs(), 1, "{case}");
                pair.end().await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_vanishes_without_a_word_is_asked_for_in_time() {
    // As on a bus that does not tell who is gone.
    for who in ["caller", "callee"] {
        for from in [0, 100, 250] {
            let pair = pair(MemoryBus::new()).await;
            sleep(Duration::from_secs(5)).await;
            if from == 0 {
                pair.bus.mute(who);
            }
            let call = pair.call(300);
            sleep(ms(from)).await;
            pair.bus.mute(who);
            sleep(ms(500)).await;
            pair.bus.rejoin(who);
            let back = Instant::now();
            assert_eq!(ended(call).await.map_err(|e| format!("{who} {from}: {e:#}")), Ok(300));
            assert!(back.elapsed() < Duration::from_secs(4), "{who} {from}: {:?}", back.elapsed());
            assert_eq!(pair.runs(), 1, "{who} muted after {from} ms");
            pair.end().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_ends_when_its_node_was_started_anew() {
    let pair = pair(MemoryBus::new()).await;
    let call = pair.call(3_600_000);
    sleep(ms(100)).await;
    // Nobody hears that it goes.
    pair.bus.mute("callee");
    pair.callee.stop().await;
    pair.bus.rejoin("callee");
    let again = start(&pair.bus, "callee", Some(work(&pair.runs))).await;
    let back = Instant::now();
    let error = ended(call).await.unwrap_err();
    assert_eq!((error.code(), error.kind()), (503, "REQUEST_REJECTED"));
    assert!(back.elapsed() < ms(500), "{:?}", back.elapsed());
    assert_eq!(pair.runs(), 1, "it is not known whether it ran: nobody else gets it");
    again.stop().await;
    pair.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_call_ends_when_its_node_does_not_come_back() {
    let pair = pair(MemoryBus::new()).await;
    let call = pair.call(3_600_000);
    sleep(ms(100)).await;
    pair.bus.isolate("callee");
    let start = Instant::now();
    assert_eq!(ended(call).await.unwrap_err().kind(), "REQUEST_REJECTED");
    let took = start.elapsed();
    assert!((ms(2000)..ms(4000)).contains(&took), "it may come back for 2 s: {took:?}");
    pair.end().await;
}

/// A node that is no Ligand node, which takes calls and does not answer.
fn stranger(bus: &MemoryBus, instance: &str) {
    let info = json!({
        "ver": "5", "sender": "js", "instanceID": instance, "seq": 1, "hostname": "h", "ipList": [],
        "client": { "type": "nodejs", "version": "0.15.0", "langVersion": "v22" }, "config": {}, "metadata": {},
        "services": [{ "name": "far", "fullName": "far", "settings": {}, "metadata": {}, "events": {},
            "actions": { "far.away": { "name": "far.away", "rawName": "away" } } }],
    });
    bus.publish("", &Topic::all(PacketKind::Info), &info.to_string().into());
}

#[tokio::test(start_paused = true)]
async fn a_call_to_another_implementation_ends_when_that_was_started_anew() {
    let bus = MemoryBus::new();
    let caller = start(&bus, "caller", None).await;
    // Something listens under the name.
    let _there = {
        use ligand_transport::contract::TestLink;
        let (transporter, link) = (bus.transporter(), TestLink::new("js", ""));
        transporter.clone().connect(link.clone()).await.unwrap();
        (transporter, link)
    };
    stranger(&bus, "one");
    caller.wait_for_services(&["far"], LIMIT).await.unwrap();
    let call = spawn(caller.call_named("far.away", json!(null)).into_future());
    sleep(Duration::from_secs(20)).await;
    assert!(!call.is_finished());
    stranger(&bus, "two");
    let error = tokio::time::timeout(ms(100), call).await.unwrap().unwrap().unwrap_err();
    assert_eq!(error.kind(), "REQUEST_REJECTED");
    caller.stop().await;
}

#[tokio::test(start_paused = true)]
async fn many_calls_are_asked_about_after_an_outage() {
    let pair = pair(MemoryBus::new()).await;
    let calls: Vec<_> = (0..1000).map(|at| pair.call(200 + at % 200)).collect();
    sleep(ms(100)).await;
    pair.bus.isolate("caller");
    sleep(ms(600)).await;
    pair.bus.rejoin("caller");
    for (at, call) in calls.into_iter().enumerate() {
        assert_eq!(ended(call).await.unwrap(), 200 + at as u64 % 200);
    }
    assert_eq!(pair.runs(), 1000);
    pair.end().await;
}

#[tokio::test(start_paused = true)]
async fn the_bus_chose_and_the_answer_is_asked_for() {
    let bus = MemoryBus::new();
    let runs: Arc<AtomicUsize> = Arc::default();
    let node = |id: &'static str, service: Option<ServiceDef>| {
        let builder =
            ServiceBroker::builder().node_id(id).transporter(bus.transporter()).options(|options| {
                (options.request_timeout, options.disable_balancer) = (Duration::ZERO, true);
            });
        service.into_iter().fold(builder, ligand_core::broker::BrokerBuilder::service).start()
    };
    let first = node("first", Some(work(&runs))).await.unwrap();
    let second = node("second", Some(work(&runs))).await.unwrap();
    let caller = node("caller", None).await.unwrap();
    caller.wait_for_services(&["work"], LIMIT).await.unwrap();
    sleep(ms(500)).await;
    let call = spawn(caller.call_named("work.wait", json!(300)).into_future());
    sleep(ms(100)).await;
    bus.isolate("caller");
    sleep(ms(500)).await;
    bus.rejoin("caller");
    assert_eq!(ended(call).await.unwrap(), 300);
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    // Nobody knows a call whose node is gone.
    let call = spawn(caller.call_named("work.wait", json!(3_600_000)).into_future());
    sleep(ms(100)).await;
    for broker in [&first, &second] {
        bus.mute(broker.node_id());
        broker.stop().await;
        bus.rejoin(broker.node_id());
    }
    let third = node("third", Some(work(&runs))).await.unwrap();
    assert_eq!(ended(call).await.unwrap_err().kind(), "REQUEST_REJECTED");
    third.stop().await;
    caller.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_cancellation_was_lost_ends() {
    let pair = pair(MemoryBus::new()).await;
    let call = pair.call(3_600_000);
    sleep(ms(100)).await;
    pair.bus.mute("caller");
    call.abort();
    sleep(ms(100)).await;
    pair.bus.rejoin("caller");
    assert_eq!(pair.callee.in_flight().unwrap().serving, 1);
    sleep(Duration::from_secs(25)).await;
    assert_eq!(pair.callee.in_flight().unwrap().serving, 0);
    pair.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_the_bus_hands_over_again_after_an_outage_runs_once() {
    use ligand_transport::contract::TestLink;
    let (bus, runs) = (MemoryBus::new(), Arc::default());
    let callee = start(&bus, "callee", Some(work(&runs))).await;
    let (transporter, link) = (bus.transporter(), TestLink::new("peer", ""));
    transporter.clone().connect(link.clone()).await.unwrap();
    let info = json!({
        "ver": "5", "sender": "peer", "instanceID": "i", "seq": 1, "hostname": "h", "ipList": [], "services": [],
        "client": { "type": "rust", "version": "0.1.0", "langVersion": "1" }, "config": { "ligand": {} },
        "metadata": {},
    });
    bus.publish("", &Topic::all(PacketKind::Info), &info.to_string().into());
    let request = json!({
        "ver": "5", "sender": "peer", "id": "5f3c1a52-7d1e-4c3b-9a51-0123456789ab", "action": "work.wait",
        "params": 300, "meta": {}, "level": 1, "timeout": 0,
    });
    let send =
        || bus.publish("", &Topic::node(PacketKind::Request, "callee".into()), &request.to_string().into());
    send();
    // While it runs, and after it was answered.
    for _ in 0..2 {
        sleep(ms(100)).await;
        bus.isolate("callee");
        sleep(ms(100)).await;
        bus.rejoin("callee");
        sleep(ms(10)).await;
        send();
    }
    let mut answers = 0;
    while let Some((kind, _)) = link.next_packet(Duration::from_secs(2)).await {
        answers += usize::from(kind == PacketKind::Response);
    }
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    assert!((1..=2).contains(&answers), "{answers} answers");
    callee.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_behind_others_is_neither_lost_nor_run_twice() {
    let pair = pair(MemoryBus::new()).await;
    pair.bus.hold("callee");
    let call = pair.call(10);
    sleep(Duration::from_secs(60)).await;
    assert!(!call.is_finished(), "nobody can say that it is lost");
    pair.bus.release("callee");
    assert_eq!(ended(call).await.unwrap(), 10);
    assert_eq!((pair.runs(), pair.caller.traffic().unwrap().sent_again), (1, 0));
    pair.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_lost_before_others_that_wait_is_sent_again() {
    let pair = pair(MemoryBus::new()).await;
    pair.bus.clone().loss(1.0);
    let call = pair.call(10);
    sleep(ms(1)).await;
    pair.bus.clone().loss(0.0);
    pair.bus.hold("callee");
    // Several questions wait meanwhile.
    sleep(Duration::from_secs(30)).await;
    pair.bus.release("callee");
    assert_eq!(ended(call).await.unwrap(), 10);
    assert_eq!((pair.runs(), pair.caller.traffic().unwrap().sent_again), (1, 1));
    pair.end().await;
}

/// A bus that hands over what it kept before it says that it is back.
struct Hasty {
    bus: Arc<MemoryTransporter>,
    link: Arc<OnceLock<Arc<dyn Link>>>,
}

impl Transporter for Hasty {
    fn name(&self) -> &'static str {
        "hasty"
    }

    fn connect(self: Arc<Self>, link: Arc<dyn Link>) -> BoxFuture<Result<()>> {
        let _ = self.link.set(link.clone());
        self.bus.clone().connect(link)
    }

    fn send(&self, packet: Outbound) -> Sending {
        self.bus.send(packet)
    }

    fn flush(&self) -> BoxFuture<Result<()>> {
        self.bus.flush()
    }

    fn disconnect(&self) -> BoxFuture<()> {
        self.bus.disconnect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_comes_again_before_the_bus_is_said_to_be_back_runs_once() {
    let (bus, runs, link) = (MemoryBus::new(), Arc::default(), Arc::default());
    let hasty = Hasty { bus: bus.transporter(), link: Arc::clone(&link) };
    let callee = ServiceBroker::builder().node_id("callee").transporter(hasty).service(work(&runs));
    let callee = callee.start().await.unwrap();
    let caller = start(&bus, "caller", None).await;
    caller.wait_for_services(&["work"], LIMIT).await.unwrap();
    let link = link.get().unwrap();
    let request = json!({
        "ver": "5", "sender": "caller", "id": "5f3c1a52-7d1e-4c3b-9a51-0123456789ab", "action": "work.wait",
        "params": 300, "meta": {}, "level": 1, "timeout": 0,
    });
    let hand_over = || link.receive(PacketKind::Request, request.to_string().into());
    hand_over();
    // While it runs, and after it was answered.
    for _ in 0..2 {
        sleep(ms(200)).await;
        link.disconnected(&Error::disconnected());
        hand_over();
        link.connected();
    }
    sleep(ms(1000)).await;
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    caller.stop().await;
    callee.stop().await;
}

#[tokio::test(start_paused = true)]
async fn events_that_nobody_may_have_heard_are_counted_when_their_node_is_lost() {
    let bus = MemoryBus::new();
    let ears = Event::new("sound", |_: Context, _: Payload| async { Ok::<_, Error>(()) });
    let ears = ServiceDef::new("ears").event(ears);
    let listener = start(&bus, "listener", Some(ears)).await;
    let sender = start(&bus, "sender", None).await;
    sender.wait_for_services(&["ears"], LIMIT).await.unwrap();
    let counted = || sender.traffic().map(|traffic| (traffic.events_unconfirmed, traffic.events_lost));
    sender.emit_named("sound", json!(0)).await.unwrap();
    sender.ping("listener", LIMIT).await.unwrap();
    bus.mute("listener");
    for number in 1..=3 {
        sender.emit_named("sound", json!(number)).await.unwrap();
    }
    let gone = async {
        while sender.registry().node("listener").is_some_and(|node| node.is_available()) {
            sleep(ms(100)).await;
        }
    };
    tokio::time::timeout(LIMIT, gone).await.expect("it is lost");
    assert_eq!(counted(), Some((3, 0)), "the first one was confirmed by the answer to the ping");
    sender.stop().await;
    listener.stop().await;
}
