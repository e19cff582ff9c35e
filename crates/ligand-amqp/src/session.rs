//! The life of connections: connect, declare, serve, pause, again.

mod live;
mod rest;

use std::{io, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use ligand_transport::{Backoff, Link, Login};
use ligand_wire::{Error, Result as Outcome};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    sync::{oneshot, watch},
    time::{Instant, sleep, timeout},
};
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};

use self::live::Live;
use crate::{
    frame::{self, Field, Frame, GREETING, Malformed, Method, Table},
    options::Server,
    outbox::Outbox,
    shared::Wanted,
    topology::Topology,
};

/// A connection that lived this long was a success: pauses start anew.
const STEADY: Duration = Duration::from_secs(5);
/// How long the rest may take to leave at the end.
const FAREWELL: Duration = Duration::from_secs(5);
/// Largest frame that is offered.
const FRAME: u32 = 128 << 10;
/// Number of the last channel that is used.
const CHANNELS: u16 = 5;

type Reader = Box<dyn AsyncRead + Send + Unpin>;
type Writer = Box<dyn AsyncWrite + Send + Unpin>;

/// Everything the connections of one node have in common.
pub(crate) struct Sessions {
    pub(crate) link: Arc<dyn Link>,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) wanted: Arc<Wanted>,
    pub(crate) topology: Arc<Topology>,
    pub(crate) servers: Vec<Server>,
    pub(crate) tls: Option<TlsConnector>,
    pub(crate) connection_name: String,
    pub(crate) prefetch: u16,
    pub(crate) heartbeat: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) max_packet: usize,
    /// True: hand over the rest and end.
    pub(crate) stop: watch::Receiver<bool>,
}

