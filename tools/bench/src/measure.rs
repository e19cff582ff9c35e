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
pub async fn sequential<F, Fut>(time: Duration, mut operation: F) -> Timing
where
    F: FnMut() -> Fut,
    Fut: Future<Output = ()>,
{
    batches(time / 3, &mut operation).await;
    Timing { median_ns: median(&mut batches(time, &mut operation).await) }
}

async fn batches<F, Fut>(time: Duration, operation: &mut F) -> Vec<f64>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = ()>,
{
    let end = Instant::now() + time;
    let mut batches = Vec::new();
    while Instant::now() < end {
        let start = Instant::now();
        for _ in 0..BATCH {
            operation().await;
        }
        batches.push(start.elapsed().as_secs_f64() * 1e9 / f64::from(BATCH));
        tokio::task::yield_now().await;
    }
    batches
}

/// The middle value.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
