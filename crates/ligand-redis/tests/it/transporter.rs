//! What only Redis has: passwords, certificates, clusters, servers that fall silent.

use std::{sync::Arc, time::Duration};

use ligand_redis::{RedisOptions, RedisTransporter, TlsOptions};
use ligand_transport::{
    Link, Outbound, Sending, Ticket, Transporter,
    contract::{PATIENCE, TestLink},
};
use ligand_wire::{packet::PacketKind, topic::Topic};
use tokio::time::{Instant, sleep, timeout};

use ligand_servers::free_port;

use crate::server::Server;

struct Node {
    link: Arc<TestLink>,
    transporter: Arc<RedisTransporter>,
}

impl Node {
    fn new(id: &str, options: RedisOptions) -> Self {
        Self { link: TestLink::new(id, ""), transporter: Arc::new(RedisTransporter::new(options)) }
    }

    async fn start(id: &str, options: RedisOptions) -> Self {
        let node = Self::new(id, options);
        let connecting = node.transporter.clone().connect(node.link.clone());
        timeout(PATIENCE, connecting).await.expect("it connects in time").expect("it connects");
        node
    }

    fn send(&self, to: &str, body: &'static [u8], ticket: Option<Ticket>) -> Sending {
        let topic = Topic::node(PacketKind::Request, to.into());
        self.transporter.send(Outbound { topic, body: body.into(), ticket })
    }

    async fn says_to(&self, other: &Self, body: &'static [u8]) {
        self.send(other.link.node_id(), body, None).await.expect("it is connected");
        let (_, came) = other.link.next_packet(PATIENCE).await.expect("a packet");
        assert_eq!(came, body);
    }
}

#[tokio::test]
async fn passwords() {
    let server = Server::start_with(&["--requirepass", "s3cret"]).await;
    let with = |url: String| RedisOptions::from_url(url);
    let a = Node::start("a", with(format!("redis://:s3cret@127.0.0.1:{}/2", server.port()))).await;
    let b = Node::start("b", with(server.url()).username("default").password("s3cret")).await;
    a.says_to(&b, b"hi").await;
    let wrong = Node::new("c", with(format!("redis://:wr0ng@127.0.0.1:{}", server.port())));
    let connecting = wrong.transporter.clone().connect(wrong.link.clone());
    let error = timeout(PATIENCE, connecting).await.expect("it does not wait").unwrap_err();
    assert_eq!(error.kind(), "BROKER_OPTIONS_ERROR");
    let server_name = format!("Redis server 127.0.0.1:{}", server.port());
    assert_eq!(error.message(), format!("{server_name} refuses this node: wrong user or password"));
    assert!(!format!("{:?}", wrong.transporter).contains("wr0ng"));
    for (url, cause) in [
        (server.url(), "it asks for a password"),
        (format!("redis://:s3cret@127.0.0.1:{}/99", server.port()), "it does not have this database"),
    ] {
        let node = Node::new("d", with(url));
        let connecting = node.transporter.clone().connect(node.link.clone());
        let error = timeout(PATIENCE, connecting).await.expect("it does not wait").unwrap_err();
        assert!(error.message().ends_with(cause), "{error}");
    }
}

#[tokio::test]
async fn a_password_that_changes_later_is_waited_for() {
    let server = Server::start_with(&["--requirepass", "s3cret"]).await;
    let url = format!("redis://:s3cret@127.0.0.1:{}", server.port());
    let a = Node::start("a", RedisOptions::from_url(url)).await;
    let (auth, set): (&[&[u8]], &[&[u8]]) =
        (&[b"AUTH", b"s3cret"], &[b"CONFIG", b"SET", b"requirepass", b"other"]);
    server.session(&[auth, set, &[b"CLIENT", b"KILL", b"TYPE", b"pubsub"]]).await;
    assert!(a.link.wait_losses(1, PATIENCE).await);
    server.session(&[&[b"AUTH", b"other"], &[b"CONFIG", b"SET", b"requirepass", b"s3cret"]]).await;
    assert!(a.link.wait_connections(2, PATIENCE).await);
}

