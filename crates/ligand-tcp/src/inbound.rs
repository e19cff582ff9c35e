//! One connection from another node.

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use ligand_transport::Address;
use ligand_wire::packet::{GossipHello, Packet, PacketKind};
use tokio::{
    io::AsyncReadExt,
    net::TcpStream,
    sync::oneshot,
    time::{Instant, timeout_at},
};

use crate::{
    frame::{Broken, FrameReader},
    gossip::{self, MAX_NODES},
    listener::Place,
    mesh::{Mesh, Purpose},
};

/// The first packet is here within this time, or the connection is closed.
const FIRST: Duration = Duration::from_secs(10);

/// The longest first packet: normally a hello.
const FIRST_SIZE: usize = 64 * 1024;

/// The longest name of a node.
const NAME: usize = 1024;

struct Inbound {
    mesh: Arc<Mesh>,
    remote: SocketAddr,
    place: Place,
    frames: FrameReader,
    /// Who said hello.
    node: Option<Arc<str>>,
}

/// Why a connection was closed here.
enum Closed {
    Broken(Broken),
    /// It had to make room for others.
    Crowded,
    /// It comes from this node.
    Own,
}

/// Reads packets until the connection ends.
pub(crate) async fn run(
    mesh: Arc<Mesh>,
    mut stream: TcpStream,
    remote: SocketAddr,
    place: Place,
    ended: oneshot::Receiver<()>,
) {
    let frames = FrameReader::new(FIRST_SIZE.min(mesh.options.max_packet_size));
    let mut inbound = Inbound { mesh: mesh.clone(), remote, place, frames, node: None };
    let stay = async {
        // Told when the connection is a guest, dropped when it has to go.
        if ended.await.is_ok() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = inbound.read(&mut stream) => {}
        () = stay => {}
        () = mesh.stopped() => return,
    }
    drop(stream);
    if let Some(node) = inbound.node {
        mesh.spawn(mesh.clone().verify(node));
    }
}

impl Inbound {
    async fn read(&mut self, stream: &mut TcpStream) {
        let first = Instant::now() + FIRST;
        let mut greeted = false;
        loop {
            let read = stream.read_buf(self.frames.space());
            let read = if greeted { Ok(read.await) } else { timeout_at(first, read).await };
            if !matches!(read, Ok(Ok(1..))) {
                return;
            }
            match self.take() {
                Ok(any) => greeted |= any,
                Err(Closed::Broken(broken)) => match &self.node {
                    Some(node) => {
                        tracing::warn!(node = &**node, "TCP connection closed: {broken}");
                        return;
                    }
                    None => return tracing::debug!(remote = %self.remote, "closed: {broken}"),
                },
                Err(Closed::Crowded | Closed::Own) => return,
            }
        }
    }

    /// Deals with all packets that are complete; true when there were any.
    fn take(&mut self) -> Result<bool, Closed> {
        let mut any = false;
        while let Some((kind, body)) = self.frames.next().map_err(Closed::Broken)? {
            if !self.place.introduce() {
                return Err(Closed::Crowded);
            }
            any = true;
            self.frames.set_limit(self.mesh.options.max_packet_size);
            match kind {
                PacketKind::GossipHello | PacketKind::GossipRequest | PacketKind::GossipResponse => {
                    self.gossip(kind, body)?;
                }
                kind => self.mesh.link.receive(kind, body),
            }
        }
        Ok(any)
    }

    fn gossip(&mut self, kind: PacketKind, mut body: Bytes) -> Result<(), Closed> {
        let mesh = self.mesh.clone();
        let received = match mesh.link.decode(kind, &mut body) {
            Ok(received) => received,
            Err(err) => {
                tracing::debug!(remote = %self.remote, "{} ignored: {err}", kind.as_str());
                return Ok(());
            }
        };
        if *received.sender == **mesh.link.node_id() {
            return Err(Closed::Own);
        }
        if received.sender.is_empty() || received.sender.len() > NAME {
            return Ok(());
        }
        let sender: Arc<str> = received.sender.as_ref().into();
        match received.packet {
            Packet::GossipHello(hello) => self.hello(sender, &hello),
            Packet::GossipRequest(request) => {
                let answer = gossip::answer(mesh.link.cluster(), mesh.me(), &request);
                if let Some(reply) = answer.reply {
                    mesh.gossip(&sender, &Packet::GossipResponse(reply));
                }
                if answer.behind {
                    mesh.contacts.add(sender, Purpose::Ask, Duration::ZERO);
                }
            }
            Packet::GossipResponse(reply) => {
                let learned = gossip::apply(mesh.link.cluster(), mesh.me(), reply);
                mesh.learned.fetch_or(learned, Ordering::AcqRel);
            }
            _ => {}
        }
        Ok(())
    }

    fn hello(&mut self, sender: Arc<str>, hello: &GossipHello) {
        self.node = Some(sender.clone());
        if hello.port == 0 {
            return;
        }
        // The address of a connection may be that of something in between: one that is known to work stays.
        let known = self.mesh.link.cluster().peer(&sender);
        if known.is_some_and(|peer| peer.available && peer.address.is_some_and(|at| at.port == hello.port)) {
            return;
        }
        let host = self.remote.ip().to_canonical().to_string();
        sighted(&self.mesh, sender, Address { host, port: hello.port });
    }
}

/// A node was sighted. When it is new or was away, it is talked to at once.
pub(crate) fn sighted(mesh: &Mesh, node: Arc<str>, address: Address) {
    let cluster = mesh.link.cluster();
    let known = cluster.peer(&node);
    match &known {
        Some(peer) if peer.address.as_ref() == Some(&address) => {}
        None if cluster.peers().len() >= MAX_NODES => return,
        _ => cluster.sighted(&node, address),
    }
    if known.is_none_or(|peer| !peer.available) {
        mesh.contacts.add(node, Purpose::Introduce, Duration::ZERO);
    }
}
