//! The way to other nodes: packets out, packets in, what waits for an answer, who is there.
//!
//! Out: a remote endpoint's handler ([`outbound`]) encodes the call once, notes it in [`pending`] and hands it to
//! the transporter. In: [`inbound`] decodes the head of a packet once and leads it to the waiting call, to a local
//! endpoint or to the listeners. [`cluster`] keeps the registry's picture of other nodes, [`pulse`] the timers.

mod announce;
mod balanced;
mod buffer;
mod cluster;
mod control;
mod cpu;
mod early;
mod inbound;
mod inquiry;
mod kept;
mod outbound;
mod packing;
mod pending;
mod pongs;
mod pulse;
mod returning;
mod serving;
mod size;
mod stats;
mod story;
mod streams;

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use bytes::Bytes;
use ligand_transport::{
    Chain, Discoverer, Features, Link, Outbound, Sending, Tasks, Ticket, Transmit as _, Transporter,
};
use ligand_wire::{
    Error, Payload, Result,
    codec::{self, Envelope},
    packet::{NodeInfo, Packet, PacketKind, Received},
    payload::Format,
    topic::Topic,
};
use parking_lot::Mutex;
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

pub(crate) use inbound::EventContext;
pub use pongs::Echo;
pub use stats::{InFlight, Traffic};

use self::{
    buffer::Buffer, control::Events, cpu::CpuMeter, early::Early, inbound::EventIn, kept::Kept,
    packing::Pile, pending::Pending, pongs::Pongs, returning::Returning, serving::Serving, stats::Stats,
    story::Answers, streams::Streams,
};
use crate::{
    broker::{ServiceBroker, WeakBroker},
    config::{Options, Protocol},
    context::{Context, Id},
    future::Work,
    middleware::debug::TransitLogger,
    quiet::Quiet,
    registry::{
        Node,
        strategy::{Latencies, StrategyOptions},
    },
    service::ActionHandler,
};

/// The way to other nodes. See the [module](self).
pub(crate) struct Transit {
    me: Weak<Self>,
    broker: WeakBroker,
    node_id: Arc<str>,
    namespace: String,
    instance_id: String,
    transporter: Arc<dyn Transporter>,
    features: Features,
    transmit: Chain,
    logger: Option<TransitLogger>,
    discoverer: Option<Arc<dyn Discoverer>>,
    format: Format,
    ver: &'static str,
    options: Options,
    tasks: Tasks,
    pending: Pending,
    serving: Serving,
    kept: Kept,
    streams: Streams,
    events: Events,
    pongs: Pongs,
    /// Measured only for the strategy that asks for it.
    latencies: Option<(Latencies, Duration)>,
    event_queue: mpsc::Sender<EventIn>,
    event_source: Mutex<Option<mpsc::Receiver<EventIn>>>,
    buffer: Mutex<Buffer>,
    /// Something waits in the buffer: what follows must wait behind it.
    buffered: AtomicBool,
    /// Only one empties the buffer at a time.
    flushing: tokio::sync::Mutex<()>,
    /// Only one makes the info at a time.
    building: Mutex<()>,
    connected: AtomicBool,
    online: watch::Sender<bool>,
    outages: AtomicU64,
    returning: Returning,
    early: Early,
    /// From here on infos are sent and questions answered.
    announced: AtomicBool,
    leaving: AtomicBool,
    /// It said farewell.
    left: AtomicBool,
    /// Another node uses this node's name.
    conflict: watch::Sender<Option<Arc<str>>>,
    /// Infos for those who ask.
    answers: Answers,
    /// When everybody was, or will be, told what this node is because somebody else said it.
    insisted: Mutex<Option<Instant>>,
    /// The next info for everybody goes out in the other version of the protocol too.
    both: AtomicBool,
    probe: Id,
    seq: AtomicU64,
    info: ArcSwap<NodeInfo>,
    stale: AtomicBool,
    announcing: AtomicBool,
    cpu: Mutex<(u64, Option<f64>)>,
    meter: CpuMeter,
    stats: Stats,
    refusals: Quiet,
    losses: Quiet,
    conflicts: Quiet,
    /// Nodes that come and go.
    news: Quiet,
}

