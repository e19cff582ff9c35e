//! Closed-loop load: so many calls in flight, for a while.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use ligand_bench::{Failure, measure::median};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

/// What one way of calling reaches.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Load {
    /// Calls a second, 64 in flight.
    pub(crate) rate: f64,
    /// Median time of one call, one in flight, in microseconds.
    pub(crate) p50_us: f64,
}

impl Load {
    /// The medians of several rounds.
    pub(crate) fn median(loads: &[Self]) -> Self {
        let middle = |value: fn(&Self) -> f64| median(&mut loads.iter().map(value).collect::<Vec<_>>());
        Self { rate: middle(|load| load.rate), p50_us: middle(|load| load.p50_us) }
    }
}

const IN_FLIGHT: usize = 64;

/// A call that is not answered for so long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs `call` for a third of `time` to warm up and for `time` with 64 in flight, then for half of it with one.
pub(crate) async fn run<F, Fut>(time: Duration, call: F) -> Result<Load, Failure>
where
    F: Fn() -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<(), Failure>> + Send,
{
    tokio::time::timeout(PATIENCE, call()).await.map_err(|_| "the first call was not answered")??;
    many(time / 3, &call).await?;
    let rate = many(time, &call).await?;
    let end = Instant::now() + time / 2;
    let mut times = Vec::new();
    while times.is_empty() || Instant::now() < end {
        let start = Instant::now();
        call().await?;
        times.push(start.elapsed().as_secs_f64() * 1e6);
    }
    Ok(Load { rate, p50_us: median(&mut times) })
}

async fn many<F, Fut>(time: Duration, call: &F) -> Result<f64, Failure>
where
    F: Fn() -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<(), Failure>> + Send,
{
    let (done, over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let start = Instant::now();
    let mut workers = JoinSet::new();
    for _ in 0..IN_FLIGHT {
        let (call, done, over) = (call.clone(), done.clone(), over.clone());
        workers.spawn(async move {
            while !over.load(Ordering::Relaxed) {
                call().await?;
                done.fetch_add(1, Ordering::Relaxed);
            }
            Ok::<_, Failure>(())
        });
    }
    tokio::time::sleep(time).await;
    over.store(true, Ordering::Relaxed);
    let (count, elapsed) = (done.load(Ordering::Relaxed), start.elapsed());
    let rest = async {
        while let Some(worker) = workers.join_next().await {
            worker??;
        }
        Ok::<_, Failure>(())
    };
    tokio::time::timeout(PATIENCE, rest).await.map_err(|_| "calls were not answered")??;
    #[allow(clippy::cast_precision_loss, reason = "a rate")]
    Ok(count as f64 / elapsed.as_secs_f64())
}
