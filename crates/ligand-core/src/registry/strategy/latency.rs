//! The nearest of a few, and how near hosts are.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use foldhash::fast::RandomState;
use parking_lot::Mutex;
use serde::Deserialize;

use super::{Candidates, Pick, Strategy, sample::lowest};

/// The nearest of a few: the first one whose host answers pings fast enough, else the fastest one, else any.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Latency {
    /// How many are looked at; 0 = all. Default: 5.
    #[serde(alias = "sampleCount")]
    pub sample_count: usize,
    /// Milliseconds below which a host is taken at once. Default: 10.
    #[serde(alias = "lowLatency")]
    pub low_latency: f64,
    /// How many of the latest pings make the mean. Default: 5.
    #[serde(alias = "collectCount")]
    pub collect_count: usize,
    /// How often one node of each host is pinged. Default: `10s`.
    #[serde(alias = "pingInterval", with = "ligand_net::duration")]
    pub ping_interval: Duration,
}

impl Default for Latency {
    fn default() -> Self {
        Self { sample_count: 5, low_latency: 10.0, collect_count: 5, ping_interval: Duration::from_secs(10) }
    }
}

impl Strategy for Latency {
    fn pick(&self, candidates: &dyn Candidates, _: &Pick<'_>) -> Option<usize> {
        lowest(candidates, self.sample_count, self.low_latency, |index| candidates.latency(index))
    }
}

/// How near one host is. Reading takes no lock.
#[derive(Debug)]
pub struct HostLatency {
    latest: Mutex<VecDeque<f64>>,
    collect_count: usize,
    /// Bits of the mean in milliseconds; NaN before the first ping.
    mean: AtomicU64,
}

impl HostLatency {
    fn new(collect_count: usize) -> Self {
        Self { latest: Mutex::default(), collect_count, mean: AtomicU64::new(f64::NAN.to_bits()) }
    }

    /// A ping took this many milliseconds. What is no time is ignored.
    pub fn record(&self, millis: f64) {
        if !millis.is_finite() || millis < 0.0 {
            return;
        }
        let mut latest = self.latest.lock();
        while latest.len() >= self.collect_count {
            latest.pop_front();
        }
        latest.push_back(millis);
        let mean = latest.iter().sum::<f64>() / latest.len() as f64;
        self.mean.store(mean.to_bits(), Ordering::Release);
    }

    /// The mean of the latest pings, in milliseconds.
    pub fn mean(&self) -> Option<f64> {
        Some(f64::from_bits(self.mean.load(Ordering::Acquire))).filter(|mean| !mean.is_nan())
    }
}

/// How near the hosts are, one for a broker.
#[derive(Debug)]
pub struct Latencies {
    hosts: Mutex<HashMap<Arc<str>, Arc<HostLatency>, RandomState>>,
    collect_count: usize,
}

impl Latencies {
    /// Remembers the latest `collect_count` pings of each host, at least one.
    pub fn new(collect_count: usize) -> Self {
        Self { hosts: Mutex::default(), collect_count: collect_count.max(1) }
    }

    /// The one of this host; nodes keep it, so that a pick need not look it up.
    pub fn host(&self, hostname: &str) -> Arc<HostLatency> {
        let mut hosts = self.hosts.lock();
        if let Some(host) = hosts.get(hostname) {
            return host.clone();
        }
        let host = Arc::new(HostLatency::new(self.collect_count));
        hosts.insert(hostname.into(), host.clone());
        host
    }

    /// Forgets all hosts but these. Call it when a node has left for good.
    pub fn retain(&self, keep: impl Fn(&str) -> bool) {
        self.hosts.lock().retain(|hostname, _| keep(hostname));
    }
}
