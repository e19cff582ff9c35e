//! This node among the others: how it joins, what it tells, what it knows of them, how it leaves.
//!
//! [`phase`] says where it stands. [`own_info`] is what it tells of itself, [`announce`] when and to whom, [`name`] whether
//! its name is its own. [`peers`] takes in what others tell, [`verification`] doubts it, [`loss`] takes nodes out.
//! [`heartbeat`] and [`pings`] find out who is there.

mod announce;
mod heartbeat;
mod load;
mod loss;
mod name;
mod own_info;
mod peers;
mod phase;
mod pings;
mod verification;

use std::{sync::Arc, time::Duration};

use ligand_net::LogLimit;
use ligand_transport::{Discoverer, Features, Link, Tasks, Transporter};
use ligand_wire::{Result, packet::Packet};
use serde_json::Value;

pub use self::pings::Echo;
use self::{
    announce::Announcements, load::CpuLoad, name::Name, own_info::OwnInfo, phase::Lifecycle, pings::Pings,
};
pub(crate) use self::{
    own_info::{TOO_MANY, is_too_large as is_info_too_large},
    peers::Peers,
    phase::Phase,
};
use super::{
    calls::Calls,
    directory::Directory,
    events::Events,
    outbox::{Outbox, Recipient},
    streams::Streams,
};
use crate::{
    broker::{ServiceBroker, WeakBroker},
    config::Options,
    registry::strategy::{Latencies, StrategyOptions},
};

/// How long a stop waits for the bus or the store.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// This node among the others. See the [module](self).
pub(crate) struct Membership {
    outbox: Arc<Outbox>,
    calls: Arc<Calls>,
    streams: Arc<Streams>,
    events: Arc<Events>,
    directory: Directory,
    broker: WeakBroker,
    tasks: Tasks,
    options: Options,
    transporter: Arc<dyn Transporter>,
    discoverer: Option<Arc<dyn Discoverer>>,
    lifecycle: Lifecycle,
    name: Name,
    own: OwnInfo,
    announcements: Announcements,
    load: CpuLoad,
    pings: Pings,
    /// Measured only for the strategy that asks for it.
    latencies: Option<(Latencies, Duration)>,
    /// Nodes that come and go.
    news: LogLimit,
}

/// The rooms that hear of what happens to nodes.
pub(super) struct Rooms {
    pub(super) outbox: Arc<Outbox>,
    pub(super) calls: Arc<Calls>,
    pub(super) streams: Arc<Streams>,
    pub(super) events: Arc<Events>,
}

impl Membership {
    pub(super) fn new(
        rooms: Rooms,
        broker: WeakBroker,
        tasks: Tasks,
        options: &Options,
        transporter: Arc<dyn Transporter>,
        discoverer: Option<Arc<dyn Discoverer>>,
    ) -> Self {
        let Rooms { outbox, calls, streams, events } = rooms;
        Self {
            directory: Directory::new(broker.clone()),
            own: OwnInfo::new(outbox.features()),
            outbox,
            calls,
            streams,
            events,
            broker,
            tasks,
            options: options.clone(),
            transporter,
            discoverer,
            lifecycle: Lifecycle::default(),
            name: Name::default(),
            announcements: Announcements::default(),
            load: CpuLoad::default(),
            pings: Pings::default(),
            latencies: match &options.registry.strategy {
                StrategyOptions::Latency(own) => Some((Latencies::new(own.collect_count), own.ping_interval)),
                _ => None,
            },
            news: LogLimit::new(200),
        }
    }

    fn broker(&self) -> Option<ServiceBroker> {
        self.broker.upgrade()
    }

    fn node_id(&self) -> &Arc<str> {
        self.outbox.node_id()
    }

