//! Encrypted connections.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use ligand_core::ServiceBroker;
use ligand_web::{Gateway, Route, Tls};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
    },
};

use crate::{
    client::once,
    fixture::{Running, serving},
};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate for `localhost` and its key as PEM.
fn signed(authority: &Authority) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".into()]).unwrap();
    (params.signed_by(&key, authority).unwrap().pem(), key.serialize_pem())
}

fn put(folder: &Path, (cert, key): &(String, String)) {
    std::fs::write(folder.join("cert.pem"), cert).unwrap();
    std::fs::write(folder.join("key.pem"), key).unwrap();
}

fn gateway(tls: Tls) -> Gateway {
    let route = Route::new("/api").direct_calls().on_response(|req, _, headers| {
        headers.insert("x-secure", req.is_secure().to_string().parse().unwrap());
    });
    Gateway::builder().bind("127.0.0.1:0").tls(tls).route(route).build()
}

async fn connect(
    address: SocketAddr,
    authority: &Authority,
    own: Option<&(String, String)>,
    alpn: &[&[u8]],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match own {
        None => builder.with_no_client_auth(),
        Some((cert, key)) => {
            let cert = CertificateDer::from_pem_slice(cert.as_bytes()).unwrap();
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
            builder.with_client_auth_cert(vec![cert], key).unwrap()
        }
    };
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), stream).await
}

async fn ask(stream: &mut TlsStream<TcpStream>) -> std::io::Result<String> {
    stream.write_all(b"GET /api/fx/num HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn connections_are_encrypted() {
    let (folder, authority) = (tempfile::tempdir().unwrap(), authority());
    put(folder.path(), &signed(&authority));
    let tls = Tls::files(folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let (broker, address) = serving(gateway(tls), &Running::default()).await;
    let mut stream = connect(address, &authority, None, &[b"http/1.1"]).await.unwrap();
    let answer = ask(&mut stream).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n\r\n123"), "{answer}");
    assert!(answer.contains("x-secure: true"), "{answer}");
    // In the open nothing is answered.
    let plain = once(address, "GET /api/fx/num HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(plain.is_none(), "{plain:?}");
    #[cfg(feature = "http2")]
    {
        let stream = connect(address, &authority, None, &[b"h2", b"http/1.1"]).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        assert_eq!(crate::http2::get(stream, "https://localhost/api/fx/num").await, (200, "123".into()));
    }
    broker.stop().await;
}

#[tokio::test]
async fn a_certificate_is_renewed_without_a_restart() {
    let (folder, old, new) = (tempfile::tempdir().unwrap(), authority(), authority());
    put(folder.path(), &signed(&old));
    let tls = Tls::files(folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let gateway = gateway(tls);
    let (broker, address) = serving(gateway.clone(), &Running::default()).await;
    let mut before = connect(address, &old, None, &[]).await.unwrap();
    put(folder.path(), &signed(&new));
    gateway.reload_tls().unwrap();
    assert!(connect(address, &old, None, &[]).await.is_err());
    assert!(ask(&mut connect(address, &new, None, &[]).await.unwrap()).await.unwrap().ends_with("123"));
    // Whose connection stands keeps it.
    assert!(ask(&mut before).await.unwrap().ends_with("123"));
    std::fs::write(folder.path().join("cert.pem"), "rubbish").unwrap();
    let error = gateway.reload_tls().unwrap_err();
    assert!(error.kind() == "TLS_FAILED" && error.message().contains("cert.pem"), "{error}");
    assert!(connect(address, &new, None, &[]).await.is_ok());
    broker.stop().await;
}

#[tokio::test]
async fn clients_show_a_certificate_where_that_is_asked() {
    let (folder, own, clients) = (tempfile::tempdir().unwrap(), authority(), authority());
    put(folder.path(), &signed(&own));
    std::fs::write(folder.path().join("ca.pem"), clients.pem()).unwrap();
    let tls = || Tls::files(folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let (known, stranger) = (signed(&clients), signed(&authority()));
    for (tls, none) in [
        (tls().client_ca(folder.path().join("ca.pem")), false),
        (tls().optional_client_ca(folder.path().join("ca.pem")), true),
    ] {
        let (broker, address) = serving(gateway(tls), &Running::default()).await;
        for (shown, taken) in [(Some(&known), true), (Some(&stranger), false), (None, none)] {
            // With TLS 1.3 a client learns that it is refused when it reads.
            let answer = match connect(address, &own, shown, &[]).await {
                Ok(mut stream) => ask(&mut stream).await,
                Err(error) => Err(error),
            };
            assert_eq!(
                answer.is_ok_and(|answer| answer.ends_with("123")),
                taken,
                "{none} {}",
                shown.is_some()
            );
        }
        broker.stop().await;
    }
}

#[tokio::test]
async fn who_does_not_agree_on_keys_is_not_waited_for() {
    let (folder, authority) = (tempfile::tempdir().unwrap(), authority());
    put(folder.path(), &signed(&authority));
    let tls = Tls::files(folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let gateway = Gateway::builder()
        .bind("127.0.0.1:0")
        .tls(tls)
        .limits(|limits| limits.header_timeout = Duration::from_millis(200))
        .build();
    let (broker, address) = serving(gateway, &Running::default()).await;
    for sent in ["", "\x16\x03\x01"] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        let mut rest = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut rest));
        let _ = read.await.expect("the connection stays open");
    }
    broker.stop().await;
}

#[tokio::test]
async fn certificates_that_cannot_be_used_stop_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let pair = signed(&authority());
    put(folder.path(), &(pair.0, KeyPair::generate().unwrap().serialize_pem()));
    let tls = |cert: &str| Tls::files(folder.path().join(cert), folder.path().join("key.pem"));
    for cert in ["cert.pem", "missing.pem", "key.pem"] {
        let error = ServiceBroker::builder().service(gateway(tls(cert))).start().await.unwrap_err();
        assert!(error.kind() == "TLS_FAILED" && error.message().contains(cert), "{error}");
        assert!(!error.to_string().contains("PRIVATE"), "{error}");
    }
}
