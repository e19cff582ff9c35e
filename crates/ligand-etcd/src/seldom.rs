//! Warnings that may come in masses.

use std::time::Duration;

use tokio::time::Instant;

/// Lets one of many warnings through.
#[derive(Debug, Default)]
pub(crate) struct Seldom(Option<Instant>);

/// How long the others are held back.
const PAUSE: Duration = Duration::from_secs(30);

impl Seldom {
    /// Whether it is time for one.
    pub(crate) fn due(&mut self) -> bool {
        let due = self.0.is_none_or(|last| last.elapsed() >= PAUSE);
        if due {
            self.0 = Some(Instant::now());
        }
        due
    }
}
