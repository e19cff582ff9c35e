//! Calls that wait for the answer of another node.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use foldhash::fast::RandomState;
use ligand_transport::Ticket;
use ligand_wire::{Error, Payload, packet::Fields};
use parking_lot::Mutex;
use tokio::{sync::oneshot, time::Instant};

use super::inquiry;
use crate::{context::Id, registry::Node, service::ActionDef};

/// What came back.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) result: Result<Payload, Error>,
    /// Meta after the call; `None` when no node answered.
    pub(super) meta: Option<Fields>,
}

impl From<Error> for Reply {
    fn from(error: Error) -> Self {
        Self { result: Err(error), meta: None }
    }
}

/// One call that waits.
pub(super) struct Entry {
    /// First half of the id; the second is the ticket.
    pub(super) high: u64,
    pub(super) reply: oneshot::Sender<Reply>,
    /// `None`: the bus chose.
    pub(super) node: Option<Arc<Node>>,
    pub(super) action: Arc<ActionDef>,
    /// The packet, to send it to another node when this one did not get it.
    pub(super) body: Bytes,
    /// Nodes that did not get it; when the bus chose, those that lately said that they do not know it.
    pub(super) tried: Vec<Arc<str>>,
    /// When the bus chose: nodes that offered the action after it was sent, and do not any more.
    pub(super) former: Vec<Arc<Node>>,
    /// How often the bus had been lost when it was sent.
    pub(super) outages: u64,
    pub(super) failover: Failover,
    /// When it was sent for the first time, and to this node.
    pub(super) made: Instant,
    pub(super) sent: Instant,
    /// When its node is asked about it, when and how often it was.
    pub(super) ask_at: Instant,
    pub(super) asked_at: Instant,
    pub(super) asked: u8,
    /// How often it was sent to the same node again, and when last.
    pub(super) resent: u8,
    pub(super) resent_at: Instant,
}

impl Entry {
    pub(super) fn new(
        high: u64,
        reply: oneshot::Sender<Reply>,
        node: Option<Arc<Node>>,
        action: Arc<ActionDef>,
        body: Bytes,
        outages: u64,
        failover: Failover,
    ) -> Self {
        let now = Instant::now();
        Self {
            high,
            reply,
            node,
            action,
            body,
            tried: Vec::new(),
            former: Vec::new(),
            outages,
            failover,
            made: now,
            sent: now,
            ask_at: inquiry::first(now),
            asked_at: now,
            asked: 0,
            resent: 0,
            resent_at: now,
        }
    }

    /// Ends the call.
    pub(super) fn fail(self, error: Error) {
        let _ = self.reply.send(error.into());
    }

    /// It goes to another node.
    pub(super) fn moves_to(&mut self, node: Arc<Node>) {
        self.node = Some(node);
        self.sent = Instant::now();
        (self.ask_at, self.asked, self.resent) = (inquiry::first(self.sent), 0, 0);
    }
}

/// A call about which its node is to be asked.
pub(super) struct Due {
    pub(super) node: Option<Arc<Node>>,
    pub(super) id: Id,
}

/// Where a call may go that its node did not get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failover {
    /// To any node that has the action.
    Anywhere,
    /// To its node when that is back: the caller named it.
    SameNode,
    /// Nowhere: its parameters have a stream, whose first packets are gone too.
    Nowhere,
}

const SHARDS: usize = 16;

type Shard = HashMap<u64, Entry, RandomState>;

/// Calls that wait for the answer of another node, by the second half of their ids.
pub(super) struct Pending {
    shards: [Mutex<Shard>; SHARDS],
    count: AtomicUsize,
}

impl Default for Pending {
    fn default() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()), count: AtomicUsize::new(0) }
    }
}

#[allow(clippy::cast_possible_truncation, reason = "only the last bits count")]
const fn shard_of(ticket: Ticket) -> usize {
    ticket.0 as usize % SHARDS
}

