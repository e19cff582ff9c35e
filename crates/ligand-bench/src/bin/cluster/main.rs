//! Measures calls between two processes on one machine, and in the same run the raw client library of each transport.
//!
//! ```text
//! cargo run --release -p ligand-bench --bin cluster                       everything
//! cargo run --release -p ligand-bench --bin cluster -- --only nats,tcp    some transports
//! cargo run --release -p ligand-bench --bin cluster -- --quick            shorter measurements
//! ```

mod load;
mod nodes;
mod raw;
mod servers;

use std::{process::ExitCode, time::Duration};

use load::{Load, Result};

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let value = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).cloned()
    };
    let result = match value("--role") {
        Some(role) => role_of(&role, &value("--bus").unwrap_or_default()).await,
        None => {
            let only = value("--only").unwrap_or_else(|| "nats,tcp".into());
            let quick = arguments.iter().any(|argument| argument == "--quick");
            measure(&only, if quick { Duration::from_secs(2) } else { Duration::from_secs(5) }).await
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the benchmark failed: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The callee's half, in a process of its own.
async fn role_of(role: &str, bus: &str) -> Result<()> {
    match role {
        "ligand" => nodes::serve(bus).await,
        "load" => nodes::load(bus, Duration::from_secs(8)).await.map(drop),
        "raw-nats" => raw::nats::serve(bus).await,
        "raw-tcp" => raw::tcp::serve(bus).await,
        other => Err(format!("unknown role '{other}'").into()),
    }
}

async fn measure(only: &str, time: Duration) -> Result<()> {
    for transport in only.split(',') {
        let bus = servers::start(transport).await?;
        let (mut own, mut floor) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            let server = servers::role(&format!("raw-{transport}"), &bus.url).await?;
            floor.push(match transport {
                "nats" => raw::nats::load(&bus.url, time).await?,
                _ => raw::tcp::load(&bus.url, time).await?,
            });
            drop(server);
            let server = servers::role("ligand", &bus.url).await?;
            own.push(nodes::load(&bus.url, time).await?);
            drop(server);
        }
        let (own, floor) = (Load::median(&own), Load::median(&floor));
        println!(
            "{transport:<6} 64 in flight: ligand {:>9.0}/s  raw {:>9.0}/s  ratio {:.2}",
            own.rate,
            floor.rate,
            own.rate / floor.rate
        );
        println!(
            "{transport:<6}  1 in flight: ligand {:>7.1} us  raw {:>7.1} us  ratio {:.2}",
            own.p50_us,
            floor.p50_us,
            own.p50_us / floor.p50_us
        );
    }
    Ok(())
}
