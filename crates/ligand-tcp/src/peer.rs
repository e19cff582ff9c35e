//! The way to one other node: a queue, and what is on its way out of it.

mod batch;
mod queue;
mod room;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{
    net::TcpStream,
    sync::{Notify, oneshot},
};

pub(crate) use self::{batch::Batch, queue::Frame};
use self::{
    queue::{Queue, Taken},
    room::WaitForRoom,
};

/// The way to one other node. Lives as long as its connection: after it, the next packet makes a new one.
#[derive(Debug)]
pub(crate) struct Peer {
    /// Name of the node.
    pub(crate) id: Arc<str>,
    queue: Mutex<Queue>,
    /// There is something to write, or the end has come.
    wake: Notify,
    /// Milliseconds on the clock of the mesh.
    last_used: AtomicU64,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Here, because it was not used.
    Unused,
    /// By the other node, or by the network.
    Lost,
    /// It never stood.
    Unreachable,
}

/// What became of a frame that was handed over.
#[derive(Debug)]
pub(crate) enum Pushed {
    /// It has left, or is in the queue.
    Taken,
    /// The queue is full: it gets there later.
    Waiting(WaitForRoom),
    /// The connection has ended.
    Closed(Frame),
}

impl Peer {
    pub(crate) fn new(id: Arc<str>, limit: usize, now: u64) -> Self {
        Self { id, queue: Mutex::new(Queue::new(limit)), wake: Notify::new(), last_used: AtomicU64::new(now) }
    }

    /// Hands a frame over, at a time on the clock of the mesh. Frames leave in the order of these calls.
    pub(crate) fn push(self: &Arc<Self>, frame: Frame, now: Duration) -> Pushed {
        let pushed = self.queue.lock().push(frame, now);
        match pushed {
            Ok(Taken::Written) => Pushed::Taken,
            Ok(Taken::Queued) => {
                self.wake.notify_one();
                Pushed::Taken
            }
            Ok(Taken::Waiting(number, signal)) => {
                Pushed::Waiting(WaitForRoom::new(self.clone(), number, signal))
            }
            Err(frame) => Pushed::Closed(frame),
        }
    }

    /// As [`Peer::push`] for frames that may be dropped when the queue is full. False: it was.
    pub(crate) fn offer(&self, frame: Frame) -> bool {
        let taken = self.queue.lock().offer(frame);
        if taken {
            self.wake.notify_one();
        }
        taken
    }

    /// Nobody waits for this frame any more: it is taken back unless it is in the queue by now.
    pub(crate) fn withdraw(&self, number: u64) {
        self.queue.lock().withdraw(number);
    }

    /// Ends when everything that was handed over is with the network; with an error when it got lost.
    pub(crate) fn flushed(&self) -> Option<oneshot::Receiver<()>> {
        let receiver = self.queue.lock().mark();
        self.wake.notify_one();
        receiver
    }

    pub(crate) fn touch(&self, now: u64) {
        self.last_used.store(now, Ordering::Relaxed);
    }

    pub(crate) fn last_used(&self) -> u64 {
        self.last_used.load(Ordering::Relaxed)
    }

    /// Ends the connection when nothing is on its way.
    pub(crate) fn retire(&self) -> bool {
        let retired = self.queue.lock().retire();
        if retired {
            self.wake.notify_one();
        }
        retired
    }

    /// No more frames; answers those that have not left.
    pub(crate) fn close(&self) -> Vec<Frame> {
        self.queue.lock().close()
    }

    /// Writes what is handed over until the connection ends. What `batch` still holds then has not left.
    pub(crate) async fn write(&self, stream: TcpStream, batch: &mut Batch) -> End {
        let stream = Arc::new(stream);
        self.queue.lock().connected(stream.clone());
        loop {
            if batch.is_empty() && !self.queue.lock().take(batch) {
                return End::Unused;
            }
            if batch.is_empty() {
                tokio::select! {
                    () = ended(&stream) => return End::Lost,
                    () = self.wake.notified() => {}
                }
                // Whoever is about to send does it first: many frames go with one write.
                tokio::task::yield_now().await;
            } else {
                tokio::select! {
                    biased;
                    () = ended(&stream) => return End::Lost,
                    written = advance(&stream, batch) => if !written { return End::Lost },
                }
                tokio::task::consume_budget().await;
            }
        }
    }
}

async fn advance(stream: &TcpStream, batch: &mut Batch) -> bool {
    loop {
        if stream.writable().await.is_err() {
            return false;
        }
        match batch.write(|slices| stream.try_write_vectored(slices)) {
            Ok(0) => return false,
            Ok(_) => return true,
            Err(err) if err.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return false,
        }
    }
}

/// Ends when the other side closes. Nothing is ever sent this way: what arrives is thrown away.
async fn ended(stream: &TcpStream) {
    let mut nothing = [0; 256];
    loop {
        match stream.readable().await.and_then(|()| stream.try_read(&mut nothing)) {
            Ok(0) => return,
            Ok(_) => {}
            Err(err) if err.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}
