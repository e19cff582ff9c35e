//! Certificates of encrypted connections.

use std::{fmt, path::PathBuf};

use ligand_wire::{Result, redact::Redacted};
use serde::Deserialize;

use crate::{Address, Server, server::unused_tls, wrong};

/// Certificates of encrypted connections, as PEM files.
///
/// ```
/// use ligand_net::TlsOptions;
/// let tls = TlsOptions::default().ca_file("ca.pem").cert_file("node.pem").key_file("node.key");
/// # drop(tls);
/// ```
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsOptions {
    /// Certificates of the authorities that may have signed the server's. Default: those that the system trusts.
    pub ca_file: Option<PathBuf>,
    /// Certificate of this node, with those between it and the authority; with `key_file`. Default: none.
    pub cert_file: Option<PathBuf>,
    /// Private key of that certificate.
    pub key_file: Option<PathBuf>,
}

crate::setters! { TlsOptions:
    ca_file: Option<impl Into<PathBuf>>,
    cert_file: Option<impl Into<PathBuf>>,
    key_file: Option<impl Into<PathBuf>>,
}

impl TlsOptions {
    /// Whether anything is set.
    pub const fn is_set(&self) -> bool {
        self.ca_file.is_some() || self.cert_file.is_some() || self.key_file.is_some()
    }

    /// What types cannot say.
    ///
    /// # Errors
    /// `BROKER_OPTIONS_ERROR` for a certificate without its key, a key without its certificate, and files that no
    /// server would use because none is encrypted.
    pub fn check(&self, address: &Address, servers: &[Server]) -> Result<()> {
        if self.is_set() && !servers.iter().any(|server| server.tls) {
            return Err(unused_tls(address));
        }
        self.check_pair(address.bus)
    }

    /// Whether certificate and key come together.
    ///
    /// # Errors
    /// `BROKER_OPTIONS_ERROR` when one of them is missing.
    pub fn check_pair(&self, bus: &str) -> Result<()> {
        match self.cert_file.is_some() == self.key_file.is_some() {
            true => Ok(()),
            false => {
                Err(wrong(bus, "'tls.cert_file' and 'tls.key_file' belong together, one of them is missing"))
            }
        }
    }
}

impl fmt::Debug for TlsOptions {
    /// What does not look like a file is not shown: people put keys there.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsOptions")
            .field("ca_file", &self.ca_file.as_deref().map(Redacted::file))
            .field("cert_file", &self.cert_file.as_deref().map(Redacted::file))
            .field("key_file", &self.key_file.as_deref().map(Redacted::file))
            .finish()
    }
}

#[cfg(feature = "client")]
mod connector {
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

    use super::TlsOptions;
    use crate::wrong;

    impl TlsOptions {
        /// Reads the files.
        ///
        /// # Errors
        /// `BROKER_OPTIONS_ERROR` that names option and file, and nothing that stands in it.
        pub(crate) fn connector(&self, bus: &str) -> Result<TlsConnector> {
            let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
                .with_safe_default_protocol_versions()
                .map_err(|error| wrong(bus, format_args!("no encryption: {error}")))?
                .with_root_certificates(self.authorities(bus)?);
            let config = match (&self.cert_file, &self.key_file) {
                (Some(cert), Some(key)) => {
                    let chain = certificates(bus, "cert_file", cert)?;
                    let secret = PrivateKeyDer::from_pem_file(key)
                        .map_err(|error| unusable(bus, "key_file", key, cause(error)))?;
                    config
                        .with_client_auth_cert(chain, secret)
                        .map_err(|error| unusable(bus, "cert_file", cert, error))?
                }
                _ => config.with_no_client_auth(),
            };
            Ok(TlsConnector::from(Arc::new(config)))
        }

        fn authorities(&self, bus: &str) -> Result<RootCertStore> {
            let mut roots = RootCertStore::empty();
            match &self.ca_file {
                Some(file) => {
                    for certificate in certificates(bus, "ca_file", file)? {
                        roots.add(certificate).map_err(|error| unusable(bus, "ca_file", file, error))?;
                    }
                }
                None => {
                    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                    if roots.is_empty() {
                        return Err(wrong(
                            bus,
                            "this system trusts no certificates; name a PEM file of authorities in 'tls.ca_file'",
                        ));
                    }
                }
            }
            Ok(roots)
        }
    }

    fn certificates(bus: &str, option: &str, file: &Path) -> Result<Vec<CertificateDer<'static>>> {
        let list = CertificateDer::pem_file_iter(file)
            .and_then(Iterator::collect::<Result<Vec<_>, pem::Error>>)
            .map_err(|error| unusable(bus, option, file, cause(error)))?;
        match list.is_empty() {
            true => Err(unusable(bus, option, file, "it holds no certificate")),
            false => Ok(list),
        }
    }

    /// What is wrong with a PEM file, without what stands in it.
    fn cause(error: pem::Error) -> String {
        match error {
            pem::Error::Io(error) => error.to_string(),
            pem::Error::NoItemsFound => "nothing of that kind is in it".into(),
            _ => "it is no PEM file".into(),
        }
    }

    fn unusable(bus: &str, option: &str, file: &Path, cause: impl std::fmt::Display) -> Error {
        let file = Redacted::file(file);
        wrong(bus, format_args!("'tls.{option}' is {file}, which cannot be used: {cause}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scheme;

    const ADDRESS: Address = Address {
        bus: "Bus",
        example: "bus://host",
        schemes: &[Scheme { name: "bus", tls: false, port: 1 }, Scheme { name: "buss", tls: true, port: 2 }],
        path: false,
    };

    #[test]
    fn certificates_need_their_keys_and_a_connection_that_uses_them() {
        let check = |tls: TlsOptions, url: &str| {
            let servers = ADDRESS.servers(&url.into()).unwrap();
            tls.check(&ADDRESS, &servers).map_err(|error| error.message().to_owned())
        };
        let ca = || TlsOptions::default().ca_file("ca.pem");
        assert_eq!(check(TlsOptions::default(), "bus://a"), Ok(()));
        assert_eq!(check(ca(), "bus://a,buss://b"), Ok(()));
        let unused = check(ca(), "bus://a").unwrap_err();
        assert_eq!(unused, "Bus: 'tls' is set, but no server of 'url' has the scheme 'buss://'.");
        for half in [ca().cert_file("c.pem"), ca().key_file("k.pem")] {
            assert!(check(half, "buss://a").unwrap_err().contains("belong together"));
        }
    }

    #[test]
    fn keys_at_the_place_of_files_are_not_shown() {
        let text = format!("{:?}", TlsOptions::default().ca_file("ca.pem").key_file("hunter2"));
        assert!(text.contains("ca.pem") && !text.contains("hunter2"), "{text}");
    }
}
