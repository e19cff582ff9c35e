//! Names, users, several servers, sizes.

use std::{sync::Arc, time::Duration};

use ligand_mqtt::{MqttOptions, MqttTransporter};
use ligand_transport::{
    Outbound, Transporter,
    contract::{PATIENCE, TestLink},
};
use ligand_wire::{packet::PacketKind, topic::Topic};

use ligand_servers::free_port;

use crate::server::Mosquitto;

async fn connected(options: MqttOptions, id: &str) -> (Arc<MqttTransporter>, Arc<TestLink>) {
    let (mqtt, link) = (Arc::new(MqttTransporter::new(options)), TestLink::new(id, ""));
    tokio::time::timeout(PATIENCE, mqtt.clone().connect(link.clone())).await.unwrap().unwrap();
    (mqtt, link)
}

fn to(node: &str, body: Vec<u8>) -> Outbound {
    Outbound { topic: Topic::node(PacketKind::Request, node.into()), body: body.into(), ticket: None }
}

fn at(url: &str) -> MqttOptions {
    MqttOptions::from_url(url)
}

#[tokio::test]
async fn names_that_mean_something_in_topics_are_refused() {
    for (id, namespace, separator) in
        [("a+b", "", "."), ("a#", "", "."), ("a/b", "", "/"), ("a", "x#", "."), ("a", "x/y", "/")]
    {
        let mut options = at("mqtt://127.0.0.1:1");
        options.topic_separator = separator.into();
        let mqtt = Arc::new(MqttTransporter::new(options));
        let connecting = mqtt.connect(TestLink::new(id, namespace));
        let result = tokio::time::timeout(PATIENCE, connecting).await.unwrap();
        assert_eq!(result.unwrap_err().kind(), "BROKER_OPTIONS_ERROR");
    }
    let server = Mosquitto::start().await;
    let (mqtt, link) = connected(at(&server.url()), "here").await;
    let error = mqtt.send(to("there/#", Vec::new())).await.unwrap_err();
    assert_eq!(error.kind(), "INVALID_TOPIC");
    mqtt.flush().await.unwrap();
    assert!(link.losses().is_empty());
}

#[tokio::test]
async fn a_slash_in_a_name_is_fine_with_the_default_separator() {
    let server = Mosquitto::start().await;
    let (mqtt, link) = connected(at(&server.url()), "a/b").await;
    mqtt.send(to("a/b", b"x".to_vec())).await.unwrap();
    assert!(link.next_packet(PATIENCE).await.is_some());
}

#[tokio::test]
async fn users_and_the_next_server() {
    let files = tempfile::TempDir::new().unwrap();
    let passwords = files.path().join("passwords");
    // `node` with the password `p:w`, as mosquitto_passwd writes it.
    let mut tool = std::process::Command::new("mosquitto_passwd");
    let made = tool.arg("-b").arg("-c").arg(&passwords).args(["node", "p:w"]).status().unwrap();
    assert!(made.success());
    let server = Mosquitto::prepared(files, "allow_anonymous false\npassword_file {dir}/passwords").await;
    let url = format!("mqtt://127.0.0.1:{}, mqtt://node:p%3Aw@127.0.0.1:{}", free_port(), server.port());
    connected(at(&url), "here").await;
    let mut options = at(&server.url());
    options.username = Some("node".into());
    options.password = Some("p:w".into());
    connected(options.clone(), "here").await;

    options.password = Some("other".into());
    let (mqtt, link) = (Arc::new(MqttTransporter::new(options)), TestLink::new("here", ""));
    let connecting = tokio::time::timeout(PATIENCE, mqtt.connect(link.clone()));
    let error = connecting.await.expect("it does not wait").unwrap_err();
    assert_eq!(error.kind(), "BROKER_OPTIONS_ERROR");
    let cause = format!("MQTT server 127.0.0.1:{} refuses this node: wrong user or password", server.port());
    assert!(error.message().starts_with(&cause), "{error}");
    assert_eq!(link.connections(), 0);
}

#[tokio::test]
async fn too_large_packets_are_skipped_or_refused() {
    let server = Mosquitto::with("allow_anonymous true\nmax_packet_size 100000").await;
    let mut options = at(&server.url());
    options.protocol = ligand_mqtt::Protocol::V3;
    options.max_packet_size = 50_000;
    let (_here, link) = connected(options, "here").await;
    let (mqtt, _link) = connected(at(&server.url()), "there").await;
    mqtt.send(to("here", vec![1; 60_000])).await.unwrap();
    mqtt.send(to("here", vec![2; 40_000])).await.unwrap();
    let (_, body) = link.next_packet(PATIENCE).await.unwrap();
    assert_eq!((body[0], body.len()), (2, 40_000));
    assert!(link.losses().is_empty());
    let error = mqtt.send(to("here", vec![1; 100_000])).await.unwrap_err();
    assert_eq!(error.kind(), "PACKET_TOO_LARGE");
    mqtt.flush().await.unwrap();
}

#[tokio::test]
async fn a_silent_server_is_lost() {
    let server = Mosquitto::start().await;
    let mut options = at(&server.url());
    options.keep_alive = Duration::from_secs(1);
    let (mqtt, link) = connected(options, "here").await;
    // It lives while nothing happens.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(link.losses().is_empty());
    server.signal("STOP").unwrap();
    assert!(link.wait_losses(1, Duration::from_secs(3)).await);
    mqtt.disconnect().await;
}

#[tokio::test]
async fn many_large_packets_wait_for_room() {
    let server = Mosquitto::start().await;
    let (_here, link) = connected(at(&server.url()), "here").await;
    let (mqtt, _link) = connected(at(&server.url()), "there").await;
    let sending = async {
        for number in 0..100u8 {
            mqtt.send(to("here", vec![number; 300_000])).await.unwrap();
        }
    };
    let receiving = async {
        for number in 0..100u8 {
            let (_, body) = link.next_packet(PATIENCE).await.unwrap();
            assert_eq!((body[0], body.len()), (number, 300_000));
        }
    };
    tokio::join!(sending, receiving);
}

/// Neither the server nor this side may hold small packets back.
#[tokio::test]
async fn requests_with_tickets_are_answered_at_once() {
    const COUNT: u32 = 50;
    let server = Mosquitto::start().await;
    let (here, here_link) = connected(at(&server.url()), "here").await;
    let (there, there_link) = connected(at(&server.url()), "there").await;
    let start = tokio::time::Instant::now();
    for number in 0..COUNT {
        let ticket = Some(ligand_transport::Ticket(number.into()));
        here.send(Outbound { ticket, ..to("there", b"ask".to_vec()) }).await.unwrap();
        there_link.next_packet(PATIENCE).await.unwrap();
        there.send(to("here", b"answer".to_vec())).await.unwrap();
        here_link.next_packet(PATIENCE).await.unwrap();
    }
    assert!(start.elapsed() < COUNT * Duration::from_millis(20), "{:?}", start.elapsed());
}
