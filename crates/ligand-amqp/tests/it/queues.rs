//! Declarations, acknowledgements, sizes.

use std::{sync::Arc, time::Duration};

use ligand_amqp::{AmqpOptions, AmqpTransporter};
use ligand_transport::{
    Transporter,
    contract::{PATIENCE, TestLink},
};
use ligand_wire::{
    packet::PacketKind,
    topic::{To, Topic},
};
use tokio::time::{sleep, timeout};

use crate::{link::Node, raw::Raw, server::Rabbit};

fn action(name: &str) -> Topic {
    Topic { kind: PacketKind::Request, to: To::Action(name.into()) }
}

#[tokio::test]
async fn a_shared_queue_that_is_declared_in_another_way_is_an_error_and_no_loss() {
    let (server, vhost) = Rabbit::shared().await;
    let mut raw = Raw::connect(server.port(), &vhost).await;
    raw.declare("MOL.REQB.other", Some(("x-max-length", 7))).await;
    let here = Node::start(server.port(), &vhost, "here").await;
    here.amqp.balance(vec![action("fine")]).await.unwrap();
    let error = here.amqp.balance(vec![action("fine"), action("other")]).await.unwrap_err();
    assert!(error.message().contains("MOL.REQB.other"), "{error:#}");
    let served = async {
        while raw.count("MOL.REQB.fine").await.1 != 1 {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, served).await.expect("the other queue is consumed again");
    raw.publish("", "MOL.REQB.fine", b"x").await;
    assert_eq!(here.bodies(1).await, ["x"]);
    assert!(here.link.losses().is_empty());
}

#[tokio::test]
async fn requests_are_acknowledged_when_they_end() {
    let (server, vhost) = Rabbit::shared().await;
    let here = Node::with(server.port(), &vhost, "here", |options| options.prefetch = 1, 0).await;
    here.amqp.balance(vec![action("slow")]).await.unwrap();
    let mut raw = Raw::connect(server.port(), &vhost).await;
    for body in [b"1", b"2"] {
        raw.publish("", "MOL.REQB.slow", body).await;
    }
    here.bodies(1).await;
    assert_eq!(raw.count("MOL.REQB.slow").await.0, 1);
    assert_eq!(here.link.waiting_packets(), 0);
    here.ends.add_permits(1);
    assert_eq!(here.bodies(1).await, ["2"]);
}

#[tokio::test]
async fn declarations_are_those_of_moleculer() {
    let (server, vhost) = Rabbit::shared().await;
    let here = Node::start(server.port(), &vhost, "here").await;
    here.amqp.balance(vec![action("a.b")]).await.unwrap();
    // The server closes the channel of whoever declares a queue in another way.
    let mut raw = Raw::connect(server.port(), &vhost).await;
    for queue in ["EVENT.here", "REQ.here", "RES.here"] {
        raw.declare(&format!("MOL.{queue}"), Some(("x-expires", 120_000))).await;
    }
    raw.declare("MOL.REQB.a.b", None).await;
    for queue in ["DISCOVER", "INFO", "DISCONNECT", "HEARTBEAT", "PING", "PONG"] {
        assert_eq!(raw.count(&format!("MOL.{queue}.here")).await, (0, 1));
    }
}

#[tokio::test]
async fn too_large_packets_are_skipped() {
    let (server, vhost) = Rabbit::shared().await;
    let here =
        Node::with(server.port(), &vhost, "here", |options| options.max_packet_size = 200_000, 9).await;
    let mut raw = Raw::connect(server.port(), &vhost).await;
    for queue in ["MOL.EVENT.here", "MOL.REQ.here"] {
        raw.publish("", queue, &[1; 300_000]).await;
        raw.publish("", queue, &[2; 190_000]).await;
        assert_eq!(here.bodies(1).await[0], [2; 190_000][..]);
    }
    assert!(here.link.losses().is_empty());
}

#[tokio::test]
async fn a_deleted_queue_is_a_loss_and_is_declared_again() {
    let (server, vhost) = Rabbit::shared().await;
    let here = Node::start(server.port(), &vhost, "here").await;
    Raw::connect(server.port(), &vhost).await.delete("MOL.REQ.here").await;
    assert!(here.link.wait_losses(1, PATIENCE).await && here.link.wait_connections(2, PATIENCE).await);
    here.send(PacketKind::Request, "here", "x", None).await.unwrap();
    assert_eq!(here.bodies(1).await, ["x"]);
}

#[tokio::test]
async fn a_login_that_is_refused_ends_the_start() {
    let (server, vhost) = Rabbit::shared().await;
    for (login, vhost, cause) in [
        ("guest:hunter2", &*vhost, "wrong user or password"),
        ("guest:guest", "hunter2", "there is no such virtual host, or the user may not use it"),
    ] {
        let url = format!("amqp://{login}@127.0.0.1:{}/{vhost}", server.port());
        let amqp = std::sync::Arc::new(ligand_amqp::AmqpTransporter::from_url(&url));
        let link = ligand_transport::contract::TestLink::new("here", "");
        let error =
            timeout(PATIENCE, amqp.connect(link.clone())).await.expect("it does not wait").unwrap_err();
        assert_eq!(error.kind(), "BROKER_OPTIONS_ERROR");
        let text = format!("AMQP server 127.0.0.1:{} refuses this node: {cause}", server.port());
        assert_eq!(error.message(), text);
        assert!(!format!("{error:?}").contains("hunter2"));
        assert_eq!(link.connections(), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_another_node_has_is_refused_before_anything_is_taken_from_it() {
    let (server, vhost) = Rabbit::shared().await;
    let first = Node::start(server.port(), &vhost, "here").await;
    let url = format!("amqp://127.0.0.1:{}/{vhost}", server.port());
    let second = Arc::new(AmqpTransporter::new(AmqpOptions::from_url(url).heartbeat(Duration::from_secs(1))));
    let starting = tokio::spawn(second.connect(TestLink::new("here", "")));
    let mut raw = Raw::connect(server.port(), &vhost).await;
    let mut sent = 0;
    while !starting.is_finished() {
        raw.publish("", "MOL.REQ.here", sent.to_string().as_bytes()).await;
        sent += 1;
        sleep(Duration::from_millis(20)).await;
    }
    let error = starting.await.unwrap().unwrap_err();
    assert!(error.to_string().ends_with("another node consumes the queues of this name"), "{error}");
    assert!(
        first
            .bodies(sent)
            .await
            .iter()
            .map(|body| str::from_utf8(body).unwrap())
            .eq((0..sent).map(|n| n.to_string()))
    );
}
