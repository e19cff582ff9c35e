//! How a node reaches its NATS server.

use std::{
    fmt,
    fs::File,
    path::{Path, PathBuf},
    time::Duration,
};

use async_nats::{ConnectOptions, ServerAddr, rustls::crypto::CryptoProvider};
use ligand_net::{Address, Scheme, Server, Servers, TlsOptions};
use ligand_wire::{Error, Result, redact::Redacted};
use serde::Deserialize;

pub(crate) const ADDRESS: Address = Address {
    bus: "NATS",
    example: "nats://user:password@host:4222, or tls:// for TLS",
    schemes: &[
        Scheme { name: "nats", tls: false, port: 4222 },
        Scheme { name: "tls", tls: true, port: 4222 },
    ],
    path: false,
};

/// How a node reaches its NATS server.
#[derive(Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NatsOptions {
    /// Servers of one cluster: `nats://[user:password@]host[:port]`, or `tls://…`; the scheme may be missing, the port is
    /// 4222. `nats://token@host` is a token. User and password of the first one that has some are used for all.
    /// Default: `nats://127.0.0.1:4222`.
    pub url: Servers,
    /// Name of a user; goes before the one of the URL, with `password`. Default: none.
    pub username: Option<String>,
    /// Its password; goes before the one of the URL. Default: none.
    pub password: Option<String>,
    /// A token, instead of user and password. Default: none.
    pub token: Option<String>,
    /// Seed of an NKey: `SU…`. Default: none.
    pub nkey: Option<String>,
    /// File with a JWT and the seed of its NKey (`.creds`). Default: none.
    pub credentials_file: Option<PathBuf>,
    /// Certificates. When one is set, only servers with TLS are taken.
    pub tls: TlsOptions,
    /// Connects only to servers with TLS. Also on with `tls://`, and when the server asks for it. Default: false.
    pub tls_required: bool,
    /// Begins with TLS instead of changing to it: for servers with `handshake_first`. Default: false.
    pub tls_first: bool,
    /// What the server calls this connection in its logs. Default: the name of the node.
    pub connection_name: Option<String>,
    /// Time between checks of a silent connection; it is lost after the third without an answer. Default: `10s`.
    #[serde(with = "ligand_net::duration")]
    pub ping_interval: Duration,
    /// The longest time a try to connect may take. Default: `5s`.
    #[serde(with = "ligand_net::duration")]
    pub connect_timeout: Duration,
    /// How many packets wait for the connection before senders wait. Default: 2048.
    pub send_queue: usize,
    /// How many packets of one subscription wait for this node before they are lost. Default: 65536.
    pub receive_queue: usize,
    /// What subjects for the server's own answers begin with. The user needs the right to publish and subscribe
    /// below it. Default: `_INBOX`.
    pub inbox_prefix: String,
}

impl Default for NatsOptions {
    fn default() -> Self {
        Self {
            url: "nats://127.0.0.1:4222".into(),
            username: None,
            password: None,
            token: None,
            nkey: None,
            credentials_file: None,
            tls: TlsOptions::default(),
            tls_required: false,
            tls_first: false,
            connection_name: None,
            ping_interval: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(5),
            send_queue: 2048,
            receive_queue: 65_536,
            inbox_prefix: "_INBOX".into(),
        }
    }
}

ligand_net::setters! { NatsOptions:
    url: impl Into<Servers>,
    username: Option<impl Into<String>>,
    password: Option<impl Into<String>>,
    token: Option<impl Into<String>>,
    nkey: Option<impl Into<String>>,
    credentials_file: Option<impl Into<PathBuf>>,
    tls: TlsOptions,
    tls_required: bool,
    tls_first: bool,
    connection_name: Option<impl Into<String>>,
    ping_interval: Duration,
    connect_timeout: Duration,
    send_queue: usize,
    receive_queue: usize,
    inbox_prefix: impl Into<String>,
}

impl NatsOptions {
    /// The defaults, for these servers. See [`NatsOptions::url`](#structfield.url).
    pub fn from_url(url: impl Into<Servers>) -> Self {
        Self::default().url(url)
    }

