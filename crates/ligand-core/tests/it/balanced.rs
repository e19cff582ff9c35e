//! Calls for which the bus chooses the node.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use ligand_core::{
    Action, Context, Error, Payload, Result, ServiceBroker, ServiceDef, broker::InFlight, stream::Streaming,
};
use ligand_transport::memory::MemoryBus;
use serde_json::json;
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};

use crate::support::{ms, spawn};

/// Longer than anything here takes that ends at all.
const LIMIT: Duration = Duration::from_secs(600);

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

async fn node(bus: &MemoryBus, id: &str, service: Option<ServiceDef>) -> ServiceBroker {
    let builder = ServiceBroker::builder().node_id(id).transporter(bus.transporter()).options(|options| {
        (options.request_timeout, options.disable_balancer) = (Duration::ZERO, true);
    });
    service.into_iter().fold(builder, ligand_core::broker::BrokerBuilder::service).start().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_the_bus_leads_back_to_its_own_node_is_released_when_nobody_reads_it() {
    let chunks = || futures_util::stream::repeat_with(|| Ok(bytes::Bytes::from_static(&[7; 1000])));
    let endless = Action::new("endless", move |_: Context, (): ()| async move {
        Ok::<_, Error>(Streaming::bytes(chunks()))
    });
    let alone = node(&MemoryBus::new(), "alone", Some(ServiceDef::new("work").action(endless))).await;
    let answer = alone.call_named("work.endless", json!(null)).await.unwrap();
    let mut stream: Streaming = answer.take().unwrap();
    stream.next_bytes().await.unwrap().unwrap();
    let flows = alone.in_flight().unwrap();
    assert_eq!((flows.streams_in, flows.streams_out), (1, 1), "it went over the bus");
    drop(stream);
    let released = async {
        while alone.in_flight().unwrap() != InFlight::default() {
            sleep(ms(10)).await;
        }
    };
    tokio::time::timeout(LIMIT, released).await.unwrap();
    alone.stop().await;
}

struct Cluster {
    bus: MemoryBus,
    caller: ServiceBroker,
    callees: Vec<ServiceBroker>,
    runs: Arc<AtomicUsize>,
}

/// A caller, and some nodes that have the action.
async fn cluster(bus: MemoryBus, callees: &[&str]) -> Cluster {
    let runs = Arc::default();
    let mut started = Vec::new();
    for id in callees {
        started.push(node(&bus, id, Some(work(&runs))).await);
    }
    let caller = node(&bus, "caller", None).await;
    caller.wait_for_services(&["work"], LIMIT).await.unwrap();
    sleep(ms(500)).await;
    Cluster { bus, caller, callees: started, runs }
}

impl Cluster {
    /// A call without a time limit.
    fn call(&self, millis: u64) -> JoinHandle<Result<Payload>> {
        spawn(self.caller.call_named("work.wait", json!(millis)).into_future())
    }

    fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }

    async fn end(self) {
        for broker in self.callees.iter().chain([&self.caller]) {
            broker.stop().await;
        }
        sleep(ms(1)).await;
        for broker in self.callees.iter().chain([&self.caller]) {
            assert_eq!(
                broker.in_flight(),
                Some(ligand_core::broker::InFlight::default()),
                "{}",
                broker.node_id()
            );
        }
    }
}

async fn ended(call: JoinHandle<Result<Payload>>) -> Result<u64> {
    tokio::time::timeout(LIMIT, call).await.expect("the call ends").unwrap()?.take()
}

#[tokio::test(start_paused = true)]
async fn a_call_that_runs_on_a_node_which_stops_in_good_order_is_answered() {
    for callees in [&["first"][..], &["first", "second"]] {
        let cluster = cluster(MemoryBus::new(), callees).await;
        let calls: Vec<_> = (0..4).map(|_| cluster.call(4000)).collect();
        sleep(ms(100)).await;
        let first = cluster.callees[0].clone();
        let stop = spawn(async move { first.stop().await });
        for call in calls {
            assert_eq!(ended(call).await.map_err(|e| format!("{callees:?}: {e:#}")), Ok(4000));
        }
        stop.await.unwrap();
        assert_eq!(cluster.runs(), 4);
        cluster.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_service_was_taken_away_meanwhile_is_answered() {
    let cluster = cluster(MemoryBus::new(), &["first"]).await;
    let call = cluster.call(8000);
    sleep(ms(100)).await;
    let first = cluster.callees[0].clone();
    spawn(async move { first.destroy_service("work").await });
    let answer = ended(call).await;
    assert_eq!(answer.map_err(|e| format!("{e:#}")), Ok(8000));
    cluster.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_on_the_bus_is_not_lost() {
    for queues in [true, false] {
        let cluster = cluster(MemoryBus::new().queues(queues), &["first"]).await;
        cluster.bus.hold("first");
        let call = cluster.call(10);
        sleep(Duration::from_secs(90)).await;
        assert!(!call.is_finished(), "nobody can say that it is lost");
        cluster.bus.release("first");
        assert_eq!(ended(call).await.unwrap(), 10);
        assert_eq!(cluster.runs(), 1);
        cluster.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_nobody_knows_ends_and_runs_nowhere() {
    let cluster = cluster(MemoryBus::new(), &["first", "second"]).await;
    let start = Instant::now();
    cluster.bus.clone().loss(1.0);
    let call = cluster.call(10);
    sleep(ms(10)).await;
    cluster.bus.clone().loss(0.0);
    let error = ended(call).await.unwrap_err();
    assert_eq!(error.kind(), "REQUEST_REJECTED");
    let took = start.elapsed();
    assert!(took > Duration::from_secs(25) && took < Duration::from_secs(60), "{took:?}");
    assert_eq!(cluster.runs(), 0);
    cluster.end().await;
}

#[tokio::test(start_paused = true)]
async fn on_a_bus_with_queues_a_call_ends_with_the_nodes_that_may_have_it() {
    let cluster = cluster(MemoryBus::new().queues(true), &["first", "second"]).await;
    let call = cluster.call(3_600_000);
    sleep(ms(100)).await;
    for broker in &cluster.callees {
        assert!(!call.is_finished());
        cluster.bus.mute(broker.node_id());
        broker.stop().await;
        cluster.bus.rejoin(broker.node_id());
        sleep(Duration::from_secs(20)).await;
    }
    assert_eq!(ended(call).await.unwrap_err().kind(), "REQUEST_REJECTED");
    cluster.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_away_for_a_moment_goes_on_with_its_calls() {
    let cluster = cluster(MemoryBus::new(), &["first"]).await;
    let call = cluster.call(6000);
    for _ in 0..5 {
        sleep(ms(900)).await;
        cluster.bus.isolate("first");
        let _ = cluster.caller.ping("first", ms(1)).await;
        sleep(ms(300)).await;
        cluster.bus.rejoin("first");
    }
    assert_eq!(ended(call).await.map_err(|e| format!("{e:#}")), Ok(6000));
    assert_eq!(cluster.runs(), 1);
    cluster.end().await;
}
