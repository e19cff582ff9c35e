//! Looks at a few candidates and takes the one with the lowest number.

use serde::Deserialize;

use super::{Candidates, Pick, Strategy, round_robin::random};

/// The least busy of a few: the first one below a bound, else the one with the lowest load, else any.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CpuUsage {
    /// How many are looked at; 0 = all. Default: 3.
    #[serde(alias = "sampleCount")]
    pub sample_count: usize,
    /// Load in percent below which a node is taken at once. Default: 10.
    #[serde(alias = "lowCpuUsage")]
    pub low_cpu_usage: f64,
}

impl Default for CpuUsage {
    fn default() -> Self {
        Self { sample_count: 3, low_cpu_usage: 10.0 }
    }
}

impl Strategy for CpuUsage {
    fn pick(&self, candidates: &dyn Candidates, _: &Pick<'_>) -> Option<usize> {
        lowest(candidates, self.sample_count, self.low_cpu_usage, |index| candidates.cpu(index))
    }
}

/// The first of `count` samples below `low`, else the lowest one that is known, else any.
pub(super) fn lowest(
    candidates: &dyn Candidates,
    count: usize,
    low: f64,
    number: impl Fn(usize) -> Option<f64>,
) -> Option<usize> {
    let len = candidates.len();
    let all = count == 0 || count >= len;
    let mut best: Option<(usize, f64)> = None;
    for at in 0..if all { len } else { count } {
        let index = if all { at } else { random(candidates)? };
        if all && !candidates.usable(index) {
            continue;
        }
        let Some(number) = number(index).filter(|number| !number.is_nan()) else { continue };
        if number < low {
            return Some(index);
        }
        if best.is_none_or(|(_, lowest)| number < lowest) {
            best = Some((index, number));
        }
    }
    best.map(|(index, _)| index).or_else(|| random(candidates))
}
