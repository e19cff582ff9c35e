//! The receiving end of a stream: numbered packets in any order become a [`Streaming`].

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use futures_util::Stream;
use ligand_wire::{Error, Payload, Result};
use parking_lot::Mutex;

use super::{Mode, Part, Streaming, WINDOW, chunk};

/// What the reader of an incoming stream tells the sender. Called from the reader's task: must not wait.
pub trait Feedback: Send + Sync + 'static {
    /// The reader has taken this much since the beginning; see [`super::Credit::grant`]. Called whenever another
    /// quarter of the window was taken, until the end has arrived.
    fn consumed(&self, total: u64);

    /// The reader is gone and the stream has not ended: the sender may stop.
    fn cancelled(&self);
}

/// Bounds of one incoming stream.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most bytes that wait for the reader or for an earlier packet. Default: 64 MiB, for senders that know no
    /// window.
    pub bytes: u64,
    /// How far a packet may be ahead of the next one in order. Default: 1024.
    pub ahead: u64,
    /// The window of the sender. Default: [`WINDOW`].
    pub window: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 64 * 1024 * 1024, ahead: 1024, window: WINDOW }
    }
}

/// What a packet did to its stream.
#[derive(Clone, Debug)]
#[must_use = "a stream that is over must be forgotten"]
pub enum Progress {
    /// More packets follow.
    Open,
    /// All packets up to the end have come.
    Complete,
    /// The packet broke the stream and the reader gets this error: the sender should stop.
    Broken(Error),
}

/// Puts the packets of one incoming stream in order.
///
/// Packets may come twice and in any order. The packet 0, which opens the stream, is not its business: make the
/// assembly with whichever packet comes first, and give the [`Streaming`] away when packet 0 comes. When the
/// assembly is dropped before the end the reader gets `STREAM_CUT_OFF`.
pub struct Assembly {
    mode: Mode,
    limits: Limits,
    queue: Arc<Mutex<Queue>>,
    /// Number of the next packet in order.
    next: u64,
    /// Packets that came too early, with their cost.
    out_of_order: BTreeMap<u64, (Part, u64)>,
    out_of_order_cost: u64,
    over: bool,
}

/// What is in order and waits for the reader.
#[derive(Default)]
struct Queue {
    chunks: VecDeque<(Payload, u64)>,
    cost: u64,
    /// What the reader has taken since the beginning.
    taken: u64,
    /// How it ends, after the chunks.
    end: Option<Result<()>>,
    reader: Option<Waker>,
    reader_gone: bool,
}

impl Assembly {
    /// The assembly, and the stream that it fills.
    pub fn new(mode: Mode, limits: Limits, feedback: Arc<dyn Feedback>) -> (Self, Streaming) {
        let queue = Arc::new(Mutex::new(Queue::default()));
        let incoming =
            Incoming { queue: queue.clone(), feedback, quarter: (limits.window / 4).max(1), told: 0 };
        let assembly = Self {
            mode,
            limits,
            queue,
            next: 1,
            out_of_order: BTreeMap::new(),
            out_of_order_cost: 0,
            over: false,
        };
        (assembly, Streaming::new(mode, Box::pin(incoming)))
    }

    /// Takes a packet. `encoded_len` is its length before compression and encryption; the sender must have counted
    /// the same.
    pub fn accept(&mut self, seq: u64, part: Part, encoded_len: usize) -> Progress {
        if self.over {
            return Progress::Complete;
        }
        if seq < self.next || self.out_of_order.contains_key(&seq) {
            return Progress::Open;
        }
        if seq - self.next > self.limits.ahead {
            let message = format!("Packet {seq} of a stream came while packet {} is missing.", self.next);
            return self.broken("STREAM_DISORDERED", message);
        }
        let (part, cost) = match part {
            // What is missing would not save the stream; it may never come.
            Part::Error(error) if seq != self.next => return self.fail(error),
            // Only the order matters any more: it shows when the end has come.
            Part::Chunk(_) if self.queue.lock().reader_gone => (Part::Chunk(Payload::NULL), 0),
            Part::Chunk(chunk) => {
                let chunk = match self.mode {
                    Mode::Objects => Ok(chunk),
                    Mode::Bytes => chunk::bytes_of(chunk).map(Payload::binary),
                };
                match chunk {
                    Ok(chunk) => {
                        let cost = self.mode.cost(&chunk, encoded_len);
                        (Part::Chunk(chunk), cost)
                    }
                    Err(error) => return self.fail(error),
                }
            }
            end => (end, 0),
        };
        let waiting = self.queue.lock().cost + self.out_of_order_cost;
        if waiting + cost > self.limits.bytes {
            let message =
                format!("The reader of a stream is slower than its sender: {waiting} bytes wait for it.");
            return self.broken("STREAM_OVERFLOW", message);
        }
        if seq != self.next {
            self.out_of_order_cost += cost;
            self.out_of_order.insert(seq, (part, cost));
            return Progress::Open;
        }
        self.deliver(part, cost)
    }

