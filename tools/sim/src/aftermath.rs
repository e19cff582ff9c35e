//! What must be true when nothing goes wrong any more.

use std::{collections::BTreeMap, time::Duration};

use ligand_core::ServiceBroker;
use serde_json::{Value, json};

use crate::cluster::Cluster;

type Picture = BTreeMap<String, Vec<String>>;

/// The services of a node as it knows them itself.
fn own(broker: &ServiceBroker) -> Vec<String> {
    let snapshot = broker.registry().snapshot();
    let mut names: Vec<_> = snapshot.services().iter().map(|item| item.full_name().to_string()).collect();
    names.sort();
    names
}

/// The services of all nodes as one of them knows them.
fn picture(broker: &ServiceBroker) -> Picture {
    let mut picture = Picture::from([(broker.node_id().to_owned(), own(broker))]);
    for node in broker.registry().nodes().iter().filter(|node| node.is_available()) {
        let info = node.info();
        let name = |service: &ligand_wire::packet::ServiceInfo| {
            service.full_name.clone().unwrap_or_else(|| service.name.clone())
        };
        let mut names: Vec<_> = info.services.iter().map(name).collect();
        names.sort();
        picture.insert(node.id().to_string(), names);
    }
    picture
}

/// All nodes know the same, and that is the truth.
pub(crate) fn registries(cluster: &Cluster) {
    let brokers = cluster.brokers();
    cluster.record.check(brokers.len() == cluster.len(), || {
        format!("{} of {} nodes run at the end", brokers.len(), cluster.len())
    });
    let truth: Picture = brokers.iter().map(|broker| (broker.node_id().to_owned(), own(broker))).collect();
    for broker in &brokers {
        let picture = picture(broker);
        cluster.record.check(picture == truth, || {
            let wrong: Vec<_> = truth
                .keys()
                .chain(picture.keys())
                .filter(|id| truth.get(*id) != picture.get(*id))
                .map(|id| format!("{id}: {:?}", picture.get(id)))
                .collect();
            format!("{} does not know the truth of {wrong:?}", broker.node_id())
        });
    }
}

/// Every service answers every node, and each event reaches each group once.
pub(crate) async fn everything_works(cluster: &Cluster) {
    for broker in cluster.brokers() {
        for index in 0..cluster.len() {
            let result = broker.call_named(format!("solo{index}.ami"), json!(null)).await;
            if let Err(error) = result {
                let from = broker.node_id();
                cluster.record.violated(&format!("{from} cannot call solo{index} afterwards: {error:#}"));
            }
        }
        for _ in 0..3 {
            let id = cluster.record.next_id();
            let call = broker.call_named("echo.say", json!({ "id": id, "value": id }));
            match call.await.and_then(|payload| payload.take::<Value>()) {
                Ok(answer) if answer["value"] == id => {}
                other => cluster.record.violated(&format!("echo does not work afterwards: {other:?}")),
            }
        }
        let id = cluster.record.next_id();
        let _ = broker.emit_named("tick.one", json!({ "id": id })).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
        for group in ["mail", "audit"] {
            let times = cluster.record.heard(group, id);
            cluster.record.check(times == 1, || {
                format!("group {group} heard an event of {} {times} times afterwards", broker.node_id())
            });
        }
    }
}

/// Streams whose packets were lost are given up after 30 seconds, and looked for every ten.
const PATIENCE: Duration = Duration::from_secs(45);

fn is_idle(broker: &ServiceBroker) -> bool {
    broker.in_flight().unwrap_or_default() == Default::default() && broker.tasks().running() == 0
}

/// Nothing waits and nothing runs.
pub(crate) async fn nothing_is_left(cluster: &Cluster) {
    let idle = async {
        while !cluster.brokers().iter().all(is_idle) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let _ = tokio::time::timeout(PATIENCE, idle).await;
    for broker in cluster.brokers() {
        let (left, running) = (broker.in_flight().unwrap_or_default(), broker.tasks().running());
        cluster.record.check(left == Default::default() && running == 0, || {
            format!("{} has {left:?} and {running} tasks when nothing goes on", broker.node_id())
        });
        let traffic = broker.traffic().unwrap_or_default();
        cluster.record.note(&format!(
            "{} sent {} and got {} packets, {} refused",
            broker.node_id(),
            traffic.packets_sent,
            traffic.packets_received,
            traffic.packets_refused
        ));
        cluster.record.check(traffic.packets_refused == 0, || {
            format!("{} refused {} packets of its own kind", broker.node_id(), traffic.packets_refused)
        });
    }
}
