//! StatsD, and its dialect of Datadog with tags.
//!
//! What was counted since the last time goes out as `name:3|c`, values as `name:1.5|g`. Histograms go out as their count
//! since the last time, and as quantiles: the single observations are gone by then.

use std::{collections::HashMap, fmt::Write as _, sync::Arc};

use crate::{Registry, metric::Any};

/// Writes packets for a StatsD server, with what changed since the last ones.
#[derive(Debug)]
pub struct StatsD {
    /// The largest packet in bytes. Default: 1300, which fits into an Ethernet frame.
    pub max_bytes: usize,
    /// `|#name:value` after each line, as Datadog reads them. Default: true; without, values of labels are parts of the name.
    pub tags: bool,
    prefix: String,
    before: HashMap<String, u64>,
}

impl StatsD {
    /// Names begin with `prefix`.
    pub fn new(prefix: &str) -> Self {
        Self { max_bytes: 1300, tags: true, prefix: prefix.to_owned(), before: HashMap::new() }
    }

    /// Packets with what changed.
    pub fn packets(&mut self, registry: &Registry) -> Vec<String> {
        registry.collect();
        let mut before = std::mem::take(&mut self.before);
        let lines = self.lines(registry, &mut before);
        self.before = before;
        self.packed(lines)
    }

    fn lines(&self, registry: &Registry, before: &mut HashMap<String, u64>) -> Vec<String> {
        let mut lines = Vec::new();
        for metric in registry.all() {
            let names = metric.definition().labels.clone();
            let own = metric.definition().name.clone();
            let of = |suffix: &str, values: &[Arc<str>]| self.line(&format!("{own}{suffix}"), &names, values);
            match &metric {
                Any::Counter(family) => {
                    for (values, series) in family.all() {
                        let (head, tail) = of("", &values);
                        if let Some(new) = grown(before, &own, &values, series.value()) {
                            lines.push(format!("{head}:{new}|c{tail}"));
                        }
                    }
                }
                Any::Gauge(family) => {
                    for (values, series) in family.all() {
                        let (head, tail) = of("", &values);
                        // A sign would be read as a change.
                        if series.value() < 0.0 {
                            lines.push(format!("{head}:0|g{tail}"));
                        }
                        lines.push(format!("{head}:{}|g{tail}", series.value()));
                    }
                }
                Any::Histogram(family) => {
                    for (values, series) in family.all() {
                        let summary = series.summary();
                        let (head, tail) = of(".count", &values);
                        if let Some(new) = grown(before, &own, &values, summary.count) {
                            lines.push(format!("{head}:{new}|c{tail}"));
                            for (q, value) in &summary.quantiles {
                                let (head, tail) =
                                    self.line(&format!("{own}.p{}", percent(*q)), &names, &values);
                                lines.extend(value.map(|value| format!("{head}:{value}|g{tail}")));
                            }
                        }
                    }
                }
                Any::Info(_) => {}
            }
        }
        lines
    }

    /// Name and tags of a line.
    fn line(&self, name: &str, names: &[Arc<str>], values: &[Arc<str>]) -> (String, String) {
        let mut head = format!("{}{}", self.prefix, safe(name));
        let mut tail = String::new();
        for (name, value) in names.iter().zip(values).filter(|(_, value)| !value.is_empty()) {
            match self.tags {
                true => {
                    let _ = write!(
                        tail,
                        "{}{}:{}",
                        if tail.is_empty() { "|#" } else { "," },
                        safe(name),
                        safe(value)
                    );
                }
                false => {
                    let _ = write!(head, ".{}", safe(value).replace('.', "_"));
                }
            }
        }
        (head, tail)
    }

    fn packed(&self, lines: Vec<String>) -> Vec<String> {
        let mut packets: Vec<String> = Vec::new();
        for line in lines {
            match packets.last_mut() {
                Some(packet) if packet.len() + 1 + line.len() <= self.max_bytes => {
                    packet.push('\n');
                    packet.push_str(&line);
                }
                _ => packets.push(line),
            }
        }
        packets
    }
}

/// By the values as they are: in a line several of them may look alike.
fn grown(before: &mut HashMap<String, u64>, name: &str, values: &[Arc<str>], now: u64) -> Option<u64> {
    let last = before.insert(format!("{name}\0{}", values.join("\0")), now).unwrap_or(0);
    now.checked_sub(last).filter(|new| *new > 0)
}

fn percent(q: f64) -> String {
    ((q * 1000.0).round() / 10.0).to_string().replace('.', "_")
}

/// Without what separates.
fn safe(text: &str) -> String {
    text.replace([':', '|', '@', '#', ',', '\n', '\r'], "_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Definition;

    #[test]
    fn only_what_changed_is_sent() {
        let registry = Registry::new();
        let counter = registry.counter(Definition::new("a.total").labels(["x", "y"]));
        counter.with(&["1|2", ""]).increment(3);
        registry.gauge(Definition::new("b")).single().set(-1.5);
        registry.histogram(Definition::new("c").quantiles([0.5, 0.999])).single().observe(4.0);
        let mut statsd = StatsD::new("shop.");
        assert_eq!(
            statsd.packets(&registry),
            [
                "shop.a.total:3|c|#x:1_2\nshop.b:0|g\nshop.b:-1.5|g\nshop.c.count:1|c\nshop.c.p50:4|g\nshop.c.p99_9:4|g"
            ]
        );
        counter.with(&["1|2", ""]).increment(1);
        // In a line it looks as the one before.
        counter.with(&["1:2", ""]).increment(7);
        assert!(
            statsd.packets(&registry)[0].starts_with("shop.a.total:7|c|#x:1_2\nshop.a.total:1|c|#x:1_2\n")
        );
        assert!(!statsd.packets(&registry)[0].contains("total"));
        counter.with(&["1|2", ""]).increment(1);
        (statsd.max_bytes, statsd.tags) = (12, true);
        assert_eq!(statsd.packets(&registry), ["shop.a.total:1|c|#x:1_2", "shop.b:0|g", "shop.b:-1.5|g"]);
        let mut plain = StatsD::new("");
        plain.tags = false;
        assert!(plain.packets(&registry)[0].starts_with("a.total.1_2:7|c\na.total.1_2:5|c\n"));
    }
}
