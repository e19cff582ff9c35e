//! What the client library tells about the connection.

use std::{
    fmt,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
};

use async_nats::Event;
use ligand_net::LogLimit;
use ligand_wire::{Error, Result};
use tokio::sync::{mpsc, watch};

use crate::connection::{WRONG_LOGIN, is_login};

/// How far the connection is.
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
pub(crate) struct ConnectionState {
    phase: watch::Sender<Phase>,
    /// As `phase`, for the way of every packet.
    ready: AtomicBool,
    changes: mpsc::UnboundedSender<Change>,
    /// How often the server has refused the login since the last connection.
    refusals: AtomicU32,
    slow: LogLimit,
    troubles: LogLimit,
}

impl ConnectionState {
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<Change>) {
        let (changes, receiver) = mpsc::unbounded_channel();
        let state = Self {
            phase: watch::Sender::new(Phase::Lost),
            ready: AtomicBool::new(false),
            changes,
            refusals: AtomicU32::new(0),
            slow: LogLimit::new(1),
            troubles: LogLimit::new(1),
        };
        (state, receiver)
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
                if let Some(left_out) = self.slow.pass() {
                    tracing::warn!(left_out, "NATS: packets were lost, this node receives them too slowly");
                }
            }
            Event::LameDuckMode => tracing::info!("NATS: the server is about to stop"),
            Event::ServerError(error) => self.note_error(error),
            Event::ClientError(error) => self.note_error(error),
            Event::Draining | Event::Closed => {}
        }
    }

    /// What the server or the library says. A refused login is told each time: the pauses before the next try are
    /// long.
    fn note_error(&self, error: &dyn fmt::Display) {
        if is_login(&error.to_string()) {
            self.refusals.fetch_add(1, Ordering::AcqRel);
            tracing::error!("NATS: the server refuses this node: {WRONG_LOGIN}; trying again");
        } else {
            self.warn(error);
        }
    }

    /// How often the login was refused since the last connection.
    pub(crate) fn refusals(&self) -> u32 {
        self.refusals.load(Ordering::Acquire)
    }

    /// Logs what went wrong, now and then.
    pub(crate) fn warn(&self, error: &dyn fmt::Display) {
        if let Some(left_out) = self.troubles.pass() {
            tracing::warn!(left_out, "NATS: {error}");
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
    pub(crate) async fn while_connected<T>(&self, work: impl Future<Output = T>) -> Result<T> {
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
        let (state, _changes) = ConnectionState::new();
        state.enter(Phase::Standing);
        assert!(state.make_ready() && state.ready());
        state.take(&Event::Disconnected);
        assert!(!state.ready() && !state.make_ready());
        state.enter(Phase::Closed);
        state.take(&Event::Connected);
        assert!(state.closed() && !state.make_ready() && !state.ready());
    }
}
