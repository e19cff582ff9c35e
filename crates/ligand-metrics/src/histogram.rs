//! How values are spread.
//!
//! Buckets are cumulative and exact. Quantiles, mean and deviation are about a window of time, a ring of slots, each with at
//! most [`SAMPLES`] values: of more, a fair choice (reservoir sampling, Vitter's algorithm R). Moleculer keeps all, which a busy
//! node cannot.

use std::time::Duration;

use parking_lot::Mutex;

use crate::rate::Rate;

/// Values that one slot of the window keeps.
pub const SAMPLES: usize = 512;

/// Upper bounds in milliseconds, where nothing else is said.
pub const BUCKETS: [f64; 12] =
    [1.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0, 10_000.0];

/// Quantiles, where nothing else is said.
pub const QUANTILES: [f64; 5] = [0.5, 0.9, 0.95, 0.99, 0.999];

/// What a histogram keeps.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    /// Upper bounds, rising; without the last, which is infinite.
    pub buckets: Vec<f64>,
    /// Which quantiles are told, between 0 and 1.
    pub quantiles: Vec<f64>,
    /// The window. Default: 60 s.
    pub max_age: Duration,
    /// Slots of the window. Default: 10.
    pub slots: usize,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            buckets: BUCKETS.to_vec(),
            quantiles: QUANTILES.to_vec(),
            max_age: Duration::from_secs(60),
            slots: 10,
        }
    }
}

impl Shape {
    /// `count` bounds from `start`, each by `width` larger.
    pub fn linear(start: f64, width: f64, count: u16) -> Vec<f64> {
        (0..count).map(|n| start + f64::from(n) * width).collect()
    }

    /// `count` bounds from `start`, each `factor` times as large.
    pub fn exponential(start: f64, factor: f64, count: u16) -> Vec<f64> {
        (0..count).map(|n| start * factor.powi(i32::from(n))).collect()
    }
}

/// How values are spread, of one set of labels.
#[derive(Debug)]
pub struct Histogram {
    shape: Shape,
    state: Mutex<State>,
    pub(crate) rate: Rate,
}

#[derive(Debug)]
struct State {
    /// Values at most each bound, and the rest; not cumulative here.
    counts: Vec<u64>,
    count: u64,
    sum: f64,
    last: Option<f64>,
    window: Vec<Slot>,
    /// The slot that is filled.
    current: usize,
    /// How old it is.
    age: Duration,
}

#[derive(Debug, Default)]
struct Slot {
    seen: u64,
    samples: Vec<f64>,
}

/// What a histogram tells.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// Values so far.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// The last one.
    pub last: Option<f64>,
    /// Upper bounds, and how many values are at most that.
    pub buckets: Vec<(f64, u64)>,
    /// Quantiles of the window.
    pub quantiles: Vec<(f64, Option<f64>)>,
    /// The smallest value of the window.
    pub min: Option<f64>,
    /// The largest value of the window.
    pub max: Option<f64>,
    /// The mean of the window.
    pub mean: Option<f64>,
    /// The variance of the window, of a sample.
    pub variance: Option<f64>,
    /// Its root.
    pub deviation: Option<f64>,
    /// Values in a minute.
    pub rate: f64,
}

impl Histogram {
    pub(crate) fn new(shape: Shape) -> Self {
        let state = State {
            counts: vec![0; shape.buckets.len() + 1],
            count: 0,
            sum: 0.0,
            last: None,
            window: std::iter::repeat_with(Slot::default).take(shape.slots.max(1)).collect(),
            current: 0,
            age: Duration::ZERO,
        };
        Self { shape, state: Mutex::new(state), rate: Rate::default() }
    }

    /// Notes a value; one that is no number is ignored.
    pub fn observe(&self, value: f64) {
        if value.is_nan() {
            return;
        }
        let bucket = self.shape.buckets.partition_point(|bound| *bound < value);
        let mut state = self.state.lock();
        state.counts[bucket] += 1;
        state.count += 1;
        state.sum += value;
        state.last = Some(value);
        let current = state.current;
        state.window[current].add(value);
    }

    /// Notes a time in milliseconds.
    pub fn observe_time(&self, time: Duration) {
        self.observe(time.as_secs_f64() * 1000.0);
    }

