//! What was measured, as a table or as JSON.

use std::borrow::Cow;

use serde::Serialize;

/// One line of the report.
#[derive(Debug, Serialize)]
pub struct Row {
    /// What was measured.
    pub name: Cow<'static, str>,
    /// Unit of the values.
    pub unit: &'static str,
    /// Ligand's value.
    pub ligand: f64,
    /// The value of the raw client library in the same run, where it was measured.
    pub raw: Option<f64>,
    /// How many times as good as the raw library Ligand is.
    pub of_raw: Option<f64>,
    /// Moleculer's value in the same run, where there is a peer.
    pub moleculer: Option<f64>,
    /// How many times better than Moleculer Ligand is.
    pub ratio: Option<f64>,
    /// What it should reach.
    pub target: String,
    /// Whether it does; `None` when there is no target, or no peer to compare with.
    pub met: Option<bool>,
    #[serde(skip)]
    better: Better,
    #[serde(skip)]
    limits: Target,
}

#[derive(Clone, Copy, Debug)]
enum Better {
    Less,
    More,
}

impl Better {
    /// How many times as good `own` is as `other`.
    fn ratio(self, own: f64, other: f64) -> f64 {
        match self {
            Self::Less => other / own,
            Self::More => own / other,
        }
    }
}

/// Limits on the value itself and on its ratios. All that are set must be kept.
#[derive(Clone, Copy, Debug, Default)]
pub struct Target {
    /// Largest value.
    pub at_most: Option<f64>,
    /// Smallest value.
    pub at_least: Option<f64>,
    /// Smallest ratio to Moleculer.
    pub times: Option<f64>,
    /// Smallest ratio to the raw library: 0.8 is a rate of at least 0.8, or a time of at most 1.25 times the raw one.
    pub of_raw: Option<f64>,
}

impl Row {
    /// A value of which less is better.
    pub fn less(
        name: impl Into<Cow<'static, str>>,
        unit: &'static str,
        ligand: f64,
        peer: Option<f64>,
        target: Target,
    ) -> Self {
        Self::new(name.into(), unit, ligand, peer, target, Better::Less)
    }

    /// A value of which more is better.
    pub fn more(
        name: impl Into<Cow<'static, str>>,
        unit: &'static str,
        ligand: f64,
        peer: Option<f64>,
        target: Target,
    ) -> Self {
        Self::new(name.into(), unit, ligand, peer, target, Better::More)
    }

    fn new(
        name: Cow<'static, str>,
        unit: &'static str,
        ligand: f64,
        moleculer: Option<f64>,
        limits: Target,
        better: Better,
    ) -> Self {
        let ratio = moleculer.map(|peer| better.ratio(ligand, peer));
        let (raw, of_raw, target, met) = (None, None, String::new(), None);
        let row = Self { name, unit, ligand, raw, of_raw, moleculer, ratio, target, met, better, limits };
        row.judged()
    }

    /// With the value of the raw library.
    #[must_use]
    pub fn with_raw(mut self, raw: f64) -> Self {
        self.raw = Some(raw);
        self.of_raw = Some(self.better.ratio(self.ligand, raw));
        self.judged()
    }

    fn judged(mut self) -> Self {
        let Target { at_most, at_least, times, of_raw } = self.limits;
        let least = |ratio: Option<f64>, least: f64| ratio.map(|ratio| ratio >= least);
        let verdicts = [
            at_most.map(|most| Some(self.ligand <= most)),
            at_least.map(|least| Some(self.ligand >= least)),
            of_raw.map(|raw| least(self.of_raw, raw)),
            times.map(|times| least(self.ratio, times)),
        ];
        let verdicts = || verdicts.iter().flatten();
        self.met = if verdicts().any(|verdict| *verdict == Some(false)) {
            Some(false)
        } else if verdicts().next().is_none() || verdicts().any(Option::is_none) {
            None
        } else {
            Some(true)
        };
        let mut text: Vec<_> = at_most.map(|most| format!("<= {most} {}", self.unit)).into_iter().collect();
        text.extend(at_least.map(|least| format!(">= {least} {}", self.unit)));
        text.extend(of_raw.map(|raw| match self.better {
            Better::Less => format!("<= {}x raw", 1.0 / raw),
            Better::More => format!(">= {raw} of raw"),
        }));
        text.extend(times.map(|times| format!(">= {times}x")));
        self.target = text.join(", ");
        self
    }
}

/// Prints the rows for people; the columns of the raw library only where some row has them.
pub fn table(rows: &[Row]) {
    let with_raw = rows.iter().any(|row| row.raw.is_some());
    let raw = |value: &str, ratio: &str| match with_raw {
        true => format!(" {value:>12} {ratio:>7}"),
        false => String::new(),
    };
    let width = rows.iter().map(|row| label(row).len()).max().unwrap_or(0).max(44);
    println!(
        "{:<width$} {:>12}{} {:>12} {:>7}  target",
        "workload",
        "ligand",
        raw("raw", "of raw"),
        "moleculer",
        "ratio"
    );
    for row in rows {
        let value = |value: f64| if value < 100.0 { format!("{value:.1}") } else { format!("{value:.0}") };
        let times = |ratio: Option<f64>| ratio.map_or_else(|| "-".into(), |ratio| format!("{ratio:.1}x"));
        let peer = row.moleculer.map_or_else(|| "-".into(), value);
        let floor = row.raw.map_or_else(|| "-".into(), value);
        let part = row.of_raw.map_or_else(|| "-".into(), |part| format!("{part:.2}"));
        let mark = match row.met {
            _ if row.target.is_empty() => String::new(),
            Some(true) => format!("{}  met", row.target),
            Some(false) => format!("{}  MISSED", row.target),
            None => format!("{}  not measured", row.target),
        };
        println!(
            "{:<width$} {:>12}{} {peer:>12} {:>7}  {mark}",
            label(row),
            value(row.ligand),
            raw(&floor, &part),
            times(row.ratio)
        );
    }
}

fn label(row: &Row) -> String {
    format!("{} ({})", row.name, row.unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_limits_must_be_kept() {
        let target = Target { at_most: Some(10.0), times: Some(3.0), of_raw: Some(0.8), ..Target::default() };
        let row = Row::less("a call", "us", 5.0, Some(20.0), target);
        assert_eq!(row.met, None, "there is no raw value yet");
        let row = row.with_raw(4.0);
        assert_eq!((row.met, &*row.target), (Some(true), "<= 10 us, <= 1.25x raw, >= 3x"));
        assert_eq!(Row::less("a call", "us", 5.0, Some(20.0), target).with_raw(3.9).met, Some(false));
        assert_eq!(Row::less("a call", "us", 11.0, None, target).met, Some(false));
        assert_eq!(Row::more("calls", "/s", 79.0, None, Target::default()).with_raw(100.0).met, None);
    }
}
