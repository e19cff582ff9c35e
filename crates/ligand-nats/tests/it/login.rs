//! Passwords, tokens, keys and certificates.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use ligand_nats::{NatsOptions, NatsTransporter, TlsOptions};
use ligand_transport::{Transporter, contract::TestLink};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;
use tokio::time::timeout;

use crate::server::Server;

/// Connects and hears itself.
async fn works(options: NatsOptions) {
    let link = TestLink::new("here", "");
    let transporter = Arc::new(NatsTransporter::new(options));
    let connecting = transporter.clone().connect(link.clone());
    timeout(Duration::from_secs(10), connecting).await.expect("it connects in time").expect("it connects");
    transporter.flush().await.unwrap();
    transporter.disconnect().await;
}

/// The start ends with an error that names the server.
async fn is_not_let_in(options: NatsOptions) {
    let transporter = Arc::new(NatsTransporter::new(options));
    let connecting = transporter.connect(TestLink::new("here", ""));
    let error = timeout(Duration::from_secs(10), connecting).await.expect("it does not wait").unwrap_err();
    assert_eq!(error.kind(), "BROKER_OPTIONS_ERROR");
    assert!(error.message().starts_with("NATS server 127.0.0.1:"), "{error}");
    assert!(error.message().contains(" refuses this node: "), "{error}");
}

#[tokio::test]
async fn user_and_password() {
    let server = Server::start("authorization { user: ann, password: \"p@ss word\" }").await;
    let options = || NatsOptions::from_url(server.url());
    works(options().username("ann").password("p@ss word")).await;
    works(NatsOptions::from_url(format!("nats://ann:p%40ss%20word@127.0.0.1:{}", server.port()))).await;
    is_not_let_in(options().username("ann").password("wrong")).await;
    is_not_let_in(options()).await;
}

#[tokio::test]
async fn token() {
    let server = Server::start("authorization { token: \"t0ken\" }").await;
    works(NatsOptions::from_url(server.url()).token("t0ken")).await;
    works(NatsOptions::from_url(format!("nats://t0ken@127.0.0.1:{}", server.port()))).await;
    is_not_let_in(NatsOptions::from_url(server.url()).token("wrong")).await;
}

#[tokio::test]
async fn nkey() {
    // The pair of the NATS documentation.
    let public = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";
    let seed = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";
    let server = Server::start(&format!("authorization {{ users: [ {{ nkey: {public} }} ] }}")).await;
    works(NatsOptions::from_url(server.url()).nkey(seed)).await;
    is_not_let_in(NatsOptions::from_url(server.url())).await;
}

/// An authority, and a certificate for this machine.
fn certificates() -> (TempDir, PathBuf, PathBuf, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
    let leaf = CertificateParams::new(names).unwrap().signed_by(&key, &authority).unwrap();
    let ca = write("ca.pem", authority.pem());
    let cert = write("cert.pem", leaf.pem());
    let key = write("key.pem", key.serialize_pem());
    (dir, ca, cert, key)
}

fn trust(ca: &Path) -> TlsOptions {
    TlsOptions::default().ca_file(ca)
}

fn ca_and_key(ca: &Path, cert: &Path, key: &Path) -> TlsOptions {
    trust(ca).cert_file(cert).key_file(key)
}

#[tokio::test]
async fn tls() {
    let (dir, ca, cert, key) = certificates();
    let tls = "tls { cert_file: \"{dir}/cert.pem\", key_file: \"{dir}/key.pem\" }";
    let server = Server::start_in(dir, tls).await;
    works(NatsOptions::from_url(server.url()).tls(trust(&ca))).await;
    works(NatsOptions::from_url(server.url().replace("nats://", "tls://")).tls(trust(&ca))).await;
    works(NatsOptions::from_url(server.url()).tls(ca_and_key(&ca, &cert, &key))).await;
    let (_other, other_ca, ..) = certificates();
    is_not_let_in(NatsOptions::from_url(server.url()).tls(trust(&other_ca))).await;
}

#[tokio::test]
async fn certificates_of_nodes() {
    let (dir, ca, cert, key) = certificates();
    let files = "cert_file: \"{dir}/cert.pem\", key_file: \"{dir}/key.pem\", ca_file: \"{dir}/ca.pem\"";
    let server = Server::start_in(dir, &format!("tls {{ {files}, verify: true }}")).await;
    works(NatsOptions::from_url(server.url()).tls(ca_and_key(&ca, &cert, &key))).await;
    is_not_let_in(NatsOptions::from_url(server.url()).tls(trust(&ca))).await;
}

#[tokio::test]
async fn required_tls_is_required() {
    let (_dir, ca, ..) = certificates();
    let server = Server::start("").await;
    // There may be TLS after a restart.
    let transporter = Arc::new(NatsTransporter::new(NatsOptions::from_url(server.url()).tls(trust(&ca))));
    let connecting = transporter.connect(TestLink::new("here", ""));
    assert!(timeout(Duration::from_millis(700), connecting).await.is_err());
}

#[tokio::test]
async fn a_password_that_changes_later_is_waited_for() {
    let server = Server::start("authorization { user: ann, password: one }").await;
    let link = TestLink::new("here", "");
    let transporter =
        Arc::new(NatsTransporter::new(NatsOptions::from_url(server.url()).username("ann").password("one")));
    transporter.clone().connect(link.clone()).await.unwrap();
    server.reload("authorization { user: ann, password: two }");
    assert!(link.wait_losses(1, Duration::from_secs(10)).await);
    server.reload("authorization { user: ann, password: one }");
    assert!(link.wait_connections(2, Duration::from_secs(10)).await);
    transporter.disconnect().await;
}
