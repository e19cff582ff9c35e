//! The sending end of a stream: a [`Streaming`] becomes numbered packets.

use std::{
    fmt,
    future::poll_fn,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use ligand_wire::{Error, Payload};
use parking_lot::Mutex;

use super::{Mode, Part, Streaming, chunk};

/// One packet of a stream.
#[derive(Clone, Debug)]
pub struct Numbered {
    /// Its number, from 1: packet 0 opens the stream and carries no chunk.
    pub seq: u64,
    /// What it carries.
    pub part: Part,
}

/// Cuts and numbers what a stream sends, no faster than the reader allows.
pub struct Outflow {
    source: Streaming,
    max_chunk: usize,
    /// What is left of a long chunk.
    rest: Bytes,
    seq: u64,
    window: Option<u64>,
    /// What was sent, counted as the reader does.
    sent: u64,
    over: bool,
    credit: Credit,
}

/// The reader's side of an [`Outflow`]: lets it go on, or ends it.
#[derive(Clone, Default)]
pub struct Credit(Arc<Granted>);

#[derive(Default)]
struct Granted {
    total: AtomicU64,
    /// Packets that were given out.
    packets: AtomicU64,
    cancelled: AtomicBool,
    /// Why the stream breaks off.
    failure: Mutex<Option<Error>>,
    sender: AtomicWaker,
}

impl Credit {
    /// The reader has taken this much since the beginning. Older and repeated news do no harm.
    pub fn grant(&self, total: u64) {
        self.0.total.fetch_max(total, Ordering::AcqRel);
        self.0.sender.wake();
    }

    /// A number that grows with every packet and every grant.
    pub(crate) fn progress(&self) -> u64 {
        self.0.packets.load(Ordering::Relaxed).wrapping_add(self.0.total.load(Ordering::Relaxed))
    }

    /// The stream breaks off: the source is dropped, and this error is the last packet.
    pub fn fail(&self, error: Error) {
        *self.0.failure.lock() = Some(error);
        self.0.sender.wake();
    }

    /// The reader is gone: the source is dropped, no packet follows, not even an end.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::Release);
        self.0.sender.wake();
    }
}

impl fmt::Debug for Credit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credit")
            .field("total", &self.0.total)
            .field("cancelled", &self.0.cancelled)
            .finish_non_exhaustive()
    }
}

impl Outflow {
    /// Sends `source` in chunks of at most `max_chunk` bytes ([`super::MAX_CHUNK`]). With a `window`
    /// ([`super::WINDOW`]) it waits for [`Credit::grant`]; without one (the reader knows no credit) it never does.
    pub fn new(source: Streaming, max_chunk: usize, window: Option<u64>) -> Self {
        Self {
            source,
            max_chunk: max_chunk.max(1),
            rest: Bytes::new(),
            seq: 0,
            window,
            sent: 0,
            over: false,
            credit: Credit::default(),
        }
    }

    /// Where news from the reader go.
    pub fn credit(&self) -> Credit {
        self.credit.clone()
    }

    /// The next packet, when there is one and the reader allows it; `None` after the end, the error, or
    /// [`Credit::cancel`]. Safe to drop and call again.
    pub async fn next(&mut self) -> Option<Numbered> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Tells how long the last packet became, before compression and encryption. Needed for streams of values, whose
    /// length is not known before; bytes count by themselves.
    pub fn sent(&mut self, encoded_len: usize) {
        if self.source.mode() == Mode::Objects {
            self.sent += Mode::Objects.cost(&Payload::NULL, encoded_len);
        }
    }

    /// The packet with these bytes, the last one, was too large to be sent: they go in smaller pieces. False when that
    /// is not possible.
    pub(crate) fn cut(&mut self, piece: Bytes) -> bool {
        if self.source.mode() != Mode::Bytes || piece.len() < 2 || self.over {
            return false;
        }
        self.max_chunk = piece.len() / 2;
        self.seq -= 1;
        self.sent -= Mode::Bytes.cost(&Payload::binary(piece.clone()), 0);
        self.rest = match self.rest.is_empty() {
            true => piece,
            false => Bytes::from([piece, std::mem::take(&mut self.rest)].concat()),
        };
        true
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Numbered>> {
        if self.over {
            return Poll::Ready(None);
        }
        self.credit.0.sender.register(cx.waker());
        if self.credit.0.cancelled.load(Ordering::Acquire) {
            self.close();
            return Poll::Ready(None);
        }
        let failure = self.credit.0.failure.lock().take();
        if let Some(error) = failure {
            self.close();
            self.seq += 1;
            return Poll::Ready(Some(Numbered { seq: self.seq, part: Part::Error(error) }));
        }
        let unread = self.sent.saturating_sub(self.credit.0.total.load(Ordering::Acquire));
        if self.window.is_some_and(|window| unread >= window) {
            return Poll::Pending;
        }
        let part = match self.source.mode() {
            Mode::Bytes => ready!(self.poll_piece(cx)),
            Mode::Objects => match ready!(self.source.poll_chunk(cx)) {
                Some(Ok(value)) => Part::Chunk(value),
                Some(Err(error)) => Part::Error(error),
                None => Part::End,
            },
        };
        if !matches!(part, Part::Chunk(_)) {
            self.close();
        }
        self.seq += 1;
        self.credit.0.packets.fetch_add(1, Ordering::Relaxed);
        Poll::Ready(Some(Numbered { seq: self.seq, part }))
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Part> {
        while self.rest.is_empty() {
            match ready!(self.source.poll_chunk(cx)).map(|chunk| chunk.and_then(chunk::bytes_of)) {
                Some(Ok(bytes)) => self.rest = bytes,
                Some(Err(error)) => return Poll::Ready(Part::Error(error)),
                None => return Poll::Ready(Part::End),
            }
        }
        let piece = Payload::binary(self.rest.split_to(self.rest.len().min(self.max_chunk)));
        self.sent += Mode::Bytes.cost(&piece, 0);
        Poll::Ready(Part::Chunk(piece))
    }

    /// Drops the source at once: what feeds it sees that nobody reads.
    fn close(&mut self) {
        self.over = true;
        self.rest = Bytes::new();
        self.source = Streaming::from_bytes(Bytes::new());
    }
}

impl fmt::Debug for Outflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outflow")
            .field("mode", &self.source.mode())
            .field("seq", &self.seq)
            .field("sent", &self.sent)
            .field("over", &self.over)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