/// What a node's packets go through.
pub(crate) struct Way {
    pub(crate) transporter: Arc<dyn Transporter>,
    pub(crate) transmit: Chain,
    pub(crate) logger: Option<TransitLogger>,
    pub(crate) discoverer: Option<Arc<dyn Discoverer>>,
}

/// Events that wait for their listeners to start.
const EVENT_QUEUE: usize = 16_384;

impl Transit {
    pub(crate) fn new(
        broker: WeakBroker,
        node_id: Arc<str>,
        options: &Options,
        way: Way,
        tasks: Tasks,
    ) -> Arc<Self> {
        let Way { transporter, transmit, logger, discoverer } = way;
        let (event_queue, source) = mpsc::channel(EVENT_QUEUE);
        Arc::new_cyclic(|me| Self {
            me: me.clone(),
            broker,
            node_id,
            namespace: options.namespace.clone(),
            instance_id: Id::random().to_string(),
            seq: AtomicU64::new(first_seq(transporter.features())),
            features: transporter.features(),
            transmit,
            logger,
            transporter,
            discoverer,
            format: options.serializer.format(),
            ver: if options.protocol == Protocol::V4 { "4" } else { "5" },
            options: options.clone(),
            tasks,
            pending: Pending::default(),
            serving: Serving::default(),
            kept: Kept::default(),
            streams: Streams::default(),
            events: Events::default(),
            pongs: Pongs::default(),
            latencies: match &options.registry.strategy {
                StrategyOptions::Latency(own) => Some((Latencies::new(own.collect_count), own.ping_interval)),
                _ => None,
            },
            event_queue,
            event_source: Mutex::new(Some(source)),
            buffer: Mutex::default(),
            buffered: AtomicBool::new(false),
            flushing: tokio::sync::Mutex::default(),
            building: Mutex::new(()),
            connected: AtomicBool::new(false),
            online: watch::Sender::new(false),
            outages: AtomicU64::new(0),
            returning: Returning::default(),
            early: Early::default(),
            announced: AtomicBool::new(false),
            leaving: AtomicBool::new(false),
            left: AtomicBool::new(false),
            conflict: watch::Sender::new(None),
            answers: Answers::default(),
            insisted: Mutex::default(),
            both: AtomicBool::new(false),
            probe: Id::random(),
            info: ArcSwap::default(),
            stale: AtomicBool::new(true),
            announcing: AtomicBool::new(false),
            cpu: Mutex::new((0, None)),
            meter: CpuMeter::default(),
            stats: Stats::default(),
            refusals: Quiet::new(10),
            losses: Quiet::new(10),
            conflicts: Quiet::new(10),
            news: Quiet::new(200),
        })
    }

    fn me(&self) -> Option<Arc<Self>> {
        self.me.upgrade()
    }

    fn broker(&self) -> Option<ServiceBroker> {
        self.broker.upgrade()
    }

    /// Packets can leave and arrive.
    pub(crate) fn is_online(&self) -> bool {
        self.connected.load(Ordering::Acquire)
    }

    /// Load of this machine in percent, when it was measured.
    pub(crate) fn cpu(&self) -> Option<f64> {
        self.cpu.lock().1
    }

    pub(crate) fn traffic(&self) -> Traffic {
        self.stats.traffic()
    }

    pub(crate) fn in_flight(&self) -> InFlight {
        let (streams_in, streams_out) = self.streams.len();
        InFlight { calls: self.pending.len(), serving: self.serving.len(), streams_in, streams_out }
    }

    /// A packet as it travels to a node, or to nodes that take what this one does.
    fn pack(&self, packet: &Packet<'_>, ver: &str, to: Option<&Node>) -> Result<Bytes> {
        let plain = self.plain(packet, ver, to)?;
        self.seal(packet.kind(), plain, to.filter(|_| size::is_bounded_by_receiver(packet)))
    }

