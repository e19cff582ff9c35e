//! Log lines that outsiders can cause, at a bounded rate.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Lets through a few lines in each period and counts the others.
pub(crate) struct LogLimit {
    lines: u32,
    state: Mutex<(Option<Instant>, u32, u64)>,
}

const PERIOD: Duration = Duration::from_secs(10);

impl LogLimit {
    /// Lets so many lines through in ten seconds.
    pub(crate) const fn new(lines: u32) -> Self {
        Self { lines, state: Mutex::new((None, 0, 0)) }
    }

    /// `Some(n)`: write the line; `n` others were left out before.
    pub(crate) fn pass(&self) -> Option<u64> {
        let now = Instant::now();
        let mut state = self.state.lock();
        let (start, lines, hidden) = &mut *state;
        if start.is_none_or(|start| now.duration_since(start) >= PERIOD) {
            (*start, *lines) = (Some(now), 0);
        }
        if *lines >= self.lines {
            *hidden += 1;
            return None;
        }
        *lines += 1;
        Some(std::mem::take(hidden))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_few_lines_in_each_period() {
        let limit = LogLimit::new(10);
        assert_eq!((0..100).filter(|_| limit.pass().is_some()).count(), 10);
        tokio::time::advance(PERIOD).await;
        assert_eq!(limit.pass(), Some(90));
        assert_eq!(limit.pass(), Some(0));
    }
}
