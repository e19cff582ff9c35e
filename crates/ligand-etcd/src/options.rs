//! How etcd is reached.

use std::{fmt, path::PathBuf, time::Duration};

use ligand_wire::redact::Redacted;
use serde::Deserialize;

/// How etcd is reached and nodes find each other in it.
#[derive(Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct EtcdOptions {
    /// Servers of one cluster: `http://host:port`, or `https://…` for TLS; `etcd3://` and no scheme mean `http://`.
    /// The next one is tried when one does not answer. Default: `http://127.0.0.1:2379`.
    pub hosts: Vec<String>,
    /// Name of an etcd user. Default: none.
    #[serde(alias = "user")]
    pub username: Option<String>,
    /// Its password.
    pub password: Option<String>,
    /// Certificates for `https://`.
    pub tls: TlsOptions,
    /// Load of other nodes is read in each cycle of this number; 0 = never. Default: 10.
    pub full_check: u32,
    /// How long a beat counts; whole seconds, at least 1. Not read from files: it is the broker's
    /// `heartbeat_timeout`. Default: 30 s.
    #[serde(skip)]
    pub heartbeat_timeout: Duration,
}

/// Certificates for `https://`.
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct TlsOptions {
    /// PEM file of the authorities that the server's certificate is checked with. Default: those of the system.
    pub ca: Option<PathBuf>,
    /// PEM file of this node's certificate. Default: none.
    pub cert: Option<PathBuf>,
    /// PEM file of its private key; needed with `cert`.
    pub key: Option<PathBuf>,
}

impl Default for EtcdOptions {
    fn default() -> Self {
        Self {
            hosts: vec!["http://127.0.0.1:2379".into()],
            username: None,
            password: None,
            tls: TlsOptions::default(),
            full_check: 10,
            heartbeat_timeout: Duration::from_secs(30),
        }
    }
}

impl EtcdOptions {
    /// One URL, or several with commas between. See [`EtcdOptions::hosts`].
    pub fn url(urls: impl AsRef<str>) -> Self {
        Self { hosts: urls.as_ref().split(',').map(Into::into).collect(), ..Self::default() }
    }

    /// Signs in as a user of etcd.
    pub fn user(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.username = Some(user.into());
        self.password = Some(password.into());
        self
    }

    /// Trusts only these authorities.
    pub fn ca(mut self, file: impl Into<PathBuf>) -> Self {
        self.tls.ca = Some(file.into());
        self
    }

    /// Shows a certificate to the server.
    pub fn certificate(mut self, cert: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.tls.cert = Some(cert.into());
        self.tls.key = Some(key.into());
        self
    }
}

impl fmt::Debug for EtcdOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EtcdOptions")
            .field("hosts", &self.hosts.iter().map(|url| Redacted::url(url)).collect::<Vec<_>>())
            .field("username", &Redacted::text(&self.username))
            .field("password", &Redacted::text(&self.password))
            .field("tls", &self.tls)
            .field("full_check", &self.full_check)
            .field("heartbeat_timeout", &self.heartbeat_timeout)
            .finish()
    }
}

impl fmt::Debug for TlsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsOptions")
            .field("ca", &self.ca.as_deref().map(Redacted::file))
            .field("cert", &self.cert.as_deref().map(Redacted::file))
            .field("key", &self.key.as_deref().map(Redacted::file))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_holds_no_password() {
        let options = EtcdOptions::url("http://x:s3cret@a:1,b:2").user("root", "s3cret");
        let text = format!("{options:?}");
        assert!(!text.contains("s3cret") && text.contains("http://a:1, …"), "{text}");
    }

    #[test]
    fn unknown_options_are_refused() {
        assert!(serde_json::from_str::<EtcdOptions>(r#"{"hosts":["a:1"],"full_check":0}"#).is_ok());
        assert!(serde_json::from_str::<EtcdOptions>(r#"{"host":"a:1"}"#).is_err());
    }
}
