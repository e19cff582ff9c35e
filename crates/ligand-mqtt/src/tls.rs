//! Encrypted connections.

use std::sync::Arc;

use ligand_wire::{Error, Result, redact::Redacted};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject},
    },
};

use crate::options::TlsOptions;

/// Reads the certificates.
pub(crate) fn connector(options: &TlsOptions) -> Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    match &options.ca_file {
        Some(path) => {
            for certificate in certificates("tls.ca_file", path)? {
                roots.add(certificate).map_err(|error| unreadable("tls.ca_file", path, error))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if roots.is_empty() {
                return Err(Error::broker_options(
                    "MQTT transporter: this machine trusts no certificates; name some with option 'tls.ca_file'",
                ));
            }
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::broker_options(format!("MQTT transporter: TLS: {error}")))?
        .with_root_certificates(roots);
    let config = match (&options.cert_file, &options.key_file) {
        (Some(cert), Some(key)) => {
            let chain = certificates("tls.cert_file", cert)?;
            let private = PrivateKeyDer::from_pem_file(key)
                .map_err(|error| unreadable("tls.key_file", key, fault(error)))?;
            config
                .with_client_auth_cert(chain, private)
                .map_err(|error| unreadable("tls.cert_file", cert, error))?
        }
        _ => config.with_no_client_auth(),
    };
    Ok(TlsConnector::from(Arc::new(config)))
}

fn certificates(option: &str, path: &str) -> Result<Vec<CertificateDer<'static>>> {
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<std::result::Result<Vec<_>, _>>)
        .map_err(|error| unreadable(option, path, fault(error)))?;
    if certificates.is_empty() {
        return Err(unreadable(option, path, "it holds no certificate"));
    }
    Ok(certificates)
}

/// What is wrong with a PEM file, without what stands in it.
fn fault(error: pem::Error) -> String {
    match error {
        pem::Error::Io(error) => error.to_string(),
        pem::Error::NoItemsFound => "nothing of that kind is in it".into(),
        _ => "it is no PEM file".into(),
    }
}

fn unreadable(option: &str, path: &str, cause: impl std::fmt::Display) -> Error {
    Error::broker_options(format!(
        "MQTT transporter: option '{option}': '{}' is not usable: {cause}; it must be a PEM file",
        Redacted::file(path)
    ))
}
