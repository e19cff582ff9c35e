//! How etcd is reached.

use std::{fmt, time::Duration};

use ligand_net::{Address, Scheme, Server, Servers, TlsOptions, wrong};
use ligand_wire::{Result, redact::Redacted};
use serde::Deserialize;

pub(crate) const ADDRESS: Address = Address {
    bus: "etcd",
    example: "http://host:2379, or https:// for TLS",
    schemes: &[
        Scheme { name: "http", tls: false, port: 2379 },
        Scheme { name: "https", tls: true, port: 2379 },
        Scheme { name: "etcd3", tls: false, port: 2379 },
        Scheme { name: "etcd", tls: false, port: 2379 },
    ],
    path: false,
};

/// How etcd is reached and nodes find each other in it.
#[derive(Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EtcdOptions {
    /// Servers of one cluster: `http://host:port`, or `https://…` for TLS; `etcd3://` and no scheme mean `http://`.
    /// The next one is tried when one does not answer. User and password of the first one that has some are used for
    /// all. Default: `http://127.0.0.1:2379`.
    pub url: Servers,
    /// Name of an etcd user; goes before the one of the URL. Default: none.
    pub username: Option<String>,
    /// Its password; goes before the one of the URL. Default: none.
    pub password: Option<String>,
    /// The longest time a try to connect may take. Default: `5s`.
    #[serde(with = "ligand_net::duration")]
    pub connect_timeout: Duration,
    /// Certificates for `https://`.
    pub tls: TlsOptions,
    /// Load of other nodes is read in each cycle of this number; 0 = never. Default: 10.
    pub full_check: u32,
    /// How long a beat counts; whole seconds, at least 1. Not read from files: it is the broker's
    /// `heartbeat_timeout`. Default: 30 s.
    #[serde(skip)]
    pub heartbeat_timeout: Duration,
}

impl Default for EtcdOptions {
    fn default() -> Self {
        Self {
            url: "http://127.0.0.1:2379".into(),
            username: None,
            password: None,
            connect_timeout: Duration::from_secs(5),
            tls: TlsOptions::default(),
            full_check: 10,
            heartbeat_timeout: Duration::from_secs(30),
        }
    }
}

ligand_net::setters! { EtcdOptions:
    url: impl Into<Servers>,
    username: Option<impl Into<String>>,
    password: Option<impl Into<String>>,
    connect_timeout: Duration,
    tls: TlsOptions,
    full_check: u32,
    heartbeat_timeout: Duration,
}

impl EtcdOptions {
    /// The defaults, for these servers. See [`EtcdOptions::url`](#structfield.url).
    pub fn from_url(url: impl Into<Servers>) -> Self {
        Self::default().url(url)
    }

    /// What types cannot say, files aside.
    ///
    /// # Errors
    /// `BROKER_OPTIONS_ERROR` that names the option.
    pub fn check(&self) -> Result<()> {
        self.servers().map(drop)
    }

    pub(crate) fn servers(&self) -> Result<Vec<Server>> {
        let servers = ADDRESS.servers_with(&self.url, self.username.as_ref(), self.password.as_ref())?;
        self.tls.check(&ADDRESS, &servers)?;
        if self.connect_timeout.is_zero() {
            return Err(wrong(ADDRESS.bus, "'connect_timeout' must be above 0"));
        }
        if servers.iter().any(|server| server.username.is_some() != server.password.is_some()) {
            return Err(wrong(
                ADDRESS.bus,
                "'username' and 'password' belong together, one of them is missing",
            ));
        }
        Ok(servers)
    }
}

impl fmt::Debug for EtcdOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EtcdOptions")
            .field("url", &self.url)
            .field("username", &Redacted::text(&self.username))
            .field("password", &Redacted::text(&self.password))
            .field("connect_timeout", &self.connect_timeout)
            .field("tls", &self.tls)
            .field("full_check", &self.full_check)
            .field("heartbeat_timeout", &self.heartbeat_timeout)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_by_any_of_their_names() {
        let options = EtcdOptions::from_url("http://a,etcd3://b:1/, c:2,https://[::1]:80");
        let names: Vec<_> = options.servers().unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(names, ["a:2379", "b:1", "c:2", "[::1]:80"]);
    }

    #[test]
    fn debug_output_holds_no_password() {
        let options = EtcdOptions::from_url("http://x:s3cret@a:1,b:2").username("root").password("s3cret");
        let text = format!("{options:?}");
        assert!(!text.contains("s3cret") && text.contains("http://a:1, …"), "{text}");
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (options, cause) in [
            (EtcdOptions::from_url("redis://a"), "another scheme"),
            (EtcdOptions::from_url("http://a/path"), "behind host and port"),
            (EtcdOptions::default().username("root"), "belong together"),
            (EtcdOptions::default().tls(TlsOptions::default().ca_file("a.pem")), "https://"),
        ] {
            let error = options.check().unwrap_err();
            assert_eq!(error.kind(), "BROKER_OPTIONS_ERROR");
            assert!(error.message().starts_with("etcd: ") && error.message().contains(cause), "{error}");
        }
    }
}
