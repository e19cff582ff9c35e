//! What the client library tells about the connection.

use std::{
    fmt,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    time::{Duration, Instant},
};

use async_nats::Event;
use ligand_wire::{Error, Result};
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};

use crate::connection::{WRONG_LOGIN, is_login};

/// How often the same complaint is logged at most.
const QUIET: Duration = Duration::from_secs(10);

/// State of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// There is none.
    Lost,
    /// There is one; subscriptions may not stand yet.
    Standing,
    /// Packets flow.
    Ready,
    /// This node has left.
    Closed,
}

/// A change that the supervisor sees to.
#[derive(Debug)]
pub(crate) enum Change {
    Connected,
    Lost,
}

/// State of the connection, fed by the client library. It must not hold the client: the client's own task holds
/// this, and ends when the last client is gone.
pub(crate) struct Pulse {
    phase: watch::Sender<Phase>,
    /// As `phase`, for the way of every packet.
    ready: AtomicBool,
    changes: mpsc::UnboundedSender<Change>,
    /// How often the server has refused the login since the last connection.
    refusals: AtomicU32,
    slow: Mutex<Complaint>,
    refused: Mutex<Complaint>,
}

/// A complaint that may come often.
#[derive(Default)]
struct Complaint {
    last: Option<Instant>,
    unsaid: u64,
}

impl Complaint {
    /// How many there were since it was last said, when it may be said again.
    fn due(&mut self) -> Option<u64> {
        self.unsaid += 1;
        if self.last.is_some_and(|last| last.elapsed() < QUIET) {
            return None;
        }
        self.last = Some(Instant::now());
        Some(std::mem::take(&mut self.unsaid))
    }
}

impl Pulse {
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<Change>) {
        let (changes, receiver) = mpsc::unbounded_channel();
        let pulse = Self {
            phase: watch::Sender::new(Phase::Lost),
            ready: AtomicBool::new(false),
            changes,
            refusals: AtomicU32::new(0),
            slow: Mutex::default(),
            refused: Mutex::default(),
        };
        (pulse, receiver)
    }

    /// Takes an event of the client library.
    pub(crate) fn take(&self, event: &Event) {
        match event {
            Event::Connected => {
                self.refusals.store(0, Ordering::Release);
                self.enter(Phase::Standing);
                let _ = self.changes.send(Change::Connected);
            }
            Event::Disconnected => {
                self.enter(Phase::Lost);
                let _ = self.changes.send(Change::Lost);
            }
            Event::SlowConsumer(_) => {
                if let Some(count) = self.slow.lock().due() {
                    tracing::warn!(count, "NATS: packets were lost, this node receives them too slowly");
                }
            }
            Event::LameDuckMode => tracing::info!("NATS: the server is about to stop"),
            Event::ServerError(error) => self.trouble(error),
            Event::ClientError(error) => self.trouble(error),
            Event::Draining | Event::Closed => {}
        }
    }

    /// What the server or the library says. A refused login is told each time: the pauses before the next try are
    /// long.
    fn trouble(&self, error: &dyn fmt::Display) {
        if is_login(&error.to_string()) {
            self.refusals.fetch_add(1, Ordering::AcqRel);
            tracing::error!("NATS: the server refuses this node: {WRONG_LOGIN}; trying again");
        } else {
            self.complain(error);
        }
    }

    /// How often the login was refused since the last connection.
    pub(crate) fn refusals(&self) -> u32 {
        self.refusals.load(Ordering::Acquire)
    }

    /// Logs what went wrong, now and then.
    pub(crate) fn complain(&self, error: &dyn fmt::Display) {
        if let Some(count) = self.refused.lock().due() {
            tracing::warn!(count, "NATS: {error}");
        }
    }

    /// Goes to another phase; nothing follows on `Closed`.
    pub(crate) fn enter(&self, phase: Phase) {
        self.phase.send_if_modified(|current| {
            let changes = *current != Phase::Closed && *current != phase;
            if changes {
                *current = phase;
                self.ready.store(phase == Phase::Ready, Ordering::Release);
            }
            changes
        });
    }

    /// From standing to ready. False when the connection was lost meanwhile.
    pub(crate) fn make_ready(&self) -> bool {
        self.phase.send_if_modified(|current| {
            let stands = *current == Phase::Standing;
            if stands {
                *current = Phase::Ready;
                self.ready.store(true, Ordering::Release);
            }
            stands
        })
    }

    /// Packets flow.
    pub(crate) fn ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    pub(crate) fn closed(&self) -> bool {
        *self.phase.borrow() == Phase::Closed
    }

    /// Ends when the connection is lost or closed.
    pub(crate) async fn lost(&self) {
        let mut phase = self.phase.subscribe();
        let _ = phase.wait_for(|phase| matches!(phase, Phase::Lost | Phase::Closed)).await;
    }

    /// Does `work` while the connection stands.
    pub(crate) async fn during<T>(&self, work: impl Future<Output = T>) -> Result<T> {
        let (work, lost) = (std::pin::pin!(work), std::pin::pin!(self.lost()));
        match futures_util::future::select(work, lost).await {
            futures_util::future::Either::Left((result, _)) => Ok(result),
            futures_util::future::Either::Right(_) => Err(Error::disconnected()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_connection_stays_closed() {
        let (pulse, _changes) = Pulse::new();
        pulse.enter(Phase::Standing);
        assert!(pulse.make_ready() && pulse.ready());
        pulse.take(&Event::Disconnected);
        assert!(!pulse.ready() && !pulse.make_ready());
        pulse.enter(Phase::Closed);
        pulse.take(&Event::Connected);
        assert!(pulse.closed() && !pulse.make_ready() && !pulse.ready());
    }

    #[test]
    fn complaints_are_bounded() {
        let mut complaint = Complaint::default();
        assert_eq!(complaint.due(), Some(1));
        assert!((0..1000).all(|_| complaint.due().is_none()));
    }
}