    /// What types cannot say, files aside.
    ///
    /// # Errors
    /// `BROKER_OPTIONS_ERROR` that names the option.
    pub fn check(&self) -> Result<()> {
        let servers = self.servers()?;
        for (name, value) in [("send_queue", self.send_queue), ("receive_queue", self.receive_queue)] {
            if value == 0 {
                return Err(wrong(format_args!("'{name}' must be at least 1")));
            }
        }
        for (name, value) in
            [("ping_interval", self.ping_interval), ("connect_timeout", self.connect_timeout)]
        {
            if value.is_zero() {
                return Err(wrong(format_args!("'{name}' must be above 0")));
            }
        }
        if !crate::subject::is_literal(&self.inbox_prefix) {
            return Err(wrong(
                "'inbox_prefix' is no subject: it has white space, '*', '>' or an empty part between dots",
            ));
        }
        self.tls.check_pair(ADDRESS.bus)?;
        self.login(&servers).map(drop)
    }

    fn servers(&self) -> Result<Vec<Server>> {
        ADDRESS.servers(&self.url)
    }

    /// How to sign in with user or token.
    fn login(&self, servers: &[Server]) -> Result<Option<Login>> {
        let of_url = servers.iter().find(|server| server.username.is_some() || server.password.is_some());
        let of_url = of_url.map(|server| (server.username.clone(), server.password.clone()));
        if let Some(token) = &self.token {
            return match &self.username {
                Some(_) => Err(wrong("'username' and 'token' exclude each other")),
                None => Ok(Some(Login::Token(token.clone()))),
            };
        }
        let beside = self.username.is_some() || self.password.is_some();
        let (username, password) = match (beside, of_url) {
            (false, Some((Some(token), None))) => return Ok(Some(Login::Token(token))),
            (_, of_url) => {
                let (username, password) = of_url.unwrap_or_default();
                (self.username.clone().or(username), self.password.clone().or(password))
            }
        };
        match (username, password) {
            (Some(username), Some(password)) => Ok(Some(Login::User(username, password))),
            (None, None) => Ok(None),
            _ => Err(wrong("'username' and 'password' belong together, one of them is missing")),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Login {
    User(String, String),
    Token(String),
}

/// Servers and options for the client library.
pub(crate) struct Prepared {
    pub(crate) servers: Vec<ServerAddr>,
    pub(crate) options: ConnectOptions,
}

/// Checks everything that can be checked without a server.
pub(crate) async fn prepare(options: &NatsOptions, node: &str) -> Result<Prepared> {
    options.check()?;
    let servers = options.servers()?;
    // With several providers in a program, the client library would not know which to use.
    if CryptoProvider::get_default().is_none() {
        let _ = async_nats::rustls::crypto::ring::default_provider().install_default();
    }
    let connect = ConnectOptions::new()
        .name(options.connection_name.as_deref().unwrap_or(node))
        .ping_interval(options.ping_interval)
        .connection_timeout(options.connect_timeout)
        .client_capacity(options.send_queue)
        .subscription_capacity(options.receive_queue)
        .custom_inbox_prefix(&options.inbox_prefix);
    let connect = encrypt(connect, options)?;
    let connect = sign_in(connect, options, &servers).await?;
    // Without user and password: those are among the options.
    let address = |server: &Server| {
        format!("{}://{server}", server.scheme).parse().map_err(|_| wrong("'url' has no valid host and port"))
    };
    Ok(Prepared { servers: servers.iter().map(address).collect::<Result<_>>()?, options: connect })
}

fn encrypt(mut connect: ConnectOptions, options: &NatsOptions) -> Result<ConnectOptions> {
    let tls = &options.tls;
    for (name, file) in
        [("ca_file", &tls.ca_file), ("cert_file", &tls.cert_file), ("key_file", &tls.key_file)]
    {
        if let Some(file) = file {
            readable(&format!("tls.{name}"), file)?;
        }
    }
    if options.tls_required || tls.is_set() {
        connect = connect.require_tls(true);
    }
    if options.tls_first {
        connect = connect.tls_first();
    }
    if let Some(ca) = &tls.ca_file {
        connect = connect.add_root_certificates(ca.clone());
    }
    Ok(match (&tls.cert_file, &tls.key_file) {
        (Some(cert), Some(key)) => connect.add_client_certificate(cert.clone(), key.clone()),
        _ => connect,
    })
}

async fn sign_in(
    mut connect: ConnectOptions,
    options: &NatsOptions,
    servers: &[Server],
) -> Result<ConnectOptions> {
    match options.login(servers)? {
        Some(Login::User(user, password)) => connect = connect.user_and_password(user, password),
        Some(Login::Token(token)) => connect = connect.token(token),
        None => {}
    }
    if let Some(seed) = &options.nkey {
        connect = connect.nkey(seed.trim().to_owned());
    }
    if let Some(file) = &options.credentials_file {
        readable("credentials_file", file)?;
        let read = connect.credentials_file(file).await;
        connect = read.map_err(|_| {
            let file = Redacted::file(file);
            wrong(format_args!("'credentials_file' is {file}, which holds no JWT and NKey seed"))
        })?;
    }
    Ok(connect)
}

fn readable(name: &str, file: &Path) -> Result<()> {
    File::open(file).map(drop).map_err(|error| {
        wrong(format_args!("'{name}' is {}, which cannot be used: {error}", Redacted::file(file)))
    })
}

pub(crate) fn wrong(text: impl fmt::Display) -> Error {
    ligand_net::wrong(ADDRESS.bus, text)
}

/// Everything but what is secret.
impl fmt::Debug for NatsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsOptions")
            .field("url", &self.url)
            .field("username", &Redacted::text(&self.username))
            .field("password", &Redacted::text(&self.password))
            .field("token", &Redacted::text(&self.token))
            .field("nkey", &Redacted::text(&self.nkey))
            .field("credentials_file", &self.credentials_file.as_deref().map(Redacted::file))
            .field("tls", &self.tls)
            .field("tls_required", &self.tls_required)
            .field("tls_first", &self.tls_first)
            .field("connection_name", &Redacted::text(&self.connection_name))
            .field("ping_interval", &self.ping_interval)
            .field("connect_timeout", &self.connect_timeout)
            .field("send_queue", &self.send_queue)
            .field("receive_queue", &self.receive_queue)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(options: &NatsOptions) -> Option<Login> {
        options.login(&options.servers().unwrap()).unwrap()
    }

    #[test]
    fn logins_of_urls_and_beside_them() {
        let user = |name: &str, password: &str| Some(Login::User(name.into(), password.into()));
        let of = |url: &str| NatsOptions::from_url(url);
        assert_eq!(login(&of("a,nats://u:p%40ss@b")), user("u", "p@ss"));
        assert_eq!(login(&of("nats://t%6fken@a")), Some(Login::Token("token".into())));
        assert_eq!(login(&of("nats://u:p@a").password("own")), user("u", "own"));
        assert_eq!(login(&of("nats://u:p@a").username("ann").password("own")), user("ann", "own"));
        assert_eq!(login(&of("a")), None);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (options, cause) in [
            (NatsOptions::from_url("b,redis://a"), "server 2"),
            (NatsOptions::from_url("nats://a/b"), "behind host and port"),
            (NatsOptions::default().username("ann"), "belong together"),
            (NatsOptions::default().username("ann").password("x").token("t"), "exclude each other"),
            (NatsOptions::default().send_queue(0), "'send_queue'"),
            (NatsOptions::default().connect_timeout(Duration::ZERO), "'connect_timeout'"),
        ] {
            let error = options.check().unwrap_err();
            assert!(error.message().starts_with("NATS: ") && error.message().contains(cause), "{error}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let options = NatsOptions::from_url("nats://u:secret1@a,secret2@b").token("secret3").nkey("secret4");
        let shown = format!("{:?}", options.username("u").password("secret5"));
        assert!(shown.contains("[nats://a, …]") && !shown.contains("secret"), "{shown}");
    }

    #[test]
    fn options_from_configuration() {
        let text = r#"{"url": ["nats://a", "b"], "ping_interval": "3s", "tls_required": true}"#;
        let options: NatsOptions = serde_json::from_str(text).unwrap();
        assert_eq!(options.ping_interval, Duration::from_secs(3));
        assert!(options.tls_required && options.receive_queue == 65_536);
    }
}
