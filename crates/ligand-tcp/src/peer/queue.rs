//! Frames that wait for their connection.

use std::collections::VecDeque;

use bytes::Bytes;
use ligand_transport::Ticket;
use tokio::sync::oneshot;

use super::Batch;

/// One packet on its way out.
#[derive(Debug)]
pub(crate) struct Frame {
    /// Number of its kind.
    pub(crate) number: u8,
    /// The encoded packet.
    pub(crate) body: Bytes,
    /// Set when the sender wants to hear that nobody received it.
    pub(crate) ticket: Option<Ticket>,
}

impl Frame {
    /// What it counts for, with what is needed to keep it.
    fn cost(&self) -> usize {
        self.body.len() + 96
    }
}

/// A frame, or a mark that is told when everything before it was written.
#[derive(Debug)]
pub(super) enum Entry {
    Frame(Frame),
    Mark(oneshot::Sender<()>),
}

/// A frame that waits for room; its sender waits too.
#[derive(Debug)]
struct Parked {
    number: u64,
    frame: Frame,
    room: oneshot::Sender<()>,
}

/// Frames in the order in which they were handed over: first those in the queue, then those that wait for room.
#[derive(Debug)]
pub(super) struct Queue {
    ready: VecDeque<Entry>,
    parked: VecDeque<Parked>,
    bytes: usize,
    limit: usize,
    /// Number of the next frame that waits for room.
    next: u64,
    /// A batch is being written.
    busy: bool,
    closed: bool,
}

impl Queue {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            ready: VecDeque::new(),
            parked: VecDeque::new(),
            bytes: 0,
            limit,
            next: 0,
            // A new connection starts by writing.
            busy: true,
            closed: false,
        }
    }

    /// `Some`: the frame waits for room under this number.
    pub(super) fn push(&mut self, frame: Frame) -> Result<Option<(u64, oneshot::Receiver<()>)>, Frame> {
        if self.closed {
            return Err(frame);
        }
        if self.parked.is_empty() && self.bytes < self.limit {
            self.bytes += frame.cost();
            self.ready.push_back(Entry::Frame(frame));
            return Ok(None);
        }
        let (room, signal) = oneshot::channel();
        let number = self.next;
        self.next += 1;
        self.parked.push_back(Parked { number, frame, room });
        Ok(Some((number, signal)))
    }

    pub(super) fn offer(&mut self, frame: Frame) -> bool {
        let taken = !self.closed && self.parked.is_empty() && self.bytes < self.limit;
        if taken {
            self.bytes += frame.cost();
            self.ready.push_back(Entry::Frame(frame));
        }
        taken
    }

    pub(super) fn withdraw(&mut self, number: u64) {
        if let Ok(index) = self.parked.binary_search_by_key(&number, |parked| parked.number) {
            self.parked.remove(index);
        }
    }

    pub(super) fn mark(&mut self) -> Option<oneshot::Receiver<()>> {
        if self.closed || (self.ready.is_empty() && !self.busy) {
            return None;
        }
        let (mark, signal) = oneshot::channel();
        self.ready.push_back(Entry::Mark(mark));
        Some(signal)
    }

    /// Moves frames into an empty batch. False: the connection shall end.
    pub(super) fn take(&mut self, batch: &mut Batch) -> bool {
        while !batch.is_full()
            && let Some(entry) = self.ready.pop_front()
        {
            match entry {
                Entry::Frame(frame) => {
                    self.bytes -= frame.cost();
                    batch.push(&frame);
                }
                // Everything before it was written, unless it is in this batch.
                Entry::Mark(mark) if batch.is_empty() => drop(mark.send(())),
                mark @ Entry::Mark(_) => {
                    self.ready.push_front(mark);
                    break;
                }
            }
        }
        while self.bytes < self.limit
            && let Some(parked) = self.parked.pop_front()
        {
            self.bytes += parked.frame.cost();
            self.ready.push_back(Entry::Frame(parked.frame));
            let _ = parked.room.send(());
        }
        self.busy = !batch.is_empty();
        self.busy || !self.closed
    }

    pub(super) fn retire(&mut self) -> bool {
        let idle = !self.busy && self.ready.is_empty() && self.parked.is_empty();
        self.closed |= idle;
        idle
    }

    /// Senders that wait for room get an error instead of a loss of their ticket.
    pub(super) fn close(&mut self) -> Vec<Frame> {
        self.closed = true;
        self.parked.clear();
        self.bytes = 0;
        let frames = self.ready.drain(..).filter_map(|entry| match entry {
            Entry::Frame(frame) => Some(frame),
            Entry::Mark(_) => None,
        });
        frames.collect()
    }
}
