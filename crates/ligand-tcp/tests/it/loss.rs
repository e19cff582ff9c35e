//! Nodes that go away.

use std::time::{Duration, Instant};

use ligand_tcp::TcpOptions;
use ligand_transport::Cluster;
use ligand_wire::packet::PacketKind;
use tokio::net::TcpListener;

use crate::{
    node::{Node, pair, quiet, soon},
    sending::{fill, sight},
};

async fn a_lost_one_is_noticed(end: impl AsyncFnOnce(&Node)) {
    let (a, b) = pair().await;
    // The rounds may not have opened a way to it yet.
    soon(a.send("b", PacketKind::Event, "hello")).await.unwrap();
    b.until("one", |broker| !broker.received.lock().is_empty()).await;
    let began = Instant::now();
    end(&b).await;
    a.until("lost", |broker| broker.cluster.log().contains(&"lost b false".into())).await;
    assert!(began.elapsed() < Duration::from_millis(200), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_is_noticed_at_once() {
    a_lost_one_is_noticed(async |b| b.stop().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_is_noticed_at_once() {
    a_lost_one_is_noticed(async |b| b.kill()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loss_is_noticed_without_a_connection_to_it() {
    let slow = || TcpOptions { gossip_period: Duration::from_secs(600), max_connections: 1, ..quiet() };
    let a = Node::start_with("a", &[], slow()).await;
    let b = Node::start_with("b", &[&a], slow()).await;
    a.sees(&["b:"]).await;
    // Only b has a connection: a dials to see whether it is there.
    a.broker.cluster.imagine("x", 1, false);
    b.kill();
    a.until("lost", |broker| broker.cluster.log().iter().any(|line| line.starts_with("lost b"))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_be_dialled_is_lost_and_tickets_come_back() {
    let a = Node::start("a", &[]).await;
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    sight(&a, "b", port);
    a.broker.cluster.imagine("b", 3, true);
    for ticket in 0..5 {
        soon(a.send_ticket("b", PacketKind::Request, "x", Some(ticket))).await.unwrap();
    }
    a.until("undelivered", |broker| *broker.undelivered.lock() == [0, 1, 2, 3, 4]).await;
    a.until("lost", |broker| broker.cluster.log() == ["lost b true"]).await;
    let err = soon(a.send("nobody", PacketKind::Request, "x")).await.unwrap_err();
    assert_eq!((err.code(), err.kind()), (502, "NODE_UNREACHABLE"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_not_left_comes_back() {
    // Takes the connection, reads nothing, and goes.
    let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let a = Node::start_with("a", &[], TcpOptions { max_queue_size: 1024 * 1024, ..quiet() }).await;
    sight(&a, "b", other.local_addr().unwrap().port());
    a.broker.cluster.imagine("b", 3, true);
    let (count, waiting) = fill(&a, "b").await;
    let (stream, _) = soon(other.accept()).await.unwrap();
    drop(stream);
    // Its sender hears it from the future, not by the ticket.
    let err = soon(waiting).await.unwrap_err();
    assert_eq!(err.kind(), "NODE_UNREACHABLE");
    a.until("lost", |broker| broker.cluster.log() == ["lost b true"]).await;
    let lost = a.broker.undelivered.lock().clone();
    assert!(lost.last() == Some(&(count - 2)) && lost.len() >= 10, "{lost:?}");
    assert!(lost.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{lost:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_connection_is_not_the_end() {
    let (a, b) = pair().await;
    // As if a firewall cut it: the node is asked again at once, and outlives what was said of it.
    a.broker.cluster.lost("b", false);
    b.broker.cluster.lost("a", false);
    a.sees(&["b:"]).await;
    b.sees(&["a:"]).await;
}
