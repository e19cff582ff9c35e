//! Who is at the other end of a connection.
//!
//! The dialling node says who it is and whom it wants, in its hello. A Ligand node answers on the same connection who it
//! is; with a [`Secret`] both prove that they know it: the proof covers the names, lives and ports of both and a random
//! number of each, so it is good for this connection alone. Only then packets follow.
//!
//! Without a secret anybody can say the name and the life of another. Whoever is dialled in the name of a node that is
//! there asks that one, on a connection of its own to where it was found, whether it began the other with its number
//! (`asks`, `began`).
//!
//! Moleculer nodes on Node.js never answer on the same connection. They are asked what they are, and speak over their
//! own connection, which says their name: that is all that can be had of them.

use std::{sync::Arc, time::Duration};

use ligand_transport::Address;
use ligand_wire::{
    Result,
    packet::{GossipHello, HelloIdentity, Packet, PacketKind},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{
    address,
    frame::{self, FrameReader},
    gossip,
    inbound::FIRST_SIZE,
    mesh::Mesh,
    secret,
};

/// Who is there says so within this time.
const ANSWER: Duration = Duration::from_secs(2);

/// One end of a connection, as it says itself.
#[derive(Clone, Debug)]
pub(crate) struct Party {
    pub(crate) node: String,
    pub(crate) instance: String,
    pub(crate) port: u16,
    pub(crate) nonce: String,
}

/// Whose proof it is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Role {
    Dialler,
    Acceptor,
}

/// What a proof covers.
struct Covered<'a> {
    role: Role,
    ports: [[u8; 2]; 2],
    dialler: &'a Party,
    acceptor: &'a Party,
}

impl<'a> Covered<'a> {
    fn new(role: Role, dialler: &'a Party, acceptor: &'a Party) -> Self {
        Self { role, ports: [dialler.port, acceptor.port].map(u16::to_be_bytes), dialler, acceptor }
    }

    fn parts(&self) -> [&[u8]; 9] {
        let role: &[u8] = match self.role {
            Role::Dialler => b"ligand tcp 1 dialler",
            Role::Acceptor => b"ligand tcp 1 acceptor",
        };
        let [dials, accepts] = [self.dialler, self.acceptor];
        [
            role,
            dials.node.as_bytes(),
            dials.instance.as_bytes(),
            &self.ports[0],
            dials.nonce.as_bytes(),
            accepts.node.as_bytes(),
            accepts.instance.as_bytes(),
            &self.ports[1],
            accepts.nonce.as_bytes(),
        ]
    }
}

/// Who answered a dial.
#[derive(Debug)]
pub(crate) struct AnsweringNode {
    /// Its life; `None` for nodes that do not answer on the same connection.
    pub(crate) instance: Option<String>,
}

/// What a hello says beside who speaks.
#[derive(Debug, Default)]
pub(crate) struct HelloFields {
    pub(crate) proof: Option<String>,
    /// Somebody else uses the name.
    pub(crate) taken: Option<String>,
    pub(crate) asks: Option<String>,
    pub(crate) began: Option<bool>,
}

/// Why the other end is not who it should be.
#[derive(Debug)]
pub(crate) enum IdentityError {
    /// This node itself.
    Own,
    /// Something else, in words.
    Other(String),
}

impl From<&str> for IdentityError {
    fn from(why: &str) -> Self {
        Self::Other(why.into())
    }
}

impl Mesh {
    /// This node, for one connection.
    pub(crate) fn party(&self) -> Result<Party> {
        Ok(Party {
            node: self.link.node_id().to_string(),
            instance: self.link.instance_id().to_owned(),
            port: self.port,
            nonce: secret::nonce()?,
        })
    }

    /// The proof of this node, when there is a secret.
    pub(crate) fn prove(&self, role: Role, dialler: &Party, acceptor: &Party) -> Option<String> {
        let secret = self.options.secret.as_ref()?;
        Some(secret.prove(&Covered::new(role, dialler, acceptor).parts()))
    }

    /// Whether the other end knows the secret; true when there is none.
    pub(crate) fn proven(&self, role: Role, dialler: &Party, acceptor: &Party, proof: Option<&str>) -> bool {
        match (&self.options.secret, proof) {
            (None, _) => true,
            (Some(secret), Some(proof)) => {
                secret.verify(&Covered::new(role, dialler, acceptor).parts(), proof)
            }
            (Some(_), None) => false,
        }
    }

