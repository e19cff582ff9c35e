//! The same over TCP, with packets that somebody wrote by hand.

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use ligand_core::{ServiceBroker, ServiceDef};
use ligand_tcp::{Broadcast, Secret, TcpOptions, TcpTransporter, Urls};
use ligand_transport::Transporter as _;
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use super::{SOON, until, who, works};

fn quiet(urls: &[&Started]) -> TcpOptions {
    let urls = urls.iter().map(|other| format!("127.0.0.1:{}/{}", other.port, other.broker.node_id()));
    TcpOptions {
        udp_discovery: false,
        bind_address: Some([127, 0, 0, 1].into()),
        url: Urls::List(urls.collect()),
        ..TcpOptions::default()
    }
}

fn secret(urls: &[&Started]) -> TcpOptions {
    TcpOptions { secret: Some(Secret::new("a secret of the cluster")), ..quiet(urls) }
}

struct Started {
    broker: ServiceBroker,
    port: u16,
}

async fn try_start(
    id: &str,
    options: TcpOptions,
    services: Vec<ServiceDef>,
) -> Result<Started, ligand_core::Error> {
    let line = Arc::new(TcpTransporter::new(options));
    let mut builder = ServiceBroker::builder().node_id(id).transporter(line.clone());
    for service in services {
        builder = builder.service(service);
    }
    let broker = builder.start().await?;
    Ok(Started { broker, port: line.port().unwrap() })
}

async fn start(id: &str, options: TcpOptions, services: Vec<ServiceDef>) -> Started {
    try_start(id, options, services).await.unwrap()
}

fn frame(number: u8, packet: &Value) -> Vec<u8> {
    let body = packet.to_string().into_bytes();
    let [a, b, c, d] = u32::try_from(body.len() + 6).unwrap().to_be_bytes();
    [vec![a ^ b ^ c ^ d ^ number, a, b, c, d, number], body].concat()
}

/// Somebody says hello in this name, and then something of gossip.
async fn say(to: &Started, sender: &str, life: &str, gossip: &[(u8, Value)]) {
    let mut stream = TcpStream::connect(("127.0.0.1", to.port)).await.unwrap();
    let identity = json!({ "instanceID": life, "to": "", "nonce": "n" });
    let hello = json!({ "host": "127.0.0.1", "port": 1, "ligand": identity, "ver": "5", "sender": sender });
    let mut bytes = frame(8, &hello);
    for (number, packet) in gossip {
        let mut packet = packet.clone();
        packet["ver"] = "5".into();
        packet["sender"] = sender.into();
        bytes.extend(frame(*number, &packet));
    }
    // It may be closed before all is written.
    let _ = stream.write_all(&bytes).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
}

#[tokio::test]
async fn one_packet_of_gossip_ends_no_nodes_services() {
    let a = start("a", quiet(&[]), vec![who()]).await;
    let b = start("b", quiet(&[&a]), vec![]).await;
    b.broker.wait_for_services(&["who"], SOON).await.unwrap();
    let known = b.broker.registry().node("a").unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    let now = u64::try_from(now).unwrap();
    for (sender, seq) in ["liar", "a"].into_iter().flat_map(|sender| {
        [1, now, now + 80_000_000, (1 << 53) - 1, 1 << 53, u64::MAX].map(|seq| (sender, seq))
    }) {
        let life = known.info().instance_id.clone();
        let seq = if seq == 1 { known.seq() + 1 } else { seq };
        let info = json!({
            "seq": seq, "instanceID": life, "services": [], "port": 1, "ipList": ["10.9.9.9"], "hostname": "evil",
            "config": { "ligand": {} },
        });
        let gossip = [
            (7, json!({ "online": { "a": [info, seq, 50] } })),
            (7, json!({ "offline": { "a": seq, "b": seq } })),
            (6, json!({ "online": { "a": [seq, seq, 1], "b": [seq, seq, 1] } })),
            (6, json!({ "offline": { "a": seq, "b": seq } })),
        ];
        say(&b, sender, if sender == "a" { &life } else { "x" }, &gossip).await;
        until(&format!("a is back from {seq}"), || {
            b.broker.registry().snapshot().endpoints_of("who.ami").count() == 1
                && known.info().hostname != "evil"
        })
        .await;
        works(&b.broker).await;
    }
    // What it says later is heard, and it may start anew.
    a.broker.add_service(ServiceDef::new("later")).await.unwrap();
    b.broker.wait_for_services(&["later"], SOON).await.unwrap();
    a.broker.stop().await;
    let a = start("a", quiet(&[&b]), vec![who(), ServiceDef::new("new")]).await;
    b.broker.wait_for_services(&["new"], SOON).await.unwrap();
    works(&b.broker).await;
    b.broker.stop().await;
    a.broker.stop().await;
}

