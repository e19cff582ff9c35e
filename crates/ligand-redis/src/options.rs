//! How a Redis server is reached.

use std::{fmt, time::Duration};

use ligand_net::{Address, Scheme, Server, Servers, TlsOptions, wrong};
use ligand_wire::{Result, redact::Redacted};
use serde::Deserialize;

pub(crate) const ADDRESS: Address = Address {
    bus: "Redis",
    example: "redis://user:password@host:6379/0, or rediss:// for TLS",
    schemes: &[
        Scheme { name: "redis", tls: false, port: 6379 },
        Scheme { name: "rediss", tls: true, port: 6379 },
    ],
    path: true,
};

/// How a Redis server is reached.
#[derive(Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RedisOptions {
    /// The server, `redis://[user:password@]host[:port][/db]`, or `rediss://…` for TLS. With `cluster` several: any one is
    /// enough to reach the whole cluster, and the next one is tried when one does not answer. Default:
    /// `redis://127.0.0.1:6379`.
    pub url: Servers,
    /// The servers are some of a Redis Cluster. Default: false.
    pub cluster: bool,
    /// Name of a Redis user; goes before the one of the URL. Default: none.
    pub username: Option<String>,
    /// Password; goes before the one of the URL. Default: none.
    pub password: Option<String>,
    /// Number of the database of the discoverer's keys; goes before the one of the URL. Channels are the same in
    /// all databases. Default: 0.
    pub db: Option<u32>,
    /// What `CLIENT LIST` calls the connections. Default: `ligand-<node id>`.
    pub connection_name: Option<String>,
    /// The longest time a try to connect may take. Default: `5s`.
    #[serde(with = "ligand_net::duration")]
    pub connect_timeout: Duration,
    /// Certificates for `rediss://`.
    pub tls: TlsOptions,
}

impl Default for RedisOptions {
    fn default() -> Self {
        Self {
            url: "redis://127.0.0.1:6379".into(),
            cluster: false,
            username: None,
            password: None,
            db: None,
            connection_name: None,
            connect_timeout: Duration::from_secs(5),
            tls: TlsOptions::default(),
        }
    }
}

ligand_net::setters! { RedisOptions:
    url: impl Into<Servers>,
    cluster: bool,
    username: Option<impl Into<String>>,
    password: Option<impl Into<String>>,
    db: Option<u32>,
    connection_name: Option<impl Into<String>>,
    connect_timeout: Duration,
    tls: TlsOptions,
}

impl RedisOptions {
    /// The defaults, for the server at `url`. See [`RedisOptions::url`](#structfield.url).
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

    /// The servers, each with its database.
    pub(crate) fn servers(&self) -> Result<Vec<(Server, u32)>> {
        let bus = ADDRESS.bus;
        let servers = ADDRESS.servers_with(&self.url, self.username.as_ref(), self.password.as_ref())?;
        if servers.len() > 1 && !self.cluster {
            return Err(wrong(
                bus,
                "'url' names several servers, but packets and keys are on one: set 'cluster' when they are those of a \
                 Redis Cluster",
            ));
        }
        if servers.iter().any(|server| server.username.is_some() && server.password.is_none()) {
            return Err(wrong(bus, "there is a user but no password: set 'password'"));
        }
        self.tls.check(&ADDRESS, &servers)?;
        if self.connect_timeout.is_zero() {
            return Err(wrong(bus, "'connect_timeout' must be above 0"));
        }
        let plain = |name: &String| name.bytes().all(|byte| byte.is_ascii_graphic());
        if !self.connection_name.as_ref().is_none_or(plain) {
            return Err(wrong(
                bus,
                "'connection_name' must be of ASCII letters, digits and signs, without spaces",
            ));
        }
        servers.into_iter().map(|server| self.with_db(server)).collect()
    }

    fn with_db(&self, server: Server) -> Result<(Server, u32)> {
        let of_url = match &*server.path {
            "" => Ok(0),
            number => number
                .parse()
                .map_err(|_| wrong(ADDRESS.bus, "what follows '/' in 'url' is no number of a database")),
        };
        let db = self.db.map_or(of_url, Ok)?;
        match self.cluster && db != 0 {
            true => Err(wrong(ADDRESS.bus, "'db' must be 0, a cluster has no other database")),
            false => Ok((server, db)),
        }
    }
}

impl fmt::Debug for RedisOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisOptions")
            .field("url", &self.url)
            .field("cluster", &self.cluster)
            .field("username", &Redacted::text(&self.username))
            .field("password", &Redacted::text(&self.password))
            .field("db", &self.db)
            .field("connection_name", &Redacted::text(&self.connection_name))
            .field("connect_timeout", &self.connect_timeout)
            .field("tls", &self.tls)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(options: &RedisOptions) -> String {
        let error = options.check().expect_err("must be refused");
        assert_eq!(error.kind(), "BROKER_OPTIONS_ERROR");
        error.message().into()
    }

    #[test]
    fn the_database_is_in_the_url_or_beside_it() {
        let db = |options: RedisOptions| options.servers().unwrap().remove(0).1;
        assert_eq!(db(RedisOptions::from_url("redis://h/2")), 2);
        assert_eq!(db(RedisOptions::from_url("redis://h/2").db(3)), 3);
        assert_eq!(db(RedisOptions::from_url("h:7000")), 0);
    }

    #[test]
    fn what_is_wrong_is_named_without_the_password() {
        for (url, cause) in [
            ("redis://x:s3cret@h:1/two", "number of a database"),
            ("redis://x@h", "no password"),
            ("redis://x:s3cret@h,redis://b", "'cluster'"),
        ] {
            let text = fault(&RedisOptions::from_url(url));
            assert!(
                text.starts_with("Redis: ") && text.contains(cause) && !text.contains("s3cret"),
                "{url}: {text}"
            );
        }
        assert!(fault(&RedisOptions::from_url("redis://a/1").cluster(true)).contains("'db' must be 0"));
        assert!(
            fault(&RedisOptions::default().tls(TlsOptions::default().ca_file("a.pem"))).contains("rediss://")
        );
        assert!(fault(&RedisOptions::default().connection_name("a b")).contains("'connection_name'"));
        assert!(RedisOptions::from_url("a,b").cluster(true).check().is_ok());
    }
}
