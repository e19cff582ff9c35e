//! A fixed number of operations, for tools that count instructions.
//!
//! Times differ from run to run and from machine to machine; instructions hardly do. `scripts/instructions` runs each
//! workload with two numbers of operations: the difference is what the operations cost, without start and stop.

use std::{
    hint::black_box,
    sync::{Arc, atomic::AtomicU64},
};

use bytes::Bytes;
use ligand::{prelude::*, service::IntoServiceDef};
use ligand_bench::{Failure, packets};
use ligand_wire::payload::Format;

use crate::local::{Add, ById, Catalogue, ID, Listener, Math, Times, UserCreated, passing};

/// The argument, before the name of a workload and a number.
pub(crate) const COUNT: &str = "--count";

const WORK: [&str; 17] = [
    "call",
    "async-call",
    "nested-call",
    "fn5-call",
    "event-10",
    "cached-hit",
    "cached-copy",
    "read-json",
    "read-jsonext",
    "read-msgpack",
    "read-notepack",
    "read-cbor",
    "write-json",
    "write-jsonext",
    "write-msgpack",
    "write-notepack",
    "write-cbor",
];

/// Runs what the arguments behind `--count` name.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let [name, number] = arguments else {
        return Err(format!("{COUNT} wants a workload and a number; there are {}", WORK.join(", ")).into());
    };
    if !WORK.contains(&name.as_str()) {
        return Err(format!("there is no workload '{name}'; there are {}", WORK.join(", ")).into());
    }
    let number: u32 = number.parse()?;
    match name.split_once('-') {
        Some(("read", format)) => return read(format.parse().map_err(ligand::Error::into_std)?, number),
        Some(("write", format)) => return write(format.parse().map_err(ligand::Error::into_std)?, number),
        _ => {}
    }
    // One thread: its instructions are those of the operations.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(work(name, number)).map_err(ligand::Error::into_std)?;
    Ok(())
}

/// Reads a request and its parameters.
fn read(format: Format, number: u32) -> Result<(), Failure> {
    let mut out = Vec::new();
    packets::write(&packets::request()?, format, &mut out).map_err(ligand::Error::into_std)?;
    let bytes = Bytes::from(out);
    for _ in 0..number {
        black_box(packets::read(format, black_box(&bytes))).map_err(ligand::Error::into_std)?;
    }
    Ok(())
}

/// Writes a request with typed parameters into a buffer that is large enough.
fn write(format: Format, number: u32) -> Result<(), Failure> {
    let (packet, mut out) = (packets::request()?, Vec::new());
    for _ in 0..number {
        packets::write(black_box(&packet), format, &mut out).map_err(ligand::Error::into_std)?;
        black_box(&out);
    }
    Ok(())
}

async fn work(name: &str, number: u32) -> ligand::Result<()> {
    let mut builder = ServiceBroker::builder().service(Math);
    match name {
        "fn5-call" => builder = (0..5).fold(builder, |builder, _| builder.middleware(passing())),
        "event-10" => {
            let heard = Arc::new(AtomicU64::new(0));
            for number in 0..10 {
                let listener = Listener(heard.clone()).into_service_def();
                builder = builder.service(listener.renamed(format!("listener{number}")));
            }
        }
        "cached-hit" | "cached-copy" => builder = builder.memory_cache().service(Catalogue),
        _ => {}
    }
    let broker = builder.start().await?;
    for _ in 0..number {
        match name {
            "async-call" => {
                black_box(broker.call(Math::ADD_LATER, Add { a: 1.0, b: 2.0 }).await?);
            }
            // One action makes all of them.
            "nested-call" => {
                black_box(broker.call(Math::NESTED, Times { count: number }).await?);
                break;
            }
            "event-10" => broker.emit(UserCreated { id: 1 }).wait_for_listeners().await?,
            "cached-hit" => {
                black_box(broker.call(Catalogue::GET, ById { id: ID.into() }).shared().await?);
            }
            "cached-copy" => {
                black_box(broker.call(Catalogue::GET, ById { id: ID.into() }).await?);
            }
            _ => {
                black_box(broker.call(Math::ADD, Add { a: 1.0, b: 2.0 }).await?);
            }
        }
    }
    broker.stop().await;
    Ok(())
}
