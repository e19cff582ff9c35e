//! Nodes that die, and what becomes of their requests.

use std::time::Duration;

use ligand_test::outages::Proxy;
use ligand_transport::{Link, Outbound, Ticket, Transporter, contract::PATIENCE};
use ligand_wire::{
    packet::{NodeInfo, PacketKind},
    topic::{To, Topic},
};
use tokio::time::{sleep, timeout};

use crate::{link::Node, raw::Raw, server::Rabbit};

const SOON: Duration = Duration::from_secs(2);

fn info() -> NodeInfo {
    NodeInfo { seq: 1, ..NodeInfo::default() }
}

/// Ends when `here` counts the node as lost.
async fn lost(here: &Node, node: &str) {
    let lost = async {
        while here.link.cluster().peer(node).is_some_and(|peer| peer.available) {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(SOON, lost).await.expect("the node is declared lost");
}

#[tokio::test]
async fn calls_that_began_are_not_sent_again_and_those_that_waited_are() {
    let (server, vhost) = Rabbit::shared().await;
    let way = Proxy::start(server.port()).await;
    let here = Node::start(server.port(), &vhost, "here").await;
    let there = Node::with(way.port(), &vhost, "there", |options| options.prefetch = 2, 0).await;
    here.link.cluster().learn("there", info(), None);
    for number in 1..=100 {
        let ticket = Some(Ticket(number));
        here.send(PacketKind::Request, "there", &number.to_string(), ticket).await.unwrap();
    }
    assert_eq!(there.bodies(2).await, ["1", "2"]);
    way.cut().await;
    lost(&here, "there").await;
    // Told before the loss, which ends all other calls of the node.
    let mut tickets = here.link.undelivered_tickets();
    tickets.sort_by_key(|ticket| ticket.0);
    assert_eq!(tickets, (3..=100).map(Ticket).collect::<Vec<_>>());

    // What is sent to its queue afterwards reaches nobody.
    here.send(PacketKind::Request, "there", "late", Some(Ticket(101))).await.unwrap();
    assert!(here.link.wait_undelivered(Ticket(101), SOON).await);
    assert!(here.link.losses().is_empty());

    // Nothing of it runs when the node is back.
    assert_eq!(there.link.waiting_packets(), 0);
    way.heal().await;
    assert!(there.link.wait_connections(2, PATIENCE).await);
    here.send(PacketKind::Request, "there", "new", None).await.unwrap();
    assert_eq!(there.bodies(1).await, ["new"]);
}

#[tokio::test]
async fn requests_of_others_stay_in_the_queue_of_a_dead_node() {
    let (server, vhost) = Rabbit::shared().await;
    let way = Proxy::start(server.port()).await;
    let here = Node::start(server.port(), &vhost, "here").await;
    let there = Node::start(way.port(), &vhost, "there").await;
    let mut raw = Raw::connect(server.port(), &vhost).await;
    way.cut().await;
    let noticed = async {
        while raw.count("MOL.REQ.there").await.1 > 0 {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, noticed).await.expect("the server notices that the node is gone");
    for body in [b"1", b"2"] {
        raw.publish("", "MOL.REQ.there", body).await;
        let ticket = Ticket(u64::from(body[0]));
        here.send(PacketKind::Request, "there", "mine", Some(ticket)).await.unwrap();
        assert!(here.link.wait_undelivered(ticket, SOON).await);
    }
    way.heal().await;
    assert_eq!(there.bodies(2).await, ["1", "2"]);
}

#[tokio::test]
async fn of_persistent_requests_nothing_is_certain() {
    let (server, vhost) = Rabbit::shared().await;
    let persistent = |options: &mut ligand_amqp::AmqpOptions| options.message_options.persistent = true;
    let here = Node::with(server.port(), &vhost, "here", persistent, 0).await;
    Raw::connect(server.port(), &vhost).await.declare("MOL.REQ.old", Some(("x-expires", 120_000))).await;
    here.link.cluster().learn("old", info(), None);
    here.send(PacketKind::Request, "old", "x", Some(Ticket(1))).await.unwrap();
    lost(&here, "old").await;
    assert!(here.link.undelivered_tickets().is_empty());
}

#[tokio::test]
async fn a_node_with_nothing_but_a_name_is_noticed_and_the_rest_goes_on() {
    let (server, vhost) = Rabbit::shared().await;
    let here = Node::start(server.port(), &vhost, "here").await;
    let there = Node::start(server.port(), &vhost, "there").await;
    // Two kinds of missing nodes at the same time: one left a queue, one never was.
    Raw::connect(server.port(), &vhost).await.declare("MOL.REQ.old", Some(("x-expires", 120_000))).await;
    for number in 0..20 {
        for (kind, node) in ["old", "never", "there"].into_iter().enumerate() {
            let ticket = Some(Ticket(number * 3 + kind as u64));
            here.send(PacketKind::Request, node, "x", ticket).await.unwrap();
        }
    }
    for number in 0..20 {
        assert!(here.link.wait_undelivered(Ticket(number * 3), SOON).await);
        assert!(here.link.wait_undelivered(Ticket(number * 3 + 1), SOON).await);
    }
    there.bodies(20).await;
    sleep(Duration::from_millis(600)).await;
    assert!(here.link.undelivered_tickets().iter().all(|ticket| ticket.0 % 3 != 2));
    assert!(here.link.losses().is_empty());
}

#[tokio::test]
async fn requests_of_a_dead_node_are_not_run_late() {
    let (server, vhost) = Rabbit::shared().await;
    let way = Proxy::start(server.port()).await;
    let short =
        |options: &mut ligand_amqp::AmqpOptions| options.request_time_to_live = Duration::from_millis(300);
    let here = Node::with(server.port(), &vhost, "here", short, 100).await;
    let there = Node::with(way.port(), &vhost, "there", |_| {}, 0).await;
    here.send(PacketKind::Request, "there", "taken", None).await.unwrap();
    there.bodies(1).await;
    way.cut().await;
    assert!(there.link.wait_losses(1, SOON).await);
    let mut raw = Raw::connect(server.port(), &vhost).await;
    let noticed = async {
        while raw.count("MOL.EVENT.there").await.1 > 0 || raw.count("MOL.REQ.there").await.1 > 0 {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, noticed).await.expect("the server notices that the node is gone");
    here.send(PacketKind::Request, "there", "queued", None).await.unwrap();
    here.send(PacketKind::Event, "there", "event", None).await.unwrap();
    let outdated = async {
        while raw.count("MOL.REQ.there").await.0 > 0 {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, outdated).await.expect("requests get too old");
    way.heal().await;
    assert!(there.link.wait_connections(2, PATIENCE).await);
    here.send(PacketKind::Request, "there", "new", None).await.unwrap();
    let mut bodies = there.bodies(2).await;
    bodies.sort();
    assert_eq!(bodies, ["event", "new"]);
}

#[tokio::test]
async fn requests_that_wait_do_not_block_what_they_wait_for() {
    let (server, vhost) = Rabbit::shared().await;
    let here = Node::start(server.port(), &vhost, "here").await;
    let there = Node::with(server.port(), &vhost, "there", |options| options.prefetch = 2, 0).await;
    // The first two never end; the others are the rest of their uploads.
    for number in 0..6 {
        here.send(PacketKind::Request, "there", &number.to_string(), None).await.unwrap();
    }
    assert_eq!(there.bodies(6).await, ["0", "1", "2", "3", "4", "5"]);
}

#[tokio::test]
async fn balanced_requests_of_a_dead_node_go_to_another() {
    let (server, vhost) = Rabbit::shared().await;
    let way = Proxy::start(server.port()).await;
    let here = Node::start(server.port(), &vhost, "here").await;
    let first = Node::with(way.port(), &vhost, "first", |_| {}, 0).await;
    let second = Node::start(server.port(), &vhost, "second").await;
    let topic = Topic { kind: PacketKind::Request, to: To::Action("a.b".into()) };
    first.amqp.balance(vec![topic.clone()]).await.unwrap();
    here.amqp.send(Outbound { topic: topic.clone(), body: "work".into(), ticket: None }).await.unwrap();
    first.bodies(1).await;
    second.amqp.balance(vec![topic]).await.unwrap();
    assert_eq!(second.link.waiting_packets(), 0);
    way.cut().await;
    assert_eq!(second.bodies(1).await, ["work"]);
}
