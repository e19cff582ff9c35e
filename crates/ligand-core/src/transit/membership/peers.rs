//! What is known of other nodes.

use std::sync::Arc;

use ligand_transport::{Address, Cluster, Local, Peer, newest_seq};
use ligand_wire::{
    Error,
    packet::{Heartbeat, NodeInfo, PacketKind},
};
use serde_json::{Value, json};

use super::{Membership, broadcast_here};
use crate::{
    broker::ServiceBroker,
    middleware::order,
    registry::{Endpoint, InfoStatus, Node},
    service::DynAction,
    transit::calls::RemoteHandler,
};

/// A day, in milliseconds.
pub(super) const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// What transporters and discoverers see of the other nodes, and tell of them.
pub(crate) struct Peers(pub(crate) Arc<Membership>);

impl Cluster for Peers {
    fn local(&self) -> Local {
        let (cpu_seq, cpu) = self.0.load.told();
        Local { info: self.0.local_info(), cpu, cpu_seq }
    }

    fn peers(&self) -> Vec<Peer> {
        self.0.directory.nodes().iter().map(|node| node.peer()).collect()
    }

    fn peer(&self, id: &str) -> Option<Peer> {
        self.0.directory.node(id).map(|node| node.peer())
    }

    fn learn(&self, id: &str, info: NodeInfo, load: Option<(u64, f64)>) {
        // The store, and the transporter that finds nodes by itself, ask the nodes where it is needed.
        let judged = self.0.features().own_discovery || self.0.discoverer.is_some();
        self.0.hear(id, info, load, judged);
    }

    fn heard(&self, id: &str, beat: &Heartbeat) -> bool {
        self.0.heard(id, beat)
    }

    fn load(&self, id: &str, cpu_seq: u64, cpu: f64) {
        if let Some(node) = self.0.directory.node(id) {
            node.touch();
            node.set_cpu(cpu_seq, cpu);
        }
    }

    fn told_load(&self, id: &str, cpu_seq: u64, cpu: f64) {
        if let Some(node) = self.0.directory.node(id) {
            node.touch();
            node.was_heard();
            node.told_cpu(Some(cpu_seq), cpu);
        }
    }

    fn lost(&self, id: &str, unexpected: bool) {
        self.0.lost(id, unexpected);
    }

    fn gone(&self, id: &str, seq: u64) {
        self.lost(id, true);
        if let Some(node) = self.0.directory.node(id) {
            node.raise_seq(seq);
        }
    }

    fn sighted(&self, id: &str, address: Address) {
        if *id == **self.0.node_id() {
            return;
        }
        let Some(broker) = self.0.broker() else { return };
        if let Some(node) = self.0.note(&broker, id) {
            node.set_address(address);
        }
    }

    fn forget(&self, id: &str) {
        if let Some(broker) = self.0.broker() {
            broker.registry().forget(id);
        }
    }

    fn outlive(&self, seq: u64) {
        self.0.raise(seq);
    }

    fn conflict(&self, other: &str) {
        self.0.on_name_conflict(other);
    }
}

impl Membership {
    /// A sign of life came. False: it says something else than what is known of the node.
    fn heard(&self, id: &str, beat: &Heartbeat) -> bool {
        let Some(broker) = self.broker() else { return true };
        let Some(node) = broker.registry().node(id) else { return false };
        if !node.is_available() {
            return false;
        }
        node.is_here();
        node.was_heard();
        let info = node.info();
        let same = beat.seq.is_none_or(|seq| seq == node.seq())
            && beat.instance_id.as_ref().is_none_or(|own| info.instance_id.starts_with(own.as_str()));
        if let Some(cpu) = beat.cpu {
            node.told_cpu(beat.cpu_seq, cpu);
        }
        same
    }

