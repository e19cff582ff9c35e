//! Who lives, over a store of keys and values.
//!
//! A discoverer of such a store is a [`Roster`] with a [`Store`]: the store reads and writes keys, the roster knows what
//! stands in them and what follows from it. Each cycle is one look at the names of beats.

mod keys;
mod store;
mod watch;

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use ligand_transport::{BoxFuture, Link};
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

use self::watch::Watch;
pub use self::{
    keys::Keys,
    store::{Entry, Known, Store, Value},
};
use crate::{Backoff, Fault, Login, wrong};

/// How long a stop waits for the store.
const FAREWELL: Duration = Duration::from_secs(2);

/// Version of the protocol that infos and beats name; nobody checks it.
const VERSION: &str = "5";

/// What a node looks for in the store, and how often.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Load of other nodes is read in each cycle of this number; 0 = never.
    pub full_check: u32,
    /// How long a beat counts, at least 1 s.
    pub life: Duration,
}

/// Keeps a node in a store and looks who else is there. Its methods are those of
/// [`Discoverer`](ligand_transport::Discoverer).
pub struct Roster<S: Store>(OnceLock<Arc<Work<S>>>);

impl<S: Store> Default for Roster<S> {
    fn default() -> Self {
        Self(OnceLock::new())
    }
}

impl<S: Store> fmt::Debug for Roster<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Roster").field("started", &self.0.get().is_some()).finish()
    }
}

/// What the started roster works with.
struct Work<S: Store> {
    link: Arc<dyn Link>,
    keys: Keys,
    life: Duration,
    state: Mutex<State<S>>,
}

struct State<S: Store> {
    store: S,
    /// What this node is and offers, as it was announced last.
    announced: Option<Arc<NodeInfo>>,
    /// It is in the store.
    stored: bool,
    /// This node has left: late calls do nothing.
    left: bool,
    /// The key of the last beat.
    beat: Option<String>,
    watch: Watch<S>,
    /// Until then nobody is declared lost: the store may have lost the keys of others too.
    trust_from: Instant,
}

impl<S: Store> Roster<S> {
    /// Makes sure that the store can be used; tries for ever.
    ///
    /// # Errors
    /// `BROKER_OPTIONS_ERROR` for a name of the node that cannot be part of a key, and when the store does not let this
    /// node in.
    pub async fn start(&self, link: Arc<dyn Link>, keys: Keys, store: S, pace: Pace) -> Result<()> {
        let separator = keys.separator();
        if link.node_id().contains(separator) {
            return Err(wrong(
                S::NAME,
                format_args!(
                    "the node id '{}' contains '{separator}', which separates the parts of keys; choose another one",
                    link.node_id()
                ),
            ));
        }
        let state = State {
            store,
            announced: None,
            stored: false,
            left: false,
            beat: None,
            watch: Watch::new(pace.full_check),
            trust_from: Instant::now(),
        };
        let work = Work { link, keys, life: pace.life.max(Duration::from_secs(1)), state: Mutex::new(state) };
        let mut backoff = Backoff::default();
        loop {
            let mut state = work.state.lock().await;
            let fault = match work.beat(&mut state).await {
                Ok(()) => break,
                Err(Fault::Refused(why)) => return Err(Login::error(S::NAME, state.store.server(), why)),
                Err(Fault::Lost(why)) => why,
            };
            let server = state.store.server();
            drop(state);
            let pause = backoff.pause();
            let tries = backoff.tries();
            tracing::warn!(tries, ?pause, "{} server {server}: {fault}; trying again", S::NAME);
            sleep(pause).await;
        }
        match self.0.set(Arc::new(work)) {
            Ok(()) => Ok(()),
            Err(_) => {
                Err(wrong(S::NAME, "the discoverer has started already; make a new one for each broker"))
            }
        }
    }

    /// Writes what this node is and offers.
    pub fn announce(&self, info: Arc<NodeInfo>) -> BoxFuture<Result<()>> {
        self.with(|work| async move {
            let mut state = work.state.lock().await;
            // Announcements may overtake each other on their way here.
            if state.announced.as_ref().is_none_or(|last| last.seq <= info.seq) {
                state.announced = Some(info);
                state.stored = false;
            }
            work.beat(&mut state).await.map_err(|fault| unusable(&state.store, &fault))
        })
    }

    /// Writes that this node lives, and looks who else does.
    pub fn beat(&self) -> BoxFuture<Result<()>> {
        self.with(|work| async move {
            let mut state = work.state.lock().await;
            work.beat(&mut state).await.map_err(|fault| unusable(&state.store, &fault))
        })
    }

