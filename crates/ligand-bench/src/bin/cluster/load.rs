//! Closed-loop load: so many calls in flight, for a while.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

pub(crate) type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

/// What one way of calling reaches.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Load {
    /// Calls a second, 64 in flight.
    pub(crate) rate: f64,
    /// Median time of one call, one in flight, in microseconds.
    pub(crate) p50_us: f64,
}

impl Load {
    pub(crate) fn median(loads: &[Self]) -> Self {
        let middle = |value: fn(&Self) -> f64| {
            let mut values: Vec<_> = loads.iter().map(value).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        Self { rate: middle(|load| load.rate), p50_us: middle(|load| load.p50_us) }
    }
}

/// The body of a call: the user with six fields of the codec's benchmark.
pub(crate) const USER: &str = r#"{"id":42,"name":"Ada Lovelace","email":"ada@example.com","age":36,"active":true,"tags":["math","engine","poetry"]}"#;

const IN_FLIGHT: usize = 64;

/// Runs `call` for `time` with 64 in flight, then with one.
pub(crate) async fn run<F, Fut>(time: Duration, call: F) -> Result<Load>
where
    F: Fn() -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<()>> + Send,
{
    many(time / 3, &call).await?;
    let rate = many(time, &call).await?;
    let end = Instant::now() + time / 2;
    let mut times = Vec::new();
    while Instant::now() < end {
        let start = Instant::now();
        call().await?;
        times.push(start.elapsed());
    }
    times.sort_unstable();
    let p50 = times[times.len() / 2];
    Ok(Load { rate, p50_us: p50.as_secs_f64() * 1e6 })
}

async fn many<F, Fut>(time: Duration, call: &F) -> Result<f64>
where
    F: Fn() -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<()>> + Send,
{
    let (done, over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let start = Instant::now();
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..IN_FLIGHT {
        let (call, done, over) = (call.clone(), done.clone(), over.clone());
        workers.spawn(async move {
            while !over.load(Ordering::Relaxed) {
                call().await?;
                done.fetch_add(1, Ordering::Relaxed);
            }
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
        });
    }
    tokio::time::sleep(time).await;
    over.store(true, Ordering::Relaxed);
    let (count, elapsed) = (done.load(Ordering::Relaxed), start.elapsed());
    while let Some(worker) = workers.join_next().await {
        worker??;
    }
    #[allow(clippy::cast_precision_loss, reason = "a rate")]
    Ok(count as f64 / elapsed.as_secs_f64())
}
