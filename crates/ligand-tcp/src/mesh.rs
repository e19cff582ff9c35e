//! The connections of this node to all others.

mod awaited_hellos;
mod contacts;
mod dial;
mod host_names;
mod name_conflicts;
mod recent_dials;
mod recently_lost;
mod unconfirmed;

use std::{
    collections::HashMap,
    future::Future,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use ligand_transport::{Link, Sending, Ticket};
use ligand_wire::{
    Error, Result,
    packet::{Packet, PacketKind},
};
use parking_lot::{Mutex, RwLock};
use tokio::sync::{mpsc, watch};

use self::{
    awaited_hellos::AwaitedHellos, dial::LastAddresses, host_names::HostNames, name_conflicts::NameConflicts,
    recent_dials::RecentDials, recently_lost::RecentlyLost, unconfirmed::Unconfirmed,
};
pub(crate) use self::{
    contacts::{Contacts, Purpose},
    dial::watch,
};
use crate::{
    TcpOptions, fault, frame,
    gossip::Me,
    peer::{Batch, End, Frame, Peer, Pushed},
};

/// Connections that were used within this time are not closed for others.
const FRESH_MS: u64 = 1000;

/// At the end, packets that were handed over get so much time to leave.
const FAREWELL: Duration = Duration::from_secs(2);

/// Between two warnings that strangers can cause.
const WARNINGS: Duration = Duration::from_secs(10);

/// A node that was lost is asked after this time whether it is really gone.
const RECHECK: Duration = Duration::from_millis(200);

/// The connections of this node to all others, and what all tasks of the transporter share.
pub(crate) struct Mesh {
    pub(crate) link: Arc<dyn Link>,
    pub(crate) options: TcpOptions,
    /// Where this node listens.
    pub(crate) port: u16,
    /// Nodes to talk to soon.
    pub(crate) contacts: Contacts,
    /// There is news about other nodes since it was last looked.
    pub(crate) learned: AtomicBool,
    /// Names that never answered.
    pub(crate) unconfirmed: Unconfirmed,
    /// Dials that wait for a sign of the node.
    pub(crate) awaited_hellos: AwaitedHellos,
    /// Where nodes were found.
    pub(crate) last_addresses: LastAddresses,
    host_names: HostNames,
    /// Others of this node's name.
    pub(crate) name_conflicts: NameConflicts,
    recently_lost: RecentlyLost,
    /// Connections that this node began just now.
    pub(crate) recent_dials: RecentDials,
    /// When something was last said about strangers.
    warned: Mutex<Option<Instant>>,
    shouted: Mutex<Option<Instant>>,
    peers: RwLock<HashMap<Arc<str>, Arc<Peer>>>,
    started: Instant,
    closing: AtomicBool,
    stop: watch::Sender<bool>,
    /// Held by every task; gone when the transporter closes.
    alive: Mutex<Option<mpsc::Sender<()>>>,
    ended: tokio::sync::Mutex<mpsc::Receiver<()>>,
}

impl Mesh {
    pub(crate) fn new(link: Arc<dyn Link>, options: TcpOptions, port: u16) -> Self {
        let (alive, ended) = mpsc::channel(1);
        Self {
            link,
            options,
            port,
            contacts: Contacts::default(),
            learned: AtomicBool::new(false),
            unconfirmed: Unconfirmed::default(),
            awaited_hellos: AwaitedHellos::default(),
            last_addresses: LastAddresses::default(),
            host_names: HostNames::default(),
            name_conflicts: NameConflicts::default(),
            recently_lost: RecentlyLost::default(),
            recent_dials: RecentDials::default(),
            warned: Mutex::default(),
            shouted: Mutex::default(),
            peers: RwLock::default(),
            started: Instant::now(),
            closing: AtomicBool::new(false),
            stop: watch::Sender::new(false),
            alive: Mutex::new(Some(alive)),
            ended: tokio::sync::Mutex::new(ended),
        }
    }

    /// This node, as gossip sees it.
    pub(crate) fn me(&self) -> Me<'_> {
        Me { id: self.link.node_id(), port: self.port, address: self.options.announced() }
    }

    /// A log line that strangers can cause, once in a while.
    pub(crate) fn warn(&self, what: &dyn std::fmt::Display) {
        let mut warned = self.warned.lock();
        if warned.is_none_or(|last| last.elapsed() >= WARNINGS) {
            *warned = Some(Instant::now());
            tracing::warn!("TCP: {what}");
        } else {
            tracing::debug!("TCP: {what}");
        }
    }

    /// Starts work that the end of the transporter waits for: it must end soon after [`Mesh::stopped`].
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let Some(alive) = self.alive.lock().clone() else { return };
        self.link.tasks().spawn_background(async move {
            work.await;
            drop(alive);
        });
    }

    /// Ends when the transporter closes.
    pub(crate) async fn stopped(&self) {
        // The sender lives as long as `self`.
        let _ = self.stop.subscribe().wait_for(|stop| *stop).await;
    }

    /// Hands a packet for one node over.
    pub(crate) fn send(
        self: &Arc<Self>,
        node: &Arc<str>,
        kind: PacketKind,
        body: Bytes,
        ticket: Option<Ticket>,
    ) -> Sending {
        let Some(number) = frame::number(kind) else { return Sending::Done(Ok(())) };
        if node == self.link.node_id() {
            self.link.receive(kind, body);
            return Sending::Done(Ok(()));
        }
        if body.len() > self.options.max_packet_size {
            return Sending::Done(Err(fault::too_large(body.len(), self.options.max_packet_size)));
        }
        let mut frame = Frame { number, body, ticket };
        loop {
            let peer = match self.open(node) {
                Ok(peer) => peer,
                Err(err) => return Sending::Done(Err(err)),
            };
            let now = self.started.elapsed();
            peer.touch(millis(now));
            match peer.push(frame, now) {
                Pushed::Taken => return Sending::Done(Ok(())),
                Pushed::Waiting(room) => return Sending::Waiting(Box::pin(room)),
                Pushed::Closed(back) => frame = back,
            }
            self.forget(&peer);
        }
    }

    /// Sends gossip; it is dropped when the node is slower than its senders, or cannot be reached.
    pub(crate) fn gossip(self: &Arc<Self>, node: &Arc<str>, packet: &Packet<'_>) {
        let sent = self.link.encode(packet, Some(node)).and_then(|body| {
            if body.len() > self.options.max_packet_size {
                return Err(fault::too_large(body.len(), self.options.max_packet_size));
            }
            let Some(number) = frame::number(packet.kind()) else { return Ok(()) };
            let peer = self.open(node)?;
            if !peer.offer(Frame { number, body, ticket: None }) {
                tracing::debug!(node = &**node, "gossip dropped: the queue of the node is full or closed");
            }
            Ok(())
        });
        if let Err(err) = sent {
            tracing::debug!(node = &**node, "no gossip: {err}");
        }
    }

    /// Ends when everything that was handed over before is with the network, or lost.
    pub(crate) async fn flush(&self) {
        let marks: Vec<_> = self.peers.read().values().filter_map(|peer| peer.flushed()).collect();
        for mark in marks {
            let _ = mark.await;
        }
    }

    /// Ends all tasks and connections. Frames that have not left are reported.
    pub(crate) async fn close(&self) {
        if self.closing.swap(true, Ordering::AcqRel) {
            return;
        }
        if tokio::time::timeout(FAREWELL, self.flush()).await.is_err() {
            tracing::warn!("TCP: this node closes with packets that have not left");
        }
        self.alive.lock().take();
        self.stop.send_replace(true);
        // Nothing is ever sent: it ends when the last task does.
        self.ended.lock().await.recv().await;
    }

    /// Keeps the number of connections within its limit: those unused for longest go.
    pub(crate) fn prune(&self) {
        let peers = self.peers.read();
        let Some(surplus) = peers.len().checked_sub(self.options.max_connections).filter(|n| *n > 0) else {
            return;
        };
        let now = self.now();
        let mut unused: Vec<_> = peers
            .values()
            .map(|peer| (peer.last_used(), peer))
            .filter(|(used, _)| used + FRESH_MS < now)
            .collect();
        unused.sort_unstable_by_key(|(used, _)| *used);
        unused.iter().filter(|(_, peer)| peer.retire()).take(surplus).count();
    }

    /// Where nodes were found that nobody knows any more is of no use.
    pub(crate) fn forget_unused_addresses(&self) {
        let cluster = self.link.cluster();
        self.last_addresses.retain(|node| cluster.peer(node).is_some());
    }

    /// The inbound connection of a node has ended. Has the node?
    pub(crate) async fn verify(self: Arc<Self>, node: Arc<str>) {
        // A connection to it sees the end by itself.
        let doubtful = !self.peers.read().contains_key(&node)
            && self.link.cluster().peer(&node).is_some_and(|peer| peer.available);
        if !doubtful {
            return;
        }
        tokio::select! {
            found = self.is_there(&node) => if let Err(err) = found {
                tracing::debug!("{err}");
                self.lost(&node, false);
            },
            () = self.stopped() => {}
        }
    }

    /// The connection to a node, a new one when there is none.
    fn open(self: &Arc<Self>, node: &Arc<str>) -> Result<Arc<Peer>> {
        if let Some(peer) = self.peers.read().get(node) {
            return Ok(peer.clone());
        }
        if self.closing.load(Ordering::Acquire) {
            return Err(Error::disconnected());
        }
        if self.places(node).is_empty() {
            return Err(fault::unknown(node));
        }
        let peer = {
            let mut peers = self.peers.write();
            if let Some(peer) = peers.get(node) {
                return Ok(peer.clone());
            }
            let peer = Arc::new(Peer::new(node.clone(), self.options.max_queue_size, self.now()));
            peers.insert(node.clone(), peer.clone());
            peer
        };
        self.spawn(self.clone().run(peer.clone()));
        self.prune();
        Ok(peer)
    }

    /// One connection from its beginning to its end.
    async fn run(self: Arc<Self>, peer: Arc<Peer>) {
        let mut batch = Batch::default();
        let end = tokio::select! {
            end = self.connection(&peer, &mut batch) => end,
            () = self.stopped() => End::Unused,
        };
        let (mut tickets, mut unsent) = batch.unsent();
        let rest = peer.close();
        self.forget(&peer);
        unsent |= !rest.is_empty();
        tickets.extend(rest.into_iter().filter_map(|frame| frame.ticket));
        for ticket in tickets {
            self.link.undelivered(ticket);
        }
        match end {
            End::Unused => {}
            End::Lost => self.lost(&peer.id, unsent),
            End::Unreachable => {
                self.lost(&peer.id, true);
                // Somebody may have made the name up.
                if self.unconfirmed.remove(&peer.id) {
                    self.drop_name(&peer.id);
                }
            }
        }
    }

    async fn connection(&self, peer: &Peer, batch: &mut Batch) -> End {
        match self.dial(&peer.id).await {
            Ok(stream) => {
                tracing::debug!(node = &*peer.id, "connected");
                peer.write(stream, batch).await
            }
            Err(err) => {
                tracing::debug!("{err}");
                End::Unreachable
            }
        }
    }

    /// A name that never answered is forgotten.
    fn drop_name(&self, node: &str) {
        let cluster = self.link.cluster();
        cluster.lost(node, true);
        cluster.forget(node);
        self.last_addresses.forget(node);
    }

    /// A new name was told by `source`. Whoever told of too many loses the oldest.
    pub(crate) fn admit(&self, node: &Arc<str>, source: IpAddr) {
        if let Some(gone) = self.unconfirmed.admit(node, source) {
            self.drop_name(&gone);
        }
    }

    /// Two nodes use one name: the first one stays.
    pub(crate) fn report_name_conflict(&self, node: &str, owner: &str, rival: &str) {
        let mut shouted = self.shouted.lock();
        if shouted.is_none_or(|last| last.elapsed() >= WARNINGS) {
            *shouted = Some(Instant::now());
            tracing::error!(
                node,
                owner,
                rival,
                "two nodes use one name: the one that was there first stays; give each node a 'node_id' of its own"
            );
        }
    }

    /// Who told of a node that never answered; nobody in particular otherwise.
    pub(crate) fn source(&self, node: &str, source: IpAddr) -> Option<IpAddr> {
        self.unconfirmed.contains(node).then_some(source)
    }

    /// Somebody told something about a node that is there: it is asked itself.
    pub(crate) fn ask(&self, node: Arc<str>, source: IpAddr) {
        let source = self.source(&node, source);
        self.contacts.add(node, Purpose::Ask, Duration::ZERO, source);
    }

    /// A node is gone, as it seems. It is asked for a while: maybe only the connection was cut.
    fn lost(&self, node: &Arc<str>, unexpected: bool) {
        let cluster = self.link.cluster();
        let there = cluster.peer(node).is_some_and(|peer| peer.available);
        if there {
            tracing::debug!(node = &**node, unexpected, "lost");
            cluster.lost(node, unexpected);
        }
        if self.recently_lost.misses(node, there) {
            self.contacts.add(node.clone(), Purpose::Introduce, RECHECK, None);
        }
    }

    fn forget(&self, peer: &Arc<Peer>) {
        let mut peers = self.peers.write();
        if peers.get(&peer.id).is_some_and(|known| Arc::ptr_eq(known, peer)) {
            peers.remove(&peer.id);
        }
    }

    fn now(&self) -> u64 {
        millis(self.started.elapsed())
    }
}

#[allow(clippy::cast_possible_truncation, reason = "milliseconds of one process")]
const fn millis(time: Duration) -> u64 {
    time.as_millis() as u64
}
