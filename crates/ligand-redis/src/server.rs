//! The servers that options name: checked once, before the first connection.

use std::{
    fmt,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use ligand_wire::{Error, Result, redact::Redacted};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};

use crate::{
    RedisOptions, TlsOptions,
    connection::{Connection, Lost},
    tls,
};

/// How long connecting, logging in and subscribing may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// The servers that options name, each as good as the other.
pub(crate) struct Servers {
    list: Vec<Server>,
    /// The one to try next.
    next: AtomicUsize,
    name: Option<String>,
}

struct Server {
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    username: Option<String>,
    password: Option<String>,
    db: u32,
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl Servers {
    /// Checks options.
    ///
    /// # Errors
    /// `BROKER_OPTIONS_ERROR` that names the option.
    pub(crate) fn new(options: &RedisOptions) -> Result<Self> {
        let urls = match &options.cluster {
            Some(cluster) if cluster.nodes.is_empty() => {
                return Err(Error::broker_options(
                    "Redis: `cluster.nodes` is empty. Name at least one server of the cluster.",
                ));
            }
            Some(cluster) => cluster.nodes.iter().map(String::as_str).collect(),
            None => vec![options.url.as_str()],
        };
        let mut connector = None;
        let mut list = Vec::with_capacity(urls.len());
        for url in urls {
            list.push(Server::new(url, options, &mut connector)?);
        }
        if options.cluster.is_some() && list.iter().any(|server| server.db != 0) {
            return Err(Error::broker_options("Redis: a cluster has only database 0. Remove `db`."));
        }
        if options
            .connection_name
            .as_deref()
            .is_some_and(|name| !name.bytes().all(|byte| byte.is_ascii_graphic()))
        {
            return Err(Error::broker_options(
                "Redis: `connection_name` must be of ASCII letters, digits and signs, without spaces.",
            ));
        }
        Ok(Self { list, next: AtomicUsize::new(0), name: options.connection_name.clone() })
    }

    /// Takes the server that is to be tried now; the next call answers another one.
    pub(crate) fn turn(&self) -> Turn<'_> {
        Turn {
            server: &self.list[self.next.fetch_add(1, Ordering::Relaxed) % self.list.len()],
            servers: self,
        }
    }
}

/// A server that is to be tried.
pub(crate) struct Turn<'a> {
    server: &'a Server,
    servers: &'a Servers,
}

impl Turn<'_> {
    /// Connects, logs in and takes the database.
    pub(crate) async fn connect(&self, node: &str) -> Result<Connection, Lost> {
        let name = self.servers.name.clone().unwrap_or_else(|| {
            let plain = |letter: char| if letter.is_ascii_graphic() { letter } else { '_' };
            format!("ligand-{}", node.chars().map(plain).collect::<String>())
        });
        self.server.connect(&name).await.map_err(|lost| lost.of(self.server))
    }

    /// Names the server in what went wrong with its connection.
    pub(crate) fn name(&self, lost: Lost) -> Lost {
        lost.of(self.server)
    }

    /// Bounds `work` with [`PATIENCE`].
    pub(crate) async fn within<T>(&self, work: impl Future<Output = Result<T, Lost>>) -> Result<T, Lost> {
        timeout(PATIENCE, work).await.unwrap_or_else(|_| {
            Err(Lost::new(format!("no answer within {} s", PATIENCE.as_secs())).of(self.server))
        })
    }
}

impl Server {
    fn new(url: &str, options: &RedisOptions, connector: &mut Option<TlsConnector>) -> Result<Self> {
        let wrong = |what: &str| {
            Error::broker_options(format!(
                "Redis: URL '{}': {what}. It must look like redis://user:password@host:6379/0, or rediss:// for TLS.",
                Redacted::url(url)
            ))
        };
        let (scheme, rest) = url.split_once("://").unwrap_or(("redis", url));
        let encrypted = match scheme {
            "redis" => false,
            "rediss" => true,
            _ => return Err(wrong("the scheme is not known")),
        };
        if rest.contains(['?', '#']) {
            return Err(wrong("options after '?' are not known here"));
        }
        let (credentials, place) =
            rest.rsplit_once('@').map_or((None, rest), |(left, right)| (Some(left), right));
        if credentials.is_some_and(|text| text.contains('/')) {
            return Err(wrong("'/' stands before '@'; in user and password it is written '%2F'"));
        }
        let (place, db) = place.split_once('/').unwrap_or((place, ""));
        let db = match db {
            "" => 0,
            number => number.parse().map_err(|_| wrong("the database is not a number"))?,
        };
        let (host, port) = match place.strip_prefix('[') {
            Some(rest) => rest.split_once(']').ok_or_else(|| wrong("']' is missing"))?,
            None => place.find(':').map_or((place, ""), |at| place.split_at(at)),
        };
        let port = match port {
            "" => 6379,
            port => port
                .strip_prefix(':')
                .and_then(|port| port.parse().ok())
                .ok_or_else(|| wrong("the port is not a number below 65536"))?,
        };
        if host.is_empty() {
            return Err(wrong("the host is missing"));
        }
        let decoded = |text: &str| match text {
            "" => Ok(None),
            text => {
                decoded(text).map(Some).ok_or_else(|| wrong("user or password is not percent-encoded UTF-8"))
            }
        };
        let (username, password) = match credentials.map(|text| text.split_once(':').unwrap_or((text, ""))) {
            Some((username, password)) => (decoded(username)?, decoded(password)?),
            None => (None, None),
        };
        let username = options.username.clone().or(username);
        let password = options.password.clone().or(password);
        if username.is_some() && password.is_none() {
            return Err(wrong("there is a user but no password"));
        }
        let tls = if encrypted {
            let connector = match connector {
                Some(connector) => connector.clone(),
                None => connector.insert(tls::connector(&options.tls)?).clone(),
            };
            let name =
                ServerName::try_from(host.to_owned()).map_err(|_| wrong("the host is not a valid name"))?;
            Some((connector, name))
        } else {
            let TlsOptions { ca, cert, key } = &options.tls;
            if ca.is_some() || cert.is_some() || key.is_some() {
                return Err(wrong("`tls` is set, but the scheme is not rediss://"));
            }
            None
        };
        Ok(Self { host: host.into(), port, tls, username, password, db: options.db.unwrap_or(db) })
    }

