//! The options of the transporter.

use std::{fmt, time::Duration};

use ligand_wire::{Error, Result, redact::Redacted};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use url::Url;

use crate::{
    frame::{Field, Table},
    time,
};

/// The options of the transporter.
#[derive(Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Options {
    /// Where the servers are, `amqp://user:password@host:port/vhost` or `amqps://` (TLS); they are tried in turn. One
    /// text, several separated by `;`, or a list. Ports are 5672 and 5671, user and password `guest`, the virtual
    /// host `/` unless given. Default: `amqp://127.0.0.1:5672`.
    pub url: Servers,
    /// User, unless the URL names one. Default: none.
    pub username: Option<String>,
    /// Password, unless the URL holds one. Default: none.
    pub password: Option<String>,
    /// How many requests of one queue are worked on at a time; `0` = no limit. Moleculer's default is 1, which works
    /// off requests one by one and lets a handler that reads an upload wait for ever. Default: 256.
    pub prefetch: u16,
    /// How long the queues of a node stay when nobody consumes them: `false` = for ever, `true` = 2 minutes, or a
    /// duration. The same on all nodes that have listeners of one group, when requests are balanced. Default: 2 minutes.
    #[serde(deserialize_with = "keep_queues")]
    pub auto_delete_queues: Option<Duration>,
    /// How long an event may wait in a queue; `0` = no limit. The same on all nodes that have listeners of one
    /// group, when events are balanced. Default: `0`.
    #[serde(with = "time")]
    pub event_time_to_live: Duration,
    /// How long a heartbeat may wait in a queue; `0` = no limit. Default: `0`.
    #[serde(with = "time")]
    pub heartbeat_time_to_live: Duration,
    /// How long a request may wait in a queue; `0` = no limit. A node that comes back with the same name does not run
    /// requests that are older. Choose more than the longest `request_timeout`. Default: `30s`.
    #[serde(with = "time")]
    pub request_time_to_live: Duration,
    /// Changes how queues are declared.
    pub queue_options: QueueOptions,
    /// Changes how exchanges are declared: the same on all nodes.
    pub exchange_options: ExchangeOptions,
    /// Changes how messages are published.
    pub message_options: MessageOptions,
    /// Name of the connection in the server's lists. Default: namespace and node id.
    pub connection_name: Option<String>,
    /// A server from which nothing is heard for twice this time is lost; `0` = never. The server may ask for less.
    /// Default: `15s`.
    #[serde(with = "time")]
    pub heartbeat: Duration,
    /// The longest time a try to connect may take. Default: `10s`.
    #[serde(with = "time")]
    pub connect_timeout: Duration,
    /// The largest packet that is received, in bytes; larger ones are skipped and logged. Default: 32 MiB.
    pub max_packet_size: usize,
    /// Certificates of `amqps://`.
    pub tls: TlsOptions,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            url: Servers(vec!["amqp://127.0.0.1:5672".into()]),
            username: None,
            password: None,
            prefetch: 256,
            auto_delete_queues: Some(KEEP),
            event_time_to_live: Duration::ZERO,
            heartbeat_time_to_live: Duration::ZERO,
            request_time_to_live: Duration::from_secs(30),
            queue_options: QueueOptions::default(),
            exchange_options: ExchangeOptions::default(),
            message_options: MessageOptions::default(),
            connection_name: None,
            heartbeat: Duration::from_secs(15),
            connect_timeout: Duration::from_secs(10),
            max_packet_size: 32 << 20,
            tls: TlsOptions::default(),
        }
    }
}

impl fmt::Debug for Options {
    /// Without passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("url", &self.url)
            .field("username", &Redacted::text(&self.username))
            .field("password", &Redacted::text(&self.password))
            .field("prefetch", &self.prefetch)
            .field("auto_delete_queues", &self.auto_delete_queues)
            .field("event_time_to_live", &self.event_time_to_live)
            .field("heartbeat_time_to_live", &self.heartbeat_time_to_live)
            .field("request_time_to_live", &self.request_time_to_live)
            .field("queue_options", &self.queue_options)
            .field("exchange_options", &self.exchange_options)
            .field("message_options", &self.message_options)
            .field("connection_name", &Redacted::text(&self.connection_name))
            .field("heartbeat", &self.heartbeat)
            .field("connect_timeout", &self.connect_timeout)
            .field("max_packet_size", &self.max_packet_size)
            .field("tls", &self.tls)
            .finish()
    }
}

/// How long Moleculer nodes keep queues without consumers.
const KEEP: Duration = Duration::from_secs(120);

fn keep_queues<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Option<Duration>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "true, false or a duration such as \"2m\"")]
    enum Form {
        Switch(bool),
        Time(#[serde(with = "time")] Duration),
    }
    Ok(match Form::deserialize(deserializer)? {
        Form::Switch(true) => Some(KEEP),
        Form::Switch(false) => None,
        Form::Time(time) => Some(time),
    })
}

