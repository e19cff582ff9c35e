//! A message bus inside the process, for tests.
//!
//! A [`MemoryBus`] carries packets between the [`MemoryTransporter`]s that were made from it. It has names of
//! topics, balanced topics and tickets as a real bus has, and disturbances on demand: loss, delay, reordering and
//! duplication drawn from a seed, a bus that breaks down, nodes that are cut off.
//!
//! ```
//! # use std::time::Duration;
//! use ligand_transport::MemoryBus;
//! let bus = MemoryBus::new().seed(1).loss(0.01).delay(Duration::from_millis(1)..Duration::from_millis(20));
//! let (first, second) = (bus.transporter(), bus.transporter());
//! # drop((first, second));
//! ```
//!
//! What was sent reaches each receiver at most once (without duplication), and in the order of sending (without
//! reordering). Packets wait in a queue of each receiver; when it is full, the sender waits. A receiver's packets
//! are handled in a task of its own, never in the sender's.

mod disturbances;
mod inbox;
mod routes;
mod transporter;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
    ops::Range,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use ligand_wire::{Error, Result, packet::PacketKind, topic::Topic};
use parking_lot::Mutex;

pub use self::transporter::MemoryTransporter;
use self::{
    disturbances::Disturbances,
    inbox::{Inbox, Item, Parcel},
    routes::{Member, Routes},
};
use crate::{Link, Sending, Ticket};

/// How many packets wait for one receiver before senders wait.
const QUEUE: usize = 1024;

/// A message bus inside the process. Clones are the same bus. See the [module](self).
#[derive(Clone)]
pub struct MemoryBus(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
}

struct State {
    up: bool,
    queue: usize,
    /// Longest body that travels, in bytes.
    largest: usize,
    /// The bus says of itself that balanced requests wait on it.
    queues: bool,
    disturbances: Disturbances,
    routes: Routes,
    /// In the order in which they joined: the same order of happenings in every run.
    members: BTreeMap<u64, Arc<Member>>,
    last_member: u64,
    /// Nodes that lost the bus, and know it.
    isolated: HashSet<Arc<str>>,
    /// Nodes whose packets vanish both ways, while nobody is told.
    muted: HashSet<Arc<str>>,
    /// Nodes whose requests wait on the bus, and what waits.
    held: HashMap<Arc<str>, Vec<(Arc<Member>, Bytes)>>,
}

impl Default for MemoryBus {
    fn default() -> Self {
        Self::new()
    }
}

/// What the bus does to packets. Each of these may be changed at any time, through any clone.
impl MemoryBus {
    /// A bus that loses nothing and delivers at once.
    pub fn new() -> Self {
        Self(Arc::new(Shared {
            state: Mutex::new(State {
                up: true,
                queue: QUEUE,
                largest: usize::MAX,
                queues: false,
                disturbances: Disturbances::default(),
                routes: Routes::default(),
                members: BTreeMap::new(),
                last_member: 0,
                isolated: HashSet::new(),
                muted: HashSet::new(),
                held: HashMap::new(),
            }),
        }))
    }

    /// Everything that is drawn by lot is drawn from this seed: the same packets in the same order have the same
    /// fate. Default: another one for each bus.
    pub fn seed(self, seed: u64) -> Self {
        self.0.state.lock().disturbances.seed(seed);
        self
    }

    /// Part of the packets that vanish, from 0 to 1; for each receiver on its own. Nobody is told. Default: 0.
    pub fn loss(self, part: f64) -> Self {
        self.0.state.lock().disturbances.loss = part;
        self
    }

    /// Part of the packets that arrive twice, from 0 to 1. Default: 0.
    pub fn duplication(self, part: f64) -> Self {
        self.0.state.lock().disturbances.duplication = part;
        self
    }

    /// How long packets travel: drawn for each, but none overtakes another one to the same node. Default: nothing.
    pub fn delay(self, range: Range<Duration>) -> Self {
        self.0.state.lock().disturbances.delay = range;
        self
    }

