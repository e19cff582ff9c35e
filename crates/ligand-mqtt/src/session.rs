//! One connection after the other: greet, subscribe, carry packets.

use std::{
    collections::{HashMap, HashSet},
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::{Buf, BytesMut};
use ligand_net::{Dialer, Fault, Reader, Server, Session, Stop, Writer};
use ligand_transport::{Link, Ticket};
use ligand_wire::packet::PacketKind;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{Instant, interval_at},
};

use crate::{
    frame::{self, Hello, Incoming, Malformed, Qos, Step, Version, Welcome},
    options::Protocol,
    outbox::Outbox,
    quick_ack::QuickAck,
};

const SUBSCRIPTION: u16 = 1;

/// What all connections of one node have in common.
pub(crate) struct Rules {
    pub(crate) protocol: Protocol,
    pub(crate) client_id: String,
    pub(crate) qos: Qos,
    pub(crate) keep_alive: Duration,
    pub(crate) max_packet: usize,
    /// Kinds of packets by subscribed topic.
    pub(crate) kinds: HashMap<String, PacketKind>,
}

/// What [`ligand_net::Reconnect`] keeps.
pub(crate) struct MqttSession {
    link: Arc<dyn Link>,
    dialer: Dialer,
    outbox: Arc<Outbox>,
    stop: Stop,
    rules: Rules,
    /// Of the next greeting.
    version: Version,
}

/// A connection whose subscriptions stand.
pub(crate) struct Connection {
    input: Input,
    /// Writes what is in the outbox; it has begun already.
    writing: Pin<Box<dyn Future<Output = Result<(), Fault>> + Send>>,
    keep_alive: Duration,
}

/// The half that is read.
struct Input {
    version: Version,
    reader: Reader,
    buffer: BytesMut,
    max_packet: usize,
    /// Ids of packets that come exactly once and are not released yet.
    held: HashSet<u16>,
}

impl From<Malformed> for Fault {
    fn from(error: Malformed) -> Self {
        Self::lost(format_args!("the server sent {}", error.0))
    }
}

impl MqttSession {
    pub(crate) fn new(
        link: Arc<dyn Link>,
        dialer: Dialer,
        outbox: Arc<Outbox>,
        stop: Stop,
        rules: Rules,
    ) -> Self {
        let version = first_version(rules.protocol);
        Self { link, dialer, outbox, stop, rules, version }
    }

    async fn greet(
        &mut self,
        server: &Server,
        input: &mut Input,
        writer: &mut Writer,
    ) -> Result<Welcome, Fault> {
        let mut out = Vec::with_capacity(256);
        let hello = Hello {
            client_id: &self.rules.client_id,
            username: server.username.as_deref(),
            password: server.password.as_deref().map(str::as_bytes),
            keep_alive: u16::try_from(self.rules.keep_alive.as_secs()).unwrap_or(u16::MAX),
            max_packet: u32::try_from(self.rules.max_packet).unwrap_or(u32::MAX),
        };
        frame::connect(&mut out, self.version, hello);
        writer.write_all(&out).await?;
        writer.flush().await?;
        match input.next().await {
            Ok(Incoming::Welcome(welcome)) if welcome.code == 0 => Ok(welcome),
            Ok(Incoming::Welcome(Welcome { code: 0x01 | 0x84, .. })) => Err(self.other_version()),
            Ok(Incoming::Welcome(welcome)) => Err(match login(welcome.code) {
                Some(why) => Fault::Refused(why),
                None => Fault::lost(format_args!("it refuses: {}", refusal(welcome.code))),
            }),
            Ok(_) => Err(Fault::lost("it does not answer the connect")),
            // Some servers just hang up on a version that they do not know.
            Err(fault) if fault == Fault::closed() => Err(self.other_version()),
            Err(fault) => Err(fault),
        }
    }

    /// The server seems not to know this version of the protocol: the next greeting has another one.
    fn other_version(&mut self) -> Fault {
        if self.rules.protocol == Protocol::Auto {
            self.version = if self.version == Version::V5 { Version::V3 } else { Version::V5 };
        }
        Fault::lost("it refuses this version of MQTT or hangs up")
    }

    /// Deals with a packet; true when it says that the subscriptions stand.
    fn take(&self, packet: Incoming, held: &mut HashSet<u16>) -> Result<bool, Fault> {
        let Self { link, outbox, rules, .. } = self;
        match packet {
            Incoming::Publish { topic, qos, id, body } => {
                match qos {
                    Qos::AtMostOnce => {}
                    Qos::AtLeastOnce => outbox.control(|out| frame::step(out, Step::Ack, id)),
                    Qos::ExactlyOnce => {
                        outbox.control(|out| frame::step(out, Step::Received, id));
                        if !held.insert(id) {
                            return Ok(false);
                        }
                    }
                }
                match str::from_utf8(&topic).ok().and_then(|topic| rules.kinds.get(topic)) {
                    Some(kind) => link.receive(*kind, body),
                    None => tracing::debug!("MQTT: a packet with a topic nobody asked for is dropped"),
                }
            }
            Incoming::Step { step: Step::Release, id, .. } => {
                held.remove(&id);
                outbox.control(|out| frame::step(out, Step::Complete, id));
            }
            Incoming::Step { step, id, reason } => {
                if let Some(ticket) = outbox.acknowledged(step, id, reason) {
                    link.undelivered(ticket);
                }
            }
            Incoming::Subscribed { id: SUBSCRIPTION, reasons } => {
                if reasons.len() != rules.kinds.len() || reasons.iter().any(|&reason| reason >= 0x80) {
                    return Err(Fault::Refused(
                        "it does not allow the subscriptions; check its access rules",
                    ));
                }
                return Ok(true);
            }
            Incoming::Pong => outbox.pong(),
            Incoming::Bye { reason } => {
                return Err(Fault::lost(format_args!("it says goodbye: {}", refusal(reason))));
            }
            Incoming::Subscribed { .. } => {}
            Incoming::Welcome(_) => return Err(Malformed("a second answer to the connect").into()),
        }
        Ok(false)
    }

