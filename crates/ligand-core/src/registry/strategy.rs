//! Which of several nodes gets a call: the strategies of load balancing.
//!
//! Every list of endpoints has a [`Strategy`] of its own. To pick costs no allocation, and with a thousand candidates
//! no more than with three: a strategy looks at a few of them, never at all.

mod latency;
mod options;
mod round_robin;
mod sample;
mod shard;

use std::fmt;

use ligand_wire::Payload;

pub use latency::{HostLatency, Latencies, Latency};
pub use options::{ShardOptions, StrategyOptions};
pub use round_robin::{Random, RoundRobin};
pub use sample::CpuUsage;
pub use shard::Shard;

use crate::context::Meta;

/// Chooses one of the candidates.
///
/// ```
/// use ligand_core::registry::strategy::{Candidates, Pick, Strategy};
///
/// /// The first one that may be used.
/// #[derive(Debug)]
/// struct First;
///
/// impl Strategy for First {
///     fn pick(&self, candidates: &dyn Candidates, _: &Pick<'_>) -> Option<usize> {
///         (0..candidates.len()).find(|index| candidates.usable(*index))
///     }
/// }
/// ```
pub trait Strategy: Send + Sync + fmt::Debug {
    /// The position of the chosen candidate; `None` when none is usable.
    fn pick(&self, candidates: &dyn Candidates, pick: &Pick<'_>) -> Option<usize>;
}

/// The endpoints among which a strategy chooses, one for each node. All methods are quick.
pub trait Candidates {
    /// How many there are.
    fn len(&self) -> usize;

    /// True when there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A number that differs for lists of different nodes: it changes whenever a node comes or goes.
    fn generation(&self) -> u64;

    /// False when this one must not get the call: its circuit is open, its node is suspect.
    fn usable(&self, index: usize) -> bool;

    /// Name of its node.
    fn node(&self, index: usize) -> &str;

    /// Load of its node in percent, when known.
    fn cpu(&self, index: usize) -> Option<f64>;

    /// How long a ping to its host takes, in milliseconds, when known.
    fn latency(&self, index: usize) -> Option<f64>;
}

/// What a strategy may ask about the call.
#[derive(Clone, Copy)]
pub struct Pick<'a> {
    params: &'a Payload,
    meta: &'a dyn Fn() -> Meta,
}

impl<'a> Pick<'a> {
    /// A call with these parameters, or an event with this payload. `meta` is asked for only when it is needed.
    pub fn new(params: &'a Payload, meta: &'a dyn Fn() -> Meta) -> Self {
        Self { params, meta }
    }

    /// The parameters.
    pub fn params(&self) -> &'a Payload {
        self.params
    }

    /// The meta.
    pub fn meta(&self) -> Meta {
        (self.meta)()
    }
}

impl fmt::Debug for Pick<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pick").field("params", &self.params).finish_non_exhaustive()
    }
}

/// The first usable one from `start` on, round the end. Looks at more than one only where some are not usable.
fn usable_from(candidates: &dyn Candidates, start: usize) -> Option<usize> {
    let len = candidates.len();
    (start..len).chain(0..start.min(len)).find(|index| candidates.usable(*index))
}

#[cfg(test)]
mod tests;
