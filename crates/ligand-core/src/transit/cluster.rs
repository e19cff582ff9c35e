//! This node's picture of the others.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use ligand_transport::{Address, Cluster, Local, Peer};
use ligand_wire::{
    Error,
    packet::{Heartbeat, NodeInfo},
};
use serde_json::{Value, json};

use super::{RemoteHandler, Transit};
use crate::{
    ServiceBroker,
    middleware::order,
    registry::{Endpoint, Node},
    service::DynAction,
};

/// Notices about other messages that were under way to a lost node come within this time.
const GRACE: Duration = Duration::from_millis(50);

/// A node that leaves has closed its connection within this time.
const FAREWELL: Duration = Duration::from_millis(100);

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
        if id == &*self.node_id {
            return;
        }
        let (Some(broker), Some(me)) = (self.broker(), self.me()) else { return };
        let Some(node) = broker.registry().node_or_new(id, self.options.transit.max_nodes) else { return };
        if let Some((seq, cpu)) = load {
            node.set_cpu(seq, cpu);
        }
        let (known, was) = (node.seq() > 0, node.is_available());
        let before = node.info();
        let handler: DynAction = Arc::new(RemoteHandler { transit: me, node: Some(node.clone()) });
        let news = broker.registry().learn(&node, info, &handler, |action| {
            Arc::new(Endpoint::new(
                broker.clone(),
                Arc::new(action),
                Some(node.clone()),
                |action, available| order::remote(broker.parts(), action, &node, available),
            ))
        });
        if let Some((latencies, _)) = &self.latencies {
            node.set_latency(latencies.host(&node.info().hostname));
        }
        let anew = !before.instance_id.is_empty() && before.instance_id != node.info().instance_id;
        self.inquire_after_news(&node, anew);
        if !news {
            node.touch();
            return;
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
            match beat.cpu_seq {
                Some(seq) => node.set_cpu(seq, cpu),
                None => node.put_cpu(cpu),
            }
        }
        same
    }

    fn load(&self, id: &str, cpu_seq: u64, cpu: f64) {
        if let Some(node) = self.broker().and_then(|broker| broker.registry().node(id)) {
            node.touch();
            node.set_cpu(cpu_seq, cpu);
        }
    }

    fn lost(&self, id: &str, unexpected: bool) {
        // It may be about to connect again, as this node just did.
        if unexpected && self.returning.is_on() {
            return;
        }
        let Some(broker) = self.broker() else { return };
        let Some(node) = broker.registry().node(id) else { return };
        if !broker.registry().lose(&node) {
            return;
        }
        if let Some(hidden) = self.news.pass() {
            match unexpected {
                true => tracing::warn!(node = id, hidden, "node lost"),
                false => tracing::info!(node = id, hidden, "node left"),
            }
        }
        self.calls_of_lost(&node, unexpected);
        self.pongs.forget(id);
        let closed = Error::transient(503, "STREAM_CLOSED", format!("Stream closed by {id}"));
        self.end_streams(|other| other == id, &closed, false);
        tell(&broker, "$node.disconnected", json!({ "node": about(&node), "unexpected": unexpected }));
        tell(&broker, "$services.changed", json!({ "localService": false }));
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
        if let Some(node) = broker.registry().node_or_new(id, self.options.transit.max_nodes) {
            node.set_address(address);
        }
    }

    fn outlive(&self, seq: u64) {
        self.seq.fetch_max(seq, Ordering::AcqRel);
        self.stale.store(true, Ordering::Release);
    }
}

impl Transit {
    /// A node says that it leaves. Anybody can say so in its name: it is asked, and is back when it answers.
    pub(super) fn farewell(&self, node: &Arc<Node>) {
        if !node.is_available() {
            return;
        }
        self.lost(node.id(), false);
        // A store of nodes is asked anyway.
        let (None, Some(me)) = (&self.discoverer, self.me()) else { return };
        let node = node.clone();
        self.tasks.spawn_background(async move {
            tokio::time::sleep(FAREWELL).await;
            if !node.is_available() {
                me.ask(&node);
            }
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
            me.lost(node.id(), true);
            for pause in SECOND_LOOKS {
                tokio::time::sleep(Duration::from_millis(pause)).await;
                if node.is_available() {
                    return;
                }
                me.ask(&node);
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
