//! Two brokers, and packets that one of them or the bus does not take.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use ligand_core::{
    Action, Context, Error, Event, Payload, Result, ServiceBroker, ServiceDef, broker::InFlight,
};
use tokio::time::timeout;

use super::{
    Network,
    checks::{PATIENCE, until},
};

/// More than a node takes unless it says otherwise, and than the buses take.
const TOO_MUCH: usize = 17 << 20;

/// What the callee takes the second time.
const LITTLE: usize = 500_000;

fn texts(heard: &Arc<AtomicUsize>) -> ServiceDef {
    let heard = heard.clone();
    ServiceDef::new("texts")
        .action(Action::new("length", |_: Context, text: String| async move { Ok::<_, Error>(text.len()) }))
        .action(Action::new("make", |_: Context, len: usize| async move { Ok::<_, Error>("x".repeat(len)) }))
        .event(Event::new("said", move |_: Context, _: String| {
            heard.fetch_add(1, Ordering::SeqCst);
            async { Ok::<_, Error>(()) }
        }))
}

async fn node<N: Network>(network: &N, id: &str, most: usize, service: Option<ServiceDef>) -> ServiceBroker {
    let builder = ServiceBroker::builder().node_id(id).transporter(network.join(id).await);
    let builder = builder.options(move |options| options.transit.max_packet_size = most);
    let builder = service.into_iter().fold(builder, |builder, service| builder.service(service));
    timeout(PATIENCE, builder.start()).await.expect("a node starts in time").expect("a node starts")
}

/// What a call without a time limit ends with.
async fn ended(call: impl IntoFuture<Output = Result<Payload>>) -> Result<Payload> {
    timeout(PATIENCE, call.into_future()).await.expect("the call ends")
}

fn is_too_large<T: std::fmt::Debug>(what: &str, result: Result<T>) -> Error {
    let error = result.expect_err(what);
    assert_eq!((error.code(), error.kind()), (413, "PACKET_TOO_LARGE"), "{what}: {error:#}");
    error
}

/// A request, an answer and an event that are longer than the sender, the receiver or the bus takes are refused by the node
/// that would send them; both stay on the bus, and what fits goes through.
pub async fn what_is_too_large_is_refused_where_it_is_sent<N: Network>() {
    let (network, heard) = (N::start().await, Arc::default());
    for (most, len) in [(16 << 20, TOO_MUCH), (LITTLE, LITTLE + 100_000)] {
        let callee = node(&network, "callee", most, Some(texts(&heard))).await;
        let caller = node(&network, "caller", 16 << 20, None).await;
        caller.wait_for_services(&["texts"], PATIENCE).await.expect("the caller sees the service");
        let long = "x".repeat(len);
        let call =
            |name: &'static str, params: Payload| caller.call_named(name, params).timeout(Duration::ZERO);
        is_too_large("a request", ended(call("texts.length", Payload::typed(long.clone()))).await);
        is_too_large("an event", caller.emit_named("said", long.clone()).throw_error().await);
        is_too_large("a broadcast", caller.broadcast_named("said", long.clone()).throw_error().await);
        assert_eq!(caller.traffic().map(|traffic| traffic.events_lost), Some(2));
        // An answer becomes an error.
        let error = is_too_large("an answer", ended(call("texts.make", Payload::typed(TOO_MUCH))).await);
        assert_eq!(error.node_id(), Some("callee"));
        // Nothing was sent in vain, and both nodes are still there.
        for broker in [&caller, &callee] {
            assert_eq!(broker.traffic().map(|traffic| traffic.packets_refused), Some(0));
        }
        let length = ended(call("texts.length", Payload::typed("short".to_owned()))).await;
        assert_eq!(length.and_then(Payload::take::<usize>).map_err(|error| format!("{error:#}")), Ok(5));
        assert_eq!(heard.load(Ordering::SeqCst), 0);
        for broker in [&caller, &callee] {
            let idle = || broker.in_flight().is_none_or(|now| now == InFlight::default());
            until("nothing is left behind", idle).await;
        }
        caller.stop().await;
        callee.stop().await;
    }
}