    /// Part of the packets that others overtake, from 0 to 1: they travel up to twice the longest delay, and at
    /// least 1 ms. Default: 0.
    pub fn reordering(self, part: f64) -> Self {
        self.0.state.lock().disturbances.reordering = part;
        self
    }

    /// Part of the packets that are handled by their receiver before the sender goes on, from 0 to 1: as if the
    /// sender's thread were stopped there. Packets that are delayed or wait for others are not. Default: 0.
    pub fn rush(self, part: f64) -> Self {
        self.0.state.lock().disturbances.rush = part;
        self
    }

    /// Longest body that travels, in bytes; senders of longer ones get `PACKET_TOO_LARGE`. Default: no limit.
    pub fn largest(self, bytes: usize) -> Self {
        self.0.state.lock().largest = bytes;
        self
    }

    /// Transporters say that balanced requests wait on the bus until a node takes them ([`crate::Features::queues`]).
    /// Default: false.
    pub fn queues(self, queues: bool) -> Self {
        self.0.state.lock().queues = queues;
        self
    }

    /// How many packets wait for one receiver before senders wait; for transporters that connect later. At least
    /// 1. Default: 1024.
    pub fn queue(self, packets: usize) -> Self {
        self.0.state.lock().queue = packets.max(1);
        self
    }
}

/// The bus at work.
impl MemoryBus {
    /// A transporter for one node.
    pub fn transporter(&self) -> Arc<MemoryTransporter> {
        Arc::new(MemoryTransporter::new(self.clone()))
    }

    /// The bus breaks down: every node sees it lost, packets on their way are gone.
    pub fn cut(&self) {
        let mut state = self.0.state.lock();
        state.up = false;
        state.settle("the bus was cut");
    }

    /// The bus is back: every node that is not isolated is connected again.
    pub fn heal(&self) {
        let mut state = self.0.state.lock();
        state.up = true;
        state.settle("");
    }

    /// Cuts one node off: it sees the bus lost, others find nobody under its name.
    pub fn isolate(&self, node: &str) {
        let mut state = self.0.state.lock();
        state.isolated.insert(node.into());
        state.settle("the node was isolated");
    }

    /// Swallows every packet to and from one node while nobody is told: the node looks connected and its
    /// subscriptions stand.
    pub fn mute(&self, node: &str) {
        self.0.state.lock().muted.insert(node.into());
    }

    /// Lets requests to one node wait on the bus until [`MemoryBus::release`], as those of a node that is busy wait in its
    /// queue. Nobody is told, and everything else arrives.
    pub fn hold(&self, node: &str) {
        self.0.state.lock().held.entry(node.into()).or_default();
    }

    /// Ends [`MemoryBus::hold`] of a node: it gets what waited, in order. What has no room in its queue is lost.
    pub fn release(&self, node: &str) {
        let mut state = self.0.state.lock();
        for (member, body) in state.held.remove(node).unwrap_or_default() {
            let _ = member.inbox.put(Item::Parcel(Parcel::packet(PacketKind::Request, body, None)));
        }
    }

    /// Ends [`MemoryBus::isolate`] and [`MemoryBus::mute`] of a node.
    pub fn rejoin(&self, node: &str) {
        let mut state = self.0.state.lock();
        state.isolated.remove(node);
        state.muted.remove(node);
        state.settle("");
    }

    /// Publishes as a client that is no node would. Nothing happens while the bus is cut, or for receivers whose
    /// queue is full.
    pub fn publish(&self, namespace: &str, topic: &Topic, body: &Bytes) {
        let mut guard = self.0.state.lock();
        let state = &mut *guard;
        if state.up {
            let receivers = state.routes.find(namespace, topic, &mut state.disturbances);
            let _ = state.deliver(receivers, topic, body, false);
        }
    }

    /// Lets a member in; it comes online now, or when the bus is there.
    fn join(&self, link: &Arc<dyn Link>, inbox: Inbox) -> Arc<Member> {
        let mut state = self.0.state.lock();
        state.last_member += 1;
        let member = Arc::new(Member::new(state.last_member, link, inbox));
        state.members.insert(member.id, member.clone());
        state.settle("");
        member
    }

