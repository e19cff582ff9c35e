//! Nodes are who they say, and stay where they are.

use std::time::Duration;

use ligand_tcp::{Secret, TcpOptions, Urls};
use ligand_transport::Cluster;
use ligand_wire::packet::PacketKind;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UdpSocket},
    time::timeout,
};

use crate::{
    node::{Node, pair, quiet, soon},
    sending::{frame, hello, sight, whole},
};

async fn dial(node: &Node) -> TcpStream {
    TcpStream::connect(("127.0.0.1", node.port())).await.unwrap()
}

/// Takes all connections and says that it is this node, or nothing; answers what it got beside hellos and gossip.
async fn impostor(listener: TcpListener, id: Option<&str>) -> Vec<u8> {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        if let Some(id) = id {
            let _ = stream.write_all(&hello(id, 1, "impostor")).await;
        }
        while let Ok((number, body)) = timeout(Duration::from_millis(500), frames(&mut stream)).await {
            match number {
                0 => break,
                6 | 8 => {}
                _ => return body,
            }
        }
    }
}

/// The next frame; number 0 at the end.
async fn frames(stream: &mut TcpStream) -> (u8, Vec<u8>) {
    match stream.peek(&mut [0]).await {
        Ok(1) => frame(stream).await,
        _ => (0, Vec::new()),
    }
}

