//! The heartbeat of this node, and the watch over those of others.

use std::sync::Arc;

use ligand_wire::packet::{Heartbeat, Packet};

use super::Membership;
use crate::transit::outbox::Recipient;

impl Membership {
    /// Measures the load of this machine.
    pub(crate) fn measure(&self) {
        self.load.measure();
    }

    /// Gives a sign of life.
    pub(crate) fn beat(&self) {
        self.measure();
        if let Some(discoverer) = &self.discoverer {
            let work = discoverer.beat();
            self.tasks.spawn_background(async move {
                if let Err(error) = work.await {
                    tracing::warn!(error = %error.for_log(), "the heartbeat was not stored");
                }
            });
            return;
        }
        // With the number of the last info: whoever missed that one asks.
        let info = self.own.current();
        let known = info.seq > 0;
        let beat = Heartbeat {
            cpu: self.cpu(),
            seq: known.then_some(info.seq),
            instance_id: known.then(|| info.instance_id.clone()),
            ..Heartbeat::default()
        };
        if self.outbox.is_online() {
            self.outbox.tell(Recipient::All, &Packet::Heartbeat(beat));
        }
    }

    /// Nodes of which nothing was heard for long are lost.
    pub(crate) fn check_silence(self: &Arc<Self>) {
        let nodes = self.directory.nodes();
        // While the bus is lost nobody can be heard.
        if !self.outbox.is_online() {
            nodes.iter().for_each(|node| node.touch());
            return;
        }
        let limit = self.options.registry.heartbeat_timeout;
        for node in nodes {
            if node.is_available() && node.silence() > limit {
                tracing::warn!(node = &**node.id(), silence = ?node.silence(), "no heartbeat");
                self.lost(node.id(), true);
            }
        }
    }

    /// Forgets nodes that left long ago.
    pub(crate) fn forget_old(&self) {
        let Some(broker) = self.broker() else { return };
        let limit = self.options.registry.clean_offline_nodes_timeout;
        for node in broker.registry().nodes() {
            if !node.is_available() && node.silence() > limit {
                broker.registry().forget(node.id());
            }
        }
    }
}
