//! Packets arrive.

use std::time::{Duration, Instant};

use bytes::Bytes;
use ligand_tcp::TcpOptions;
use ligand_transport::{Outbound, Sending, Transporter};
use ligand_wire::{packet::PacketKind, topic::Topic};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use crate::node::{Broker, Node, pair, quiet, soon};

fn count(broker: &Broker) -> usize {
    broker.received.lock().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_in_order() {
    let (a, b) = pair().await;
    let began = Instant::now();
    for n in 0..10_000 {
        soon(a.send("b", PacketKind::Event, n.to_string())).await.unwrap();
    }
    b.until("all", |broker| count(broker) == 10_000).await;
    println!("10000 packets in {:?}", began.elapsed());
    let received = b.broker.received.lock();
    assert!(received.iter().enumerate().all(|(n, (_, body))| *body == n.to_string().as_bytes()));
}

#[tokio::test(flavor = "multi_thread")]
async fn large_and_small_ones_of_every_kind() {
    let (a, b) = pair().await;
    let kinds =
        [PacketKind::Request, PacketKind::Response, PacketKind::Event, PacketKind::Ping, PacketKind::Pong];
    let mut sent = Vec::new();
    for (n, length) in [0, 1, 4096, 4097, 300_000, 16 * 1024 * 1024, 7].into_iter().enumerate() {
        let kind = kinds[n % kinds.len()];
        let body = Bytes::from(vec![u8::try_from(n).unwrap(); length]);
        sent.push((kind, body.clone()));
        soon(a.send("b", kind, body)).await.unwrap();
    }
    b.until("all", |broker| count(broker) == sent.len()).await;
    assert!(*b.broker.received.lock() == sent);
    let large = vec![0; 16 * 1024 * 1024 + 1];
    let err = soon(a.send("b", PacketKind::Request, large)).await.unwrap_err();
    assert_eq!((err.code(), err.kind()), (413, "PACKET_TOO_LARGE"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_travel_over_tcp_is_dropped() {
    let (a, b) = pair().await;
    let me = a.send("a", PacketKind::Request, "self");
    soon(me).await.unwrap();
    assert_eq!(count(&a.broker), 1);
    for kind in [PacketKind::Discover, PacketKind::Info, PacketKind::Heartbeat, PacketKind::Disconnect] {
        soon(a.send("b", kind, "no")).await.unwrap();
    }
    for kind in [PacketKind::Info, PacketKind::Event, PacketKind::Ping] {
        let packet = Outbound { topic: Topic::all(kind), body: "all".into(), ticket: None };
        soon(a.transporter.send(packet)).await.unwrap();
    }
    soon(a.send("b", PacketKind::Pong, "last")).await.unwrap();
    b.until("both", |broker| count(broker) == 2).await;
    let expected = [(PacketKind::Ping, "all".into()), (PacketKind::Pong, "last".into())];
    assert_eq!(*b.broker.received.lock(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_is_enough_for_three_nodes() {
    let few = || TcpOptions { max_connections: 1, ..quiet() };
    let a = Node::start_with("a", &[], few()).await;
    let b = Node::start_with("b", &[&a], few()).await;
    let c = Node::start_with("c", &[&a], few()).await;
    for node in [&a, &b, &c] {
        node.until("two others", |broker| broker.cluster.view().len() == 2).await;
    }
    for n in 0..300 {
        for to in ["b", "c"] {
            soon(a.send(to, PacketKind::Request, n.to_string())).await.unwrap();
        }
    }
    b.until("all", |broker| count(broker) == 300).await;
    c.until("all", |broker| count(broker) == 300).await;
    for node in [&a, &b, &c] {
        assert!(!node.broker.cluster.log().iter().any(|line| line.starts_with("lost")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_node_makes_its_senders_wait() {
    // Accepts, and does not read until told.
    let slow = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let options = TcpOptions { max_queue_size: 1024 * 1024, ..quiet() };
    let a = Node::start_with("a", &[], options).await;
    let port = slow.local_addr().unwrap().port();
    sight(&a, "slow", port);
    let meeting = tokio::spawn(meet(slow, "slow"));
    let (sent, waiting) = fill(&a, "slow").await;
    // One that does not wait any more takes its packet back; the next one keeps its place.
    let dropped = a.send("slow", PacketKind::Response, "taken back");
    let last = a.send("slow", PacketKind::Pong, "last");
    assert!(matches!(dropped, Sending::Waiting(_)) && matches!(last, Sending::Waiting(_)));
    drop(dropped);
    let (_slow, mut stream) = soon(meeting).await.unwrap();
    let read = async {
        let mut requests = 0;
        loop {
            match frame(&mut stream).await {
                (2, body) => {
                    let number = requests.to_string();
                    assert!(body == number.repeat(64 * 1024 / number.len()).as_bytes());
                    requests += 1;
                }
                (5, _) => return requests,
                (number, _) => assert!(matches!(number, 6 | 8), "{number}"),
            }
        }
    };
    let (requests, waited, last) = tokio::join!(soon(read), soon(waiting), soon(last));
    waited.and(last).unwrap();
    assert_eq!(requests, sent);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_handed_over_leaves_before_the_end() {
    let (a, b) = pair().await;
    for n in 0..1000 {
        soon(a.send("b", PacketKind::Event, vec![7; 10 * n])).await.unwrap();
    }
    a.stop().await;
    b.until("all", |broker| count(broker) == 1000).await;
    assert!(soon(a.send("b", PacketKind::Event, "late")).await.is_err());
    // The port is free.
    std::net::TcpListener::bind(("127.0.0.1", a.port())).unwrap();
}

/// Sends requests to a node that does not read until one has to wait: how many, and the one that waits. Their tickets
/// are their numbers.
pub async fn fill(node: &Node, to: &str) -> (u64, Sending) {
    for n in 0..10_000 {
        let number = n.to_string();
        let body = number.repeat(64 * 1024 / number.len());
        let mut sending = node.send_ticket(to, PacketKind::Request, body, Some(n));
        // The writer may only be late.
        if let Ok(sent) = timeout(Duration::from_millis(300), &mut sending).await {
            sent.unwrap();
        } else {
            return (n + 1, sending);
        }
    }
    panic!("nothing ever waits");
}

/// Takes a connection and says that this is the node.
pub async fn meet(listener: TcpListener, id: &str) -> (TcpListener, TcpStream) {
    let (mut stream, _) = soon(listener.accept()).await.unwrap();
    assert_eq!(soon(frame(&mut stream)).await.0, 8);
    stream.write_all(&hello(id, 1, "x")).await.unwrap();
    (listener, stream)
}

/// The hello of a Ligand node without a secret.
pub fn hello(id: &str, port: u16, instance: &str) -> Vec<u8> {
    let identity = serde_json::json!({ "instanceID": instance, "to": "", "nonce": "n" });
    let hello =
        serde_json::json!({ "host": "h", "port": port, "ligand": identity, "ver": "5", "sender": id });
    whole(8, hello.to_string().as_bytes())
}

/// A frame.
pub fn whole(number: u8, body: &[u8]) -> Vec<u8> {
    let [a, b, c, d] = u32::try_from(body.len() + 6).unwrap().to_be_bytes();
    [&[a ^ b ^ c ^ d ^ number, a, b, c, d, number], body].concat()
}

/// The next frame of a connection: number of its kind, and the packet.
pub async fn frame(stream: &mut TcpStream) -> (u8, Vec<u8>) {
    let mut header = [0; 6];
    stream.read_exact(&mut header).await.unwrap();
    let length = u32::from_be_bytes(header[1..5].try_into().unwrap());
    let mut body = vec![0; length as usize - 6];
    stream.read_exact(&mut body).await.unwrap();
    (header[5], body)
}

/// The node is told where another one is.
pub fn sight(node: &Node, id: &str, port: u16) {
    use ligand_transport::{Address, Cluster};
    node.broker.cluster.sighted(id, Address { host: "127.0.0.1".into(), port });
}
