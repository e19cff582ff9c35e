//! This node's picture of the others.

use std::{sync::Arc, time::Duration};

use ligand_transport::{Address, Cluster, Local, Peer, newest_seq};
use ligand_wire::{
    Error,
    packet::{Heartbeat, NodeInfo, PacketKind},
};
use serde_json::{Value, json};

use super::{RemoteHandler, Transit};
use crate::{
    ServiceBroker,
    middleware::order,
    registry::{Endpoint, Node, Story},
    service::DynAction,
};

/// Notices about other messages that were under way to a lost node come within this time.
const GRACE: Duration = Duration::from_millis(50);

/// A day, in milliseconds.
pub(super) const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// A node that leaves does not answer within this time.
const FAREWELL: Duration = Duration::from_millis(100);

/// A node that leaves has taken its entry out of the store within this time.
const STORED: Duration = Duration::from_millis(500);

/// A node that seemed absent is asked again after these times: its connection may have been lost only for a moment.
const SECOND_LOOKS: [u64; 5] = [500, 1000, 2000, 5000, 10_000];

impl Cluster for Transit {
    fn local(&self) -> Local {
        let (cpu_seq, cpu) = *self.cpu.lock();
        Local { info: self.local_info(), cpu, cpu_seq }
    }

    fn peers(&self) -> Vec<Peer> {
        let Some(broker) = self.broker() else { return Vec::new() };
        broker.registry().nodes().iter().map(|node| node.peer()).collect()
    }

    fn peer(&self, id: &str) -> Option<Peer> {
        self.broker()?.registry().node(id).map(|node| node.peer())
    }

    fn learn(&self, id: &str, info: NodeInfo, load: Option<(u64, f64)>) {
        // The store, and the transporter that finds nodes by itself, ask the nodes where it is needed.
        self.hear(id, info, load, self.features.own_discovery || self.discoverer.is_some());
    }

    fn heard(&self, id: &str, beat: &Heartbeat) -> bool {
        let Some(broker) = self.broker() else { return true };
        let Some(node) = broker.registry().node(id) else { return false };
        if !node.is_available() {
            return false;
        }
        node.is_here();
        let info = node.info();
        let same = beat.seq.is_none_or(|seq| seq == node.seq())
            && beat.instance_id.as_ref().is_none_or(|own| info.instance_id.starts_with(own.as_str()));
        if let Some(cpu) = beat.cpu {
            node.told_cpu(beat.cpu_seq, cpu);
        }
        same
    }

    fn load(&self, id: &str, cpu_seq: u64, cpu: f64) {
        if let Some(node) = self.broker().and_then(|broker| broker.registry().node(id)) {
            node.touch();
            node.set_cpu(cpu_seq, cpu);
        }
    }

    fn told_load(&self, id: &str, cpu_seq: u64, cpu: f64) {
        if let Some(node) = self.broker().and_then(|broker| broker.registry().node(id)) {
            node.touch();
            node.told_cpu(Some(cpu_seq), cpu);
        }
    }

    fn lost(&self, id: &str, unexpected: bool) {
        // It may be about to connect again, as this node just did.
        if unexpected && self.returning.is_on() {
            return;
        }
        let Some(broker) = self.broker() else { return };
        if let Some(node) = broker.registry().node(id) {
            self.lose(&broker, &node, unexpected);
        }
    }

    fn gone(&self, id: &str, seq: u64) {
        self.lost(id, true);
        if let Some(node) = self.broker().and_then(|broker| broker.registry().node(id)) {
            node.raise_seq(seq);
        }
    }

    fn sighted(&self, id: &str, address: Address) {
        if id == &*self.node_id {
            return;
        }
        let Some(broker) = self.broker() else { return };
        if let Some(node) = self.note(&broker, id) {
            node.set_address(address);
        }
    }

    fn forget(&self, id: &str) {
        if let Some(broker) = self.broker() {
            broker.registry().forget(id);
        }
    }

    fn outlive(&self, seq: u64) {
        self.raise(seq);
    }

    fn conflict(&self, other: &str) {
        self.name_conflict(other);
    }
}

impl Transit {
    /// Takes a node out, with everything that waits for it.
    fn lose(&self, broker: &ServiceBroker, node: &Arc<Node>, unexpected: bool) {
        if !broker.registry().lose(node) {
            return;
        }
        let id = &**node.id();
        if let Some(hidden) = self.news.pass() {
            match unexpected {
                true => tracing::warn!(node = id, hidden, "node lost"),
                false => tracing::info!(node = id, hidden, "node left"),
            }
        }
        self.offered_before(node, &node.info());
        // Where nodes find each other by their connections, the end of one says nothing: a node that stops has taken
        // its services back before.
        let farewell = !unexpected && (!self.features.own_discovery || node.info().services.is_empty());
        self.calls_of_lost(node, farewell);
        self.pongs.forget(id);
        let closed = Error::transient(503, "STREAM_CLOSED", format!("Stream closed by {id}"));
        self.end_streams(|other| other == id, &closed, false);
        tell(broker, "$node.disconnected", json!({ "node": about(node), "unexpected": unexpected }));
        tell(broker, "$services.changed", json!({ "localService": false }));
    }

