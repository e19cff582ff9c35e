//! The contract of transporters.

use std::sync::Arc;

use bytes::Bytes;
use ligand_redis::{RedisOptions, RedisTransporter};
use ligand_transport::{
    Transporter,
    contract::{Bus, Promises},
};
use ligand_wire::topic::Topic;

use crate::server::Server;

impl Bus for Server {
    fn start() -> impl Future<Output = Self> + Send {
        Self::start()
    }

    fn promises(&self) -> Promises {
        Promises { undelivered: true, largest_body: 8 << 20, ..Promises::default() }
    }

    fn transporter(&self) -> Arc<dyn Transporter> {
        Arc::new(RedisTransporter::url(self.url()))
    }

    fn broken(&self) -> Vec<(Arc<dyn Transporter>, &'static str)> {
        let broken: [(RedisOptions, _); 4] = [
            (RedisOptions::url("http://127.0.0.1"), "scheme"),
            (RedisOptions::url("redis://127.0.0.1:x"), "port"),
            (RedisOptions::url("rediss://127.0.0.1").ca("/no/such/file.pem"), "/no/such/file.pem"),
            (RedisOptions::cluster(Vec::<String>::new()), "cluster.nodes"),
        ];
        broken
            .into_iter()
            .map(|(options, cause)| (Arc::new(RedisTransporter::new(options)) as Arc<dyn Transporter>, cause))
            .collect()
    }

    async fn kill(&self) {
        Server::kill(self);
    }

    fn restart(&self) -> impl Future<Output = ()> + Send {
        Server::restart(self)
    }

    async fn publish(&self, namespace: &str, topic: &Topic, body: Bytes) {
        let channel = topic.name(&Topic::prefix(namespace));
        self.command(&[b"PUBLISH", channel.as_bytes(), &body]).await;
    }
}

ligand_transport::contract_tests!(Server);
