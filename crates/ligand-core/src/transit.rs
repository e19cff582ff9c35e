//! The way to other nodes: packets out, packets in, what waits for an answer, who is there.
//!
//! Each room owns its state and sees only the rooms below it:
//!
//! | room | owns |
//! |---|---|
//! | [`outbox`] | packing and sending, the connection, what waits for the bus |
//! | [`streams`] | chunks that come and go |
//! | [`served`] | calls of other nodes that run here, answers that are kept |
//! | [`calls`] | calls that wait for other nodes |
//! | [`events`] | events that were sent, events that came |
//! | [`membership`] | this node among the others: phase, name, info, pings |
//!
//! [`Transit`] is the side that transporters see ([`Link`]). What comes is led to its room by [`inbound`]; what reached
//! nobody is told to the room that sent it and to the membership. [`timers`] are here, for they concern all rooms.

mod call_messages;
mod calls;
mod control;
mod directory;
mod events;
mod inbound;
mod membership;
mod outbox;
mod received;
mod served;
mod streams;
mod timers;

use std::sync::{Arc, Weak};

use bytes::Bytes;
use ligand_transport::{BoxFuture, Chain, Cluster, Discoverer, Link, Outbound, Tasks, Ticket, Transporter};
use ligand_wire::{
    Error, Result,
    packet::{Packet, PacketKind, Received},
};

pub(crate) use self::events::{EventContext, Events};
use self::{
    calls::{Calls, Target},
    directory::Directory,
    inbound::Inbound,
    membership::{Membership, Peers, Phase, Rooms},
    outbox::{Outbox, Unpacked, one},
    served::Served,
    streams::Streams,
};
pub use self::{
    membership::Echo,
    outbox::{InFlight, Traffic},
};
use crate::{
    broker::{ServiceBroker, WeakBroker},
    config::Options,
    context::Context,
    middleware::debug::TransitLogger,
    registry::{Endpoint, Node},
};

/// The way to other nodes. See the [module](self).
pub(crate) struct Transit {
    me: Weak<Self>,
    broker: WeakBroker,
    namespace: String,
    tasks: Tasks,
    outbox: Arc<Outbox>,
    streams: Arc<Streams>,
    served: Arc<Served>,
    calls: Arc<Calls>,
    events: Arc<Events>,
    membership: Arc<Membership>,
    peers: Peers,
    inbound: Inbound,
}

/// What a node's packets go through.
pub(crate) struct Connectors {
    pub(crate) transporter: Arc<dyn Transporter>,
    pub(crate) transmit: Chain,
    pub(crate) logger: Option<TransitLogger>,
    pub(crate) discoverer: Option<Arc<dyn Discoverer>>,
}

impl Transit {
    pub(crate) fn new(
        broker: WeakBroker,
        node_id: &str,
        options: &Options,
        connectors: Connectors,
        tasks: Tasks,
    ) -> Arc<Self> {
        let Connectors { transporter, transmit, logger, discoverer } = connectors;
        let directory = Directory::new(broker.clone());
        let outbox = Outbox::new(node_id, options, transporter.clone(), transmit, logger, tasks.clone());
        let outbox = Arc::new(outbox);
        let most = options.transit.max_chunk_size;
        let streams = Streams::new(outbox.clone(), directory.clone(), tasks.clone(), most);
        let streams = Arc::new(streams);
        let most = options.transit.max_running;
        let served = Served::new(outbox.clone(), streams.clone(), directory.clone(), tasks.clone(), most);
        let served = Arc::new(served);
        let calls = Arc::new(Calls::new(
            outbox.clone(),
            streams.clone(),
            served.clone(),
            directory.clone(),
            tasks.clone(),
            options,
        ));
        let events = Arc::new(Events::new(outbox.clone(), directory, broker.clone(), tasks.clone()));
        let rooms = Rooms {
            outbox: outbox.clone(),
            calls: calls.clone(),
            streams: streams.clone(),
            events: events.clone(),
        };
        let membership =
            Membership::new(rooms, broker.clone(), tasks.clone(), options, transporter, discoverer);
        let membership = Arc::new(membership);
        Arc::new_cyclic(|me| Self {
            me: me.clone(),
            broker,
            namespace: options.namespace.clone(),
            tasks,
            outbox,
            streams,
            served,
            calls,
            events,
            peers: Peers(membership.clone()),
            membership,
            inbound: Inbound::default(),
        })
    }

    pub(crate) fn events(&self) -> &Arc<Events> {
        &self.events
    }

    pub(crate) fn membership(&self) -> &Arc<Membership> {
        &self.membership
    }

    /// Packets can leave and arrive.
    pub(crate) fn is_online(&self) -> bool {
        self.outbox.is_online()
    }

    pub(crate) fn traffic(&self) -> Traffic {
        self.outbox.stats().traffic()
    }

    pub(crate) fn in_flight(&self) -> InFlight {
        let (streams_in, streams_out) = self.streams.len();
        InFlight { calls: self.calls.len(), serving: self.served.len(), streams_in, streams_out }
    }

    /// The bus chooses among instances now.
    pub(crate) fn balances(&self) -> bool {
        // Without subscriptions of its own a node that starts or stops would not reach itself.
        self.calls.may_balance() && self.membership.phase() == Phase::Announced
    }

    /// An endpoint that leads to whichever node the bus chooses; `any` has the definition.
    pub(crate) fn balanced_endpoint(&self, broker: &ServiceBroker, any: &Arc<Endpoint>) -> Arc<Endpoint> {
        self.calls.balanced_endpoint(broker, any)
    }

