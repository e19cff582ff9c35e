//! Infos and heartbeats of nodes in etcd, under the keys and in the values of Moleculer.
//!
//! Each node keeps two keys: its info, and a beat whose lease ends when it is not kept alive. Names of beats say who
//! lives with which info, so a cycle is one read of names; values are read only for nodes that changed.

mod keys;
mod roster;

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
use tokio::{
    sync::Mutex,
    time::{Instant, sleep, timeout},
};

use self::{keys::Keys, roster::Watch};
use crate::{
    EtcdOptions,
    client::{
        Client, Failure,
        message::{Blob, Delete, Done, Grant, Ignored, KeptAlive, Lease, Operation, Put, Transaction},
    },
};

/// How long an info is kept at least when its node does not beat.
const INFO_LIFE: Duration = Duration::from_secs(60);

/// How long a stop waits for the store.
const FAREWELL: Duration = Duration::from_secs(2);

/// Version of the protocol that infos and beats name; nobody checks it.
const VERSION: &str = "5";

/// Keeps infos and heartbeats of nodes in etcd. See the [crate](crate).
pub struct EtcdDiscoverer {
    options: EtcdOptions,
    /// Set by `start`.
    work: OnceLock<Arc<Work>>,
}

/// What the started discoverer works with.
struct Work {
    link: Arc<dyn Link>,
    keys: Keys,
    life: Duration,
    state: Mutex<State>,
}

struct State {
    client: Client,
    leases: Option<Leases>,
    /// What this node is and offers, as it was announced last.
    announced: Option<Arc<NodeInfo>>,
    /// It is in the store.
    stored: bool,
    /// This node has left: late calls do nothing.
    left: bool,
    /// The key of the last beat.
    beat: Option<String>,
    watch: Watch,
    /// Until then nobody is declared lost: others may have lost their leases as this node has.
    trust_from: Instant,
}

#[derive(Clone)]
struct Leases {
    beat: Lease,
    info: Lease,
}

impl EtcdDiscoverer {
    /// A discoverer with these options. They are checked when it starts.
    pub fn new(options: EtcdOptions) -> Self {
        Self { options, work: OnceLock::new() }
    }

    /// A discoverer for these servers, separated by commas: `http://a:2379,http://b:2379`.
    pub fn url(urls: impl AsRef<str>) -> Self {
        Self::new(EtcdOptions::url(urls))
    }

    fn with<F>(&self, work: impl FnOnce(Arc<Work>) -> F) -> BoxFuture<Result<()>>
    where
        F: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        match self.work.get() {
            Some(started) => {
                let running = work(started.clone());
                Box::pin(async move { running.await.map_err(|failure| unusable(&failure)) })
            }
            None => Box::pin(async { Err(unusable(&Failure::new("the discoverer has not started"))) }),
        }
    }
}

/// What callers of the discoverer get.
fn unusable(failure: &Failure) -> Error {
    Error::transient(503, "DISCOVERER_ERROR", "The store of the etcd discoverer cannot be used.")
        .with_internal(failure)
}

impl Discoverer for EtcdDiscoverer {
    fn name(&self) -> &'static str {
        "etcd3"
    }

    fn start(self: Arc<Self>, link: Arc<dyn Link>) -> BoxFuture<Result<()>> {
        Box::pin(async move {
            for (what, text) in [("node id", &**link.node_id()), ("namespace", link.namespace())] {
                if text.contains('/') {
                    return Err(Error::broker_options(format!(
                        "etcd: the {what} '{text}' contains '/', which separates the parts of keys. Choose another \
                         one."
                    )));
                }
            }
            let mut client = Client::new(&self.options)?;
            let keys = Keys::new(link.namespace());
            let mut watch = Watch::new(self.options.full_check);
            let mut backoff = Backoff::default();
            while let Err(failure) = watch.cycle(&mut client, &link, &keys, false).await {
                if let Some((server, why)) = failure.login() {
                    return Err(Login::error("etcd", server, why));
                }
                let pause = backoff.pause();
                let tries = backoff.tries();
                tracing::warn!(reason = %failure, tries, ?pause, "cannot use the store of nodes, trying again");
                sleep(pause).await;
            }
            let state = State {
                client,
                leases: None,
                announced: None,
                stored: false,
                left: false,
                beat: None,
                watch,
                trust_from: Instant::now(),
            };
            let life = self.options.heartbeat_timeout.max(Duration::from_secs(1));
            match self.work.set(Arc::new(Work { link, keys, life, state: Mutex::new(state) })) {
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
            state.watch.learn(&mut state.client, &work.link, &work.keys, vec![node], true).await
        })
    }

    fn stop(&self) -> BoxFuture<()> {
        let work = self.work.get().cloned();
        Box::pin(async move {
            let Some(work) = work else { return };
            match timeout(FAREWELL, work.leave()).await {
                Ok(Ok(())) => {}
                Ok(Err(failure)) => {
                    tracing::warn!(reason = %failure, "this node stays in the store until its lease ends");
                }
                Err(_) => tracing::warn!("the store is slow, this node stays in it until its lease ends"),
            }
        })
    }
}

