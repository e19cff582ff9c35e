//! Waiting for room in a queue.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use ligand_wire::Result;
use tokio::sync::oneshot;

use super::Peer;
use crate::fault;

/// Ends when a frame got into the queue. Dropped before that, it takes the frame back.
#[derive(Debug)]
pub(crate) struct WaitForRoom {
    peer: Arc<Peer>,
    number: u64,
    signal: oneshot::Receiver<()>,
    over: bool,
}

impl WaitForRoom {
    pub(super) const fn new(peer: Arc<Peer>, number: u64, signal: oneshot::Receiver<()>) -> Self {
        Self { peer, number, signal, over: false }
    }
}

impl Future for WaitForRoom {
    type Output = Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let signal = Pin::new(&mut self.signal).poll(cx);
        self.over |= signal.is_ready();
        signal.map(|signal| signal.map_err(|_| fault::lost(&self.peer.id)))
    }
}

impl Drop for WaitForRoom {
    fn drop(&mut self) {
        if !self.over {
            self.peer.withdraw(self.number);
        }
    }
}