    /// Packets came that follow a missing one.
    pub fn has_gap(&self) -> bool {
        !self.out_of_order.is_empty()
    }

    /// The reader is gone.
    pub fn is_unread(&self) -> bool {
        self.queue.lock().reader_gone
    }

    /// What the reader has taken since the beginning.
    pub fn taken(&self) -> u64 {
        self.queue.lock().taken
    }

    /// Ends the stream with an error, after what is in order already; for example because the sender is lost.
    pub fn fail(&mut self, error: Error) -> Progress {
        self.finish(Err(error.clone()));
        Progress::Broken(error)
    }

    fn broken(&mut self, kind: &'static str, message: String) -> Progress {
        self.fail(Error::server(500, kind, message).with_retryable(false))
    }

    /// Hands over the next packet and all early ones that follow it.
    fn deliver(&mut self, part: Part, cost: u64) -> Progress {
        let (mut part, mut cost) = (part, cost);
        let mut queue = self.queue.lock();
        let end = loop {
            self.next += 1;
            match part {
                Part::End => break Ok(()),
                Part::Error(error) => break Err(error),
                Part::Chunk(chunk) if !queue.reader_gone => {
                    queue.cost += cost;
                    queue.chunks.push_back((chunk, cost));
                }
                Part::Chunk(_) => {}
            }
            let Some(follower) = self.out_of_order.remove(&self.next) else {
                let reader = queue.reader.take();
                drop(queue);
                reader.into_iter().for_each(Waker::wake);
                return Progress::Open;
            };
            (part, cost) = follower;
            self.out_of_order_cost -= cost;
        };
        drop(queue);
        self.finish(end);
        Progress::Complete
    }

    fn finish(&mut self, end: Result<()>) {
        if std::mem::replace(&mut self.over, true) {
            return;
        }
        self.out_of_order.clear();
        self.out_of_order_cost = 0;
        let mut queue = self.queue.lock();
        queue.end = Some(end);
        let reader = queue.reader.take();
        drop(queue);
        reader.into_iter().for_each(Waker::wake);
    }
}

/// What the reader of a stream gets whose end does not come.
pub(crate) fn cut_off() -> Error {
    Error::server(500, "STREAM_CUT_OFF", "The stream was cut off before its end.").with_retryable(false)
}

impl Drop for Assembly {
    fn drop(&mut self) {
        if !self.over {
            self.finish(Err(cut_off()));
        }
    }
}

impl fmt::Debug for Assembly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assembly")
            .field("mode", &self.mode)
            .field("next", &self.next)
            .field("out_of_order", &self.out_of_order.len())
            .field("over", &self.over)
            .finish_non_exhaustive()
    }
}

/// The reader's side of the queue.
struct Incoming {
    queue: Arc<Mutex<Queue>>,
    feedback: Arc<dyn Feedback>,
    quarter: u64,
    told: u64,
}

impl Stream for Incoming {
    type Item = Result<Payload>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut queue = self.queue.lock();
        let Some((chunk, cost)) = queue.chunks.pop_front() else {
            return match queue.end.clone() {
                Some(end) => Poll::Ready(end.err().map(Err)),
                None => {
                    queue.reader = Some(cx.waker().clone());
                    Poll::Pending
                }
            };
        };
        queue.cost -= cost;
        queue.taken += cost;
        let (ended, taken) = (queue.end.is_some(), queue.taken);
        drop(queue);
        if !ended && taken - self.told >= self.quarter {
            self.told = taken;
            self.feedback.consumed(taken);
        }
        Poll::Ready(Some(Ok(chunk)))
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        let mut queue = self.queue.lock();
        queue.reader_gone = true;
        queue.cost = 0;
        let unread = std::mem::take(&mut queue.chunks);
        let ended = queue.end.is_some();
        drop(queue);
        drop(unread);
        if !ended {
            self.feedback.cancelled();
        }
    }
}

#[cfg(test)]
mod tests;
