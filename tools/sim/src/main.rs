//! Runs simulated clusters: `cargo run -p ligand-sim -- --help`.

use ligand_sim::{golden, siege};
use std::{
    process::ExitCode,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

const HELP: &str = "\
Runs simulated clusters.

  --seed N      one cluster, with all that happened
  --first N     first seed, default 0
  --seeds N     how many seeds, default 300
  --threads N   how many at once, default 2
  --twice       runs each seed twice and compares
  --packets N   instead: good traffic among so many hostile packets, with each serializer and wrapping";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str| -> Option<u64> {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1)?.parse().ok()
    };
    if arguments.iter().any(|argument| argument == "--help") {
        println!("{HELP}");
        return ExitCode::SUCCESS;
    }
    if let Some(packets) = number("--packets") {
        return besiege(packets, number("--seed").unwrap_or(1));
    }
    if let Some(seed) = number("--seed") {
        return one(seed);
    }
    let (first, count) = (number("--first").unwrap_or(0), number("--seeds").unwrap_or(300));
    let twice = arguments.iter().any(|argument| argument == "--twice");
    let next = AtomicU64::new(first);
    let failed = Mutex::new(Vec::new());
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..number("--threads").unwrap_or(2).max(1) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count {
                        return;
                    }
                    if let Err(why) = ligand_sim::verify(seed, twice) {
                        eprintln!("{why}");
                        failed.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(seed);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    println!("{count} seeds, {} failed, {:.1} s", failed.len(), start.elapsed().as_secs_f64());
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn one(seed: u64) -> ExitCode {
    let outcome = ligand_sim::simulate(seed, true);
    for line in &outcome.lines {
        println!("{line}");
    }
    println!("seed {seed}: hash {:016x}, {:?}", outcome.hash, outcome.counts);
    for violation in &outcome.violations {
        println!("VIOLATION {violation}");
    }
    if outcome.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Shares the packets out among the serializers and wrappings.
fn besiege(packets: u64, seed: u64) -> ExitCode {
    use siege::{Siege, Wrapping};
    let formats = golden::FORMATS.map(|(format, name)| (format, name, Wrapping::Plain));
    let json = ligand_wire::payload::Format::Json;
    let wrapped = [(json, "json", Wrapping::Compressed), (json, "json", Wrapping::Sealed)];
    let sieges: Vec<_> = formats.into_iter().chain(wrapped).collect();
    let share = packets.div_ceil(sieges.len() as u64);
    let mut well = true;
    for (format, name, wrapping) in sieges {
        let start = Instant::now();
        let report = Siege { seed, packets: share, format, wrapping }.run();
        println!(
            "{name:<9} {wrapping:<11?} {share} hostile packets, {} refused, {} good, {} nodes known, +{} MiB, {:.1} s",
            report.refused,
            report.good,
            report.nodes,
            report.growth >> 20,
            start.elapsed().as_secs_f64()
        );
        for violation in &report.violations {
            well = false;
            println!("  VIOLATION {violation}");
        }
    }
    if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
