//! What nodes do all the time, and what must be true of each answer.

use std::time::Duration;

use ligand_core::{ServiceBroker, stream::Streaming};
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::Instant};

use crate::{cluster::Cluster, record::Record, services};

/// An answer may come this much after its deadline.
const TOLERANCE: Duration = Duration::from_millis(250);

/// A stream that does not move for so long counts as stalled.
const STALLED: Duration = Duration::from_secs(90);

/// Operations of one node, one after the other begun, until the cluster rests.
pub(crate) async fn run(cluster: Cluster, broker: ServiceBroker) {
    let mut operations = JoinSet::new();
    while cluster.is_busy() {
        tokio::time::sleep(Duration::from_millis(fastrand::u64(50..600))).await;
        while operations.try_join_next().is_some() {}
        if !cluster.is_busy() || broker.state() != ligand_core::broker::State::Started {
            break;
        }
        operations.spawn(operation(cluster.clone(), broker.clone()));
    }
    while operations.join_next().await.is_some() {}
}

/// Waits for the operations of a stopped node.
pub(crate) async fn ended(load: &mut JoinSet<()>, record: &Record) {
    let wait = async { while load.join_next().await.is_some() {} };
    if tokio::time::timeout(Duration::from_secs(120), wait).await.is_err() {
        record.violated("operations of a stopped node have not ended");
    }
}

async fn operation(cluster: Cluster, broker: ServiceBroker) {
    let open = cluster.record.open();
    match fastrand::u32(0..115) {
        0..60 => call(&cluster, &broker).await,
        100..107 => patient(&cluster, &broker).await,
        107..111 => abandoned(&cluster, &broker).await,
        111.. => refused(&cluster, &broker).await,
        60..66 => cancelled(&cluster, &broker).await,
        66..80 => event(&cluster, &broker, false).await,
        80..86 => event(&cluster, &broker, true).await,
        86..90 => solo(&cluster, &broker).await,
        90..95 => download(&cluster, &broker).await,
        _ => upload(&cluster, &broker).await,
    }
    drop(open);
}

/// A call that must come back with its own value, in time.
async fn call(cluster: &Cluster, broker: &ServiceBroker) {
    let record = &cluster.record;
    let id = record.next_id();
    let value = format!("{}-{id}-{}", broker.node_id(), fastrand::u64(..));
    let slow = fastrand::u32(0..10) == 0;
    let ms = if slow { fastrand::u64(0..3000) } else { 0 };
    let limit = match fastrand::u32(0..3) {
        0 => Duration::from_secs(10),
        _ => Duration::from_millis(fastrand::u64(100..6000)),
    };
    let request = broker.call_named("echo.say", json!({ "id": id, "value": value, "ms": ms })).timeout(limit);
    let start = Instant::now();
    let result = request.await.and_then(|payload| payload.take::<Value>());
    let took = start.elapsed();
    record.check(took <= limit + TOLERANCE, || format!("call {id} took {took:?}, its limit is {limit:?}"));
    match result {
        Ok(answer) => {
            record.check(answer["value"] == *value, || {
                format!("call {id} got the answer of another: {answer}")
            });
            record.check(record.runs(id) > 0, || format!("call {id} has an answer and did not run"));
            record.count("calls answered");
            record.note(&format!("call {id} answered by {}", answer["node"]));
        }
        Err(error) => {
            record.count("calls failed");
            record.note(&format!("call {id} failed: {} {}", error.kind(), error.name()));
        }
    }
}

/// A call without a time limit: it ends all the same.
async fn patient(cluster: &Cluster, broker: &ServiceBroker) {
    let record = &cluster.record;
    let id = record.next_id();
    let ms = fastrand::u64(0..3000);
    let request = broker.call_named("echo.say", json!({ "id": id, "value": id, "ms": ms }));
    match request.timeout(Duration::ZERO).await.and_then(|payload| payload.take::<Value>()) {
        Ok(answer) => {
            record.check(answer["value"] == id, || format!("call {id} got the answer of another: {answer}"));
            record.count("patient calls answered");
            record.note(&format!("patient call {id} answered by {}", answer["node"]));
        }
        Err(error) => {
            record.count("patient calls failed");
            record.note(&format!("patient call {id} failed: {} {}", error.kind(), error.name()));
        }
    }
}

/// An endless download that is left after a while: its source is released.
async fn abandoned(cluster: &Cluster, broker: &ServiceBroker) {
    let patience = Duration::from_millis(fastrand::u64(1..1000));
    let request = broker.call_named("files.endless", json!(null)).timeout(patience);
    let Ok(Ok(mut stream)) = request.await.map(|payload| payload.take::<Streaming>()) else { return };
    let reading = async { while let Some(Ok(_)) = stream.next_bytes().await {} };
    let _ = tokio::time::timeout(Duration::from_millis(fastrand::u64(0..2000)), reading).await;
    cluster.record.note("download abandoned");
}

