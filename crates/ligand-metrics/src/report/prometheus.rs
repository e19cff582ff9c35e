//! The text format of Prometheus (0.0.4) and OpenMetrics (1.0).
//!
//! Names and labels are those of Moleculer's reporter: `.` and `-` become `_`; an info is a gauge of 1 with the label `value`; a
//! rate is a gauge `<name>_rate`; a histogram has `_bucket`, `_sum`, `_count`, and gauges for what else it tells.

use std::{fmt::Write as _, sync::Arc};

use crate::{
    Registry,
    histogram::Summary,
    metric::{Any, Definition, Values},
};

/// The content type of [`text`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The content type of [`open_metrics`].
pub const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All metrics in the text format. `labels` are on every line: the node, the namespace.
pub fn text(registry: &Registry, labels: &[(&str, &str)]) -> String {
    registry.collect();
    let mut out = Out { text: String::new(), labels, open: false };
    registry.all().iter().for_each(|metric| out.metric(metric));
    out.text
}

/// All metrics as OpenMetrics, which ends with `# EOF`.
pub fn open_metrics(registry: &Registry, labels: &[(&str, &str)]) -> String {
    registry.collect();
    let mut out = Out { text: String::new(), labels, open: true };
    registry.all().iter().for_each(|metric| out.metric(metric));
    out.text.push_str("# EOF\n");
    out.text
}

struct Out<'a> {
    text: String,
    labels: &'a [(&'a str, &'a str)],
    open: bool,
}

/// One sample's labels.
struct Of<'a> {
    definition: &'a Definition,
    values: &'a [Arc<str>],
}

impl Out<'_> {
    fn metric(&mut self, metric: &Any) {
        let definition = metric.definition();
        let name = plain(&definition.name);
        match metric {
            Any::Counter(family) => {
                let all = family.all();
                if all.is_empty() {
                    return;
                }
                // OpenMetrics: the samples of a counter end with `_total`, its name does not.
                let base = if self.open { name.strip_suffix("_total").unwrap_or(&name) } else { &name };
                self.head(base, definition, "counter");
                let sample = if self.open { format!("{base}_total") } else { name.clone() };
                for (values, series) in &all {
                    self.line(&sample, &Of { definition, values }, None, series.value() as f64);
                }
                if definition.rate {
                    self.rates(&name, definition, all.iter().map(|(values, series)| (values, series.rate())));
                }
            }
            Any::Gauge(family) => {
                let all = family.all();
                if !all.is_empty() {
                    self.head(&name, definition, "gauge");
                }
                for (values, series) in &all {
                    self.line(&name, &Of { definition, values }, None, series.value());
                }
            }
            Any::Info(family) => {
                let all = family.all();
                if !all.is_empty() {
                    self.head(&name, definition, "gauge");
                }
                for (values, text) in &all {
                    let text = text.lock().clone();
                    self.line(&name, &Of { definition, values }, Some(("value", &text)), 1.0);
                }
            }
            Any::Histogram(family) => self.histogram(&name, definition, &family.all()),
        }
    }

    fn histogram(&mut self, name: &str, definition: &Definition, all: &[(Values, Arc<crate::Histogram>)]) {
        if all.is_empty() {
            return;
        }
        let all: Vec<_> = all.iter().map(|(values, series)| (values, series.summary())).collect();
        self.head(name, definition, "histogram");
        for (values, summary) in &all {
            let of = Of { definition, values };
            for (bound, count) in &summary.buckets {
                self.line(&format!("{name}_bucket"), &of, Some(("le", &number(*bound))), *count as f64);
            }
            self.line(&format!("{name}_bucket"), &of, Some(("le", "+Inf")), summary.count as f64);
            self.line(&format!("{name}_sum"), &of, None, summary.sum);
            self.line(&format!("{name}_count"), &of, None, summary.count as f64);
        }
        // Of the window; a family of its own, since a histogram has no such samples.
        let quantile = format!("{name}_quantile");
        self.kind(&quantile, "gauge");
        for (values, summary) in &all {
            for (q, value) in &summary.quantiles {
                let of = Of { definition, values };
                self.line(&quantile, &of, Some(("quantile", &number(*q))), value.unwrap_or(f64::NAN));
            }
        }
        type Part = (&'static str, fn(&Summary) -> Option<f64>);
        const PARTS: [Part; 5] = [
            ("min", |summary| summary.min),
            ("mean", |summary| summary.mean),
            ("variance", |summary| summary.variance),
            ("stddev", |summary| summary.deviation),
            ("max", |summary| summary.max),
        ];
        for (part, value) in PARTS {
            let name = format!("{name}_{part}");
            self.kind(&name, "gauge");
            for (values, summary) in &all {
                self.line(&name, &Of { definition, values }, None, value(summary).unwrap_or(f64::NAN));
            }
        }
        if definition.rate {
            self.rates(name, definition, all.iter().map(|(values, summary)| (*values, summary.rate)));
        }
    }

    fn rates<'b>(
        &mut self,
        name: &str,
        definition: &Definition,
        rates: impl Iterator<Item = (&'b Box<[Arc<str>]>, f64)>,
    ) {
        let rates: Vec<_> = rates.filter(|(_, rate)| *rate != 0.0).collect();
        if rates.is_empty() {
            return;
        }
        let name = format!("{name}_rate");
        self.kind(&name, "gauge");
        for (values, rate) in rates {
            self.line(&name, &Of { definition, values }, None, rate);
        }
    }

    fn head(&mut self, name: &str, definition: &Definition, kind: &str) {
        let unit = definition.unit.as_deref().map(|unit| format!(" ({unit})")).unwrap_or_default();
        let help = match &*definition.description {
            "" => format!("{}{unit}", definition.name),
            text => text.to_owned(),
        };
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        let _ = writeln!(self.text, "# HELP {name} {help}");
        self.kind(name, kind);
    }

    fn kind(&mut self, name: &str, kind: &str) {
        let _ = writeln!(self.text, "# TYPE {name} {kind}");
    }

    fn line(&mut self, name: &str, of: &Of<'_>, more: Option<(&str, &str)>, value: f64) {
        self.text.push_str(name);
        let own = of.definition.labels.iter().zip(of.values);
        let own: Vec<_> = own.map(|(name, value)| (plain(name), &**value)).collect();
        // What the metric says itself wins.
        let common = self.labels.iter().filter(|(name, _)| own.iter().all(|(own, _)| own != name));
        let labels = common.map(|(name, value)| (plain(name), *value));
        let labels = labels.chain(own.clone()).chain(more.map(|(name, value)| (name.to_owned(), value)));
        for (at, (name, value)) in labels.enumerate() {
            self.text.push(if at == 0 { '{' } else { ',' });
            let _ = write!(self.text, "{name}=\"{}\"", escaped(value));
        }
        if self.text.ends_with('"') {
            self.text.push('}');
        }
        let _ = writeln!(self.text, " {}", number(value));
    }
}

