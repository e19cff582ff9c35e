//! A cluster of 1 000 nodes that offer 20 000 actions, seen by one of them: how long it takes to choose an endpoint,
//! to take a joining node in, and what the node costs while nothing happens.
//!
//! 500 services have 40 actions each and two instances; one more action is on every node.

use std::{hint::black_box, sync::Arc, time::Duration, time::Instant};

use bytes::Bytes;
use ligand::{
    Map, Payload, ServiceBroker, config::Serializer, json, registry::Registry, transport::MemoryBus,
};
use ligand_bench::{
    Failure,
    measure::{median, sequential},
    report::{Row, Target},
};
use ligand_wire::{
    codec::{self, Envelope},
    packet::{ClientInfo, Heartbeat, NodeInfo, Packet, PacketKind, ServiceInfo},
    payload::Format,
    topic::Topic,
};
use tokio::time::MissedTickBehavior;

use crate::{
    nodes,
    plan::Plan,
    process,
    role::{self, Role},
    servers,
};

const NODES: usize = 1000;
const SERVICES: usize = 500;
const ACTIONS: usize = 40;

/// The default of both frameworks.
const HEARTBEAT: Duration = Duration::from_secs(10);

const NAMESPACE: &str = "bench";

/// The longest time in which something becomes known.
const PATIENCE: Duration = Duration::from_secs(120);

/// How many other nodes join, one after the other.
const JOINS: usize = 101;

fn node_name(number: usize) -> String {
    format!("node-{number}")
}

fn service(name: String, actions: impl Iterator<Item = String>) -> ServiceInfo {
    let definitions = actions.map(|action| {
        let full_name = format!("{name}.{action}");
        let definition = json!({ "name": full_name, "rawName": action, "cache": false });
        (full_name, definition)
    });
    ServiceInfo {
        actions: definitions.collect(),
        full_name: Some(name.clone()),
        name,
        settings: json!({}),
        metadata: json!({}),
        ..ServiceInfo::default()
    }
}

/// What node `number` says of itself.
fn info(number: usize) -> Packet<'static> {
    let own = service(
        format!("service{}", number % SERVICES),
        (0..ACTIONS).map(|number| format!("action{number}")),
    );
    let every = service("every".into(), std::iter::once("ping".into()));
    let client =
        ClientInfo { kind: "nodejs".into(), version: "0.15.2".into(), lang_version: "22.0.0".into() };
    Packet::Info(Box::new(NodeInfo {
        services: vec![own, every],
        ip_list: vec!["127.0.0.1".into()],
        hostname: "bench".into(),
        client,
        instance_id: format!("instance-{number}"),
        metadata: Map::new(),
        seq: 1,
        ..NodeInfo::default()
    }))
}

fn bytes(packet: &Packet<'_>, sender: &str) -> Result<Bytes, Failure> {
    let mut out = Vec::new();
    codec::encode(packet, Envelope { ver: "5", sender }, Format::Json, &mut out)
        .map_err(ligand::Error::into_std)?;
    Ok(out.into())
}

/// Waits until the registry has what `there` looks for.
async fn until(registry: &Registry, there: impl Fn(&Registry) -> bool) -> Result<(), Failure> {
    let mut changes = registry.changes();
    let seen = async {
        while !there(registry) {
            changes.changed().await?;
        }
        Ok(())
    };
    tokio::time::timeout(PATIENCE, seen).await.map_err(|_| "the nodes did not become known")?
}

fn known(registry: &Registry) -> usize {
    registry.snapshot().nodes().count()
}

