//! What this node tells others about itself, and how it joins and leaves.

use std::{
    borrow::Cow,
    net::{IpAddr, UdpSocket},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use ligand_transport::{Outbound, Ticket};
use ligand_wire::{
    Error, Result,
    packet::{ClientInfo, GossipReply, GossipRow, NodeInfo, Packet, PacketKind, Ping, Pong, Request},
    topic::Topic,
};
use serde_json::{Map, json};

use super::{Transit, balanced, story::life};
use crate::{
    broker::{WAITS, hostname},
    config::Protocol,
    registry::{self, Node},
};

impl Transit {
    /// Connects, asks who is there and waits a moment for answers.
    ///
    /// # Errors
    /// A wrong option, or another node that runs under this node's name.
    pub(crate) async fn join(self: &Arc<Self>) -> Result<()> {
        let mut online = self.online.subscribe();
        self.transporter.clone().connect(self.clone()).await?;
        if let Some(discoverer) = &self.discoverer {
            discoverer.clone().start(self.clone()).await?;
        }
        let _ = online.wait_for(|online| *online).await;
        tracing::info!(transporter = self.transporter.name(), "connected");
        let mut conflict = self.conflict.subscribe();
        if !self.features.own_discovery {
            self.probe_name()?;
            if self.discoverer.is_none() {
                self.send_to_all(&Packet::Discover)?;
            }
        }
        let wait = self.options.transit.discovery_wait;
        if tokio::time::timeout(wait, conflict.wait_for(Option::is_some)).await.is_ok() {
            return Err(self.name_taken());
        }
        self.name_is_own();
        if let Some(discoverer) = &self.discoverer
            && let Err(error) = discoverer.beat().await
        {
            tracing::warn!(discoverer = discoverer.name(), error = %format!("{error:#}"), "discovery failed");
        }
        self.start_pulse();
        Ok(())
    }

    fn name_taken(&self) -> Error {
        let other = self.conflict.borrow().clone().unwrap_or_default();
        Error::broker_options(format!(
            "node id '{}' is taken: another node of namespace '{}' runs under it ({other}); give each node an id of \
             its own (option 'node_id', variable NODEID)",
            self.node_id, self.namespace
        ))
    }

    /// Calls an action of every node under this node's own name: when somebody answers, there is another one.
    fn probe_name(&self) -> Result<()> {
        let request = Request {
            id: Cow::Owned(self.probe.to_string()),
            action: Cow::Borrowed(PROBE),
            headers: Some(Cow::default()),
            level: 1,
            ..Request::default()
        };
        let body = self.pack(&Packet::Request(request), self.ver, None)?;
        let topic = Topic::node(PacketKind::Request, self.node_id.clone());
        self.hand_over(Outbound { topic, body, ticket: None });
        Ok(())
    }

    pub(super) fn is_probe(&self, request: &Request<'_>) -> bool {
        *request.action == *PROBE
    }

    /// Somebody says under this node's name that it is another life. A node that starts asks again whether there is one:
    /// anybody can say so.
    pub(super) fn other_life_came(&self, info: &NodeInfo) {
        if self.announced.load(Ordering::Acquire) {
            self.name_conflict(&life(info));
        } else if self.conflicts.pass().is_some()
            && let Err(error) = self.probe_name()
        {
            self.not_sent(PacketKind::Request, &error);
        }
    }

    /// Another node uses this node's name; `other` says what is known of it.
    pub(super) fn name_conflict(&self, other: &str) {
        if self.announced.load(Ordering::Acquire) {
            // Bounded: anybody can cause it.
            if let Some(hidden) = self.conflicts.pass() {
                tracing::error!(
                    node = &*self.node_id,
                    instance = self.instance_id,
                    other,
                    hidden,
                    "another node uses this node's name; stop it or give it another 'node_id'"
                );
            }
            // Those who believed the other one hear this one. A JavaScript node stops itself when it hears this.
            self.insist();
            return;
        }
        self.conflict.send_if_modified(|known| match known {
            Some(_) => false,
            None => {
                *known = Some(other.into());
                true
            }
        });
    }

    /// Services take calls now: everybody may know.
    pub(crate) async fn announce_first(self: &Arc<Self>) -> Result<()> {
        if self.conflict.borrow().is_some() {
            return Err(self.name_taken());
        }
        // Events that came during the start have waited for their listeners.
        self.run_events();
        self.stale.store(true, Ordering::Release);
        self.announced.store(true, Ordering::Release);
        self.announce_now().await;
        Ok(())
    }

    /// The services of this node changed: others are told in a moment.
    pub(crate) fn services_changed(&self) {
        self.stale.store(true, Ordering::Release);
        self.announce_in(self.options.transit.announce_delay);
    }

    /// Others are told what this node is, in a moment: once, however often that is wanted until then.
    pub(super) fn announce_in(&self, delay: Duration) {
        if !self.announced.load(Ordering::Acquire) || self.leaving.load(Ordering::Acquire) {
            return;
        }
        if self.announcing.swap(true, Ordering::AcqRel) {
            return;
        }
        let Some(me) = self.me() else { return };
        self.tasks.spawn_background(async move {
            tokio::time::sleep(delay).await;
            me.announcing.store(false, Ordering::Release);
            if !me.leaving.load(Ordering::Acquire) {
                me.announce_now().await;
            }
        });
    }

    async fn announce_now(self: &Arc<Self>) {
        if self.balances()
            && let Err(error) = self.transporter.balance(self.balanced_topics()).await
        {
            tracing::error!(error = %format!("{error:#}"), "balanced subscriptions failed");
        }
        self.publish_info();
    }

    /// Topics on which the bus chooses this node among others.
    fn balanced_topics(&self) -> Vec<Topic> {
        use ligand_wire::topic::To;
        let Some(broker) = self.broker() else { return Vec::new() };
        let snapshot = broker.registry().snapshot();
        let mut topics = Vec::new();
        for endpoint in snapshot.services().iter().flat_map(|service| service.endpoints()) {
            if endpoint.action().visibility_of() != crate::Visibility::Private {
                topics.push(balanced::topic(PacketKind::Request, endpoint.action().full_name()));
            }
        }
        for listener in snapshot.listeners() {
            let event = listener.event();
            let to = To::Group { group: event.group_of().into(), event: event.pattern().into() };
            let topic = Topic { kind: PacketKind::Event, to };
            if !topics.contains(&topic) {
                topics.push(topic);
            }
        }
        topics
    }

    /// Tells everybody what this node is.
    fn publish_info(&self) {
        let info = self.local_info();
        self.check_info(&info);
        if self.features.own_discovery {
            // Gossip travels on its own, but a node that stops cannot wait for it.
            if self.leaving.load(Ordering::Acquire) {
                self.gossip(&info);
            }
            return;
        }
        if let Some(discoverer) = &self.discoverer {
            let work = discoverer.announce(info);
            let name = discoverer.name();
            self.tasks.spawn_background(async move {
                if let Err(error) = work.await {
                    tracing::warn!(discoverer = name, error = %format!("{error:#}"), "the node was not announced");
                }
            });
            return;
        }
        let both = self.both.swap(false, Ordering::AcqRel) || self.options.protocol == Protocol::Mixed;
        if let Err(error) = self.send_to_all_in(&Packet::Info(Box::new(NodeInfo::clone(&info))), both) {
            self.not_sent(PacketKind::Info, &error);
        }
    }

    /// Tells every node what this one is in a packet of gossip.
    fn gossip(&self, info: &NodeInfo) {
        let Some(broker) = self.broker() else { return };
        let row = GossipRow { info: Some(Box::new(info.clone())), cpu: None };
        let mut news = GossipReply::default();
        news.online.insert(self.node_id.to_string(), row);
        let packet = Packet::GossipResponse(news);
        for node in broker.registry().nodes().iter().filter(|node| node.is_available()) {
            if let Err(error) = self.send_to(node, &packet) {
                self.not_sent(packet.kind(), &error);
            }
        }
    }

    /// Answers a node that asks what this one is.
    pub(super) fn tell(&self, node: &Arc<Node>) {
        let silent = !self.announced.load(Ordering::Acquire) || self.left.load(Ordering::Acquire);
        if silent || self.discoverer.is_some() || self.features.own_discovery {
            return;
        }
        if !self.answers.pass() {
            // Many ask at once: one packet tells them all.
            if self.ver_of(node) != self.ver {
                self.both.store(true, Ordering::Release);
            }
            self.insist();
            return;
        }
        let info = self.local_info();
        if let Err(error) = self.send_to(node, &Packet::Info(Box::new(NodeInfo::clone(&info)))) {
            self.not_sent(PacketKind::Info, &error);
        }
        if !node.is_available() {
            self.ask(node);
        }
    }

    /// Asks a node what it is.
    pub(super) fn ask(&self, node: &Arc<Node>) {
        if !node.may_ask() {
            return;
        }
        if let Some(discoverer) = &self.discoverer {
            let work = discoverer.discover(node.id());
            self.tasks.spawn_background(async move {
                if let Err(error) = work.await {
                    tracing::debug!(error = %format!("{error:#}"), "a node was not found in the store");
                }
            });
        } else if !self.features.own_discovery
            && let Err(error) = self.send_to(node, &Packet::Discover)
        {
            self.not_sent(PacketKind::Discover, &error);
        }
    }

    /// After the bus was lost: everything may have changed.
    pub(super) async fn rejoin(self: &Arc<Self>) {
        if self.announced.load(Ordering::Acquire) && !self.leaving.load(Ordering::Acquire) {
            self.announce_now().await;
        }
        if self.discoverer.is_none()
            && !self.features.own_discovery
            && let Err(error) = self.send_to_all(&Packet::Discover)
        {
            self.not_sent(PacketKind::Discover, &error);
        }
    }

    /// Tells everybody that this node takes no calls any more, and waits until they know. It still answers.
    pub(crate) async fn withdraw(self: &Arc<Self>) {
        if !self.announced.load(Ordering::Acquire) || self.leaving.swap(true, Ordering::AcqRel) {
            return;
        }
        self.stale.store(true, Ordering::Release);
        if self.may_balance() {
            match tokio::time::timeout(LAST_WORDS, self.transporter.balance(Vec::new())).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::warn!(error = %format!("{error:#}"), "balanced subscriptions were not ended");
                }
                Err(_) => tracing::warn!("balanced subscriptions were not ended within {LAST_WORDS:?}"),
            }
        }
        self.publish_info();
        tokio::time::sleep(self.options.registry.stop_delay).await;
    }

    /// Says farewell and closes.
    pub(crate) async fn leave(self: &Arc<Self>) {
        self.leaving.store(true, Ordering::Release);
        self.left.store(true, Ordering::Release);
        // A farewell of a node that nobody knows would be taken for that of another one with its name.
        if !self.features.own_discovery
            && self.announced.load(Ordering::Acquire)
            && self.is_online()
            && let Err(error) = self.send_to_all(&Packet::Disconnect)
        {
            self.not_sent(PacketKind::Disconnect, &error);
        }
        if let Some(discoverer) = &self.discoverer {
            let _ = tokio::time::timeout(LAST_WORDS, discoverer.stop()).await;
        }
        if tokio::time::timeout(LAST_WORDS, self.transporter.disconnect()).await.is_err() {
            tracing::warn!(transporter = self.transporter.name(), "not closed within {LAST_WORDS:?}");
        }
        self.end_streams(|_| true, &Error::disconnected(), false);
        for entry in self.pending.take(|_| true) {
            super::stats::one(&self.stats.calls_rejected);
            let error = Error::request_rejected(entry.action.full_name(), &self.node_id);
            let _ = entry.reply.send(error.into());
        }
    }

    /// What this node is and offers; made anew when the services have changed.
    pub(super) fn local_info(&self) -> Arc<NodeInfo> {
        let port = self.transporter.port();
        if !self.stale.load(Ordering::Acquire) && self.info.load().port == port {
            return self.info.load_full();
        }
        let _one = self.building.lock();
        if !self.stale.swap(false, Ordering::AcqRel) && self.info.load().port == port {
            return self.info.load_full();
        }
        let seq = self.seq.fetch_add(1, Ordering::AcqRel) + 1;
        let (services, waits) = match self.broker() {
            Some(broker)
                if self.announced.load(Ordering::Acquire) && !self.leaving.load(Ordering::Acquire) =>
            {
                (registry::listed(&broker.registry().snapshot()), broker.waits_told())
            }
            _ => (Vec::new(), None),
        };
        let mut config = Map::new();
        let protocol = match self.options.protocol {
            Protocol::Mixed => "mixed",
            Protocol::V4 | Protocol::V5 => self.ver,
        };
        let mut own = json!({
            "cancel": true,
            "window": crate::stream::WINDOW,
            "largest": self.largest(),
            "protocol": protocol,
        });
        // Whoever waits for one of them finds out that it waits for ever.
        if let Some(waits) = waits {
            own[WAITS] = waits;
        }
        config.insert("ligand".into(), own);
        let info = Arc::new(NodeInfo {
            services,
            ip_list: match self.transporter.address() {
                Some(ip) => vec![ip.to_string()],
                None => addresses(),
            },
            hostname: hostname(),
            client: ClientInfo {
                kind: "rust".into(),
                version: env!("CARGO_PKG_VERSION").into(),
                lang_version: env!("CARGO_PKG_RUST_VERSION").into(),
            },
            config,
            instance_id: self.instance_id.clone(),
            metadata: self.options.metadata.clone(),
            seq,
            port,
        });
        self.info.store(info.clone());
        info
    }

    pub(super) fn answer_ping(&self, node: &Arc<Node>, ping: &Ping<'_>) {
        let pong = Pong { time: ping.time, id: Cow::Borrowed(&ping.id), arrived: now() };
        if let Err(error) = self.send_to(node, &Packet::Pong(pong)) {
            self.not_sent(PacketKind::Pong, &error);
        }
    }

    /// Sends a ping; with a ticket the bus may tell that nobody got it.
    pub(super) fn ping(&self, node: &Node, id: &str, ticket: Option<Ticket>) -> Result<()> {
        self.pongs.sent(node.id(), id);
        let ping = Ping { time: now(), id: Cow::Borrowed(id) };
        let body = self.pack(&Packet::Ping(ping), self.ver_of(node), Some(node))?;
        let topic = Topic::node(PacketKind::Ping, node.id().clone());
        self.hand_over(Outbound { topic, body, ticket });
        Ok(())
    }
}

/// How long a stop waits for the bus or the store.
const LAST_WORDS: Duration = Duration::from_secs(2);

const PROBE: &str = "$node.list";

/// Milliseconds since 1970.
pub(super) fn now() -> f64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    (since.as_secs_f64() * 1000.0).floor()
}

/// The address under which this machine reaches others; nothing is sent to find it out.
fn addresses() -> Vec<String> {
    let outward = || {
        let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
        socket.connect("192.0.2.1:9").ok()?;
        socket.local_addr().ok().map(|address| address.ip())
    };
    let address = outward().filter(|ip| !ip.is_unspecified()).unwrap_or(IpAddr::from([127, 0, 0, 1]));
    vec![address.to_string()]
}