    /// Time passes.
    pub(crate) fn tick(&self, elapsed: Duration) {
        let mut state = self.state.lock();
        self.rate.tick(state.count, elapsed);
        state.age += elapsed;
        let slots = state.window.len();
        let width = self.shape.max_age / u32::try_from(slots).unwrap_or(u32::MAX);
        let mut turns = 0;
        while state.age >= width && !width.is_zero() {
            state.age -= width;
            turns += 1;
            if turns > slots {
                state.age = Duration::ZERO;
            }
            state.current = (state.current + 1) % slots;
            let current = state.current;
            state.window[current] = Slot::default();
        }
    }

    /// What it tells.
    pub fn summary(&self) -> Summary {
        let state = self.state.lock();
        let mut all = 0;
        let buckets = self.shape.buckets.iter().zip(&state.counts).map(|(bound, count)| {
            all += count;
            (*bound, all)
        });
        let buckets = buckets.collect();
        let mut samples: Vec<f64> = state.window.iter().flat_map(|slot| &slot.samples).copied().collect();
        let (count, sum, last) = (state.count, state.sum, state.last);
        drop(state);
        samples.sort_unstable_by(f64::total_cmp);
        #[allow(clippy::cast_precision_loss, reason = "far fewer than 2^52 samples")]
        let n = samples.len() as f64;
        let mean = (!samples.is_empty()).then(|| samples.iter().sum::<f64>() / n);
        let variance = mean
            .filter(|_| samples.len() > 1)
            .map(|mean| samples.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0));
        let quantile = |q: f64| {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index below n")]
            let at = ((q.clamp(0.0, 1.0) * n).ceil() as usize).max(1);
            samples.get(at - 1).copied()
        };
        Summary {
            count,
            sum,
            last,
            buckets,
            quantiles: self.shape.quantiles.iter().map(|q| (*q, quantile(*q))).collect(),
            min: samples.first().copied(),
            max: samples.last().copied(),
            mean,
            variance,
            deviation: variance.map(f64::sqrt),
            rate: self.rate.get(),
        }
    }

    pub(crate) fn reset(&self) {
        *self.state.lock() = Self::new(self.shape.clone()).state.into_inner();
    }
}

impl Slot {
    fn add(&mut self, value: f64) {
        self.seen += 1;
        if self.samples.len() < SAMPLES {
            self.samples.push(value);
            return;
        }
        let at = usize::try_from(fastrand::u64(..self.seen)).unwrap_or(usize::MAX);
        if let Some(sample) = self.samples.get_mut(at) {
            *sample = value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn buckets_are_cumulative_and_quantiles_are_of_what_was_seen() {
        let histogram = Histogram::new(Shape { buckets: vec![1.0, 10.0], ..Shape::default() });
        for value in [0.5, 1.0, 2.0, 20.0] {
            histogram.observe(value);
        }
        histogram.observe(f64::NAN);
        let summary = histogram.summary();
        assert_eq!((summary.count, summary.sum, summary.last), (4, 23.5, Some(20.0)));
        assert_eq!(summary.buckets, [(1.0, 2), (10.0, 3)]);
        assert_eq!(summary.quantiles[0], (0.5, Some(1.0)));
        assert_eq!(summary.quantiles[4], (0.999, Some(20.0)));
        assert_eq!((summary.min, summary.max, summary.mean), (Some(0.5), Some(20.0), Some(5.875)));
        assert!((summary.deviation.unwrap() - 9.437).abs() < 0.001);
    }

    #[test]
    fn old_values_leave_the_window() {
        let histogram = Histogram::new(Shape::default());
        histogram.observe(5.0);
        histogram.tick(seconds(30));
        histogram.observe(7.0);
        histogram.tick(seconds(31));
        let summary = histogram.summary();
        assert_eq!((summary.count, summary.min, summary.max), (2, Some(7.0), Some(7.0)));
        histogram.tick(seconds(100_000));
        let summary = histogram.summary();
        assert_eq!((summary.count, summary.mean, summary.quantiles[0].1), (2, None, None));
    }

    #[test]
    fn many_values_take_bounded_memory() {
        let histogram = Histogram::new(Shape::default());
        for value in 0..100_000 {
            histogram.observe(f64::from(value));
        }
        assert_eq!(histogram.state.lock().window[0].samples.len(), SAMPLES);
        let median = histogram.summary().quantiles[0].1.unwrap();
        assert!((30_000.0..70_000.0).contains(&median), "{median}");
    }

    #[test]
    fn bounds_can_be_made() {
        assert_eq!(Shape::linear(1.0, 2.0, 3), [1.0, 3.0, 5.0]);
        assert_eq!(Shape::exponential(1.0, 2.0, 4), [1.0, 2.0, 4.0, 8.0]);
    }
}