fn plain(name: &str) -> String {
    name.replace(['.', '-'], "_")
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn number(value: f64) -> String {
    match value {
        value if value.is_nan() => "NaN".into(),
        f64::INFINITY => "+Inf".into(),
        f64::NEG_INFINITY => "-Inf".into(),
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn registry() -> Registry {
        let registry = Registry::new();
        let definition = Definition::new("shop.orders.total").labels(["pay-by"]).unit("order").rate();
        registry.counter(definition).with(&["a\"b\\c\nd"]).increment(3);
        registry.gauge(Definition::new("shop.open").description("Open doors")).single().set(1.5);
        registry.info(Definition::new("shop.version"), &[], "1.2");
        let time = Definition::new("shop.time").buckets([1.0, 10.0]).quantiles([0.5]);
        registry.histogram(time).single().observe(5.0);
        registry.counter(Definition::new("never.counted"));
        registry
    }

    #[test]
    fn the_text_format() {
        let registry = registry();
        registry.tick(Duration::from_secs(60));
        let text = text(&registry, &[("nodeID", "n-1")]);
        let expected = "\
# HELP shop_open Open doors
# TYPE shop_open gauge
shop_open{nodeID=\"n-1\"} 1.5
# HELP shop_orders_total shop.orders.total (order)
# TYPE shop_orders_total counter
shop_orders_total{nodeID=\"n-1\",pay_by=\"a\\\"b\\\\c\\nd\"} 3
# TYPE shop_orders_total_rate gauge
shop_orders_total_rate{nodeID=\"n-1\",pay_by=\"a\\\"b\\\\c\\nd\"} 1.5
# HELP shop_time shop.time
# TYPE shop_time histogram
shop_time_bucket{nodeID=\"n-1\",le=\"1\"} 0
shop_time_bucket{nodeID=\"n-1\",le=\"10\"} 1
shop_time_bucket{nodeID=\"n-1\",le=\"+Inf\"} 1
shop_time_sum{nodeID=\"n-1\"} 5
shop_time_count{nodeID=\"n-1\"} 1
# TYPE shop_time_quantile gauge
shop_time_quantile{nodeID=\"n-1\",quantile=\"0.5\"} NaN
";
        assert!(text.starts_with(expected), "{text}");
        assert!(text.ends_with("shop_version{nodeID=\"n-1\",value=\"1.2\"} 1\n"), "{text}");
        assert!(!text.contains("never"));
    }

    #[test]
    fn open_metrics_ends_and_names_counters_its_way() {
        let text = open_metrics(&registry(), &[]);
        assert!(text.contains("# TYPE shop_orders counter\nshop_orders_total{"), "{text}");
        assert!(text.ends_with("# EOF\n"));
    }
}
