//! What is read of each packet. Only ids and names of actions and events are asked for: every other field may
//! be missing, null or of another type, and then has its default.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::names::Names;
use crate::{
    Error, Payload,
    packet::{
        Event, Fields, Heartbeat, NodeInfo, Packet, PacketKind, Ping, Pong, Received, Request, Response,
        no_fields,
    },
};

/// What is wrong with a packet, without its content.
pub(super) type Flaw = Cow<'static, str>;

pub(super) type Result<T, E = Flaw> = std::result::Result<T, E>;

/// How a format reads the fields of a packet's map.
///
/// After each key exactly one of the value methods is called. A value of another type than the asked one is
/// skipped and returns `None` or nothing.
pub(super) trait FieldReader<'a> {
    /// The next key, which is likely one of the names; `None` when the map and with it the packet is at its end.
    fn key(&mut self, names: &mut Names) -> Result<Option<Cow<'a, str>>>;
    /// A text, or a number's digits.
    fn text(&mut self) -> Result<Option<Cow<'a, str>>>;
    /// A finite number, also from a text.
    fn number(&mut self) -> Result<Option<f64>>;
    fn bool(&mut self) -> Result<Option<bool>>;
    fn texts(&mut self) -> Result<Vec<Cow<'a, str>>>;
    fn fields(&mut self) -> Result<Option<Cow<'a, Fields>>>;
    /// Undecoded, pointing into the packet.
    fn payload(&mut self) -> Result<Payload>;
    fn value(&mut self) -> Result<Value>;
    fn skip(&mut self) -> Result<()>;
    /// The packet's whole map as a `T`, wherever the reader stands.
    fn whole<T: DeserializeOwned>(&self) -> Result<T>;
}

pub(super) fn packet<'a>(kind: PacketKind, from: &mut impl FieldReader<'a>) -> Result<Received<'a>> {
    match kind {
        PacketKind::Event => read_event(from),
        PacketKind::Request => read_request(from),
        PacketKind::Response => read_response(from),
        PacketKind::Discover => read_bare(from, |_| Ok(Packet::Discover)),
        PacketKind::Disconnect => read_bare(from, |_| Ok(Packet::Disconnect)),
        PacketKind::Info => read_bare(from, |from| from.whole::<NodeInfo>().map(Box::new).map(Packet::Info)),
        PacketKind::Heartbeat => read_heartbeat(from),
        PacketKind::Ping | PacketKind::Pong => read_ping(kind, from),
        PacketKind::GossipRequest => read_bare(from, |from| from.whole().map(Packet::GossipRequest)),
        PacketKind::GossipResponse => read_bare(from, |from| from.whole().map(Packet::GossipResponse)),
        PacketKind::GossipHello => read_bare(from, |from| from.whole().map(Packet::GossipHello)),
    }
}

// The fields of each packet in the order in which nodes write them; those of streams and errors at the end.
const HEAD: &[&str] = &["ver", "sender"];
const REQUEST: &[&str] = &[
    "id",
    "action",
    "params",
    "meta",
    "headers",
    "timeout",
    "level",
    "tracing",
    "parentID",
    "requestID",
    "caller",
    "stream",
    "ver",
    "sender",
    "seq",
];
const RESPONSE: &[&str] =
    &["id", "meta", "headers", "success", "data", "ver", "sender", "error", "stream", "seq"];
const EVENT: &[&str] = &[
    "id",
    "event",
    "data",
    "groups",
    "broadcast",
    "meta",
    "headers",
    "level",
    "tracing",
    "parentID",
    "requestID",
    "caller",
    "needAck",
    "ver",
    "sender",
];
const HEARTBEAT: &[&str] = &["cpu", "cpuSeq", "seq", "instanceID", "ver", "sender"];
const PING: &[&str] = &["time", "id", "arrived", "ver", "sender"];

/// Version and sender.
#[derive(Default)]
struct Head<'a> {
    ver: Cow<'a, str>,
    sender: Cow<'a, str>,
}

impl<'a> Head<'a> {
    /// Reads the field when it belongs to the head, else skips it.
    fn field(&mut self, key: &str, from: &mut impl FieldReader<'a>) -> Result<()> {
        match key {
            "ver" => self.ver = from.text()?.unwrap_or_default(),
            "sender" => self.sender = from.text()?.unwrap_or_default(),
            _ => from.skip()?,
        }
        Ok(())
    }

    fn with(self, packet: Packet<'a>) -> Received<'a> {
        Received { ver: self.ver, sender: self.sender, packet }
    }
}

/// A packet whose own fields are read as a whole.
fn read_bare<'a, R: FieldReader<'a>>(
    from: &mut R,
    packet: impl FnOnce(&R) -> Result<Packet<'a>>,
) -> Result<Received<'a>> {
    let mut head = Head::default();
    let mut names = Names::of(HEAD);
    while let Some(key) = from.key(&mut names)? {
        head.field(&key, from)?;
    }
    let packet = packet(from)?;
    Ok(head.with(packet))
}