#[tokio::test]
async fn a_packet_that_the_server_refuses_is_undelivered() {
    let server = Server::start().await;
    server
        .command(&[
            b"ACL",
            b"SETUSER",
            b"lame",
            b"on",
            b">pw",
            b"+@all",
            b"&MOL.*.lame",
            b"&MOL.DISCOVER",
            b"&MOL.INFO",
            b"&MOL.DISCONNECT",
            b"&MOL.HEARTBEAT",
            b"&MOL.PING",
        ])
        .await;
    let other = Node::start("other", RedisOptions::from_url(server.url())).await;
    let lame =
        Node::start("lame", RedisOptions::from_url(format!("redis://lame:pw@127.0.0.1:{}", server.port())))
            .await;
    lame.send("other", b"no", Some(Ticket(7))).await.expect("it is connected");
    assert!(lame.link.wait_undelivered(Ticket(7), PATIENCE).await);
    other.says_to(&lame, b"yes").await;
    assert!(lame.link.losses().is_empty());
}

#[tokio::test]
async fn a_frozen_server_is_noticed() {
    let server = Server::start().await;
    let node = Node::start("a", RedisOptions::from_url(server.url())).await;
    server.signal("STOP").unwrap();
    let since = Instant::now();
    let told = node.link.wait_losses(1, Duration::from_secs(9)).await;
    server.signal("CONT").unwrap();
    assert!(told && since.elapsed() > Duration::from_secs(5), "told after {:?}", since.elapsed());
    assert!(node.link.wait_connections(2, PATIENCE).await);
}

#[tokio::test]
async fn a_silent_server_that_lives_is_kept() {
    let server = Server::start().await;
    let node = Node::start("a", RedisOptions::from_url(server.url())).await;
    assert!(!node.link.wait_losses(1, Duration::from_secs(8)).await);
}