    /// Sends a hello.
    pub(crate) async fn say_hello(
        &self,
        stream: &mut TcpStream,
        me: &Party,
        to: &str,
        words: HelloFields,
    ) -> Result<()> {
        let local = self.link.cluster().local();
        let host = address::own(&local.info, self.options.use_hostname, self.options.announced());
        let identity = HelloIdentity {
            instance_id: me.instance.clone(),
            to: to.to_owned(),
            nonce: me.nonce.clone(),
            proof: words.proof,
            taken: words.taken,
            asks: words.asks,
            began: words.began,
        };
        let hello = GossipHello { host, port: self.port, ligand: Some(Box::new(identity)) };
        let body = self.link.encode(&Packet::GossipHello(hello), Some(to))?;
        let mut out = bytes::BytesMut::new();
        frame::put(&mut out, frame::HELLO, &body);
        match timeout(ANSWER, stream.write_all(&out)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(err)) => Err(ligand_wire::Error::internal_error(err)),
            Err(_) => Err(ligand_wire::Error::internal_error("the connection takes nothing")),
        }
    }

    /// Finds out whether the other end of a connection is this node. `rival`: who else claims its name.
    pub(crate) async fn identify(
        &self,
        stream: &mut TcpStream,
        node: &Arc<str>,
        place: &Address,
        rival: Option<String>,
    ) -> Result<AnsweringNode, IdentityError> {
        let failed = |err: ligand_wire::Error| IdentityError::Other(err.to_string());
        let me = self.party().map_err(failed)?;
        self.recent_dials.note(node, &me.nonce);
        self.say_hello(stream, &me, node, HelloFields { taken: rival, ..HelloFields::default() })
            .await
            .map_err(failed)?;
        let known = self.link.cluster().peer(node);
        let answers = known.is_some_and(|peer| gossip::is_ligand(&peer.info));
        // Whoever must prove something answers here.
        let hello = match answers || self.options.secret.is_some() {
            true => None,
            false => {
                let hello = self.awaited_hellos.wait(node);
                let mut request = gossip::request(self.link.cluster(), self.me());
                // What is not listed must be told.
                request.online.remove(&**node);
                request.offline.remove(&**node);
                let body = self.link.encode(&Packet::GossipRequest(request), Some(node)).map_err(failed)?;
                let mut out = bytes::BytesMut::new();
                let number = frame::number(PacketKind::GossipRequest).unwrap_or_default();
                frame::put(&mut out, number, &body);
                stream.write_all(&out).await.map_err(|err| IdentityError::Other(err.to_string()))?;
                Some(hello)
            }
        };
        let heard = async {
            match hello {
                Some(hello) => drop(hello.await),
                None => std::future::pending().await,
            }
        };
        let first = tokio::select! {
            first = timeout(ANSWER, self.first_hello(stream)) => {
                first.map_err(|_| IdentityError::from("it does not say who it is"))?
            }
            () = heard => return Ok(AnsweringNode { instance: None }),
        };
        let (sender, hello) = first?;
        let Some(identity) = hello.ligand else { return Err("it does not say who it is".into()) };
        let far =
            Party { node: sender, instance: identity.instance_id, port: hello.port, nonce: identity.nonce };
        if !self.proven(Role::Acceptor, &me, &far, identity.proof.as_deref()) {
            return Err("it does not know the 'secret'".into());
        }
        if self.options.secret.is_none() && identity.proof.is_some() {
            return Err("it wants a 'secret'".into());
        }
        if far.node == *me.node {
            if far.instance == me.instance {
                return Err(IdentityError::Own);
            }
            let other = format!("instance '{}' at {}:{}", shortened(&far.instance), place.host, place.port);
            self.link.cluster().conflict(&other);
            return Err(IdentityError::Other(format!("there is another node of this name: {other}")));
        }
        if far.node != **node {
            return Err(IdentityError::Other(format!("node '{}' is there", shortened(&far.node))));
        }
        if let Some(taken) = identity.taken.filter(|_| self.options.secret.is_none()) {
            return Err(self.name_is_taken(&taken));
        }
        if let Some(proof) = self.prove(Role::Dialler, &me, &far) {
            let words = HelloFields { proof: Some(proof), ..HelloFields::default() };
            self.say_hello(stream, &me, node, words).await.map_err(failed)?;
            // It may know another node of this name, and says so only now.
            if let Some(taken) = self.verdict(stream).await? {
                return Err(self.name_is_taken(&taken));
            }
        }
        Ok(AnsweringNode { instance: Some(far.instance) })
    }

    /// Whether the node at the other end says that it began a connection with this number; `None` when it is not the node.
    pub(crate) async fn ask_about(
        &self,
        stream: &mut TcpStream,
        node: &Arc<str>,
        nonce: &str,
    ) -> Option<bool> {
        let me = self.party().ok()?;
        let words = HelloFields { asks: Some(nonce.to_owned()), ..HelloFields::default() };
        self.say_hello(stream, &me, node, words).await.ok()?;
        let (sender, hello) = self.first_hello(stream).await.ok()?;
        hello.ligand.filter(|_| sender == **node)?.began
    }

    /// The other end refuses this node because of somebody else.
    fn name_is_taken(&self, by: &str) -> IdentityError {
        let by = shortened(by);
        self.link.cluster().conflict(&by);
        IdentityError::Other(format!("it knows another node of this name: {by}"))
    }

    /// What the other end says to the proof: nothing against it, or that the name is taken.
    async fn verdict(&self, stream: &mut TcpStream) -> Result<Option<String>, IdentityError> {
        let answer = timeout(ANSWER, self.first_hello(stream)).await;
        let (_, hello) =
            answer.map_err(|_| IdentityError::from("it does not say that it takes the proof"))??;
        Ok(hello.ligand.and_then(|identity| identity.taken))
    }

    /// The hello that comes back.
    async fn first_hello(&self, stream: &mut TcpStream) -> Result<(String, GossipHello), IdentityError> {
        let mut frames = FrameReader::new(FIRST_SIZE);
        loop {
            match frames.next() {
                Ok(Some((PacketKind::GossipHello, mut body))) => {
                    let received = self
                        .link
                        .decode(PacketKind::GossipHello, &mut body)
                        .map_err(|_| IdentityError::from("its hello cannot be read"))?;
                    let sender = received.sender.into_owned();
                    return match received.packet {
                        Packet::GossipHello(hello) => Ok((sender, hello)),
                        _ => Err("its hello cannot be read".into()),
                    };
                }
                Ok(Some(_)) => return Err("it speaks before it says who it is".into()),
                Ok(None) => {}
                Err(broken) => return Err(IdentityError::Other(broken.to_string())),
            }
            match stream.read_buf(frames.space()).await {
                Ok(1..) => {}
                Ok(0) => return Err("it closed the connection".into()),
                Err(err) => return Err(IdentityError::Other(err.to_string())),
            }
        }
    }
}

/// A text from outside, fit for a log.
pub(crate) fn shortened(text: &str) -> String {
    text.chars().take(200).flat_map(char::escape_debug).collect()
}
