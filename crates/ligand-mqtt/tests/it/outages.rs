//! Two nodes, of which one is off the bus for a moment: with version 5 and with version 3.1.1.

use std::{path::Path, process::Command};

use ligand_mqtt::{MqttOptions, MqttTransporter, Protocol};
use ligand_test::outages::{Guarded, Network, Ways};
use ligand_transport::Transporter;
use tempfile::TempDir;

use crate::server::Mosquitto;

struct OnMosquitto<const OLD: bool> {
    server: Mosquitto,
    ways: Ways,
}

fn set_password(folder: &Path, password: &str) {
    let mut tool = Command::new("mosquitto_passwd");
    let made = tool.args(["-b", "-c"]).arg(folder.join("passwords")).args(["node", password]);
    assert!(made.status().expect("mosquitto_passwd is installed").success());
}

impl<const OLD: bool> Network for OnMosquitto<OLD> {
    async fn start() -> Self {
        let files = TempDir::new().unwrap();
        set_password(files.path(), "one");
        let lines = "allow_anonymous false\npassword_file {dir}/passwords";
        Self { server: Mosquitto::prepared(files, lines).await, ways: Ways::default() }
    }

    async fn join(&self, node: &str) -> impl Transporter {
        let port = self.ways.open(node, self.server.port()).await;
        let options = MqttOptions::from_url(format!("mqtt://node:one@127.0.0.1:{port}"));
        MqttTransporter::new(if OLD { options.protocol(Protocol::V3).qos(1) } else { options })
    }

    fn ways(&self) -> &Ways {
        &self.ways
    }
}

impl<const OLD: bool> Guarded for OnMosquitto<OLD> {
    async fn let_in(&self, right: bool) {
        // It reads the file again some time after a signal; after a start it has read it.
        self.server.kill();
        set_password(self.server.folder(), if right { "one" } else { "two" });
        self.server.run().await.unwrap();
    }
}

mod version_5 {
    ligand_test::outage_tests!(super::OnMosquitto<false>);
    ligand_test::outage_tests!(guarded super::OnMosquitto<false>);
}

mod version_3 {
    ligand_test::outage_tests!(super::OnMosquitto<true>);
    ligand_test::outage_tests!(guarded super::OnMosquitto<true>);
}
