//! What is printed.

use std::{collections::BTreeMap, time::Duration};

use super::{Report, Run};
use crate::process::Program;

fn peer(program: Program) -> &'static str {
    match program {
        Program::Js15 => "0.15",
        Program::Js14 => "0.14",
        Program::Rust => "none",
    }
}

fn layout(run: &Run) -> String {
    let workers: Vec<_> = run.workers.iter().map(|worker| worker.name()).collect();
    format!("{} with {}", run.supervisor.name(), workers.join(","))
}

/// A line for a cluster that is done, with what failed.
pub(super) fn progress(report: &Report) {
    let run = &report.run;
    println!(
        "{:<6} {:<9} {:<5} {:<23} {:<24} {:>3} passed {:>3} failed {:>2} skipped {:>6.1} s",
        run.transporter.name(),
        run.serializer.name(),
        peer(run.peer()),
        run.stage.name(),
        layout(run),
        report.passed,
        report.failed.len(),
        report.skipped,
        report.took.as_secs_f64(),
    );
    for (scenario, reason) in &report.failed {
        println!("    {scenario}: {reason}");
    }
}

/// The table: a row for each transporter and serializer, a column for each peer; below it what failed.
pub(super) fn print(reports: &[Report], took: Duration) {
    let mut rows = BTreeMap::<_, BTreeMap<Program, (usize, usize)>>::new();
    for report in reports {
        let row = rows.entry((report.run.transporter, report.run.serializer)).or_default();
        let cell = row.entry(report.run.peer()).or_default();
        cell.0 += report.passed;
        cell.1 += report.failed.len();
    }
    let mut peers: Vec<_> = reports.iter().map(|report| report.run.peer()).collect();
    peers.sort_unstable();
    peers.dedup();

    print!("\n| transporter | serializer |");
    peers.iter().for_each(|program| print!(" peer {} |", peer(*program)));
    print!("\n|---|---|");
    peers.iter().for_each(|_| print!("---|"));
    println!();
    for ((transporter, serializer), cells) in rows {
        print!("| {} | {} |", transporter.name(), serializer.name());
        for program in &peers {
            match cells.get(program) {
                None => print!(" – |"),
                Some((passed, 0)) => print!(" {passed} passed |"),
                Some((passed, failed)) => print!(" {passed} passed, **{failed} failed** |"),
            }
        }
        println!();
    }
    let passed: usize = reports.iter().map(|report| report.passed).sum();
    let failed: usize = reports.iter().map(|report| report.failed.len()).sum();
    println!("\n{passed} passed, {failed} failed, {} clusters, {:.0} s", reports.len(), took.as_secs_f64());
    for report in reports {
        for (scenario, _) in &report.failed {
            println!("repeat: {}", repeat(&report.run, scenario));
        }
    }
}

/// The command that runs a failed scenario again.
fn repeat(run: &Run, scenario: &str) -> String {
    let workers: Vec<_> = run.workers.iter().map(|worker| worker.name()).collect();
    let mut command = format!(
        "cargo run -p ligand-interop --bin matrix -- --transporter {} --serializer {} --stage '{}' --supervisor {} --workers {}",
        run.transporter.name(),
        run.serializer.name(),
        run.stage.name(),
        run.supervisor.name(),
        workers.join(","),
    );
    if scenario != "start" {
        command.push_str(&format!(" --scenario '{scenario}'"));
    }
    command
}