impl Work {
    /// Writes what this node has to say, then looks who else lives.
    async fn beat(&self, state: &mut State) -> Result<(), Failure> {
        if state.left {
            return Ok(());
        }
        if let Some(info) = state.announced.clone() {
            self.keep_leases(state).await?;
            match self.write(state, &info).await {
                // A lease ended since it was kept alive.
                Err(failure) if failure.is_not_found() => {
                    self.forget_leases(state);
                    self.keep_leases(state).await?;
                    self.write(state, &info).await?;
                }
                outcome => outcome?,
            }
        }
        let trusted = state.trust_from <= Instant::now();
        state.watch.cycle(&mut state.client, &self.link, &self.keys, trusted).await
    }

    fn forget_leases(&self, state: &mut State) {
        state.leases = None;
        state.stored = false;
        state.trust_from = Instant::now() + self.life;
    }

    async fn keep_leases(&self, state: &mut State) -> Result<(), Failure> {
        if let Some(Leases { beat, info }) = state.leases.clone() {
            for lease in [beat, info] {
                let kept: KeptAlive = state.client.ask("/v3/lease/keepalive", &lease).await?;
                if kept.result.is_over() {
                    self.forget_leases(state);
                    break;
                }
            }
        }
        if state.leases.is_none() {
            let beat = Grant { ttl: self.life.as_secs() };
            let info = Grant { ttl: INFO_LIFE.max(2 * self.life).as_secs() };
            let beat = state.client.ask("/v3/lease/grant", &beat).await?;
            let info = state.client.ask("/v3/lease/grant", &info).await?;
            state.leases = Some(Leases { beat, info });
        }
        Ok(())
    }

    async fn write(&self, state: &mut State, info: &Arc<NodeInfo>) -> Result<(), Failure> {
        let Some(Leases { beat, info: long }) = state.leases.clone() else {
            return Err(Failure::new("there is no lease"));
        };
        let node = self.link.node_id();
        let heartbeat = Heartbeat {
            cpu: self.link.cluster().local().cpu,
            cpu_seq: None,
            seq: Some(info.seq),
            instance_id: Some(info.instance_id.clone()),
        };
        let put = |key: &str, packet: &Packet<'_>, lease: &Lease| {
            let mut value = Vec::new();
            let envelope = Envelope { ver: VERSION, sender: node };
            encode(packet, envelope, Format::Json, &mut value)
                .map_err(|error| Failure::new(format!("{error:#}")))?;
            Ok::<_, Failure>(Operation::Put(Put {
                key: key.into(),
                value: Blob(value),
                lease: lease.id.clone(),
            }))
        };
        let key = self.keys.beat(node, &info.instance_id, info.seq);
        let mut transaction = Transaction::default();
        transaction.success.push(put(&key, &Packet::Heartbeat(heartbeat), &beat)?);
        if !state.stored {
            let packet = Packet::Info(Box::new(NodeInfo::clone(info)));
            transaction.success.push(put(&self.keys.info(node), &packet, &long)?);
        }
        if let Some(last) = state.beat.as_deref().filter(|last| *last != key) {
            transaction.success.push(Operation::Delete(Delete { key: last.into() }));
        }
        let _: Done = state.client.ask("/v3/kv/txn", &transaction).await?;
        state.beat = Some(key);
        state.stored = true;
        Ok(())
    }

    /// Takes this node out of the store.
    async fn leave(&self) -> Result<(), Failure> {
        let state = &mut *self.state.lock().await;
        state.left = true;
        // Keys go with their leases.
        if let Some(Leases { beat, info }) = state.leases.take() {
            for lease in [beat, info] {
                match state.client.ask::<Ignored>("/v3/lease/revoke", &lease).await {
                    Err(failure) if !failure.is_not_found() => return Err(failure),
                    _ => {}
                }
            }
        }
        state.client.close();
        Ok(())
    }
}

impl fmt::Debug for EtcdDiscoverer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EtcdDiscoverer").field("options", &self.options).finish_non_exhaustive()
    }
}
