//! Two nodes whose connections are cut for a moment, in both directions: each is reached only through a way of its own.

use std::{net::IpAddr, sync::Arc};

use bytes::Bytes;
use ligand_tcp::{TcpOptions, TcpTransporter, Urls};
use ligand_test::outages::{Network, Ways};
use ligand_transport::{BoxFuture, Cluster, Features, Link, Outbound, Sending, Tasks, Ticket, Transporter};
use ligand_wire::{
    Error, Result,
    packet::{Packet, PacketKind, Received},
};

use crate::node::quiet;

#[derive(Default)]
struct Mesh(Ways);

impl Network for Mesh {
    async fn start() -> Self {
        Self::default()
    }

    async fn join(&self, node: &str) -> impl Transporter {
        let free = ligand_servers::free_port();
        let others = self.0.all().into_iter().filter(|(other, _)| other != node);
        let urls = others.map(|(other, port)| format!("127.0.0.1:{port}/{other}")).collect();
        let told = self.0.open(node, free).await;
        let options = TcpOptions { port: Some(free), url: Urls::List(urls), ..quiet() };
        Behind { tcp: Arc::new(TcpTransporter::new(options)), told }
    }

    fn ways(&self) -> &Ways {
        &self.0
    }

    fn is_told(&self) -> bool {
        false
    }

    /// A node dials others through their ways.
    async fn cut(&self, _: &str) {
        for (node, _) in self.0.all() {
            self.0.cut(&node).await;
        }
    }

    async fn heal(&self, _: &str) {
        for (node, _) in self.0.all() {
            self.0.heal(&node).await;
        }
    }
}

/// Tells others another port than that at which it listens.
struct Behind {
    tcp: Arc<TcpTransporter>,
    told: u16,
}

impl Transporter for Behind {
    fn name(&self) -> &'static str {
        self.tcp.name()
    }

    fn features(&self) -> Features {
        self.tcp.features()
    }

    fn largest(&self) -> Option<usize> {
        self.tcp.largest()
    }

    fn port(&self) -> Option<u16> {
        Some(self.told)
    }

    fn address(&self) -> Option<IpAddr> {
        self.tcp.address()
    }

    fn connect(self: Arc<Self>, link: Arc<dyn Link>) -> BoxFuture<Result<()>> {
        self.tcp.clone().connect(Arc::new(Told { link, port: self.told }))
    }

    fn send(&self, packet: Outbound) -> Sending {
        self.tcp.send(packet)
    }

    fn flush(&self) -> BoxFuture<Result<()>> {
        self.tcp.flush()
    }

    fn disconnect(&self) -> BoxFuture<()> {
        self.tcp.disconnect()
    }
}

struct Told {
    link: Arc<dyn Link>,
    port: u16,
}

impl Link for Told {
    fn node_id(&self) -> &Arc<str> {
        self.link.node_id()
    }

    fn namespace(&self) -> &str {
        self.link.namespace()
    }

    fn instance_id(&self) -> &str {
        self.link.instance_id()
    }

    fn receive(&self, kind: PacketKind, body: Bytes) {
        self.link.receive(kind, body);
    }

    fn receive_from(&self, node: &str, kind: PacketKind, body: Bytes) {
        self.link.receive_from(node, kind, body);
    }

    fn receive_tracked(&self, kind: PacketKind, body: Bytes) -> BoxFuture<()> {
        self.link.receive_tracked(kind, body)
    }

    fn connected(&self) {
        self.link.connected();
    }

    fn disconnected(&self, reason: &Error) {
        self.link.disconnected(reason);
    }

    fn undelivered(&self, ticket: Ticket) {
        self.link.undelivered(ticket);
    }

    fn encode(&self, packet: &Packet<'_>, to: Option<&str>) -> Result<Bytes> {
        let mut packet = packet.clone();
        match &mut packet {
            Packet::GossipHello(hello) => hello.port = self.port,
            Packet::GossipResponse(reply) => {
                if let Some(info) = reply.online.get_mut(&**self.node_id()).and_then(|row| row.info.as_mut())
                {
                    info.port = Some(self.port);
                }
            }
            _ => {}
        }
        self.link.encode(&packet, to)
    }

    fn decode<'a>(&self, kind: PacketKind, body: &'a mut Bytes) -> Result<Received<'a>> {
        self.link.decode(kind, body)
    }

    fn cluster(&self) -> &dyn Cluster {
        self.link.cluster()
    }

    fn tasks(&self) -> &Tasks {
        self.link.tasks()
    }
}

ligand_test::outage_tests!(Mesh);