/// Changes how queues are declared; what is not given stays as Moleculer nodes declare it.
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct QueueOptions {
    /// Queues outlive a restart of the server. Default: true.
    pub durable: Option<bool>,
    /// Queues end with their last consumer. Default: by kind of packet.
    pub auto_delete: Option<bool>,
    /// Further arguments, such as `x-max-length`: texts, whole numbers and booleans. Default: none.
    pub arguments: Map<String, Value>,
}

/// Changes how exchanges are declared; what is not given stays as Moleculer nodes declare it.
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ExchangeOptions {
    /// Exchanges outlive a restart of the server. Default: true.
    pub durable: Option<bool>,
    /// Exchanges end with their last queue. Default: false.
    pub auto_delete: Option<bool>,
    /// Further arguments: texts, whole numbers and booleans. Default: none.
    pub arguments: Map<String, Value>,
}

/// Arguments go to the server as they are: names are shown, values may be anything.
fn declared(
    name: &str,
    durable: Option<bool>,
    auto_delete: Option<bool>,
    arguments: &Map<String, Value>,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    f.debug_struct(name)
        .field("durable", &durable)
        .field("auto_delete", &auto_delete)
        .field("arguments", &arguments.keys().collect::<Vec<_>>())
        .finish()
}

impl fmt::Debug for QueueOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        declared("QueueOptions", self.durable, self.auto_delete, &self.arguments, f)
    }
}

impl fmt::Debug for ExchangeOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        declared("ExchangeOptions", self.durable, self.auto_delete, &self.arguments, f)
    }
}

/// Changes how messages are published.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct MessageOptions {
    /// Messages in durable queues outlive a restart of the server. Default: false.
    pub persistent: bool,
    /// Priority in queues that know priorities. Default: none.
    pub priority: Option<u8>,
}

/// URLs of servers.
#[derive(Clone, Deserialize)]
#[serde(from = "OneOrMore")]
pub struct Servers(Vec<String>);

#[derive(Deserialize)]
#[serde(untagged, expecting = "a URL such as \"amqp://127.0.0.1:5672\", or a list of them")]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl From<OneOrMore> for Servers {
    fn from(urls: OneOrMore) -> Self {
        match urls {
            OneOrMore::One(text) => text.as_str().into(),
            OneOrMore::More(urls) => Self(urls),
        }
    }
}

impl From<&str> for Servers {
    /// One URL, or several separated by `;`.
    fn from(text: &str) -> Self {
        Self(text.split(';').map(|url| url.trim().to_owned()).filter(|url| !url.is_empty()).collect())
    }
}

impl fmt::Debug for Servers {
    /// Hosts and ports only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|url| Redacted::url(url))).finish()
    }
}

/// Certificates, as paths of PEM files.
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct TlsOptions {
    /// Who may sign the server's certificate. Default: what the operating system trusts.
    pub ca_file: Option<String>,
    /// Certificate of this client. Default: none.
    pub cert_file: Option<String>,
    /// Private key of this client. Default: none.
    pub key_file: Option<String>,
}

impl fmt::Debug for TlsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsOptions")
            .field("ca_file", &self.ca_file.as_deref().map(Redacted::file))
            .field("cert_file", &self.cert_file.as_deref().map(Redacted::file))
            .field("key_file", &self.key_file.as_deref().map(Redacted::file))
            .finish()
    }
}

/// One server.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) tls: bool,
    /// Without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) vhost: String,
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl Server {
    /// Reads a URL. Errors do not quote it: it may hold a password.
    fn from_url(text: &str) -> Result<Self> {
        let wrong =
            |what: &str| Error::broker_options(format!("option 'url' of the AMQP transporter: {what}"));
        let url = Url::parse(text).map_err(|error| {
            wrong(&format!("no URL ({error}); it must be such as 'amqp://127.0.0.1:5672'"))
        })?;
        let tls = match url.scheme() {
            "amqp" => false,
            "amqps" => true,
            _ => return Err(wrong("another scheme than 'amqp://' or 'amqps://'")),
        };
        if url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("it has parameters behind '?' or '#'; use the options of the transporter"));
        }
        if url.path().contains('@') {
            return Err(wrong(
                "it has '@' behind '/'; '/' in user or password is written '%2F', '@' in the virtual host '%40'",
            ));
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| wrong("it names no host"))?;
        let decoded = |part: &str| {
            let text = percent_decode_str(part).decode_utf8();
            text.map(|text| text.into_owned()).map_err(|_| wrong("a part of it is not UTF-8"))
        };
        let vhost = match url.path().strip_prefix('/') {
            None | Some("") => "/".to_owned(),
            Some(path) => decoded(path)?,
        };
        if vhost.len() > 255 {
            return Err(wrong("the virtual host may have 255 bytes at most"));
        }
        Ok(Self {
            tls,
            host: host.trim_matches(['[', ']']).to_owned(),
            port: url.port().unwrap_or(if tls { 5671 } else { 5672 }),
            username: Some(url.username()).filter(|name| !name.is_empty()).map(decoded).transpose()?,
            password: url.password().map(decoded).transpose()?,
            vhost,
        })
    }
}