    /// A packet before compression and encryption.
    fn plain(&self, packet: &Packet<'_>, ver: &str, to: Option<&Node>) -> Result<Bytes> {
        if let Some(logger) = &self.logger {
            logger.sent(packet.kind(), to.map(|node| &**node.id()), || text(packet, ver, &self.node_id));
        }
        let pile = if packet.kind() == PacketKind::Response { Pile::Kept } else { Pile::Passing };
        packing::pack(pile, |out| {
            codec::encode(packet, Envelope { ver, sender: &self.node_id }, self.format, out)
        })
    }

    /// Compresses and encrypts a packet. The receiver looks at its length before and after.
    fn seal(&self, kind: PacketKind, plain: Bytes, to: Option<&Node>) -> Result<Bytes> {
        self.fits(kind, plain.len(), to)?;
        if self.transmit.is_empty() {
            return Ok(plain);
        }
        let body = self.transmit.send(kind, plain)?;
        self.fits(kind, body.len(), to)?;
        Ok(body)
    }

    /// The opposite of [`Transit::pack`], up to the plain bytes; `None` for what is too long, which was dealt with.
    fn unseal(&self, kind: PacketKind, body: Bytes) -> Result<Option<Bytes>> {
        let most = self.options.transit.max_packet_size;
        if body.len() > most {
            self.too_large_came(kind, body, true);
            return Ok(None);
        }
        let plain = self.transmit.receive(kind, body)?;
        if plain.len() > most {
            self.too_large_came(kind, plain, false);
            return Ok(None);
        }
        Ok(Some(plain))
    }