#[tokio::test]
async fn either_connection_that_ends_is_a_loss() {
    let server = Server::start().await;
    let node = Node::start("a", RedisOptions::from_url(server.url())).await;
    for (round, kind) in [(1, &b"pubsub"[..]), (2, b"normal")] {
        server.command(&[b"CLIENT", b"KILL", b"TYPE", kind, b"SKIPME", b"yes"]).await;
        assert!(node.link.wait_losses(round, Duration::from_secs(1)).await, "round {round}");
        assert!(node.link.wait_connections(round + 1, PATIENCE).await, "round {round}");
        node.says_to(&node, b"again").await;
    }
    let reason = node.link.losses()[0].clone();
    assert_eq!(reason.name(), "BrokerDisconnectedError");
    assert!(reason.internal().is_some_and(|text| text.contains("closed")), "{reason:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_bus_makes_senders_wait_and_fail() {
    let server = Server::start().await;
    let node = Node::start("a", RedisOptions::from_url(server.url())).await;
    server.signal("STOP").unwrap();
    static BODY: [u8; 1 << 20] = [7; 1 << 20];
    let mut waiting = Vec::new();
    let mut full = None;
    for _ in 0..200 {
        match node.send("b", &BODY, None) {
            Sending::Done(Ok(())) => {}
            Sending::Done(Err(error)) => {
                full = Some(error);
                break;
            }
            Sending::Waiting(work) => waiting.push(work),
        }
    }
    let error = full.expect("the queue has a limit");
    assert_eq!((error.code(), error.kind()), (503, "TRANSPORTER_QUEUE_FULL"));
    assert!(waiting.len() > 30);
    server.signal("CONT").unwrap();
    for work in waiting {
        timeout(PATIENCE, work).await.expect("there is room again").expect("it has left");
    }
    timeout(PATIENCE, node.transporter.flush()).await.expect("it ends").expect("all have left");
    node.says_to(&node, b"still there").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_packet_that_is_too_long_is_skipped() {
    let server = Server::start_with(&["--client-output-buffer-limit", "pubsub 0 0 0"]).await;
    let node = Node::start("a", RedisOptions::from_url(server.url())).await;
    let long = vec![b'\n'; (64 << 20) + 1];
    server.command(&[b"PUBLISH", b"MOL.REQ.a", &long]).await;
    node.says_to(&node, b"next").await;
    assert!(node.link.losses().is_empty());
}

#[tokio::test]
async fn certificates() {
    let mut authority = rcgen::CertificateParams::new(Vec::new()).expect("names");
    authority.distinguished_name.push(rcgen::DnType::CommonName, "authority");
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority_key = rcgen::KeyPair::generate().expect("a key");
    let authority = rcgen::CertifiedIssuer::self_signed(authority, authority_key).expect("a certificate");
    let key = rcgen::KeyPair::generate().expect("a key");
    let certificate = rcgen::CertificateParams::new(vec!["localhost".into(), "127.0.0.1".into()])
        .and_then(|params| params.signed_by(&key, &authority))
        .expect("a certificate");
    let directory = tempfile::TempDir::new().expect("a directory");
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path
    };
    let ca = file("ca.pem", &authority.pem());
    let cert = file("cert.pem", &certificate.pem());
    let key = file("key.pem", &key.serialize_pem());
    let tls_port = free_port();
    let text = |path: &std::path::Path| path.display().to_string();
    let _server = Server::start_with(&[
        "--tls-port",
        &tls_port.to_string(),
        "--tls-cert-file",
        &text(&cert),
        "--tls-key-file",
        &text(&key),
        "--tls-ca-cert-file",
        &text(&ca),
    ])
    .await;
    let mut options = RedisOptions::from_url(format!("rediss://localhost:{tls_port}"));
    options.tls = TlsOptions::default().ca_file(ca.clone());
    // Redis asks for a certificate of ours too.
    let refused = Node::new("x", options.clone());
    let connecting = refused.transporter.clone().connect(refused.link.clone());
    let error = timeout(PATIENCE, connecting).await.expect("it does not wait").unwrap_err();
    assert!(error.message().ends_with("refuses this node: a certificate is not trusted"), "{error}");
    options.tls = options.tls.cert_file(cert).key_file(key);
    let a = Node::start("a", options.clone()).await;
    options.url = format!("rediss://127.0.0.1:{tls_port}").into();
    let b = Node::start("b", options.clone()).await;
    a.says_to(&b, b"secret").await;
    options.tls.ca_file = None;
    let distrustful = Node::new("y", options);
    let connecting = distrustful.transporter.clone().connect(distrustful.link.clone());
    match timeout(Duration::from_millis(500), connecting).await {
        // A system without certificates is a wrong configuration.
        Ok(outcome) => assert_eq!(outcome.expect_err("nobody to trust").kind(), "BROKER_OPTIONS_ERROR"),
        Err(_) => assert_eq!(distrustful.link.connections(), 0),
    }
}

#[tokio::test]
async fn a_cluster_is_one_bus() {
    let enabled = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"];
    let (first, second) = (Server::start_with(&enabled).await, Server::start_with(&enabled).await);
    let port = second.port().to_string();
    first.command(&[b"CLUSTER", b"ADDSLOTSRANGE", b"0", b"16383"]).await;
    first.command(&[b"CLUSTER", b"MEET", b"127.0.0.1", port.as_bytes()]).await;
    let met = async {
        while !second.command(&[b"CLUSTER", b"INFO"]).await.contains("cluster_state:ok") {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(20), met).await.expect("the servers meet");
    // The first one of b's list is not there.
    let gone = format!("redis://127.0.0.1:{}", free_port());
    let a = Node::start("a", RedisOptions::from_url(first.url()).cluster(true)).await;
    let b = Node::start("b", RedisOptions::from_url([gone, second.url()]).cluster(true)).await;
    a.send("b", b"over", Some(Ticket(1))).await.expect("it is connected");
    let (_, came) = b.link.next_packet(PATIENCE).await.expect("a packet");
    assert_eq!(came, &b"over"[..]);
    b.says_to(&a, b"back").await;
    a.transporter.flush().await.expect("it is connected");
    assert!(a.link.undelivered_tickets().is_empty(), "its receiver was at another server");
}
