//! The macros of the crate [`metrics`] count in a [`Registry`].
//!
//! ```
//! let metrics = ligand_metrics::Registry::new();
//! let recorder = ligand_metrics::facade::Recorder::new(metrics.clone());
//! metrics::with_local_recorder(&recorder, || {
//!     metrics::counter!("shop.orders", "payment by" => "card").increment(2);
//! });
//! # use ligand_metrics::Definition;
//! assert_eq!(metrics.counter(Definition::new("shop.orders")).with(&["card"]).value(), 2);
//! ```

use std::sync::Arc;

use metrics::{CounterFn, GaugeFn, HistogramFn, Key, KeyName, Metadata, SharedString, Unit};

use crate::{Counter, Definition, Gauge, Histogram, Registry, metric::label};

/// Records what the macros of `metrics` say. The first use of a name decides which labels it has.
#[derive(Clone, Debug)]
pub struct Recorder(Registry);

impl Recorder {
    /// For a registry.
    pub fn new(registry: Registry) -> Self {
        Self(registry)
    }

    /// Makes it the recorder of the process; false when there is one already.
    pub fn install(self) -> bool {
        metrics::set_global_recorder(self).is_ok()
    }
}

struct One<T>(Arc<T>);

impl CounterFn for One<Counter> {
    fn increment(&self, value: u64) {
        self.0.increment(value);
    }

    fn absolute(&self, value: u64) {
        self.0.set(value);
    }
}

impl GaugeFn for One<Gauge> {
    fn increment(&self, value: f64) {
        self.0.add(value);
    }

    fn decrement(&self, value: f64) {
        self.0.add(-value);
    }

    fn set(&self, value: f64) {
        self.0.set(value);
    }
}

impl HistogramFn for One<Histogram> {
    fn record(&self, value: f64) {
        self.0.observe(value);
    }
}

fn definition(key: &Key) -> Definition {
    Definition::new(key.name()).labels(key.labels().map(metrics::Label::key))
}

/// The values in the order of the names that the metric has.
fn values<'a>(known: &Definition, key: &'a Key) -> Vec<&'a str> {
    let value =
        // Names are kept as reporters can write them.
        |name: &Arc<str>| key.labels().find(|own| label(own.key()) == **name).map(metrics::Label::value);
    known.labels.iter().map(|name| value(name).unwrap_or_default()).collect()
}

impl metrics::Recorder for Recorder {
    // What a description says comes too late for a metric that is there, and none is made for it.
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> metrics::Counter {
        let family = self.0.counter(definition(key));
        metrics::Counter::from_arc(Arc::new(One(family.with(&values(family.definition(), key)))))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> metrics::Gauge {
        let family = self.0.gauge(definition(key));
        metrics::Gauge::from_arc(Arc::new(One(family.with(&values(family.definition(), key)))))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> metrics::Histogram {
        let family = self.0.histogram(definition(key));
        metrics::Histogram::from_arc(Arc::new(One(family.with(&values(family.definition(), key)))))
    }
}
