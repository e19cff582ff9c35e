//! Two Ligand nodes: one offers an action that answers what it gets, and streams; the other one calls.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use ligand::{
    Streaming,
    config::{ComponentOptions, Serializer},
    prelude::*,
    stream::MAX_CHUNK,
};
use ligand_bench::{
    Failure,
    packets::{USER, User},
};
use serde_json::Map;

use crate::{
    load::{self, Load},
    role,
};

/// How much is to be streamed.
#[payload]
struct Size {
    bytes: u64,
}

struct Bench;

#[service(name = "bench")]
impl Bench {
    #[action]
    async fn echo(&self, params: User) -> ligand::Result<User> {
        Ok(params)
    }

    /// Zeros.
    #[action]
    fn download(&self, params: Size) -> Streaming {
        let chunk = Bytes::from_static(&[0; MAX_CHUNK]);
        Streaming::bytes(futures_util::stream::unfold(params.bytes, move |rest| {
            let chunk = chunk.clone();
            async move {
                let next = rest.min(MAX_CHUNK as u64);
                let len = usize::try_from(next).expect("a chunk fits into memory");
                (next > 0).then(|| (Ok(chunk.slice(..len)), rest - next))
            }
        }))
    }
}

fn transporter(bus: &str) -> ComponentOptions {
    let Some(ports) = bus.strip_prefix("tcp://") else { return ComponentOptions::new(bus) };
    let (caller, callee) = ports.split_once(',').unwrap_or((ports, ports));
    let mut options = Map::new();
    options.insert("url".into(), format!("127.0.0.1:{caller}/a,127.0.0.1:{callee}/b").into());
    options.insert("udp_discovery".into(), false.into());
    ComponentOptions { kind: "tcp".into(), url: None, options }
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn text(error: Error) -> Failure {
    format!("{error:#}").into()
}

/// How packets of a measurement are written.
pub(crate) fn serializer(name: &str) -> Result<Serializer, Failure> {
    match name {
        "json" => Ok(Serializer::Json),
        "msgpack" => Ok(Serializer::Msgpack),
        other => Err(format!("there is no serializer '{other}' here").into()),
    }
}

/// A node without services.
pub(crate) async fn node(bus: &str, id: &str, serializer: Serializer) -> Result<ServiceBroker, Failure> {
    started(bus, id, serializer, false).await
}

async fn started(
    bus: &str,
    id: &str,
    serializer: Serializer,
    serves: bool,
) -> Result<ServiceBroker, Failure> {
    let component = transporter(bus);
    let builder = ServiceBroker::builder().node_id(id).options(move |options| {
        options.namespace = "bench".into();
        options.transporter = Some(component);
        options.serializer = serializer;
    });
    let builder = if serves { builder.service(Bench) } else { builder };
    builder.start().await.map_err(text)
}

async fn caller(bus: &str, serializer: Serializer) -> Result<ServiceBroker, Failure> {
    let broker = node(bus, "a", serializer).await?;
    broker.wait_for_services(&["bench"], Duration::from_secs(30)).await.map_err(text)?;
    Ok(broker)
}

/// The callee's process.
pub(crate) async fn serve(bus: &str, serializer: Serializer) -> Result<(), Failure> {
    let broker = started(bus, "b", serializer, true).await?;
    role::serving(std::future::pending()).await?;
    broker.stop().await;
    Ok(())
}

/// Calls of the action that answers what it gets.
pub(crate) async fn load(bus: &str, serializer: Serializer, time: Duration) -> Result<Load, Failure> {
    let broker = caller(bus, serializer).await?;
    let user: Arc<User> = Arc::new(serde_json::from_str(USER)?);
    let calling = broker.clone();
    let load = load::run(time, move || {
        let (broker, user) = (calling.clone(), user.clone());
        async move {
            let back = broker.call(Bench::ECHO, User::clone(&user)).await.map_err(text)?;
            if back.id == 42 { Ok(()) } else { Err("another user came back".into()) }
        }
    })
    .await;
    broker.stop().await;
    load
}

/// The reader's process of a stream: says how many bytes came in a second.
pub(crate) async fn read(bus: &str, bytes: u64, serializer: Serializer) -> Result<f64, Failure> {
    let broker = caller(bus, serializer).await?;
    role::until_go().await?;
    let start = Instant::now();
    let call = broker.call(Bench::DOWNLOAD, Size { bytes }).timeout(Duration::ZERO);
    let mut stream: Streaming = call.await.map_err(text)?;
    let mut got = 0;
    while let Some(chunk) = stream.next_bytes().await {
        got += chunk.map_err(text)?.len() as u64;
    }
    let elapsed = start.elapsed();
    if got != bytes {
        return Err(format!("{got} of {bytes} bytes came").into());
    }
    broker.stop().await;
    #[allow(clippy::cast_precision_loss, reason = "a rate")]
    Ok(bytes as f64 / elapsed.as_secs_f64())
}