fn read_request<'a>(from: &mut impl FieldReader<'a>) -> Result<Received<'a>> {
    let (mut head, mut id, mut action) = (Head::default(), None, None);
    let mut request = Request { level: 1, ..Request::default() };
    let mut names = Names::of(REQUEST);
    while let Some(key) = from.key(&mut names)? {
        match &*key {
            "id" => id = from.text()?,
            "action" => action = from.text()?,
            "params" => request.params = from.payload()?,
            "meta" => request.meta = meta(from)?,
            "headers" => request.headers = from.fields()?,
            "timeout" => request.timeout = from.number()?.map(|timeout| timeout.max(0.0)),
            "level" => request.level = level(from)?,
            "tracing" => request.tracing = from.bool()?,
            "parentID" => request.parent_id = from.text()?,
            "requestID" => request.request_id = from.text()?,
            "caller" => request.caller = from.text()?,
            "stream" => request.stream = from.bool()?.unwrap_or_default(),
            "seq" => request.seq = count(from)?,
            key => head.field(key, from)?,
        }
    }
    request.id = id.ok_or("no id")?;
    request.action = action.ok_or("no action")?;
    Ok(head.with(Packet::Request(request)))
}

fn read_response<'a>(from: &mut impl FieldReader<'a>) -> Result<Received<'a>> {
    let (mut head, mut id) = (Head::default(), None);
    let (mut success, mut error) = (None, Value::Null);
    let mut response = Response::default();
    let mut names = Names::of(RESPONSE);
    while let Some(key) = from.key(&mut names)? {
        match &*key {
            "id" => id = from.text()?,
            "meta" => response.meta = meta(from)?,
            "headers" => response.headers = from.fields()?,
            "success" => success = from.bool()?,
            "data" => response.data = from.payload()?,
            "error" => error = from.value()?,
            "stream" => response.stream = from.bool()?,
            "seq" => response.seq = count(from)?,
            key => head.field(key, from)?,
        }
    }
    response.id = id.ok_or("no id")?;
    if !success.unwrap_or(error.is_null()) {
        response.error = Some(Error::from_plain(error, Some(&head.sender)));
    }
    Ok(head.with(Packet::Response(response)))
}

fn read_event<'a>(from: &mut impl FieldReader<'a>) -> Result<Received<'a>> {
    let (mut head, mut id, mut name) = (Head::default(), None, None);
    let mut event = Event { level: 1, ..Event::default() };
    let mut names = Names::of(EVENT);
    while let Some(key) = from.key(&mut names)? {
        match &*key {
            "id" => id = from.text()?,
            "event" => name = from.text()?,
            "data" => event.data = from.payload()?,
            "groups" => event.groups = from.texts()?,
            "broadcast" => event.broadcast = from.bool()?.unwrap_or_default(),
            "meta" => event.meta = meta(from)?,
            "headers" => event.headers = from.fields()?,
            "level" => event.level = level(from)?,
            "tracing" => event.tracing = from.bool()?,
            "parentID" => event.parent_id = from.text()?,
            "requestID" => event.request_id = from.text()?,
            "caller" => event.caller = from.text()?,
            key => head.field(key, from)?,
        }
    }
    event.id = id.ok_or("no id")?;
    event.event = name.ok_or("no event")?;
    Ok(head.with(Packet::Event(event)))
}

fn read_heartbeat<'a>(from: &mut impl FieldReader<'a>) -> Result<Received<'a>> {
    let (mut head, mut heartbeat) = (Head::default(), Heartbeat::default());
    let mut names = Names::of(HEARTBEAT);
    while let Some(key) = from.key(&mut names)? {
        match &*key {
            "cpu" => heartbeat.cpu = from.number()?,
            "cpuSeq" => heartbeat.cpu_seq = count(from)?,
            "seq" => heartbeat.seq = count(from)?,
            "instanceID" => heartbeat.instance_id = from.text()?.map(Cow::into_owned),
            key => head.field(key, from)?,
        }
    }
    Ok(head.with(Packet::Heartbeat(heartbeat)))
}

fn read_ping<'a>(kind: PacketKind, from: &mut impl FieldReader<'a>) -> Result<Received<'a>> {
    let (mut head, mut pong) = (Head::default(), Pong::default());
    let mut names = Names::of(PING);
    while let Some(key) = from.key(&mut names)? {
        match &*key {
            "time" => pong.time = from.number()?.unwrap_or_default(),
            "id" => pong.id = from.text()?.unwrap_or_default(),
            "arrived" => pong.arrived = from.number()?.unwrap_or_default(),
            key => head.field(key, from)?,
        }
    }
    Ok(head.with(match kind {
        PacketKind::Ping => Packet::Ping(Ping { time: pong.time, id: pong.id }),
        _ => Packet::Pong(pong),
    }))
}

fn meta<'a>(from: &mut impl FieldReader<'a>) -> Result<Cow<'a, Fields>> {
    Ok(from.fields()?.unwrap_or_else(no_fields))
}

/// A whole number from 0; others do not count.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn count<'a>(from: &mut impl FieldReader<'a>) -> Result<Option<u64>> {
    Ok(from.number()?.filter(|number| *number >= 0.0).map(|number| number as u64))
}

fn level<'a>(from: &mut impl FieldReader<'a>) -> Result<u32> {
    Ok(count(from)?.map_or(1, |level| u32::try_from(level).unwrap_or(u32::MAX).max(1)))
}
