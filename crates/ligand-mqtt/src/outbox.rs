//! Packets on their way to the server.
//!
//! Senders append encoded packets to one buffer, the writer takes all of it at once. When the buffer is full, or the
//! server owes too many acknowledgements, packets wait in order.

use std::{
    collections::{HashMap, VecDeque},
    mem,
};

use bytes::Bytes;
use ligand_transport::{Sending, Ticket};
use ligand_wire::{Error, Result};
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

use crate::frame::{self, NO_SUBSCRIBERS, Qos, Step, Version, Welcome};

/// Above this many bytes in the buffer, senders wait.
const FULL: usize = 1 << 20;

/// See the module.
#[derive(Default)]
pub(crate) struct Outbox {
    lane: Mutex<Lane>,
    /// There is something to write.
    pub(crate) wake: Notify,
}

#[derive(Default)]
struct Lane {
    /// `None`: not connected.
    session: Option<Session>,
    /// Subscriptions are in place: senders may send.
    ready: bool,
    buffer: Vec<u8>,
    waiting: VecDeque<(Work, oneshot::Sender<Result<()>>)>,
}

enum Work {
    Publish(Publish),
    Flush,
}

/// A packet to publish.
#[derive(Debug)]
pub(crate) struct Publish {
    pub(crate) topic: String,
    pub(crate) qos: Qos,
    pub(crate) ticket: Option<Ticket>,
    pub(crate) body: Bytes,
}

struct Session {
    version: Version,
    window: usize,
    max_packet: usize,
    max_qos: Qos,
    last_id: u16,
    /// Packets that the server has not acknowledged.
    unacked: HashMap<u16, Option<Ticket>>,
    /// Who waits for the answers to pings, in order.
    pings: VecDeque<Option<oneshot::Sender<Result<()>>>>,
}

impl Session {
    fn full(&self, qos: Qos) -> bool {
        qos != Qos::AtMostOnce && self.unacked.len() >= self.window
    }

    fn next_id(&mut self) -> u16 {
        loop {
            self.last_id = self.last_id.checked_add(1).unwrap_or(1);
            if !self.unacked.contains_key(&self.last_id) {
                return self.last_id;
            }
        }
    }
}

impl Lane {
    /// Appends the packet, or gives it back when it has to wait.
    fn publish(&mut self, packet: Publish) -> std::result::Result<Result<()>, Publish> {
        let Self { session: Some(session), ready: true, buffer, .. } = self else {
            return Ok(Err(Error::disconnected()));
        };
        let mut qos = packet.qos;
        if packet.ticket.is_some() && session.version == Version::V5 {
            // At QoS 2 servers tell it too late or never.
            qos = Qos::AtLeastOnce;
        }
        qos = qos.min(session.max_qos);
        let length = frame::publish_length(session.version, &packet.topic, qos, &packet.body);
        if length > session.max_packet {
            return Ok(Err(too_large(&packet.topic, packet.body.len(), session.max_packet)));
        }
        if session.full(qos) || buffer.len() > FULL {
            return Err(packet);
        }
        let mut id = 0;
        if qos != Qos::AtMostOnce {
            id = session.next_id();
            session.unacked.insert(id, packet.ticket);
        }
        frame::publish(buffer, session.version, &packet.topic, qos, id, &packet.body);
        Ok(Ok(()))
    }

    fn flush(&mut self, done: oneshot::Sender<Result<()>>) {
        match &mut self.session {
            Some(session) => {
                frame::ping(&mut self.buffer);
                session.pings.push_back(Some(done));
            }
            None => drop(done.send(Err(Error::disconnected()))),
        }
    }

    /// Moves what waits into the buffer as long as there is room.
    fn advance(&mut self) {
        while let Some((work, done)) = self.waiting.pop_front() {
            match work {
                _ if done.is_closed() => {}
                Work::Flush => self.flush(done),
                Work::Publish(packet) => match self.publish(packet) {
                    Ok(result) => drop(done.send(result)),
                    Err(packet) => {
                        self.waiting.push_front((Work::Publish(packet), done));
                        return;
                    }
                },
            }
        }
    }
}

