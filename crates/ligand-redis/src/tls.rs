//! Certificates.

use std::{path::Path, sync::Arc};

use ligand_wire::{Error, Result, redact::Redacted};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject},
    },
};

use crate::TlsOptions;

/// Reads the files that `options` name.
pub(crate) fn connector(options: &TlsOptions) -> Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    match &options.ca {
        Some(file) => {
            for certificate in certificates("tls.ca", file)? {
                roots.add(certificate).map_err(|error| wrong("tls.ca", file, error))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if roots.is_empty() {
                return Err(Error::broker_options(
                    "Redis: this system has no certificates of authorities. Name a PEM file in `tls.ca`.",
                ));
            }
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(Error::internal_error)?
        .with_root_certificates(roots);
    let config = match (&options.cert, &options.key) {
        (Some(cert), Some(key)) => {
            let chain = certificates("tls.cert", cert)?;
            let secret =
                PrivateKeyDer::from_pem_file(key).map_err(|error| wrong("tls.key", key, cause(error)))?;
            config.with_client_auth_cert(chain, secret).map_err(|error| wrong("tls.key", key, error))?
        }
        (None, None) => config.with_no_client_auth(),
        _ => {
            return Err(Error::broker_options(
                "Redis: `tls.cert` and `tls.key` belong together. Set both or none.",
            ));
        }
    };
    Ok(TlsConnector::from(Arc::new(config)))
}

fn certificates(option: &str, file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let list = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, pem::Error>>)
        .map_err(|error| wrong(option, file, cause(error)))?;
    if list.is_empty() {
        return Err(wrong(option, file, "it holds no certificate"));
    }
    Ok(list)
}

/// What is wrong with a PEM file, without what stands in it.
fn cause(error: pem::Error) -> String {
    match error {
        pem::Error::Io(error) => error.to_string(),
        pem::Error::NoItemsFound => "nothing of that kind is in it".into(),
        _ => "it is no PEM file".into(),
    }
}

fn wrong(option: &str, file: &Path, error: impl std::fmt::Display) -> Error {
    Error::broker_options(format!("Redis: `{option}` = '{}': {error}", Redacted::file(file)))
}