    async fn subscribed(&self, input: &mut Input) -> Result<(), Fault> {
        loop {
            let packet = input.next().await?;
            if self.take(packet, &mut input.held)? {
                return Ok(());
            }
        }
    }

    async fn read(&self, mut input: Input, heard: &AtomicBool) -> Result<(), Fault> {
        loop {
            let packet = input.next().await?;
            heard.store(true, Relaxed);
            self.take(packet, &mut input.held)?;
        }
    }

    /// Ends when nothing is heard any more.
    async fn watch(&self, keep_alive: Duration, heard: &AtomicBool) -> Result<(), Fault> {
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
                return Err(Fault::lost(format_args!("nothing was heard for {keep_alive:?}")));
            }
            self.outbox.ping();
        }
    }
}

impl Session for MqttSession {
    type Connection = Connection;

    async fn open(&mut self, server: &Server) -> Result<Connection, Fault> {
        let (reader, mut writer) = self.dialer.dial_through(server, QuickAck).await?;
        let (version, max_packet) = (self.version, self.rules.max_packet);
        let mut input = Input { version, reader, buffer: BytesMut::new(), max_packet, held: HashSet::new() };
        let welcome = self.greet(server, &mut input, &mut writer).await?;
        self.outbox.open(version, &welcome);
        self.outbox.control(|out| {
            let topics = self.rules.kinds.keys().map(String::as_str);
            frame::subscribe(out, version, SUBSCRIPTION, self.rules.qos.min(welcome.max_qos), topics);
        });
        let mut writing: Pin<Box<dyn Future<Output = _> + Send>> =
            Box::pin(write(self.outbox.clone(), writer, self.stop.clone()));
        tokio::select! {
            subscribed = self.subscribed(&mut input) => subscribed?,
            ended = &mut writing => return Err(ended.err().unwrap_or_else(Fault::closed)),
        }
        let own = self.rules.keep_alive;
        let keep_alive = welcome.keep_alive.map_or(own, |seconds| Duration::from_secs(seconds.into()));
        Ok(Connection { input, writing, keep_alive })
    }

    fn begin(&mut self) {
        self.outbox.ready();
    }

    async fn serve(&mut self, connection: Connection) -> Result<(), Fault> {
        let Connection { input, writing, keep_alive } = connection;
        let heard = AtomicBool::new(true);
        let ended = tokio::select! {
            ended = self.read(input, &heard) => ended,
            ended = writing => ended,
            ended = self.watch(keep_alive, &heard) => ended,
        };
        // It may come back as a newer one.
        self.version = first_version(self.rules.protocol);
        ended
    }

    fn close(&mut self) -> Vec<Ticket> {
        self.outbox.close();
        Vec::new()
    }
}

fn first_version(protocol: Protocol) -> Version {
    if protocol == Protocol::V3 { Version::V3 } else { Version::V5 }
}

impl Input {
    /// The next packet; what is too large is skipped.
    async fn next(&mut self) -> Result<Incoming, Fault> {
        let Self { version, reader, buffer, max_packet, .. } = self;
        loop {
            if let Some((head, rest)) = frame::length(buffer)? {
                let whole = head + rest;
                if whole > *max_packet {
                    tracing::warn!(
                        bytes = whole,
                        most = *max_packet,
                        "MQTT: a packet is too large and skipped; see option 'max_packet_size'"
                    );
                    skip(whole, reader, buffer).await?;
                    continue;
                }
                if buffer.len() >= whole {
                    let mut packet = buffer.split_to(whole).freeze();
                    let first = packet[0];
                    packet.advance(head);
                    return Ok(frame::decode(*version, first, packet)?);
                }
                buffer.reserve((whole - buffer.len()).max(16 << 10));
            } else {
                buffer.reserve(16 << 10);
            }
            if reader.read_buf(buffer).await? == 0 {
                return Err(Fault::closed());
            }
        }
    }
}

/// Ends well after a stop, when everything is written.
async fn write(outbox: Arc<Outbox>, mut writer: Writer, stop: Stop) -> Result<(), Fault> {
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        if outbox.take(&mut bytes) {
            writer.write_all(&bytes).await?;
            writer.flush().await?;
            if bytes.capacity() > 4 << 20 {
                bytes = Vec::new();
            }
            continue;
        }
        let stopping = stop.is_asked();
        if stopping && outbox.drained() {
            frame::bye(&mut bytes);
            writer.write_all(&bytes).await?;
            let _ = writer.shutdown().await;
            return Ok(());
        }
        tokio::select! {
            () = outbox.wake.notified() => {}
            () = stop.asked(), if !stopping => {}
        }
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
