//! The MQTT transporter: nodes meet on an MQTT server (version 5, or 3.1.1), wire-compatible with Moleculer's.
//!
//! ```
//! # fn main() -> ligand_wire::Result<()> {
//! let mut options = ligand_mqtt::Options::default();
//! options.url = "mqtt://user:secret@bus-1:1883,mqtt://bus-2:1883".into();
//! let transporter = ligand_mqtt::Mqtt::new(options)?;
//! # Ok(())
//! # }
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
mod prompt;
mod session;
mod time;
mod tls;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, OnceLock},
};

use ligand_transport::{BoxFuture, Link, Outbound, Sending, Transporter};
use ligand_wire::{Error, Result, topic::Topic};
use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};

pub use self::options::{Options, Protocol, Servers, TlsOptions};
use self::{
    frame::Qos,
    options::Server,
    outbox::{Outbox, Publish},
    session::Sessions,
};

/// The transporter. See the [crate](self).
pub struct Mqtt {
    options: Options,
    servers: Vec<Server>,
    qos: Qos,
    outbox: Arc<Outbox>,
    /// What topics begin with; known after the connect.
    prefix: OnceLock<String>,
    stop: watch::Sender<bool>,
    /// Closed when the connections have ended.
    running: Mutex<Option<watch::Receiver<()>>>,
}

impl fmt::Debug for Mqtt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mqtt").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Mqtt {
    /// A transporter that is not connected yet.
    ///
    /// # Errors
    /// `BROKER_OPTIONS_ERROR` for options that cannot work.
    pub fn new(options: Options) -> Result<Self> {
        let (servers, qos) = options.check()?;
        Ok(Self {
            options,
            servers,
            qos,
            outbox: Arc::default(),
            prefix: OnceLock::new(),
            stop: watch::Sender::new(false),
            running: Mutex::new(None),
        })
    }

    /// With default options and these servers, several separated by `,` or `;`.
    ///
    /// # Errors
    /// `BROKER_OPTIONS_ERROR` for what is no `mqtt://` or `mqtts://` URL.
    pub fn from_url(url: &str) -> Result<Self> {
        Self::new(Options { url: url.into(), ..Options::default() })
    }

    fn sessions(&self, link: Arc<dyn Link>) -> Result<Sessions> {
        let separator = &self.options.topic_separator;
        let prefix = Topic::prefix(link.namespace());
        check_name("node id", link.node_id(), separator)?;
        check_name("namespace", link.namespace(), separator)?;
        let kinds: HashMap<_, _> = Topic::subscriptions(link.node_id())
            .into_iter()
            .map(|topic| (topic.name_with(&prefix, separator), topic.kind))
            .collect();
        if kinds.keys().any(|topic| topic.len() > usize::from(u16::MAX)) {
            return Err(Error::broker_options("MQTT transporter: node id and namespace are too long"));
        }
        let client_id = self
            .options
            .client_id
            .clone()
            .unwrap_or_else(|| format!("{prefix}-{}-{}", link.node_id(), link.instance_id()));
        if client_id.len() > usize::from(u16::MAX) {
            return Err(Error::broker_options("MQTT transporter: option 'client_id' is too long"));
        }
        let tls = match self.servers.iter().any(|server| server.tls) {
            true => Some(tls::connector(&self.options.tls)?),
            false => None,
        };
        self.prefix.get_or_init(|| prefix);
        Ok(Sessions {
            link,
            outbox: self.outbox.clone(),
            servers: self.servers.clone(),
            tls,
            protocol: self.options.protocol,
            client_id,
            qos: self.qos,
            keep_alive: self.options.keep_alive,
            connect_timeout: self.options.connect_timeout,
            max_packet: self.options.max_packet_size,
            kinds,
            stop: self.stop.subscribe(),
        })
    }
}

/// Refuses what MQTT takes for a wildcard or for a level.
fn check_name(what: &str, name: &str, separator: &str) -> Result<()> {
    let bad = name
        .chars()
        .find(|&char| matches!(char, '+' | '#' | '\0') || (char == '/' && separator.contains('/')));
    match bad {
        None => Ok(()),
        Some(char) => Err(Error::broker_options(format!(
            "MQTT transporter: the {what} '{name}' contains {char:?}, which has a meaning in MQTT topics; use other \
             characters"
        ))),
    }
}

/// Ends the connections when it is dropped, unless they shall stay.
struct GiveUp<'a>(Option<&'a watch::Sender<bool>>);

impl Drop for GiveUp<'_> {
    fn drop(&mut self) {
        if let Some(stop) = self.0 {
            stop.send_replace(true);
        }
    }
}

/// Bytes of a packet that its topic and head may need.
const TOPIC: usize = 1024;

impl Transporter for Mqtt {
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
            let sessions = self.sessions(link.clone())?;
            let (ready, connected) = oneshot::channel();
            let (alive, running) = watch::channel(());
            *self.running.lock() = Some(running);
            let mut give_up = GiveUp(Some(&self.stop));
            link.tasks().spawn_background(async move {
                sessions.run(ready).await;
                drop(alive);
            });
            let result = connected.await.unwrap_or_else(|_| Err(outbox::lost()));
            if result.is_ok() {
                give_up.0 = None;
            }
            result
        })
    }

    fn send(&self, packet: Outbound) -> Sending {
        let Some(prefix) = self.prefix.get() else { return Sending::Done(Err(outbox::lost())) };
        let topic = packet.topic.name_with(prefix, &self.options.topic_separator);
        if topic.len() > usize::from(u16::MAX) || topic.contains(['+', '#', '\0']) {
            return Sending::Done(Err(Error::client(
                400,
                "INVALID_TOPIC",
                format!("'{topic}' is no MQTT topic: it is too long, or contains '+', '#' or a zero."),
            )));
        }
        self.outbox.send(Publish { topic, qos: self.qos, ticket: packet.ticket, body: packet.body })
    }

    fn flush(&self) -> BoxFuture<Result<()>> {
        let outbox = self.outbox.clone();
        Box::pin(async move { outbox.flush().await })
    }

    fn disconnect(&self) -> BoxFuture<()> {
        self.stop.send_replace(true);
        let running = self.running.lock().clone();
        Box::pin(async move {
            if let Some(mut running) = running {
                // Ends with an error when the sender is dropped, which is what is waited for.
                let _ = running.changed().await;
            }
        })
    }
}