    fn ver_of(&self, node: &Node) -> &'static str {
        node.ver().unwrap_or(self.ver)
    }

    /// Sends a packet to one node; answers an error when it did not leave.
    fn send_to(&self, node: &Node, packet: &Packet<'_>) -> Result<()> {
        let body = self.pack(packet, self.ver_of(node), Some(node))?;
        let topic = Topic::node(packet.kind(), node.id().clone());
        self.try_hand_over(Outbound { topic, body, ticket: None })
    }

    /// Sends a packet to every node, in both versions when the cluster is mixed.
    fn send_to_all(&self, packet: &Packet<'_>) -> Result<()> {
        self.send_to_all_in(packet, self.options.protocol == Protocol::Mixed)
    }

    /// As [`Transit::send_to_all`]; `both`: in both versions.
    fn send_to_all_in(&self, packet: &Packet<'_>, both: bool) -> Result<()> {
        let vers: &[&str] = if both { &["5", "4"] } else { &[self.ver] };
        for ver in vers {
            let body = self.pack(packet, ver, None)?;
            self.hand_over(Outbound { topic: Topic::all(packet.kind()), body, ticket: None });
        }
        Ok(())
    }

    /// Sends without a wait for the result; a failure is logged.
    fn hand_over(&self, packet: Outbound) {
        let kind = packet.topic.kind;
        if let Err(error) = self.try_hand_over(packet) {
            self.not_sent(kind, &error);
        }
    }

    /// Sends without a wait for room; answers what is known at once.
    fn try_hand_over(&self, packet: Outbound) -> Result<()> {
        let kind = packet.topic.kind;
        match self.send(packet) {
            Sending::Done(result) => result,
            Sending::Waiting(work) => {
                let Some(me) = self.me() else { return Err(Error::disconnected()) };
                self.tasks.spawn_background(async move {
                    if let Err(error) = work.await {
                        me.not_sent(kind, &error);
                    }
                });
                Ok(())
            }
        }
    }

    fn not_sent(&self, kind: PacketKind, error: &Error) {
        if kind == PacketKind::Info && size::is_too_large(error) {
            return self.not_announced(error);
        }
        if let Some(hidden) = self.losses.pass() {
            tracing::warn!(kind = kind.as_str(), error = %format!("{error:#}"), hidden, "a packet was not sent");
        }
    }

    /// Sends a packet; while the bus is lost, calls, answers and events wait in a bounded buffer.
    fn send(&self, packet: Outbound) -> Sending {
        let worth =
            matches!(packet.topic.kind, PacketKind::Request | PacketKind::Response | PacketKind::Event);
        if self.is_online() && (!worth || !self.buffered.load(Ordering::Acquire)) {
            return self.send_now(packet);
        }
        if !worth {
            return Sending::Done(Ok(()));
        }
        let mut buffer = self.buffer.lock();
        if self.is_online() && !self.buffered.load(Ordering::Acquire) {
            drop(buffer);
            return self.send_now(packet);
        }
        self.buffered.store(true, Ordering::Release);
        match buffer.push(packet, self.options.transit.max_buffer_size) {
            Ok(()) => Sending::Done(Ok(())),
            Err(_) => Sending::Done(Err(Error::disconnected())),
        }
    }

    fn send_now(&self, packet: Outbound) -> Sending {
        stats::one(&self.stats.packets_sent);
        stats::add(&self.stats.bytes_sent, packet.body.len());
        self.transporter.send(packet)
    }

    fn next_buffered(&self) -> Option<Outbound> {
        let mut buffer = self.buffer.lock();
        let packet = buffer.pop();
        if packet.is_none() {
            self.buffered.store(false, Ordering::Release);
        }
        packet
    }

    /// Hands over what waited for the bus, in order.
    async fn empty_buffer(&self) {
        let _one = self.flushing.lock().await;
        loop {
            let Some(packet) = self.next_buffered() else { return };
            // A call that nobody waits for any more need not be made.
            let wanted = packet.topic.kind != PacketKind::Request
                || packet.ticket.is_none_or(|ticket| self.pending.with(ticket, |_| ()).is_some());
            if !wanted {
                continue;
            }
            let again = packet.clone();
            match self.send_now(packet).await {
                Ok(()) => {}
                // The bus takes others, but never this one.
                Err(error) if self.is_online() && !error.is("BrokerDisconnectedError") => {
                    self.unsendable(&again, error);
                }
                Err(_) => {
                    self.buffer.lock().unpop(again);
                    return;
                }
            }
        }
    }

    /// A packet that waited and that the bus refuses.
    fn unsendable(&self, packet: &Outbound, error: Error) {
        let call = match packet.topic.kind {
            PacketKind::Request => packet.ticket.and_then(|ticket| self.pending.remove(ticket)),
            _ => None,
        };
        match call {
            Some(entry) => drop(entry.reply.send(error.into())),
            None if packet.topic.kind == PacketKind::Event => {
                self.event_lost("<buffered>", &format!("{error:#}"));
            }
            None if packet.topic.kind == PacketKind::Response => self.answer_refused(packet, error),
            None => self.not_sent(packet.topic.kind, &error),
        }
    }

    /// Counts and logs what came and was no packet, or was not for us.
    #[cold]
    fn refuse(&self, kind: PacketKind, why: &Error) {
        stats::one(&self.stats.packets_refused);
        if let Some(hidden) = self.refusals.pass() {
            tracing::warn!(kind = kind.as_str(), error = %format!("{why:#}"), hidden, "a packet was refused");
        }
    }

    /// The error of a call that took too long: it says so when the bus was lost meanwhile.
    pub(crate) fn late(&self, ctx: &Context, node: &str) -> Error {
        let ticket = ctx.id().as_halves().map(|(_, low)| Ticket(low));
        let sent = ticket.and_then(|ticket| self.pending.with(ticket, |entry| entry.outages));
        let lost = !self.is_online() || sent.is_some_and(|sent| sent != self.outages.load(Ordering::Relaxed));
        if lost {
            return Error::disconnected().with_internal(format!("calling '{}' on '{node}'", ctx.action()));
        }
        Error::request_timeout(ctx.action(), node)
    }
}

/// Numbers of infos begin here. Gossip compares nothing but the number: a node that is started anew needs a higher
/// one than in its earlier life, so it begins with the time.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "milliseconds since 1970")]
fn first_seq(features: Features) -> u64 {
    if features.own_discovery { announce::now() as u64 } else { 1 }
}

/// The handler of every action of one other node.
pub(super) struct RemoteHandler {
    pub(super) transit: Arc<Transit>,
    /// `None`: the bus chooses.
    pub(super) node: Option<Arc<Node>>,
}

impl ActionHandler for RemoteHandler {
    fn call(&self, ctx: &Context, params: Payload) -> Work<Payload> {
        self.transit.request(ctx, params, self.node.as_ref())
    }
}