impl Pending {
    fn shard(&self, ticket: Ticket) -> parking_lot::MutexGuard<'_, Shard> {
        self.shards[shard_of(ticket)].lock()
    }

    pub(super) fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    pub(super) fn insert(&self, ticket: Ticket, entry: Entry) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.shard(ticket).insert(ticket.0, entry);
    }

    pub(super) fn remove(&self, ticket: Ticket) -> Option<Entry> {
        let entry = self.shard(ticket).remove(&ticket.0);
        self.count.fetch_sub(usize::from(entry.is_some()), Ordering::Relaxed);
        entry
    }

    /// The call with this id, when `sender` is whom it was sent to.
    pub(super) fn answered(&self, id: &str, sender: &str) -> Option<Entry> {
        let (high, low) = Id::halves(id)?;
        let mut shard = self.shard(Ticket(low));
        let entry = shard.get(&low)?;
        let fits = entry.high == high && entry.node.as_ref().is_none_or(|node| **node.id() == *sender);
        let entry = fits.then(|| shard.remove(&low)).flatten();
        self.count.fetch_sub(usize::from(entry.is_some()), Ordering::Relaxed);
        entry
    }

    /// `sender` was sent the call with this id and has not answered.
    pub(super) fn asked(&self, id: &str, sender: &str) -> bool {
        let Some((high, low)) = Id::halves(id) else { return false };
        let fits = |entry: &mut Entry| {
            entry.high == high && entry.node.as_ref().is_none_or(|node| **node.id() == *sender)
        };
        self.with(Ticket(low), fits).unwrap_or(false)
    }

    /// It can be sent once more in a moment; `wanted` says whether it should.
    pub(super) fn may_wait(&self, ticket: Ticket, wanted: impl FnOnce(&Entry) -> bool) -> bool {
        self.with(ticket, |entry| entry.failover != Failover::Nowhere && wanted(entry)).unwrap_or(false)
    }

    /// Looks at one, maybe changes it.
    pub(super) fn with<T>(&self, ticket: Ticket, look: impl FnOnce(&mut Entry) -> T) -> Option<T> {
        self.shard(ticket).get_mut(&ticket.0).map(look)
    }

    /// Takes out those that `wanted` says.
    pub(super) fn take(&self, wanted: impl Fn(&Entry) -> bool) -> Vec<Entry> {
        let mut taken = Vec::new();
        for shard in &self.shards {
            let mut shard = shard.lock();
            let mut tickets: Vec<_> =
                shard.iter().filter(|(_, entry)| wanted(entry)).map(|(ticket, _)| *ticket).collect();
            // In an order that does not depend on the map: a simulation runs the same way twice.
            tickets.sort_unstable();
            taken.extend(tickets.into_iter().filter_map(|ticket| shard.remove(&ticket)));
        }
        self.count.fetch_sub(taken.len(), Ordering::Relaxed);
        taken
    }

    /// Looks at all, maybe changes them.
    pub(super) fn each(&self, mut look: impl FnMut(&mut Entry)) {
        for shard in &self.shards {
            shard.lock().values_mut().for_each(&mut look);
        }
    }

    /// These are to be asked about now.
    pub(super) fn ask_soon(&self, wanted: impl Fn(&Entry) -> bool) {
        let now = Instant::now();
        self.each(|entry| {
            if wanted(entry) {
                (entry.ask_at, entry.asked) = (now, 0);
            }
        });
    }

    /// Calls for which it is time to ask; the next time is later.
    pub(super) fn due(&self) -> Vec<Due> {
        let now = Instant::now();
        let mut due = Vec::new();
        for shard in &self.shards {
            for (low, entry) in shard.lock().iter_mut().filter(|(_, entry)| entry.ask_at <= now) {
                entry.ask_at = now + inquiry::pause(entry.asked);
                entry.asked_at = now;
                entry.asked = entry.asked.saturating_add(1);
                due.push(Due { node: entry.node.clone(), id: Id::from_halves(entry.high, *low) });
            }
        }
        // In an order that does not depend on the maps.
        due.sort_unstable_by_key(|due| due.id.as_halves());
        due
    }

    /// The nodes that calls wait for.
    pub(super) fn nodes(&self) -> Vec<Arc<Node>> {
        let mut nodes = BTreeMap::new();
        for shard in &self.shards {
            for node in shard.lock().values().filter_map(|entry| entry.node.as_ref()) {
                nodes.entry(node.id().clone()).or_insert_with(|| node.clone());
            }
        }
        // In an order that does not depend on the maps.
        nodes.into_values().collect()
    }
}
