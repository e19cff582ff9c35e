//! Deterministic simulation of clusters.
//!
//! [`simulate`] starts five to nine real brokers on a bus in memory, keeps them busy for a simulated minute while
//! nodes crash, vanish and come back and packets are lost, delayed and doubled, and checks that no rule is broken.
//! Everything is drawn from one number: the same seed gives the same run, on one thread and with a clock that only
//! moves when nobody has anything to do. Only delayed packets that arrive at several nodes in the same millisecond may
//! change places.
//!
//! ```sh
//! cargo run -p ligand-sim                        # 300 seeds
//! cargo run -p ligand-sim -- --seed 123          # one, with all that happened
//! ```

mod aftermath;
mod cluster;
pub mod damage;
pub mod golden;
mod load;
mod nemesis;
mod record;
mod services;
pub mod siege;
pub mod targets;

use std::time::Duration;

use ligand_transport::MemoryBus;

pub use self::record::Outcome;
use self::{cluster::Cluster, nemesis::Fault, record::Record};

/// Faults begin within this many simulated seconds.
const BUSY: u64 = 45;

/// Runs the cluster of one seed. `keep_lines`: the outcome tells what happened.
///
/// # Panics
/// When a simulated node panics outside of a handler.
pub fn simulate(seed: u64, keep_lines: bool) -> Outcome {
    fastrand::seed(seed);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without threads and sockets can be made");
    runtime.block_on(run(seed, keep_lines))
}

/// Runs a seed, maybe twice, and answers what to print when it fails: the rules that were broken, and the command
/// that shows how.
///
/// # Errors
/// Rules that were broken, a panic, or two runs that differ.
pub fn verify(seed: u64, twice: bool) -> Result<Outcome, String> {
    let command = format!("cargo run -p ligand-sim -- --seed {seed}");
    let run = || std::panic::catch_unwind(|| simulate(seed, false));
    let Ok(outcome) = run() else { return Err(format!("seed {seed} panicked: {command}")) };
    if !outcome.violations.is_empty() {
        let list = outcome.violations.join("\n  ");
        return Err(format!("seed {seed} failed: {command}\n  {list}"));
    }
    if twice && run().ok().as_ref() != Some(&outcome) {
        return Err(format!("seed {seed} runs differently each time: {command}"));
    }
    Ok(outcome)
}

async fn run(seed: u64, keep_lines: bool) -> Outcome {
    let record = Record::new(keep_lines);
    let count = fastrand::usize(5..=9);
    // In one cluster of four the bus chooses the nodes.
    let balanced = fastrand::u32(0..4) == 0;
    let bus = MemoryBus::new().seed(seed);
    let cluster = Cluster::new(bus, record.clone(), count, balanced);
    futures_util::future::join_all((0..count).map(|index| cluster.start(index))).await;
    let plan = nemesis::plan(count, BUSY);
    nemesis::run(&cluster, &plan).await;
    // Some more calls in good weather.
    tokio::time::sleep(Duration::from_secs(3)).await;
    cluster.calm(Duration::from_secs(120)).await;
    // Twice the time between heartbeats, which differs by half a second from node to node.
    tokio::time::sleep(Duration::from_secs(21)).await;
    aftermath::registries(&cluster);
    aftermath::everything_works(&cluster).await;
    aftermath::nothing_is_left(&cluster).await;
    once(&record, &plan);
    for index in 0..count {
        cluster.stop(index).await;
    }
    record.note("end");
    record.count("runs");
    let _ = record.elapsed();
    record.outcome()
}

/// Unless packets were doubled, no call ran twice and nobody heard an event twice. No stream stalled.
fn once(record: &Record, plan: &[nemesis::Planned]) {
    let outcome = record.outcome();
    let (ran, heard) = (record.ran_twice(), record.heard_twice());
    if !plan.iter().any(|planned| matches!(planned.fault, Fault::Duplication(_))) {
        record.check(ran.is_empty(), || format!("calls {ran:?} ran more than once"));
        record.check(heard.is_empty(), || format!("events {heard:?} were heard more than once"));
    }
    let stalled = outcome.counts.get("streams stalled").copied().unwrap_or(0);
    record.check(stalled == 0, || format!("{stalled} streams stalled"));
}
