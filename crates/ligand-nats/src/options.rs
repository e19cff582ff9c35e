//! How a node reaches its NATS server.

use std::{
    fmt,
    fs::File,
    path::{Path, PathBuf},
    time::Duration,
};

use async_nats::{ConnectOptions, ServerAddr, rustls::crypto::CryptoProvider};
use ligand_wire::{Error, Result, redact::Redacted};
use serde::{Deserialize, Deserializer, de};

/// How a node reaches its NATS server.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NatsOptions {
    /// Servers, separated by commas: `nats://a:4222,tls://user:password@b`. The scheme may be missing, the port is
    /// 4222 by default. Credentials of the first URL that has some are used for all; what is special in them is
    /// written as `%XX`. In configuration files also a list. Default: `nats://localhost`.
    #[serde(alias = "urls", deserialize_with = "list")]
    pub url: String,
    /// User name; with `password`.
    pub user: Option<String>,
    /// Password of `user`.
    #[serde(alias = "pass")]
    pub password: Option<String>,
    /// Token.
    pub token: Option<String>,
    /// Seed of an NKey: `SU…`.
    pub nkey: Option<String>,
    /// File with a JWT and the seed of its NKey (`.creds`).
    pub credentials: Option<PathBuf>,
    /// Encryption.
    pub tls: TlsOptions,
    /// What the server calls this connection in its logs. Default: the name of the node.
    pub name: Option<String>,
    /// Time between checks of a silent connection; it is lost after the third without an answer. Default: 10 s.
    #[serde(deserialize_with = "duration")]
    pub ping_interval: Duration,
    /// Time for one try to connect to one address. Default: 5 s.
    #[serde(deserialize_with = "duration")]
    pub connect_timeout: Duration,
    /// How many packets wait for the connection before senders wait. Default: 2048.
    pub send_queue: usize,
    /// How many packets of one subscription wait for this node before they are lost. Default: 65536.
    pub receive_queue: usize,
    /// What subjects for the server's own answers begin with. The user needs the right to publish and subscribe
    /// below it. Default: `_INBOX`.
    pub inbox_prefix: String,
}

/// Encryption of the connection to a NATS server.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsOptions {
    /// Connects only to servers with TLS. Also on with `tls://`, and when the server asks for it.
    pub required: bool,
    /// Begins with TLS instead of changing to it: for servers with `handshake_first`.
    pub first: bool,
    /// File with the certificates of authorities (PEM). Default: those of the system.
    pub ca: Option<PathBuf>,
    /// File with the certificate of this node (PEM); with `key`.
    pub cert: Option<PathBuf>,
    /// File with the private key of this node (PEM).
    pub key: Option<PathBuf>,
}

impl Default for NatsOptions {
    fn default() -> Self {
        Self {
            url: "nats://localhost".into(),
            user: None,
            password: None,
            token: None,
            nkey: None,
            credentials: None,
            tls: TlsOptions::default(),
            name: None,
            ping_interval: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(5),
            send_queue: 2048,
            receive_queue: 65_536,
            inbox_prefix: "_INBOX".into(),
        }
    }
}

impl NatsOptions {
    /// Servers, separated by commas. See [`NatsOptions::url`](#structfield.url).
    pub fn url(url: impl Into<String>) -> Self {
        Self { url: url.into(), ..Self::default() }
    }

    /// Signs in with a user name and a password.
    pub fn user(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self.password = Some(password.into());
        self
    }

    /// Signs in with a token.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Signs in with the seed of an NKey.
    pub fn nkey(mut self, seed: impl Into<String>) -> Self {
        self.nkey = Some(seed.into());
        self
    }

    /// Signs in with a file that holds a JWT and the seed of its NKey.
    pub fn credentials(mut self, file: impl Into<PathBuf>) -> Self {
        self.credentials = Some(file.into());
        self
    }

    /// Trusts only these authorities, and connects only with TLS.
    pub fn ca(mut self, file: impl Into<PathBuf>) -> Self {
        self.tls.required = true;
        self.tls.ca = Some(file.into());
        self
    }

    /// Shows a certificate to the server, and connects only with TLS.
    pub fn certificate(mut self, cert: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.tls.required = true;
        self.tls.cert = Some(cert.into());
        self.tls.key = Some(key.into());
        self
    }

    /// Time between checks of a silent connection.
    pub fn ping_interval(mut self, interval: Duration) -> Self {
        self.ping_interval = interval;
        self
    }

    /// How many packets of one subscription wait for this node before they are lost.
    pub fn receive_queue(mut self, packets: usize) -> Self {
        self.receive_queue = packets;
        self
    }
}

/// Servers and options for the client library.
pub(crate) struct Prepared {
    pub(crate) servers: Vec<ServerAddr>,
    pub(crate) options: ConnectOptions,
}

