//! Log lines that outsiders can cause, at a bounded rate.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Lets a few lines through in ten seconds and counts the others.
///
/// ```
/// let limit = ligand_net::LogLimit::new(1);
/// if let Some(left_out) = limit.pass() {
///     tracing::warn!(left_out, "a packet makes no sense");
/// }
/// assert_eq!(limit.pass(), None);
/// ```
#[derive(Debug)]
pub struct LogLimit {
    lines: u32,
    state: Mutex<State>,
}

const PERIOD: Duration = Duration::from_secs(10);

#[derive(Debug)]
struct State {
    /// Of the period; `None` = no line has come yet.
    start: Option<Instant>,
    written: u32,
    left_out: u64,
}

impl LogLimit {
    /// Lets so many lines through in ten seconds.
    pub const fn new(lines: u32) -> Self {
        Self { lines, state: Mutex::new(State { start: None, written: 0, left_out: 0 }) }
    }

    /// `Some(n)`: write the line; `n` others were left out since the last one.
    pub fn pass(&self) -> Option<u64> {
        let now = Instant::now();
        let state = &mut *self.state.lock();
        if state.start.is_none_or(|start| now.duration_since(start) >= PERIOD) {
            (state.start, state.written) = (Some(now), 0);
        }
        if state.written >= self.lines {
            state.left_out += 1;
            return None;
        }
        state.written += 1;
        Some(std::mem::take(&mut state.left_out))
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