    /// The node that sends in this name, noted when it is new: names are cheap for whoever invents them, so one is
    /// remembered only for what says what the node is, or waits for an answer. `None`: there are too many.
    pub(crate) fn sender(
        self: &Arc<Self>,
        broker: &ServiceBroker,
        name: &str,
        noted: bool,
    ) -> Option<Arc<Node>> {
        // Nearly always: no lock.
        if let Some(known) = broker.registry().load().node(name) {
            return Some(known.clone());
        }
        match noted {
            true => self.note(broker, name),
            false => Some(broker.registry().node(name).unwrap_or_else(|| Arc::new(Node::new(name)))),
        }
    }

    /// A node told what it is.
    pub(crate) fn on_info(self: &Arc<Self>, node: &Arc<Node>, info: NodeInfo) {
        match self.discoverer {
            // Nodes of a store do not send it: what it says is there, or somebody else said it.
            Some(_) => self.ask(node),
            None => self.hear(node.id(), info, None, self.features().own_discovery),
        }
    }

    /// A node gave a sign of life.
    pub(crate) fn on_heartbeat(self: &Arc<Self>, node: &Arc<Node>, beat: &Heartbeat) {
        if self.heard(node.id(), beat) {
            return;
        }
        match node.is_available() && self.discoverer.is_none() {
            // It says something else than what is known.
            true => _ = self.verify(node, false),
            false => self.ask(node),
        }
    }

    /// Takes in what a node told, or somebody in its name. `judged`: it is known to be its own word.
    pub(super) fn hear(self: &Arc<Self>, id: &str, info: NodeInfo, load: Option<(u64, f64)>, judged: bool) {
        if *id == **self.node_id() {
            return;
        }
        let Some(broker) = self.broker() else { return };
        let Some(node) = self.note(&broker, id) else { return };
        // What a node says over its own connection may be a little ahead: it outlives what others said.
        let slack = if self.features().own_discovery { DAY_MS } else { 0 };
        if info.seq > newest_seq() + slack {
            let why = "its number is ahead of the time";
            self.outbox.refuse(PacketKind::Info, &Error::invalid_packet(PacketKind::Info, why));
            if node.is_available() && !judged {
                self.verify(&node, false);
            }
            return;
        }
        let (known, was, raises) = (node.seq() > 0, node.is_available(), node.is_ligand());
        let before = node.info();
        let handler: DynAction =
            Arc::new(RemoteHandler { calls: self.calls.clone(), node: Some(node.clone()) });
        let status = broker.registry().learn(&node, info, judged, &handler, |action| {
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
        if status.is_news() {
            self.calls.offered_before(&node, &before);
        }
        let anew = !before.instance_id.is_empty() && before.instance_id != node.info().instance_id;
        match anew {
            true => self.events.on_node_lost(&node),
            false if !judged => node.was_heard(),
            // Somebody else tells it.
            false => {}
        }
        self.calls.inquire_after_news(&node, anew);
        match status {
            InfoStatus::News => {}
            InfoStatus::Restored => self.report_name_conflict(&node, &before),
            InfoStatus::Known => return node.touch(),
            InfoStatus::Older => {
                node.touch();
                if !judged {
                    self.verify(&node, false);
                }
                return;
            }
            InfoStatus::Rival => return self.check_owner(&node),
            InfoStatus::Refused => return,
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
            broadcast_here(&broker, "$node.updated", json!({ "node": about }));
        } else {
            broadcast_here(&broker, "$node.connected", json!({ "node": about, "reconnected": known }));
            // It may not know this node yet, whichever version of the protocol it hears.
            if !self.features().own_discovery && node.ver().is_some_and(|ver| ver != self.outbox.ver()) {
                self.on_discover(&node);
            }
        }
        broadcast_here(&broker, "$services.changed", json!({ "localService": false }));
        if judged {
            return;
        }
        match was {
            true => _ = self.verify(&node, raises && node.is_ligand()),
            false => self.greet(&node),
        }
    }

    /// A node, noted when it is new. Names are cheap for whoever invents them: when there are too many, one that never
    /// answered a question goes.
    pub(super) fn note(self: &Arc<Self>, broker: &ServiceBroker, id: &str) -> Option<Arc<Node>> {
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
}

/// A node in internal events.
pub(super) fn about(node: &Node) -> Value {
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
