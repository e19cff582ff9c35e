//! The life of connections: connect, subscribe, serve, pause, again.

use std::{
    collections::{HashMap, HashSet},
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::{Buf, BytesMut};
use ligand_transport::{Backoff, Link, Login};
use ligand_wire::{Error, Result as Outcome, packet::PacketKind};
use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    sync::{Notify, oneshot, watch},
    time::{Instant, interval_at, sleep, timeout},
};
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};

use crate::{
    frame::{self, Hello, Incoming, Malformed, Qos, Step, Version, Welcome},
    options::{Protocol, Server},
    outbox::Outbox,
    prompt::Prompt,
};

/// A connection that lived this long was a success: pauses start anew.
const STEADY: Duration = Duration::from_secs(5);
/// How long the rest may take to leave at the end.
const FAREWELL: Duration = Duration::from_secs(5);
const SUBSCRIPTION: u16 = 1;

type Reader = Box<dyn AsyncRead + Send + Unpin>;
type Writer = Box<dyn AsyncWrite + Send + Unpin>;

/// Everything the connections of one node have in common.
pub(crate) struct Sessions {
    pub(crate) link: Arc<dyn Link>,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) servers: Vec<Server>,
    pub(crate) tls: Option<TlsConnector>,
    pub(crate) protocol: Protocol,
    pub(crate) client_id: String,
    pub(crate) qos: Qos,
    pub(crate) keep_alive: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) max_packet: usize,
    /// Kinds of packets by subscribed topic.
    pub(crate) kinds: HashMap<String, PacketKind>,
    /// True: hand over the rest and end.
    pub(crate) stop: watch::Receiver<bool>,
}

/// Why a connection ended or did not come about.
enum Ended {
    /// As asked for.
    Stopped,
    /// The server closed the connection without a word.
    Closed,
    Lost(String),
    /// The server does not let this node in.
    Refused(&'static str),
    /// The server seems not to know this version of the protocol.
    OtherVersion,
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => Self::Closed,
            _ if Login::is_distrust(&error) => Self::Refused("a certificate is not trusted"),
            _ => Self::Lost(error.to_string()),
        }
    }
}

impl From<Malformed> for Ended {
    fn from(error: Malformed) -> Self {
        Self::Lost(format!("the server sent {}", error.0))
    }
}

impl Sessions {
    /// Keeps a connection until the stop; `ready` is told when the first one stands, or that there will be none.
    pub(crate) async fn run(self, ready: oneshot::Sender<Outcome<()>>) {
        let mut ready = Some(ready);
        let mut stop = self.stop.clone();
        let mut backoff = Backoff::default();
        let mut login = Login::new("MQTT");
        let mut version = if self.protocol == Protocol::V3 { Version::V3 } else { Version::V5 };
        for turn in 0usize.. {
            let server = &self.servers[turn % self.servers.len()];
            let start = Instant::now();
            let connected = Mutex::new(false);
            let connect = || {
                *connected.lock() = true;
                tracing::info!(server = %server, "MQTT is connected");
                self.link.connected();
                if let Some(ready) = ready.take() {
                    let _ = ready.send(Ok(()));
                }
            };
            let ended = self.one(server, version, connect).await;
            self.outbox.close();
            let connected = connected.into_inner();
            if connected {
                login.let_in();
            }
            let mut pause = None;
            let reason = match ended {
                _ if *stop.borrow() => return,
                Ended::Stopped => return,
                Ended::Refused(why) => {
                    match login.refused(server, why) {
                        Ok(time) => pause = Some(time),
                        Err(error) => {
                            if let Some(ready) = ready.take() {
                                let _ = ready.send(Err(error));
                            }
                            return;
                        }
                    }
                    why.to_owned()
                }
                Ended::OtherVersion => {
                    if self.protocol == Protocol::Auto {
                        version = if version == Version::V5 { Version::V3 } else { Version::V5 };
                    }
                    "it refuses this version of MQTT or hangs up".to_owned()
                }
                Ended::Closed => "the connection was closed".to_owned(),
                Ended::Lost(reason) => reason,
            };
            if connected && self.protocol == Protocol::Auto {
                // It may come back as a newer one.
                version = Version::V5;
            }
            let reason = format!("MQTT server {server}: {reason}");
            if connected {
                if start.elapsed() > STEADY {
                    backoff.reset();
                }
                let error = Error::disconnected().with_internal(reason);
                self.link.disconnected(&error);
            } else if pause.is_none() {
                tracing::warn!("{reason}; trying again");
            }
            tokio::select! {
                () = sleep(pause.unwrap_or_else(|| backoff.pause())) => {}
                () = stopped(&mut stop) => return,
            }
        }
    }

