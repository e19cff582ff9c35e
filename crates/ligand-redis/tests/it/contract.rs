//! The contract of transporters.

use std::sync::Arc;

use bytes::Bytes;
use ligand_redis::{RedisOptions, RedisTransporter, TlsOptions};
use ligand_transport::{
    Transporter,
    contract::{Bus, Promises},
};
use ligand_wire::topic::Topic;
use serde_json::Value;

use crate::server::Server;

impl Bus for Server {
    fn start() -> impl Future<Output = Self> + Send {
        Self::start()
    }

    fn promises(&self) -> Promises {
        Promises { undelivered: true, largest_body: 8 << 20, ..Promises::default() }
    }

    fn transporter(&self) -> Arc<dyn Transporter> {
        Arc::new(RedisTransporter::from_url((**self).url()))
    }

    fn url(&self) -> Option<String> {
        Some((**self).url())
    }

    fn configured(&self, options: Value) -> Result<Arc<dyn Transporter>, String> {
        let options = serde_json::from_value(options).map_err(|error| error.to_string())?;
        Ok(Arc::new(RedisTransporter::new(options)))
    }

    fn broken(&self) -> Vec<(Arc<dyn Transporter>, &'static str)> {
        let no_file = TlsOptions::default().ca_file("/no/such/file.pem");
        let broken: [(RedisOptions, _); 4] = [
            (RedisOptions::from_url("http://127.0.0.1"), "scheme"),
            (RedisOptions::from_url("redis://127.0.0.1:x"), "port"),
            (RedisOptions::from_url("rediss://127.0.0.1").tls(no_file), "/no/such/file.pem"),
            (RedisOptions::from_url("a,b"), "'cluster'"),
        ];
        broken
            .into_iter()
            .map(|(options, cause)| (Arc::new(RedisTransporter::new(options)) as Arc<dyn Transporter>, cause))
            .collect()
    }

    async fn kill(&self) {
        (**self).kill();
    }

    async fn restart(&self) {
        self.run().await.expect("it starts again");
    }

    async fn publish(&self, namespace: &str, topic: &Topic, body: Bytes) {
        let channel = topic.name(&Topic::prefix(namespace));
        self.command(&[b"PUBLISH", channel.as_bytes(), &body]).await;
    }
}

ligand_transport::contract_tests!(Server);