    /// Lets a member go; nothing is put into its inbox any more.
    fn leave(&self, member: &Member) {
        let mut state = self.0.state.lock();
        state.members.remove(&member.id);
        state.routes.remove(member);
        member.set_online(false);
    }

    fn balance(&self, member: &Arc<Member>, topics: Vec<Topic>) {
        let mut state = self.0.state.lock();
        member.set_balanced(topics);
        if member.online() {
            state.routes.remove(member);
            state.routes.add(member);
        }
    }

    fn send(&self, from: &Arc<Member>, topic: &Topic, body: &Bytes, ticket: Option<Ticket>) -> Sending {
        let mut guard = self.0.state.lock();
        let state = &mut *guard;
        if !from.online() {
            return Sending::Done(Err(Error::disconnected()));
        }
        if body.len() > state.largest {
            return Sending::Done(Err(too_large(body.len(), state.largest)));
        }
        if state.muted.contains(&from.node) {
            return Sending::Done(Ok(()));
        }
        let receivers = state.routes.find(&from.namespace, topic, &mut state.disturbances);
        let (mut waiting, mut rushed) = (Vec::new(), Vec::new());
        match ticket {
            Some(ticket) if receivers.is_empty() => {
                let item = Item::Parcel(Parcel::undelivered(ticket));
                if let Err(item) = from.inbox.put(item) {
                    waiting.push((from.inbox.clone(), item));
                }
            }
            _ => (waiting, rushed) = state.deliver(receivers, topic, body, true),
        }
        drop(guard);
        for member in rushed {
            member.hand_over(topic.kind, body);
        }
        if waiting.is_empty() {
            return Sending::Done(Ok(()));
        }
        Sending::Waiting(Box::pin(async move {
            for (inbox, item) in waiting {
                inbox.put_later(item).await;
            }
            Ok(())
        }))
    }
}

impl State {
    /// Tells the members whose connection changed; `reason` is for those that lost it.
    fn settle(&mut self, reason: &str) {
        for member in self.members.values() {
            let online = self.up && !self.isolated.contains(&member.node);
            if online == member.online() {
                continue;
            }
            member.set_online(online);
            if online {
                self.routes.add(member);
                member.inbox.tell(Item::Connected);
            } else {
                self.routes.remove(member);
                member.inbox.tell(Item::Lost(Error::disconnected().with_internal(reason)));
            }
        }
    }

    /// Puts the packet into the inboxes of the receivers; answers those that have no room, and those that take it in
    /// this very moment.
    fn deliver(
        &mut self,
        receivers: Vec<Arc<Member>>,
        topic: &Topic,
        body: &Bytes,
        may_rush: bool,
    ) -> (Vec<(Inbox, Item)>, Vec<Arc<Member>>) {
        let (mut waiting, mut rushed) = (Vec::new(), Vec::new());
        for member in receivers {
            if self.muted.contains(&member.node) {
                continue;
            }
            if topic.kind == PacketKind::Request
                && let Some(held) = self.held.get_mut(&member.node)
            {
                held.push((member.clone(), body.clone()));
                continue;
            }
            for at in self.disturbances.fates(&member) {
                if at.is_none() && may_rush && self.disturbances.rushes() && member.inbox.is_idle() {
                    rushed.push(member.clone());
                    continue;
                }
                let item = Item::Parcel(Parcel::packet(topic.kind, body.clone(), at));
                if let Err(item) = member.inbox.put(item) {
                    waiting.push((member.inbox.clone(), item));
                }
            }
        }
        (waiting, rushed)
    }
}

impl fmt::Debug for MemoryBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.state.lock();
        f.debug_struct("MemoryBus").field("up", &state.up).field("members", &state.members.len()).finish()
    }
}

fn too_large(size: usize, limit: usize) -> Error {
    let text = format!("A packet of {size} bytes is longer than the bus takes ({limit} bytes).");
    Error::client(413, "PACKET_TOO_LARGE", text)
}

/// What a member answers when it is used before it is connected, or after.
fn not_connected() -> Result<()> {
    Err(Error::disconnected())
}
