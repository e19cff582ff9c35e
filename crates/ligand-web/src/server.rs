//! The listener: takes connections, bounds their number, and ends without cutting a request.
//!
//! A stop has three steps. For a short while everything goes on, with `Connection: close` on every answer: requests that
//! were on their way when it began are answered. Then nothing new is taken, connections that carry no whole request are
//! closed, and what runs ends. When the time is over, what is left is dropped.

mod connection;
mod io;
mod listener;
mod proxy_protocol;

use std::{
    net::SocketAddr,
    sync::{Arc, Weak},
    time::Duration,
};

use futures_util::FutureExt as _;
use ligand_core::{Error, Result, ServiceBroker, broker::WeakBroker};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

pub(crate) use self::connection::{ConnectionSlot, Load, Secure};
pub use self::listener::Listener;
use self::{io::Io, listener::Door};
use crate::gateway::Inner;

/// How far a stop has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Open,
    /// What was on its way is still answered.
    LastWords,
    /// No new requests; those that run end.
    Draining,
    /// Everything is dropped.
    Closed,
}

/// How long a stop waits for requests that were sent before it began.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// How often certificates are looked at.
#[cfg(feature = "tls")]
const RENEWAL: Duration = Duration::from_secs(10);

pub(crate) struct Server {
    /// Of the first place.
    address: Option<SocketAddr>,
    addresses: Vec<SocketAddr>,
    #[cfg(feature = "tls")]
    tls: Vec<crate::Tls>,
    /// Every connection listens to it, and so does the work that accepts them: without listeners, all have ended.
    phase: watch::Sender<Phase>,
    accepting: Weak<()>,
}

impl Server {
    /// Opens all places and serves.
    pub(crate) fn start(places: &[Listener], gateway: &Arc<Inner>, broker: &ServiceBroker) -> Result<Self> {
        #[cfg(feature = "tls")]
        let tls: Vec<_> = places.iter().filter_map(|place| place.tls.clone()).collect();
        #[cfg(feature = "tls")]
        tls.iter().try_for_each(crate::Tls::reload)?;
        let mut doors = Vec::new();
        for place in places {
            let door = place.open().map_err(|error| {
                let text = format!("The gateway cannot listen on {place}: {error}");
                Error::server(500, "LISTEN_FAILED", text).with_retryable(false)
            })?;
            doors.push(door);
        }
        let most = gateway.limits.connections.clamp(1, 1 << 20);
        let phase = watch::Sender::new(Phase::Open);
        let alive = Arc::new(());
        let addresses: Vec<_> = doors.iter().filter_map(Door::address).collect();
        let server = Self {
            address: doors.first().and_then(Door::address),
            addresses,
            #[cfg(feature = "tls")]
            tls,
            phase,
            accepting: Arc::downgrade(&alive),
        };
        let slots = Arc::new(Semaphore::new(most));
        let crowded = Arc::new(watch::Sender::new(false));
        for (door, place) in doors.into_iter().zip(places) {
            let acceptor = Acceptor {
                door,
                proxied: place.proxied,
                #[cfg(feature = "tls")]
                tls: place.tls.clone(),
                gateway: gateway.clone(),
                broker: broker.downgrade(),
                phase: server.phase.subscribe(),
                slots: slots.clone(),
                crowded: crowded.clone(),
                _alive: alive.clone(),
            };
            broker.tasks().spawn_background(acceptor.run());
        }
        #[cfg(feature = "tls")]
        for tls in server.tls.clone() {
            let mut phase = server.phase.subscribe();
            broker.tasks().spawn_background(async move {
                let over = phase.wait_for(|phase| *phase >= Phase::Draining);
                let mut over = std::pin::pin!(over);
                while tokio::time::timeout(RENEWAL, over.as_mut()).await.is_err() {
                    tls.renew();
                }
            });
        }
        Ok(server)
    }

    /// Reads all certificates anew.
    #[cfg(feature = "tls")]
    pub(crate) fn reload_tls(&self) -> Result<()> {
        self.tls.iter().try_for_each(crate::Tls::reload)
    }

    /// The addresses of all places that have one.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        if self.accepting.strong_count() > 0 { self.addresses.clone() } else { Vec::new() }
    }

    /// Somebody listens.
    pub(crate) fn is_open(&self) -> bool {
        self.accepting.strong_count() > 0
    }

    /// The address that is listened on first; `None` when nobody listens any more, or when it is none of a network.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.address.filter(|_| self.is_open())
    }

    /// Ends as the [module](self) says; waits for running requests at most `time`.
    pub(crate) async fn stop(&self, time: Duration) {
        self.phase.send_replace(Phase::LastWords);
        tokio::time::sleep(LAST_WORDS.min(time)).await;
        self.phase.send_replace(Phase::Draining);
        if tokio::time::timeout(time, self.phase.closed()).await.is_err() {
            tracing::warn!("HTTP requests still run after {time:?}; their connections are closed");
        }
        self.phase.send_replace(Phase::Closed);
    }
}

struct Acceptor {
    door: Door,
    /// Its connections begin with the PROXY protocol.
    proxied: bool,
    #[cfg(feature = "tls")]
    tls: Option<crate::Tls>,
    gateway: Arc<Inner>,
    broker: WeakBroker,
    phase: watch::Receiver<Phase>,
    /// One for each connection.
    slots: Arc<Semaphore>,
    /// Somebody waits for a slot: connections that carry nothing make room.
    crowded: Arc<watch::Sender<bool>>,
    _alive: Arc<()>,
}

impl Acceptor {
    async fn run(self) {
        let mut phase = self.phase.clone();
        loop {
            let accepted = tokio::select! {
                _ = phase.wait_for(|phase| *phase >= Phase::Draining) => break,
                accepted = self.door.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => self.take(stream, peer).await,
                Err(error) => {
                    tracing::warn!(%error, "a connection cannot be accepted");
                    tokio::time::sleep(Door::PAUSE).await;
                }
            }
        }
        // Whose connection stands already has been told that somebody is here.
        while let Some(Ok((stream, peer))) = self.door.accept().now_or_never() {
            self.take(stream, peer).await;
        }
    }

    /// Serves a connection as soon as there is room.
    async fn take(&self, stream: Io, peer: SocketAddr) {
        let mut phase = self.phase.clone();
        let slot = tokio::select! {
            biased;
            slot = self.slot() => slot,
            _ = phase.wait_for(|phase| *phase == Phase::Closed) => return,
        };
        let (Some(slot), Some(broker)) = (slot, self.broker.upgrade()) else { return };
        let way = connection::Way {
            peer,
            gateway: self.gateway.clone(),
            broker: broker.clone(),
            phase: self.phase.clone(),
            crowded: self.crowded.subscribe(),
            slot: ConnectionSlot::of(slot),
        };
        let proxied = self.proxied;
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            broker.tasks().spawn_background(way.secured(tls.acceptor(), stream, proxied));
            return;
        }
        broker.tasks().spawn_background(way.open(stream, proxied));
    }

    async fn slot(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(slot) = self.slots.clone().try_acquire_owned() {
            return Some(slot);
        }
        self.crowded.send_replace(true);
        let slot = self.slots.clone().acquire_owned().await.ok();
        self.crowded.send_replace(false);
        slot
    }
}