/// Checks everything that can be checked without a server.
pub(crate) async fn prepare(options: &NatsOptions, node: &str) -> Result<Prepared> {
    let servers = servers(&options.url)?;
    for (name, value) in [("send_queue", options.send_queue), ("receive_queue", options.receive_queue)] {
        if value == 0 {
            return Err(wrong(format!("'{name}' must be at least 1")));
        }
    }
    for (name, value) in
        [("ping_interval", options.ping_interval), ("connect_timeout", options.connect_timeout)]
    {
        if value.is_zero() {
            return Err(wrong(format!("'{name}' must be more than 0")));
        }
    }
    if !crate::subject::is_literal(&options.inbox_prefix) {
        return Err(wrong(
            "'inbox_prefix' is no subject: it has white space, '*', '>' or an empty part between dots",
        ));
    }
    // With several providers in a program, the client library would not know which to use.
    if CryptoProvider::get_default().is_none() {
        let _ = async_nats::rustls::crypto::ring::default_provider().install_default();
    }
    let connect = ConnectOptions::new()
        .name(options.name.as_deref().unwrap_or(node))
        .ping_interval(options.ping_interval)
        .connection_timeout(options.connect_timeout)
        .client_capacity(options.send_queue)
        .subscription_capacity(options.receive_queue)
        .custom_inbox_prefix(&options.inbox_prefix);
    let connect = encrypt(connect, &options.tls)?;
    let connect = sign_in(connect, options, &servers).await?;
    Ok(Prepared { servers: servers.into_iter().map(|server| server.address).collect(), options: connect })
}

fn encrypt(mut connect: ConnectOptions, tls: &TlsOptions) -> Result<ConnectOptions> {
    for (name, file) in [("ca", &tls.ca), ("cert", &tls.cert), ("key", &tls.key)] {
        if let Some(file) = file {
            readable(&format!("tls.{name}"), file)?;
        }
    }
    if tls.required {
        connect = connect.require_tls(true);
    }
    if tls.first {
        connect = connect.tls_first();
    }
    if let Some(ca) = &tls.ca {
        connect = connect.add_root_certificates(ca.clone());
    }
    match (&tls.cert, &tls.key) {
        (Some(cert), Some(key)) => Ok(connect.add_client_certificate(cert.clone(), key.clone())),
        (None, None) => Ok(connect),
        _ => Err(wrong("'tls.cert' and 'tls.key' belong together, one of them is missing")),
    }
}

async fn sign_in(
    mut connect: ConnectOptions,
    options: &NatsOptions,
    servers: &[Server],
) -> Result<ConnectOptions> {
    let from_url = servers.iter().find_map(|server| server.login.clone());
    let login = match (&options.user, &options.password, &options.token) {
        (Some(user), Some(password), None) => Some(Login::User(user.clone(), password.clone())),
        (None, None, Some(token)) => Some(Login::Token(token.clone())),
        (None, None, None) => from_url,
        (Some(_), _, Some(_)) => return Err(wrong("'user' and 'token' exclude each other")),
        _ => return Err(wrong("'user' and 'password' belong together, one of them is missing")),
    };
    match login {
        Some(Login::User(user, password)) => connect = connect.user_and_password(user, password),
        Some(Login::Token(token)) => connect = connect.token(token),
        None => {}
    }
    if let Some(seed) = &options.nkey {
        connect = connect.nkey(seed.trim().to_owned());
    }
    if let Some(file) = &options.credentials {
        readable("credentials", file)?;
        let read = connect.credentials_file(file).await;
        connect = read.map_err(|_| {
            wrong(format!("'credentials' is {}, which holds no JWT and NKey seed", Redacted::file(file)))
        })?;
    }
    Ok(connect)
}

fn readable(name: &str, file: &Path) -> Result<()> {
    match File::open(file) {
        Ok(_) => Ok(()),
        Err(error) => {
            Err(wrong(format!("'{name}' is {}, which cannot be read: {error}", Redacted::file(file))))
        }
    }
}

pub(crate) fn wrong(text: impl fmt::Display) -> Error {
    Error::broker_options(format!("NATS: {text}."))
}

#[derive(Clone, Debug, PartialEq)]
enum Login {
    User(String, String),
    Token(String),
}

/// One server; its address holds no credentials.
struct Server {
    address: ServerAddr,
    login: Option<Login>,
}

fn servers(urls: &str) -> Result<Vec<Server>> {
    let parts: Vec<_> = urls.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    if parts.is_empty() {
        return Err(wrong("'url' names no server"));
    }
    parts.into_iter().enumerate().map(|(at, url)| server(at, url)).collect()
}

