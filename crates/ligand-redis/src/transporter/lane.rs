//! Packets on their way to the publishing connection, and the counts of receivers that are still to come.

use std::{collections::VecDeque, pin::pin, sync::Arc};

use bytes::{BufMut, Bytes, BytesMut};
use ligand_transport::{Sending, Ticket};
use ligand_wire::{Error, Result};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::{connection::Lost, resp};

/// From here on senders wait.
const ENOUGH: usize = 1024 * 1024;

/// From here on they get an error.
const FULL: usize = 64 * ENOUGH;

/// Bodies from here on are not copied.
const LARGE: usize = 16 * 1024;

/// Packets on their way. Outlives sessions.
pub(super) struct Lane {
    state: Mutex<State>,
    /// Something waits for the writer.
    filled: Notify,
    /// There is room again, answers have come, or the session is over.
    moved: Notify,
    /// Counts of receivers are those of one server of many: a zero means nothing.
    cluster: bool,
}

#[derive(Default)]
struct State {
    open: bool,
    /// Number of the session.
    session: u64,
    /// Commands to be written: finished parts, then `tail`.
    parts: Vec<Bytes>,
    tail: BytesMut,
    /// Bytes in `parts` and `tail`.
    size: usize,
    /// Commands in `parts` and `tail`, in their order.
    unsent: VecDeque<Option<Ticket>>,
    /// Commands that were written and are not answered.
    awaited: VecDeque<Option<Ticket>>,
    /// How many commands were handed over and answered, since the lane was made.
    handed: u64,
    answered: u64,
}

impl Lane {
    pub(super) fn new(cluster: bool) -> Self {
        Self { state: Mutex::default(), filled: Notify::new(), moved: Notify::new(), cluster }
    }

    /// A session begins.
    pub(super) fn open(&self) {
        self.state.lock().open = true;
    }

    /// A session is over: answers tickets of packets that never left.
    pub(super) fn close(&self) -> Vec<Ticket> {
        let mut state = self.state.lock();
        let undelivered = std::mem::take(&mut state.unsent).into_iter().flatten().collect();
        let (session, handed) = (state.session + 1, state.handed);
        *state = State { session, handed, answered: handed, ..State::default() };
        drop(state);
        self.moved.notify_waiters();
        undelivered
    }

    /// Puts a packet into the queue.
    pub(super) fn send(self: &Arc<Self>, channel: &str, body: Bytes, ticket: Option<Ticket>) -> Sending {
        let mut state = self.state.lock();
        if !state.open {
            return Sending::Done(Err(Error::disconnected()));
        }
        if state.size >= FULL {
            return Sending::Done(Err(Error::transient(
                503,
                "TRANSPORTER_QUEUE_FULL",
                "64 MiB of packets wait for Redis. Wait for each `send` before the next one.",
            )));
        }
        let before = state.tail.len();
        resp::head(&mut state.tail, b'*', 3);
        resp::text(&mut state.tail, b"PUBLISH");
        resp::text(&mut state.tail, channel.as_bytes());
        if body.len() < LARGE {
            resp::text(&mut state.tail, &body);
            state.size += state.tail.len() - before;
        } else {
            resp::head(&mut state.tail, b'$', body.len());
            state.size += state.tail.len() - before + body.len() + 2;
            let head = state.tail.split().freeze();
            state.parts.extend([head, body]);
            state.tail.put_slice(b"\r\n");
        }
        state.unsent.push_back(ticket);
        state.handed += 1;
        let (waits, session) = (state.size >= ENOUGH, state.session);
        drop(state);
        self.filled.notify_one();
        if waits { Sending::Waiting(Box::pin(self.clone().room(session))) } else { Sending::Done(Ok(())) }
    }

    /// Asks the server for a sign of life.
    pub(super) fn ping(&self) {
        let mut state = self.state.lock();
        let before = state.tail.len();
        resp::command(&mut state.tail, &[b"PING"]);
        state.size += state.tail.len() - before;
        state.unsent.push_back(None);
        state.handed += 1;
        drop(state);
        self.filled.notify_one();
    }

    /// Waits until something is to be written, and takes it.
    pub(super) async fn take(&self) -> Vec<Bytes> {
        loop {
            {
                let state = &mut *self.state.lock();
                if state.size > 0 {
                    state.size = 0;
                    state.awaited.append(&mut state.unsent);
                    let tail = state.tail.split().freeze();
                    let mut parts = std::mem::take(&mut state.parts);
                    parts.push(tail);
                    self.moved.notify_waiters();
                    return parts;
                }
            }
            self.filled.notified().await;
        }
    }

    /// Counts of receivers have come, in the order of the commands. `None` = the command was refused. Answers
    /// tickets of packets that nobody received.
    ///
    /// # Errors
    /// More came than was asked.
    pub(super) fn answered(&self, counts: &[Option<i64>], undelivered: &mut Vec<Ticket>) -> Result<(), Lost> {
        let state = &mut *self.state.lock();
        for count in counts {
            let Some(ticket) = state.awaited.pop_front() else {
                return Err(Lost::new("the server answered what nobody asked"));
            };
            let nobody = match count {
                Some(count) => *count == 0 && !self.cluster,
                None => true,
            };
            undelivered.extend(ticket.filter(|_| nobody));
            state.answered += 1;
        }
        self.moved.notify_waiters();
        Ok(())
    }

    /// Ends when everything that was handed over up to now is answered.
    pub(super) async fn flush(self: Arc<Self>) -> Result<()> {
        let (session, handed) = {
            let state = self.state.lock();
            if !state.open {
                return Err(Error::disconnected());
            }
            (state.session, state.handed)
        };
        self.until(|state| match state.session == session {
            false => Some(Err(Error::disconnected())),
            true => (state.answered >= handed).then_some(Ok(())),
        })
        .await
    }

    /// Ends when there is room again. Packets in the queue of a lost session are lost, as those on their way.
    async fn room(self: Arc<Self>, session: u64) -> Result<()> {
        self.until(|state| (state.session != session || state.size < ENOUGH).then_some(Ok(()))).await
    }

    async fn until<T>(&self, ready: impl Fn(&State) -> Option<T>) -> T {
        loop {
            let mut moved = pin!(self.moved.notified());
            moved.as_mut().enable();
            let answer = ready(&self.state.lock());
            match answer {
                Some(answer) => return answer,
                None => moved.await,
            }
        }
    }
}
