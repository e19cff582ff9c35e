//! Which metrics are kept, and where they are reported.

use std::{path::PathBuf, time::Duration};

use ligand_metrics::histogram::BUCKETS;
use serde::Deserialize;

/// Which metrics are kept, and where they are reported. See [`crate::metrics`].
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetricsOptions {
    /// Counts calls, events, packets and so on; your own metrics count in any case. It takes local calls off their fast path.
    /// Default: false.
    pub enabled: bool,
    /// Upper bounds of times in milliseconds. Default: 1 to 10 000 in twelve steps.
    pub buckets: Vec<f64>,
    /// How often rates and windows move on, and reporters report. Default: 5 s.
    #[serde(with = "ligand_net::duration")]
    pub interval: Duration,
    /// Writes a table to the log at level `info`. Default: false.
    pub console: bool,
    /// A folder with a CSV file for each metric. Default: none.
    pub csv: Option<PathBuf>,
    /// The name of an event that carries all metrics, to listeners of this and other nodes: `$metrics.snapshot`.
    /// Default: none.
    pub event: Option<String>,
    /// `host:port` of a StatsD server (UDP), which gets tags as Datadog's does. Default: none.
    pub statsd: Option<String>,
    /// What names begin with at the StatsD server. Default: nothing.
    pub statsd_prefix: String,
}

impl Default for MetricsOptions {
    fn default() -> Self {
        Self {
            enabled: false,
            buckets: BUCKETS.to_vec(),
            interval: Duration::from_secs(5),
            console: false,
            csv: None,
            event: None,
            statsd: None,
            statsd_prefix: String::new(),
        }
    }
}