    /// One connection from its beginning to its end.
    async fn one(&self, server: &Server, version: Version, connected: impl FnMut()) -> Ended {
        let open = async {
            let (mut reader, mut writer) = self.dial(server).await?;
            let mut input = BytesMut::new();
            let welcome = self.greet(server, version, &mut reader, &mut writer, &mut input).await?;
            Ok::<_, Ended>((reader, writer, input, welcome))
        };
        let mut stop = self.stop.clone();
        let open = tokio::select! {
            open = timeout(self.connect_timeout, open) => open,
            () = stopped(&mut stop) => return Ended::Stopped,
        };
        let (reader, writer, input, welcome) = match open {
            Ok(Ok(open)) => open,
            Ok(Err(ended)) => return ended,
            Err(_) => return Ended::Lost(format!("no connection within {:?}", self.connect_timeout)),
        };
        self.outbox.open(version, &welcome);
        let keep_alive =
            welcome.keep_alive.map_or(self.keep_alive, |seconds| Duration::from_secs(seconds.into()));
        let heard = AtomicBool::new(true);
        let subscribed = Notify::new();
        let topics = self.kinds.keys().map(String::as_str);
        self.outbox.control(|out| {
            frame::subscribe(out, version, SUBSCRIPTION, self.qos.min(welcome.max_qos), topics);
        });
        let result = tokio::select! {
            result = self.read(version, reader, input, connected, &heard, &subscribed) => result,
            result = self.write(writer) => result,
            result = self.watch(keep_alive, &heard, &subscribed) => result,
            () = self.farewell() => Ok(()),
        };
        result.err().unwrap_or(Ended::Stopped)
    }

    async fn dial(&self, server: &Server) -> Result<(Reader, Writer), Ended> {
        let stream = TcpStream::connect((server.host.as_str(), server.port)).await?;
        stream.set_nodelay(true)?;
        let stream = Prompt(stream);
        if !server.tls {
            let (reader, writer) = tokio::io::split(stream);
            return Ok((Box::new(reader), Box::new(writer)));
        }
        let Some(tls) = &self.tls else { return Err(Ended::Lost("no certificates".into())) };
        let name = ServerName::try_from(server.host.clone())
            .map_err(|_| Ended::Lost("its name is no name of a certificate".into()))?;
        let (reader, writer) = tokio::io::split(tls.connect(name, stream).await?);
        Ok((Box::new(reader), Box::new(writer)))
    }

    async fn greet(
        &self,
        server: &Server,
        version: Version,
        reader: &mut Reader,
        writer: &mut Writer,
        input: &mut BytesMut,
    ) -> Result<Welcome, Ended> {
        let mut out = Vec::with_capacity(256);
        let hello = Hello {
            client_id: &self.client_id,
            username: server.username.as_deref(),
            password: server.password.as_deref().map(str::as_bytes),
            keep_alive: u16::try_from(self.keep_alive.as_secs()).unwrap_or(u16::MAX),
            max_packet: u32::try_from(self.max_packet).unwrap_or(u32::MAX),
        };
        frame::connect(&mut out, version, hello);
        writer.write_all(&out).await?;
        writer.flush().await?;
        let answer = self.next(version, reader, input).await.map_err(|ended| match ended {
            // Some servers just hang up.
            Ended::Closed => Ended::OtherVersion,
            other => other,
        })?;
        match answer {
            Incoming::Welcome(welcome) if welcome.code == 0 => Ok(welcome),
            Incoming::Welcome(Welcome { code: 0x01 | 0x84, .. }) => Err(Ended::OtherVersion),
            Incoming::Welcome(welcome) => Err(match login(welcome.code) {
                Some(why) => Ended::Refused(why),
                None => Ended::Lost(format!("it refuses: {}", refusal(welcome.code))),
            }),
            _ => Err(Ended::Lost("it does not answer the connect".into())),
        }
    }

    /// The next packet; what is too large is skipped.
    async fn next(
        &self,
        version: Version,
        reader: &mut Reader,
        input: &mut BytesMut,
    ) -> Result<Incoming, Ended> {
        loop {
            if let Some((head, rest)) = frame::length(input)? {
                let whole = head + rest;
                if whole > self.max_packet {
                    tracing::warn!(
                        bytes = whole,
                        most = self.max_packet,
                        "MQTT: a packet is too large and skipped; see option 'max_packet_size'"
                    );
                    skip(whole, reader, input).await?;
                    continue;
                }
                if input.len() >= whole {
                    let mut packet = input.split_to(whole).freeze();
                    let first = packet[0];
                    packet.advance(head);
                    return Ok(frame::decode(version, first, packet)?);
                }
                input.reserve((whole - input.len()).max(16 << 10));
            } else {
                input.reserve(16 << 10);
            }
            if reader.read_buf(input).await? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
        }
    }