    /// Looks what a node is and offers.
    pub fn discover(&self, node: &str) -> BoxFuture<Result<()>> {
        let node = node.to_owned();
        self.with(|work| async move {
            let mut state = work.state.lock().await;
            work.discover(&mut state, node).await.map_err(|fault| unusable(&state.store, &fault))
        })
    }

    /// Takes this node out of the store and closes.
    pub fn stop(&self) -> BoxFuture<()> {
        let work = self.0.get().cloned();
        Box::pin(async move {
            let Some(work) = work else { return };
            match timeout(FAREWELL, work.leave()).await {
                Ok(Ok(())) => {}
                Ok(Err(fault)) => {
                    tracing::warn!(reason = %fault, "this node stays in the store until its beat ends");
                }
                Err(_) => tracing::warn!("the store is slow, this node stays in it until its beat ends"),
            }
        })
    }

    fn with<F>(&self, run: impl FnOnce(Arc<Work<S>>) -> F) -> BoxFuture<Result<()>>
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        match self.0.get() {
            Some(work) => Box::pin(run(work.clone())),
            None => Box::pin(async { Err(unusable_because::<S>("the discoverer has not started")) }),
        }
    }
}

/// What callers of the discoverer get.
fn unusable<S: Store>(store: &S, fault: &Fault) -> Error {
    unusable_because::<S>(format_args!("{}: {fault}", store.server()))
}

fn unusable_because<S: Store>(why: impl fmt::Display) -> Error {
    let text = format!("The store of the {} discoverer cannot be used.", S::NAME);
    Error::transient(503, "DISCOVERER_ERROR", text).with_internal(why)
}

impl<S: Store> Work<S> {
    async fn connect(&self, state: &mut State<S>) -> Result<(), Fault> {
        if state.store.connect(self.link.node_id()).await? {
            self.doubt(state);
        }
        Ok(())
    }

    /// The store may have lost keys: this node writes its own again, and others get the time to do so too.
    fn doubt(&self, state: &mut State<S>) {
        state.stored = false;
        state.trust_from = Instant::now() + self.life;
    }

    /// Writes what this node has to say, then looks who else lives.
    async fn beat(&self, state: &mut State<S>) -> Result<(), Fault> {
        if state.left {
            return Ok(());
        }
        self.connect(state).await?;
        if let Some(info) = state.announced.clone()
            && !self.write(state, &info).await?
        {
            self.doubt(state);
            if !self.write(state, &info).await? {
                return Err(Fault::lost("it forgets at once what is written"));
            }
        }
        let trusted = state.trust_from <= Instant::now();
        state.watch.cycle(&mut state.store, &self.link, &self.keys, trusted).await
    }

    async fn write(&self, state: &mut State<S>, info: &NodeInfo) -> Result<bool, Fault> {
        let node = self.link.node_id();
        let beat = Heartbeat {
            cpu: self.link.cluster().local().cpu,
            cpu_seq: None,
            seq: Some(info.seq),
            instance_id: Some(info.instance_id.clone()),
        };
        let beat_key = self.keys.beat(node, &info.instance_id, info.seq);
        let packet = (!state.stored).then(|| Packet::Info(Box::new(info.clone())));
        let written = packet.map(|packet| self.value(&packet)).transpose()?;
        let entry = Entry {
            beat_key: &beat_key,
            beat: &self.value(&Packet::Heartbeat(beat))?,
            life: self.life,
            last_beat_key: state.beat.as_deref().filter(|last| *last != beat_key),
            info_key: &self.keys.info(node),
            info: written.as_deref(),
        };
        let kept = state.store.write(entry).await?;
        if kept {
            state.beat = Some(beat_key);
            state.stored = true;
        }
        Ok(kept)
    }

    fn value(&self, packet: &Packet<'_>) -> Result<Vec<u8>, Fault> {
        let mut out = Vec::new();
        let envelope = Envelope { ver: VERSION, sender: self.link.node_id() };
        encode(packet, envelope, Format::Json, &mut out)
            .map_err(|error| Fault::lost(format_args!("{error:#}")))?;
        Ok(out)
    }

    async fn discover(&self, state: &mut State<S>, node: String) -> Result<(), Fault> {
        if state.left {
            return Ok(());
        }
        self.connect(state).await?;
        state.watch.learn(&mut state.store, &self.link, &self.keys, vec![node], true).await
    }

    async fn leave(&self) -> Result<(), Fault> {
        let state = &mut *self.state.lock().await;
        state.left = true;
        let node = self.link.node_id();
        let beat = state.beat.take();
        state.store.leave(node, &self.keys.info(node), beat.as_deref()).await
    }
}
