//! One connection: its requests, and when it ends.

use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use futures_util::FutureExt as _;
use http::{HeaderValue, header};
use http_body::{Body, Frame, SizeHint};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use ligand_core::ServiceBroker;
use parking_lot::Mutex;
use tokio::{
    net::TcpStream,
    sync::{OwnedSemaphorePermit, watch},
    time::Instant,
};

use super::{LAST_WORDS, Phase};
use crate::{RequestBody, gateway::Inner, pipeline, write_timeout::WriteTimeout};

/// How long a connection may carry nothing while others wait for its place.
const SILENCE: Duration = Duration::from_secs(1);

pub(super) async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    gateway: Arc<Inner>,
    broker: ServiceBroker,
    mut phase: watch::Receiver<Phase>,
    mut crowded: watch::Receiver<bool>,
    slot: OwnedSemaphorePermit,
) {
    let slot = ConnectionSlot { _permit: Some(Arc::new(slot)), _place: None };
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, %peer, "no TCP_NODELAY");
    }
    let limits = &gateway.limits;
    let load = Arc::new(Load::default());
    let io = WriteTimeout::new(TokioIo::new(stream), limits, peer, load.clone());
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_headers(limits.headers)
        .max_buf_size(limits.header_bytes.max(8192));
    let ending = phase.clone();
    let service = service_fn(|mut request: http::Request<Incoming>| {
        request.extensions_mut().insert(slot.clone());
        let (gateway, broker, ending) = (&gateway, &broker, &ending);
        let running = load.begin();
        async move {
            let mut response =
                pipeline::run(gateway, broker, request.map(RequestBody::stream), Some(peer)).await;
            if *ending.borrow() != Phase::Open {
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(response.map(|body| Counted { body, _running: running }))
        }
    });
    let mut connection = std::pin::pin!(builder.serve_connection(io, service));
    let (mut reached, mut shut) = (Phase::Open, false);
    // One that was accepted late has its last words, too.
    let mut last_words = std::pin::pin!(tokio::time::sleep(LAST_WORDS));
    loop {
        tokio::select! {
            biased;
            result = connection.as_mut() => {
                if let Err(error) = result {
                    tracing::debug!(%error, %peer, "connection ended early");
                }
                break;
            }
            now = phase.wait_for(|now| *now > reached) => match now.map(|now| *now) {
                Ok(Phase::LastWords) => {
                    reached = Phase::LastWords;
                    // An idle one stays open: its next request may be on its way.
                    if load.is_busy() {
                        connection.as_mut().graceful_shutdown();
                    }
                }
                Ok(Phase::Draining) => reached = Phase::Draining,
                Ok(Phase::Open | Phase::Closed) | Err(_) => break,
            },
            () = last_words.as_mut(), if reached == Phase::Draining && !shut => {
                shut = true;
                connection.as_mut().graceful_shutdown();
                let ended = connection.as_mut().now_or_never().is_some();
                // What has not sent a whole head by now is nobody's request.
                if ended || !load.is_busy() {
                    break;
                }
            }
            () = load.silent(&mut crowded) => {
                tracing::debug!(%peer, "a connection that carries nothing makes room for another");
                break;
            }
        }
    }
}

/// The place of a connection among those that the gateway takes; held also by a call that goes on without its client.
#[derive(Clone)]
pub(crate) struct ConnectionSlot {
    _permit: Option<Arc<OwnedSemaphorePermit>>,
    /// The place of the request among those of its route.
    _place: Option<Arc<OwnedSemaphorePermit>>,
}

impl ConnectionSlot {
    /// The place of a connection, if there is one, with the place of its request.
    pub(crate) fn with(connection: Option<Self>, place: OwnedSemaphorePermit) -> Self {
        Self { _permit: connection.and_then(|slot| slot._permit), _place: Some(Arc::new(place)) }
    }
}

/// What a connection carries at the moment.
pub(crate) struct Load {
    state: Mutex<State>,
    /// An answer waits for its client to read.
    pub(crate) writing: AtomicBool,
}

struct State {
    requests: usize,
    /// When the last request ended.
    since: Instant,
}

impl Default for Load {
    fn default() -> Self {
        let state = State { requests: 0, since: Instant::now() };
        Self { state: Mutex::new(state), writing: AtomicBool::new(false) }
    }
}

impl Load {
    fn begin(self: &Arc<Self>) -> Running {
        self.state.lock().requests += 1;
        Running(self.clone())
    }

    /// A request runs, or its answer is not written yet.
    fn is_busy(&self) -> bool {
        self.writing.load(Ordering::Relaxed) || self.state.lock().requests > 0
    }

    /// Ends when others wait for a place and this one carries nothing.
    async fn silent(&self, crowded: &mut watch::Receiver<bool>) {
        loop {
            if crowded.wait_for(|crowded| *crowded).await.is_err() {
                // Nobody accepts any more.
                return std::future::pending().await;
            }
            let quiet = match self.is_busy() {
                true => Duration::ZERO,
                false => self.state.lock().since.elapsed(),
            };
            if quiet >= SILENCE {
                return;
            }
            tokio::time::sleep(SILENCE - quiet).await;
        }
    }
}

/// A request whose answer has not been handed over whole.
struct Running(Arc<Load>);

impl Drop for Running {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.requests -= 1;
        state.since = Instant::now();
    }
}

/// The body of an answer; its request counts until it has been handed over.
struct Counted<B> {
    body: B,
    _running: Running,
}

impl<B: Body + Unpin> Body for Counted<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
