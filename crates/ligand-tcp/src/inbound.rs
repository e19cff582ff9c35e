//! One connection from another node.

mod claim;

use std::{
    net::{IpAddr, SocketAddr},
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
    time::{Instant, timeout, timeout_at},
};

use self::claim::{Claim, Verdict};
use crate::{
    frame::{Broken, FrameReader},
    gossip,
    handshake::{HelloFields, Party, Role, shortened},
    listener::ConnectionSlot,
    mesh::{Mesh, Purpose},
};

/// The other end has said who it is within this time, or the connection is closed.
const FIRST: Duration = Duration::from_secs(10);

/// The longest packet until then: a hello.
pub(crate) const FIRST_SIZE: usize = 64 * 1024;

/// The longest name of a node.
const NAME: usize = 512;

/// A connection that is silent for so long is asked for a sign of life.
const IDLE: Duration = Duration::from_secs(60);

/// It comes within this time.
const SIGN: Duration = Duration::from_secs(20);

struct Inbound {
    mesh: Arc<Mesh>,
    remote: SocketAddr,
    place: ConnectionSlot,
    frames: FrameReader,
    stage: Stage,
    /// Where the other end listens, as it said when it was let in.
    address: Option<Address>,
}

/// Who is at the other end.
enum Stage {
    /// It has not said.
    Silent,
    /// It has said, and must prove it.
    Proving(Box<Claim>),
    /// This node.
    Known(Arc<str>),
}

/// Why a connection was closed here.
enum Closed {
    Broken(Broken),
    /// It had to make room for others.
    Crowded,
    /// It comes from this node, or was refused with words.
    Refused,
    /// What it is not allowed to do.
    Wrong(&'static str),
}

/// Reads packets until the connection ends.
pub(crate) async fn run(
    mesh: Arc<Mesh>,
    mut stream: TcpStream,
    remote: SocketAddr,
    place: ConnectionSlot,
    ended: oneshot::Receiver<()>,
) {
    let frames = FrameReader::new(FIRST_SIZE.min(mesh.options.max_packet_size));
    let mut inbound =
        Inbound { mesh: mesh.clone(), remote, place, frames, stage: Stage::Silent, address: None };
    tokio::select! {
        () = inbound.read(&mut stream) => {}
        // Others need the place.
        _ = ended => {}
        () = mesh.stopped() => return,
    }
    drop(stream);
    if let Stage::Known(node) = inbound.stage {
        mesh.spawn(mesh.clone().verify(node));
    }
}

impl Inbound {
    async fn read(&mut self, stream: &mut TcpStream) {
        let first = Instant::now() + FIRST;
        // It was asked for a sign of life.
        let mut asked = false;
        loop {
            let read = stream.read_buf(self.frames.space());
            let read = match &self.stage {
                Stage::Known(_) => timeout(if asked { SIGN } else { IDLE }, read).await,
                Stage::Silent | Stage::Proving(_) => timeout_at(first, read).await,
            };
            match (read, &self.stage) {
                (Ok(Ok(1..)), _) => asked = false,
                (Err(_), Stage::Known(node)) if !asked => {
                    asked = true;
                    let source = self.mesh.source(node, self.remote.ip());
                    self.mesh.contacts.add(node.clone(), Purpose::Probe, Duration::ZERO, source);
                    continue;
                }
                _ => return,
            }
            match self.take(stream).await {
                Ok(()) => {}
                Err(Closed::Broken(broken)) => match &self.stage {
                    Stage::Known(node) => {
                        tracing::warn!(node = &**node, "TCP connection closed: {broken}");
                        return;
                    }
                    _ => return tracing::debug!(remote = %self.remote, "closed: {broken}"),
                },
                Err(Closed::Wrong(what)) => {
                    return self.mesh.warn(&format_args!("connection from {} refused: {what}", self.remote));
                }
                Err(Closed::Crowded | Closed::Refused) => return,
            }
        }
    }

