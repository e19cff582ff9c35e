//! The contract of transporters.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use ligand_amqp::{Amqp, Options};
use ligand_test::outages::Proxy;
use ligand_transport::{
    Transporter,
    contract::{Bus, Promises},
};
use ligand_wire::topic::{To, Topic};
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
        Self { proxy: Proxy::start(server.port).await, server: server.port, vhost }
    }

    fn promises(&self) -> Promises {
        Promises { undelivered: true, largest_body: 4 << 20, ..Promises::default() }
    }

    fn transporter(&self) -> Arc<dyn Transporter> {
        let url = format!("amqp://127.0.0.1:{}/{}", self.proxy.port(), self.vhost);
        Arc::new(Amqp::from_url(&url).unwrap())
    }

    fn broken(&self) -> Vec<(Arc<dyn Transporter>, &'static str)> {
        let mut options = Options::default();
        options.url = "amqps://127.0.0.1".into();
        options.tls.ca_file = Some("/nowhere/ca.pem".into());
        vec![(Arc::new(Amqp::new(options).unwrap()), "/nowhere/ca.pem")]
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
