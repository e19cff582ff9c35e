//! What the two ends of a stream tell each other; only Ligand nodes listen.

use std::sync::{Arc, Weak};

use ligand_wire::Payload;
use serde_json::{Value, json};

use super::{Direction, Key, Streams};
use crate::{
    registry::Node,
    stream::{Feedback, cut_off},
    transit::control::FLOW,
};

/// The line to the other end of a stream.
pub(super) struct RemoteEnd {
    streams: Weak<Streams>,
    node: Arc<Node>,
    direction: Direction,
    id: Box<str>,
}

impl RemoteEnd {
    fn tell(&self, mut news: Value) {
        let Some(streams) = self.streams.upgrade() else { return };
        if self.node.is_ligand() && self.node.is_available() {
            news["id"] = (*self.id).into();
            news["way"] = self.direction.name().into();
            streams.outbox.control(&self.node, FLOW, news.into());
        }
    }

    /// Nobody reads it.
    pub(super) fn cancel(&self) {
        self.tell(json!({ "cancelled": true }));
    }

    /// Asks the sender whether it still has the stream, of which so much was read.
    pub(super) fn ask(&self, taken: u64) {
        self.tell(json!({ "asked": true, "total": taken }));
    }

    /// Asks the reader whether it still wants the stream.
    pub(super) fn offer(&self) {
        self.tell(json!({ "offered": true }));
    }

    /// The sender does not have it.
    fn gone(&self) {
        self.tell(json!({ "gone": true }));
    }
}

impl Feedback for RemoteEnd {
    fn consumed(&self, total: u64) {
        self.tell(json!({ "total": total }));
    }

    fn cancelled(&self) {
        self.cancel();
        // Others go on to the end, and their packets are dropped as they come.
        if self.node.is_ligand()
            && let Some(streams) = self.streams.upgrade()
        {
            let key = Key { node: self.node.id().clone(), direction: self.direction, id: self.id.clone() };
            // Late packets find no stream and are dropped.
            drop(streams.incoming.end(&key));
        }
    }
}

impl Streams {
    pub(super) fn remote_end(
        self: &Arc<Self>,
        node: &Arc<Node>,
        direction: Direction,
        id: Box<str>,
    ) -> RemoteEnd {
        RemoteEnd { streams: Arc::downgrade(self), node: node.clone(), direction, id }
    }

    /// The line to the other end, when that node is known.
    pub(super) fn remote_end_of(self: &Arc<Self>, key: Key) -> Option<RemoteEnd> {
        let own = self.outbox.own_node();
        let node = match key.node == *own.id() {
            true => own.clone(),
            false => self.directory.node(&key.node)?,
        };
        Some(self.remote_end(&node, key.direction, key.id))
    }

    /// News from the other end of a stream.
    pub(crate) fn on_flow(self: &Arc<Self>, node: &Arc<str>, id: &str, news: &Payload) {
        let direction = news.get("way");
        let direction = direction.as_ref().and_then(|name| name.as_str()).and_then(Direction::parse);
        let Some(direction) = direction else { return };
        let key = Key { node: node.clone(), direction, id: id.into() };
        let says = |name: &str| news.get(name).is_some_and(|value| value == true);
        if says("gone") {
            if let Some(mut known) = self.incoming.end(&key) {
                let _ = known.assembly.fail(cut_off());
            }
            return;
        }
        if says("offered") {
            let taken = self.incoming.taken(&key);
            if let Some(remote_end) = self.remote_end_of(key) {
                match taken {
                    // What was told of it may be lost.
                    Some(taken) => remote_end.consumed(taken),
                    None => remote_end.cancel(),
                }
            }
            return;
        }
        let Some(credit) = self.outgoing.credit(&key) else {
            if says("asked")
                && let Some(remote_end) = self.remote_end_of(key)
            {
                remote_end.gone();
            }
            return;
        };
        if says("cancelled") {
            credit.cancel();
        } else if let Some(total) = news.get("total").and_then(|total| total.as_u64()) {
            credit.grant(total);
        }
    }

    /// Nobody reads a stream that a node sends: a Ligand node stops.
    pub(crate) fn unread(self: &Arc<Self>, node: &Arc<Node>, direction: Direction, id: &str) {
        let key = Key { node: node.id().clone(), direction, id: id.into() };
        if !self.incoming.has(&key) {
            self.remote_end(node, direction, key.id).cancel();
        }
    }
}
