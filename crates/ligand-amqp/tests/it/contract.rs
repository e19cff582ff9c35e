//! The contract of transporters.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use ligand_amqp::{AmqpOptions, AmqpTransporter, TlsOptions};
use ligand_test::outages::Proxy;
use ligand_transport::{
    Transporter,
    contract::{Bus, Promises},
};
use ligand_wire::topic::{To, Topic};
use serde_json::Value;
use tokio::time::sleep;

use crate::{raw::Raw, server::Rabbit};

struct OnRabbit {
    proxy: Proxy,
    server: u16,
    vhost: String,
}

impl Bus for OnRabbit {
    async fn start() -> Self {
        let (server, vhost) = Rabbit::shared().await;
        Self { proxy: Proxy::start(server.port()).await, server: server.port(), vhost }
    }

    fn promises(&self) -> Promises {
        Promises { undelivered: true, largest_body: 4 << 20, ..Promises::default() }
    }

    fn transporter(&self) -> Arc<dyn Transporter> {
        let url = format!("amqp://127.0.0.1:{}/{}", self.proxy.port(), self.vhost);
        Arc::new(AmqpTransporter::from_url(url))
    }

    fn url(&self) -> Option<String> {
        Some(format!("amqp://127.0.0.1:{}/{}", self.proxy.port(), self.vhost))
    }

    fn configured(&self, options: Value) -> Result<Arc<dyn Transporter>, String> {
        let options = serde_json::from_value(options).map_err(|error| error.to_string())?;
        Ok(Arc::new(AmqpTransporter::new(options)))
    }

    fn broken(&self) -> Vec<(Arc<dyn Transporter>, &'static str)> {
        let tls = TlsOptions::default().ca_file("/nowhere/ca.pem");
        let options = AmqpOptions::from_url("amqps://127.0.0.1").tls(tls);
        vec![(Arc::new(AmqpTransporter::new(options)), "/nowhere/ca.pem")]
    }

    async fn kill(&self) {
        // What was not acknowledged comes again, so acknowledgements on their way must arrive.
        sleep(Duration::from_millis(50)).await;
        self.proxy.cut().await;
    }

    async fn restart(&self) {
        self.proxy.heal().await;
    }

    async fn publish(&self, namespace: &str, topic: &Topic, body: Bytes) {
        let name = topic.name(&Topic::prefix(namespace));
        let (exchange, key) = if topic.to == To::All { (name.as_str(), "") } else { ("", name.as_str()) };
        Raw::connect(self.server, &self.vhost).await.publish(exchange, key, &body).await;
    }
}

ligand_transport::contract_tests!(OnRabbit);
