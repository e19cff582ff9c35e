//! What the server refuses.

use std::{sync::Arc, time::Duration};

use ligand_nats::NatsTransporter;
use ligand_transport::{
    Outbound, Transporter,
    contract::{Node, PATIENCE, TestLink},
};
use ligand_wire::{packet::PacketKind, topic::Topic};
use tokio::time::timeout;

use crate::server::Server;

fn node(server: &Server, id: &str) -> Node {
    Node { transporter: Arc::new(NatsTransporter::from_url(server.url())), link: TestLink::new(id, "") }
}

#[tokio::test]
async fn too_large_packets_name_the_option() {
    let server = Server::start("max_payload: 2000").await;
    let (from, to) = (node(&server, "from"), node(&server, "to"));
    from.connect().await;
    to.connect().await;
    let topic = Topic::node(PacketKind::Request, "to".into());
    let error = from.send(topic, vec![b'x'; 2001], None).await.unwrap_err();
    assert_eq!((error.code(), error.kind()), (413, "PACKET_TOO_LARGE"));
    assert!(error.message().contains("2001 bytes") && error.message().contains("'max_payload'"), "{error}");
    from.tell(PacketKind::Request, "to", vec![b'x'; 2000]).await;
    to.expect(PacketKind::Request, &[b'x'; 2000]).await;
    assert!(from.link.losses().is_empty());
}

#[tokio::test]
async fn names_with_wildcards_are_refused() {
    for id in ["a b", "a.*", ">", "a..b", "a\n"] {
        let transporter = Arc::new(NatsTransporter::from_url("nats://127.0.0.1:1"));
        let connecting = transporter.connect(TestLink::new(id, ""));
        let error = timeout(Duration::from_secs(1), connecting).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), "BROKER_OPTIONS_ERROR");
        assert!(error.message().contains(&id.escape_debug().to_string()), "{error}");
    }
}

#[tokio::test]
async fn names_of_others_cannot_break_the_protocol() {
    let server = Server::start("").await;
    let here = node(&server, "here");
    here.connect().await;
    for id in ["a b", "x\r\nPUB MOL.REQ.here 1\r\nx"] {
        let topic = Topic::node(PacketKind::Request, id.into());
        let error = here.send(topic, "x", None).await.unwrap_err();
        assert_eq!((error.code(), error.kind()), (400, "INVALID_TOPIC"));
    }
    here.transporter.flush().await.unwrap();
    here.expect_nothing().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn senders_wait_for_a_slow_connection_in_order() {
    let server = Server::start("").await;
    let options =
        ligand_nats::NatsOptions { send_queue: 2, ..ligand_nats::NatsOptions::from_url(server.url()) };
    let from = Node { transporter: Arc::new(NatsTransporter::new(options)), link: TestLink::new("from", "") };
    let to = node(&server, "to");
    from.connect().await;
    to.connect().await;
    for number in 0..2000_u32 {
        from.tell(PacketKind::Event, "to", number.to_string()).await;
    }
    for number in 0..2000_u32 {
        to.expect(PacketKind::Event, number.to_string().as_bytes()).await;
    }
}

#[tokio::test]
async fn a_sender_that_waits_hears_of_a_loss() {
    let server = Server::start("").await;
    let options =
        ligand_nats::NatsOptions { send_queue: 1, ..ligand_nats::NatsOptions::from_url(server.url()) };
    let here = Node { transporter: Arc::new(NatsTransporter::new(options)), link: TestLink::new("here", "") };
    here.connect().await;
    // On one thread the client's task does not run before this one waits: the queue is full.
    let topic = Topic::node(PacketKind::Event, "there".into());
    let packet = || Outbound { topic: topic.clone(), body: "x".into(), ticket: None };
    let sends: Vec<_> = (0..3).map(|_| here.transporter.send(packet())).collect();
    server.kill();
    let ended = timeout(PATIENCE, futures_util::future::join_all(sends)).await;
    assert!(ended.is_ok(), "a sender waits for ever");
}

#[tokio::test]
async fn an_inbox_without_rights_does_not_hinder() {
    let rights = "permissions: { publish: \"MOL.>\", subscribe: \"MOL.>\" }";
    let server =
        Server::start(&format!("authorization {{ users: [ {{ user: a, password: b, {rights} }} ] }}")).await;
    let options = ligand_nats::NatsOptions::from_url(server.url()).username("a").password("b");
    let here = Node { transporter: Arc::new(NatsTransporter::new(options)), link: TestLink::new("here", "") };
    here.connect().await;
    here.tell(PacketKind::Event, "here", "x").await;
    here.expect(PacketKind::Event, b"x").await;
}
