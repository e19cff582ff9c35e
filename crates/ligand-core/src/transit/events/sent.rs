//! The latest messages that were sent and may reach nobody.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use ligand_transport::Ticket;
use ligand_wire::packet::Event;
use parking_lot::Mutex;

use crate::registry::Node;

/// A message whose fate matters.
pub(super) enum Sent {
    Event(SentEvent),
    /// Only tells whether the node is there.
    Probe(Arc<Node>),
}

/// An event on its way to one node, which somebody else may take.
pub(super) struct SentEvent {
    pub(super) event: Arc<str>,
    pub(super) groups: Vec<Arc<str>>,
    pub(super) node: Arc<Node>,
    pub(super) tried: Vec<Arc<str>>,
    pub(super) body: Bytes,
    /// The event itself when it is for several groups: they may have to go different ways.
    pub(super) whole: Option<Box<Event<'static>>>,
}

/// What was sent lately, by ticket: kept for a while, because a bus tells only that nobody got one.
#[derive(Default)]
pub(super) struct SentList {
    next: AtomicU64,
    latest: Mutex<Latest>,
}

#[derive(Default)]
struct Latest {
    sent: HashMap<u64, Sent>,
    order: VecDeque<(u64, usize)>,
    bytes: usize,
}

/// Most messages and bytes that are kept.
const MOST_EVENTS: usize = 4096;
const MOST_BYTES: usize = 4 * 1024 * 1024;

impl SentList {
    pub(super) fn keep(&self, sent: Sent, bytes: usize) -> Ticket {
        // Tickets of calls have the highest bit set: they are ids of version 4.
        let ticket = self.next.fetch_add(1, Ordering::Relaxed) & (u64::MAX >> 1);
        let mut latest = self.latest.lock();
        latest.bytes += bytes;
        latest.order.push_back((ticket, bytes));
        latest.sent.insert(ticket, sent);
        while latest.order.len() > MOST_EVENTS || latest.bytes > MOST_BYTES {
            let Some((oldest, bytes)) = latest.order.pop_front() else { break };
            latest.bytes -= bytes;
            latest.sent.remove(&oldest);
        }
        Ticket(ticket)
    }

    pub(super) fn take(&self, ticket: Ticket) -> Option<Sent> {
        self.latest.lock().sent.remove(&ticket.0)
    }
}
