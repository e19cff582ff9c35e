//! The same exchange with the client library of each transport alone: bytes there and back, and a stream of bytes.

mod amqp;
mod mqtt;
mod nats;
mod pending;
mod redis;
mod tcp;
mod tonic;

use std::time::Duration;

use ligand_bench::Failure;

use crate::load::Load;

/// Bytes of one message of a stream: as long as the pieces of a stream between Ligand nodes.
const MESSAGE: usize = ligand::stream::MAX_CHUNK;

/// Bytes of a stream that may be on their way and not be read yet, as between Ligand nodes.
const WINDOW: u64 = ligand::stream::WINDOW;

/// The callee's process.
pub(crate) async fn serve(transport: &str, bus: &str) -> Result<(), Failure> {
    match transport {
        "nats" => nats::serve(bus).await,
        "tcp" => tcp::serve(bus).await,
        "tonic" => tonic::serve(bus).await,
        "redis" => redis::serve(bus).await,
        "mqtt" => mqtt::serve(bus).await,
        "amqp" => amqp::serve(bus).await,
        other => Err(unknown(other)),
    }
}

/// The calls.
pub(crate) async fn load(transport: &str, bus: &str, time: Duration) -> Result<Load, Failure> {
    match transport {
        "nats" => nats::load(bus, time).await,
        "tcp" => tcp::load(bus, time).await,
        "tonic" => tonic::load(bus, time).await,
        "redis" => redis::load(bus, time).await,
        "mqtt" => mqtt::load(bus, time).await,
        "amqp" => amqp::load(bus, time).await,
        other => Err(unknown(other)),
    }
}

/// The reader's process of a stream: says how many bytes came in a second.
pub(crate) async fn read(transport: &str, bus: &str, bytes: u64) -> Result<f64, Failure> {
    match transport {
        "nats" => nats::read(bus, bytes).await,
        "tcp" => tcp::read(bus, bytes).await,
        other => Err(unknown(other)),
    }
}

fn unknown(transport: &str) -> Failure {
    format!("there is no raw '{transport}'").into()
}

/// Port of the callee in the address of a bus without a server: `tcp://<caller>,<callee>`.
fn callee_port(bus: &str) -> Result<u16, Failure> {
    Ok(bus.rsplit(',').next().unwrap_or_default().parse()?)
}

/// Host and port of a server.
fn address(bus: &str) -> Result<(String, u16), Failure> {
    let (host, port) =
        bus.split_once("://").and_then(|(_, rest)| rest.rsplit_once(':')).ok_or("the bus has no address")?;
    Ok((host.to_owned(), port.parse()?))
}