    /// Deals with all packets that are complete.
    async fn take(&mut self, stream: &mut TcpStream) -> Result<(), Closed> {
        while let Some((kind, body)) = self.frames.next().map_err(Closed::Broken)? {
            match (&self.stage, kind) {
                (Stage::Known(_), PacketKind::GossipHello) => {}
                (Stage::Known(node), PacketKind::GossipRequest | PacketKind::GossipResponse) => {
                    let node = node.clone();
                    self.gossip(&node, kind, body)?;
                }
                (Stage::Known(node), kind) => self.mesh.link.receive_from(node, kind, body),
                (_, PacketKind::GossipHello) => self.hello(stream, body).await?,
                _ => return Err(Closed::Wrong("it did not say first who it is")),
            }
        }
        Ok(())
    }

    fn gossip(&mut self, node: &Arc<str>, kind: PacketKind, mut body: Bytes) -> Result<(), Closed> {
        let mesh = self.mesh.clone();
        let received = match mesh.link.decode(kind, &mut body) {
            Ok(received) => received,
            Err(err) => {
                tracing::debug!(remote = %self.remote, "{} ignored: {err}", kind.as_str());
                return Ok(());
            }
        };
        if *received.sender != **node {
            return Err(Closed::Wrong("it speaks in the name of another node"));
        }
        let source = self.source();
        let (cluster, me) = (mesh.link.cluster(), mesh.me());
        // When it came, its earlier life may have seemed to be there, at another address. Now nobody would answer there.
        if let Some(address) = &self.address
            && cluster.peer(node).is_none_or(|peer| !peer.available)
        {
            sighted(&mesh, node.clone(), address.clone(), source);
        }
        let ask = match received.packet {
            Packet::GossipRequest(request) => {
                let answer = gossip::answer(cluster, me, node, &request);
                if let Some(reply) = answer.reply {
                    mesh.gossip(node, &Packet::GossipResponse(reply));
                }
                if answer.behind {
                    mesh.ask(node.clone(), source);
                }
                answer.ask
            }
            Packet::GossipResponse(reply) => {
                let learned = gossip::apply(cluster, me, node, reply, |name| mesh.admit(name, source));
                mesh.learned.fetch_or(learned.news, Ordering::AcqRel);
                learned.fresh.iter().for_each(|name| mesh.settle(name));
                if let Some(info) = learned.twin
                    && let Some(port) = info.port
                    && let Some(host) = info.ip_list.into_iter().next()
                {
                    mesh.look_for_conflict(Address { host, port });
                }
                learned.ask
            }
            _ => return Ok(()),
        };
        mesh.awaited_hellos.heard(node);
        ask.into_iter().for_each(|other| mesh.ask(other, source));
        Ok(())
    }

    /// The address behind the connection.
    fn source(&self) -> IpAddr {
        self.remote.ip().to_canonical()
    }

    /// The other end says who it is, or proves it.
    async fn hello(&mut self, stream: &mut TcpStream, mut body: Bytes) -> Result<(), Closed> {
        let mesh = self.mesh.clone();
        let unread = |_| Closed::Wrong("its hello cannot be read");
        let received = mesh.link.decode(PacketKind::GossipHello, &mut body).map_err(unread)?;
        let sender = received.sender;
        let Packet::GossipHello(hello) = received.packet else { return Ok(()) };
        if sender.is_empty() || sender.len() > NAME {
            return Err(Closed::Wrong("its name is empty or too long"));
        }
        let sender: Arc<str> = sender.as_ref().into();
        if let Stage::Proving(claim) = std::mem::replace(&mut self.stage, Stage::Silent) {
            return self.proof(stream, *claim, &hello).await;
        }
        let GossipHello { port, ligand, .. } = hello;
        let mut claim = Claim { sender, port, identity: ligand.map(|identity| *identity), me: None };
        if mesh.options.secret.is_none() {
            if let Some(nonce) = claim.identity.as_mut().and_then(|identity| identity.asks.take()) {
                // It wants to know only that.
                let began = Some(mesh.recent_dials.has(&claim.sender, &nonce));
                let me = mesh.party().map_err(|_| Closed::Refused)?;
                self.answer(stream, &me, &claim.sender, HelloFields { began, ..HelloFields::default() })
                    .await?;
                return Err(Closed::Refused);
            }
            return self.accept(stream, claim).await;
        }
        if claim.identity.is_none() {
            return Err(Closed::Wrong("it does not know the 'secret'"));
        }
        let (dialler, me) = (claim.party(), mesh.party().map_err(|_| Closed::Refused)?);
        let proof = mesh.prove(Role::Acceptor, &dialler, &me);
        self.answer(stream, &me, &claim.sender, HelloFields { proof, ..HelloFields::default() }).await?;
        claim.me = Some(me);
        self.stage = Stage::Proving(Box::new(claim));
        Ok(())
    }

