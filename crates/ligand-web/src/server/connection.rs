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
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use ligand_core::ServiceBroker;
use parking_lot::Mutex;
use tokio::{
    sync::{OwnedSemaphorePermit, watch},
    time::Instant,
};

use super::{LAST_WORDS, Phase, io::Io, proxy_protocol};
use crate::{RequestBody, gateway::Inner, pipeline, write_timeout::WriteTimeout};

/// How long a connection may carry nothing while others wait for its place.
const SILENCE: Duration = Duration::from_secs(1);

/// What a connection needs.
pub(super) struct Way {
    pub(super) peer: SocketAddr,
    pub(super) gateway: Arc<Inner>,
    pub(super) broker: ServiceBroker,
    pub(super) phase: watch::Receiver<Phase>,
    pub(super) crowded: watch::Receiver<bool>,
    pub(super) slot: ConnectionSlot,
}

impl Way {
    /// Agrees on keys, then serves.
    #[cfg(feature = "tls")]
    pub(super) async fn secured(
        mut self,
        acceptor: Option<tokio_rustls::TlsAcceptor>,
        mut stream: Io,
        proxied: bool,
    ) {
        let Some(acceptor) = acceptor else { return };
        if proxied && !self.introduced(&mut stream).await {
            return;
        }
        let peer = self.peer;
        let agreed = tokio::time::timeout(self.gateway.limits.header_timeout, acceptor.accept(stream));
        let agreed = tokio::select! {
            agreed = agreed => agreed,
            _ = self.phase.wait_for(|phase| *phase == Phase::Closed) => return,
        };
        match agreed {
            Ok(Ok(stream)) => self.serve(Io::Tls(Box::new(stream)), true).await,
            Ok(Err(error)) => tracing::debug!(%error, %peer, "no TLS with this client"),
            Err(_) => tracing::debug!(%peer, "the client did not agree on keys in time"),
        }
    }

    pub(super) async fn open(mut self, mut stream: Io, proxied: bool) {
        if !proxied || self.introduced(&mut stream).await {
            self.serve(stream, false).await;
        }
    }

    /// Learns from a proxy whose connection it is; false when it does not say so in time.
    async fn introduced(&mut self, stream: &mut Io) -> bool {
        let (near, time) = (self.peer, self.gateway.limits.header_timeout);
        let said = tokio::time::timeout(time, proxy_protocol::client(stream, near));
        let said = tokio::select! {
            said = said => said,
            _ = self.phase.wait_for(|phase| *phase == Phase::Closed) => return false,
        };
        match said {
            Ok(Ok(client)) => {
                self.peer = client;
                return true;
            }
            Ok(Err(error)) => tracing::debug!(%error, peer = %near, "not a connection of a proxy"),
            Err(_) => tracing::debug!(peer = %near, "the proxy does not say whose connection it is"),
        }
        false
    }

    async fn serve(self, stream: Io, secure: bool) {
        let Self { peer, gateway, broker, phase, crowded, slot } = self;
        let load = Arc::new(Load::default());
        let limits = &gateway.limits;
        let io = WriteTimeout::new(TokioIo::new(stream), limits, peer, load.clone());
        let builder = builder(limits, &broker);
        let (ending, shared) = (phase.clone(), load.clone());
        let idle = limits.header_timeout + GRACE;
        let write_timeout = limits.write_timeout;
        let service = service_fn(move |mut request: http::Request<Incoming>| {
            request.extensions_mut().insert(slot.clone());
            if secure {
                request.extensions_mut().insert(Secure);
            }
            let (gateway, broker, ending) = (gateway.clone(), broker.clone(), ending.clone());
            let running = shared.begin();
            async move {
                let closable = request.version() < http::Version::HTTP_2;
                let mut response =
                    pipeline::run(&gateway, &broker, request.map(RequestBody::stream), Some(peer)).await;
                if closable && *ending.borrow() != Phase::Open {
                    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
                }
                Ok::<_, Infallible>(response.map(|body| Counted::new(body, running)))
            }
        });
        let connection = std::pin::pin!(builder.serve_connection(io, service));
        drive(connection, peer, phase, crowded, &load, (idle, write_timeout)).await;
    }
}

/// The client speaks TLS with this gateway.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Secure;

/// Whoever reads heads closes what is silent first; this is for what it does not see.
const GRACE: Duration = Duration::from_secs(1);

#[cfg(not(feature = "http2"))]
fn builder(limits: &crate::Limits, _: &ServiceBroker) -> hyper::server::conn::http1::Builder {
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_headers(limits.headers)
        .max_buf_size(limits.header_bytes.max(8192));
    builder
}

