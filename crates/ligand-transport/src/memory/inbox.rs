//! The queue of one receiver, and the task that empties it.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, binary_heap::PeekMut},
    sync::Arc,
};

use bytes::Bytes;
use ligand_wire::{Error, packet::PacketKind};
use tokio::{
    sync::{Semaphore, mpsc, watch},
    time::{Instant, timeout_at},
};

use crate::{Link, Ticket};

/// The sending end of a queue. News about the connection always find room, parcels may have to wait.
#[derive(Clone)]
pub(super) struct Inbox {
    items: mpsc::UnboundedSender<Item>,
    room: Arc<Semaphore>,
    size: usize,
}

/// The receiving end.
pub(super) struct Outlet {
    items: mpsc::UnboundedReceiver<Item>,
    room: Arc<Semaphore>,
}

pub(super) enum Item {
    Connected,
    Lost(Error),
    Parcel(Parcel),
}

pub(super) struct Parcel {
    what: What,
    /// When it arrives; `None` = at once.
    at: Option<Instant>,
}

enum What {
    Packet(PacketKind, Bytes),
    /// As a packet, and takes no room.
    Extra(PacketKind, Bytes),
    Undelivered(Ticket),
}

impl Parcel {
    pub(super) const fn packet(kind: PacketKind, body: Bytes, at: Option<Instant>) -> Self {
        Self { what: What::Packet(kind, body), at }
    }

    /// A packet that arrives at once and takes no room.
    pub(super) const fn extra(kind: PacketKind, body: Bytes) -> Self {
        Self { what: What::Extra(kind, body), at: None }
    }

    pub(super) const fn undelivered(ticket: Ticket) -> Self {
        Self { what: What::Undelivered(ticket), at: None }
    }
}

pub(super) fn queue(size: usize) -> (Inbox, Outlet) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let room = Arc::new(Semaphore::new(size));
    (Inbox { items: sender, room: room.clone(), size }, Outlet { items: receiver, room })
}

impl Inbox {
    /// No parcel waits or travels.
    pub(super) fn is_idle(&self) -> bool {
        self.room.available_permits() == self.size
    }

    /// Adds a parcel, or gives it back when there is no room.
    pub(super) fn put(&self, item: Item) -> Result<(), Item> {
        match self.room.try_acquire() {
            Ok(room) => {
                room.forget();
                self.tell(item);
                Ok(())
            }
            Err(_) => Err(item),
        }
    }

    /// Adds a parcel when there is room. A receiver that is gone takes everything.
    pub(super) async fn put_later(&self, item: Item) {
        if let Ok(room) = self.room.acquire().await {
            room.forget();
            self.tell(item);
        }
    }

    /// Adds what needs no room. Who is gone does not listen.
    pub(super) fn tell(&self, item: Item) {
        let _ = self.items.send(item);
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        self.room.close();
    }
}

impl Outlet {
    /// Hands everything to `link` until all senders are gone; `ready` becomes true at the first connection.
    pub(super) async fn run(mut self, link: Arc<dyn Link>, ready: watch::Sender<bool>) {
        let mut travelling: BinaryHeap<Reverse<Travelling>> = BinaryHeap::new();
        let mut count = 0;
        loop {
            let item = match travelling.peek_mut() {
                Some(first) => {
                    let at = first.0.at;
                    if at <= Instant::now() {
                        self.hand_over(&*link, PeekMut::pop(first).0.what);
                        continue;
                    }
                    drop(first);
                    match timeout_at(at, self.items.recv()).await {
                        Ok(item) => item,
                        Err(_) => continue,
                    }
                }
                None => self.items.recv().await,
            };
            match item {
                None => return,
                Some(Item::Connected) => {
                    link.connected();
                    ready.send_replace(true);
                }
                Some(Item::Lost(reason)) => {
                    self.room.add_permits(travelling.len());
                    travelling.clear();
                    link.disconnected(&reason);
                }
                Some(Item::Parcel(Parcel { what, at: None })) => self.hand_over(&*link, what),
                Some(Item::Parcel(Parcel { what, at: Some(at) })) => {
                    count += 1;
                    travelling.push(Reverse(Travelling { at, count, what }));
                }
            }
        }
    }

    fn hand_over(&self, link: &dyn Link, what: What) {
        if !matches!(what, What::Extra(..)) {
            self.room.add_permits(1);
        }
        match what {
            What::Packet(kind, body) | What::Extra(kind, body) => link.receive(kind, body),
            What::Undelivered(ticket) => link.undelivered(ticket),
        }
    }
}

/// A parcel that is not there yet.
struct Travelling {
    at: Instant,
    /// Parcels of the same time arrive as they were sent.
    count: u64,
    what: What,
}

impl PartialEq for Travelling {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.count) == (other.at, other.count)
    }
}

impl Eq for Travelling {}

impl PartialOrd for Travelling {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Travelling {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.count).cmp(&(other.at, other.count))
    }
}
