//! Whatever arrives, good traffic goes on.

use std::time::Duration;

use ligand_tcp::TcpOptions;
use ligand_transport::Cluster;
use ligand_wire::packet::PacketKind;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
};

use crate::{
    node::{Node, pair, quiet, soon},
    sending::{hello, whole},
};

fn frame(number: u8, total: u32, body: &[u8]) -> Vec<u8> {
    let [a, b, c, d] = total.to_be_bytes();
    let mut frame = vec![a ^ b ^ c ^ d ^ number, a, b, c, d, number];
    frame.extend_from_slice(body);
    frame
}

async fn dial(node: &Node) -> TcpStream {
    TcpStream::connect(("127.0.0.1", node.port())).await.unwrap()
}

async fn works(a: &Node, b: &Node) {
    let before = b.broker.received.lock().len();
    for n in 0..100 {
        soon(a.send("b", PacketKind::Request, n.to_string())).await.unwrap();
    }
    b.until("all", |broker| broker.received.lock().len() >= before + 100).await;
    assert!(a.broker.cluster.is_available("b") && b.broker.cluster.is_available("a"));
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_closes_the_connection() {
    let (a, b) = pair().await;
    let wrong_check = {
        let mut bytes = whole(2, b"{}");
        bytes[0] ^= 1;
        bytes
    };
    for bytes in [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        wrong_check,
        whole(9, b"{}"),
        frame(2, 0, b""),
        frame(2, 5, b""),
        frame(2, u32::MAX, b""),
        frame(2, 0x7fff_ffff, &[0; 100]),
        // The first packet of a connection is short.
        frame(8, 1024 * 1024, b""),
        [whole(8, br#"{"host":"h","port":1,"sender":"x","ver":"5"}"#), frame(2, 17 * 1024 * 1024, b"")]
            .concat(),
        vec![0; 100],
        vec![255; 100],
    ] {
        let mut stream = dial(&b).await;
        // It may be closed before all is written.
        let _ = stream.write_all(&bytes).await;
        let end = soon(stream.read(&mut [0; 10])).await;
        assert!(!matches!(end, Ok(1..)), "{end:?}");
        works(&a, &b).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_without_sense_are_ignored() {
    let (a, b) = pair().await;
    let mut stream = dial(&b).await;
    for body in [
        "",
        "{",
        "null",
        "[]",
        "{}",
        r#"{"sender":""}"#,
        r#"{"sender":"b","ver":"5"}"#,
        r#"{"sender":7,"ver":"5"}"#,
        r#"{"host":null,"port":null,"sender":"z","ver":"5"}"#,
        r#"{"host":"h","port":99999,"sender":"z","ver":"5"}"#,
        r#"{"online":7,"offline":[],"sender":"z","ver":"5"}"#,
        r#"{"online":{"a":[],"b":[1],"c":[1,2],"d":"x","q":null},"offline":{"a":-1,"b":1e300},"sender":"z","ver":"5"}"#,
        r#"{"online":{"a":[null],"z":[{"seq":"x"},{},[]]},"sender":"z","ver":"5"}"#,
        "\u{0}\u{0}\u{0}",
    ] {
        for number in [6, 7, 8] {
            // A hello of the node itself ends the connection.
            if stream.write_all(&whole(number, body.as_bytes())).await.is_err() {
                stream = dial(&b).await;
            }
        }
    }
    works(&a, &b).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_and_half_connections_make_room() {
    let options = TcpOptions { max_inbound: 64, ..quiet() };
    let b = Node::start_with("b", &[], options).await;
    let a = Node::start("a", &[&b]).await;
    a.sees(&["b:"]).await;
    b.sees(&["a:"]).await;
    let mut streams = Vec::new();
    for n in 0..500 {
        let mut stream = dial(&b).await;
        if n % 2 == 0 {
            // Half a header, or a header whose packet never comes.
            let _ = stream.write_all(&frame(8, 60_000, b"x")[..3 + n % 5]).await;
        }
        streams.push(stream);
        if n % 100 == 99 {
            works(&a, &b).await;
        }
    }
    // The oldest had to go.
    let end = soon(streams[1].read(&mut [0; 10])).await;
    assert!(!matches!(end, Ok(1..)));
    // A node that comes now is let in.
    let c = Node::start("c", &[&b]).await;
    c.until("b", |broker| broker.cluster.is_available("b")).await;
    b.until("c", |broker| broker.cluster.is_available("c")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn invented_names_keep_nobody_out() {
    let (a, b) = pair().await;
    // Somebody tells of many nodes that do not exist, and says hello in many names.
    let mut stream = dial(&b).await;
    stream.write_all(&hello("liar", 1, "x")).await.unwrap();
    for round in 0..3 {
        let rows: serde_json::Map<_, _> = (0..2000)
            .map(|n| {
                (
                    format!("x{round}-{n}"),
                    serde_json::json!([{ "seq": 5, "port": 1, "ipList": ["127.0.0.1"] }]),
                )
            })
            .collect();
        let gossip = serde_json::json!({ "online": rows, "ver": "5", "sender": "liar" });
        stream.write_all(&whole(7, gossip.to_string().as_bytes())).await.unwrap();
    }
    stream.write_all(&whole(3, b"last")).await.unwrap();
    for n in 0..1500 {
        let mut stream = dial(&b).await;
        let _ = stream.write_all(&hello(&format!("y{n}"), 1, "x")).await;
    }
    b.until("the last", |broker| broker.received.lock().iter().any(|(_, body)| body == "last")).await;
    assert!(b.broker.cluster.peers().len() <= 1100, "{}", b.broker.cluster.peers().len());
    works(&a, &b).await;
    let c = Node::start("c", &[&b]).await;
    b.until("c", |broker| broker.cluster.is_available("c")).await;
    c.until("b", |broker| broker.cluster.is_available("b")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_beacons_are_ignored() {
    let port = std::net::UdpSocket::bind("0.0.0.0:0").unwrap().local_addr().unwrap().port();
    let options = TcpOptions { udp_discovery: true, udp_port: port, udp_multicast: None, ..quiet() };
    let a = Node::start_with("a", &[], options).await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let sent = async {
        loop {
            for text in ["", "|", "|x|", "|x|0", "|x|1|", "other|x|1", "|x|-1", "|good|1"] {
                let _ = socket.send_to(text.as_bytes(), ("127.0.0.1", port)).await;
            }
            let _ = socket.send_to(&[0xff; 2000], ("127.0.0.1", port)).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        () = sent => {}
        () = a.until("good", |broker| broker.cluster.peer("good").is_some()) => {}
    }
    assert_eq!(a.broker.cluster.peers().len(), 1);
}