    async fn read(
        &self,
        version: Version,
        mut reader: Reader,
        mut input: BytesMut,
        mut connected: impl FnMut(),
        heard: &AtomicBool,
        subscribed: &Notify,
    ) -> Result<(), Ended> {
        // Ids of packets that come exactly once and are not released yet.
        let mut held = HashSet::new();
        loop {
            let packet = self.next(version, &mut reader, &mut input).await?;
            heard.store(true, Relaxed);
            match packet {
                Incoming::Publish { topic, qos, id, body } => {
                    match qos {
                        Qos::AtMostOnce => {}
                        Qos::AtLeastOnce => self.outbox.control(|out| frame::step(out, Step::Ack, id)),
                        Qos::ExactlyOnce => {
                            self.outbox.control(|out| frame::step(out, Step::Received, id));
                            if !held.insert(id) {
                                continue;
                            }
                        }
                    }
                    match str::from_utf8(&topic).ok().and_then(|topic| self.kinds.get(topic)) {
                        Some(kind) => self.link.receive(*kind, body),
                        None => tracing::debug!("MQTT: a packet with a topic nobody asked for is dropped"),
                    }
                }
                Incoming::Step { step: Step::Release, id, .. } => {
                    held.remove(&id);
                    self.outbox.control(|out| frame::step(out, Step::Complete, id));
                }
                Incoming::Step { step, id, reason } => {
                    if let Some(ticket) = self.outbox.acknowledged(step, id, reason) {
                        self.link.undelivered(ticket);
                    }
                }
                Incoming::Subscribed { id: SUBSCRIPTION, reasons } => {
                    if reasons.len() != self.kinds.len() || reasons.iter().any(|&reason| reason >= 0x80) {
                        return Err(Ended::Refused(
                            "it does not allow the subscriptions; check its access rules",
                        ));
                    }
                    self.outbox.ready();
                    subscribed.notify_one();
                    connected();
                }
                Incoming::Pong => self.outbox.pong(),
                Incoming::Bye { reason } => {
                    return Err(Ended::Lost(format!("it says goodbye: {}", refusal(reason))));
                }
                Incoming::Subscribed { .. } => {}
                Incoming::Welcome(_) => return Err(Malformed("a second answer to the connect").into()),
            }
        }
    }

    /// Ends well after a stop, when everything is written.
    async fn write(&self, mut writer: Writer) -> Result<(), Ended> {
        let mut stop = self.stop.clone();
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            if self.outbox.take(&mut bytes) {
                writer.write_all(&bytes).await?;
                writer.flush().await?;
                if bytes.capacity() > 4 << 20 {
                    bytes = Vec::new();
                }
                continue;
            }
            let stopping = *stop.borrow();
            if stopping && self.outbox.drained() {
                frame::bye(&mut bytes);
                writer.write_all(&bytes).await?;
                let _ = writer.shutdown().await;
                return Ok(());
            }
            tokio::select! {
                () = self.outbox.wake.notified() => {}
                () = stopped(&mut stop), if !stopping => {}
            }
        }
    }

    /// Ends when the rest did not leave in time after the stop.
    async fn farewell(&self) {
        stopped(&mut self.stop.clone()).await;
        sleep(FAREWELL).await;
        tracing::warn!("MQTT: the server does not take the rest; the connection is dropped");
    }

    /// Ends when nothing is heard any more.
    async fn watch(
        &self,
        keep_alive: Duration,
        heard: &AtomicBool,
        subscribed: &Notify,
    ) -> Result<(), Ended> {
        if timeout(self.connect_timeout, subscribed.notified()).await.is_err() {
            return Err(Ended::Lost("it does not answer the subscriptions".into()));
        }
        if keep_alive.is_zero() {
            return std::future::pending().await;
        }
        let period = keep_alive / 2;
        let mut ticks = interval_at(Instant::now() + period, period);
        let mut silent = 0;
        loop {
            ticks.tick().await;
            silent = if heard.swap(false, Relaxed) { 0 } else { silent + 1 };
            if silent == 2 {
                return Err(Ended::Lost(format!("nothing was heard for {keep_alive:?}")));
            }
            self.outbox.ping();
        }
    }
}

impl Drop for Sessions {
    fn drop(&mut self) {
        self.outbox.close();
    }
}

async fn skip(mut bytes: usize, reader: &mut Reader, input: &mut BytesMut) -> io::Result<()> {
    loop {
        let here = bytes.min(input.len());
        input.advance(here);
        bytes -= here;
        if bytes == 0 {
            return Ok(());
        }
        input.clear();
        input.reserve(16 << 10);
        if reader.read_buf(input).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// Ends at the stop, also when whoever could stop is gone.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// What a code says that no further try can mend.
fn login(code: u8) -> Option<&'static str> {
    match code {
        0x02 | 0x85 => Some("it does not take this client id"),
        0x04 | 0x86 => Some("wrong user or password"),
        0x05 | 0x87 => Some("wrong user or password, or the user has no right to connect"),
        0x8a => Some("it has banned this client"),
        0x8c => Some("it wants another way to log in"),
        _ => None,
    }
}

/// What a code of version 3.1.1 (below 128) or 5 says.
fn refusal(code: u8) -> String {
    let text = match code {
        0x02 | 0x85 => "client id not valid",
        0x03 | 0x88 => "server unavailable",
        0x04 | 0x86 => "wrong user or password",
        0x05 | 0x87 => "not authorized",
        0x89 => "server busy",
        0x8b => "server shuts down",
        0x8d => "keep alive timeout",
        0x8e => "another client took over the client id",
        0x95 => "packet too large",
        0x97 => "quota exceeded",
        _ => return format!("reason {code:#04x}"),
    };
    text.into()
}
