//! One metric: its definition, and its series by labels.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use foldhash::fast::RandomState;
use parking_lot::RwLock;

use crate::{Counter, Gauge, Histogram, histogram::Shape};

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A count that only grows.
    Counter,
    /// A value that goes up and down.
    Gauge,
    /// How values are spread.
    Histogram,
    /// A text.
    Info,
}

impl Kind {
    /// Its name, as Moleculer writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Info => "info",
        }
    }
}

/// What a metric is about.
#[derive(Clone, Debug)]
pub struct Definition {
    pub(crate) name: Arc<str>,
    pub(crate) description: Arc<str>,
    pub(crate) unit: Option<Arc<str>>,
    pub(crate) labels: Arc<[Arc<str>]>,
    pub(crate) rate: bool,
    pub(crate) shape: Shape,
    pub(crate) most: usize,
}

/// Series of one metric, where nothing else is said.
pub const SERIES: usize = 2_000;

impl Definition {
    /// A name such as `shop.orders.total`: letters, digits, `_`, `-`, `:` and `.`, not beginning with a digit. Other
    /// characters become `_`.
    pub fn new(name: &str) -> Self {
        Self {
            name: clean(name).into(),
            description: Arc::default(),
            unit: None,
            labels: Arc::default(),
            rate: false,
            shape: Shape::default(),
            most: SERIES,
        }
    }

    /// What it means.
    pub fn description(mut self, text: &str) -> Self {
        self.description = text.into();
        self
    }

    /// What it is counted in: `request`, `millisecond`, `byte`.
    pub fn unit(mut self, unit: &str) -> Self {
        self.unit = Some(unit.into());
        self
    }

    /// Names of its labels.
    pub fn labels<S: AsRef<str>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.labels = names.into_iter().map(|name| label(name.as_ref()).into()).collect();
        self
    }

    /// Tells how fast it grows, too.
    pub fn rate(mut self) -> Self {
        self.rate = true;
        self
    }

    /// Upper bounds of a histogram's buckets.
    pub fn buckets(mut self, bounds: impl Into<Vec<f64>>) -> Self {
        self.shape.buckets = bounds.into();
        self.shape.buckets.retain(|bound| bound.is_finite());
        self.shape.buckets.sort_unstable_by(f64::total_cmp);
        self.shape.buckets.dedup();
        self
    }

    /// Which quantiles a histogram tells.
    pub fn quantiles(mut self, quantiles: impl Into<Vec<f64>>) -> Self {
        self.shape.quantiles = quantiles.into();
        self
    }

    /// The time that quantiles and the like of a histogram are about, and in how many slots it moves on. Default: 60 s
    /// in 10.
    pub fn window(mut self, time: Duration, slots: usize) -> Self {
        (self.shape.max_age, self.shape.slots) = (time, slots);
        self
    }

    /// At most so many sets of labels; what comes then is counted under the label values `other`. Default: 2000.
    pub fn max_series(mut self, most: usize) -> Self {
        self.most = most.max(1);
        self
    }
}

/// A name without what no reporter can write.
fn clean(name: &str) -> String {
    let mut clean: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || "_-:.".contains(c) { c } else { '_' }).collect();
    if clean.is_empty() || clean.starts_with(|c: char| c.is_ascii_digit()) {
        clean.insert(0, '_');
    }
    clean
}

/// Values of labels, in the order of their names.
pub(crate) type Values = Box<[Arc<str>]>;

/// The name of a label: no reporter takes a colon there.
pub(crate) fn label(name: &str) -> String {
    clean(name).replace(':', "_")
}

/// All series of one metric.
pub struct Family<T> {
    pub(crate) definition: Definition,
    series: RwLock<HashMap<Values, Arc<T>, RandomState>>,
    make: fn(&Definition) -> T,
    full: AtomicBool,
}

/// The value of all labels of what does not fit.
const OTHER: &str = "other";

impl<T> Family<T> {
    pub(crate) fn new(definition: Definition, make: fn(&Definition) -> T) -> Self {
        Self { definition, series: RwLock::default(), make, full: AtomicBool::new(false) }
    }