    /// The error of a call that took too long.
    pub(crate) fn timed_out(&self, ctx: &Context, node: &str) -> Error {
        self.calls.timed_out(ctx, node)
    }

    /// How a node answers within `limit`; `None` when it does not.
    pub(crate) async fn echo(&self, node: &Node, limit: std::time::Duration) -> Option<Echo> {
        self.membership.echo(node, limit).await
    }

    /// Connects, makes sure of this node's name and waits a moment for others.
    ///
    /// # Errors
    /// A wrong option, or another node that runs under this node's name.
    pub(crate) async fn join(self: &Arc<Self>) -> Result<()> {
        self.membership.join(self.clone()).await?;
        self.release_held();
        self.membership.look_into_store().await;
        self.start_timers();
        Ok(())
    }

    /// Services take calls now: everybody may know.
    ///
    /// # Errors
    /// Another node runs under this node's name.
    pub(crate) async fn announce_first(&self) -> Result<()> {
        self.membership.announce_first().await
    }

    /// The services of this node changed: others are told in a moment.
    pub(crate) fn services_changed(&self) {
        self.membership.services_changed();
    }

    /// Tells everybody that this node takes no calls any more, and waits until they know. It still answers.
    pub(crate) async fn withdraw(&self) {
        self.membership.withdraw().await;
    }

    /// Says farewell and closes.
    pub(crate) async fn leave(&self) {
        self.membership.leave().await;
        self.streams.end_all(|_| true, &Error::disconnected(), false);
        self.calls.end_all();
    }

    /// The bus refuses a packet that waited for it: whoever waits for its answer is told.
    fn on_refused(&self, packet: &Outbound, error: Error) {
        let kind = packet.topic.kind;
        match (kind, packet.ticket) {
            (PacketKind::Request, Some(ticket)) => {
                if let Err(error) = self.calls.on_refused(ticket, error) {
                    self.outbox.not_sent(kind, &error);
                }
            }
            (PacketKind::Event, _) => self.events.lost("<buffered>", &error.for_log()),
            (PacketKind::Response, _) => self.served.on_refused(packet, error),
            _ => self.outbox.not_sent(kind, &error),
        }
    }
}

impl Link for Transit {
    fn node_id(&self) -> &Arc<str> {
        self.outbox.node_id()
    }

    fn namespace(&self) -> &str {
        &self.namespace
    }

    fn instance_id(&self) -> &str {
        self.membership.instance_id()
    }

    fn receive(&self, kind: PacketKind, body: Bytes) {
        drop(self.on_packet(kind, body, None, false));
    }

    fn receive_from(&self, node: &str, kind: PacketKind, body: Bytes) {
        drop(self.on_packet(kind, body, Some(node), false));
    }

    fn receive_tracked(&self, kind: PacketKind, body: Bytes) -> BoxFuture<()> {
        let end = self.on_packet(kind, body, None, true);
        Box::pin(async move {
            if let Some(end) = end {
                // Dropped at the end of the work.
                let _ = end.await;
            }
        })
    }

    fn connected(&self) {
        let Some(me) = self.me.upgrade() else { return };
        let again = self.outbox.connection().set_online();
        let outages = self.outbox.connection().outages();
        self.tasks.spawn_background(async move {
            // A call that nobody waits for any more need not be made.
            let wanted = |packet: &Outbound| {
                packet.topic.kind != PacketKind::Request
                    || packet.ticket.is_none_or(|ticket| me.calls.is_waited_for(ticket))
            };
            me.outbox.flush(wanted, |packet, error| me.on_refused(packet, error)).await;
            // Lost again meanwhile: the next connection does the rest.
            if again && me.outbox.connection().outages() == outages {
                let transporter = me.membership.transporter_name();
                tracing::info!(transporter, "the transporter is connected again");
                me.membership.rejoin().await;
                // Answers may have been lost meanwhile.
                me.calls.inquire_after_outage();
            }
        });
    }

    fn disconnected(&self, reason: &Error) {
        if self.outbox.connection().set_offline() {
            // Packets may be lost: a stream with a gap would never end.
            self.streams.end_all(|_| true, &Error::disconnected(), true);
            one(&self.outbox.stats().outages);
            tracing::error!(
                transporter = self.membership.transporter_name(),
                error = %reason.for_log(),
                "the transporter lost its connection, trying again"
            );
        }
    }

    fn undelivered(&self, ticket: Ticket) {
        if let Some(target) = self.calls.target(ticket) {
            if let Target::Node(node) = &target {
                self.membership.absent(node);
            }
            self.calls.on_undelivered(ticket, &target);
        } else if let Some(sent) = self.events.take_sent(ticket) {
            self.membership.absent(sent.node());
            self.events.on_undelivered(sent);
        }
    }

    fn encode(&self, packet: &Packet<'_>, to: Option<&str>) -> Result<Bytes> {
        let node = to.and_then(|id| self.broker.upgrade()?.registry().node(id));
        self.outbox.pack_for_transporter(packet, node.as_deref())
    }

    fn decode<'a>(&self, kind: PacketKind, body: &'a mut Bytes) -> Result<Received<'a>> {
        match self.outbox.unpack(kind, std::mem::take(body))? {
            Unpacked::Plain(plain) => *body = plain,
            Unpacked::TooLong { body, sealed } => {
                self.on_too_large(kind, body, sealed);
                return Err(Error::invalid_packet(kind, "it is longer than 'transit.max_packet_size'"));
            }
        }
        self.outbox.read(kind, body)
    }

    fn cluster(&self) -> &dyn Cluster {
        &self.peers
    }

    fn tasks(&self) -> &Tasks {
        &self.tasks
    }
}
