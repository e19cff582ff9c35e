//! The smallest node as a process: how soon it answers, how much memory it holds.

use std::{process::Stdio, time::Instant};

use ligand_bench::{Failure, measure::median};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

use crate::shop;

/// What the smallest node showed.
pub(crate) struct Hello {
    /// From the start of the process to its first answered call.
    pub(crate) ready_ms: f64,
    /// Resident memory in bytes.
    pub(crate) rss: u64,
}

/// Starts it `rounds` times.
pub(crate) async fn start(rounds: usize) -> Result<Hello, Failure> {
    let binary = shop::binary("hello-node").await?;
    let (mut ready, mut rss) = (Vec::new(), 0);
    for _ in 0..rounds {
        let start = Instant::now();
        let mut child =
            Command::new(&binary).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let stdout = child.stdout.take().ok_or("the node has no output")?;
        let line = BufReader::new(stdout).lines().next_line().await?;
        line.ok_or("the node printed nothing")?;
        ready.push(start.elapsed().as_secs_f64() * 1000.0);
        rss = rss.max(shop::rss(child.id().ok_or("the node has ended")?)?);
    }
    Ok(Hello { ready_ms: median(&mut ready), rss })
}
