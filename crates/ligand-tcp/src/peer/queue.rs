//! Frames that wait for their connection.

use std::{
    collections::VecDeque,
    io::{ErrorKind, IoSlice},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use ligand_transport::Ticket;
use socket2::SockRef;
use tokio::{net::TcpStream, sync::oneshot};

use super::Batch;
use crate::frame;

/// A frame that comes this long after the one before is written by its sender: handing it to the connection's task
/// would take longer. Frames that come faster go many with one write.
const ALONE: Duration = Duration::from_micros(25);

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

/// What became of a frame.
#[derive(Debug)]
pub(super) enum Taken {
    /// It has left.
    Written,
    /// The connection's task writes it.
    Queued,
    /// It waits for room under this number.
    Waiting(u64, oneshot::Receiver<()>),
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

/// The other side has not closed the connection. The runtime may not have looked yet.
fn stands(stream: &TcpStream) -> bool {
    let mut byte = [std::mem::MaybeUninit::uninit()];
    matches!(SockRef::from(stream).peek(&mut byte), Err(error) if error.kind() == ErrorKind::WouldBlock)
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
    /// The connection, while it stands.
    stream: Option<Arc<TcpStream>>,
    /// How much of the first frame was written by its sender.
    begun: usize,
    /// When the last frame was handed over.
    last: Duration,
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
            stream: None,
            begun: 0,
            last: Duration::ZERO,
        }
    }

    /// The connection stands.
    pub(super) fn connected(&mut self, stream: Arc<TcpStream>) {
        self.stream = Some(stream);
    }

    /// Takes a frame at a time on the clock of the mesh.
    pub(super) fn push(&mut self, frame: Frame, now: Duration) -> Result<Taken, Frame> {
        if self.closed {
            return Err(frame);
        }
        let alone = now.saturating_sub(std::mem::replace(&mut self.last, now)) >= ALONE;
        if alone && self.is_idle() && self.write(&frame) {
            return Ok(Taken::Written);
        }
        if self.parked.is_empty() && self.bytes < self.limit {
            self.bytes += frame.cost();
            self.ready.push_back(Entry::Frame(frame));
            return Ok(Taken::Queued);
        }
        let (room, signal) = oneshot::channel();
        let number = self.next;
        self.next += 1;
        self.parked.push_back(Parked { number, frame, room });
        Ok(Taken::Waiting(number, signal))
    }

    fn is_idle(&self) -> bool {
        !self.busy && self.ready.is_empty() && self.parked.is_empty()
    }

    /// Writes a frame to the connection that nobody else writes to. False: not all of it has left.
    fn write(&mut self, frame: &Frame) -> bool {
        let Some(stream) = self.stream.as_deref().filter(|stream| stands(stream)) else { return false };
        let header = frame::header(frame.number, frame.body.len());
        let parts = [IoSlice::new(&header), IoSlice::new(&frame.body)];
        // An error is found again by the connection's task.
        self.begun = stream.try_write_vectored(&parts).unwrap_or(0);
        let whole = self.begun == header.len() + frame.body.len();
        if whole {
            self.begun = 0;
        }
        whole
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
                    match std::mem::take(&mut self.begun) {
                        0 => {}
                        begun => batch.skip(begun),
                    }
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
        let idle = self.is_idle();
        self.closed |= idle;
        idle
    }

    /// Senders that wait for room get an error instead of a loss of their ticket.
    pub(super) fn close(&mut self) -> Vec<Frame> {
        self.closed = true;
        self.stream = None;
        self.parked.clear();
        self.bytes = 0;
        let frames = self.ready.drain(..).filter_map(|entry| match entry {
            Entry::Frame(frame) => Some(frame),
            Entry::Mark(_) => None,
        });
        frames.collect()
    }
}
