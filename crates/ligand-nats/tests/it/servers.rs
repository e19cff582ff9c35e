//! Several servers.

use std::time::Duration;

use ligand_nats::NatsTransporter;
use ligand_transport::{
    Transporter,
    contract::{PATIENCE, TestLink},
};
use tokio::time::timeout;

use ligand_servers::free_port;

use crate::server::Server;

use std::sync::Arc;

async fn connected(url: String) -> (Arc<NatsTransporter>, Arc<TestLink>) {
    let link = TestLink::new("here", "");
    let transporter = Arc::new(NatsTransporter::from_url(url));
    let connecting = transporter.clone().connect(link.clone());
    timeout(PATIENCE, connecting).await.expect("it connects in time").expect("it connects");
    (transporter, link)
}

#[tokio::test]
async fn a_dead_one_is_skipped() {
    let server = Server::start("").await;
    for _ in 0..5 {
        let (transporter, _) = connected(format!("nats://127.0.0.1:{},{}", free_port(), server.url())).await;
        transporter.disconnect().await;
    }
}

#[tokio::test]
async fn another_one_takes_over() {
    let (first, second) = (Server::start("").await, Server::start("").await);
    let (transporter, link) = connected(format!("{},{}", first.url(), second.url())).await;
    first.kill();
    // It was connected to one of the two.
    if link.wait_losses(1, Duration::from_secs(1)).await {
        assert!(
            link.wait_connections(2, Duration::from_secs(2)).await,
            "the other server does not take over"
        );
    } else {
        second.kill();
        assert!(link.wait_losses(1, Duration::from_secs(1)).await);
        first.run().await.unwrap();
        assert!(
            link.wait_connections(2, Duration::from_secs(2)).await,
            "the other server does not take over"
        );
    }
    transporter.flush().await.unwrap();
    transporter.disconnect().await;
}
