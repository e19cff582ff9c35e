//! The listener: takes connections, bounds their number, and ends without cutting a request.
//!
//! A stop has three steps. For a short while everything goes on, with `Connection: close` on every answer: requests that
//! were on their way when it began are answered. Then nothing new is taken, connections that carry no whole request are
//! closed, and what runs ends. When the time is over, what is left is dropped.

mod connection;

use std::{
    io,
    net::{SocketAddr, ToSocketAddrs as _},
    sync::{Arc, Weak},
    time::Duration,
};

use futures_util::FutureExt as _;
use ligand_core::{Error, Result, ServiceBroker, broker::WeakBroker};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
};

pub(crate) use self::connection::{ConnectionSlot, Load};
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

/// Connections that the system takes while the gateway is busy.
const BACKLOG: u32 = 1024;

pub(crate) struct Server {
    address: SocketAddr,
    /// Every connection listens to it, and so does the work that accepts them: without listeners, all have ended.
    phase: watch::Sender<Phase>,
    accepting: Weak<()>,
}

impl Server {
    /// Binds and serves.
    pub(crate) fn start(
        (address, port): (String, u16),
        gateway: Arc<Inner>,
        broker: &ServiceBroker,
    ) -> Result<Self> {
        let failed = |error: io::Error| {
            // An address of version 6 has colons of its own.
            let place = if address.contains(':') {
                format!("[{address}]:{port}")
            } else {
                format!("{address}:{port}")
            };
            Error::server(500, "LISTEN_FAILED", format!("The gateway cannot listen on {place}: {error}"))
                .with_retryable(false)
        };
        let listener = listen(&address, port).map_err(failed)?;
        let local = listener.local_addr().map_err(failed)?;
        let most = gateway.limits.connections.clamp(1, 1 << 20);
        let phase = watch::Sender::new(Phase::Open);
        let alive = Arc::new(());
        let server = Self { address: local, phase, accepting: Arc::downgrade(&alive) };
        let acceptor = Acceptor {
            listener,
            gateway,
            broker: broker.downgrade(),
            phase: server.phase.subscribe(),
            slots: Arc::new(Semaphore::new(most)),
            crowded: watch::Sender::new(false),
            _alive: alive,
        };
        broker.tasks().spawn_background(acceptor.run());
        Ok(server)
    }

    /// The address that is listened on; `None` when nobody listens any more.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        (self.accepting.strong_count() > 0).then_some(self.address)
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

/// Listens on the first of the addresses that a name stands for and that can be had.
fn listen(address: &str, port: u16) -> io::Result<TcpListener> {
    let mut last = io::Error::new(io::ErrorKind::InvalidInput, "the name stands for no address");
    for address in (address, port).to_socket_addrs()? {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        #[cfg(not(windows))]
        socket.set_reuseaddr(true)?;
        match socket.bind(address).and_then(|()| socket.listen(BACKLOG)) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}

struct Acceptor {
    listener: TcpListener,
    gateway: Arc<Inner>,
    broker: WeakBroker,
    phase: watch::Receiver<Phase>,
    /// One for each connection.
    slots: Arc<Semaphore>,
    /// Somebody waits for a slot: connections that carry nothing make room.
    crowded: watch::Sender<bool>,
    _alive: Arc<()>,
}

impl Acceptor {
    async fn run(self) {
        let mut phase = self.phase.clone();
        loop {
            let accepted = tokio::select! {
                _ = phase.wait_for(|phase| *phase >= Phase::Draining) => break,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => self.take(stream, peer).await,
                Err(error) => {
                    // Mostly out of file handles: only time helps.
                    tracing::warn!(%error, "a connection cannot be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
        // Whose connection stands already has been told that somebody is here.
        while let Some(Ok((stream, peer))) = self.listener.accept().now_or_never() {
            self.take(stream, peer).await;
        }
    }

    /// Serves a connection as soon as there is room.
    async fn take(&self, stream: TcpStream, peer: SocketAddr) {
        let mut phase = self.phase.clone();
        let slot = tokio::select! {
            biased;
            slot = self.slot() => slot,
            _ = phase.wait_for(|phase| *phase == Phase::Closed) => return,
        };
        let (Some(slot), Some(broker)) = (slot, self.broker.upgrade()) else { return };
        let work = connection::serve(
            stream,
            peer,
            self.gateway.clone(),
            broker.clone(),
            self.phase.clone(),
            self.crowded.subscribe(),
            slot,
        );
        broker.tasks().spawn_background(work);
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
