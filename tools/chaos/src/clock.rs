//! The clock that all processes of one machine share.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970 with a fraction.
pub(crate) fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64() * 1000.0
}

/// A pause in a run.
pub(crate) async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}
