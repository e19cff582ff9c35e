//! Time that stands still, so that no test waits for a time-out, a pause between tries or an expiry.
//!
//! Start with `#[tokio::test(start_paused = true)]`, or call [`pause`]. While every task waits for time, tokio
//! moves the clock to the next timer by itself.

use std::time::Duration;

/// Stops the clock.
///
/// # Panics
/// When it is stopped already, or in a runtime with more than one thread.
pub fn pause() {
    tokio::time::pause();
}

/// Lets time pass: all timers up to then fire in their order, and their tasks run.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// use std::time::{Duration, Instant};
/// let real = Instant::now();
/// ligand_test::time::pause();
/// ligand_test::time::advance(Duration::from_secs(3600)).await;
/// assert!(real.elapsed() < Duration::from_secs(60));
/// # }
/// ```
///
/// # Panics
/// When the clock is not stopped: the test would really wait.
pub async fn advance(duration: Duration) {
    // Panics when time is not paused.
    tokio::time::advance(Duration::ZERO).await;
    tokio::time::sleep(duration).await;
    settle().await;
}

/// Lets other tasks of this thread run until they wait, without letting time pass.
pub async fn settle() {
    for _ in 0..64 {
        tokio::task::yield_now().await;
    }
}