/// An endless upload that nobody wants: its source is released.
async fn refused(cluster: &Cluster, broker: &ServiceBroker) {
    let request = match fastrand::u32(0..3) {
        0 => broker.call_named("files.refuse", json!(0)),
        1 => broker.call_named("files.refuse", json!(fastrand::u64(1..500))),
        _ => broker.call_named("files.ignore", json!(null)),
    };
    let result = request.stream(services::endless(&cluster.record)).await;
    cluster.record.note(&format!("endless upload: {:?}", result.is_ok()));
}

/// A call that is given up.
async fn cancelled(cluster: &Cluster, broker: &ServiceBroker) {
    let id = cluster.record.next_id();
    let request = broker.call_named("echo.say", json!({ "id": id, "value": "", "ms": 5000 }));
    let patience = Duration::from_millis(fastrand::u64(0..500));
    let given_up = tokio::time::timeout(patience, request.into_future()).await.is_err();
    cluster.record.count("calls given up");
    cluster.record.note(&format!("call {id} given up: {given_up}"));
}

async fn event(cluster: &Cluster, broker: &ServiceBroker, to_all: bool) {
    let id = cluster.record.next_id();
    let data = json!({ "id": id, "to_all": to_all });
    let event = match to_all {
        true => broker.broadcast_named("tick.all", data),
        false => broker.emit_named("tick.one", data),
    };
    let sent = event.await.is_ok();
    cluster.record.count("events");
    cluster.record.note(&format!("event {id} sent: {sent}"));
}

/// A call that only one node can answer.
async fn solo(cluster: &Cluster, broker: &ServiceBroker) {
    let index = fastrand::usize(0..cluster.len());
    let result = broker.call_named(format!("solo{index}.ami"), json!(null)).await;
    match result.and_then(|payload| payload.take::<String>()) {
        Ok(name) => {
            let right = name == cluster.id(index);
            cluster.record.check(right, || format!("solo{index} was answered by {name}"));
            cluster.record.note(&format!("solo{index} answered"));
        }
        Err(error) => cluster.record.note(&format!("solo{index} failed: {}", error.kind())),
    }
}

async fn download(cluster: &Cluster, broker: &ServiceBroker) {
    let (size, chunk) = (fastrand::usize(0..30_000), fastrand::usize(500..8000));
    let ms = if fastrand::bool() { 0 } else { fastrand::u64(1..300) };
    let request = broker.call_named("files.load", json!({ "size": size, "chunk": chunk, "ms": ms }));
    let mut stream: Streaming = match request.await.and_then(|payload| payload.take()) {
        Ok(stream) => stream,
        Err(error) => return cluster.record.note(&format!("download failed: {}", error.kind())),
    };
    let mut at = 0;
    loop {
        let end = match tokio::time::timeout(STALLED, stream.next_bytes()).await {
            Ok(Some(Ok(bytes))) => {
                let right = bytes.iter().enumerate().all(|(step, got)| *got == services::byte(at + step));
                cluster.record.check(right, || format!("a stream has wrong bytes after {at}"));
                at += bytes.len();
                continue;
            }
            Ok(Some(Err(error))) => {
                cluster.record.count("streams broken");
                format!("broken: {}", error.kind())
            }
            Ok(None) => {
                cluster.record.check(at == size, || format!("a stream of {size} bytes ended at {at}"));
                cluster.record.count("streams whole");
                "whole".to_owned()
            }
            Err(_) => {
                cluster.record.count("streams stalled");
                "stalled".to_owned()
            }
        };
        return cluster.record.note(&format!("download of {size} bytes: {end}"));
    }
}

async fn upload(cluster: &Cluster, broker: &ServiceBroker) {
    let (size, chunk) = (fastrand::usize(0..30_000), fastrand::usize(500..8000));
    let pause = Duration::from_millis(if fastrand::bool() { 0 } else { fastrand::u64(1..200) });
    let stream = services::bytes(size, chunk, pause);
    let start = Instant::now();
    let result = broker.call_named("files.save", json!(null)).stream(stream).await;
    let took = start.elapsed();
    let limit = broker.options().request_timeout + TOLERANCE;
    cluster.record.check(took <= limit, || format!("an upload took {took:?}"));
    match result.and_then(|payload| payload.take::<Value>()) {
        Ok(saved) => {
            let whole = saved["size"] == size && saved["right"] == true;
            cluster.record.check(whole, || format!("of {size} bytes arrived {saved}"));
            cluster.record.note(&format!("upload of {size} bytes saved"));
        }
        Err(error) => cluster.record.note(&format!("upload failed: {}", error.kind())),
    }
}
