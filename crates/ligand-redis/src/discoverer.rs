//! Infos and heartbeats of nodes in Redis, under the keys and in the values of Moleculer.
//!
//! Each node keeps two keys: its info, and a beat that expires when it is not written again. Names of beats say
//! who lives with which info, so a cycle is one scan of names; values are read only for nodes that changed.

mod keys;
mod roster;
mod store;

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use ligand_transport::{Backoff, BoxFuture, Discoverer, Link, Login};
use ligand_wire::{
    Error, Result,
    codec::{Envelope, encode},
    packet::{Heartbeat, NodeInfo, Packet},
    payload::Format,
};
use serde::Deserialize;
use tokio::{
    sync::Mutex,
    time::{Instant, sleep, timeout},
};

use self::{
    keys::Keys,
    roster::Watch,
    store::{Batch, Store, unreachable},
};
use crate::{RedisOptions, connection::Lost, resp::Reply, server::Servers};

/// How long an info is kept when its node does not beat.
const INFO_SECONDS: &[u8] = b"1800";

/// How long a stop waits for the store.
const FAREWELL: Duration = Duration::from_secs(2);

/// Version of the protocol that infos and beats name; nobody checks it.
const VERSION: &str = "5";

/// How nodes find each other in Redis.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
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

/// Keeps infos and heartbeats of nodes in Redis. See the [crate](crate).
pub struct RedisDiscoverer {
    options: RedisDiscovererOptions,
    /// Set by `start`.
    work: OnceLock<Arc<Work>>,
}

/// What the started discoverer works with.
struct Work {
    link: Arc<dyn Link>,
    keys: Keys,
    options: RedisDiscovererOptions,
    state: Mutex<State>,
}

struct State {
    store: Store,
    /// What this node is and offers, as it was announced last.
    announced: Option<Arc<NodeInfo>>,
    /// It is in the store.
    stored: bool,
    /// This node has left: late calls do nothing.
    left: bool,
    /// The key of the last beat.
    beat: Option<String>,
    watch: Watch,
    /// Until then nobody is declared lost: the store may have lost its keys.
    trust_from: Instant,
}

impl RedisDiscoverer {
    /// A discoverer with these options. They are checked when it starts.
    pub fn new(options: RedisDiscovererOptions) -> Self {
        Self { options, work: OnceLock::new() }
    }

    /// A discoverer for the server at `url`: `redis://localhost`.
    pub fn url(url: impl Into<String>) -> Self {
        Self::new(RedisOptions::url(url).into())
    }

    fn with<F, T>(&self, work: impl FnOnce(Arc<Work>) -> F) -> BoxFuture<Result<T>>
    where
        F: Future<Output = Result<T, Lost>> + Send + 'static,
        T: Send + 'static,
    {
        match self.work.get() {
            Some(started) => {
                let running = work(started.clone());
                Box::pin(async move { running.await.map_err(|lost| unreachable(&lost)) })
            }
            None => Box::pin(async { Err(unreachable(&Lost::new("the discoverer has not started"))) }),
        }
    }
}

impl Discoverer for RedisDiscoverer {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn start(self: Arc<Self>, link: Arc<dyn Link>) -> BoxFuture<Result<()>> {
        Box::pin(async move {
            if self.options.redis.cluster.is_some() {
                return Err(Error::broker_options(
                    "Redis: the discoverer works with one server, not with a cluster. Name it in `redis.url`.",
                ));
            }
            if link.node_id().contains('|') {
                return Err(Error::broker_options(format!(
                    "Redis: the node id '{}' contains '|', which separates the parts of keys. Choose another one.",
                    link.node_id()
                )));
            }
            let work = Arc::new(Work {
                keys: Keys::new(link.namespace()),
                options: self.options.clone(),
                state: Mutex::new(State {
                    store: Store::new(Servers::new(&self.options.redis)?),
                    announced: None,
                    stored: false,
                    left: false,
                    beat: None,
                    watch: Watch::new(self.options.full_check),
                    trust_from: Instant::now(),
                }),
                link,
            });
            let mut backoff = Backoff::default();
            while let Err(lost) = work.connect(&mut *work.state.lock().await).await {
                if let Some((server, why)) = lost.login {
                    return Err(Login::error("Redis", server, why));
                }
                let pause = backoff.pause();
                let tries = backoff.tries();
                tracing::warn!(reason = %lost, tries, ?pause, "cannot reach the store of nodes, trying again");
                sleep(pause).await;
            }
            match self.work.set(work) {
                Ok(()) => Ok(()),
                Err(_) => Err(Error::internal_error("a discoverer starts once in its life")),
            }
        })
    }

    fn announce(&self, info: Arc<NodeInfo>) -> BoxFuture<Result<()>> {
        self.with(|work| async move {
            let mut state = work.state.lock().await;
            // Announcements may overtake each other on their way here.
            if state.announced.as_ref().is_none_or(|last| last.seq <= info.seq) {
                state.announced = Some(info);
                state.stored = false;
            }
            work.beat(&mut state).await
        })
    }

