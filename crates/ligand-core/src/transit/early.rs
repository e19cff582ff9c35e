//! Calls that come while a node makes sure that its name is its own.
//!
//! They may be meant for another node of that name, which answers them: this one must not. When the name turns out
//! to be free, they came from nodes that remember this one, and are dealt with.

use bytes::Bytes;
use ligand_wire::packet::PacketKind;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::Transit;

/// More calls are not kept.
const MOST: usize = 4096;

/// `None`: the name is this node's.
pub(super) struct Early(Mutex<Option<Vec<Held>>>);

struct Held {
    body: Bytes,
    done: Option<oneshot::Sender<()>>,
}

impl Default for Early {
    fn default() -> Self {
        Self(Mutex::new(Some(Vec::new())))
    }
}

impl Early {
    /// It is too early: some calls may be kept.
    pub(super) fn holds(&self) -> bool {
        self.0.lock().is_some()
    }

    /// Keeps a call when it is too early for it; the receiver ends when it was dealt with.
    pub(super) fn hold(&self, body: &Bytes, tracked: bool) -> Result<Option<oneshot::Receiver<()>>, ()> {
        let mut held = self.0.lock();
        let Some(held) = held.as_mut().filter(|held| held.len() < MOST) else { return Err(()) };
        let (done, end) = match tracked {
            true => {
                let (done, end) = oneshot::channel();
                (Some(done), Some(end))
            }
            false => (None, None),
        };
        held.push(Held { body: body.clone(), done });
        Ok(end)
    }
}

impl Transit {
    /// The name is this node's: deals with the calls that were kept.
    pub(super) fn name_is_own(&self) {
        let held = self.early.0.lock().take();
        for Held { body, done } in held.into_iter().flatten() {
            let end = self.take_plain(PacketKind::Request, &body, None, done.is_some());
            if let (Some(end), Some(done)) = (end, done) {
                self.tasks.spawn_background(async move {
                    let _ = end.await;
                    drop(done);
                });
            }
        }
    }
}
