//! A server that is killed for real.

use std::time::Duration;

use ligand_transport::contract::PATIENCE;
use ligand_wire::packet::PacketKind;

use crate::{link::Node, server::Rabbit};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_come_back_with_the_server() {
    let server = Rabbit::start(0).await;
    let here = Node::start(server.port(), "", "here").await;
    let there = Node::start(server.port(), "", "there").await;
    server.kill();
    for node in [&here, &there] {
        assert!(node.link.wait_losses(1, Duration::from_secs(1)).await);
    }
    server.run().await.unwrap();
    for node in [&here, &there] {
        assert!(node.link.wait_connections(2, PATIENCE).await);
    }
    here.send(PacketKind::Request, "there", "again", None).await.unwrap();
    let (_, body) = there.link.next_packet(PATIENCE).await.unwrap();
    assert_eq!(body, "again");
}
