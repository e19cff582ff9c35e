//! Two nodes, of which one is off the bus for a moment.

use ligand_amqp::AmqpTransporter;
use ligand_test::outages::{Guarded, Network, Ways};
use ligand_transport::Transporter;

use crate::server::Rabbit;

/// With the user of all tests, or with one whose password is changed.
struct OnRabbit<const GUARDED: bool> {
    server: &'static Rabbit,
    vhost: String,
    ways: Ways,
}

impl<const GUARDED: bool> Network for OnRabbit<GUARDED> {
    async fn start() -> Self {
        let (server, vhost) = Rabbit::shared().await;
        Self { server, vhost, ways: Ways::default() }
    }

    async fn join(&self, node: &str) -> impl Transporter {
        let port = self.ways.open(node, self.server.port()).await;
        let login = if GUARDED { "eve:one" } else { "guest:guest" };
        AmqpTransporter::from_url(format!("amqp://{login}@127.0.0.1:{port}/{}", self.vhost))
    }

    fn ways(&self) -> &Ways {
        &self.ways
    }
}

impl Guarded for OnRabbit<true> {
    async fn let_in(&self, right: bool) {
        self.server.control(&["change_password", "eve", if right { "one" } else { "two" }]).await;
    }
}

ligand_test::outage_tests!(OnRabbit<false>);
ligand_test::outage_tests!(guarded OnRabbit<true>);
