//! What was measured, as a table or as JSON.

use serde::Serialize;

/// One line of the report.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    /// What was measured.
    pub(crate) name: &'static str,
    /// Unit of the values.
    pub(crate) unit: &'static str,
    /// Ligand's value.
    pub(crate) ligand: f64,
    /// Moleculer's value in the same run, where there is a peer.
    pub(crate) moleculer: Option<f64>,
    /// How many times better Ligand is.
    pub(crate) ratio: Option<f64>,
    /// What it should reach.
    pub(crate) target: String,
    /// Whether it does; `None` when there is no target, or no peer to compare with.
    pub(crate) met: Option<bool>,
}

/// A limit on the value itself, on the ratio to the peer, or on both.
#[derive(Clone, Copy, Default)]
pub(crate) struct Target {
    /// Largest value.
    pub(crate) at_most: Option<f64>,
    /// Smallest ratio.
    pub(crate) times: Option<f64>,
}

impl Row {
    /// A value of which less is better.
    pub(crate) fn less(
        name: &'static str,
        unit: &'static str,
        ligand: f64,
        peer: Option<f64>,
        target: Target,
    ) -> Self {
        Self::new(name, unit, ligand, peer, peer.map(|peer| peer / ligand), target)
    }

    /// A value of which more is better.
    pub(crate) fn more(
        name: &'static str,
        unit: &'static str,
        ligand: f64,
        peer: Option<f64>,
        target: Target,
    ) -> Self {
        Self::new(name, unit, ligand, peer, peer.map(|peer| ligand / peer), target)
    }

    fn new(
        name: &'static str,
        unit: &'static str,
        ligand: f64,
        moleculer: Option<f64>,
        ratio: Option<f64>,
        target: Target,
    ) -> Self {
        let absolute = target.at_most.map(|most| ligand <= most);
        let relative = target.times.map(|times| ratio.map(|ratio| ratio >= times));
        let met = match (absolute, relative) {
            (Some(false), _) => Some(false),
            (absolute, None) => absolute,
            (_, Some(relative)) => relative,
        };
        let mut text: Vec<_> = target.at_most.map(|most| format!("<= {most} {unit}")).into_iter().collect();
        text.extend(target.times.map(|times| format!(">= {times}x")));
        Self { name, unit, ligand, moleculer, ratio, target: text.join(", "), met }
    }
}

/// Prints the rows for people.
pub(crate) fn table(rows: &[Row]) {
    println!("{:<44} {:>12} {:>12} {:>7}  target", "workload", "ligand", "moleculer", "ratio");
    for row in rows {
        let value = |value: f64| if value < 100.0 { format!("{value:.1}") } else { format!("{value:.0}") };
        let peer = row.moleculer.map_or_else(|| "-".into(), value);
        let ratio = row.ratio.map_or_else(|| "-".into(), |ratio| format!("{ratio:.1}x"));
        let name = format!("{} ({})", row.name, row.unit);
        let mark = match row.met {
            _ if row.target.is_empty() => String::new(),
            Some(true) => format!("{}  met", row.target),
            Some(false) => format!("{}  MISSED", row.target),
            None => format!("{}  not measured", row.target),
        };
        println!("{name:<44} {:>12} {peer:>12} {ratio:>7}  {mark}", value(row.ligand));
    }
}