/// Errors name the URL by its place: it may hold a password.
fn server(at: usize, url: &str) -> Result<Server> {
    let wrong = |what: &str| wrong(format!("server {} of 'url' {what}", at + 1));
    let (scheme, rest) = url.split_once("://").unwrap_or(("nats", url));
    let (login, host) = match rest.rsplit_once('@') {
        Some((login, host)) => (Some(login), host),
        None => (None, rest),
    };
    if !matches!(scheme, "nats" | "tls") {
        return Err(wrong("has another scheme than 'nats://' or 'tls://'"));
    }
    if login.is_some_and(|login| login.contains(['/', '?', '#'])) {
        return Err(wrong("has '/', '?' or '#' before the '@': in user and password they are written '%XX'"));
    }
    if host.contains(['?', '#']) || host.trim_end_matches('/').contains('/') {
        return Err(wrong("has more than a host and a port"));
    }
    let address: ServerAddr =
        format!("{scheme}://{host}").parse().map_err(|_| wrong("has no valid host and port"))?;
    if address.host().is_empty() {
        return Err(wrong("names no host"));
    }
    let login = login.map(|login| match login.split_once(':') {
        Some((user, password)) => Login::User(decode(user), decode(password)),
        None => Login::Token(decode(login)),
    });
    Ok(Server { address, login })
}

/// Replaces `%XX`.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let digit = |at: usize| tail.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(u8::try_from(high * 16 + low).unwrap_or_default());
                rest = &tail[2..];
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reads a text or a list of texts.
fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a text or a list of texts")]
    enum List {
        One(String),
        Many(Vec<String>),
    }
    Ok(match List::deserialize(deserializer)? {
        List::One(text) => text,
        List::Many(texts) => texts.join(","),
    })
}

/// Reads `"10s"`.
fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(text.trim()).map_err(|_| {
        de::Error::invalid_value(de::Unexpected::Str(&text), &"a duration such as \"500ms\" or \"10s\"")
    })
}

/// Everything but what is secret.
impl fmt::Debug for NatsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsOptions")
            .field("url", &Redacted::url(&self.url))
            .field("user", &Redacted::text(&self.user))
            .field("password", &Redacted::text(&self.password))
            .field("token", &Redacted::text(&self.token))
            .field("nkey", &Redacted::text(&self.nkey))
            .field("credentials", &self.credentials.as_deref().map(Redacted::file))
            .field("tls", &self.tls)
            .field("name", &Redacted::text(&self.name))
            .field("ping_interval", &self.ping_interval)
            .field("connect_timeout", &self.connect_timeout)
            .field("send_queue", &self.send_queue)
            .field("receive_queue", &self.receive_queue)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for TlsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsOptions")
            .field("required", &self.required)
            .field("first", &self.first)
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
    fn urls() {
        let parsed = servers("nats://u:p%40ss@a:1, tls://b ,c:3").unwrap();
        let shown: Vec<_> = parsed.iter().map(|server| server.address.as_url_str()).collect();
        assert_eq!(shown, ["nats://a:1", "tls://b", "nats://c:3"]);
        assert_eq!(parsed[0].login, Some(Login::User("u".into(), "p@ss".into())));
        assert_eq!(servers("nats://t%6fken@a").unwrap()[0].login, Some(Login::Token("token".into())));
        for (url, cause) in [
            ("", "no server"),
            ("nats://u:a/b@c", "%XX"),
            ("nats://a/b", "more than"),
            ("b,redis://a", "server 2"),
            ("nats://", "host"),
            ("a:x", "port"),
        ] {
            let error = servers(url).err().unwrap();
            assert!(error.message().contains(cause), "{url}: {error}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let options = NatsOptions::url("nats://u:secret1@a,secret2@b").token("secret3").nkey("secret4");
        let shown = format!("{:?}", options.user("u", "secret5"));
        assert!(shown.contains("nats://…, …") && !shown.contains("secret"), "{shown}");
        let error = servers("nats://u:secret@[a").err().unwrap();
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    }

    #[test]
    fn options_from_configuration() {
        let text = r#"{"url": "nats://a", "ping_interval": "3s", "tls": {"required": true}}"#;
        let options: NatsOptions = serde_json::from_str(text).unwrap();
        assert_eq!(options.ping_interval, Duration::from_secs(3));
        assert!(options.tls.required && options.receive_queue == 65_536);
        let text = r#"{"urls": ["nats://a", "b"], "user": "u", "pass": "p"}"#;
        let options: NatsOptions = serde_json::from_str(text).unwrap();
        assert_eq!((&*options.url, options.password.as_deref()), ("nats://a,b", Some("p")));
        assert!(serde_json::from_str::<NatsOptions>(r#"{"usr": "x"}"#).is_err());
    }
}
