//! Load of this machine.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

/// What is told about the load of this node: its number grows whenever it changes.
#[derive(Default)]
pub(super) struct CpuLoad {
    /// The number, and in the last byte the percent plus one; zero = not known.
    told: AtomicU64,
    meter: CpuMeter,
}

impl CpuLoad {
    /// The number and the percent.
    pub(super) fn told(&self) -> (u64, Option<f64>) {
        let told = self.told.load(Ordering::Relaxed);
        let percent = (told & 0xff).checked_sub(1);
        #[allow(clippy::cast_precision_loss, reason = "a percent")]
        (told >> 8, percent.map(|percent| percent as f64))
    }

    /// Measures again.
    pub(super) fn measure(&self) {
        let Some(percent) = self.meter.percent() else { return };
        let _ = self.told.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |told| {
            let new = u64::from(percent) + 1;
            (told & 0xff != new).then_some(((told >> 8) + 1) << 8 | new)
        });
    }
}

/// Measures the share of busy time since the last question.
#[derive(Default)]
struct CpuMeter(Mutex<Option<(u64, u64)>>);

impl CpuMeter {
    /// Percent since the last question; `None` the first time and where the system does not tell.
    fn percent(&self) -> Option<u8> {
        let now = read()?;
        let last = self.0.lock().replace(now)?;
        let (busy, all) = (now.0.checked_sub(last.0)?, now.1.checked_sub(last.1)?);
        // Rounded.
        let percent = (busy * 200 + all).checked_div(all * 2)?;
        Some(u8::try_from(percent).unwrap_or(100).min(100))
    }
}

/// Busy and all time of all cores.
fn read() -> Option<(u64, u64)> {
    let text = std::fs::read_to_string("/proc/stat").ok()?;
    let line = text.lines().next()?.strip_prefix("cpu ")?;
    let times: Vec<u64> = line.split_whitespace().take(8).map_while(|time| time.parse().ok()).collect();
    let all: u64 = times.iter().sum();
    let idle = times.get(3)? + times.get(4)?;
    Some((all - idle, all))
}
