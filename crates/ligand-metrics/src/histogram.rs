//! How values are spread.
//!
//! Buckets are cumulative and exact. Quantiles, mean and deviation are about a window of time, a ring of slots. What can be
//! told without the values (smallest, largest, mean, variance) is exact; for quantiles each slot keeps at most [`SAMPLES`]
//! values, of more a fair choice (reservoir sampling, Vitter's algorithm R) in which each stands for as many as were seen.
//! Moleculer keeps all, which a busy node cannot.

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
    all: Moments,
    samples: Vec<f64>,
}

/// What is known of values that are not kept: Welford's way to the variance, and Chan's to join two of them.
#[derive(Clone, Copy, Debug, Default)]
struct Moments {
    seen: u64,
    mean: f64,
    /// Squares of the distances from the mean.
    squares: f64,
    min: f64,
    max: f64,
}

#[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
impl Moments {
    fn add(&mut self, value: f64) {
        let one = Self { seen: 1, mean: value, squares: 0.0, min: value, max: value };
        *self = self.and(one);
    }

    fn and(self, other: Self) -> Self {
        if self.seen == 0 || other.seen == 0 {
            return if self.seen == 0 { other } else { self };
        }
        let (own, more) = (self.seen as f64, other.seen as f64);
        let apart = other.mean - self.mean;
        Self {
            seen: self.seen + other.seen,
            mean: self.mean + apart * more / (own + more),
            squares: self.squares + other.squares + apart * apart * own * more / (own + more),
            min: self.min.min(other.min),
            max: self.max.max(other.max),
        }
    }
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
        let window = state.window.iter().fold(Moments::default(), |all, slot| all.and(slot.all));
        let mut samples: Vec<(f64, f64)> = state.window.iter().flat_map(Slot::weighted).collect();
        let (count, sum, last) = (state.count, state.sum, state.last);
        drop(state);
        samples.sort_unstable_by(|(one, _), (other, _)| one.total_cmp(other));
        #[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        let seen = window.seen as f64;
        let known = |value: f64| (window.seen > 0).then_some(value);
        let variance = (window.seen > 1).then(|| window.squares / (seen - 1.0));
        let quantile = |q: f64| {
            let wanted = (q.clamp(0.0, 1.0) * seen).ceil().max(1.0);
            let mut before = 0.0;
            // Weights are no whole numbers: the last one may end a little too early.
            let at = samples.iter().find(|(_, weight)| {
                before += weight;
                before + 1e-6 >= wanted
            });
            at.or(samples.last()).map(|(value, _)| *value)
        };
        Summary {
            count,
            sum,
            last,
            buckets,
            quantiles: self.shape.quantiles.iter().map(|q| (*q, quantile(*q))).collect(),
            min: known(window.min),
            max: known(window.max),
            mean: known(window.mean),
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
    /// The samples, and for how many values each stands.
    fn weighted(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        #[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        let weight = self.all.seen as f64 / self.samples.len().max(1) as f64;
        self.samples.iter().map(move |value| (*value, weight))
    }

    fn add(&mut self, value: f64) {
        self.all.add(value);
        if self.samples.len() < SAMPLES {
            self.samples.push(value);
            return;
        }
        let at = usize::try_from(fastrand::u64(..self.all.seen)).unwrap_or(usize::MAX);
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
    fn samples_stand_for_what_was_seen() {
        let histogram = Histogram::new(Shape::default());
        for _ in 0..100_000 {
            histogram.observe(1.0);
        }
        histogram.observe(9000.0);
        histogram.tick(seconds(6));
        for _ in 0..512 {
            histogram.observe(100.0);
        }
        let summary = histogram.summary();
        assert_eq!((summary.quantiles[0].1, summary.quantiles[2].1), (Some(1.0), Some(1.0)));
        // Nothing that is rare is overlooked.
        assert_eq!((summary.min, summary.max), (Some(1.0), Some(9000.0)));
        let mean = (100_000.0 + 9000.0 + 51_200.0) / 100_513.0;
        assert!((summary.mean.unwrap() - mean).abs() < 1e-9, "{summary:?}");
    }

    #[test]
    fn bounds_can_be_made() {
        assert_eq!(Shape::linear(1.0, 2.0, 3), [1.0, 3.0, 5.0]);
        assert_eq!(Shape::exponential(1.0, 2.0, 4), [1.0, 2.0, 4.0, 8.0]);
    }
}
