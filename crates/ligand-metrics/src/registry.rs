//! All metrics of a broker.

use std::{
    collections::BTreeMap,
    fmt,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use ligand_wire::pattern::Pattern;
use parking_lot::{Mutex, RwLock};
use serde_json::{Map, Value, json};

use crate::{
    Counter, Definition, Gauge, Histogram,
    histogram::Summary,
    metric::{Any, Family, Kind},
};

type Collector = Arc<dyn Fn(&Registry) + Send + Sync>;

/// All metrics of a broker. Clones are the same one.
#[derive(Clone, Default)]
pub struct Registry(Arc<Inner>);

#[derive(Default)]
struct Inner {
    metrics: RwLock<BTreeMap<Arc<str>, Any>>,
    collectors: Mutex<Vec<Collector>>,
}

/// Which metrics are asked for.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only these kinds; `None`: all.
    pub kinds: Option<Vec<Kind>>,
    /// Only names that fit one of these [masks](ligand_wire::pattern); empty = all.
    pub includes: Vec<String>,
    /// Not names that fit one of these.
    pub excludes: Vec<String>,
}

impl Filter {
    fn wants(&self, metric: &Any) -> bool {
        let name = &metric.definition().name;
        let fits = |masks: &[String]| masks.iter().any(|mask| Pattern::new(mask).matches(name));
        self.kinds.as_ref().is_none_or(|kinds| kinds.contains(&metric.kind()))
            && (self.includes.is_empty() || fits(&self.includes))
            && !fits(&self.excludes)
    }
}

impl Registry {
    /// Without metrics.
    pub fn new() -> Self {
        Self::default()
    }

    fn any<T>(
        &self,
        definition: Definition,
        wrap: fn(Arc<Family<T>>) -> Any,
        unwrap: fn(&Any) -> Option<Arc<Family<T>>>,
        make: fn(&Definition) -> T,
    ) -> Arc<Family<T>> {
        if let Some(known) = self.0.metrics.read().get(&definition.name).and_then(unwrap) {
            return known;
        }
        let mut metrics = self.0.metrics.write();
        if let Some(known) = metrics.get(&definition.name) {
            if let Some(known) = unwrap(known) {
                return known;
            }
            let kind = known.kind();
            // Without the lock: whoever counts lines of the log may count them here.
            drop(metrics);
            tracing::warn!(
                metric = &*definition.name,
                "this metric exists already and is a {}; the new one is in no report",
                kind.name()
            );
            return Arc::new(Family::new(definition, make));
        }
        let family = Arc::new(Family::new(definition, make));
        metrics.insert(family.definition.name.clone(), wrap(family.clone()));
        family
    }

    /// A metric that counts: the one with this name, or a new one.
    pub fn counter(&self, definition: Definition) -> Arc<Family<Counter>> {
        let unwrap = |any: &Any| if let Any::Counter(family) = any { Some(family.clone()) } else { None };
        self.any(definition, Any::Counter, unwrap, |_| Counter::default())
    }

    /// A metric that goes up and down: the one with this name, or a new one.
    pub fn gauge(&self, definition: Definition) -> Arc<Family<Gauge>> {
        let unwrap = |any: &Any| if let Any::Gauge(family) = any { Some(family.clone()) } else { None };
        self.any(definition, Any::Gauge, unwrap, |_| Gauge::default())
    }

    /// A metric of how values are spread: the one with this name, or a new one.
    pub fn histogram(&self, definition: Definition) -> Arc<Family<Histogram>> {
        let unwrap = |any: &Any| if let Any::Histogram(family) = any { Some(family.clone()) } else { None };
        self.any(definition, Any::Histogram, unwrap, |definition| Histogram::new(definition.shape.clone()))
    }

    /// Sets a metric that is a text.
    pub fn info(&self, definition: Definition, values: &[&str], text: &str) {
        let unwrap = |any: &Any| if let Any::Info(family) = any { Some(family.clone()) } else { None };
        let family = self.any(definition, Any::Info, unwrap, |_| Mutex::default());
        *family.with(values).lock() = text.into();
    }

    /// Calls `collect` before metrics are told, to set what is kept somewhere else.
    pub fn on_collect(&self, collect: impl Fn(&Self) + Send + Sync + 'static) {
        self.0.collectors.lock().push(Arc::new(collect));
    }

    pub(crate) fn collect(&self) {
        let collectors = self.0.collectors.lock().clone();
        collectors.iter().for_each(|collect| collect(self));
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.metrics.read().is_empty()
    }

    pub(crate) fn all(&self) -> Vec<Any> {
        self.0.metrics.read().values().cloned().collect()
    }

    /// Time passes: rates and windows move on. To be called every few seconds.
    pub fn tick(&self, elapsed: Duration) {
        for metric in self.all() {
            match metric {
                Any::Counter(family) if family.definition.rate => {
                    family.all().iter().for_each(|(_, series)| series.rate.tick(series.value(), elapsed));
                }
                Any::Histogram(family) => {
                    family.all().iter().for_each(|(_, series)| series.tick(elapsed));
                }
                _ => {}
            }
        }
    }

    /// Sets everything to nothing.
    pub fn reset(&self) {
        for metric in self.all() {
            match metric {
                Any::Counter(family) => family.all().iter().for_each(|(_, series)| series.reset()),
                Any::Gauge(family) => family.all().iter().for_each(|(_, series)| series.set(0.0)),
                Any::Histogram(family) => family.all().iter().for_each(|(_, series)| series.reset()),
                Any::Info(family) => family.retain(|_| false),
            }
        }
    }

