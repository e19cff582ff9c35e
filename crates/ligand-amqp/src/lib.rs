//! The AMQP 0-9-1 transporter: nodes meet on a RabbitMQ server, wire-compatible with Moleculer's.
//!
//! ```
//! use ligand_amqp::{AmqpOptions, AmqpTransporter};
//!
//! let simple = AmqpTransporter::from_url("amqp://user:secret@bus-1:5672,amqp://bus-2:5672");
//! let strict = AmqpTransporter::new(AmqpOptions::from_url("amqp://bus-1/shop").prefetch(1));
//! # drop((simple, strict));
//! ```
//!
//! **Promises.** Queues and exchanges are declared exactly as Moleculer nodes declare them. Packets to one queue keep
//! their order. The transporter reconnects for ever, declares and consumes everything anew and then says so; a login
//! that the server refuses ends the start, and is tried again after 1 s to 30 s later. A killed server is noticed when its connection closes, a silent one after twice `heartbeat`. A packet with a ticket that
//! fits no queue comes back at once. A node whose requests nobody consumes any more is noticed within a second while
//! calls go there, and declared lost: its queue lives on for minutes, so packets to it do not come back by themselves.
//! The server can balance requests and events between nodes. Memory is bounded: by `max_packet_size` times `prefetch` on the way
//! in, by 1 MiB and one packet on the way out; then senders wait.
//!
//! **A call is sent to another node only when nobody got it.** When a node is dead, what is left in its queue is read.
//! Requests of this node that the server has never handed out are taken out, and are told as undelivered. Those that
//! it handed out may have run: they are taken out too, and end with the node, as do those that are not in the queue any
//! more. Requests of others go back; their senders then find them handed out, and let them end with the node. Of
//! persistent messages (`message_options`) nothing is certain, as a server that was restarted may forget who got
//! them: they stay in the queue, and their calls end with the node.
//!
//! **Acknowledgements.** A request is acknowledged when it is answered, two seconds after it came at the latest: a
//! handler that reads an upload for long must not keep the rest of it in the queue, which is what happens to Moleculer
//! nodes. Balanced requests and events are acknowledged when they are dealt with, and go to another node when theirs
//! dies before. Requests that were not acknowledged are in the queue again when their node dies; it runs them when it
//! comes back with the same name, unless their sender took them out or they are older than `request_time_to_live`.
//!
//! **Limits.** Patterns of events do not work with balanced events: queues know no patterns. Packets are not confirmed
//! by the server: what it loses is lost. Names of queues have 255 bytes at most, node id, namespace and names of
//! actions included. The server needs RabbitMQ's extensions (`x-expires`, notice of cancelled consumers).

mod frame;
mod options;
mod outbox;
mod session;
mod shared;
mod topology;
mod watch;

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use ligand_net::{Dialer, Reconnect, Target};
use ligand_transport::{BoxFuture, Features, Link, Outbound, Sending, Transporter};
use ligand_wire::{
    Error, Result,
    packet::PacketKind,
    topic::{To, Topic},
};

pub use self::options::{AmqpOptions, ExchangeOptions, MessageOptions, QueueOptions};
use self::{
    options::ADDRESS,
    outbox::{Outbox, Publish},
    session::{AmqpSession, Common},
    shared::Wanted,
    topology::{Topology, is_broadcast},
};
pub use ligand_net::{Servers, TlsOptions};

/// The transporter. See the [crate](self).
pub struct AmqpTransporter {
    options: AmqpOptions,
    outbox: Arc<Outbox>,
    wanted: Arc<Wanted>,
    /// Known after the connect.
    topology: OnceLock<Arc<Topology>>,
    reconnect: Reconnect,
}

impl fmt::Debug for AmqpTransporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AmqpTransporter").field("options", &self.options).finish_non_exhaustive()
    }
}

