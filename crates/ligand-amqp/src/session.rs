//! One connection after the other: greet, declare, carry packets.

mod dead_queues;
mod live;
mod name;

use std::{pin::Pin, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use ligand_net::{Dialer, Fault, Reader, Server, Session, Stop, Writer};
use ligand_transport::{Link, Ticket};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use self::{live::Live, name::Name};
use crate::{
    frame::{self, Field, Frame, GREETING, Malformed, Method, Table},
    outbox::Outbox,
    shared::Wanted,
    topology::Topology,
};

/// Largest frame that is offered.
const FRAME: u32 = 128 << 10;
/// Number of the last channel that is used.
const CHANNELS: u16 = 5;

/// What all connections of one node have in common.
pub(crate) struct Common {
    pub(crate) link: Arc<dyn Link>,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) wanted: Arc<Wanted>,
    pub(crate) topology: Arc<Topology>,
    pub(crate) connection_name: String,
    pub(crate) prefetch: u16,
    pub(crate) heartbeat: Duration,
    pub(crate) max_packet: usize,
    pub(crate) stop: Stop,
}

/// What [`ligand_net::Reconnect`] keeps.
pub(crate) struct AmqpSession {
    dialer: Dialer,
    common: Arc<Common>,
    name: Name,
}

/// A connection on which everything is declared.
pub(crate) struct Connection {
    live: Live,
    reader: Reader,
    input: BytesMut,
    /// Writes what is in the outbox; it has begun already.
    writing: Pin<Box<dyn Future<Output = Result<(), Fault>> + Send>>,
}

impl From<Malformed> for Fault {
    fn from(error: Malformed) -> Self {
        Self::lost(format_args!("the server sent {}", error.0))
    }
}

/// What both sides agreed on.
struct Agreed {
    frame: usize,
    heartbeat: Duration,
}

impl AmqpSession {
    pub(crate) fn new(dialer: Dialer, common: Common) -> Self {
        Self { dialer, common: Arc::new(common), name: Name::default() }
    }

    async fn greet(
        &self,
        server: &Server,
        reader: &mut Reader,
        writer: &mut Writer,
        input: &mut BytesMut,
    ) -> Result<Agreed, Fault> {
        writer.write_all(GREETING).await?;
        writer.flush().await?;
        let Method::Start { mechanisms } = answer(reader, input).await? else {
            return Err(Fault::lost("it does not greet"));
        };
        if !mechanisms.split(|byte| *byte == b' ').any(|name| name == b"PLAIN") {
            return Err(Fault::Refused("it does not take users with passwords (PLAIN)"));
        }
        let (user, password) = (server.username.as_deref(), server.password.as_deref());
        let response = format!("\0{}\0{}", user.unwrap_or("guest"), password.unwrap_or("guest"));
        let mut out = Vec::with_capacity(512);
        frame::start_ok(&mut out, &self.properties(), "PLAIN", response.as_bytes());
        writer.write_all(&out).await?;
        writer.flush().await?;
        let (channels, frame, beat) = match answer(reader, input).await? {
            Method::Tune { channels, frame, heartbeat } => (channels, frame, heartbeat),
            _ => return Err(Fault::lost("it does not tune the connection")),
        };
        if (1..CHANNELS).contains(&channels) {
            return Err(Fault::lost(format_args!("it allows {channels} channels, {CHANNELS} are needed")));
        }
        // 0 is no limit.
        let frame = if frame == 0 { FRAME } else { frame.clamp(4096, FRAME) };
        let own = u16::try_from(self.common.heartbeat.as_secs()).unwrap_or(u16::MAX);
        let beat = if beat == 0 || own == 0 { own } else { beat.min(own) };
        out.clear();
        frame::tune_ok(&mut out, CHANNELS, frame, beat);
        frame::open(&mut out, if server.path.is_empty() { "/" } else { &server.path });
        writer.write_all(&out).await?;
        writer.flush().await?;
        match answer(reader, input).await? {
            Method::OpenOk => Ok(Agreed {
                frame: usize::try_from(frame).unwrap_or(4096),
                heartbeat: Duration::from_secs(beat.into()),
            }),
            _ => Err(Fault::lost("it does not open the virtual host")),
        }
    }

