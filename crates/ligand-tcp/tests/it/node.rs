//! A node: the transporter, and what a broker would be.

use std::{future::Future, sync::Arc, time::Duration};

use bytes::Bytes;
use ligand_tcp::{TcpOptions, TcpTransporter, Urls};
use ligand_transport::{BoxFuture, Cluster, Link, Outbound, Sending, Tasks, Ticket, Transporter};
use ligand_wire::{
    Error, Result, codec,
    packet::{Packet, PacketKind, Received},
    payload::Format,
    topic::Topic,
};
use parking_lot::Mutex;
use tokio::{sync::watch, time::timeout};

use crate::cluster::Known;

/// A test that waits longer has failed.
pub const LONG: Duration = Duration::from_secs(20);

pub struct Broker {
    id: Arc<str>,
    namespace: String,
    instance: String,
    ver: &'static str,
    tasks: Tasks,
    pub cluster: Known,
    pub received: Mutex<Vec<(PacketKind, Bytes)>>,
    pub undelivered: Mutex<Vec<u64>>,
}

impl Broker {
    fn changed(&self) {
        self.cluster.changes.send_modify(|count| *count += 1);
    }
}

impl Link for Broker {
    fn node_id(&self) -> &Arc<str> {
        &self.id
    }

    fn namespace(&self) -> &str {
        &self.namespace
    }

    fn instance_id(&self) -> &str {
        &self.instance
    }

    fn receive(&self, kind: PacketKind, body: Bytes) {
        self.received.lock().push((kind, body));
        self.changed();
    }

    fn receive_tracked(&self, kind: PacketKind, body: Bytes) -> BoxFuture<()> {
        self.receive(kind, body);
        Box::pin(std::future::ready(()))
    }

    fn connected(&self) {
        self.changed();
    }

    fn disconnected(&self, reason: &Error) {
        panic!("{reason}");
    }

    fn undelivered(&self, ticket: Ticket) {
        self.undelivered.lock().push(ticket.0);
        self.changed();
    }

    fn encode(&self, packet: &Packet<'_>, _: Option<&str>) -> Result<Bytes> {
        let mut out = Vec::new();
        let envelope = codec::Envelope { ver: self.ver, sender: &self.id };
        codec::encode(packet, envelope, Format::Json, &mut out)?;
        Ok(out.into())
    }

    fn decode<'a>(&self, kind: PacketKind, body: &'a mut Bytes) -> Result<Received<'a>> {
        codec::decode(kind, Format::Json, body)
    }

    fn cluster(&self) -> &dyn Cluster {
        &self.cluster
    }

    fn tasks(&self) -> &Tasks {
        &self.tasks
    }
}

pub struct Node {
    pub broker: Arc<Broker>,
    pub transporter: Arc<TcpTransporter>,
}

/// Without UDP, at the loopback address.
pub fn quiet() -> TcpOptions {
    TcpOptions { udp_discovery: false, bind_address: Some([127, 0, 0, 1].into()), ..TcpOptions::default() }
}

impl Node {
    pub fn new(id: &str, namespace: &str, options: TcpOptions) -> Self {
        let instance = format!("{id}-{}", fastrand::u64(..));
        let broker = Broker {
            id: id.into(),
            namespace: namespace.into(),
            cluster: Known::new(&instance),
            instance,
            ver: "5",
            tasks: Tasks::default(),
            received: Mutex::default(),
            undelivered: Mutex::default(),
        };
        Self { broker: Arc::new(broker), transporter: Arc::new(TcpTransporter::new(options)) }
    }

    /// With another protocol version.
    pub fn speaks(mut self, ver: &'static str) -> Self {
        Arc::get_mut(&mut self.broker).unwrap().ver = ver;
        self
    }

    pub async fn connect(self) -> Self {
        self.transporter.clone().connect(self.broker.clone()).await.unwrap();
        self
    }

    /// A started node that knows the others.
    pub async fn start(id: &str, others: &[&Self]) -> Self {
        Self::start_with(id, others, quiet()).await
    }

    pub async fn start_with(id: &str, others: &[&Self], options: TcpOptions) -> Self {
        let urls = others.iter().map(|other| other.url()).collect();
        Self::new(id, "", TcpOptions { url: Urls::List(urls), ..options }).connect().await
    }

    pub fn id(&self) -> &Arc<str> {
        &self.broker.id
    }

    pub fn port(&self) -> u16 {
        self.transporter.port().unwrap()
    }

    pub fn url(&self) -> String {
        format!("127.0.0.1:{}/{}", self.port(), self.id())
    }

    /// Waits until it is as it should be.
    pub async fn until(&self, what: &str, is: impl Fn(&Broker) -> bool) {
        let mut changes: watch::Receiver<u64> = self.broker.cluster.changes.subscribe();
        let wait = async {
            while !is(&self.broker) {
                changes.changed().await.unwrap();
            }
        };
        if timeout(LONG, wait).await.is_err() {
            panic!(
                "{}: not {what}; {:?}; {:?}",
                self.id(),
                self.broker.cluster.view(),
                self.broker.cluster.log()
            );
        }
    }

    pub async fn sees(&self, view: &[&str]) {
        self.until(&format!("{view:?}"), |broker| broker.cluster.view() == view).await;
    }

    pub fn send(&self, to: &str, kind: PacketKind, body: impl Into<Bytes>) -> Sending {
        self.send_ticket(to, kind, body, None)
    }

    pub fn send_ticket(
        &self,
        to: &str,
        kind: PacketKind,
        body: impl Into<Bytes>,
        ticket: Option<u64>,
    ) -> Sending {
        let topic = Topic::node(kind, to.into());
        self.transporter.send(Outbound { topic, body: body.into(), ticket: ticket.map(Ticket) })
    }

    /// It thinks that another node, which was sighted, is there, and talks to it until it is.
    pub async fn imagine_and_ask(&self, id: &str) {
        self.broker.cluster.imagine(id, 0, true);
        soon(self.send(id, PacketKind::Event, "who are you?")).await.unwrap();
        self.until("its life", |broker| {
            broker.cluster.peer(id).is_some_and(|peer| !peer.info.instance_id.is_empty())
        })
        .await;
    }

    pub async fn stop(&self) {
        soon(self.transporter.disconnect()).await;
        self.broker.tasks.abort();
    }

    /// Ends without a farewell, as if the process was killed.
    pub fn kill(&self) {
        self.broker.tasks.abort();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Two nodes that know each other.
pub async fn pair() -> (Node, Node) {
    let a = Node::start("a", &[]).await;
    let b = Node::start("b", &[&a]).await;
    a.sees(&["b:"]).await;
    b.sees(&["a:"]).await;
    (a, b)
}

pub async fn soon<T>(work: impl Future<Output = T>) -> T {
    timeout(LONG, work).await.expect("it takes too long")
}