#[tokio::test]
async fn a_taken_name_fails_the_start_when_a_common_node_is_known() {
    a_taken_name_fails_the_start(&quiet).await;
    a_taken_name_fails_the_start(&secret).await;
}

async fn a_taken_name_fails_the_start(options: &dyn Fn(&[&Started]) -> TcpOptions) {
    let a = start("a", options(&[]), vec![who()]).await;
    let b = start("b", options(&[&a]), vec![]).await;
    b.broker.wait_for_services(&["who"], SOON).await.unwrap();
    let life = b.broker.registry().node("a").unwrap().info().instance_id.clone();
    let error = try_start("a", options(&[&b]), vec![who()]).await.err().unwrap();
    for part in ["'a' is taken", &life, &a.port.to_string()] {
        assert!(error.message().contains(part), "{}", error.message());
    }
    works(&b.broker).await;
    assert_eq!(b.broker.registry().node("a").unwrap().info().instance_id, life);
    b.broker.stop().await;
    // When it has left, its name is free.
    a.broker.stop().await;
    let b = start("b", options(&[]), vec![]).await;
    let a = start("a", options(&[&b]), vec![who()]).await;
    b.broker.wait_for_services(&["who"], SOON).await.unwrap();
    for node in [b, a] {
        node.broker.stop().await;
    }
}

#[tokio::test]
async fn a_taken_name_fails_the_start_when_beacons_tell() {
    let port = std::net::UdpSocket::bind("0.0.0.0:0").unwrap().local_addr().unwrap().port();
    let beacons = || TcpOptions {
        udp_port: port,
        udp_broadcast: Broadcast::To(vec![Ipv4Addr::new(127, 255, 255, 255)]),
        ..TcpOptions::default()
    };
    let a = start("a", beacons(), vec![who()]).await;
    let error = try_start("a", beacons(), vec![]).await.err().unwrap();
    assert!(error.message().contains("'a' is taken"), "{}", error.message());
    a.broker.stop().await;
}

#[tokio::test]
async fn nodes_with_a_secret_keep_others_out() {
    let a = start("a", secret(&[]), vec![who()]).await;
    let b = start("b", secret(&[&a]), vec![]).await;
    let c = start("c", quiet(&[&a, &b]), vec![ServiceDef::new("evil")]).await;
    b.broker.wait_for_services(&["who"], SOON).await.unwrap();
    works(&b.broker).await;
    let error = b.broker.wait_for_services(&["evil"], SOON).await;
    assert!(error.is_err() && c.broker.registry().snapshot().nodes().count() == 0);
    for node in [c, b, a] {
        node.broker.stop().await;
    }
}

#[tokio::test]
async fn a_node_with_one_address_tells_it_in_its_info() {
    let a =
        start("a", TcpOptions { bind_address: Some([127, 0, 0, 1].into()), ..quiet(&[]) }, vec![who()]).await;
    let b = start("b", quiet(&[&a]), vec![]).await;
    b.broker.wait_for_services(&["who"], SOON).await.unwrap();
    let info = b.broker.registry().node("a").unwrap().info();
    assert_eq!((&*info.ip_list, info.port), (&["127.0.0.1".to_owned()][..], Some(a.port)));
    b.broker.stop().await;
    a.broker.stop().await;
}