    fn features(&self) -> Features {
        self.outbox.features()
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    pub(crate) fn phase(&self) -> Phase {
        self.lifecycle.phase()
    }

    /// Load of this machine in percent, when it was measured.
    pub(crate) fn cpu(&self) -> Option<f64> {
        self.load.told().1
    }

    /// Nodes and services are kept in a store.
    pub(crate) fn has_discoverer(&self) -> bool {
        self.discoverer.is_some()
    }

    /// How often the nearness of other machines is measured, when a strategy wants to know it.
    pub(crate) fn latency_period(&self) -> Option<Duration> {
        self.latencies.as_ref().map(|(_, period)| *period)
    }

    pub(crate) fn transporter_name(&self) -> &'static str {
        self.transporter.name()
    }

    /// Connects, makes sure of the name, asks who is there and waits a moment for answers.
    ///
    /// # Errors
    /// A wrong option, or another node that runs under this node's name.
    pub(super) async fn join(self: &Arc<Self>, link: Arc<dyn Link>) -> Result<()> {
        if let Err(error) = self.transporter.clone().connect(link.clone()).await {
            // The transporter may have found out itself.
            self.check_name()?;
            return Err(error);
        }
        if let Some(discoverer) = &self.discoverer {
            discoverer.clone().start(link).await?;
        }
        self.outbox.connection().online().await;
        tracing::info!(transporter = self.transporter.name(), "connected");
        if !self.features().own_discovery {
            self.probe_name()?;
            if self.discoverer.is_none() {
                self.outbox.try_tell(Recipient::All, &Packet::Discover)?;
            }
        }
        self.wait_for_name_conflicts(self.options.transit.discovery_wait).await?;
        self.lifecycle.named();
        Ok(())
    }

    /// The first look into the store.
    pub(super) async fn look_into_store(&self) {
        if let Some(discoverer) = &self.discoverer
            && let Err(error) = discoverer.beat().await
        {
            tracing::warn!(discoverer = discoverer.name(), error = %error.for_log(), "discovery failed");
        }
    }

    /// After the bus was lost: everything may have changed.
    pub(super) async fn rejoin(self: &Arc<Self>) {
        if self.phase() == Phase::Announced {
            self.announce_now().await;
        }
        if self.discoverer.is_none() && !self.features().own_discovery {
            self.outbox.tell(Recipient::All, &Packet::Discover);
        }
    }

    /// Tells everybody that this node takes no calls any more, and waits until they know. It still answers.
    pub(super) async fn withdraw(self: &Arc<Self>) {
        if !self.lifecycle.withdraw() {
            return;
        }
        self.own.set_stale();
        if self.calls.may_balance() {
            match tokio::time::timeout(LAST_WORDS, self.transporter.balance(Vec::new())).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::warn!(error = %error.for_log(), "balanced subscriptions were not ended");
                }
                Err(_) => tracing::warn!("balanced subscriptions were not ended within {LAST_WORDS:?}"),
            }
        }
        self.publish_info();
        tokio::time::sleep(self.options.registry.stop_delay).await;
    }

    /// Says farewell and closes.
    pub(super) async fn leave(self: &Arc<Self>) {
        let before = self.lifecycle.leave();
        // A farewell of a node that nobody knows would be taken for that of another one with its name.
        if before.was_announced() && !self.features().own_discovery && self.outbox.is_online() {
            self.outbox.tell(Recipient::All, &Packet::Disconnect);
        }
        if let Some(discoverer) = &self.discoverer {
            let _ = tokio::time::timeout(LAST_WORDS, discoverer.stop()).await;
        }
        if tokio::time::timeout(LAST_WORDS, self.transporter.disconnect()).await.is_err() {
            tracing::warn!(transporter = self.transporter.name(), "not closed within {LAST_WORDS:?}");
        }
    }
}

/// Tells listeners of this node what happened to another one.
fn broadcast_here(broker: &ServiceBroker, event: &'static str, data: Value) {
    let event = broker.broadcast_local(event, data);
    broker.tasks().spawn_background(async move {
        let _ = event.await;
    });
}
