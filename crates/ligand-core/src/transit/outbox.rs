//! Packets on their way to the bus: packed once, and sent one way.
//!
//! [`Outbox::send`] is the only way out. What is built on it differs in who hears of a failure: a call or a stream waits
//! for the [`Sending`] itself, [`Outbox::detach`] lets it go on alone, [`Outbox::post`] and [`Outbox::tell`] leave a
//! failure to the log. While the bus is lost, calls, answers and events wait in [`buffer`].

mod buffer;
mod connection;
mod memory;
mod packing;
mod size;
mod stats;

use std::{fmt, sync::Arc};

use ligand_net::LogLimit;
use ligand_transport::{Chain, Features, Outbound, Sending, Tasks, Transporter};
use ligand_wire::{
    Error, Result,
    packet::{Packet, PacketKind, ProtocolVersion},
    payload::Format,
    topic::Topic,
};

use self::buffer::Buffer;
pub use self::stats::{InFlight, Traffic};
pub(crate) use self::{
    connection::{Connection, RECONNECT_GRACE},
    packing::Unpacked,
    size::{is_too_large, too_large},
    stats::{Stats, add, one},
};
use crate::{
    config::{Options, Protocol},
    middleware::debug::TransitLogger,
    registry::Node,
};

/// Packs packets and hands them to the transporter; knows whether the bus is there.
pub(crate) struct Outbox {
    /// This node, as calls see it that come back to it.
    own: Arc<Node>,
    transporter: Arc<dyn Transporter>,
    features: Features,
    transmit: Chain,
    logger: Option<TransitLogger>,
    format: Format,
    /// Version of the protocol that is spoken to nodes whose own is not known.
    ver: ProtocolVersion,
    protocol: Protocol,
    strict_version: bool,
    max_packet_size: usize,
    max_buffer_size: usize,
    tasks: Tasks,
    connection: Connection,
    buffer: Buffer,
    stats: Stats,
    losses: LogLimit,
    refusals: LogLimit,
}

/// Who gets a packet.
#[derive(Clone, Copy)]
pub(crate) enum Recipient<'a> {
    /// One node, in its version of the protocol.
    Node(&'a Node),
    /// Every node; in both versions when the cluster is mixed.
    All,
    /// Every node, in both versions.
    AllInBothVersions,
}

impl Outbox {
    pub(super) fn new(
        node_id: &str,
        options: &Options,
        transporter: Arc<dyn Transporter>,
        transmit: Chain,
        logger: Option<TransitLogger>,
        tasks: Tasks,
    ) -> Self {
        Self {
            own: Arc::new(Node::own(node_id)),
            features: transporter.features(),
            transporter,
            transmit,
            logger,
            format: options.serializer.format(),
            ver: if options.protocol == Protocol::V4 { ProtocolVersion::V4 } else { ProtocolVersion::V5 },
            protocol: options.protocol,
            strict_version: options.transit.strict_version,
            max_packet_size: options.transit.max_packet_size,
            max_buffer_size: options.transit.max_buffer_size,
            tasks,
            connection: Connection::default(),
            buffer: Buffer::default(),
            stats: Stats::default(),
            losses: LogLimit::new(10),
            refusals: LogLimit::new(10),
        }
    }

    pub(crate) fn node_id(&self) -> &Arc<str> {
        self.own.id()
    }

    /// This node, as calls see it that the bus leads back to it.
    pub(crate) fn own_node(&self) -> &Arc<Node> {
        &self.own
    }

    /// What the bus can do.
    pub(crate) fn features(&self) -> Features {
        self.features
    }