    /// The metrics in the form of Moleculer's `$node.metrics`: `{type, name, description, labelNames, unit, values}`.
    pub fn snapshot(&self, filter: &Filter) -> Vec<Value> {
        self.collect();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        self.all().iter().filter(|metric| filter.wants(metric)).map(|metric| snapshot(metric, now)).collect()
    }
}

fn snapshot(metric: &Any, now: u64) -> Value {
    let definition = metric.definition();
    let entry = |labels: &[Arc<str>], value: Map<String, Value>| {
        let pairs = definition.labels.iter().zip(labels);
        let pairs: Map<_, _> = pairs.map(|(name, value)| (name.to_string(), Value::from(&**value))).collect();
        let mut all = Map::new();
        let key: Vec<_> = labels.iter().map(|label| format!("\"{label}\"")).collect();
        all.insert("key".into(), key.join("|").into());
        all.insert("labels".into(), pairs.into());
        all.extend(value);
        all.insert("timestamp".into(), now.into());
        Value::Object(all)
    };
    let one = |value: Value| Map::from_iter([("value".to_owned(), value)]);
    let values: Vec<Value> = match metric {
        Any::Counter(family) => family
            .all()
            .iter()
            .map(|(labels, series)| {
                let mut value = one(series.value().into());
                if definition.rate {
                    value.insert("rate".into(), series.rate().into());
                }
                entry(labels, value)
            })
            .collect(),
        Any::Gauge(family) => {
            family.all().iter().map(|(labels, series)| entry(labels, one(number(series.value())))).collect()
        }
        Any::Histogram(family) => {
            family.all().iter().map(|(labels, series)| entry(labels, summary(&series.summary()))).collect()
        }
        Any::Info(family) => {
            family.all().iter().map(|(labels, text)| entry(labels, one((&**text.lock()).into()))).collect()
        }
    };
    json!({
        "type": metric.kind().name(), "name": &*definition.name, "description": &*definition.description,
        "labelNames": definition.labels.iter().map(|name| &**name).collect::<Vec<_>>(),
        "unit": definition.unit.as_deref(), "values": values,
    })
}

/// A whole number where it is one, as JavaScript writes it.
fn number(value: f64) -> Value {
    #[allow(clippy::cast_possible_truncation, reason = "it is whole and small")]
    match value.fract() == 0.0 && value.abs() < 9e15 {
        true => (value as i64).into(),
        false => value.into(),
    }
}

fn summary(summary: &Summary) -> Map<String, Value> {
    let quantiles: Map<_, _> =
        summary.quantiles.iter().map(|(q, value)| (q.to_string(), (*value).into())).collect();
    let buckets: Map<_, _> =
        summary.buckets.iter().map(|(bound, count)| (bound.to_string(), (*count).into())).collect();
    let value = json!({
        "count": summary.count, "sum": number(summary.sum), "lastValue": summary.last, "buckets": buckets,
        "min": summary.min, "mean": summary.mean, "variance": summary.variance, "stdDev": summary.deviation,
        "max": summary.max, "quantiles": quantiles, "rate": summary.rate,
    });
    match value {
        Value::Object(value) => value,
        _ => Map::new(),
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("metrics", &self.0.metrics.read().len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_metric() {
        let registry = Registry::new();
        registry.counter(Definition::new("a").labels(["x"])).with(&["1"]).increment(2);
        registry.counter(Definition::new("a")).with(&["1"]).increment(3);
        assert_eq!(registry.counter(Definition::new("a")).with(&["1"]).value(), 5);
        // Of another kind: it counts, but is in no report.
        registry.gauge(Definition::new("a")).single().set(7.0);
        assert_eq!(registry.snapshot(&Filter::default()).len(), 1);
    }

    #[test]
    fn a_snapshot_has_the_form_of_the_reference() {
        let registry = Registry::new();
        registry
            .counter(Definition::new("a.total").labels(["x"]).unit("request").rate())
            .with(&["1"])
            .increment(2);
        registry.on_collect(|registry| registry.gauge(Definition::new("b")).single().set(1.5));
        registry.info(Definition::new("c"), &[], "text");
        registry.tick(Duration::from_secs(60));
        let mut all = registry.snapshot(&Filter::default());
        for metric in &mut all {
            for value in metric["values"].as_array_mut().unwrap() {
                assert!(value.as_object_mut().unwrap().remove("timestamp").unwrap().is_u64());
            }
        }
        let expected = json!([
            { "type": "counter", "name": "a.total", "description": "", "labelNames": ["x"], "unit": "request",
              "values": [{ "key": "\"1\"", "labels": { "x": "1" }, "value": 2, "rate": 1.0 }] },
            { "type": "gauge", "name": "b", "description": "", "labelNames": [], "unit": null,
              "values": [{ "key": "", "labels": {}, "value": 1.5 }] },
            { "type": "info", "name": "c", "description": "", "labelNames": [], "unit": null,
              "values": [{ "key": "", "labels": {}, "value": "text" }] },
        ]);
        assert_eq!(Value::from(all), expected);
        let filter = Filter {
            includes: vec!["a*".into(), "b".into()],
            excludes: vec!["*.total".into()],
            ..Filter::default()
        };
        assert_eq!(registry.snapshot(&filter).len(), 1);
    }
}