    async fn connect(&self, name: &str) -> Result<Connection, Lost> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        stream.set_nodelay(true)?;
        let mut connection = match &self.tls {
            None => {
                let (reader, writer) = stream.into_split();
                Connection::new(reader, writer)
            }
            Some((connector, host)) => {
                let (reader, writer) = tokio::io::split(connector.connect(host.clone(), stream).await?);
                Connection::new(reader, writer)
            }
        };
        if let Some(password) = &self.password {
            let answer = match &self.username {
                Some(username) => connection.ask(&["AUTH", username, password]).await,
                None => connection.ask(&["AUTH", password]).await,
            };
            answer
                .map_err(|lost| lost.of_login("it does not take this login; has it users and passwords?"))?;
        }
        if self.db != 0 {
            let answer = connection.ask(&["SELECT", &self.db.to_string()]).await;
            answer.map_err(|lost| lost.of_login("it does not have this database"))?;
        }
        // Some users may not name themselves; the name is for people only.
        match connection.ask(&["CLIENT", "SETNAME", name]).await {
            Ok(_) => {}
            Err(lost) if lost.is_denied() => return Err(lost.of_login("")),
            Err(lost) if lost.refused => {}
            Err(lost) => return Err(lost),
        }
        // Is the user let in at all?
        connection.ask(&["PING"]).await.map_err(|lost| lost.of_login("it does not answer a PING"))?;
        Ok(connection)
    }
}

/// Undoes percent-encoding; `None` for what is none.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                u8::try_from(digit(rest.next())? * 16 + digit(rest.next())?).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(url: &str) -> Server {
        Servers::new(&RedisOptions::url(url)).unwrap_or_else(|error| panic!("{url}: {error}")).list.remove(0)
    }

    fn fault(options: &RedisOptions) -> String {
        let error = Servers::new(options).err().expect("must be refused");
        assert_eq!(error.kind(), "BROKER_OPTIONS_ERROR");
        error.message().into()
    }

    #[test]
    fn urls() {
        let plain = server("redis://localhost");
        assert_eq!((plain.to_string(), plain.db, plain.tls.is_none()), ("localhost:6379".into(), 0, true));
        assert_eq!(server("host:7000").to_string(), "host:7000");
        assert_eq!(server("redis://[::1]:7000/3").to_string(), "::1:7000");
        let full = server("redis://j%40e:a%3Ab@h:1/2");
        assert_eq!(
            (full.username.as_deref(), full.password.as_deref(), full.db),
            (Some("j@e"), Some("a:b"), 2)
        );
        let bare = server("redis://:pw@h/");
        assert_eq!((bare.username, bare.password.as_deref()), (None, Some("pw")));
    }

    #[test]
    fn what_is_wrong_is_named_without_the_password() {
        for (url, cause) in [
            ("http://x:s3cret@h", "the scheme is not known"),
            ("redis://x:s3cret@", "the host is missing"),
            ("redis://x:s3cret@h:port", "the port is not a number"),
            ("redis://x:s3cret@h:1/two", "the database is not a number"),
            ("redis://x:%zz@h", "not percent-encoded"),
            ("redis://x:s3cret@h?db=1", "after '?'"),
            ("redis://x@h", "no password"),
            ("redis://x:y/s3cret@h", "'%2F'"),
            ("redis://h/s3cret@z", "'%2F'"),
        ] {
            let text = fault(&RedisOptions::url(url));
            assert!(text.contains(cause) && !text.contains("s3cret"), "{url}: {text}");
        }
        assert!(fault(&RedisOptions::cluster(Vec::<String>::new())).contains("cluster.nodes"));
        assert!(fault(&RedisOptions::cluster(["redis://a/1"])).contains("database 0"));
        let encrypted = RedisOptions::url("rediss://h").ca("/no/such/file.pem");
        assert!(fault(&encrypted).contains("/no/such/file.pem"));
        assert!(fault(&RedisOptions::default().ca("/no/such/file.pem")).contains("rediss://"));
    }
}