async fn works(a: &Node, b: &Node) {
    let before = b.broker.received.lock().len();
    for n in 0..20 {
        soon(a.send("b", PacketKind::Request, n.to_string())).await.unwrap();
    }
    b.until("all", |broker| broker.received.lock().len() >= before + 20).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn beacons_do_not_move_a_node_that_is_there() {
    let port = std::net::UdpSocket::bind("0.0.0.0:0").unwrap().local_addr().unwrap().port();
    let options = TcpOptions { udp_discovery: true, udp_port: port, udp_multicast: None, ..quiet() };
    // Connections come and go, so that each packet may need a new one.
    let a = Node::start_with("a", &[], TcpOptions { max_connections: 1, ..options }).await;
    let b = Node::start("b", &[&a]).await;
    let c = Node::start("c", &[&a]).await;
    a.sees(&["b:", "c:"]).await;
    let evil = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let beacon = format!("|b|{}", evil.local_addr().unwrap().port());
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let lies = async {
        for n in 0..100 {
            let _ = socket.send_to(beacon.as_bytes(), ("127.0.0.1", port)).await;
            works(&a, &b).await;
            soon(a.send("c", PacketKind::Event, n.to_string())).await.unwrap();
        }
    };
    tokio::select! {
        () = lies => {}
        body = impostor(evil, Some("b")) => panic!("the impostor got {body:?}"),
    }
    drop(c);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hello_from_elsewhere_does_not_move_a_node_that_is_there() {
    let (a, b) = pair().await;
    let evil = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = evil.local_addr().unwrap().port();
    let life = a.broker.cluster.peer("b").unwrap().info.instance_id.clone();
    let lies = async {
        // As another life, as the same, and as a node that says no life.
        for hello in [
            hello("b", port, "evil"),
            hello("b", port, &life),
            whole(8, json!({ "host": "h", "port": port, "ver": "5", "sender": "b" }).to_string().as_bytes()),
        ] {
            let mut stream = dial(&a).await;
            let _ = stream.write_all(&hello).await;
            let info = json!({
                "seq": b.broker.cluster.local().info.seq + 1, "instanceID": life, "port": port,
                "ipList": ["127.0.0.1"], "hostname": "127.0.0.1", "services": [{ "name": "evil" }],
            });
            let gossip = json!({ "online": { "b": [info] }, "ver": "5", "sender": "b" });
            let _ = stream.write_all(&whole(7, gossip.to_string().as_bytes())).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
            works(&a, &b).await;
            // What it did not say is outlived.
            a.sees(&["b:"]).await;
        }
        // Nor when its connection ends.
        a.broker.cluster.lost("b", true);
        a.sees(&["b:"]).await;
        works(&a, &b).await;
    };
    tokio::select! {
        () = lies => {}
        body = impostor(evil, Some("b")) => panic!("the impostor got {body:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_in_the_name_and_life_of_a_node_that_is_there_is_refused() {
    let (a, b) = pair().await;
    let life = a.broker.cluster.peer("b").unwrap().info.instance_id.clone();
    // At the node's own port, at another one, and as one that cannot be dialled.
    for port in [b.port(), 1, 0] {
        let mut liar = dial(&a).await;
        let _ = liar.write_all(&[hello("b", port, &life), whole(2, b"forged")].concat()).await;
        let _ = soon(liar.read_to_end(&mut Vec::new())).await;
    }
    // Nor is a hello good for another node than that for which it was.
    let between = TcpListener::bind("127.0.0.1:0").await.unwrap();
    sight(&b, "c", between.local_addr().unwrap().port());
    b.broker.cluster.imagine("c", 3, true);
    soon(b.send("c", PacketKind::Event, "hello")).await.unwrap();
    let (mut victim, _) = soon(between.accept()).await.unwrap();
    let (number, own) = soon(frame(&mut victim)).await;
    let mut liar = dial(&a).await;
    let _ = liar.write_all(&[whole(number, &own), whole(2, b"forged")].concat()).await;
    let _ = soon(liar.read_to_end(&mut Vec::new())).await;
    assert!(!a.broker.received.lock().iter().any(|(_, body)| body == "forged"));
    // The node itself comes and goes as it likes.
    works(&a, &b).await;
    soon(b.send("a", PacketKind::Event, "own")).await.unwrap();
    a.until("its own", |broker| broker.received.lock().iter().any(|(_, body)| body == "own")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_there_may_begin_another_connection() {
    let options = TcpOptions { max_connections: 1, gossip_period: Duration::from_secs(1), ..quiet() };
    let (a, c) = (Node::start("a", &[]).await, Node::start("c", &[]).await);
    let b = Node::start_with("b", &[&a, &c], options).await;
    b.sees(&["a:", "c:"]).await;
    a.until("b", |broker| broker.cluster.is_available("b")).await;
    for round in 0..3 {
        // One of both connections is closed for the other after a second.
        for (node, id) in [(&a, "a"), (&c, "c")] {
            let body = format!("round {round}");
            soon(b.send(id, PacketKind::Event, body.clone())).await.unwrap();
            node.until("it", |broker| broker.received.lock().iter().any(|(_, came)| *came == body)).await;
        }
        tokio::time::sleep(Duration::from_millis(1100)).await;
    }
    assert!(a.broker.cluster.is_available("b"));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_dialled_and_is_not_the_node_gets_no_request() {
    let (a, other) = pair().await;
    // It says nothing, it says that it is somebody else, or it is another node.
    for id in [None, Some("x")] {
        let evil = TcpListener::bind("127.0.0.1:0").await.unwrap();
        sight(&a, "victim", evil.local_addr().unwrap().port());
        a.broker.cluster.imagine("victim", 3, true);
        let ask = async {
            soon(a.send_ticket("victim", PacketKind::Request, "password", Some(7))).await.unwrap();
            a.until("undelivered", |broker| broker.undelivered.lock().contains(&7)).await;
        };
        tokio::select! {
            () = ask => a.broker.undelivered.lock().clear(),
            body = impostor(evil, id) => panic!("it got {body:?}"),
        }
    }
    sight(&a, "victim", other.port());
    a.broker.cluster.imagine("victim", 3, true);
    soon(a.send_ticket("victim", PacketKind::Request, "password", Some(8))).await.unwrap();
    a.until("undelivered", |broker| broker.undelivered.lock().contains(&8)).await;
    assert!(!other.broker.received.lock().iter().any(|(_, body)| body == "password"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_who_says_that_the_name_is_taken_is_not_believed() {
    let (a, _other) = pair().await;
    let evil = TcpListener::bind("127.0.0.1:0").await.unwrap();
    sight(&a, "victim", evil.local_addr().unwrap().port());
    a.broker.cluster.imagine("victim", 3, true);
    let ask = async {
        soon(a.send_ticket("victim", PacketKind::Request, "x", Some(7))).await.unwrap();
        a.until("undelivered", |broker| broker.undelivered.lock().contains(&7)).await;
    };
    let answers = async {
        loop {
            let (mut stream, _) = evil.accept().await.unwrap();
            let identity = json!({ "instanceID": "i", "to": "a", "nonce": "n", "taken": "somebody" });
            let hello = json!({ "host": "h", "port": 1, "ligand": identity, "ver": "5", "sender": "x" });
            let _ = stream.write_all(&whole(8, hello.to_string().as_bytes())).await;
            while frames(&mut stream).await.0 != 0 {}
        }
    };
    tokio::select! {
        () = ask => {}
        () = answers => {}
    }
    let log = a.broker.cluster.log();
    assert!(!log.iter().any(|line| line.starts_with("conflict")), "{log:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn gossip_of_others_does_not_end_a_node_that_is_there() {
    let (a, b) = pair().await;
    b.broker.cluster.offer("math");
    a.sees(&["b:math"]).await;
    let mut liar = dial(&a).await;
    liar.write_all(&hello("liar", 1, "x")).await.unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    let now = u64::try_from(now).unwrap();
    let own = b.broker.cluster.local().info.seq;
    for seq in [own + 1, own + 100, now, now + 80_000_000, (1 << 53) - 1, 1 << 53, u64::MAX] {
        let life = a.broker.cluster.peer("b").unwrap().info.instance_id.clone();
        let info =
            json!({ "seq": seq, "instanceID": life, "services": [], "port": 1, "ipList": ["10.9.9.9"] });
        for (number, gossip) in [
            (7, json!({ "online": { "b": [info, seq, 1e308] } })),
            (7, json!({ "offline": { "b": seq, "a": seq } })),
            (6, json!({ "online": { "b": [seq, seq, -1], "a": [seq, 0, 0] } })),
            (6, json!({ "offline": { "b": seq, "a": seq } })),
        ] {
            let mut gossip: Value = gossip;
            gossip["sender"] = "liar".into();
            gossip["ver"] = "5".into();
            liar.write_all(&whole(number, gossip.to_string().as_bytes())).await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(30)).await;
        works(&a, &b).await;
        assert!(a.broker.cluster.is_available("b"), "{seq}");
    }
    // What it says later is heard, and it may start anew.
    b.broker.cluster.offer("later");
    a.sees(&["b:math+later"]).await;
    assert!(!a.broker.cluster.log().iter().any(|line| line.contains("lost b") || line.contains("gone b")));
    b.kill();
    a.until("its end", |broker| !broker.cluster.is_available("b")).await;
    let b = Node::new("b", "", TcpOptions { url: Urls::Text(a.url()), ..quiet() });
    b.broker.cluster.outlive(1000);
    let b = b.connect().await;
    b.broker.cluster.offer("new");
    a.sees(&["b:new"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_taken_is_refused_to_the_newcomer() {
    let (a, b) = pair().await;
    let twin = Node::start("b", &[&a]).await;
    twin.until("told", |broker| broker.cluster.log().iter().any(|line| line.starts_with("conflict"))).await;
    let conflict = twin.broker.cluster.log().into_iter().find(|line| line.starts_with("conflict")).unwrap();
    let owner = b.broker.cluster.local().info.instance_id.clone();
    assert!(conflict.contains(&owner) && conflict.contains(&b.port().to_string()), "{conflict}");
    // The one that was there is left in peace.
    works(&a, &b).await;
    assert_eq!(a.broker.cluster.peer("b").unwrap().info.instance_id, owner);
    assert!(twin.broker.received.lock().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_of_one_name_that_meet_later_both_hear_of_it() {
    let (a, b) = pair().await;
    let (c, twin) = (Node::start("c", &[]).await, Node::start("b", &[]).await);
    sight(&c, "b", twin.port());
    c.imagine_and_ask("b").await;
    // Now the halves meet.
    sight(&c, "a", a.port());
    soon(c.send("a", PacketKind::Event, "hello")).await.unwrap();
    let heard = |node: &Node| node.broker.cluster.log().iter().any(|line| line.starts_with("conflict"));
    b.until("told", |_| heard(&b)).await;
    twin.until("told", |_| heard(&twin)).await;
    assert_eq!(
        a.broker.cluster.peer("b").unwrap().info.instance_id,
        b.broker.cluster.local().info.instance_id
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_with_one_address_is_found_by_those_who_only_heard_of_it() {
    let at = |ip: [u8; 4]| TcpOptions { bind_address: Some(ip.into()), ..quiet() };
    let a = Node::start("a", &[]).await;
    if std::net::TcpListener::bind("127.0.0.2:0").is_err() {
        eprintln!("skipped: this machine has one loopback address");
        return;
    }
    let urls = Urls::Text(a.url());
    let b = Node::new("b", "", TcpOptions { url: urls.clone(), ..at([127, 0, 0, 2]) }).connect().await;
    a.sees(&["b:"]).await;
    let known = a.broker.cluster.peer("b").unwrap();
    assert_eq!(
        (&*known.info.ip_list, known.address.unwrap().host),
        (&["127.0.0.2".to_owned()][..], "127.0.0.2".into())
    );
    let c = Node::start_with("c", &[&a], quiet()).await;
    c.sees(&["a:", "b:"]).await;
    soon(c.send("b", PacketKind::Event, "found")).await.unwrap();
    b.until("the event", |broker| broker.received.lock().iter().any(|(_, body)| body == "found")).await;
}

/// With paused time, so that a minute is over at once.
#[tokio::test(start_paused = true)]
async fn whoever_said_hello_and_fell_silent_loses_its_place() {
    let a = Node::start("a", &[]).await;
    let mut silent = dial(&a).await;
    silent.write_all(&hello("silent", 1, "x")).await.unwrap();
    let began = tokio::time::Instant::now();
    // The paused clock may be far ahead of the network.
    let end = timeout(Duration::from_secs(100_000), silent.read_to_end(&mut Vec::new())).await;
    assert!(end.is_ok() && began.elapsed() >= Duration::from_secs(60), "{:?}", began.elapsed());
}

fn secret(text: &str) -> TcpOptions {
    TcpOptions { secret: Some(Secret::new(text)), ..quiet() }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_share_a_secret_work_together_and_others_stay_out() {
    let a = Node::start_with("a", &[], secret("a secret of the cluster")).await;
    let b = Node::start_with("b", &[&a], secret("a secret of the cluster")).await;
    a.sees(&["b:"]).await;
    b.sees(&["a:"]).await;
    works(&a, &b).await;
    let wrong = Node::start_with("wrong", &[&a, &b], secret("another secret, alas")).await;
    let none = Node::start("none", &[&a, &b]).await;
    // What they send does not arrive, and they learn nothing.
    for node in [&wrong, &none] {
        for to in ["a", "b"] {
            node.broker.cluster.imagine(to, 3, true);
            soon(node.send_ticket(to, PacketKind::Request, "no", Some(7))).await.unwrap();
            node.until("undelivered", |broker| broker.undelivered.lock().contains(&7)).await;
            node.broker.undelivered.lock().clear();
        }
    }
    works(&a, &b).await;
    assert_eq!(
        (a.broker.cluster.view(), b.broker.cluster.view()),
        (vec!["b:".to_owned()], vec!["a:".to_owned()])
    );
    assert!(!a.broker.received.lock().iter().any(|(_, body)| body == "no"));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_secret_nothing_counts_before_the_proof() {
    let a = Node::start_with("a", &[], secret("a secret of the cluster")).await;
    let forged = json!({ "online": { "x": [{ "seq": 5 }] }, "ver": "5", "sender": "x" }).to_string();
    let plain = json!({ "host": "h", "port": 1, "ver": "5", "sender": "x" }).to_string();
    for bytes in [
        whole(7, forged.as_bytes()),
        [whole(8, plain.as_bytes()), whole(7, forged.as_bytes())].concat(),
        [hello("x", 1, "x"), whole(7, forged.as_bytes())].concat(),
        [hello("x", 1, "x"), hello("x", 1, "x"), whole(2, b"{}")].concat(),
    ] {
        let mut stream = dial(&a).await;
        let _ = stream.write_all(&bytes).await;
        let _ = soon(stream.read_to_end(&mut Vec::new())).await;
        assert!(a.broker.cluster.peers().is_empty() && a.broker.received.lock().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorded_proof_is_of_no_use() {
    let a = Node::start_with("a", &[], secret("a secret of the cluster")).await;
    // Somebody in between records what a node says to prove itself.
    let between = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let urls = Urls::Text(format!("127.0.0.1:{}/a", between.local_addr().unwrap().port()));
    let b = Node::new("b", "", TcpOptions { url: urls, ..secret("a secret of the cluster") }).connect().await;
    let (mut left, _) = soon(between.accept()).await.unwrap();
    let mut right = dial(&a).await;
    let mut recorded = Vec::new();
    for turn in 0..3 {
        let (from, to) = if turn == 1 { (&mut right, &mut left) } else { (&mut left, &mut right) };
        let (number, body) = soon(frame(from)).await;
        let frame = whole(number, &body);
        to.write_all(&frame).await.unwrap();
        if turn != 1 {
            recorded.extend(frame);
        }
    }
    a.until("b", |broker| broker.cluster.peer("b").is_some()).await;
    drop((left, right, b));
    a.until("nobody", |broker| broker.cluster.peers().iter().all(|peer| !peer.available)).await;
    let request = whole(2, b"replayed");
    let mut stream = dial(&a).await;
    let _ = stream.write_all(&[recorded, request].concat()).await;
    let _ = soon(stream.read_to_end(&mut Vec::new())).await;
    assert!(!a.broker.received.lock().iter().any(|(_, body)| body == "replayed"));
}
