//! Nodes find each other.

use std::time::{Duration, Instant};

use ligand_tcp::{TcpOptions, TcpTransporter, Urls};
use ligand_transport::{Cluster, Transporter};

use crate::node::{Node, pair, quiet};

#[tokio::test(flavor = "multi_thread")]
async fn by_url_in_less_than_a_second() {
    let began = Instant::now();
    let (a, b) = pair().await;
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!(a.broker.cluster.peer("b").unwrap().info.port, Some(b.port()));
    assert_eq!(b.broker.cluster.peer("a").unwrap().info.port, Some(a.port()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_told_before_the_next_round() {
    let slow = || TcpOptions { gossip_period: Duration::from_secs(600), ..quiet() };
    let a = Node::start_with("a", &[], slow()).await;
    let b = Node::start_with("b", &[&a], slow()).await;
    let c = Node::start_with("c", &[&a], slow()).await;
    a.sees(&["b:", "c:"]).await;
    let began = Instant::now();
    a.broker.cluster.load_is(40.0);
    a.broker.cluster.offer("math");
    b.until("a with its service", |broker| broker.cluster.view().contains(&"a:math".into())).await;
    c.until("a with its service", |broker| broker.cluster.view().contains(&"a:math".into())).await;
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!(b.broker.cluster.peer("a").unwrap().cpu, Some(40.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn six_nodes_that_know_one() {
    let first = Node::start("n0", &[]).await;
    first.broker.cluster.offer("s0");
    let mut nodes = vec![first];
    for n in 1..6 {
        let node = Node::start(&format!("n{n}"), &[&nodes[0]]).await;
        node.broker.cluster.offer(&format!("s{n}"));
        nodes.push(node);
    }
    for (me, node) in nodes.iter().enumerate() {
        let others: Vec<_> = (0..6).filter(|n| *n != me).map(|n| format!("n{n}:s{n}")).collect();
        node.sees(&others.iter().map(String::as_str).collect::<Vec<_>>()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn news_spread_without_rounds() {
    let slow = || TcpOptions { gossip_period: Duration::from_secs(600), ..quiet() };
    let mut nodes = vec![Node::start_with("n00", &[], slow()).await];
    for n in 1..12 {
        // Each knows only the one before.
        nodes.push(Node::start_with(&format!("n{n:02}"), &[&nodes[n - 1]], slow()).await);
    }
    for node in &nodes {
        node.until("all others", |broker| broker.cluster.view().len() == 11).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn by_multicast_within_the_namespace() {
    // A port of its own: other tests on this machine do not hear it.
    let port = std::net::UdpSocket::bind("0.0.0.0:0").unwrap().local_addr().unwrap().port();
    if !multicast_works() {
        eprintln!("skipped: this machine has no multicast");
        return;
    }
    let options = || TcpOptions { udp_port: port, ..TcpOptions::default() };
    let a = Node::new("a", "lab", options()).connect().await;
    let stranger = Node::new("x", "other", options()).connect().await;
    let began = Instant::now();
    let b = Node::new("b", "lab", options()).connect().await;
    a.sees(&["b:"]).await;
    b.sees(&["a:"]).await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert!(stranger.broker.cluster.peers().is_empty());
}

fn multicast_works() -> bool {
    let Ok(socket) = std::net::UdpSocket::bind("0.0.0.0:0") else { return false };
    let group = std::net::Ipv4Addr::new(239, 0, 0, 0);
    let port = socket.local_addr().unwrap().port();
    let sent = socket
        .join_multicast_v4(&group, &std::net::Ipv4Addr::UNSPECIFIED)
        .and_then(|()| socket.send_to(b"?", (group, port)));
    socket.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    sent.is_ok() && socket.recv(&mut [0; 8]).is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_own_entry_gives_the_port() {
    let other = Node::start("other", &[]).await;
    let free = other.port();
    other.stop().await;
    let urls = format!("tcp://127.0.0.1:{free}/a,127.0.0.1:1/b");
    let a = Node::new("a", "", TcpOptions { url: Urls::Text(urls), ..quiet() }).connect().await;
    assert_eq!(a.port(), free);
    assert_eq!(a.broker.cluster.peers().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_configuration_is_told() {
    let a = Node::start("a", &[]).await;
    let taken = TcpOptions { port: Some(a.port()), ..quiet() };
    let foreign = TcpOptions { bind_address: Some([192, 0, 2, 77].into()), ..quiet() };
    let nobody = TcpOptions { url: Urls::Text("127.0.0.1:4000".into()), ..quiet() };
    for (options, word) in [(taken, "'port'"), (foreign, "'bind_address'"), (nobody, "'url'")] {
        let node = Node::new("b", "", options);
        let err = node.transporter.clone().connect(node.broker.clone()).await.unwrap_err();
        assert!(err.kind() == "BROKER_OPTIONS_ERROR" && err.message().contains(word), "{err}");
    }
    let err = a.transporter.clone().connect(a.broker.clone()).await.unwrap_err();
    assert_eq!(err.kind(), "BROKER_OPTIONS_ERROR");
    assert_eq!(TcpTransporter::from_url("tcp://").port(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_declared_gone_comes_back() {
    let (a, b) = pair().await;
    b.broker.cluster.offer("math");
    a.sees(&["b:math"]).await;
    a.broker.cluster.lost("b", true);
    b.until("outlive", |broker| broker.cluster.log().contains(&"outlive".into())).await;
    a.sees(&["b:math"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_restarts_is_known_again() {
    let (a, b) = pair().await;
    b.broker.cluster.offer("old");
    a.sees(&["b:old"]).await;
    b.kill();
    let b = Node::start("b", &[&a]).await;
    b.broker.cluster.offer("new");
    a.sees(&["b:new"]).await;
}