/// Why a connection ended or did not come about.
enum Ended {
    /// As asked for.
    Stopped,
    Lost(String),
    /// The server does not let this node in.
    Refused(&'static str),
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Lost("the connection was closed".into()),
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

/// What both sides agreed on.
struct Agreed {
    frame: usize,
    heartbeat: Duration,
}

impl Sessions {
    /// Keeps a connection until the stop; `ready` is told when the first one stands, or that there will be none.
    pub(crate) async fn run(self, ready: oneshot::Sender<Outcome<()>>) {
        let mut ready = Some(ready);
        let mut stop = self.stop.clone();
        let mut backoff = Backoff::default();
        let mut login = Login::new("AMQP");
        for turn in 0usize.. {
            let server = &self.servers[turn % self.servers.len()];
            let start = Instant::now();
            let mut connected = false;
            let connect = || {
                connected = true;
                tracing::info!(server = %server, "AMQP is connected");
                self.link.connected();
                if let Some(ready) = ready.take() {
                    let _ = ready.send(Ok(()));
                }
            };
            let ended = self.one(server, connect).await;
            self.outbox.close();
            self.wanted.live(false);
            if connected {
                login.let_in();
            }
            let mut pause = None;
            let reason = match ended {
                _ if *stop.borrow() => return,
                Ended::Stopped => return,
                Ended::Lost(reason) => format!("AMQP server {server}: {reason}"),
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
                    format!("AMQP server {server}: {why}")
                }
            };
            if connected {
                if start.elapsed() > STEADY {
                    backoff.reset();
                }
                self.link.disconnected(&Error::disconnected().with_internal(reason));
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
    async fn one(&self, server: &Server, connected: impl FnMut()) -> Ended {
        let open = async {
            let (mut reader, mut writer) = self.dial(server).await?;
            let mut input = BytesMut::new();
            let agreed = self.greet(server, &mut reader, &mut writer, &mut input).await?;
            Ok::<_, Ended>((reader, writer, input, agreed))
        };
        let mut stop = self.stop.clone();
        let open = tokio::select! {
            open = timeout(self.connect_timeout, open) => open,
            () = stopped(&mut stop) => return Ended::Stopped,
        };
        let (reader, writer, input, agreed) = match open {
            Ok(Ok(open)) => open,
            Ok(Err(ended)) => return ended,
            Err(_) => return Ended::Lost(format!("no connection within {:?}", self.connect_timeout)),
        };
        self.outbox.open(agreed.frame, self.link.node_id());
        self.wanted.live(true);
        let live = Live::new(self, &agreed);
        let result = tokio::select! {
            result = live.serve(reader, input, connected) => result,
            result = self.write(writer) => result,
            () = self.farewell() => Ok(()),
        };
        result.err().unwrap_or(Ended::Stopped)
    }

    async fn dial(&self, server: &Server) -> Result<(Reader, Writer), Ended> {
        let stream = TcpStream::connect((server.host.as_str(), server.port)).await?;
        stream.set_nodelay(true)?;
        if !server.tls {
            let (reader, writer) = stream.into_split();
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
        reader: &mut Reader,
        writer: &mut Writer,
        input: &mut BytesMut,
    ) -> Result<Agreed, Ended> {
        writer.write_all(GREETING).await?;
        writer.flush().await?;
        let Method::Start { mechanisms } = answer(reader, input).await? else {
            return Err(Ended::Lost("it does not greet".into()));
        };
        if !mechanisms.split(|byte| *byte == b' ').any(|name| name == b"PLAIN") {
            return Err(Ended::Refused("it does not take users with passwords (PLAIN)"));
        }
        let (user, password) = (server.username.as_deref(), server.password.as_deref());
        let response = format!("\0{}\0{}", user.unwrap_or("guest"), password.unwrap_or("guest"));
        let mut out = Vec::with_capacity(512);
        frame::start_ok(&mut out, &self.properties(), "PLAIN", response.as_bytes());
        writer.write_all(&out).await?;
        writer.flush().await?;
        let (channels, frame, beat) = match answer(reader, input).await? {
            Method::Tune { channels, frame, heartbeat } => (channels, frame, heartbeat),
            _ => return Err(Ended::Lost("it does not tune the connection".into())),
        };
        if (1..CHANNELS).contains(&channels) {
            return Err(Ended::Lost(format!("it allows {channels} channels, {CHANNELS} are needed")));
        }
        // 0 is no limit.
        let frame = if frame == 0 { FRAME } else { frame.clamp(4096, FRAME) };
        let own = u16::try_from(self.heartbeat.as_secs()).unwrap_or(u16::MAX);
        let beat = if beat == 0 || own == 0 { own } else { beat.min(own) };
        out.clear();
        frame::tune_ok(&mut out, CHANNELS, frame, beat);
        frame::open(&mut out, &server.vhost);
        writer.write_all(&out).await?;
        writer.flush().await?;
        match answer(reader, input).await? {
            Method::OpenOk => Ok(Agreed {
                frame: usize::try_from(frame).unwrap_or(4096),
                heartbeat: Duration::from_secs(beat.into()),
            }),
            _ => Err(Ended::Lost("it does not open the virtual host".into())),
        }
    }

    fn properties(&self) -> Table {
        let text = |text: &str| Field::Text(text.into());
        let capabilities = ["consumer_cancel_notify", "connection.blocked", "authentication_failure_close"];
        vec![
            ("product".into(), text("Ligand")),
            ("version".into(), text(env!("CARGO_PKG_VERSION"))),
            ("platform".into(), text("Rust")),
            ("connection_name".into(), text(&self.connection_name)),
            (
                "capabilities".into(),
                Field::Table(capabilities.map(|name| (name.to_owned(), Field::Bool(true))).into()),
            ),
        ]
    }

    async fn write(&self, mut writer: Writer) -> Result<(), Ended> {
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            if self.outbox.take(&mut bytes) {
                writer.write_all(&bytes).await?;
                writer.flush().await?;
                if bytes.capacity() > 4 << 20 {
                    bytes = Vec::new();
                }
            } else {
                self.outbox.wake.notified().await;
            }
        }
    }

    /// After the stop: hands over the rest and says goodbye; the answer ends the connection, or the time.
    async fn farewell(&self) {
        stopped(&mut self.stop.clone()).await;
        let goodbye = async {
            let _ = self.outbox.flush().await;
            self.outbox.control(frame::close);
            std::future::pending::<()>().await;
        };
        if timeout(FAREWELL, goodbye).await.is_err() {
            tracing::warn!("AMQP: the server does not take the rest; the connection is dropped");
        }
    }
}

impl Drop for Sessions {
    fn drop(&mut self) {
        self.outbox.close();
        self.wanted.live(false);
    }
}

/// The next frame, of `most` bytes.
async fn next(reader: &mut Reader, input: &mut BytesMut, most: usize) -> Result<Bytes, Ended> {
    loop {
        let whole = match frame::length(input) {
            _ if input.starts_with(b"AMQP") => return Err(Malformed("another version of AMQP").into()),
            Some(whole) if whole > most => return Err(Malformed("a frame that is too large").into()),
            Some(whole) if input.len() >= whole => return Ok(input.split_to(whole).freeze()),
            Some(whole) => whole,
            None => 8,
        };
        input.reserve((whole - input.len()).max(16 << 10));
        if reader.read_buf(input).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
    }
}

/// The next method during the greeting.
async fn answer(reader: &mut Reader, input: &mut BytesMut) -> Result<Method, Ended> {
    loop {
        // Its properties are in the first frame.
        match Frame::read(next(reader, input, 1 << 20).await?)?.1 {
            Frame::Heartbeat => {}
            Frame::Method(Method::Close { code, text }) => return Err(closed(code, &text)),
            Frame::Method(method) => return Ok(method),
            _ => return Err(Malformed("content before the connection stands").into()),
        }
    }
}

fn closed(code: u16, text: &[u8]) -> Ended {
    match code {
        // Its own words name the user, and the virtual host.
        403 if text.starts_with(b"ACCESS_REFUSED - Login") => {
            return Ended::Refused("wrong user or password");
        }
        403 => return Ended::Refused("the user has not the rights that are needed"),
        530 => return Ended::Refused("there is no such virtual host, or the user may not use it"),
        _ => {}
    }
    Ended::Lost(format!("it closes with {code}: {}", String::from_utf8_lossy(text).escape_debug()))
}

/// Ends at the stop, also when whoever could stop is gone.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}
