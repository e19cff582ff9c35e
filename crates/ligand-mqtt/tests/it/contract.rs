//! The contract of transporters: version 5, version 3.1.1, and QoS 2 with another separator.

use std::sync::Arc;

use bytes::Bytes;
use ligand_mqtt::{Mqtt, Options, Protocol};
use ligand_transport::{
    Transporter,
    contract::{Bus, Promises},
};
use ligand_wire::topic::Topic;

use crate::server::Mosquitto;

/// A bus whose transporters have options of their own.
trait Flavour: Send + Sync + 'static {
    const UNDELIVERED: bool = true;
    fn options() -> Options;
}

struct OnMosquitto<F> {
    server: Mosquitto,
    flavour: std::marker::PhantomData<F>,
}

impl<F: Flavour> Bus for OnMosquitto<F> {
    async fn start() -> Self {
        Self { server: Mosquitto::start().await, flavour: std::marker::PhantomData }
    }

    fn promises(&self) -> Promises {
        Promises { undelivered: F::UNDELIVERED, largest_body: 4 << 20, ..Promises::default() }
    }

    fn transporter(&self) -> Arc<dyn Transporter> {
        let mut options = F::options();
        options.url = self.server.url().as_str().into();
        Arc::new(Mqtt::new(options).unwrap())
    }

    fn broken(&self) -> Vec<(Arc<dyn Transporter>, &'static str)> {
        let mut options = Options::default();
        options.url = "mqtts://127.0.0.1".into();
        options.tls.ca_file = Some("/nowhere/ca.pem".into());
        vec![(Arc::new(Mqtt::new(options).unwrap()), "/nowhere/ca.pem")]
    }

    async fn kill(&self) {
        self.server.kill();
    }

    async fn restart(&self) {
        self.server.run().await;
    }

    async fn publish(&self, namespace: &str, topic: &Topic, body: Bytes) {
        let name = topic.name_with(&Topic::prefix(namespace), &F::options().topic_separator);
        self.server.publish(&name, &body).await;
    }
}

struct Plain;

impl Flavour for Plain {
    fn options() -> Options {
        Options::default()
    }
}

struct Old;

impl Flavour for Old {
    const UNDELIVERED: bool = false;
    fn options() -> Options {
        let mut options = Options::default();
        options.protocol = Protocol::V3;
        options.qos = 1;
        options
    }
}

struct Exact;

impl Flavour for Exact {
    fn options() -> Options {
        let mut options = Options::default();
        options.qos = 2;
        options.topic_separator = "/".into();
        options
    }
}

mod plain {
    ligand_transport::contract_tests!(super::OnMosquitto<super::Plain>);
}

mod version_3 {
    ligand_transport::contract_tests!(super::OnMosquitto<super::Old>);
}

mod exactly_once {
    ligand_transport::contract_tests!(super::OnMosquitto<super::Exact>);
}