/// Measures all of it.
pub(crate) async fn measure(plan: &Plan, rows: &mut Vec<Row>) -> Result<(), Failure> {
    let bus = MemoryBus::new();
    let options = |options: &mut ligand::config::Options| options.namespace = NAMESPACE.into();
    let builder = ServiceBroker::builder().node_id("me").options(options);
    let broker = builder.transporter(bus.transporter()).start().await.map_err(ligand::Error::into_std)?;
    let registry = broker.registry();
    for number in 0..NODES {
        publish(&bus, &info(number), &node_name(number))?;
        // The queue of the bus is short.
        if number % 100 == 99 {
            until(registry, |registry| known(registry) == number + 1).await?;
        }
    }
    let actions = registry.snapshot().endpoints().filter(|endpoint| endpoint.node().is_some()).count();
    if actions != SERVICES * ACTIONS + 1 {
        return Err(format!("{actions} actions became known").into());
    }

    let at_most = |most| Target { at_most: Some(most), ..Target::default() };
    for (name, action) in [
        ("registry, pick one of 2 endpoints", "service7.action7"),
        ("registry, pick one of 1000 endpoints", "every.ping"),
    ] {
        let params = Payload::default();
        let timing = sequential(plan.time, || {
            black_box(registry.pick(black_box(action), &params));
            std::future::ready(())
        })
        .await;
        rows.push(Row::less(name, "ns", timing.median_ns, None, at_most(150.0)));
    }
    let joined = join(&bus, registry).await?;
    rows.push(Row::less("registry, a joining node known after", "ms", joined, None, at_most(2.0)));
    broker.stop().await;

    let idle = idle(plan).await?;
    rows.push(Row::less("registry, an idle node over nats", "% of a core", idle, None, at_most(2.0)));
    Ok(())
}

fn publish(bus: &MemoryBus, packet: &Packet<'_>, sender: &str) -> Result<(), Failure> {
    bus.publish(NAMESPACE, &Topic::all(packet.kind()), &bytes(packet, sender)?);
    Ok(())
}

/// From an INFO on the bus to the node in the registry, in milliseconds; the nodes leave again.
async fn join(bus: &MemoryBus, registry: &Registry) -> Result<f64, Failure> {
    let mut times = Vec::new();
    for number in NODES..NODES + JOINS {
        let name = node_name(number);
        let body = bytes(&info(number), &name)?;
        let start = Instant::now();
        bus.publish(NAMESPACE, &Topic::all(PacketKind::Info), &body);
        until(registry, |registry| registry.snapshot().node(&name).is_some()).await?;
        times.push(start.elapsed().as_secs_f64() * 1000.0);
        publish(bus, &Packet::Disconnect, &name)?;
        until(registry, |registry| registry.snapshot().node(&name).is_none()).await?;
    }
    Ok(median(&mut times))
}

/// Processor time of a node, in a process of its own, that hears the heartbeats of all others; in percent.
async fn idle(plan: &Plan) -> Result<f64, Failure> {
    let bus = servers::start("nats").await?;
    let client = async_nats::connect(&bus.url).await?;
    let mut member = Role::start("member", &bus.url, &[]).await?;
    let prefix = Topic::prefix(NAMESPACE);
    let subject = |kind| Topic::all(kind).name(&prefix);
    for number in 0..NODES {
        client.publish(subject(PacketKind::Info), bytes(&info(number), &node_name(number))?).await?;
    }
    client.flush().await?;
    let hearts = tokio::spawn(beat(client, subject(PacketKind::Heartbeat)));
    let watched = async {
        // It answers when it knows all of them.
        member.go(PATIENCE).await?;
        // What their coming has caused ends.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let (start, before) = (Instant::now(), process::cpu_seconds(member.pid()?)?);
        tokio::time::sleep(plan.idle).await;
        let used = process::cpu_seconds(member.pid()?)? - before;
        Ok(used / start.elapsed().as_secs_f64() * 100.0)
    }
    .await;
    hearts.abort();
    member.end().await;
    watched
}

/// The heartbeats of all nodes, evenly spread.
async fn beat(client: async_nats::Client, subject: String) -> Result<(), Failure> {
    let subject: Arc<str> = subject.into();
    let nodes = u32::try_from(NODES)?;
    let mut clock = tokio::time::interval(HEARTBEAT / nodes);
    clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for number in (0..NODES).cycle() {
        clock.tick().await;
        let packet = Packet::Heartbeat(Heartbeat { cpu: Some(10.0), ..Heartbeat::default() });
        client.publish(subject.to_string(), bytes(&packet, &node_name(number))?).await?;
    }
    Ok(())
}

/// The process of the idle node: says when it knows the whole cluster.
pub(crate) async fn member(bus: &str) -> Result<(), Failure> {
    let broker = nodes::node(bus, "me", Serializer::Json).await?;
    role::until_go().await?;
    until(broker.registry(), |registry| known(registry) == NODES).await?;
    println!("{{}}");
    role::until_closed().await;
    broker.stop().await;
    Ok(())
}
