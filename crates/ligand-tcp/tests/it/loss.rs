//! Nodes that go away.

use std::time::{Duration, Instant};

use ligand_tcp::TcpOptions;
use ligand_transport::Cluster;
use ligand_wire::packet::PacketKind;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::{
    node::{Node, pair, quiet, soon},
    sending::{fill, meet, sight},
};

async fn a_lost_one_is_noticed(end: impl AsyncFn(&Node)) {
    let mut took = Duration::MAX;
    // Another program may take the processor once.
    for _ in 0..5 {
        let (a, b) = pair().await;
        // The rounds may not have opened a way to it yet.
        soon(a.send("b", PacketKind::Event, "hello")).await.unwrap();
        b.until("one", |broker| !broker.received.lock().is_empty()).await;
        let began = Instant::now();
        end(&b).await;
        a.until("lost", |broker| broker.cluster.log().iter().any(|line| line.starts_with("lost b"))).await;
        took = took.min(began.elapsed());
    }
    assert!(took < Duration::from_millis(200), "{took:?}");
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
    let a =
        Node::start_with("a", &[], TcpOptions { gossip_period: Duration::from_secs(600), ..quiet() }).await;
    // Somebody whom a never had anything to tell.
    let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
    a.broker.cluster.imagine("b", 3, true);
    let port = other.local_addr().unwrap().port();
    let hello = || {
        let body = format!(r#"{{"host":"localhost","port":{port},"sender":"b","ver":"5"}}"#);
        let length = u8::try_from(body.len() + 6).unwrap();
        [vec![length ^ 8, 0, 0, 0, length, 8], body.into_bytes()].concat()
    };
    let visit = async || {
        let mut stream = TcpStream::connect(("127.0.0.1", a.port())).await.unwrap();
        stream.write_all(&hello()).await.unwrap();
        a.until("sighted", |broker| broker.cluster.peer("b").unwrap().address.is_some()).await;
    };
    // It closes its connection, and is still there: a looks.
    visit().await;
    let (mut look, _) = soon(other.accept()).await.unwrap();
    assert_eq!(soon(look.read(&mut [0; 10])).await.unwrap(), 0);
    assert!(a.broker.cluster.is_available("b"));
    drop(other);
    visit().await;
    a.until("lost", |broker| broker.cluster.log() == ["lost b false"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_be_dialled_is_lost_and_tickets_come_back() {
    let a = Node::start("a", &[]).await;
    let port = ligand_servers::free_port();
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
    let meeting = tokio::spawn(meet(other, "b"));
    let (count, waiting) = fill(&a, "b").await;
    drop(soon(meeting).await.unwrap());
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

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_are_not_used_are_closed() {
    let options = TcpOptions { max_connections: 1, gossip_period: Duration::from_secs(1), ..quiet() };
    let a = Node::start_with("a", &[], options).await;
    let mut streams = Vec::new();
    for id in ["b", "c"] {
        let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
        sight(&a, id, other.local_addr().unwrap().port());
        a.broker.cluster.imagine(id, 3, true);
        soon(a.send(id, PacketKind::Event, id)).await.unwrap();
        streams.push(meet(other, id).await);
    }
    // Nobody is lost by it, and the next packet makes a new connection.
    let (other, stream) = &mut streams[0];
    soon(stream.read_to_end(&mut Vec::new())).await.unwrap();
    assert!(a.broker.cluster.log().is_empty());
    soon(a.send("b", PacketKind::Event, "again")).await.unwrap();
    soon(other.accept()).await.unwrap();
}
