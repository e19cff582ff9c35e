//! Encrypted connections: certificates, which may be renewed while the gateway runs.

use std::{fmt, path::PathBuf, sync::Arc, time::SystemTime};

use arc_swap::ArcSwapOption;
use ligand_core::{Error, Result};
use parking_lot::Mutex;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        RootCertStore, ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
        server::WebPkiClientVerifier,
    },
};

/// Certificate and key of a listener, as PEM files, for [`GatewayBuilder::tls`](crate::GatewayBuilder::tls).
///
/// TLS 1.2 and 1.3; HTTP/2 is offered where the feature `http2` is on. The files are looked at every 10 seconds, and with
/// [`Gateway::reload_tls`](crate::Gateway::reload_tls): connections that begin then use what is new. What cannot be used is
/// told in the log, and the former certificate stays.
///
/// ```no_run
/// use ligand_web::{Gateway, Tls};
/// let gateway = Gateway::builder().bind("0.0.0.0:443").tls(Tls::files("cert.pem", "key.pem")).build();
/// # let _ = gateway;
/// ```
#[derive(Clone)]
pub struct Tls(Arc<Inner>);

struct Inner {
    cert: PathBuf,
    key: PathBuf,
    clients: Option<(PathBuf, bool)>,
    current: ArcSwapOption<ServerConfig>,
    /// When the files were changed that are in use.
    seen: Mutex<Vec<Option<SystemTime>>>,
}

impl Tls {
    /// The certificate, with those between it and the authority, and its private key.
    pub fn files(cert: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self::of(cert.into(), key.into(), None)
    }

    /// Takes only clients with a certificate that one of the authorities in this file has signed.
    pub fn client_ca(self, file: impl Into<PathBuf>) -> Self {
        Self::of(self.0.cert.clone(), self.0.key.clone(), Some((file.into(), true)))
    }

    /// Takes clients without a certificate, too; who has one must have it from one of these authorities.
    pub fn optional_client_ca(self, file: impl Into<PathBuf>) -> Self {
        Self::of(self.0.cert.clone(), self.0.key.clone(), Some((file.into(), false)))
    }

    fn of(cert: PathBuf, key: PathBuf, clients: Option<(PathBuf, bool)>) -> Self {
        let (current, seen) = (ArcSwapOption::empty(), Mutex::default());
        Self(Arc::new(Inner { cert, key, clients, current, seen }))
    }

    /// Reads the files.
    ///
    /// # Errors
    /// `TLS_FAILED` that names the file and what is wrong with it. What was read before stays in use.
    pub fn reload(&self) -> Result<()> {
        let seen = self.changed();
        let config = self.read()?;
        self.0.current.store(Some(Arc::new(config)));
        *self.0.seen.lock() = seen;
        Ok(())
    }

    /// Reads the files when they have changed since.
    pub(crate) fn renew(&self) {
        let now = self.changed();
        if *self.0.seen.lock() == now {
            return;
        }
        match self.reload() {
            Ok(()) => {
                tracing::info!(cert = %self.0.cert.display(), "the certificate of the gateway was renewed");
            }
            Err(error) => {
                // Once for what stands there now.
                *self.0.seen.lock() = now;
                tracing::error!(error = %error.for_log(), "the former certificate of the gateway stays in use");
            }
        }
    }

    pub(crate) fn acceptor(&self) -> Option<TlsAcceptor> {
        self.0.current.load_full().map(TlsAcceptor::from)
    }

    fn changed(&self) -> Vec<Option<SystemTime>> {
        let inner = &self.0;
        let files = [Some(&inner.cert), Some(&inner.key), inner.clients.as_ref().map(|(file, _)| file)];
        let time = |file: &PathBuf| std::fs::metadata(file).and_then(|data| data.modified()).ok();
        files.into_iter().flatten().map(time).collect()
    }

    fn read(&self) -> Result<ServerConfig> {
        let inner = &self.0;
        let certs = certificates(&inner.cert)?;
        let key = PrivateKeyDer::from_pem_file(&inner.key).map_err(|error| failed(&inner.key, error))?;
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| failed(&inner.cert, error))?;
        let builder = match &inner.clients {
            None => builder.with_no_client_auth(),
            Some((file, must)) => {
                let mut roots = RootCertStore::empty();
                for cert in certificates(file)? {
                    roots.add(cert).map_err(|error| failed(file, error))?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                let verifier = if *must { verifier } else { verifier.allow_unauthenticated() };
                let verifier = verifier.build().map_err(|error| failed(file, error))?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let mut config = builder.with_single_cert(certs, key).map_err(|error| failed(&inner.cert, error))?;
        if cfg!(feature = "http2") {
            config.alpn_protocols.push(b"h2".to_vec());
        }
        config.alpn_protocols.push(b"http/1.1".to_vec());
        Ok(config)
    }
}

fn certificates(file: &PathBuf) -> Result<Vec<CertificateDer<'static>>> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
    match read {
        Ok(certs) => match Vec::is_empty(&certs) {
            true => Err(failed(file, "it holds no certificate")),
            false => Ok(certs),
        },
        Err(error) => Err(failed(file, error)),
    }
}

/// What is wrong with a file; of a key nothing is quoted.
fn failed(file: &std::path::Path, why: impl fmt::Display) -> Error {
    let text = format!("The gateway cannot use '{}' for its connections: {why}", file.display());
    Error::server(500, "TLS_FAILED", text).with_retryable(false)
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("cert", &self.0.cert).finish_non_exhaustive()
    }
}
