//! The options of the transporter.

use std::{fmt, time::Duration};

use ligand_net::{Address, Scheme, Server, Servers, TlsOptions, wrong};
use ligand_wire::{Result, redact::Redacted};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::frame::{Field, Table};

pub(crate) const ADDRESS: Address = Address {
    bus: "AMQP",
    example: "amqp://user:password@host:5672/vhost, or amqps:// for TLS",
    schemes: &[
        Scheme { name: "amqp", tls: false, port: 5672 },
        Scheme { name: "amqps", tls: true, port: 5671 },
    ],
    path: true,
};

/// The options of the transporter.
#[derive(Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AmqpOptions {
    /// Servers, `amqp://[user:password@]host[:port][/vhost]`, or `amqps://…` for TLS; tried in turn. Ports are 5672 and
    /// 5671, user and password `guest`, the virtual host `/` unless given. Default: `amqp://127.0.0.1:5672`.
    pub url: Servers,
    /// Name of a user; goes before the one of the URL. Default: none.
    pub username: Option<String>,
    /// Its password; goes before the one of the URL. Default: none.
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
    #[serde(with = "ligand_net::duration")]
    pub event_time_to_live: Duration,
    /// How long a heartbeat may wait in a queue; `0` = no limit. Default: `0`.
    #[serde(with = "ligand_net::duration")]
    pub heartbeat_time_to_live: Duration,
    /// How long a request may wait in a queue; `0` = no limit. A node that comes back with the same name does not run
    /// requests that are older. Choose more than the longest `request_timeout`. Default: `30s`.
    #[serde(with = "ligand_net::duration")]
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
    #[serde(with = "ligand_net::duration")]
    pub heartbeat: Duration,
    /// The longest time a try to connect may take. Default: `10s`.
    #[serde(with = "ligand_net::duration")]
    pub connect_timeout: Duration,
    /// The largest packet that is received, in bytes; larger ones are skipped and logged. Default: 32 MiB.
    pub max_packet_size: usize,
    /// Certificates for `amqps://`.
    pub tls: TlsOptions,
}