impl Link for Transit {
    fn node_id(&self) -> &Arc<str> {
        &self.node_id
    }

    fn namespace(&self) -> &str {
        &self.namespace
    }

    fn instance_id(&self) -> &str {
        &self.instance_id
    }

    fn receive(&self, kind: PacketKind, body: Bytes) {
        drop(self.take_in(kind, body, false));
    }

    fn receive_from(&self, node: &str, kind: PacketKind, body: Bytes) {
        self.take_from(node, kind, body);
    }

    fn receive_tracked(&self, kind: PacketKind, body: Bytes) -> ligand_transport::BoxFuture<()> {
        let end = self.take_in(kind, body, true);
        Box::pin(async move {
            if let Some(end) = end {
                // Dropped at the end of the work.
                let _ = end.await;
            }
        })
    }

    fn connected(&self) {
        let Some(me) = self.me() else { return };
        let again = self.outages.load(Ordering::Relaxed) > 0;
        if again {
            self.returning.begin();
        }
        self.connected.store(true, Ordering::Release);
        self.online.send_replace(true);
        let outages = self.outages.load(Ordering::Relaxed);
        self.tasks.spawn_background(async move {
            me.empty_buffer().await;
            // Lost again meanwhile: the next connection does the rest.
            if again && me.outages.load(Ordering::Relaxed) == outages {
                tracing::info!(transporter = me.transporter.name(), "the transporter is connected again");
                me.rejoin().await;
                // Answers may have been lost meanwhile.
                me.inquire_after_outage();
            }
        });
    }

    fn disconnected(&self, reason: &Error) {
        self.connected.store(false, Ordering::Release);
        if self.online.send_replace(false) {
            self.outages.fetch_add(1, Ordering::Relaxed);
            // Packets may be lost: a stream with a gap would never end.
            self.end_streams(|_| true, &Error::disconnected(), true);
            stats::one(&self.stats.outages);
            tracing::error!(
                transporter = self.transporter.name(),
                error = %format!("{reason:#}"),
                "the transporter lost its connection, trying again"
            );
        }
    }

    fn undelivered(&self, ticket: Ticket) {
        self.nobody_there(ticket);
    }

    fn encode(&self, packet: &Packet<'_>, to: Option<&str>) -> Result<Bytes> {
        let node = to.and_then(|id| self.broker()?.registry().node(id));
        let ver = node.as_ref().and_then(|node| node.ver()).unwrap_or(self.ver);
        let packed = self.pack(packet, ver, node.as_deref());
        let fits = match (&packed, &node) {
            // It goes all the same: the limit may be what somebody else said.
            (Ok(body), Some(node)) => self.fits(packet.kind(), body.len(), Some(node)),
            (Ok(_), None) => Ok(()),
            (Err(error), _) => Err(error.clone()),
        };
        if let Err(error) = &fits
            && size::is_too_large(error)
        {
            // Gossip: it carries the info.
            self.not_announced(error);
        }
        packed
    }

    fn decode<'a>(&self, kind: PacketKind, body: &'a mut Bytes) -> Result<Received<'a>> {
        *body = self
            .unseal(kind, std::mem::take(body))?
            .ok_or_else(|| Error::invalid_packet(kind, "it is longer than 'transit.max_packet_size'"))?;
        codec::decode(kind, self.format, body)
    }

    fn cluster(&self) -> &dyn ligand_transport::Cluster {
        self
    }

    fn tasks(&self) -> &Tasks {
        &self.tasks
    }
}

/// A packet for people.
fn text(packet: &Packet<'_>, ver: &str, sender: &str) -> Result<Bytes> {
    let mut out = Vec::new();
    codec::encode(packet, Envelope { ver, sender }, Format::Json, &mut out)?;
    Ok(Bytes::from(out))
}

impl Transit {
    /// How a node answers within `limit`; `None` when it does not.
    pub(crate) async fn echo(&self, node: &Node, limit: Duration) -> Option<Echo> {
        let answer = self.pongs.wait(node);
        self.ping(node, &Id::random().to_string(), None).ok()?;
        tokio::time::timeout(limit, answer).await.ok()?.ok()
    }
}
