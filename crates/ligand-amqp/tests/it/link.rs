//! Nodes of tests, and a link whose requests end when the test says so.

use std::sync::Arc;

use bytes::Bytes;
use ligand_amqp::{AmqpOptions, AmqpTransporter};
use ligand_transport::{
    BoxFuture, Cluster, Link, Outbound, Tasks, Ticket, Transporter,
    contract::{PATIENCE, TestLink},
};
use ligand_wire::{
    Error, Result,
    packet::{Packet, PacketKind, Received},
    topic::Topic,
};
use tokio::{sync::Semaphore, time::timeout};

pub(crate) struct Node {
    pub(crate) amqp: Arc<AmqpTransporter>,
    pub(crate) link: Arc<TestLink>,
    /// Each permit ends one request.
    pub(crate) ends: Arc<Semaphore>,
}

impl Node {
    /// With default options; its requests end at once.
    pub(crate) async fn start(port: u16, vhost: &str, id: &str) -> Self {
        Self::with(port, vhost, id, |_| {}, Semaphore::MAX_PERMITS).await
    }

    /// With options of its own, and this many requests that end.
    pub(crate) async fn with(
        port: u16,
        vhost: &str,
        id: &str,
        change: impl FnOnce(&mut AmqpOptions),
        ends: usize,
    ) -> Self {
        let mut options = AmqpOptions::from_url(format!("amqp://127.0.0.1:{port}/{vhost}"));
        change(&mut options);
        let node = Self {
            amqp: Arc::new(AmqpTransporter::new(options)),
            link: TestLink::new(id, ""),
            ends: Arc::new(Semaphore::new(ends)),
        };
        let link = Arc::new(Holding { link: node.link.clone(), ends: node.ends.clone() });
        timeout(PATIENCE, node.amqp.clone().connect(link)).await.unwrap().unwrap();
        node
    }

    pub(crate) async fn send(
        &self,
        kind: PacketKind,
        to: &str,
        body: &str,
        ticket: Option<Ticket>,
    ) -> Result<()> {
        let topic = Topic::node(kind, to.into());
        self.amqp.send(Outbound { topic, body: body.to_owned().into(), ticket }).await
    }

    /// Bodies of the packets that come, until there are `count`.
    pub(crate) async fn bodies(&self, count: usize) -> Vec<Bytes> {
        let mut bodies = Vec::new();
        while bodies.len() < count {
            let packet = self.link.next_packet(PATIENCE).await;
            bodies.push(packet.unwrap_or_else(|| panic!("no more than {bodies:?} came")).1);
        }
        bodies
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.link.tasks().abort();
    }
}

struct Holding {
    link: Arc<TestLink>,
    ends: Arc<Semaphore>,
}

impl Link for Holding {
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

    fn receive_tracked(&self, kind: PacketKind, body: Bytes) -> BoxFuture<()> {
        self.link.receive(kind, body);
        let ends = self.ends.clone();
        Box::pin(async move {
            if let Ok(permit) = ends.acquire().await {
                permit.forget();
            }
        })
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
        self.link.encode(packet, to)
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
