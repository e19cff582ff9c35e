//! Strategies that know nothing of the nodes.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Candidates, Pick, Strategy, usable_from};

/// How often a random choice is repeated before the next usable one is taken.
const TRIES: usize = 8;

/// One after the other.
#[derive(Debug, Default)]
pub struct RoundRobin {
    next: AtomicUsize,
}

impl Strategy for RoundRobin {
    fn pick(&self, candidates: &dyn Candidates, _: &Pick<'_>) -> Option<usize> {
        let len = candidates.len();
        // One that is not usable loses its turn: to give it to its neighbour would load that one twice.
        for _ in 0..len {
            let index = self.next.fetch_add(1, Ordering::Relaxed) % len;
            if candidates.usable(index) {
                return Some(index);
            }
        }
        usable_from(candidates, 0)
    }
}

/// Any of them.
#[derive(Debug, Default)]
pub struct Random;

impl Strategy for Random {
    fn pick(&self, candidates: &dyn Candidates, _: &Pick<'_>) -> Option<usize> {
        random(candidates)
    }
}

/// A usable one by chance.
pub(super) fn random(candidates: &dyn Candidates) -> Option<usize> {
    let len = candidates.len();
    if len == 0 {
        return None;
    }
    (0..TRIES)
        .map(|_| fastrand::usize(..len))
        .find(|index| candidates.usable(*index))
        .or_else(|| usable_from(candidates, fastrand::usize(..len)))
}
