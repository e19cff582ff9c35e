//! The listener and its connections.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioTimer;
use ligand_core::{Error, Result, ServiceBroker, WeakBroker};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
};

use crate::{RequestBody, gateway::Inner, pipeline, stall::Stall};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    /// No new requests; those that run end.
    Draining,
    /// Everything is dropped.
    Closed,
}

pub(crate) struct Server {
    address: SocketAddr,
    phase: watch::Sender<Phase>,
    /// Every connection holds one permit.
    connections: Arc<Semaphore>,
    most: u32,
}

impl Server {
    /// Binds and serves.
    pub(crate) async fn start(address: &str, gateway: Arc<Inner>, broker: &ServiceBroker) -> Result<Self> {
        let failed = |error: std::io::Error| {
            Error::server(500, "LISTEN_FAILED", format!("The gateway cannot listen on {address}: {error}"))
                .with_retryable(false)
        };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let local = listener.local_addr().map_err(failed)?;
        let most = u32::try_from(gateway.limits.connections.clamp(1, 1 << 20)).unwrap_or(1 << 20);
        let server = Self {
            address: local,
            phase: watch::Sender::new(Phase::Open),
            connections: Arc::new(Semaphore::new(most as usize)),
            most,
        };
        let work = accept(
            listener,
            gateway,
            broker.downgrade(),
            server.phase.subscribe(),
            server.connections.clone(),
        );
        broker.tasks().spawn_background(work);
        Ok(server)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more connections, closes idle ones, waits for running requests at most `time`.
    pub(crate) async fn stop(&self, time: Duration) {
        self.phase.send_replace(Phase::Draining);
        if tokio::time::timeout(time, self.connections.acquire_many(self.most)).await.is_err() {
            tracing::warn!("HTTP requests still run after {time:?}; their connections are closed");
        }
        self.phase.send_replace(Phase::Closed);
    }
}

async fn accept(
    listener: TcpListener,
    gateway: Arc<Inner>,
    broker: WeakBroker,
    mut phase: watch::Receiver<Phase>,
    connections: Arc<Semaphore>,
) {
    loop {
        let next = async {
            let permit = connections.clone().acquire_owned().await.ok()?;
            Some((permit, listener.accept().await))
        };
        let accepted = tokio::select! {
            _ = phase.wait_for(|phase| *phase != Phase::Open) => return,
            accepted = next => accepted,
        };
        let Some((permit, accepted)) = accepted else { return };
        match accepted {
            Ok((stream, peer)) => {
                let Some(broker) = broker.upgrade() else { return };
                let work = serve(stream, peer, gateway.clone(), broker.clone(), phase.clone(), permit);
                broker.tasks().spawn_background(work);
            }
            Err(error) => {
                // Mostly out of file handles: only time helps.
                tracing::warn!(%error, "a connection cannot be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    gateway: Arc<Inner>,
    broker: ServiceBroker,
    mut phase: watch::Receiver<Phase>,
    permit: OwnedSemaphorePermit,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, %peer, "no TCP_NODELAY");
    }
    let limits = &gateway.limits;
    let io = Stall::new(stream, limits.write_timeout, peer);
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_headers(limits.headers)
        .max_buf_size(limits.header_bytes.max(8192));
    let service = service_fn(|request: http::Request<Incoming>| {
        let (gateway, broker) = (&gateway, &broker);
        async move {
            Ok::<_, Infallible>(
                pipeline::run(gateway, broker, request.map(RequestBody::from), Some(peer)).await,
            )
        }
    });
    let mut connection = std::pin::pin!(builder.serve_connection(io, service));
    let mut draining = false;
    loop {
        tokio::select! {
            result = connection.as_mut() => {
                if let Err(error) = result {
                    tracing::debug!(%error, %peer, "connection ended early");
                }
                break;
            }
            reached = phase.wait_for(|phase| *phase == Phase::Closed || (!draining && *phase == Phase::Draining)) => {
                match reached.map(|phase| *phase) {
                    Ok(Phase::Draining) => {
                        draining = true;
                        connection.as_mut().graceful_shutdown();
                    }
                    _ => break,
                }
            }
        }
    }
    drop(permit);
}
