//! Checks of connecting.

use std::time::Duration;

use ligand_wire::{packet::PacketKind, topic::Topic};
use tokio::time::timeout;

use super::{
    Bed, Bus, Node, PATIENCE, TestLink,
    bed::{expect_tasks, tasks},
};

/// When `connect` has ended, the link was told once and packets arrive.
pub async fn connects_and_hears<B: Bus>() {
    let bed = Bed::<B>::start().await;
    let [here, there] = bed.nodes(["here", "there"]).await;
    assert_eq!(here.link.connections(), 1);
    assert!(here.link.losses().is_empty());
    there.tell(PacketKind::Ping, "here", "first").await;
    here.expect(PacketKind::Ping, b"first").await;
}

/// Every topic of [`Topic::subscriptions`] arrives with its kind.
pub async fn every_subscription_works<B: Bus>() {
    let bed = Bed::<B>::start().await;
    let [here, there] = bed.nodes(["here", "there"]).await;
    let own_discovery = here.transporter.features().own_discovery;
    for topic in Topic::subscriptions(&"here".into()) {
        use PacketKind::{Disconnect, Discover, Heartbeat, Info};
        let targeted = topic != Topic::all(topic.kind);
        if own_discovery && (!targeted || matches!(topic.kind, Discover | Info | Heartbeat | Disconnect)) {
            continue;
        }
        if !targeted && !bed.promises.broadcasts {
            continue;
        }
        let body = topic.name("over");
        there.send(topic.clone(), body.clone(), None).await.expect("a connected node sends");
        here.expect(topic.kind, body.as_bytes()).await;
    }
    here.expect_nothing().await;
}

/// A server that is not there yet is waited for.
pub async fn waits_for_the_server<B: Bus>() {
    let bed = Bed::<B>::start().await;
    if !bed.promises.server {
        return;
    }
    bed.bus.kill().await;
    let here = Node::new(&bed.bus, "", "here");
    let mut connecting = here.transporter.clone().connect(here.link.clone());
    let early = timeout(Duration::from_millis(500), &mut connecting).await;
    assert!(early.is_err(), "connect ended without a server: {early:?}");
    assert_eq!((here.link.connections(), here.link.losses().len()), (0, 0));
    let sent = here.send(Topic::node(PacketKind::Request, "here".into()), "too early", None).await;
    assert_eq!(sent.expect_err("nothing is sent before the connection").name(), "BrokerDisconnectedError");
    bed.bus.restart().await;
    timeout(PATIENCE, connecting).await.expect("connect ends when the server is there").expect("it connects");
    assert_eq!(here.link.connections(), 1);
    let there = bed.node("there").await;
    there.tell(PacketKind::Request, "here", "late").await;
    here.expect(PacketKind::Request, b"late").await;
}

/// A connect that is dropped leaves no task and calls nobody later.
pub async fn giving_up_leaves_nothing_behind<B: Bus>() {
    let bed = Bed::<B>::start().await;
    if !bed.promises.server {
        return;
    }
    bed.bus.kill().await;
    let before = tasks();
    let link = TestLink::new("here", "");
    let transporter = bed.bus.transporter();
    let early = timeout(Duration::from_millis(500), transporter.clone().connect(link.clone())).await;
    assert!(early.is_err(), "connect ended without a server: {early:?}");
    expect_tasks(before).await;
    bed.bus.restart().await;
    assert!(
        !link.wait_connections(1, Duration::from_millis(500)).await,
        "a connect that was given up went on"
    );
}

/// Options that no further try can mend end `connect` with an error that names the cause.
pub async fn broken_options_are_refused<B: Bus>() {
    let bed = Bed::<B>::start().await;
    for (transporter, cause) in bed.bus.broken() {
        let connecting = transporter.connect(TestLink::new("here", ""));
        let result = timeout(PATIENCE, connecting).await.unwrap_or_else(|_| panic!("no error about {cause}"));
        let error = result.expect_err(cause);
        assert_eq!(error.kind(), "BROKER_OPTIONS_ERROR", "{error:#}");
        assert!(error.message().contains(cause), "the error does not name '{cause}': {error:#}");
    }
}
