//! Many nodes in one process: each has a connection of its own, tells what it is and answers who asks, but does not
//! look at the others.

use std::{sync::Arc, time::Duration};

use ligand::{
    Map, Result, Value, json,
    transport::{Cluster as _, Link as _, Outbound, Transporter, contract::TestLink},
};
use ligand_wire::{
    packet::{ClientInfo, Heartbeat, NodeInfo, Packet, PacketKind, ServiceInfo},
    topic::Topic,
};
use tokio::time::{Instant, sleep_until};

use super::{Commands, Setup, say};

/// Longest wait for the next packet; then the node looks again.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn run(setup: &Setup) -> Result<()> {
    let mut commands = Commands::new()?;
    say(&json!({ "ready": setup.node }));
    let start = Instant::now();
    let mut ghosts = Vec::new();
    for number in 0..setup.count {
        let late = setup.within * number as u64 / setup.count.max(1) as u64;
        let transporter = transporter(setup)?;
        ghosts.push(transporter.clone());
        let (name, namespace) = (format!("{}-{number}", setup.node), setup.namespace.clone());
        tokio::spawn(async move {
            sleep_until(start + Duration::from_millis(late)).await;
            if let Err(error) = haunt(&name, &namespace, transporter).await {
                tracing::error!(node = name, error = %format!("{error:#}"), "a node of the crowd did not join");
            }
        });
    }
    while commands.next().await.is_some_and(|command| command["do"] != "stop") {}
    let ends = ghosts.iter().map(|ghost| ghost.disconnect());
    futures_util::future::join_all(ends).await;
    Ok(())
}

/// Joins, then answers whoever asks what the node is.
async fn haunt(name: &str, namespace: &str, transporter: Arc<dyn Transporter>) -> Result<()> {
    let link = TestLink::new(name, namespace);
    link.test_cluster().change(describe);
    transporter.clone().connect(link.clone()).await?;
    if transporter.features().own_discovery {
        std::future::pending::<()>().await;
    }
    let send = |packet: &Packet<'_>, topic: Topic| -> Result<_> {
        let body = link.encode(packet, None)?;
        Ok(transporter.send(Outbound { topic, body, ticket: None }))
    };
    let info = || Packet::Info(Box::new(NodeInfo::clone(&link.test_cluster().local().info)));
    send(&info(), Topic::all(PacketKind::Info))?.await?;
    send(&Packet::Discover, Topic::all(PacketKind::Discover))?.await?;
    loop {
        let Some((kind, mut body)) = link.next_packet(PATIENCE).await else {
            send(&Packet::Heartbeat(Heartbeat::default()), Topic::all(PacketKind::Heartbeat))?.await?;
            continue;
        };
        if kind != PacketKind::Discover {
            continue;
        }
        let asking: Arc<str> = link.decode(kind, &mut body)?.sender.as_ref().into();
        // Among themselves they do not matter.
        if !asking.starts_with("ghost-") {
            send(&info(), Topic::node(PacketKind::Info, asking))?.await?;
        }
    }
}

fn describe(info: &mut NodeInfo) {
    let name = format!("haunt-{}", info.hostname);
    let mut actions = Map::new();
    actions.insert(format!("{name}.scare"), json!({ "name": format!("{name}.scare"), "rawName": "scare" }));
    info.services = vec![ServiceInfo {
        full_name: Some(name.clone()),
        name,
        settings: json!({}),
        metadata: json!({}),
        actions,
        ..ServiceInfo::default()
    }];
    info.client = ClientInfo { kind: "rust".into(), ..ClientInfo::default() };
    info.ip_list = vec!["127.0.0.1".into()];
}

fn transporter(setup: &Setup) -> Result<Arc<dyn Transporter>> {
    let component = setup.component()?;
    let mut options = component.options.clone();
    if let Some(url) = &component.url {
        options.insert("url".into(), url.as_str().into());
    }
    let options = Value::Object(options);
    Ok(match &*component.kind {
        "tcp" => Arc::new(ligand::tcp::TcpTransporter::new(serde_json::from_value(options)?)),
        "nats" => Arc::new(ligand::nats::NatsTransporter::new(serde_json::from_value(options)?)),
        "redis" => Arc::new(ligand::redis::RedisTransporter::new(serde_json::from_value(options)?)),
        "mqtt" => Arc::new(ligand::mqtt::MqttTransporter::new(serde_json::from_value(options)?)),
        _ => Arc::new(ligand::amqp::AmqpTransporter::new(serde_json::from_value(options)?)),
    })
}
