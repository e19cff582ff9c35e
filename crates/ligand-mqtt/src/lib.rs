//! The MQTT transporter: nodes meet on an MQTT server (version 5, or 3.1.1), wire-compatible with Moleculer's.
//!
//! ```
//! use ligand_mqtt::{MqttOptions, MqttTransporter};
//!
//! let simple = MqttTransporter::from_url("mqtt://user:secret@bus-1:1883,mqtt://bus-2:1883");
//! let exact = MqttTransporter::new(MqttOptions::from_url("mqtt://bus-1").qos(2));
//! # drop((simple, exact));
//! ```
//!
//! **Promises.** Packets to one topic keep their order. The transporter reconnects for ever, subscribes anew and then
//! says so; a login that the server refuses ends the start, and is tried again after 1 s to 30 s later. A killed server is noticed when its connection closes, a silent one after one and a half times
//! `keep_alive` at most. With version 5, a packet with a ticket is acknowledged by the server (it travels with QoS 1 up to
//! there; subscribers need not know), and when nobody subscribes to its topic the sender hears it at once. Memory is
//! bounded: by `max_packet_size` on the way in, by 1 MiB and one packet on the way out; then senders wait.
//!
//! **Limits.** Sessions are always clean, messages are never retained: what is sent while a node is away is lost for
//! it, at every `qos`. With version 3.1.1 nobody is told that a packet had no receiver. There is no balancing by the
//! server. Names of nodes must not contain `+` and `#`, nor `/` when that is the
//! topic separator. The
//! acknowledgement tells that the *server* had a subscriber; a node that dies before it reads is noticed by its
//! missing heartbeat.

mod frame;
mod options;
mod outbox;
mod quick_ack;
mod session;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, OnceLock},
};

use ligand_net::{Dialer, Reconnect, Target};
use ligand_transport::{BoxFuture, Link, Outbound, Sending, Transporter};
use ligand_wire::{Error, Result, topic::Topic};

pub use self::options::{MqttOptions, Protocol};
use self::{
    frame::Qos,
    options::ADDRESS,
    outbox::{Outbox, Publish},
    session::MqttSession,
};
pub use ligand_net::{Servers, TlsOptions};

/// The transporter. See the [crate](self).
pub struct MqttTransporter {
    options: MqttOptions,
    outbox: Arc<Outbox>,
    /// Known after the connect.
    topics: OnceLock<Topics>,
    reconnect: Reconnect,
}

/// How packets are published.
struct Topics {
    prefix: String,
    qos: Qos,
}

impl fmt::Debug for MqttTransporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MqttTransporter").field("options", &self.options).finish_non_exhaustive()
    }
}

impl MqttTransporter {
    /// A transporter with these options. They are checked when it connects.
    pub fn new(options: MqttOptions) -> Self {
        Self { options, outbox: Arc::default(), topics: OnceLock::new(), reconnect: Reconnect::default() }
    }

    /// A transporter for these servers: `mqtt://bus-1:1883,mqtt://bus-2:1883`.
    pub fn from_url(url: impl Into<Servers>) -> Self {
        Self::new(MqttOptions::from_url(url))
    }

    fn session(&self, link: Arc<dyn Link>) -> Result<(Target, MqttSession)> {
        let options = &self.options;
        options.check()?;
        let separator = &options.topic_separator;
        let prefix = Topic::prefix(link.namespace());
        check_name("node id", link.node_id(), separator)?;
        check_name("namespace", link.namespace(), separator)?;
        let kinds: HashMap<_, _> = Topic::subscriptions(link.node_id())
            .into_iter()
            .map(|topic| (topic.name_with(&prefix, separator), topic.kind))
            .collect();
        if kinds.keys().any(|topic| topic.len() > usize::from(u16::MAX)) {
            return Err(wrong("node id and namespace are too long"));
        }
        let client_id = options
            .client_id
            .clone()
            .unwrap_or_else(|| format!("{prefix}-{}-{}", link.node_id(), link.instance_id()));
        if client_id.len() > usize::from(u16::MAX) {
            return Err(wrong("'client_id' is too long"));
        }
        let servers = options.servers()?;
        let dialer = Dialer::new(&ADDRESS, &servers, &options.tls)?;
        let qos = options.level()?;
        self.topics.get_or_init(|| Topics { prefix, qos });
        let connect_timeout = options.connect_timeout;
        Ok((
            Target { bus: ADDRESS.bus, servers, connect_timeout },
            MqttSession::new(
                link,
                dialer,
                self.outbox.clone(),
                self.reconnect.stop_signal(),
                session::Rules {
                    protocol: options.protocol,
                    client_id,
                    qos,
                    keep_alive: options.keep_alive,
                    max_packet: options.max_packet_size,
                    kinds,
                },
            ),
        ))
    }
}

fn wrong(text: impl fmt::Display) -> Error {
    ligand_net::wrong(ADDRESS.bus, text)
}

/// Refuses what MQTT takes for a wildcard or for a level.
fn check_name(what: &str, name: &str, separator: &str) -> Result<()> {
    let bad = name
        .chars()
        .find(|&char| matches!(char, '+' | '#' | '\0') || (char == '/' && separator.contains('/')));
    match bad {
        None => Ok(()),
        Some(char) => Err(wrong(format_args!(
            "the {what} '{name}' contains {char:?}, which has a meaning in MQTT topics; use other characters"
        ))),
    }
}

/// Bytes of a packet that its topic and head may need.
const TOPIC: usize = 1024;

impl Transporter for MqttTransporter {
    fn name(&self) -> &'static str {
        "mqtt"
    }

    fn largest(&self) -> Option<usize> {
        // A packet has its topic beside the body.
        let most = self.options.max_packet_size;
        Some(most.saturating_sub(TOPIC).max(most / 2))
    }

    fn connect(self: Arc<Self>, link: Arc<dyn Link>) -> BoxFuture<Result<()>> {
        Box::pin(async move {
            let (target, session) = self.session(link.clone())?;
            self.reconnect.start(link, target, session).await
        })
    }

    fn send(&self, packet: Outbound) -> Sending {
        let Some(Topics { prefix, qos }) = self.topics.get() else {
            return Sending::Done(Err(Error::disconnected()));
        };
        let topic = packet.topic.name_with(prefix, &self.options.topic_separator);
        if topic.len() > usize::from(u16::MAX) || topic.contains(['+', '#', '\0']) {
            return Sending::Done(Err(Error::client(
                400,
                "INVALID_TOPIC",
                format!("'{topic}' is no MQTT topic: it is too long, or contains '+', '#' or a zero."),
            )));
        }
        self.outbox.send(Publish { topic, qos: *qos, ticket: packet.ticket, body: packet.body })
    }

    fn flush(&self) -> BoxFuture<Result<()>> {
        let outbox = self.outbox.clone();
        Box::pin(async move { outbox.flush().await })
    }

    fn disconnect(&self) -> BoxFuture<()> {
        self.reconnect.stop()
    }
}
