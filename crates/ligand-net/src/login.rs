//! Buses and stores that do not let a node in.

use std::{fmt, time::Duration};

use ligand_wire::{Error, Result};

use crate::Backoff;

/// What becomes of a refused login: the first connect fails with it, because nobody mends a wrong password by waiting.
/// Once the node was let in, somebody is changing passwords: then it tries again, seldom, and says so each time.
#[derive(Debug)]
pub struct Login {
    bus: &'static str,
    let_in: bool,
    pauses: Backoff,
}

impl Login {
    /// For a bus or store of this name, as errors and logs call it: `Redis`.
    pub const fn new(bus: &'static str) -> Self {
        Self { bus, let_in: false, pauses: Self::pauses() }
    }

    /// Pauses between tries after the node was let in once: from 1 s to 30 s.
    pub const fn pauses() -> Backoff {
        Backoff::new(Duration::from_secs(1), Duration::from_secs(30))
    }

    /// The node is let in.
    pub const fn let_in(&mut self) {
        self.let_in = true;
        self.pauses.reset();
    }

    /// The server does not let the node in; answers the pause before the next try, and logs it.
    ///
    /// # Errors
    /// `BROKER_OPTIONS_ERROR` when it never did.
    pub fn refused(&mut self, server: impl fmt::Display, why: impl fmt::Display) -> Result<Duration> {
        let bus = self.bus;
        if !self.let_in {
            return Err(Self::error(bus, server, why));
        }
        let pause = self.pauses.pause();
        tracing::error!(?pause, "{bus} server {server} refuses this node: {why}; trying again");
        Ok(pause)
    }

    /// The error of a node that is not let in.
    pub fn error(bus: &str, server: impl fmt::Display, why: impl fmt::Display) -> Error {
        Error::broker_options(format!("{bus} server {server} refuses this node: {why}"))
    }

    /// Whether an error of an encrypted connection says that one side does not trust the other's certificate.
    pub fn is_distrust(error: &impl fmt::Display) -> bool {
        let text = error.to_string();
        text.contains("invalid peer certificate") || text.contains("received fatal alert")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_login_is_an_error_at_first_and_a_pause_later() {
        let mut login = Login::new("Redis");
        let error = login.refused("bus:6379", "wrong user or password").unwrap_err();
        assert_eq!(error.kind(), "BROKER_OPTIONS_ERROR");
        assert_eq!(error.message(), "Redis server bus:6379 refuses this node: wrong user or password");
        login.let_in();
        let pauses: Vec<_> = (0..8).map(|_| login.refused("a", "b").unwrap()).collect();
        assert!(pauses[0] <= Duration::from_secs(1) && pauses[7] >= Duration::from_secs(15), "{pauses:?}");
        login.let_in();
        assert!(login.refused("a", "b").unwrap() <= Duration::from_secs(1));
    }
}
