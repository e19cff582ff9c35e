//! Checks of a bus that is lost and comes back.

use std::time::Duration;

use ligand_wire::{packet::PacketKind, topic::Topic};
use tokio::time::timeout;

use super::{
    Bed, Bus, Node, PATIENCE,
    bed::{action_topic, ticket},
};

async fn lose<B: Bus>(bed: &Bed<B>, nodes: &[&Node]) {
    bed.bus.kill().await;
    for node in nodes {
        let told = node.link.wait_losses(1, bed.promises.loss_told).await;
        assert!(told, "{} did not notice that the bus is gone", crate::Link::node_id(&*node.link));
    }
}

/// A bus that is killed is told once, in time.
pub async fn a_loss_is_told<B: Bus>() {
    let bed = Bed::<B>::start().await;
    if !bed.promises.server {
        return;
    }
    let [here] = bed.nodes(["here"]).await;
    lose(&bed, &[&here]).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!((here.link.losses().len(), here.link.connections()), (1, 1));
}

/// `send` and `flush` answer errors while the bus is lost, soon.
pub async fn sending_into_a_loss_ends<B: Bus>() {
    let bed = Bed::<B>::start().await;
    if !bed.promises.server {
        return;
    }
    let [here] = bed.nodes(["here"]).await;
    lose(&bed, &[&here]).await;
    let topic = Topic::node(PacketKind::Request, "there".into());
    let sending = here.send(topic, "lost", Some(ticket()));
    let result = timeout(Duration::from_secs(1), sending).await.expect("send ends while the bus is lost");
    let error = result.expect_err("send fails while the bus is lost");
    assert_eq!((error.name(), error.code()), ("BrokerDisconnectedError", 502), "{error:#}");
    let flushed =
        timeout(PATIENCE, here.transporter.flush()).await.expect("flush ends while the bus is lost");
    assert!(flushed.is_err(), "flush succeeded while the bus is lost");
}

/// When the bus is back, that is told and packets flow both ways, twice.
pub async fn a_return_is_told_and_traffic_flows<B: Bus>() {
    let bed = Bed::<B>::start().await;
    if !bed.promises.server {
        return;
    }
    let [here, there] = bed.nodes(["here", "there"]).await;
    for round in 1..=2 {
        bed.bus.kill().await;
        for node in [&here, &there] {
            assert!(node.link.wait_losses(round, bed.promises.loss_told).await, "loss {round} was not told");
        }
        bed.bus.restart().await;
        for node in [&here, &there] {
            let back = node.link.wait_connections(round + 1, bed.promises.back_within).await;
            assert!(back, "{} is not back", crate::Link::node_id(&*node.link));
        }
        let body = format!("round {round}");
        here.tell(PacketKind::Request, "there", body.clone()).await;
        there.expect(PacketKind::Request, body.as_bytes()).await;
        there.tell(PacketKind::Response, "here", body.clone()).await;
        here.expect(PacketKind::Response, body.as_bytes()).await;
        if bed.promises.broadcasts {
            there.tell_all(PacketKind::Heartbeat, body.clone()).await;
            here.expect(PacketKind::Heartbeat, body.as_bytes()).await;
            let echo = there.link.next_packet(super::SILENCE).await;
            assert!(echo.is_none_or(|(kind, _)| kind == PacketKind::Heartbeat));
        }
        here.transporter.flush().await.expect("the bus is back");
        here.expect_nothing().await;
        there.expect_nothing().await;
    }
}

/// Balanced subscriptions are there again after a loss, also those made during it.
pub async fn balanced_subscriptions_survive_a_loss<B: Bus>() {
    let bed = Bed::<B>::start().await;
    let [here, there] = bed.nodes(["here", "there"]).await;
    if !bed.promises.server || !here.transporter.features().balancer {
        return;
    }
    here.transporter.balance(vec![action_topic("a.b")]).await.expect("a connected node subscribes");
    there.ask_any("a.b", "before").await;
    here.expect(PacketKind::Request, b"before").await;
    lose(&bed, &[&here, &there]).await;
    bed.bus.restart().await;
    for node in [&here, &there] {
        assert!(node.link.wait_connections(2, bed.promises.back_within).await);
    }
    there.ask_any("a.b", "after").await;
    here.expect(PacketKind::Request, b"after").await;
    here.expect_nothing().await;
}

/// `disconnect` ends while the bus is lost, and the node stays away when it is back.
pub async fn disconnect_during_a_loss_ends<B: Bus>() {
    let bed = Bed::<B>::start().await;
    if !bed.promises.server {
        return;
    }
    let [here] = bed.nodes(["here"]).await;
    lose(&bed, &[&here]).await;
    timeout(PATIENCE, here.transporter.disconnect()).await.expect("disconnect ends while the bus is lost");
    bed.bus.restart().await;
    assert!(
        !here.link.wait_connections(2, Duration::from_millis(500)).await,
        "it connected after disconnect"
    );
}
