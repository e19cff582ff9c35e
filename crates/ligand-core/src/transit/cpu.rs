//! Load of this machine.

use parking_lot::Mutex;

/// Measures the share of busy time since the last question.
#[derive(Default)]
pub(super) struct CpuMeter(Mutex<Option<(u64, u64)>>);

impl CpuMeter {
    /// Percent since the last question; `None` the first time and where the system does not tell.
    pub(super) fn percent(&self) -> Option<f64> {
        let now = read()?;
        let last = self.0.lock().replace(now)?;
        let (busy, all) = (now.0.checked_sub(last.0)?, now.1.checked_sub(last.1)?);
        #[allow(clippy::cast_precision_loss, reason = "a share")]
        (all > 0).then(|| (busy as f64 * 100.0 / all as f64).round())
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