    /// The series with these values of the labels, in the order of their names; missing ones are empty, more are
    /// ignored.
    pub fn with(&self, values: &[&str]) -> Arc<T> {
        let count = self.definition.labels.len();
        let fits = values.len() == count;
        if fits && let Some(series) = self.series.read().get(&Texts(values) as &dyn Labels) {
            return series.clone();
        }
        let mut key: Vec<Arc<str>> = values.iter().take(count).map(|value| Arc::from(*value)).collect();
        key.resize(count, Arc::default());
        let mut all = self.series.write();
        let full = all.len() >= self.definition.most && !all.contains_key(key.as_slice());
        if full {
            key = vec![Arc::from(OTHER); count];
        }
        let series = all.entry(key.into()).or_insert_with(|| Arc::new((self.make)(&self.definition))).clone();
        drop(all);
        // Without the lock: whoever counts lines of the log may count them here.
        if full && !self.full.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                metric = &*self.definition.name,
                "a metric has {} sets of labels; more are counted as '{OTHER}': do its labels hold ids?",
                self.definition.most
            );
        }
        series
    }

    /// The only series of a metric without labels.
    pub fn single(&self) -> Arc<T> {
        self.with(&[])
    }

    /// All series with the values of their labels, in order.
    pub(crate) fn all(&self) -> Vec<(Values, Arc<T>)> {
        let all = self.series.read();
        let mut all: Vec<_> = all.iter().map(|(key, series)| (key.clone(), series.clone())).collect();
        all.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        all
    }

    /// What is said about it.
    pub fn definition(&self) -> &Definition {
        &self.definition
    }

    /// Forgets the series whose labels have other values than these: what they were about is gone.
    pub fn retain(&self, keep: impl Fn(&[Arc<str>]) -> bool) {
        self.series.write().retain(|values, _| keep(values));
    }
}

impl<T> fmt::Debug for Family<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Family").field("name", &self.definition.name).finish_non_exhaustive()
    }
}

/// Values of labels, whatever holds them: so that a look-up allocates nothing.
trait Labels {
    fn count(&self) -> usize;
    fn value(&self, at: usize) -> &str;
}

struct Texts<'a>(&'a [&'a str]);

impl Labels for Texts<'_> {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn value(&self, at: usize) -> &str {
        self.0[at]
    }
}

impl Labels for Box<[Arc<str>]> {
    fn count(&self) -> usize {
        self.len()
    }

    fn value(&self, at: usize) -> &str {
        &self[at]
    }
}

impl std::hash::Hash for dyn Labels + '_ {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        // As a slice of texts hashes.
        state.write_usize(self.count());
        (0..self.count()).for_each(|at| self.value(at).hash(state));
    }
}

impl PartialEq for dyn Labels + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.count() == other.count() && (0..self.count()).all(|at| self.value(at) == other.value(at))
    }
}

impl Eq for dyn Labels + '_ {}

impl<'a> std::borrow::Borrow<dyn Labels + 'a> for Box<[Arc<str>]> {
    fn borrow(&self) -> &(dyn Labels + 'a) {
        self
    }
}

/// Series of any kind.
#[derive(Clone, Debug)]
pub(crate) enum Any {
    Counter(Arc<Family<Counter>>),
    Gauge(Arc<Family<Gauge>>),
    Histogram(Arc<Family<Histogram>>),
    Info(Arc<Family<parking_lot::Mutex<Arc<str>>>>),
}

impl Any {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Counter(_) => Kind::Counter,
            Self::Gauge(_) => Kind::Gauge,
            Self::Histogram(_) => Kind::Histogram,
            Self::Info(_) => Kind::Info,
        }
    }

    pub(crate) fn definition(&self) -> &Definition {
        match self {
            Self::Counter(family) => &family.definition,
            Self::Gauge(family) => &family.definition,
            Self::Histogram(family) => &family.definition,
            Self::Info(family) => &family.definition,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_labels_are_the_same_series() {
        let family = Family::new(Definition::new("a.b").labels(["x", "y"]), |_| Counter::default());
        family.with(&["1", "2"]).increment(1);
        family.with(&["1", "2"]).increment(1);
        family.with(&["1"]).increment(5);
        family.with(&["1", "", "more"]).increment(1);
        let all: Vec<_> =
            family.all().into_iter().map(|(key, series)| (key.join("|"), series.value())).collect();
        assert_eq!(all, [("1|".to_owned(), 6), ("1|2".to_owned(), 2)]);
    }

    #[test]
    fn labels_with_ids_take_bounded_memory() {
        let family = Family::new(Definition::new("a").labels(["id"]).max_series(3), |_| Counter::default());
        for id in 0..100 {
            family.with(&[&id.to_string()]).increment(1);
        }
        let all = family.all();
        assert_eq!(all.len(), 4);
        assert_eq!(family.with(&["other"]).value(), 97);
        assert_eq!(family.with(&["2"]).value(), 1);
    }

    #[test]
    fn names_are_what_every_reporter_can_write() {
        for (name, expected) in [("shop.orders-x:y", "shop.orders-x:y"), ("5 a/ü", "_5_a__"), ("", "_")] {
            assert_eq!(&*Definition::new(name).name, expected);
        }
    }
}
