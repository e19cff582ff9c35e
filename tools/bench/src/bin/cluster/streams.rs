//! A long stream of bytes from one process to another one: how fast, and how much memory both need for it.
//!
//! The raw streams are messages of the same length. Over NATS they have the same window as between Ligand nodes; over
//! TCP what the sockets hold is the window. Growth is counted from the size before the stream to the peak.

use std::time::Duration;

use ligand_bench::{
    Failure,
    measure::median,
    report::{Row, Target},
};

use crate::{plan::Plan, process::Memory, role::Role, servers};

/// The longest stream.
const PATIENCE: Duration = Duration::from_secs(600);

const MEGABYTE: f64 = 1e6;

/// Measures streams over NATS and TCP.
pub(crate) async fn measure(plan: &Plan, rows: &mut Vec<Row>) -> Result<(), Failure> {
    for transport in ["nats", "tcp"] {
        let bus = servers::start(transport).await?;
        let mut floor = Vec::new();
        for _ in 0..plan.rounds {
            floor.push(run(plan, &bus.url, ["raw-callee", "raw-reader"], transport).await?.rate);
        }
        let floor = median(&mut floor);
        for serializer in ["json", "msgpack"] {
            let mut runs = Vec::new();
            for _ in 0..plan.rounds {
                runs.push(run(plan, &bus.url, ["callee", "reader"], serializer).await?);
            }
            let middle = |value: fn(&Run) -> f64| median(&mut runs.iter().map(value).collect::<Vec<_>>());
            let name = format!("stream over {transport}, {serializer}");
            let rate = middle(|run| run.rate) / MEGABYTE;
            let row = Row::more(name.clone(), "MB/s", rate, None, Target::default());
            rows.push(row.with_raw(floor / MEGABYTE));
            let most = Target { at_most: Some(20.0), ..Target::default() };
            let growth = middle(|run| run.sender) / MEGABYTE;
            rows.push(Row::less(format!("{name}: growth of the sender"), "MB", growth, None, most));
            let growth = middle(|run| run.reader) / MEGABYTE;
            rows.push(Row::less(format!("{name}: growth of the reader"), "MB", growth, None, most));
        }
    }
    Ok(())
}

struct Run {
    /// Bytes a second.
    rate: f64,
    /// How many bytes the sender's peak was above its size before the stream.
    sender: f64,
    /// The same of the reader.
    reader: f64,
}

/// One stream; `kind` is the serializer, of raw streams the transport.
async fn run(plan: &Plan, bus: &str, [sender, reader]: [&str; 2], kind: &str) -> Result<Run, Failure> {
    let sender = Role::start(sender, bus, &[kind]).await?;
    let mut reader = Role::start(reader, bus, &[kind, &plan.stream.to_string()]).await?;
    let before = (Memory::of(sender.pid()?)?, Memory::of(reader.pid()?)?);
    let watched = (sender.pid()?, reader.pid()?);
    let said = reader.go(PATIENCE).await?;
    let after = (Memory::of(watched.0)?, Memory::of(watched.1)?);
    let rate = said["bytes_per_s"].as_f64().ok_or("the reader said no rate")?;
    reader.end().await;
    sender.end().await;
    Ok(Run { rate, sender: growth(before.0, after.0), reader: growth(before.1, after.1) })
}

#[allow(clippy::cast_precision_loss, reason = "sizes of processes are far below 2^52")]
fn growth(before: Memory, after: Memory) -> f64 {
    after.peak.saturating_sub(before.now) as f64
}
