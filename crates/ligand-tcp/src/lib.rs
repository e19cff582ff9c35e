//! Carries packets over TCP, without a server between the nodes; they find each other by themselves.
//!
//! Compatible with the TCP transporter of Moleculer 0.14 and 0.15: nodes of both kinds form one cluster, as long as
//! they speak the same protocol version.
//!
//! ```
//! use ligand_tcp::{TcpOptions, TcpTransporter};
//!
//! // Nodes of one network find each other without any options.
//! let transporter = TcpTransporter::new(TcpOptions::default());
//!
//! // Without UDP, they need to know at least one that is always there.
//! let known = TcpOptions::from_url("tcp://10.0.0.1:4000/node-1,tcp://10.0.0.2:4000/node-2");
//! let transporter = TcpTransporter::new(known.udp_discovery(false).port(4000));
//! ```
//!
//! # How it works
//!
//! * **Connections** go one way: a node dials another to send, and is dialled to receive. The first packet says who
//!   dials, and a Ligand node answers who it is; nothing else is sent before. With a [`Secret`] both prove it. A dialled
//!   node is looked for where it was found last, then where it was sighted, at its host name and at its addresses.
//! * **Beacons** over UDP say who listens at which port: at the start, a second later, then every
//!   [`udp_period`](TcpOptions::udp_period). Only nodes of the same namespace listen to them.
//! * **Gossip** says who is there and what they offer. Every [`gossip_period`](TcpOptions::gossip_period) a node
//!   compares what it knows with one that is there, and now and then with one that is not. Beyond Moleculer, whoever
//!   is sighted for the first time is talked to at once, a change of a node is told to eight others at once (seen
//!   within 200 ms, because it is looked for every 100 ms), a node that sees that it is behind asks at once, and one
//!   that learned of another compares with three more.
//!
//! # What is promised
//!
//! * A packet arrives **at most once**. Packets to one node arrive **in order** as long as its connection stands.
//! * A packet that has not left is reported: by an error of `send`, or by [`Link::undelivered`]. One that has left and
//!   whose connection ended then is neither known to have arrived nor to be lost.
//! * The end of a node closes its connections and is noticed **at once**, also without a connection to it: then it is
//!   dialled. A machine that vanishes without closing anything is noticed after about 20 seconds when there is a
//!   connection to it, or when it is dialled. There are no heartbeats.
//! * A node that was only thought lost is asked again after 200 ms and comes back.
//! * A node that reads slowly makes its own senders wait, nobody else: at most
//!   [`max_queue_size`](TcpOptions::max_queue_size) waits for it.
//! * A node that is there is not replaced by what others say of it: it is asked itself.
//! * What arrives is bounded: packets, connections (also those of one address, and those that fall silent), names that
//!   never answered (4096, of one address 1024; the oldest go first), and the time until the first packet (10 s; that
//!   packet has at most 64 KiB).
//!
//! # What is not
//!
//! * There is **no encryption** of connections, and without a [`Secret`] no authentication: whoever reaches the port can
//!   say it is any node that is not there. Keep it inside a network you trust.
//! * Gossip knows no namespaces, only beacons do: `url` can join clusters of different namespaces.
//! * Packets without a receiver are dropped, except a ping to all, which goes to each available node. The transporter
//!   does not balance.
//! * Moleculer nodes take packets up to their own `maxPacketSize` (1 MiB by default), and close the connection at
//!   longer ones; until it stands again they are lost.
//! * An entry of `url` that cannot be read is an error; Moleculer skips it.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod address;
mod beacon;
mod fault;
mod frame;
#[cfg(feature = "fuzz")]
#[doc(hidden)]
pub mod fuzz;
mod gossip;
mod gossip_rounds;
mod handshake;
mod inbound;
mod listener;
mod mesh;
mod options;
mod peer;
mod secret;