    /// Takes in what a node told, or somebody in its name. `judged`: it is known to be its own word.
    pub(super) fn hear(&self, id: &str, info: NodeInfo, load: Option<(u64, f64)>, judged: bool) {
        if id == &*self.node_id {
            return;
        }
        let (Some(broker), Some(me)) = (self.broker(), self.me()) else { return };
        let Some(node) = self.note(&broker, id) else { return };
        // What a node says over its own connection may be a little ahead: it outlives what others said.
        let slack = if self.features.own_discovery { DAY_MS } else { 0 };
        if info.seq > newest_seq() + slack {
            let why = "its number is ahead of the time";
            self.refuse(PacketKind::Info, &Error::invalid_packet(PacketKind::Info, why));
            if node.is_available() && !judged {
                self.confirm(&node, false);
            }
            return;
        }
        let (known, was, raises) = (node.seq() > 0, node.is_available(), node.is_ligand());
        let before = node.info();
        let handler: DynAction = Arc::new(RemoteHandler { transit: me, node: Some(node.clone()) });
        let story = broker.registry().learn(&node, info, judged, &handler, |action| {
            Arc::new(Endpoint::new(
                broker.clone(),
                Arc::new(action),
                Some(node.clone()),
                |action, available| order::remote(broker.parts(), action, &node, available),
            ))
        });
        if let Some((seq, cpu)) = load {
            node.set_cpu(seq, cpu);
        }
        if story.is_news() {
            self.offered_before(&node, &before);
        }
        let anew = !before.instance_id.is_empty() && before.instance_id != node.info().instance_id;
        self.inquire_after_news(&node, anew);
        match story {
            Story::News => {}
            Story::Restored => self.two_lives(&node, &before),
            Story::Known => return node.touch(),
            Story::Older => {
                node.touch();
                if !judged {
                    self.confirm(&node, false);
                }
                return;
            }
            Story::Rival => return self.hearing(&node),
            Story::Refused => return,
        }
        if let Some((latencies, _)) = &self.latencies {
            node.set_latency(latencies.host(&node.info().hostname));
        }
        if let Some(hidden) = self.news.pass() {
            let what = if was { "node updated" } else { "node connected" };
            tracing::info!(node = id, seq = node.seq(), hidden, "{what}");
        }
        let about = about(&node);
        if was {
            tell(&broker, "$node.updated", json!({ "node": about }));
        } else {
            tell(&broker, "$node.connected", json!({ "node": about, "reconnected": known }));
            // It may not know this node yet, whichever version of the protocol it hears.
            if !self.features.own_discovery && node.ver().is_some_and(|ver| ver != self.ver) {
                self.tell(&node);
            }
        }
        tell(&broker, "$services.changed", json!({ "localService": false }));
        if judged {
            return;
        }
        match was {
            true => _ = self.confirm(&node, raises && node.is_ligand()),
            false => self.greet(&node),
        }
    }

    /// A node, noted when it is new. Names are cheap for whoever invents them: when there are too many, one that never
    /// answered a question goes.
    pub(super) fn note(&self, broker: &ServiceBroker, id: &str) -> Option<Arc<Node>> {
        let most = self.options.transit.max_nodes;
        let registry = broker.registry();
        if let Some(node) = registry.node_or_new(id, most) {
            return Some(node);
        }
        let stranger = registry.oldest_stranger()?;
        // Also when it may be about to come back: there is no room for it.
        self.lose(broker, &stranger, true);
        registry.forget(stranger.id());
        registry.node_or_new(id, most)
    }

    /// A node says that it leaves. Anybody can say so in its name: it is asked, and is lost when it does not answer.
    pub(super) fn farewell(&self, node: &Arc<Node>) {
        if !node.is_available() {
            return;
        }
        let Some(me) = self.me() else { return };
        if node.set_leaving(true) {
            return;
        }
        node.set_suspect(true);
        let before = node.tellings();
        let asked = match self.discoverer {
            None => self.confirm(node, false),
            Some(_) => Duration::ZERO,
        };
        let node = node.clone();
        self.tasks.spawn_background(async move {
            match &me.discoverer {
                None => tokio::time::sleep(asked + FAREWELL).await,
                // It takes its entry out of the store now, unless somebody else said it.
                Some(store) => {
                    tokio::time::sleep(STORED).await;
                    if let Err(error) = store.discover(node.id()).await {
                        tracing::debug!(error = %format!("{error:#}"), "a node was not found in the store");
                    }
                }
            }
            node.set_leaving(false);
            if node.tellings() != before {
                node.set_suspect(false);
                return;
            }
            me.lost(node.id(), false);
            me.ask(&node);
        });
    }

    /// The bus says that nobody listens under the node's name: others are preferred at once, and when that does not
    /// change within a moment the node counts as lost.
    pub(super) fn absent(&self, node: &Arc<Node>) {
        if self.returning.is_on() || !node.is_available() || !node.set_absent() {
            return;
        }
        tracing::debug!(node = &**node.id(), "nobody received a message to this node");
        let Some(me) = self.me() else { return };
        let node = node.clone();
        self.tasks.spawn_background(async move {
            tokio::time::sleep(GRACE).await;
            if !node.is_absent() {
                return;
            }
            // After its farewell nobody is surprised that it is away.
            me.lost(node.id(), !node.is_leaving());
            for pause in SECOND_LOOKS {
                tokio::time::sleep(Duration::from_millis(pause)).await;
                if node.is_available() {
                    return;
                }
                me.ask(&node);
                // Somebody may have made the name up.
                if !node.has_answered() {
                    return;
                }
            }
        });
    }
}

fn tell(broker: &ServiceBroker, event: &'static str, data: Value) {
    let event = broker.broadcast_local(event, data);
    broker.tasks().spawn_background(async move {
        let _ = event.await;
    });
}

/// A node in internal events.
fn about(node: &Node) -> Value {
    let info = node.info();
    json!({
        "id": &**node.id(),
        "instanceID": info.instance_id,
        "available": node.is_available(),
        "local": false,
        "hostname": info.hostname,
        "ipList": info.ip_list,
        "client": info.client,
        "metadata": info.metadata,
        "seq": node.seq(),
    })
}
