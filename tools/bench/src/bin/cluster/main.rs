//! Measures what Ligand nodes do for each other: calls and streams between two processes on one machine, the codec,
//! the registry. In the same run it measures the raw client library of each transport and Moleculer 0.15.
//!
//! ```text
//! cargo run --release -p ligand-bench --bin cluster                        everything
//! cargo run --release -p ligand-bench --bin cluster -- --only nats,codec   some parts
//! cargo run --release -p ligand-bench --bin cluster -- --quick             shorter measurements
//! cargo run --release -p ligand-bench --bin cluster -- --no-node           without the Node.js half
//! cargo run --release -p ligand-bench --bin cluster -- --json              for machines
//! ```
//!
//! The parts are `nats`, `tcp`, `redis`, `mqtt` and `amqp` (calls over that transport), `codec`, `registry` and
//! `streams`. It starts the servers itself, on free ports: nats-server, redis-server, mosquitto and rabbitmq-server
//! must be there for the parts that need them. Ligand, the raw library and Moleculer take turns; the medians of the
//! rounds count. Both processes of a measurement use a half of the processors each, as in the raw one. The targets are printed beside the values, reached or not.

#![allow(clippy::disallowed_methods, reason = "no broker counts the tasks of raw clients")]

mod calls;
mod codec;
mod load;
mod nodes;
mod plan;
mod process;
mod raw;
mod registry;
mod role;
mod servers;
mod streams;

use std::{ffi::OsString, process::ExitCode};

use ligand_bench::{Failure, node::Node, report};
use plan::Plan;
use serde_json::json;

/// A half of the machine's processors: two processes share them.
fn main() -> ExitCode {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    match runtime.worker_threads((processors / 2).max(1)).enable_all().build() {
        Ok(runtime) => runtime.block_on(begin()),
        Err(error) => ended(Err(error.into())),
    }
}

async fn begin() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "--role") {
        return ended(part(&arguments[1..]).await);
    }
    let (mut plan, json) = match Plan::parse(&arguments) {
        Ok(parsed) => parsed,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    ended(run(&mut plan, json).await.map(|()| 0))
}

fn ended(result: Result<u8, Failure>) -> ExitCode {
    result.map_or_else(
        |error| {
            eprintln!("the benchmark failed: {error}");
            ExitCode::FAILURE
        },
        ExitCode::from,
    )
}

async fn run(plan: &mut Plan, json: bool) -> Result<(), Failure> {
    if plan.with_node && plan.transporters().next().is_some() {
        plan.node = Some(Node::install().await?);
    }
    let mut rows = Vec::new();
    for transport in plan.transporters() {
        calls::measure(plan, transport, &mut rows).await?;
    }
    if plan.has("codec") {
        codec::measure(plan, &mut rows).await?;
    }
    if plan.has("registry") {
        registry::measure(plan, &mut rows).await?;
    }
    if plan.has("streams") {
        streams::measure(plan, &mut rows).await?;
    }
    if json {
        println!("{}", json!(rows));
    } else {
        report::table(&rows);
    }
    Ok(())
}

/// What a process of this program does that another one started: `<role> --bus <address> <more>`.
async fn part(words: &[OsString]) -> Result<u8, Failure> {
    let (role, rest) = words.split_first().ok_or("--role needs a name")?;
    let words: Vec<_> = rest.iter().map(|word| word.to_string_lossy()).collect();
    let word = |at: usize| words.get(at).map(|word| &**word).ok_or("the role needs more words");
    let bus = word(1)?;
    let rate = match &*role.to_string_lossy() {
        "callee" => return nodes::serve(bus, nodes::serializer(word(2)?)?).await.map(|()| 0),
        "raw-callee" => return raw::serve(word(2)?, bus).await.map(|()| 0),
        "member" => return registry::member(bus).await.map(|()| 0),
        "reader" => nodes::read(bus, word(3)?.parse()?, nodes::serializer(word(2)?)?).await?,
        "raw-reader" => raw::read(word(2)?, bus, word(3)?.parse()?).await?,
        other => return Err(format!("there is no role '{other}'").into()),
    };
    println!("{}", json!({ "bytes_per_s": rate }));
    // Stays, so that somebody can look at its memory.
    role::until_closed().await;
    Ok(0)
}
