//! Frames on their way to the server.
//!
//! Senders append encoded messages to one buffer, the writer takes all of it at once. When the buffer is full, messages
//! wait in order. Acknowledgements and questions about queues go the same way and never wait.

use std::{
    collections::{HashSet, VecDeque},
    mem,
    time::Instant,
};

use bytes::Bytes;
use ligand_transport::{Sending, Ticket};
use ligand_wire::{Error, Result};
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

use crate::{
    frame::{self, Message},
    watch::{Gone, Watch},
};

/// Above this many bytes in the buffer, senders wait.
const FULL: usize = 1 << 20;

/// Declares, consumes and acknowledges what belongs to this node.
pub(crate) const OWN: u16 = 1;
/// Publishes.
pub(crate) const SEND: u16 = 2;
/// Asks about the queues of others; closed by the server when one does not exist.
pub(crate) const ASK: u16 = 3;
/// As [`OWN`], for what nodes share.
pub(crate) const SHARED: u16 = 4;
/// Reads what is left in the queues of dead nodes.
pub(crate) const DEAD: u16 = 5;

/// See the module.
pub(crate) struct Outbox {
    persistent: bool,
    priority: Option<u8>,
    lane: Mutex<Lane>,
    /// There is something to write.
    pub(crate) wake: Notify,
}

#[derive(Default)]
struct Lane {
    session: Option<Session>,
    /// Everything is declared: senders may send.
    ready: bool,
    buffer: Vec<u8>,
    waiting: VecDeque<(Work, oneshot::Sender<Result<()>>)>,
    /// Counts channels, over all connections.
    epoch: u64,
}

enum Work {
    Publish(Publish),
    Flush,
}

/// A message to publish.
#[derive(Debug)]
pub(crate) struct Publish {
    /// Name of the exchange or of the queue.
    pub(crate) name: String,
    pub(crate) exchange: bool,
    pub(crate) ticket: Option<Ticket>,
    /// Milliseconds.
    pub(crate) expiration: Option<u64>,
    /// Node whose queue it is, when its consumers are watched.
    pub(crate) node: Option<std::sync::Arc<str>>,
    pub(crate) body: Bytes,
}

struct Session {
    frame: usize,
    /// On requests to nodes, unless they outlive the server: then it may forget that somebody got them.
    mark: Option<String>,
    flushes: VecDeque<oneshot::Sender<Result<()>>>,
    watch: Watch,
    own: Unacked,
    shared: Unacked,
}

/// Deliveries of one channel that wait for an acknowledgement.
struct Unacked {
    epoch: u64,
    tags: HashSet<u64>,
}

/// A delivery that wants an acknowledgement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Receipt {
    channel: u16,
    epoch: u64,
    tag: u64,
}

impl Lane {
    fn unacked(&mut self, channel: u16) -> Option<&mut Unacked> {
        let session = self.session.as_mut()?;
        Some(if channel == OWN { &mut session.own } else { &mut session.shared })
    }

    fn fresh(&mut self) -> Unacked {
        self.epoch += 1;
        Unacked { epoch: self.epoch, tags: HashSet::new() }
    }
}

impl Outbox {
    pub(crate) fn new(persistent: bool, priority: Option<u8>) -> Self {
        Self { persistent, priority, lane: Mutex::default(), wake: Notify::new() }
    }

    /// Appends the message, or gives it back when it has to wait.
    fn publish(&self, lane: &mut Lane, packet: Publish) -> std::result::Result<Result<()>, Publish> {
        let Lane { session: Some(session), ready: true, buffer, .. } = lane else {
            return Ok(Err(Error::disconnected()));
        };
        if buffer.len() > FULL {
            return Err(packet);
        }
        let message = Message {
            exchange: if packet.exchange { &packet.name } else { "" },
            routing_key: if packet.exchange { "" } else { &packet.name },
            mandatory: packet.ticket.is_some() && !packet.exchange,
            persistent: self.persistent,
            priority: self.priority,
            correlation_id: packet.ticket.map(|ticket| ticket.0),
            expiration: packet.expiration,
            app_id: packet.node.as_ref().and(packet.ticket).and(session.mark.as_deref()),
        };
        frame::publish(buffer, SEND, &message, &packet.body, session.frame);
        if let (Some(_), Some(node)) = (packet.ticket, packet.node) {
            session.watch.sent(node, packet.name, Instant::now());
        }
        Ok(Ok(()))
    }

    /// Moves what waits into the buffer as long as there is room.
    fn advance(&self, lane: &mut Lane) {
        while let Some((work, done)) = lane.waiting.pop_front() {
            match work {
                _ if done.is_closed() => {}
                Work::Flush => match &mut lane.session {
                    Some(session) => {
                        // Any question whose answer comes after all messages were routed.
                        frame::qos(&mut lane.buffer, SEND, 0);
                        session.flushes.push_back(done);
                    }
                    None => drop(done.send(Err(Error::disconnected()))),
                },
                Work::Publish(packet) => match self.publish(lane, packet) {
                    Ok(result) => drop(done.send(result)),
                    Err(packet) => {
                        lane.waiting.push_front((Work::Publish(packet), done));
                        return;
                    }
                },
            }
        }
    }

