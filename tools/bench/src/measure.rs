//! Timing of one operation: batches, of which the median counts.

use std::{
    future::Future,
    time::{Duration, Instant},
};

/// What one workload took.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// Median of the batches, nanoseconds for one operation.
    pub median_ns: f64,
}

const BATCH: u32 = 1000;

/// Runs `operation` one after the other for `time`, after a warm-up of a third of it.
pub async fn sequential<F, Fut>(time: Duration, operation: F) -> Timing
where
    F: FnMut() -> Fut,
    Fut: Future<Output = ()>,
{
    sequential_of(1, time, operation).await
}

/// As [`sequential`] for an `operation` that does the same `count` times: the time of one. A batch that is longer than a
/// thread may keep a core measures what else the machine does.
pub async fn sequential_of<F, Fut>(count: u32, time: Duration, mut operation: F) -> Timing
where
    F: FnMut() -> Fut,
    Fut: Future<Output = ()>,
{
    let batch = (BATCH / count).max(1);
    batches(batch, time / 3, &mut operation).await;
    let median_ns = median(&mut batches(batch, time, &mut operation).await) / f64::from(count);
    Timing { median_ns }
}

async fn batches<F, Fut>(batch: u32, time: Duration, operation: &mut F) -> Vec<f64>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = ()>,
{
    let end = Instant::now() + time;
    let mut batches = Vec::new();
    while Instant::now() < end {
        let start = Instant::now();
        for _ in 0..batch {
            operation().await;
        }
        batches.push(start.elapsed().as_secs_f64() * 1e9 / f64::from(batch));
        tokio::task::yield_now().await;
    }
    batches
}

/// The middle value.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
