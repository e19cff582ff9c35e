//! A call that waits for its answer.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{self, Poll},
};

use ligand_transport::{Sending, Ticket};
use ligand_wire::{Error, Payload, Result};
use tokio::sync::oneshot;

use super::{Calls, packet::NO_CACHE, pending::Reply};
use crate::{
    context::{Context, Id},
    registry::Node,
    stream::Credit,
};

/// Takes the call out of the list when nobody waits any more, and tells the node to stop.
pub(super) struct Waiting {
    calls: Arc<Calls>,
    ticket: Ticket,
    done: bool,
    /// The stream that goes along, and where it goes; it goes on after an answer that is no error.
    pub(super) upload: Option<(Credit, Arc<Node>)>,
}

impl Waiting {
    pub(super) const fn new(calls: Arc<Calls>, ticket: Ticket) -> Self {
        Self { calls, ticket, done: false, upload: None }
    }

    /// Releases the source of the stream that goes along.
    fn end_upload(&self) {
        match &self.upload {
            // It does not know that nobody waits: its handler must not read for ever.
            Some((upload, node)) if !node.is_ligand() => {
                upload.fail(Error::new("The caller stopped waiting."));
            }
            Some((upload, _)) => upload.cancel(),
            None => {}
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        let entry = self.calls.pending.remove(self.ticket);
        let node = entry.as_ref().and_then(|entry| entry.node.as_ref());
        self.end_upload();
        if let Some(entry) = &entry
            && let Some(node) = node
        {
            self.calls.outbox.cancel(node, &Id::from_halves(entry.high, self.ticket.0));
        }
    }
}

/// A call that waits for its answer.
pub(super) struct Call {
    pub(super) ctx: Context,
    pub(super) sending: Option<Sending>,
    pub(super) answer: oneshot::Receiver<Reply>,
    pub(super) waiting: Waiting,
}

impl Future for Call {
    type Output = Result<Payload>;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Result<Payload>> {
        let this = self.get_mut();
        if let Some(sending) = &mut this.sending
            && let Poll::Ready(sent) = Pin::new(sending).poll(cx)
        {
            this.sending = None;
            sent?;
        }
        let Poll::Ready(reply) = Pin::new(&mut this.answer).poll(cx) else { return Poll::Pending };
        this.waiting.done = true;
        if !reply.as_ref().is_ok_and(|reply| reply.result.is_ok()) {
            this.waiting.end_upload();
        }
        let Ok(reply) = reply else { return Poll::Ready(Err(Error::disconnected())) };
        if let Some(mut meta) = reply.meta
            && !meta.is_empty()
        {
            if this.ctx.inner().no_cache {
                meta.shift_remove(NO_CACHE);
            }
            this.ctx.inner().carried.lock().answered(meta);
        }
        Poll::Ready(reply.result)
    }
}