    fn beat(&self) -> BoxFuture<Result<()>> {
        self.with(|work| async move { work.beat(&mut *work.state.lock().await).await })
    }

    fn discover(&self, node: &str) -> BoxFuture<Result<()>> {
        let node = node.to_owned();
        self.with(|work| async move {
            let state = &mut *work.state.lock().await;
            if state.left {
                return Ok(());
            }
            work.connect(state).await?;
            state.watch.learn(&mut state.store, &work.link, &work.keys, vec![node], true).await
        })
    }

    fn stop(&self) -> BoxFuture<()> {
        let work = self.work.get().cloned();
        Box::pin(async move {
            let Some(work) = work else { return };
            match timeout(FAREWELL, work.leave()).await {
                Ok(Ok(())) => {}
                Ok(Err(lost)) => {
                    tracing::warn!(reason = %lost, "this node stays in the store until it expires");
                }
                Err(_) => tracing::warn!("the store is slow, this node stays in it until it expires"),
            }
        })
    }
}

impl Work {
    async fn connect(&self, state: &mut State) -> Result<(), Lost> {
        if state.store.connect(self.link.node_id()).await? {
            state.stored = false;
            state.trust_from = Instant::now() + self.options.heartbeat_timeout;
        }
        Ok(())
    }

    /// Writes what this node has to say, then looks who else lives.
    async fn beat(&self, state: &mut State) -> Result<(), Lost> {
        if state.left {
            return Ok(());
        }
        self.connect(state).await?;
        if let Some(info) = state.announced.clone() {
            self.write(state, &info).await?;
        }
        let trusted = state.trust_from <= Instant::now();
        state.watch.cycle(&mut state.store, &self.link, &self.keys, self.options.scan_length, trusted).await
    }

    async fn write(&self, state: &mut State, info: &Arc<NodeInfo>) -> Result<(), Lost> {
        let node = self.link.node_id();
        let info_key = self.keys.info(node);
        let beat_key = self.keys.beat(node, &info.instance_id, info.seq);
        let beat = Heartbeat {
            cpu: self.link.cluster().local().cpu,
            cpu_seq: None,
            seq: Some(info.seq),
            instance_id: Some(info.instance_id.clone()),
        };
        let beat = self.value(&Packet::Heartbeat(beat))?;
        let seconds = self.options.heartbeat_timeout.as_secs().max(1).to_string();
        let mut batch = Batch::new();
        batch.add(&[b"MULTI"]);
        if state.stored {
            batch.add(&[b"EXPIRE", info_key.as_bytes(), INFO_SECONDS]);
        } else {
            let value = self.value(&Packet::Info(Box::new(NodeInfo::clone(info))))?;
            batch.add(&[b"SETEX", info_key.as_bytes(), INFO_SECONDS, &value]);
        }
        if let Some(last) = state.beat.take_if(|last| *last != beat_key) {
            batch.add(&[b"DEL", last.as_bytes()]);
        }
        batch.add(&[b"SETEX", beat_key.as_bytes(), seconds.as_bytes(), &beat]);
        batch.add(&[b"EXEC"]);
        state.beat = Some(beat_key);
        let outcome = match state.store.insist(batch).await?.pop() {
            Some(Reply::List(outcome)) => outcome,
            _ => return Err(Lost::new("the store dropped a transaction")),
        };
        if let Some(Reply::Refused(text)) = outcome.iter().find(|reply| matches!(reply, Reply::Refused(_))) {
            return Err(Lost::refused(text));
        }
        let kept = outcome.first() != Some(&Reply::Number(0));
        if !kept {
            // The store has lost keys. It is written again at once, and others get the time to do so too.
            state.trust_from = Instant::now() + self.options.heartbeat_timeout;
            let value = self.value(&Packet::Info(Box::new(NodeInfo::clone(info))))?;
            state.store.one(&[b"SETEX", info_key.as_bytes(), INFO_SECONDS, &value]).await?;
        }
        state.stored = true;
        Ok(())
    }

    fn value(&self, packet: &Packet<'_>) -> Result<Vec<u8>, Lost> {
        let mut out = Vec::new();
        let envelope = Envelope { ver: VERSION, sender: self.link.node_id() };
        encode(packet, envelope, Format::Json, &mut out).map_err(|error| Lost::new(format!("{error:#}")))?;
        Ok(out)
    }

    /// Takes this node out of the store.
    async fn leave(&self) -> Result<(), Lost> {
        let state = &mut *self.state.lock().await;
        state.left = true;
        if let Some(beat) = state.beat.take() {
            self.connect(state).await?;
            let info = self.keys.info(self.link.node_id());
            state.store.one(&[b"DEL", info.as_bytes(), beat.as_bytes()]).await?;
        }
        state.store.close();
        Ok(())
    }
}

impl fmt::Debug for RedisDiscoverer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisDiscoverer").field("options", &self.options).finish_non_exhaustive()
    }
}