    /// The last step with a secret.
    async fn proof(
        &mut self,
        stream: &mut TcpStream,
        claim: Claim,
        hello: &GossipHello,
    ) -> Result<(), Closed> {
        let proof = hello.ligand.as_ref().and_then(|identity| identity.proof.as_deref());
        let Some(me) = &claim.me else { return Err(Closed::Refused) };
        if !self.mesh.proven(Role::Dialler, &claim.party(), me, proof) {
            return Err(Closed::Wrong("it does not know the 'secret'"));
        }
        self.accept(stream, claim).await
    }

    async fn answer(
        &self,
        stream: &mut TcpStream,
        me: &Party,
        to: &str,
        words: HelloFields,
    ) -> Result<(), Closed> {
        self.mesh.say_hello(stream, me, to, words).await.map_err(|_| Closed::Refused)
    }

    /// The other end is who it says, as far as that can be known.
    async fn accept(&mut self, stream: &mut TcpStream, claim: Claim) -> Result<(), Closed> {
        let mesh = self.mesh.clone();
        let me = mesh.party().map_err(|_| Closed::Refused)?;
        let host = self.source().to_string();
        let at = format!("{host}:{}", claim.port);
        if *claim.sender == *me.node {
            if claim.identity.is_some() {
                self.answer(stream, &me, &claim.sender, HelloFields::default()).await?;
            }
            if claim.life() != Some(&*me.instance) {
                mesh.look_for_conflict(Address { host, port: claim.port });
            }
            return Err(Closed::Refused);
        }
        match mesh.judge(&claim, &at).await {
            Verdict::Fine => {}
            Verdict::Taken(owner) => {
                if claim.identity.is_some() {
                    let words = HelloFields { taken: Some(owner), ..HelloFields::default() };
                    self.answer(stream, &me, &claim.sender, words).await?;
                }
                return Err(Closed::Refused);
            }
            Verdict::Disowned => return Err(Closed::Wrong("the node whose name it says did not begin it")),
        }
        if let Some(identity) = &claim.identity {
            if let Some(rival) = &identity.taken {
                mesh.report_name_conflict(&me.node, &named_here(&me), &shortened(rival));
            }
            self.answer(stream, &me, &claim.sender, HelloFields::default()).await?;
        }
        if !self.place.introduce(&claim.sender) {
            return Err(Closed::Crowded);
        }
        self.frames.set_limit(mesh.options.max_packet_size);
        self.stage = Stage::Known(claim.sender.clone());
        if claim.port != 0 {
            let address = Address { host, port: claim.port };
            self.address = Some(address.clone());
            sighted(&mesh, claim.sender, address, self.source());
        }
        Ok(())
    }
}

fn named_here(me: &Party) -> String {
    format!("instance '{}' here", me.instance)
}

/// A node was sighted. When it is new or was away, it is talked to at once. One that is there is asked where it was
/// found: anybody can say that it is somewhere else.
pub(crate) fn sighted(mesh: &Mesh, node: Arc<str>, address: Address, source: IpAddr) {
    let cluster = mesh.link.cluster();
    match cluster.peer(&node) {
        Some(peer) if peer.available => {
            match mesh.last_address(&node) {
                None => cluster.sighted(&node, address),
                Some(last_address) if last_address != address => mesh.ask(node, source),
                Some(_) => {}
            }
            return;
        }
        Some(peer) if peer.address.as_ref() == Some(&address) => {}
        Some(_) => cluster.sighted(&node, address),
        None => {
            mesh.admit(&node, source);
            cluster.sighted(&node, address);
        }
    }
    let source = mesh.source(&node, source);
    mesh.contacts.add(node, Purpose::Introduce, Duration::ZERO, source);
}
