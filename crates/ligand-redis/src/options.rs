//! How a Redis server is reached.

use std::{fmt, path::PathBuf};

use ligand_wire::redact::Redacted;
use serde::Deserialize;

/// How a Redis server is reached.
#[derive(Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RedisOptions {
    /// `redis://[user[:password]@]host[:port][/db]`, or `rediss://…` for TLS. Default: `redis://127.0.0.1:6379`.
    pub url: String,
    /// Name of a Redis user; goes before the one of the URL. Default: none.
    #[serde(alias = "user")]
    pub username: Option<String>,
    /// Password; goes before the one of the URL. Default: none.
    pub password: Option<String>,
    /// Number of the database of the discoverer's keys; goes before the one of the URL. Channels are the same in
    /// all databases. Default: 0.
    pub db: Option<u32>,
    /// What `CLIENT LIST` calls the connections. Default: `ligand-<node id>`.
    pub connection_name: Option<String>,
    /// Certificates for `rediss://`.
    pub tls: TlsOptions,
    /// Servers of a Redis Cluster, instead of `url`. Default: none.
    pub cluster: Option<ClusterOptions>,
}

/// Certificates for `rediss://`.
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

/// Servers of a Redis Cluster.
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ClusterOptions {
    /// URLs of some servers, as [`RedisOptions::url`]. Any one is enough to reach the whole cluster; the next one
    /// is tried when one does not answer.
    pub nodes: Vec<String>,
}

impl Default for RedisOptions {
    fn default() -> Self {
        Self {
            url: "redis://127.0.0.1:6379".into(),
            username: None,
            password: None,
            db: None,
            connection_name: None,
            tls: TlsOptions::default(),
            cluster: None,
        }
    }
}

impl RedisOptions {
    /// The server at `url`. See [`RedisOptions::url`](#structfield.url).
    pub fn url(url: impl Into<String>) -> Self {
        Self { url: url.into(), ..Self::default() }
    }

    /// A Redis Cluster with these servers, among others. See [`ClusterOptions::nodes`].
    pub fn cluster(nodes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let nodes = nodes.into_iter().map(Into::into).collect();
        Self { cluster: Some(ClusterOptions { nodes }), ..Self::default() }
    }

    /// Signs in with a password.
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// Signs in as a user of Redis 6 or later.
    pub fn user(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.username = Some(user.into());
        self.password(password)
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

impl fmt::Debug for RedisOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisOptions")
            .field("url", &Redacted::url(&self.url))
            .field("username", &Redacted::text(&self.username))
            .field("password", &Redacted::text(&self.password))
            .field("db", &self.db)
            .field("connection_name", &Redacted::text(&self.connection_name))
            .field("tls", &self.tls)
            .field("cluster", &self.cluster)
            .finish()
    }
}

impl fmt::Debug for ClusterOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.nodes.iter().map(|url| Redacted::url(url))).finish()
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
        let mut options = RedisOptions::cluster(["rediss://:s3cret@a"]).user("joe", "s3cret");
        options.url = "redis://joe:s3cret@host:1".into();
        let text = format!("{options:?}");
        assert!(!text.contains("s3cret") && text.contains("redis://host:1"), "{text}");
    }

    #[test]
    fn unknown_options_are_refused() {
        assert!(
            serde_json::from_str::<RedisOptions>(r#"{"url":"redis://x","tls":{"ca":"/ca.pem"}}"#).is_ok()
        );
        assert!(serde_json::from_str::<RedisOptions>(r#"{"pasword":"x"}"#).is_err());
    }
}
