//! TLS, with a certificate authority of the test's own.

use std::{fs, sync::Arc, time::Duration};

use ligand_mqtt::{MqttOptions, MqttTransporter, TlsOptions};
use ligand_transport::{
    Transporter,
    contract::{PATIENCE, TestLink},
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;
use tokio::time::timeout;

use crate::server::Mosquitto;

#[tokio::test]
async fn certificates_of_both_sides() {
    let files = TempDir::new().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let write = |name: &str, text: &str| fs::write(files.path().join(name), text).unwrap();
    write("ca.pem", &ca.pem());
    for (name, host) in [("server", "127.0.0.1"), ("client", "client")] {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([host.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        write(&format!("{name}.pem"), &params.signed_by(&key, &ca).unwrap().pem());
        write(&format!("{name}.key"), &key.serialize_pem());
    }
    let lines = "allow_anonymous true\ncafile {dir}/ca.pem\ncertfile {dir}/server.pem\nkeyfile {dir}/server.key\n\
                 require_certificate true";
    let server = Mosquitto::prepared(files, lines).await;
    let file = |name: &str| server.folder().join(name);
    let tls = TlsOptions::default()
        .ca_file(file("ca.pem"))
        .cert_file(file("client.pem"))
        .key_file(file("client.key"));
    let mut options = MqttOptions::from_url(server.url().replace("mqtt:", "mqtts:")).tls(tls);
    let mqtt = Arc::new(MqttTransporter::new(options.clone()));
    timeout(PATIENCE, mqtt.clone().connect(TestLink::new("here", ""))).await.unwrap().unwrap();
    mqtt.flush().await.unwrap();
    mqtt.disconnect().await;

    // A server that is signed by somebody else is not spoken to.
    options.tls.ca_file = None;
    let link = TestLink::new("here", "");
    let connecting = Arc::new(MqttTransporter::new(options)).connect(link.clone());
    let result = timeout(Duration::from_millis(500), connecting).await;
    assert!(result.is_err() || result.unwrap().is_err());
    assert_eq!(link.connections(), 0);
}
