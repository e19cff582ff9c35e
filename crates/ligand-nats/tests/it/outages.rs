//! Two nodes, of which one is off the bus for a moment.

use ligand_nats::NatsTransporter;
use ligand_test::outages::{Guarded, Network, Ways};
use ligand_transport::Transporter;

use crate::server::Server;

struct Nats {
    server: Server,
    ways: Ways,
}

fn authorization(password: &str) -> String {
    format!("authorization {{ user: ann, password: {password} }}")
}

impl Network for Nats {
    async fn start() -> Self {
        Self { server: Server::start(&authorization("one")).await, ways: Ways::default() }
    }

    async fn join(&self, node: &str) -> impl Transporter {
        let port = self.ways.open(node, self.server.port()).await;
        NatsTransporter::from_url(format!("nats://ann:one@127.0.0.1:{port}"))
    }

    fn ways(&self) -> &Ways {
        &self.ways
    }
}

impl Guarded for Nats {
    async fn let_in(&self, right: bool) {
        self.server.reload(&authorization(if right { "one" } else { "two" }));
    }
}

ligand_test::outage_tests!(Nats);
ligand_test::outage_tests!(guarded Nats);
