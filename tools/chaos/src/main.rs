//! Breaks clusters under load and counts what was lost.
//!
//! ```text
//! cargo run --release -p ligand-chaos                                       everything
//! cargo run --release -p ligand-chaos -- --transporter nats --fault kill    one transporter, one fault
//! cargo run --release -p ligand-chaos -- --peer both                        beside Moleculer 0.15
//! cargo run --release -p ligand-chaos -- --short                            shorter times
//! ```
//!
//! The runner starts a server, two workers and a driver as processes of their own (`--role`), lets the driver make
//! calls and send events, breaks something, and judges the history that the driver and the workers tell.

#![allow(clippy::disallowed_methods, reason = "the runner is no broker: its tasks end with the process")]

mod bench;
mod clock;
mod fault;
mod history;
mod network;
mod peer;
mod plan;
mod role;
mod table;
mod verdict;

use std::process::ExitCode;

use plan::{Command, Plan};

/// What stops a run.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The result of everything that may stop a run.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

#[tokio::main]
async fn main() -> ExitCode {
    match plan::read(std::env::args().skip(1)) {
        Ok(Command::Role(role, setup)) => role::run(role, setup).await,
        Ok(Command::Run(plan)) => run(&plan).await,
        Err(wrong) => {
            eprintln!("{wrong}\n\n{}", plan::USAGE);
            ExitCode::from(2)
        }
    }
}

async fn run(plan: &Plan) -> ExitCode {
    let mut rows = Vec::new();
    let mut broken = false;
    for run in plan.runs() {
        eprintln!("{} {} {} …", run.transporter.name(), run.fault.name(), run.peer.name());
        let result = tokio::select! {
            result = bench::run(&run, plan) => result,
            // Nodes, servers and namespaces end with the run.
            _ = tokio::signal::ctrl_c() => return ExitCode::from(130),
        };
        match result {
            Ok(row) => {
                eprintln!("{}", table::line(&row));
                rows.push(row);
            }
            Err(error) => {
                eprintln!("the run failed: {error}");
                broken = true;
            }
        }
    }
    println!("{}", table::whole(&rows));
    let missed = rows.iter().any(|row| row.peer == plan::Kind::Ligand && !row.misses.is_empty());
    ExitCode::from(u8::from(broken || missed))
}