    /// A connection of the node `me` stands; senders may send after [`Outbox::ready`].
    pub(crate) fn open(&self, frame: usize, me: &str) {
        let mut lane = self.lane.lock();
        lane.buffer.clear();
        let (own, shared) = (lane.fresh(), lane.fresh());
        let mark = (!self.persistent).then(|| format!("{}@{me}", lane.epoch));
        let (flushes, watch) = Default::default();
        lane.session = Some(Session { frame, mark, flushes, watch, own, shared });
    }

    /// Lets senders send.
    pub(crate) fn ready(&self) {
        self.lane.lock().ready = true;
    }

    /// The connection is lost: everything that waits fails.
    pub(crate) fn close(&self) {
        let mut lane = self.lane.lock();
        lane.ready = false;
        lane.buffer = Vec::new();
        let session = lane.session.take();
        let waiting = mem::take(&mut lane.waiting);
        drop(lane);
        let flushes = session.into_iter().flat_map(|session| session.flushes);
        for done in flushes.chain(waiting.into_iter().map(|(_, done)| done)) {
            let _ = done.send(Err(Error::disconnected()));
        }
    }

    /// Hands a message over.
    pub(crate) fn send(&self, packet: Publish) -> Sending {
        let mut lane = self.lane.lock();
        let packet = if lane.waiting.is_empty() {
            let idle = lane.buffer.is_empty();
            match self.publish(&mut lane, packet) {
                Ok(result) => {
                    drop(lane);
                    if idle && result.is_ok() {
                        self.wake.notify_one();
                    }
                    return Sending::Done(result);
                }
                Err(packet) => packet,
            }
        } else {
            packet
        };
        let (done, answer) = oneshot::channel();
        lane.waiting.push_back((Work::Publish(packet), done));
        Sending::Waiting(Box::pin(async move { answer.await.unwrap_or_else(|_| Err(Error::disconnected())) }))
    }

    /// Ends when the server has routed everything before.
    pub(crate) async fn flush(&self) -> Result<()> {
        let (done, answer) = oneshot::channel();
        {
            let mut lane = self.lane.lock();
            if !lane.ready {
                return Err(Error::disconnected());
            }
            lane.waiting.push_back((Work::Flush, done));
            self.advance(&mut lane);
        }
        self.wake.notify_one();
        answer.await.unwrap_or_else(|_| Err(Error::disconnected()))
    }

    /// The server answered the question of a flush.
    pub(crate) fn flushed(&self) {
        let done = self.lane.lock().session.as_mut().and_then(|session| session.flushes.pop_front());
        if let Some(done) = done {
            let _ = done.send(Ok(()));
        }
    }

    /// Appends frames that never wait.
    pub(crate) fn control(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut lane = self.lane.lock();
        if lane.session.is_some() {
            write(&mut lane.buffer);
            drop(lane);
            self.wake.notify_one();
        }
    }

    /// A delivery came that wants an acknowledgement.
    pub(crate) fn delivered(&self, channel: u16, tag: u64) -> Receipt {
        let mut lane = self.lane.lock();
        let epoch = lane.unacked(channel).map_or(0, |unacked| {
            unacked.tags.insert(tag);
            unacked.epoch
        });
        Receipt { channel, epoch, tag }
    }

    /// Acknowledges, unless that was done or the delivery belongs to a channel that is gone.
    pub(crate) fn ack(&self, Receipt { channel, epoch, tag }: Receipt) {
        let mut lane = self.lane.lock();
        let Some(unacked) = lane.unacked(channel) else { return };
        if unacked.epoch == epoch && unacked.tags.remove(&tag) {
            frame::ack(&mut lane.buffer, channel, tag);
            drop(lane);
            self.wake.notify_one();
        }
    }

    /// The shared channel was opened anew: its deliveries are others' now.
    pub(crate) fn renewed(&self) {
        let mut lane = self.lane.lock();
        let fresh = lane.fresh();
        if let Some(session) = &mut lane.session {
            session.shared = fresh;
        }
    }

    /// Asks who consumes the queues that were sent to.
    pub(crate) fn ask(&self) {
        let mut lane = self.lane.lock();
        let Lane { session: Some(session), buffer, .. } = &mut *lane else { return };
        let before = buffer.len();
        session.watch.ask(Instant::now(), |queue| frame::exists(buffer, ASK, queue));
        if buffer.len() > before {
            drop(lane);
            self.wake.notify_one();
        }
    }

    /// The answer to the first open question: number of consumers, `None` when there is no such queue.
    pub(crate) fn answered(&self, consumers: Option<u32>) -> Option<Gone> {
        self.lane.lock().session.as_mut()?.watch.answered(consumers)
    }

    /// Whether a request with this mark was sent by this connection.
    pub(crate) fn is_mine(&self, mark: &[u8]) -> bool {
        let lane = self.lane.lock();
        let own = lane.session.as_ref().and_then(|session| session.mark.as_ref());
        own.is_some_and(|own| own.as_bytes() == mark)
    }

    /// Takes what there is to write into the empty `into`; false when there is nothing.
    pub(crate) fn take(&self, into: &mut Vec<u8>) -> bool {
        let mut lane = self.lane.lock();
        mem::swap(&mut lane.buffer, into);
        self.advance(&mut lane);
        !into.is_empty() || !lane.buffer.is_empty()
    }
}

#[cfg(test)]
mod tests;
