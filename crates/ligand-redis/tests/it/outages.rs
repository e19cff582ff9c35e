//! Two nodes, of which one is off the bus for a moment.

use ligand_redis::RedisTransporter;
use ligand_test::outages::{Guarded, Network, Ways};
use ligand_transport::Transporter;
use parking_lot::Mutex;

use crate::server::Server;

struct Redis {
    server: Server,
    ways: Ways,
    password: Mutex<&'static str>,
}

impl Network for Redis {
    async fn start() -> Self {
        let server = Server::start_with(&["--requirepass", "one"]).await;
        Self { server, ways: Ways::default(), password: Mutex::new("one") }
    }

    async fn join(&self, node: &str) -> impl Transporter {
        let port = self.ways.open(node, self.server.port()).await;
        RedisTransporter::from_url(format!("redis://:one@127.0.0.1:{port}"))
    }

    fn ways(&self) -> &Ways {
        &self.ways
    }
}

impl Guarded for Redis {
    async fn let_in(&self, right: bool) {
        let password = if right { "one" } else { "two" };
        let before = std::mem::replace(&mut *self.password.lock(), password);
        let (auth, set): (&[&[u8]], &[&[u8]]) =
            (&[b"AUTH", before.as_bytes()], &[b"CONFIG", b"SET", b"requirepass", password.as_bytes()]);
        self.server.session(&[auth, set]).await;
    }
}

ligand_test::outage_tests!(Redis);
ligand_test::outage_tests!(guarded Redis);
