//! What is left in the queue of a dead node.
//!
//! A call may be sent again only when nobody ever got it. So its queue is read: a request of this connection that the
//! server has never handed out is taken out of the queue, and reached nobody. One that was handed out may have run; it
//! is taken out too, and never told. Requests of others go back.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use ligand_transport::Ticket;

use crate::{
    frame,
    outbox::{DEAD, Outbox},
};

/// Questions to the server that are open at a time.
const OPEN: usize = 32;
/// After this time the rest of a queue stays where it is.
const LONGEST: Duration = Duration::from_secs(1);

/// Reads one queue after the other.
#[derive(Default)]
pub(super) struct DeadQueues {
    waiting: VecDeque<(Arc<str>, String)>,
    current: Option<Current>,
}

struct Current {
    node: Arc<str>,
    queue: String,
    end: Instant,
    /// Questions that are not answered.
    open: usize,
    /// Messages of others are held.
    others: bool,
    /// What reached nobody; told when the server has forgotten it, so that nobody can get it any more.
    tickets: Vec<Ticket>,
}

/// A message of the queue.
pub(super) struct Got {
    pub(super) tag: u64,
    /// This connection sent it.
    pub(super) mine: bool,
    /// Its ticket, when it is certain that nobody ever got it.
    pub(super) ticket: Option<Ticket>,
}

/// A queue that was read: its node, and what reached nobody.
pub(super) struct Read {
    pub(super) node: Arc<str>,
    pub(super) tickets: Vec<Ticket>,
}

impl DeadQueues {
    /// The queue of a dead node wants to be read.
    pub(super) fn add(&mut self, node: Arc<str>, queue: String, outbox: &Outbox) {
        if self.waiting.iter().all(|(other, _)| *other != node) {
            self.waiting.push_back((node, queue));
        }
        self.next(outbox);
    }

    fn next(&mut self, outbox: &Outbox) {
        if self.current.is_some() {
            return;
        }
        let Some((node, queue)) = self.waiting.pop_front() else { return };
        outbox.control(|out| (0..OPEN).for_each(|_| frame::get(out, DEAD, &queue)));
        let end = Instant::now() + LONGEST;
        self.current = Some(Current { node, queue, end, open: OPEN, others: false, tickets: Vec::new() });
    }

    /// A message came.
    pub(super) fn got(&mut self, Got { tag, mine, ticket }: Got, outbox: &Outbox) {
        let Some(current) = &mut self.current else { return };
        current.others |= !mine;
        current.tickets.extend(ticket.filter(|_| mine));
        let more = Instant::now() < current.end;
        outbox.control(|out| {
            if mine {
                frame::ack(out, DEAD, tag);
            }
            if more {
                frame::get(out, DEAD, &current.queue);
            }
        });
        if !more {
            self.empty(outbox);
        }
    }

    /// The answer to a question without a message, or one after which no more is asked.
    pub(super) fn empty(&mut self, outbox: &Outbox) {
        let Some(current) = &mut self.current else { return };
        current.open = current.open.saturating_sub(1);
        if current.open == 0 {
            outbox.control(|out| {
                if current.others {
                    frame::give_back(out, DEAD);
                }
                // Any question whose answer comes after all acknowledgements were taken.
                frame::qos(out, DEAD, 0);
            });
        }
    }

    /// The server answered that question, or opened the channel.
    pub(super) fn answered(&mut self, outbox: &Outbox) -> Option<Read> {
        let Current { node, tickets, .. } = self.current.take_if(|current| current.open == 0)?;
        self.next(outbox);
        Some(Read { node, tickets })
    }

    /// The server closed the channel: what was taken out may be in the queue again, so nothing is certain. The channel
    /// must be opened anew.
    pub(super) fn refused(&mut self, outbox: &Outbox) -> Option<Read> {
        outbox.control(|out| frame::channel_open(out, DEAD));
        let node = self.current.take()?.node;
        self.next(outbox);
        Some(Read { node, tickets: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> (Outbox, DeadQueues) {
        let outbox = Outbox::new(false, None);
        outbox.open(1000, "me");
        let mut dead = DeadQueues::default();
        dead.add("a".into(), "REQ.a".into(), &outbox);
        dead.add("b".into(), "REQ.b".into(), &outbox);
        dead.add("b".into(), "REQ.b".into(), &outbox);
        (outbox, dead)
    }

    fn got(tag: u64, mine: bool, ticket: Option<u64>) -> Got {
        Got { tag, mine, ticket: ticket.map(Ticket) }
    }

    #[test]
    fn only_what_is_certain_is_told_and_only_at_the_end() {
        let (outbox, mut dead) = start();
        dead.got(got(1, true, Some(1)), &outbox);
        dead.got(got(2, true, None), &outbox);
        dead.got(got(3, false, Some(3)), &outbox);
        for _ in 0..OPEN {
            assert!(dead.answered(&outbox).is_none(), "questions are open");
            dead.empty(&outbox);
        }
        let read = dead.answered(&outbox).unwrap();
        assert_eq!((&*read.node, read.tickets), ("a", vec![Ticket(1)]));
        (0..OPEN).for_each(|_| dead.empty(&outbox));
        assert_eq!(&*dead.answered(&outbox).unwrap().node, "b");
        assert!(dead.current.is_none() && dead.waiting.is_empty());
    }

    #[test]
    fn nothing_is_certain_when_the_channel_is_closed() {
        let (outbox, mut dead) = start();
        dead.got(got(1, true, Some(1)), &outbox);
        let read = dead.refused(&outbox).unwrap();
        assert_eq!((&*read.node, read.tickets), ("a", vec![]));
        assert_eq!(dead.current.as_ref().unwrap().open, OPEN);
    }

    #[test]
    fn a_queue_that_does_not_end_is_left() {
        let (outbox, mut dead) = start();
        dead.current.as_mut().unwrap().end = Instant::now();
        for tag in 0..OPEN as u64 {
            dead.got(got(tag, false, None), &outbox);
        }
        assert_eq!(&*dead.answered(&outbox).unwrap().node, "a");
    }
}