    fn properties(&self) -> Table {
        let text = |text: &str| Field::Text(text.into());
        let capabilities = ["consumer_cancel_notify", "connection.blocked", "authentication_failure_close"];
        vec![
            ("product".into(), text("Ligand")),
            ("version".into(), text(env!("CARGO_PKG_VERSION"))),
            ("platform".into(), text("Rust")),
            ("connection_name".into(), text(&self.common.connection_name)),
            (
                "capabilities".into(),
                Field::Table(capabilities.map(|name| (name.to_owned(), Field::Bool(true))).into()),
            ),
        ]
    }

    /// After the stop: hands over the rest and says goodbye; the answer ends the connection.
    async fn say_goodbye(&self) {
        let Common { outbox, stop, .. } = &*self.common;
        stop.asked().await;
        let _ = outbox.flush().await;
        outbox.control(frame::close);
        std::future::pending::<()>().await;
    }
}

impl Session for AmqpSession {
    type Connection = Connection;

    async fn open(&mut self, server: &Server) -> Result<Connection, Fault> {
        let (mut reader, mut writer) = self.dialer.dial(server).await?;
        let mut input = BytesMut::new();
        let agreed = self.greet(server, &mut reader, &mut writer, &mut input).await?;
        self.check_name(&mut reader, &mut writer, &mut input, agreed.frame, agreed.heartbeat).await?;
        let Common { outbox, wanted, link, .. } = &*self.common;
        outbox.open(agreed.frame, link.node_id());
        wanted.live(true);
        let mut live = Live::new(self.common.clone(), &agreed);
        let mut writing: Pin<Box<dyn Future<Output = _> + Send>> = Box::pin(write(outbox.clone(), writer));
        tokio::select! {
            declared = live.declared(&mut reader, &mut input) => declared?,
            ended = &mut writing => return Err(ended.err().unwrap_or_else(Fault::closed)),
        }
        Ok(Connection { live, reader, input, writing })
    }

    fn begin(&mut self) {
        self.common.outbox.ready();
    }

    async fn serve(&mut self, connection: Connection) -> Result<(), Fault> {
        let Connection { live, reader, input, writing } = connection;
        tokio::select! {
            ended = live.serve(reader, input) => ended,
            ended = writing => ended,
            () = self.say_goodbye() => Ok(()),
        }
    }

    fn close(&mut self) -> Vec<Ticket> {
        self.common.outbox.close();
        self.common.wanted.live(false);
        Vec::new()
    }
}

async fn write(outbox: Arc<Outbox>, mut writer: Writer) -> Result<(), Fault> {
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        if outbox.take(&mut bytes) {
            writer.write_all(&bytes).await?;
            writer.flush().await?;
            if bytes.capacity() > 4 << 20 {
                bytes = Vec::new();
            }
        } else {
            outbox.wake.notified().await;
        }
    }
}

/// The next frame, of `most` bytes.
async fn next(reader: &mut Reader, input: &mut BytesMut, most: usize) -> Result<Bytes, Fault> {
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
            return Err(Fault::closed());
        }
    }
}

/// The next method during the greeting.
async fn answer(reader: &mut Reader, input: &mut BytesMut) -> Result<Method, Fault> {
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

fn closed(code: u16, text: &[u8]) -> Fault {
    match code {
        // Its own words name the user, and the virtual host.
        403 if text.starts_with(b"ACCESS_REFUSED - Login") => {
            return Fault::Refused("wrong user or password");
        }
        403 => return Fault::Refused("the user has not the rights that are needed"),
        // Waiting helps.
        530 if text.windows(5).any(|part| part == b"limit") => {
            return Fault::lost("it takes no more connections of this user or virtual host");
        }
        530 => return Fault::Refused("there is no such virtual host, or the user may not use it"),
        _ => {}
    }
    Fault::lost(format_args!("it closes with {code}: {}", String::from_utf8_lossy(text).escape_debug()))
}