#[cfg(feature = "http2")]
fn builder(limits: &crate::Limits, broker: &ServiceBroker) -> hyper_util::server::conn::auto::Builder<Tasks> {
    let mut builder = hyper_util::server::conn::auto::Builder::new(Tasks(broker.clone()));
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_headers(limits.headers)
        .max_buf_size(limits.header_bytes.max(8192));
    let streams = limits.streams.max(1);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(streams)
        // Requests that are taken back count as work until it has ended: more of them end the connection.
        .max_pending_accept_reset_streams(Some(RESETS))
        .max_header_list_size(u32::try_from(limits.header_bytes.max(8192)).unwrap_or(u32::MAX))
        .initial_stream_window_size(64 * 1024)
        .initial_connection_window_size(1024 * 1024)
        .max_send_buf_size(64 * 1024)
        .keep_alive_interval(Some(PING.0))
        .keep_alive_timeout(PING.1);
    builder
}

/// How many streams of a connection may be taken back without having been looked at.
#[cfg(feature = "http2")]
const RESETS: usize = 20;

/// When a silent HTTP/2 connection is asked for a sign of life, and how long that may take.
#[cfg(feature = "http2")]
const PING: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(20));

/// Where the streams of HTTP/2 run.
#[cfg(feature = "http2")]
#[derive(Clone)]
struct Tasks(ServiceBroker);

#[cfg(feature = "http2")]
impl<F> hyper::rt::Executor<F> for Tasks
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, work: F) {
        self.0.tasks().spawn_background(work);
    }
}

/// A connection that can be told to end.
trait Ending: Future {
    fn graceful_shutdown(self: Pin<&mut Self>);
}

#[cfg(not(feature = "http2"))]
impl<I, B, S> Ending for hyper::server::conn::http1::Connection<I, S>
where
    S: hyper::service::HttpService<Incoming, ResBody = B>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
    B: Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn graceful_shutdown(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

#[cfg(feature = "http2")]
impl<I, B, S, E> Ending for hyper_util::server::conn::auto::Connection<'_, I, S, E>
where
    S: hyper::service::Service<http::Request<Incoming>, Response = http::Response<B>>,
    S::Future: 'static,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    I: hyper::rt::Read + hyper::rt::Write + Unpin + 'static,
    B: Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    E: hyper::rt::bounds::Http2ServerConnExec<S::Future, B>,
{
    fn graceful_shutdown(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

/// Runs a connection until it has ended, or must.
async fn drive<C, E>(
    mut connection: Pin<&mut C>,
    peer: SocketAddr,
    mut phase: watch::Receiver<Phase>,
    mut crowded: watch::Receiver<bool>,
    load: &Load,
    (idle, write_timeout): (Duration, Duration),
) where
    C: Ending<Output = Result<(), E>>,
    E: std::fmt::Display,
{
    let (mut reached, mut shut) = (Phase::Open, false);
    let mut ended = std::pin::pin!(tokio::time::sleep(write_timeout));
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
            () = load.idle(idle), if !shut => {
                shut = true;
                ended.as_mut().reset(Instant::now() + write_timeout);
                connection.as_mut().graceful_shutdown();
            }
            // What it still carries was handed over: it waits for a client that does not take it.
            () = ended.as_mut(), if shut && reached == Phase::Open && !load.is_busy() => break,
            () = load.stuck(write_timeout) => {
                tracing::debug!(%peer, "the client does not take its answers");
                break;
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
    pub(super) fn of(permit: OwnedSemaphorePermit) -> Self {
        Self { _permit: Some(Arc::new(permit)), _place: None }
    }

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
    /// Answers of which a piece was taken to be sent, and no other one since.
    sending: usize,
    /// When the last piece was taken.
    moved: Instant,
}

impl Default for Load {
    fn default() -> Self {
        let now = Instant::now();
        let state = State { requests: 0, since: now, sending: 0, moved: now };
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

    /// Ends when this carries nothing for so long.
    async fn idle(&self, time: Duration) {
        loop {
            let quiet = match self.is_busy() {
                true => Duration::ZERO,
                false => self.state.lock().since.elapsed(),
            };
            if quiet >= time {
                return;
            }
            tokio::time::sleep(time - quiet).await;
        }
    }

    /// Ends when answers wait to be sent and none of them has moved for so long: a client can stop a stream of HTTP/2
    /// and keep its connection.
    async fn stuck(&self, time: Duration) {
        loop {
            let quiet = {
                let state = self.state.lock();
                if state.sending > 0 { state.moved.elapsed() } else { Duration::ZERO }
            };
            if quiet >= time {
                return;
            }
            tokio::time::sleep(time - quiet).await;
        }
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
    running: Running,
    /// A piece of it is on its way.
    sending: bool,
}

impl<B> Counted<B> {
    /// Whoever sends it asks for more when the client has room.
    fn new(body: B, running: Running) -> Self {
        let mut counted = Self { body, running, sending: false };
        counted.now(true);
        counted
    }

    fn now(&mut self, sending: bool) {
        if self.sending || sending {
            let mut state = self.running.0.state.lock();
            state.sending = state.sending + usize::from(sending) - usize::from(self.sending);
            state.moved = Instant::now();
            self.sending = sending;
        }
    }
}

impl<B> Drop for Counted<B> {
    fn drop(&mut self) {
        self.now(false);
    }
}

impl<B: Body + Unpin> Body for Counted<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.now(false);
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        // Also the last piece: it is held until the client has room.
        self.now(matches!(frame, Poll::Ready(Some(_))));
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
