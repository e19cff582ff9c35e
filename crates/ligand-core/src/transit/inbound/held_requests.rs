//! Requests that come while a node makes sure that its name is its own.
//!
//! They may be meant for another node of that name, which answers them: this one must not. When the name turns out
//! to be free, they came from nodes that remember this one, and are dealt with.

use bytes::Bytes;
use ligand_wire::packet::PacketKind;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::transit::{
    Transit,
    received::{Receipt, receipt},
};

/// More requests are not kept.
const MOST: usize = 4096;

/// `None`: the name is this node's.
pub(super) struct HeldRequests(Mutex<Option<Vec<Held>>>);

struct Held {
    body: Bytes,
    done: Option<oneshot::Sender<()>>,
}

impl Default for HeldRequests {
    fn default() -> Self {
        Self(Mutex::new(Some(Vec::new())))
    }
}

/// The request is not held: it is dealt with.
pub(super) struct NotHeld;

impl HeldRequests {
    /// Requests are held now.
    pub(super) fn is_open(&self) -> bool {
        self.0.lock().is_some()
    }

    /// Keeps a request; the receipt ends when it was dealt with.
    pub(super) fn hold(&self, body: &Bytes, tracked: bool) -> Result<Option<Receipt>, NotHeld> {
        let mut held = self.0.lock();
        let Some(held) = held.as_mut().filter(|held| held.len() < MOST) else { return Err(NotHeld) };
        let (done, end) = receipt(tracked);
        held.push(Held { body: body.clone(), done });
        Ok(end)
    }
}

impl Transit {
    /// The name is this node's: deals with the requests that were held.
    pub(in crate::transit) fn release_held(&self) {
        let held = self.inbound.held.0.lock().take();
        for Held { body, done } in held.into_iter().flatten() {
            let end = self.on_plain(PacketKind::Request, &body, None, done.is_some());
            if let (Some(end), Some(done)) = (end, done) {
                self.tasks.spawn_background(async move {
                    let _ = end.await;
                    drop(done);
                });
            }
        }
    }
}
