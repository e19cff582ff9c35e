//! The services that nodes of a simulated cluster offer.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::stream;
use ligand_core::{Action, Context, Error, Event, Payload, ServiceDef, stream::Streaming};
use serde_json::{Value, json};

use crate::record::Record;

/// What handlers of a node look at.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    pub(crate) record: Record,
    /// While it is set, handlers of the node take seconds.
    pub(crate) slow: Arc<AtomicBool>,
}

/// Nodes that offer each service, out of `count`.
pub(crate) fn of_node(scene: &Scene, index: usize, count: usize) -> Vec<ServiceDef> {
    let mut services = vec![solo(index)];
    if index < 3 {
        services.push(echo(scene));
    }
    if index == 1 || index == 2 {
        services.push(files(&scene.record));
    }
    if index >= count - 3 {
        services.push(listener(scene, "mail", None));
    }
    if index.is_multiple_of(2) {
        services.push(listener(scene, "audit", Some("watch")));
    }
    services
}

/// A service that only this node has.
fn solo(index: usize) -> ServiceDef {
    ServiceDef::new(format!("solo{index}")).action(Action::new("ami", |ctx: Context, (): ()| async move {
        Ok::<_, Error>(ctx.broker().node_id().to_owned())
    }))
}

/// A service that comes and goes at run time.
pub(crate) fn extra(index: usize) -> ServiceDef {
    ServiceDef::new(format!("extra{index}"))
        .action(Action::new("run", |_: Context, (): ()| async move { Ok::<_, Error>("extra".to_owned()) }))
}

fn echo(scene: &Scene) -> ServiceDef {
    let scene = scene.clone();
    ServiceDef::new("echo").action(Action::new("say", move |ctx: Context, params: Value| {
        let scene = scene.clone();
        async move {
            let id = params["id"].as_u64().ok_or_else(|| Error::bad_request("no id"))?;
            scene.record.ran(id);
            scene.record.note(&format!("run {id} on {}", ctx.broker().node_id()));
            let mut pause = Duration::from_millis(params["ms"].as_u64().unwrap_or(0));
            if scene.slow.load(Ordering::Relaxed) {
                pause += Duration::from_secs(3);
            }
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            Ok::<_, Error>(json!({ "value": params["value"], "node": ctx.broker().node_id() }))
        }
    }))
}

/// Byte `at` of every stream.
#[allow(clippy::cast_possible_truncation, reason = "a pattern of bytes")]
pub(crate) const fn byte(at: usize) -> u8 {
    (31 * at + 7) as u8
}

/// A stream of `size` bytes in chunks, with pauses.
pub(crate) fn bytes(size: usize, chunk: usize, pause: Duration) -> Streaming {
    let chunks = stream::unfold(0usize, move |from| async move {
        if from >= size {
            return None;
        }
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        let to = (from + chunk).min(size);
        let piece: Vec<u8> = (from..to).map(byte).collect();
        Some((Ok(Bytes::from(piece)), to))
    });
    Streaming::bytes(chunks)
}

/// A stream of bytes without an end, which is open until its source is released.
pub(crate) fn endless(record: &Record) -> Streaming {
    let open = record.open();
    Streaming::bytes(stream::unfold(open, |open| async move {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Some((Ok(Bytes::from_static(&[7; 1000])), open))
    }))
}

fn files(record: &Record) -> ServiceDef {
    let record = record.clone();
    ServiceDef::new("files")
        .action(Action::new("endless", move |_: Context, (): ()| {
            let stream = endless(&record);
            async move { Ok::<_, Error>(stream) }
        }))
        .action(Action::new("refuse", |_: Context, ms: u64| async move {
            if ms > 0 {
                tokio::time::sleep(Duration::from_millis(ms)).await;
            }
            Err::<(), _>(Error::bad_request("not this"))
        }))
        .action(Action::new("ignore", |_: Context, (): ()| async move { Ok::<_, Error>(()) }))
        .action(Action::new("load", |_: Context, params: Value| async move {
            let number =
                |name: &str| params[name].as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or(1);
            let pause = Duration::from_millis(params["ms"].as_u64().unwrap_or(0));
            Ok::<_, Error>(bytes(number("size"), number("chunk"), pause))
        }))
        .action(Action::new("save", |ctx: Context, (): ()| async move {
            let mut stream = ctx.stream().ok_or_else(|| Error::bad_request("no stream"))?;
            let (mut size, mut right) = (0usize, true);
            while let Some(chunk) = stream.next_bytes().await {
                for got in &chunk? {
                    right &= *got == byte(size);
                    size += 1;
                }
            }
            Ok::<_, Error>(json!({ "size": size, "right": right }))
        }))
}

/// Hears `tick.*`; events name themselves by number.
fn listener(scene: &Scene, name: &'static str, group: Option<&'static str>) -> ServiceDef {
    let record = scene.record.clone();
    let mut event = Event::new("tick.*", move |ctx: Context, payload: Payload| {
        let record = record.clone();
        async move {
            let seen: Value = payload.take()?;
            let id = seen["id"].as_u64().ok_or_else(|| Error::bad_request("no id"))?;
            let who = match seen["to_all"].as_bool() {
                Some(true) => format!("{name}@{}", ctx.broker().node_id()),
                _ => name.to_owned(),
            };
            record.hear(&who, id);
            record.note(&format!("{who} hears {id}"));
            Ok::<_, Error>(())
        }
    });
    if let Some(group) = group {
        event = event.group(group);
    }
    ServiceDef::new(name).event(event)
}