use std::{
    fmt,
    net::IpAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use ligand_transport::{BoxFuture, Features, Link, Outbound, Sending, Transporter};
use ligand_wire::{Error, Result, packet::PacketKind, topic::To};

use self::{
    mesh::{Mesh, Purpose},
    options::wrong,
};
pub use self::{
    options::{Broadcast, TcpOptions, Urls},
    secret::Secret,
};

/// The TCP transporter. See the [crate](self).
pub struct TcpTransporter {
    options: TcpOptions,
    mesh: OnceLock<Arc<Mesh>>,
}

impl TcpTransporter {
    /// A transporter with these options. They are checked when it connects.
    pub const fn new(options: TcpOptions) -> Self {
        Self { options, mesh: OnceLock::new() }
    }

    /// A transporter that knows these nodes: `tcp://host:port/node,host:port/node`, or `tcp://` for none.
    pub fn from_url(url: impl Into<Urls>) -> Self {
        Self::new(TcpOptions::from_url(url))
    }

    fn start(&self, link: &Arc<dyn Link>) -> Result<()> {
        self.options.check()?;
        let endpoints = self.options.url.endpoints()?;
        let (own, others): (Vec<_>, Vec<_>) =
            endpoints.into_iter().partition(|endpoint| endpoint.node == **link.node_id());
        let port = self.options.port.filter(|port| *port != 0);
        let port = port.or(own.first().map(|endpoint| endpoint.address.port)).unwrap_or(0);
        let listener = listener::bind(self.options.bind_address, port)?;
        let port = listener.local_addr().map_err(Error::internal_error)?.port();
        let mesh = Arc::new(Mesh::new(link.clone(), self.options.clone(), port));
        if self.mesh.set(mesh.clone()).is_err() {
            return Err(wrong("the transporter is connected already; make a new one for each broker"));
        }
        tracing::info!("TCP listens at port {port}");
        for endpoint in others {
            let node: Arc<str> = endpoint.node.into();
            link.cluster().sighted(&node, endpoint.address);
            mesh.contacts.add(node, Purpose::Introduce, Duration::ZERO, None);
        }
        mesh.spawn(listener::run(mesh.clone(), listener));
        mesh.spawn(gossip_rounds::run(mesh.clone()));
        if self.options.udp_discovery {
            mesh.spawn(beacon::run(mesh.clone()));
        }
        link.connected();
        Ok(())
    }
}

impl Transporter for TcpTransporter {
    fn name(&self) -> &'static str {
        "tcp"
    }

    fn features(&self) -> Features {
        Features { own_discovery: true, ..Features::default() }
    }

    fn largest(&self) -> Option<usize> {
        Some(self.options.max_packet_size)
    }

    fn port(&self) -> Option<u16> {
        self.mesh.get().map(|mesh| mesh.port)
    }

    fn address(&self) -> Option<IpAddr> {
        self.options.announced()
    }

    fn connect(self: Arc<Self>, link: Arc<dyn Link>) -> BoxFuture<Result<()>> {
        Box::pin(async move { self.start(&link) })
    }

    fn send(&self, packet: Outbound) -> Sending {
        let Some(mesh) = self.mesh.get() else { return Sending::Done(Err(Error::disconnected())) };
        match packet.topic.to {
            To::Node(node) => mesh.send(&node, packet.topic.kind, packet.body, packet.ticket),
            To::All if packet.topic.kind == PacketKind::Ping => {
                for peer in mesh.link.cluster().peers().into_iter().filter(|peer| peer.available) {
                    // Who does not answer in time is not measured.
                    drop(mesh.send(&peer.id, PacketKind::Ping, packet.body.clone(), None));
                }
                Sending::Done(Ok(()))
            }
            To::All | To::Action(_) | To::Group { .. } => Sending::Done(Ok(())),
        }
    }

    fn flush(&self) -> BoxFuture<Result<()>> {
        let mesh = self.mesh.get().cloned();
        Box::pin(async move {
            if let Some(mesh) = mesh {
                mesh.flush().await;
            }
            Ok(())
        })
    }

    fn disconnect(&self) -> BoxFuture<()> {
        let mesh = self.mesh.get().cloned();
        Box::pin(async move {
            if let Some(mesh) = mesh {
                mesh.close().await;
            }
        })
    }
}

impl fmt::Debug for TcpTransporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpTransporter").field("options", &self.options).field("port", &self.port()).finish()
    }
}