impl Options {
    /// What types cannot say; answers the servers.
    pub(crate) fn check(&self) -> Result<Vec<Server>> {
        let wrong = |what: &str| Error::broker_options(format!("AMQP transporter: {what}"));
        let mut servers = self.url.0.iter().map(|url| Server::from_url(url)).collect::<Result<Vec<_>>>()?;
        if servers.is_empty() {
            return Err(wrong("option 'url' names no server"));
        }
        for server in &mut servers {
            if server.username.is_none() {
                server.username.clone_from(&self.username);
            }
            if server.password.is_none() {
                server.password.clone_from(&self.password);
            }
        }
        if self.heartbeat.as_secs() > 65_535 || (!self.heartbeat.is_zero() && self.heartbeat.as_secs() == 0) {
            return Err(wrong("option 'heartbeat' must be between 1s and 65535s, or 0"));
        }
        if self.connect_timeout.is_zero() {
            return Err(wrong("option 'connect_timeout' must be above 0"));
        }
        if self.auto_delete_queues.is_some_and(|time| time.as_millis() == 0) {
            return Err(wrong("option 'auto_delete_queues' must be a duration above 0, true or false"));
        }
        if self.connection_name.as_ref().is_some_and(|name| name.len() > 4096) {
            return Err(wrong("option 'connection_name' may have 4096 bytes at most"));
        }
        if self.tls.cert_file.is_some() != self.tls.key_file.is_some() {
            return Err(wrong("options 'tls.cert_file' and 'tls.key_file' belong together"));
        }
        arguments("queue_options", &self.queue_options.arguments)?;
        arguments("exchange_options", &self.exchange_options.arguments)?;
        Ok(servers)
    }
}

/// Arguments in the form of the protocol.
pub(crate) fn arguments(option: &str, values: &Map<String, Value>) -> Result<Table> {
    let field = |(name, value): (&String, &Value)| {
        let field = match value {
            Value::Bool(value) => Field::Bool(*value),
            Value::String(value) => Field::Text(value.clone()),
            value => Field::Number(value.as_i64().ok_or_else(|| {
                Error::broker_options(format!(
                    "AMQP transporter: option '{option}.arguments.{name}' must be a text, a whole number or a boolean"
                ))
            })?),
        };
        if name.len() > 255 {
            return Err(Error::broker_options(format!(
                "AMQP transporter: a name in option '{option}.arguments' is longer than 255 bytes"
            )));
        }
        Ok((name.clone(), field))
    };
    values.iter().map(field).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(text: &str) -> std::result::Result<Options, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn from_a_file() {
        let options = options(
            "url = 'amqp://u%40x:p%3Aw@a:1/my%2Fhost; amqps://[::1]'\nauto_delete_queues = false\n\
             event_time_to_live = '5s'\nusername = 'other'\n[queue_options.arguments]\nx-max-length = 10",
        )
        .unwrap();
        assert_eq!((options.auto_delete_queues, options.event_time_to_live), (None, Duration::from_secs(5)));
        let servers = options.check().unwrap();
        let [first, second] = &servers[..] else { panic!("{}", servers.len()) };
        assert_eq!((first.host.as_str(), first.port, first.tls), ("a", 1, false));
        assert_eq!((first.username.as_deref(), first.password.as_deref()), (Some("u@x"), Some("p:w")));
        assert_eq!(first.vhost, "my/host");
        assert_eq!((second.host.as_str(), second.port, second.tls), ("::1", 5671, true));
        assert_eq!((second.username.as_deref(), second.vhost.as_str()), (Some("other"), "/"));
        let text = format!("{options:?}");
        assert!(!text.contains("p%3Aw") && !text.contains("p:w"), "{text}");
        let table = arguments("queue_options", &options.queue_options.arguments).unwrap();
        assert_eq!(table, [("x-max-length".to_owned(), Field::Number(10))]);
    }

    #[test]
    fn forms_of_auto_delete_queues() {
        for (text, is) in [("true", Some(120)), ("false", None), ("'1m'", Some(60))] {
            let options = options(&format!("auto_delete_queues = {text}")).unwrap();
            assert_eq!(options.auto_delete_queues, is.map(Duration::from_secs));
        }
    }

    #[test]
    fn wrong_options_name_the_fix() {
        for (text, says) in [
            ("url = 'nats://a'", "'amqp://' or 'amqps://'"),
            ("url = 'secret'", "it must be such as"),
            ("url = 'amqp://a?secret=5'", "use the options"),
            ("url = 'amqp://u/secret@a'", "'%2F'"),
            ("url = []", "names no server"),
            ("heartbeat = '100ms'", "between 1s"),
            ("auto_delete_queues = 0", "above 0"),
            ("tls = { key_file = 'a' }", "belong together"),
            ("queue_options = { arguments = { a = 1.5 } }", "queue_options.arguments.a"),
        ] {
            let error = options(text).unwrap().check().err().unwrap();
            assert_eq!(error.kind(), "BROKER_OPTIONS_ERROR");
            assert!(error.message().contains(says), "{text}: {}", error.message());
            assert!(!error.message().contains("secret"));
        }
        assert!(options("pasword = 'x'").is_err());
        assert!(options("auto_delete_queues = 'x'").unwrap_err().contains("a duration"));
    }
}
