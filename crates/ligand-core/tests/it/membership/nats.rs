//! The same over NATS, with packets that somebody published by hand.

use ligand_core::{ServiceBroker, ServiceDef};
use ligand_servers::Kind;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};

use super::{SOON, info, until, who, works};

/// Ends when it is dropped.
struct Server(ligand_servers::Server);

impl Server {
    /// `None` when there is none and need not be.
    async fn start() -> Option<Self> {
        if Kind::Nats.is_skipped() {
            return None;
        }
        Some(Self(ligand_servers::Server::start(Kind::Nats).await.unwrap()))
    }

    async fn node(&self, id: &str, services: Vec<ServiceDef>) -> ServiceBroker {
        let transporter = ligand_nats::NatsTransporter::from_url(self.0.url());
        let mut builder = ServiceBroker::builder().node_id(id).transporter(transporter);
        for service in services {
            builder = builder.service(service);
        }
        builder.start().await.unwrap()
    }

    /// Publishes as a client that is no node would.
    async fn say(&self, subject: &str, packet: &Value) {
        let mut stream = BufReader::new(TcpStream::connect(("127.0.0.1", self.0.port())).await.unwrap());
        stream.read_line(&mut String::new()).await.unwrap();
        let body = packet.to_string();
        let text =
            format!("CONNECT {{\"verbose\":false}}\r\nPUB {subject} {}\r\n{body}\r\nPING\r\n", body.len());
        stream.write_all(text.as_bytes()).await.unwrap();
        stream.read_line(&mut String::new()).await.unwrap();
    }
}

#[tokio::test]
async fn one_forged_packet_ends_no_nodes_services() {
    let Some(server) = Server::start().await else { return };
    let a = server.node("a", vec![who()]).await;
    let b = server.node("b", vec![]).await;
    b.wait_for_services(&["who"], SOON).await.unwrap();
    let known = b.registry().node("a").unwrap();
    let life = known.info().instance_id.clone();
    for to in [".b", ""] {
        for packet in [
            info("a", &life, known.seq() + 1),
            info("a", &life, 1 << 30),
            info("a", &life, 1 << 53),
            info("a", &life, u64::MAX),
            info("a", "evil", 1),
            info("a", "evil", 1),
            info("a", "worse", 1),
        ] {
            let before = b.traffic().unwrap().packets_received;
            server.say(&format!("MOL.INFO{to}"), &packet).await;
            until("it came", || b.traffic().unwrap().packets_received > before).await;
            until("a is back", || {
                b.registry().snapshot().endpoints_of("who.ami").count() == 1
                    && known.info().hostname != "evil"
            })
            .await;
            works(&b).await;
        }
        server.say("MOL.DISCONNECT", &json!({ "ver": "5", "sender": "a" })).await;
        server.say("MOL.HEARTBEAT", &json!({ "ver": "5", "sender": "a", "cpu": 1e9, "seq": 99 })).await;
        works(&b).await;
        assert!(known.is_available());
    }
    a.add_service(ServiceDef::new("later")).await.unwrap();
    b.wait_for_services(&["later"], SOON).await.unwrap();
    a.stop().await;
    let a = server.node("a", vec![who(), ServiceDef::new("new")]).await;
    b.wait_for_services(&["new"], SOON).await.unwrap();
    works(&b).await;
    b.stop().await;
    a.stop().await;
}

#[tokio::test]
async fn invented_nodes_are_out_of_the_way_at_once() {
    let Some(server) = Server::start().await else { return };
    let a = server.node("a", vec![who()]).await;
    let b = server.node("b", vec![]).await;
    b.wait_for_services(&["who"], SOON).await.unwrap();
    for n in 0..50 {
        let mut info = info(&format!("x{n}"), "x", 1);
        info["services"] =
            json!([{ "name": "who", "fullName": "who", "actions": { "who.ami": { "name": "who.ami" } } }]);
        server.say("MOL.INFO", &info).await;
        // A call that was led there goes elsewhere.
        works(&b).await;
    }
    until("one node is there", || b.registry().snapshot().nodes().count() == 1).await;
    b.stop().await;
    a.stop().await;
}
