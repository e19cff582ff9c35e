//! A table for people.

use std::fmt::Write as _;

use crate::{Registry, metric::Any};

/// All metrics that have values, a block for each, in the form of Moleculer's console reporter.
pub fn text(registry: &Registry) -> String {
    registry.collect();
    let all = registry.all();
    let mut text = format!("------------------- [ METRICS START ({}) ] -------------------\n", all.len());
    for metric in &all {
        let definition = metric.definition();
        let mut lines = String::new();
        let labels = |values: &[std::sync::Arc<str>]| {
            let pairs: Vec<_> = definition
                .labels
                .iter()
                .zip(values)
                .map(|(name, value)| format!("{name}: {value}"))
                .collect();
            if pairs.is_empty() { "{}".to_owned() } else { format!("{{{}}}", pairs.join(", ")) }
        };
        let unit = definition.unit.as_deref().map(|unit| format!(" {unit}")).unwrap_or_default();
        match metric {
            Any::Counter(family) => {
                for (values, series) in family.all() {
                    let _ = write!(lines, "    {}: {}{unit}", labels(&values), series.value());
                    if definition.rate {
                        let _ = write!(lines, " | Rate: {:.2}", series.rate());
                    }
                    lines.push('\n');
                }
            }
            Any::Gauge(family) => {
                for (values, series) in family.all() {
                    let _ = writeln!(lines, "    {}: {}{unit}", labels(&values), series.value());
                }
            }
            Any::Histogram(family) => {
                for (values, series) in family.all() {
                    let summary = series.summary();
                    let number = |value: Option<f64>| value.map_or("-".into(), |value| format!("{value:.2}"));
                    let _ = write!(
                        lines,
                        "    {}: Count: {} | Min: {} | Mean: {} | Max: {}",
                        labels(&values),
                        summary.count,
                        number(summary.min),
                        number(summary.mean),
                        number(summary.max)
                    );
                    for (q, value) in &summary.quantiles {
                        let _ = write!(lines, " | {q}: {}", number(*value));
                    }
                    let _ = writeln!(lines, "{unit}");
                }
            }
            Any::Info(family) => {
                for (values, value) in family.all() {
                    let _ = writeln!(lines, "    {}: {}", labels(&values), value.lock());
                }
            }
        }
        if !lines.is_empty() {
            let _ = writeln!(text, "{} ({})\n{lines}", definition.name, metric.kind().name());
        }
    }
    text.push_str("-------------------- [ METRICS END ] --------------------\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Definition;

    #[test]
    fn what_has_values_is_shown() {
        let registry = Registry::new();
        registry.counter(Definition::new("a.total").labels(["x"]).unit("request")).with(&["1"]).increment(2);
        registry.histogram(Definition::new("t").quantiles([0.5]).unit("millisecond")).single().observe(1.234);
        registry.gauge(Definition::new("nothing"));
        let text = text(&registry);
        assert!(text.contains("a.total (counter)\n    {x: 1}: 2 request\n"), "{text}");
        assert!(
            text.contains("{}: Count: 1 | Min: 1.23 | Mean: 1.23 | Max: 1.23 | 0.5: 1.23 millisecond"),
            "{text}"
        );
        assert!(!text.contains("nothing"));
    }
}
