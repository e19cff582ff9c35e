//! Carries packets over TCP, without a server between the nodes.

mod address;
mod beacon;
mod fault;
mod frame;
mod gossip;
mod inbound;
mod listener;
mod mesh;
mod options;
mod peer;
mod rounds;

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use ligand_transport::{BoxFuture, Features, Link, Outbound, Sending, Transporter};
use ligand_wire::{Error, Result, packet::PacketKind, topic::To};

use self::mesh::{Mesh, Purpose};
pub use self::options::{Broadcast, TcpOptions, Urls};

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
    pub fn from_url(url: &str) -> Self {
        Self::new(TcpOptions { urls: Urls::Text(url.into()), ..TcpOptions::default() })
    }

    fn start(&self, link: Arc<dyn Link>) -> Result<()> {
        self.options.check()?;
        let endpoints = self.options.urls.endpoints()?;
        let (own, others): (Vec<_>, Vec<_>) =
            endpoints.into_iter().partition(|endpoint| endpoint.node == **link.node_id());
        let port = self.options.port.filter(|port| *port != 0);
        let port = port.or(own.first().map(|endpoint| endpoint.address.port)).unwrap_or(0);
        let listener = listener::bind(self.options.bind_address, port)?;
        let port = listener.local_addr().map_err(Error::internal_error)?.port();
        let mesh = Arc::new(Mesh::new(link.clone(), self.options.clone(), port));
        if self.mesh.set(mesh.clone()).is_err() {
            return Err(Error::broker_options("TCP transporter: it is connected already; make a new one"));
        }
        tracing::info!("TCP transporter listens at port {port}");
        for endpoint in others {
            let node: Arc<str> = endpoint.node.into();
            link.cluster().sighted(&node, endpoint.address);
            mesh.contacts.add(node, Purpose::Introduce, Duration::ZERO);
        }
        mesh.spawn(listener::run(mesh.clone(), listener));
        mesh.spawn(rounds::run(mesh.clone()));
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
        Features { own_discovery: true, balancer: false }
    }

    fn port(&self) -> Option<u16> {
        self.mesh.get().map(|mesh| mesh.port)
    }

    fn connect(self: Arc<Self>, link: Arc<dyn Link>) -> BoxFuture<Result<()>> {
        Box::pin(async move { self.start(link) })
    }

    fn send(&self, packet: Outbound) -> Sending {
        let Some(mesh) = self.mesh.get() else { return Sending::Done(Err(fault::closed())) };
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