impl AmqpTransporter {
    /// A transporter with these options. They are checked when it connects.
    pub fn new(options: AmqpOptions) -> Self {
        let messages = &options.message_options;
        Self {
            outbox: Arc::new(Outbox::new(messages.persistent, messages.priority)),
            options,
            wanted: Arc::default(),
            topology: OnceLock::new(),
            reconnect: Reconnect::default(),
        }
    }

    /// A transporter for these servers: `amqp://bus-1:5672,amqp://bus-2:5672`.
    pub fn from_url(url: impl Into<Servers>) -> Self {
        Self::new(AmqpOptions::from_url(url))
    }

    fn session(&self, link: Arc<dyn Link>) -> Result<(Target, AmqpSession)> {
        let options = &self.options;
        options.check()?;
        let topology = Arc::new(Topology::new(link.namespace(), link.node_id(), options)?);
        let servers = options.servers()?;
        let dialer = Dialer::new(&ADDRESS, &servers, &options.tls)?;
        let name = || format!("{}.{}", topology.prefix, link.node_id());
        let connection_name = options.connection_name.clone().unwrap_or_else(name);
        let common = Common {
            link,
            outbox: self.outbox.clone(),
            wanted: self.wanted.clone(),
            topology: self.topology.get_or_init(|| topology).clone(),
            connection_name,
            prefetch: options.prefetch,
            heartbeat: options.heartbeat,
            max_packet: options.max_packet_size,
            stop: self.reconnect.stop_signal(),
        };
        let connect_timeout = options.connect_timeout;
        Ok((Target { bus: ADDRESS.bus, servers, connect_timeout }, AmqpSession::new(dialer, common)))
    }
}

impl Transporter for AmqpTransporter {
    fn name(&self) -> &'static str {
        "amqp"
    }

    fn features(&self) -> Features {
        Features { balancer: true, queues: true, ..Features::default() }
    }

    fn largest(&self) -> Option<usize> {
        Some(self.options.max_packet_size)
    }

    fn connect(self: Arc<Self>, link: Arc<dyn Link>) -> BoxFuture<Result<()>> {
        Box::pin(async move {
            let (target, session) = self.session(link.clone())?;
            self.reconnect.start(link, target, session).await
        })
    }

    fn balance(&self, topics: Vec<Topic>) -> BoxFuture<Result<()>> {
        let wanted = self.wanted.clone();
        let topology = self.topology.get().cloned();
        Box::pin(async move {
            if let Some(topology) = topology {
                topics.iter().try_for_each(|topic| topology.queue(topic, None).map(drop))?;
            }
            wanted.replace(topics).await
        })
    }

    fn send(&self, packet: Outbound) -> Sending {
        let Some(topology) = self.topology.get() else { return Sending::Done(Err(Error::disconnected())) };
        let Outbound { topic, body, ticket } = packet;
        let name = topic.name(&topology.prefix);
        let exchange = topic.to == To::All;
        if name.len() > 255 || (exchange && !is_broadcast(topic.kind)) {
            return Sending::Done(Err(Error::client(
                400,
                "INVALID_TOPIC",
                format!(
                    "'{name}' is no AMQP queue: it is longer than 255 bytes, or packets of its kind go to nodes."
                ),
            )));
        }
        let request = topic.kind == PacketKind::Request;
        let life = self.options.request_time_to_live;
        self.outbox.send(Publish {
            name,
            exchange,
            ticket,
            expiration: (request && !life.is_zero())
                .then(|| u64::try_from(life.as_millis()).unwrap_or(u64::MAX)),
            node: match topic.to {
                To::Node(node) if request => Some(node),
                _ => None,
            },
            body,
        })
    }

    fn flush(&self) -> BoxFuture<Result<()>> {
        let outbox = self.outbox.clone();
        Box::pin(async move { outbox.flush().await })
    }

    fn disconnect(&self) -> BoxFuture<()> {
        self.reconnect.stop()
    }
}
