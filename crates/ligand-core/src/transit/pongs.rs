//! Pings that wait for their answer.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::registry::Node;

/// How a node answered a ping.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Echo {
    /// There and back, in milliseconds.
    #[serde(rename = "elapsedTime")]
    pub elapsed_ms: f64,
    /// How much this node's clock is ahead, in milliseconds.
    #[serde(rename = "timeDiff")]
    pub skew_ms: f64,
}

#[derive(Default)]
struct Waits {
    askers: Vec<oneshot::Sender<Echo>>,
    /// A probe was sent and not answered yet.
    probed: bool,
}

/// Pings that wait for their answer, by node.
#[derive(Default)]
pub(super) struct Pongs(Mutex<HashMap<Arc<str>, Waits>>);

impl Pongs {
    pub(super) fn wait(&self, node: &Node) -> oneshot::Receiver<Echo> {
        let (asker, answer) = oneshot::channel();
        let mut waits = self.0.lock();
        let waits = waits.entry(node.id().clone()).or_default();
        waits.askers.retain(|asker| !asker.is_closed());
        waits.askers.push(asker);
        answer
    }

    /// Notes a probe. Answers true when the last one was not answered.
    pub(super) fn probe(&self, node: &Node) -> bool {
        std::mem::replace(&mut self.0.lock().entry(node.id().clone()).or_default().probed, true)
    }

    pub(super) fn forget(&self, node: &str) {
        self.0.lock().remove(node);
    }

    pub(super) fn answer(&self, node: &str, echo: Echo) {
        let waits = self.0.lock().remove(node).unwrap_or_default();
        for asker in waits.askers {
            let _ = asker.send(echo);
        }
    }
}