impl Default for AmqpOptions {
    fn default() -> Self {
        Self {
            url: "amqp://127.0.0.1:5672".into(),
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

ligand_net::setters! { AmqpOptions:
    url: impl Into<Servers>,
    username: Option<impl Into<String>>,
    password: Option<impl Into<String>>,
    prefetch: u16,
    auto_delete_queues: Option<Duration>,
    event_time_to_live: Duration,
    heartbeat_time_to_live: Duration,
    request_time_to_live: Duration,
    queue_options: QueueOptions,
    exchange_options: ExchangeOptions,
    message_options: MessageOptions,
    connection_name: Option<impl Into<String>>,
    heartbeat: Duration,
    connect_timeout: Duration,
    max_packet_size: usize,
    tls: TlsOptions,
}

impl fmt::Debug for AmqpOptions {
    /// Without passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AmqpOptions")
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
        Time(#[serde(with = "ligand_net::duration")] Duration),
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
pub struct MessageOptions {
    /// Messages in durable queues outlive a restart of the server. Default: false.
    pub persistent: bool,
    /// Priority in queues that know priorities. Default: none.
    pub priority: Option<u8>,
}

impl AmqpOptions {
    /// The defaults, for these servers. See [`AmqpOptions::url`](#structfield.url).
    pub fn from_url(url: impl Into<Servers>) -> Self {
        Self::default().url(url)
    }

    /// What types cannot say, files aside.
    ///
    /// # Errors
    /// `BROKER_OPTIONS_ERROR` that names the option.
    pub fn check(&self) -> Result<()> {
        self.servers()?;
        let wrong = |what: &str| Err(wrong(ADDRESS.bus, what));
        let seconds = self.heartbeat.as_secs();
        if seconds > 65_535 || (seconds == 0 && !self.heartbeat.is_zero()) {
            return wrong("'heartbeat' must be between 1s and 65535s, or 0");
        }
        if self.connect_timeout.is_zero() {
            return wrong("'connect_timeout' must be above 0");
        }
        if self.auto_delete_queues.is_some_and(|time| time.as_millis() == 0) {
            return wrong("'auto_delete_queues' must be a duration above 0, true or false");
        }
        if self.connection_name.as_ref().is_some_and(|name| name.len() > 4096) {
            return wrong("'connection_name' may have 4096 bytes at most");
        }
        arguments("queue_options", &self.queue_options.arguments)?;
        arguments("exchange_options", &self.exchange_options.arguments).map(drop)
    }

    pub(crate) fn servers(&self) -> Result<Vec<Server>> {
        let servers = ADDRESS.servers_with(&self.url, self.username.as_ref(), self.password.as_ref())?;
        self.tls.check(&ADDRESS, &servers)?;
        match servers.iter().any(|server| server.path.len() > 255) {
            true => Err(wrong(ADDRESS.bus, "the virtual host in 'url' may have 255 bytes at most")),
            false => Ok(servers),
        }
    }
}

/// Arguments in the form of the protocol.
pub(crate) fn arguments(option: &str, values: &Map<String, Value>) -> Result<Table> {
    let field = |(name, value): (&String, &Value)| {
        let field = match value {
            Value::Bool(value) => Field::Bool(*value),
            Value::String(value) => Field::Text(value.clone()),
            value => Field::Number(value.as_i64().ok_or_else(|| {
                let what = "must be a text, a whole number or a boolean";
                wrong(ADDRESS.bus, format_args!("'{option}.arguments.{name}' {what}"))
            })?),
        };
        if name.len() > 255 {
            return Err(wrong(
                ADDRESS.bus,
                format_args!("a name in '{option}.arguments' is longer than 255 bytes"),
            ));
        }
        Ok((name.clone(), field))
    };
    values.iter().map(field).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(text: &str) -> std::result::Result<AmqpOptions, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn from_a_file() {
        let options = options(
            "url = 'amqp://u%40x:p%3Aw@a:1/my%2Fhost; amqps://[::1]'\nauto_delete_queues = false\n\
             event_time_to_live = '5s'\npassword = 'other'\n[queue_options.arguments]\nx-max-length = 10",
        )
        .unwrap();
        assert_eq!((options.auto_delete_queues, options.event_time_to_live), (None, Duration::from_secs(5)));
        options.check().unwrap();
        let servers = options.servers().unwrap();
        let [first, second] = &servers[..] else { panic!("{}", servers.len()) };
        assert_eq!((first.to_string().as_str(), first.tls, &*first.path), ("a:1", false, "my/host"));
        assert_eq!((first.username.as_deref(), first.password.as_deref()), (Some("u@x"), Some("other")));
        assert_eq!((second.to_string().as_str(), second.tls, &*second.path), ("[::1]:5671", true, ""));
        let text = format!("{options:?}");
        assert!(!text.contains("p%3Aw") && !text.contains("other"), "{text}");
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
            ("url = 'amqp://a?secret=5'", "behind '?'"),
            ("url = 'amqp://u/secret@a'", "'%2F'"),
            ("url = []", "names no server"),
            ("heartbeat = '100ms'", "between 1s"),
            ("auto_delete_queues = 0", "above 0"),
            ("url = 'amqps://a'\ntls = { key_file = 'a' }", "belong together"),
            ("queue_options = { arguments = { a = 1.5 } }", "queue_options.arguments.a"),
        ] {
            let error = options(text).unwrap().check().unwrap_err();
            assert_eq!(error.kind(), "BROKER_OPTIONS_ERROR");
            let message = error.message();
            assert!(message.starts_with("AMQP: ") && message.contains(says), "{text}: {message}");
            assert!(!message.contains("secret"));
        }
        assert!(options("pasword = 'x'").is_err());
        assert!(options("auto_delete_queues = 'x'").unwrap_err().contains("a duration"));
    }
}
