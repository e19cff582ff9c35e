//! The contract of transporters: version 5, version 3.1.1, and QoS 2 with another separator.

use std::sync::Arc;

use bytes::Bytes;
use ligand_mqtt::{MqttOptions, MqttTransporter, Protocol, TlsOptions};
use ligand_transport::{
    Transporter,
    contract::{Bus, Promises},
};
use ligand_wire::topic::Topic;
use serde_json::Value;

use crate::server::Mosquitto;

/// A bus whose transporters have options of their own.
trait Flavour: Send + Sync + 'static {
    const UNDELIVERED: bool = true;
    fn options() -> MqttOptions;
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
        Arc::new(MqttTransporter::new(F::options().url(self.server.url())))
    }

    fn url(&self) -> Option<String> {
        Some(self.server.url())
    }

    fn configured(&self, options: Value) -> Result<Arc<dyn Transporter>, String> {
        let options = serde_json::from_value(options).map_err(|error| error.to_string())?;
        Ok(Arc::new(MqttTransporter::new(options)))
    }

    fn broken(&self) -> Vec<(Arc<dyn Transporter>, &'static str)> {
        let tls = TlsOptions::default().ca_file("/nowhere/ca.pem");
        let options = MqttOptions::from_url("mqtts://127.0.0.1").tls(tls);
        vec![(Arc::new(MqttTransporter::new(options)), "/nowhere/ca.pem")]
    }

    async fn kill(&self) {
        self.server.kill();
    }

    async fn restart(&self) {
        self.server.run().await.unwrap();
    }

    async fn publish(&self, namespace: &str, topic: &Topic, body: Bytes) {
        let name = topic.name_with(&Topic::prefix(namespace), &F::options().topic_separator);
        self.server.publish(&name, &body).await;
    }
}

struct Plain;

impl Flavour for Plain {
    fn options() -> MqttOptions {
        MqttOptions::default()
    }
}

struct Old;

impl Flavour for Old {
    const UNDELIVERED: bool = false;
    fn options() -> MqttOptions {
        MqttOptions::default().protocol(Protocol::V3).qos(1)
    }
}

struct Exact;

impl Flavour for Exact {
    fn options() -> MqttOptions {
        MqttOptions::default().qos(2).topic_separator("/")
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