impl Outbox {
    /// A connection stands; senders may send after [`Outbox::ready`].
    pub(crate) fn open(&self, version: Version, welcome: &Welcome) {
        let mut lane = self.lane.lock();
        lane.buffer.clear();
        lane.session = Some(Session {
            version,
            // Ids must stay free.
            window: usize::from(welcome.window.min(u16::MAX - 1)),
            max_packet: welcome.max_packet,
            max_qos: welcome.max_qos,
            last_id: 0,
            unacked: HashMap::new(),
            pings: VecDeque::new(),
        });
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
        let pings = session.into_iter().flat_map(|session| session.pings).flatten();
        for done in pings.chain(waiting.into_iter().map(|(_, done)| done)) {
            let _ = done.send(Err(Error::disconnected()));
        }
    }

    /// Hands a packet over.
    pub(crate) fn send(&self, packet: Publish) -> Sending {
        let mut lane = self.lane.lock();
        let packet = if lane.waiting.is_empty() {
            let idle = lane.buffer.is_empty();
            match lane.publish(packet) {
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

    /// Ends when the server has dealt with everything before.
    pub(crate) async fn flush(&self) -> Result<()> {
        let (done, answer) = oneshot::channel();
        {
            let mut lane = self.lane.lock();
            if lane.session.is_none() {
                return Err(Error::disconnected());
            }
            lane.waiting.push_back((Work::Flush, done));
            lane.advance();
        }
        self.wake.notify_one();
        answer.await.unwrap_or_else(|_| Err(Error::disconnected()))
    }

    /// Appends a packet that never waits.
    pub(crate) fn control(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut lane = self.lane.lock();
        if lane.session.is_some() {
            write(&mut lane.buffer);
            drop(lane);
            self.wake.notify_one();
        }
    }

    /// Asks the server whether it is there.
    pub(crate) fn ping(&self) {
        let mut lane = self.lane.lock();
        let Lane { session: Some(session), buffer, .. } = &mut *lane else { return };
        session.pings.push_back(None);
        frame::ping(buffer);
        drop(lane);
        self.wake.notify_one();
    }

    /// The server is there.
    pub(crate) fn pong(&self) {
        let done = self.lane.lock().session.as_mut().and_then(|session| session.pings.pop_front()).flatten();
        if let Some(done) = done {
            let _ = done.send(Ok(()));
        }
    }

    /// The server acknowledged a packet; answers its ticket when nobody got it.
    pub(crate) fn acknowledged(&self, step: Step, id: u16, reason: u8) -> Option<Ticket> {
        let mut lane = self.lane.lock();
        let Lane { session: Some(session), buffer, .. } = &mut *lane else { return None };
        let refused = reason >= 0x80;
        let ticket = match step {
            Step::Received => {
                if !refused {
                    frame::step(buffer, Step::Release, id);
                }
                // The ticket is settled here, the id stays in use until the end.
                if refused { session.unacked.remove(&id)? } else { session.unacked.get_mut(&id)?.take() }
            }
            Step::Ack | Step::Complete => session.unacked.remove(&id)?,
            Step::Release => return None,
        };
        lane.advance();
        let settled = lane.session.as_ref().is_some_and(|session| session.unacked.is_empty());
        let work = !lane.buffer.is_empty();
        drop(lane);
        if work || settled {
            self.wake.notify_one();
        }
        ticket.filter(|_| refused || reason == NO_SUBSCRIBERS)
    }

    /// Takes what there is to write into the empty `into`; false when there is nothing.
    pub(crate) fn take(&self, into: &mut Vec<u8>) -> bool {
        let mut lane = self.lane.lock();
        mem::swap(&mut lane.buffer, into);
        lane.advance();
        !into.is_empty() || !lane.buffer.is_empty()
    }

    /// Nothing waits for room, for the writer or for the server.
    pub(crate) fn drained(&self) -> bool {
        let lane = self.lane.lock();
        lane.waiting.is_empty()
            && lane.buffer.is_empty()
            && lane.session.as_ref().is_none_or(|session| session.unacked.is_empty())
    }
}

fn too_large(topic: &str, size: usize, most: usize) -> Error {
    Error::client(
        413,
        "PACKET_TOO_LARGE",
        format!(
            "A packet of {size} bytes to '{topic}' is larger than what the MQTT server takes ({most} bytes)."
        ),
    )
}

#[cfg(test)]
mod tests;
