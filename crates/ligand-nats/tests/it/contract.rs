//! What every transporter promises.

use std::sync::Arc;

use bytes::Bytes;
use ligand_nats::{NatsOptions, NatsTransporter, TlsOptions};
use ligand_transport::{
    Transporter,
    contract::{Bus, Promises},
};
use ligand_wire::topic::Topic;
use serde_json::Value;

use crate::server::Server;

struct Nats(Server);

impl Bus for Nats {
    async fn start() -> Self {
        Self(Server::start("").await)
    }

    fn promises(&self) -> Promises {
        Promises { undelivered: true, too_large: Some((1 << 20) + 1), ..Promises::default() }
    }

    fn transporter(&self) -> Arc<dyn Transporter> {
        Arc::new(NatsTransporter::from_url(self.0.url()))
    }

    fn url(&self) -> Option<String> {
        Some(self.0.url())
    }

    fn configured(&self, options: Value) -> Result<Arc<dyn Transporter>, String> {
        let options = serde_json::from_value(options).map_err(|error| error.to_string())?;
        Ok(Arc::new(NatsTransporter::new(options)))
    }

    fn broken(&self) -> Vec<(Arc<dyn Transporter>, &'static str)> {
        let tls = TlsOptions::default;
        let options = || NatsOptions::from_url(self.0.url());
        let file = |text: &str| {
            let path = self.0.folder().join("broken.pem");
            std::fs::write(&path, text).unwrap();
            path
        };
        let bad = file("no certificate");
        let broken: Vec<(NatsOptions, _)> = vec![
            (NatsOptions::from_url("redis://localhost"), "another scheme"),
            (NatsOptions::from_url("nats://[broken"), "server 1 of 'url'"),
            (NatsOptions::from_url(" , "), "url"),
            (options().tls(tls().ca_file("/no/such/ca.pem")), "/no/such/ca.pem"),
            (options().tls(tls().cert_file(&bad).key_file("/no/such/key.pem")), "/no/such/key.pem"),
            (options().tls(tls().cert_file(&bad).key_file(&bad)), "TLS"),
            (options().credentials_file(&bad), "credentials"),
            (options().credentials_file("/no/such.creds"), "/no/such.creds"),
            (options().nkey("nonsense"), "nkey"),
            (options().username("a").password("b").token("c"), "token"),
            (options().receive_queue(0), "receive_queue"),
        ];
        let make =
            |(options, cause)| (Arc::new(NatsTransporter::new(options)) as Arc<dyn Transporter>, cause);
        broken.into_iter().map(make).collect()
    }

    async fn kill(&self) {
        self.0.kill();
    }

    async fn restart(&self) {
        self.0.run().await.unwrap();
    }

    async fn publish(&self, namespace: &str, topic: &Topic, body: Bytes) {
        let client = async_nats::connect(self.0.url()).await.unwrap();
        client.publish(topic.name(&Topic::prefix(namespace)), body).await.unwrap();
        client.flush().await.unwrap();
    }
}

ligand_transport::contract_tests!(Nats);
