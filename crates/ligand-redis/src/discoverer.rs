//! Infos and heartbeats of nodes in Redis, under the keys and in the values of Moleculer.
//!
//! Each node keeps two keys: its info, and a beat that expires when it is not written again.

mod store;

use std::{fmt, sync::Arc, time::Duration};

use ligand_net::{
    Servers,
    roster::{Keys, Pace, Roster},
    wrong,
};
use ligand_transport::{BoxFuture, Discoverer, Link};
use ligand_wire::{Result, packet::NodeInfo, topic::Topic};
use serde::Deserialize;

use self::store::RedisStore;
use crate::{RedisOptions, access::Access, options::ADDRESS};

/// How nodes find each other in Redis.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RedisDiscovererOptions {
    /// The server; a cluster is refused.
    pub redis: RedisOptions,
    /// Load of other nodes is read in each cycle of this number; 0 = never. Default: 10.
    pub full_check: u32,
    /// How many keys of the database one step of a scan looks at; at least 1. Default: 1000.
    pub scan_length: u32,
    /// How long a beat counts; whole seconds, at least 1. Not read from files: it is the broker's
    /// `heartbeat_timeout`. Default: 30 s.
    #[serde(skip)]
    pub heartbeat_timeout: Duration,
}

impl Default for RedisDiscovererOptions {
    fn default() -> Self {
        Self {
            redis: RedisOptions::default(),
            full_check: 10,
            scan_length: 1000,
            heartbeat_timeout: Duration::from_secs(30),
        }
    }
}

impl From<RedisOptions> for RedisDiscovererOptions {
    fn from(redis: RedisOptions) -> Self {
        Self { redis, ..Self::default() }
    }
}

ligand_net::setters! { RedisDiscovererOptions:
    redis: RedisOptions,
    full_check: u32,
    scan_length: u32,
    heartbeat_timeout: Duration,
}

impl RedisDiscovererOptions {
    /// The defaults, for the server at `url`. See [`RedisOptions::url`](RedisOptions#structfield.url).
    pub fn from_url(url: impl Into<Servers>) -> Self {
        RedisOptions::from_url(url).into()
    }

    /// What types cannot say, files aside.
    ///
    /// # Errors
    /// `BROKER_OPTIONS_ERROR` that names the option.
    pub fn check(&self) -> Result<()> {
        self.redis.check()?;
        match self.redis.cluster {
            true => Err(wrong(ADDRESS.bus, "the discoverer works with one server, not with a 'cluster'")),
            false => Ok(()),
        }
    }
}

/// Keeps infos and heartbeats of nodes in Redis. See the [crate](crate).
pub struct RedisDiscoverer {
    options: RedisDiscovererOptions,
    roster: Roster<RedisStore>,
}

impl RedisDiscoverer {
    /// A discoverer with these options. They are checked when it starts.
    pub fn new(options: RedisDiscovererOptions) -> Self {
        Self { options, roster: Roster::default() }
    }

    /// A discoverer for the server at `url`: `redis://localhost`.
    pub fn from_url(url: impl Into<Servers>) -> Self {
        Self::new(RedisDiscovererOptions::from_url(url))
    }
}

impl Discoverer for RedisDiscoverer {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn start(self: Arc<Self>, link: Arc<dyn Link>) -> BoxFuture<Result<()>> {
        Box::pin(async move {
            let options = &self.options;
            options.check()?;
            let prefix = Topic::prefix(link.namespace());
            let keys = Keys::new(format!("{prefix}-DSCVR-BEAT:"), format!("{prefix}-DSCVR-INFO:"), '|');
            let store = RedisStore::new(Access::new(&options.redis)?, &keys, options);
            let pace = Pace { full_check: options.full_check, life: options.heartbeat_timeout };
            self.roster.start(link, keys, store, pace).await
        })
    }

    fn announce(&self, info: Arc<NodeInfo>) -> BoxFuture<Result<()>> {
        self.roster.announce(info)
    }

    fn beat(&self) -> BoxFuture<Result<()>> {
        self.roster.beat()
    }

    fn discover(&self, node: &str) -> BoxFuture<Result<()>> {
        self.roster.discover(node)
    }

    fn stop(&self) -> BoxFuture<()> {
        self.roster.stop()
    }
}

impl fmt::Debug for RedisDiscoverer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisDiscoverer").field("options", &self.options).finish_non_exhaustive()
    }
}
