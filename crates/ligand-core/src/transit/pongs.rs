//! Pings that wait for their answer.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{sync::oneshot, time::Instant};

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
    /// The latest pings that were not answered.
    sent: VecDeque<(String, Instant)>,
}

/// Pings to one node that are remembered.
const LATEST: usize = 16;

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

    /// Notes a ping.
    pub(super) fn sent(&self, node: &Arc<str>, id: &str) {
        let mut waits = self.0.lock();
        let sent = &mut waits.entry(node.clone()).or_default().sent;
        if sent.len() == LATEST {
            sent.pop_front();
        }
        sent.push_back((id.to_owned(), Instant::now()));
    }

    /// How long the ping with this id took; `None` when this node sent none.
    pub(super) fn came(&self, node: &str, id: &str) -> Option<Duration> {
        let mut waits = self.0.lock();
        let sent = &mut waits.get_mut(node)?.sent;
        let index = sent.iter().position(|(own, _)| own == id)?;
        sent.remove(index).map(|(_, since)| since.elapsed())
    }

    pub(super) fn answer(&self, node: &str, echo: Echo) {
        let mut waits = self.0.lock();
        let Some(known) = waits.get_mut(node) else { return };
        let askers = std::mem::take(&mut known.askers);
        known.probed = false;
        if known.sent.is_empty() {
            waits.remove(node);
        }
        drop(waits);
        for asker in askers {
            let _ = asker.send(echo);
        }
    }
}
