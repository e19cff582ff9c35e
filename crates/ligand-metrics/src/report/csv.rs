//! Lines for a file of each metric.

use std::sync::Arc;

use crate::{Kind, Registry, metric::Any};

/// The file of one metric.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Name of the metric.
    pub name: String,
    /// Names of the columns.
    pub head: String,
    /// A line for each series.
    pub lines: Vec<String>,
}

/// All metrics that have values, each as lines with a time in milliseconds in front.
pub fn tables(registry: &Registry, time: u64) -> Vec<Table> {
    registry.collect();
    registry.all().iter().filter_map(|metric| table(metric, time)).collect()
}

fn table(metric: &Any, time: u64) -> Option<Table> {
    let definition = metric.definition();
    let mut head = vec!["Timestamp".to_owned(), "Metric".to_owned()];
    head.extend(definition.labels.iter().map(|name| format!("Label {name}")));
    let start = |values: &[Arc<str>]| {
        let mut cells = vec![time.to_string(), cell(&definition.name)];
        cells.extend(values.iter().map(|value| cell(value)));
        cells
    };
    let row = |values: &[Arc<str>], more: Vec<String>| {
        let mut cells = start(values);
        cells.extend(more);
        cells.join(",")
    };
    if metric.kind() != Kind::Histogram {
        head.push("Value".into());
    }
    let lines: Vec<String> = match metric {
        Any::Counter(family) => family
            .all()
            .iter()
            .map(|(values, series)| row(values, vec![series.value().to_string()]))
            .collect(),
        Any::Gauge(family) => family
            .all()
            .iter()
            .map(|(values, series)| row(values, vec![series.value().to_string()]))
            .collect(),
        Any::Info(family) => {
            family.all().iter().map(|(values, text)| row(values, vec![cell(&text.lock())])).collect()
        }
        Any::Histogram(family) => {
            let shape = &definition.shape;
            head.extend(["Count", "Sum"].map(str::to_owned));
            head.extend(shape.buckets.iter().map(|bound| format!("Bucket_{bound}")));
            head.extend(["Min", "Mean", "Var", "StdDev", "Max"].map(str::to_owned));
            head.extend(shape.quantiles.iter().map(|q| format!("Quantile_{q}")));
            let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
            let line = |values: &[Arc<str>], series: &crate::Histogram| {
                let summary = series.summary();
                let mut cells = vec![summary.count.to_string(), summary.sum.to_string()];
                cells.extend(summary.buckets.iter().map(|(_, count)| count.to_string()));
                let rest = [summary.min, summary.mean, summary.variance, summary.deviation, summary.max];
                cells.extend(rest.map(number));
                cells.extend(summary.quantiles.iter().map(|(_, value)| number(*value)));
                row(values, cells)
            };
            family.all().iter().map(|(values, series)| line(values, series)).collect()
        }
    };
    let head = head.iter().map(|name| cell(name)).collect::<Vec<_>>().join(",");
    (!lines.is_empty()).then(|| Table { name: definition.name.to_string(), head, lines })
}

/// Quoted where it has to be (RFC 4180). A text that a spreadsheet would take for a formula is one no more.
fn cell(text: &str) -> String {
    let text = if text.starts_with(['=', '+', '-', '@']) { format!("'{text}") } else { text.to_owned() };
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Definition;

    #[test]
    fn a_table_for_each_metric() {
        let registry = Registry::new();
        registry.counter(Definition::new("a").labels(["x"])).with(&["=1,\"2\""]).increment(2);
        registry.histogram(Definition::new("t").buckets([1.0]).quantiles([0.5])).single().observe(2.0);
        let tables = tables(&registry, 5);
        let of = |head: &str, line: &str| (head.to_owned(), vec![line.to_owned()]);
        let found: Vec<_> = tables.into_iter().map(|table| (table.head, table.lines)).collect();
        assert_eq!(
            found,
            [
                of("Timestamp,Metric,Label x,Value", "5,a,\"'=1,\"\"2\"\"\",2"),
                of(
                    "Timestamp,Metric,Count,Sum,Bucket_1,Min,Mean,Var,StdDev,Max,Quantile_0.5",
                    "5,t,1,2,0,2,2,,,2,2"
                ),
            ]
        );
    }
}
