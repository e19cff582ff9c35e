//! What the gateway says about failures and its aliases, and texts from outside in lines of a log.

use std::{
    collections::HashSet,
    fmt::{self, Display, Write as _},
    hash::{BuildHasher as _, RandomState},
};

use ligand_core::Error;
use parking_lot::Mutex;

use crate::Req;

/// A failure on our side, with everything the client does not get to see.
pub(crate) fn failure(req: &Req, error: &Error, request_id: &str) {
    let (method, path) = (Shown(req.method.as_str()), Shown(req.uri.path()));
    tracing::error!(request_id, error = %error.for_log(), "request failed: {method} {path}");
}

/// The longest text from outside in one log line, in characters.
const LONGEST: usize = 500;

/// A text from outside, fit for one log line: no control characters, and no longer than it is useful.
pub(crate) struct Shown<'a>(pub(crate) &'a str);

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.0.char_indices().nth(LONGEST).map_or(self.0.len(), |(end, _)| end);
        self.0[..end].chars().flat_map(escaped).try_for_each(|c| f.write_char(c))?;
        match self.0.len() - end {
            0 => Ok(()),
            left => write!(f, "… ({left} more bytes)"),
        }
    }
}

/// A character that cannot end the line or move the cursor of a terminal.
fn escaped(c: char) -> impl Iterator<Item = char> {
    let special = c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    let (plain, escape) = if special { (None, Some(c.escape_default())) } else { (Some(c), None) };
    plain.into_iter().chain(escape.into_iter().flatten())
}

/// What is wrong with aliases, each told once: the table is made anew whenever a service comes or goes.
#[derive(Default)]
pub(crate) struct Told(Mutex<HashSet<u64, RandomState>>, RandomState);

/// So many problems are told; other nodes could name more without end.
const MOST_TOLD: usize = 200;

impl Told {
    pub(crate) fn tell(&self, problems: &[String]) {
        let mut told = self.0.lock();
        for problem in problems {
            if told.len() > MOST_TOLD || !told.insert(self.1.hash_one(problem)) {
                continue;
            }
            match told.len() > MOST_TOLD {
                true => tracing::warn!("more aliases than {MOST_TOLD} cannot be used; they are not listed"),
                false => tracing::warn!("{}", Shown(problem)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_from_outside_are_cut() {
        let long = Shown(&"ä".repeat(32 * 1024)).to_string();
        assert!(
            long.chars().count() < LONGEST + 30 && long.ends_with("… (64536 more bytes)"),
            "{}",
            long.len()
        );
        assert_eq!(Shown("/api/ü").to_string(), "/api/ü");
    }
}
