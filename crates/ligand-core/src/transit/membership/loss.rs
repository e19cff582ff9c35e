//! Nodes that leave, vanish, or seem to.

use std::{sync::Arc, time::Duration};

use ligand_wire::Error;
use serde_json::json;

use super::{Membership, broadcast_here, peers::about};
use crate::{broker::ServiceBroker, registry::Node};

/// Notices about other messages that were under way to a lost node come within this time.
const GRACE: Duration = Duration::from_millis(50);

/// A node that leaves does not answer within this time.
const FAREWELL: Duration = Duration::from_millis(100);

/// A node that leaves has taken its entry out of the store within this time.
const STORED: Duration = Duration::from_millis(500);

/// A node that seemed absent is asked again after these times: its connection may have been lost only for a moment.
const SECOND_LOOKS: [u64; 5] = [500, 1000, 2000, 5000, 10_000];

impl Membership {
    /// A node is lost.
    pub(super) fn lost(self: &Arc<Self>, id: &str, unexpected: bool) {
        // It may be about to connect again, as this node just did.
        if unexpected && self.outbox.connection().in_grace() {
            return;
        }
        let Some(broker) = self.broker() else { return };
        if let Some(node) = broker.registry().node(id) {
            self.lose(&broker, &node, unexpected);
        }
    }

    /// Takes a node out, with everything that waits for it.
    pub(super) fn lose(self: &Arc<Self>, broker: &ServiceBroker, node: &Arc<Node>, unexpected: bool) {
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
        if unexpected {
            self.events.on_node_lost(node);
        }
        self.calls.offered_before(node, &node.info());
        // Where nodes find each other by their connections, the end of one says nothing: a node that stops has taken
        // its services back before.
        let farewell = !unexpected && (!self.features().own_discovery || node.info().services.is_empty());
        self.calls.on_node_lost(node, farewell);
        self.pings.forget(id);
        let closed = Error::transient(503, "STREAM_CLOSED", format!("Stream closed by {id}"));
        self.streams.end_all(|other| other == id, &closed, false);
        broadcast_here(
            broker,
            "$node.disconnected",
            json!({ "node": about(node), "unexpected": unexpected }),
        );
        broadcast_here(broker, "$services.changed", json!({ "localService": false }));
    }

    /// A node says that it leaves. Anybody can say so in its name: it is asked, and is lost when it does not answer.
    pub(crate) fn on_disconnect(self: &Arc<Self>, node: &Arc<Node>) {
        if !node.is_available() {
            return;
        }
        if node.set_leaving(true) {
            return;
        }
        node.set_suspect(true);
        let before = node.info_count();
        let asked = match self.discoverer {
            None => self.verify(node, false),
            Some(_) => Duration::ZERO,
        };
        let (me, node) = (self.clone(), node.clone());
        self.tasks.spawn_background(async move {
            match &me.discoverer {
                None => tokio::time::sleep(asked + FAREWELL).await,
                // It takes its entry out of the store now, unless somebody else said it.
                Some(store) => {
                    tokio::time::sleep(STORED).await;
                    if let Err(error) = store.discover(node.id()).await {
                        tracing::debug!(error = %error.for_log(), "a node was not found in the store");
                    }
                }
            }
            node.set_leaving(false);
            if node.info_count() != before {
                node.set_suspect(false);
                return;
            }
            me.lost(node.id(), false);
            me.ask(&node);
        });
    }

    /// The bus says that nobody listens under the node's name: others are preferred at once, and when that does not
    /// change within a moment the node counts as lost.
    pub(crate) fn absent(self: &Arc<Self>, node: &Arc<Node>) {
        if self.outbox.connection().in_grace() || !node.is_available() || !node.set_absent() {
            return;
        }
        tracing::debug!(node = &**node.id(), "nobody received a message to this node");
        let (me, node) = (self.clone(), node.clone());
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