    pub(crate) fn stats(&self) -> &Stats {
        &self.stats
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Packets can leave and arrive.
    pub(crate) fn is_online(&self) -> bool {
        self.connection.is_online()
    }

    pub(crate) fn format(&self) -> Format {
        self.format
    }

    pub(crate) fn ver(&self) -> ProtocolVersion {
        self.ver
    }

    /// The version of the protocol in which a node is spoken to.
    pub(crate) fn ver_of(&self, node: &Node) -> ProtocolVersion {
        node.ver().unwrap_or(self.ver)
    }

    /// Whether packets of this version of the protocol are read.
    pub(crate) fn accepts(&self, ver: &str) -> bool {
        ProtocolVersion::parse(ver).is_some_and(|ver| !self.strict_version || ver == self.ver)
    }

    /// Sends a packet; while the bus is lost, calls, answers and events wait in a bounded buffer.
    pub(crate) fn send(&self, packet: Outbound) -> Sending {
        let worth =
            matches!(packet.topic.kind, PacketKind::Request | PacketKind::Response | PacketKind::Event);
        if self.is_online() && (!worth || self.buffer.is_empty()) {
            return self.send_now(packet);
        }
        if !worth {
            return Sending::Done(Ok(()));
        }
        match self.buffer.push_unless(packet, self.max_buffer_size, || self.is_online()) {
            Ok(None) => Sending::Done(Ok(())),
            Ok(Some(packet)) => self.send_now(packet),
            Err(_) => Sending::Done(Err(Error::disconnected())),
        }
    }

    fn send_now(&self, packet: Outbound) -> Sending {
        one(&self.stats.packets_sent);
        add(&self.stats.bytes_sent, packet.body.len());
        self.transporter.send(packet)
    }

    /// Lets a sending go on alone; returns what is known at once, and a later failure is logged.
    pub(crate) fn detach(self: &Arc<Self>, kind: PacketKind, sending: Sending) -> Result<()> {
        match sending {
            Sending::Done(result) => result,
            Sending::Waiting(work) => {
                let me = self.clone();
                self.tasks.spawn_background(async move {
                    if let Err(error) = work.await {
                        me.not_sent(kind, &error);
                    }
                });
                Ok(())
            }
        }
    }

    /// Sends a packet for which nobody waits; a failure is logged.
    pub(crate) fn post(self: &Arc<Self>, packet: Outbound) {
        let kind = packet.topic.kind;
        if let Err(error) = self.detach(kind, self.send(packet)) {
            self.not_sent(kind, &error);
        }
    }

    /// Packs and sends a packet; returns an error when it did not leave.
    pub(crate) fn try_tell(self: &Arc<Self>, recipient: Recipient<'_>, packet: &Packet<'_>) -> Result<()> {
        let kind = packet.kind();
        let vers: &[ProtocolVersion] = match recipient {
            Recipient::Node(node) => {
                let body = self.pack_for(node, packet)?;
                let topic = Topic::node(kind, node.id().clone());
                return self.detach(kind, self.send(Outbound { topic, body, ticket: None }));
            }
            Recipient::All if self.protocol != Protocol::Mixed => &[self.ver],
            Recipient::All | Recipient::AllInBothVersions => &[ProtocolVersion::V5, ProtocolVersion::V4],
        };
        for &ver in vers {
            let body = self.pack(packet, ver, None)?;
            self.post(Outbound { topic: Topic::all(kind), body, ticket: None });
        }
        Ok(())
    }

    /// Packs and sends a packet for which nobody waits; a failure is logged.
    pub(crate) fn tell(self: &Arc<Self>, recipient: Recipient<'_>, packet: &Packet<'_>) {
        if let Err(error) = self.try_tell(recipient, packet) {
            self.not_sent(packet.kind(), &error);
        }
    }

    /// Sends what waited for the bus, in order. `wanted` says whether a packet is still of use; `refused` gets those
    /// that the bus never takes.
    pub(crate) async fn flush(&self, wanted: impl Fn(&Outbound) -> bool, refused: impl Fn(&Outbound, Error)) {
        let _one = self.buffer.flushing().await;
        while let Some(packet) = self.buffer.pop() {
            if !wanted(&packet) {
                continue;
            }
            let again = packet.clone();
            match self.send_now(packet).await {
                Ok(()) => {}
                // The bus takes others, but never this one.
                Err(error) if self.is_online() && !error.is("BrokerDisconnectedError") => {
                    refused(&again, error);
                }
                Err(_) => return self.buffer.unpop(again),
            }
        }
    }

    /// Logs that a packet did not leave.
    pub(crate) fn not_sent(&self, kind: PacketKind, error: &Error) {
        if kind == PacketKind::Info && is_too_large(error) {
            return self.not_announced(error);
        }
        if let Some(hidden) = self.losses.pass() {
            tracing::warn!(kind = kind.as_str(), error = %error.for_log(), hidden, "a packet was not sent");
        }
    }

    /// Counts and logs an event that reaches no listener.
    #[cold]
    pub(crate) fn event_lost(&self, event: &str, why: &dyn fmt::Display) {
        one(&self.stats.events_lost);
        if let Some(hidden) = self.losses.pass() {
            tracing::warn!(event, hidden, "an event was lost: {why}");
        }
    }

    /// Counts a packet that came.
    pub(crate) fn count_received(&self, len: usize) {
        one(&self.stats.packets_received);
        add(&self.stats.bytes_received, len);
    }

    /// Counts and logs what came and was no packet, or was not for this node.
    #[cold]
    pub(crate) fn refuse(&self, kind: PacketKind, why: &Error) {
        one(&self.stats.packets_refused);
        if let Some(hidden) = self.refusals.pass() {
            tracing::warn!(kind = kind.as_str(), error = %why.for_log(), hidden, "a packet was refused");
        }
    }
}
