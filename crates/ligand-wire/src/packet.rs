//! The packets that nodes exchange, field for field as in the Moleculer protocol, versions 4 and 5.
//!
//! A packet borrows what it can: texts point into the received bytes or into the sender's context, and payloads
//! stay encoded until somebody asks for a type. Writing and reading are one pass each.

mod chunk;
mod flags;
mod info;
mod version;

use std::{borrow::Cow, sync::LazyLock};

use serde_json::{Map, Value};

pub(crate) use self::info::OnlineRows;
pub use self::{
    flags::{STREAM_ERROR, STREAM_OBJECT_MODE},
    info::{ClientInfo, Gossip, GossipHello, GossipReply, GossipRow, HelloIdentity, NodeInfo, ServiceInfo},
};
use crate::{Error, Payload};
pub use version::ProtocolVersion;

/// Free fields of a packet: meta and headers.
pub type Fields = Map<String, Value>;

/// No fields at all, as most packets have: a map of one's own would have to be made and dropped, with a hasher.
pub(crate) fn no_fields<'a>() -> Cow<'a, Fields> {
    static NONE: LazyLock<Fields> = LazyLock::new(Fields::new);
    Cow::Borrowed(&NONE)
}

/// The kinds of packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PacketKind {
    /// An event for the listeners of one node.
    Event,
    /// A call.
    Request,
    /// The answer to a call.
    Response,
    /// "Tell me about yourself."
    Discover,
    /// What a node is and offers.
    Info,
    /// A node leaves.
    Disconnect,
    /// A node lives.
    Heartbeat,
    /// Measures the way to a node.
    Ping,
    /// The answer to a ping.
    Pong,
    /// TCP only: what a node knows of others.
    GossipRequest,
    /// TCP only: what the other one did not know.
    GossipResponse,
    /// TCP only: the first packet of a connection.
    GossipHello,
}

impl PacketKind {
    /// Every kind.
    pub const ALL: [Self; 12] = [
        Self::Event,
        Self::Request,
        Self::Response,
        Self::Discover,
        Self::Info,
        Self::Disconnect,
        Self::Heartbeat,
        Self::Ping,
        Self::Pong,
        Self::GossipRequest,
        Self::GossipResponse,
        Self::GossipHello,
    ];

    /// The name in topics and logs: `REQ`, `RES`, …
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Event => "EVENT",
            Self::Request => "REQ",
            Self::Response => "RES",
            Self::Discover => "DISCOVER",
            Self::Info => "INFO",
            Self::Disconnect => "DISCONNECT",
            Self::Heartbeat => "HEARTBEAT",
            Self::Ping => "PING",
            Self::Pong => "PONG",
            Self::GossipRequest => "GOSSIP_REQ",
            Self::GossipResponse => "GOSSIP_RES",
            Self::GossipHello => "GOSSIP_HELLO",
        }
    }
}

/// A call. Every field but `id` and `action` may be missing in what other implementations send.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// Id of the callee's context; the response carries it too.
    pub id: Cow<'a, str>,
    /// Full name of the action.
    pub action: Cow<'a, str>,
    /// Parameters, or one chunk of a stream.
    pub params: Payload,
    /// Meta of the call.
    pub meta: Cow<'a, Fields>,
    /// Headers of the call. `None` is not written: version 4 knows none.
    pub headers: Option<Cow<'a, Fields>>,
    /// Milliseconds, with fractions; 0 = no limit, missing = the callee decides.
    pub timeout: Option<f64>,
    /// Depth in the call tree, from 1.
    pub level: u32,
    /// Whether the request is traced; `None` = undecided.
    pub tracing: Option<bool>,
    /// Id of the context that called.
    pub parent_id: Option<Cow<'a, str>>,
    /// Id of the whole request.
    pub request_id: Option<Cow<'a, str>>,
    /// Full name of the calling service.
    pub caller: Option<Cow<'a, str>>,
    /// More packets of this request follow.
    pub stream: bool,
    /// Number of the packet in its stream, from 0; `None` outside of streams.
    pub seq: Option<u64>,
}

impl Default for Request<'_> {
    /// Nothing in it.
    fn default() -> Self {
        Self {
            id: Cow::Borrowed(""),
            action: Cow::Borrowed(""),
            params: Payload::UNDEFINED,
            meta: no_fields(),
            headers: None,
            timeout: None,
            level: 0,
            tracing: None,
            parent_id: None,
            request_id: None,
            caller: None,
            stream: false,
            seq: None,
        }
    }
}

/// The answer to a call.
#[derive(Clone, Debug)]
pub struct Response<'a> {
    /// Id of the request.
    pub id: Cow<'a, str>,
    /// Meta after the call.
    pub meta: Cow<'a, Fields>,
    /// Headers of the answer. `None` is not written.
    pub headers: Option<Cow<'a, Fields>>,
    /// The result, or one chunk of a stream; null on errors.
    pub data: Payload,
    /// Why the call failed; `success` on the wire is its absence.
    pub error: Option<Error>,
    /// `Some(true)`: more packets of this answer follow. `None` outside of streams.
    pub stream: Option<bool>,
    /// Number of the packet in its stream, from 0.
    pub seq: Option<u64>,
}

impl Default for Response<'_> {
    /// Nothing in it.
    fn default() -> Self {
        Self {
            id: Cow::Borrowed(""),
            meta: no_fields(),
            headers: None,
            data: Payload::UNDEFINED,
            error: None,
            stream: None,
            seq: None,
        }
    }
}

/// An event for the listeners of one node.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    /// Id of the event's context.
    pub id: Cow<'a, str>,
    /// Name of the event.
    pub event: Cow<'a, str>,
    /// What it carries; undefined is written as null.
    pub data: Payload,
    /// Only these groups; empty = all, not written.
    pub groups: Vec<Cow<'a, str>>,
    /// To every listener of the node instead of one in each group.
    pub broadcast: bool,
    /// Meta of the event.
    pub meta: Cow<'a, Fields>,
    /// Headers of the event. `None` is not written: version 4 knows none.
    pub headers: Option<Cow<'a, Fields>>,
    /// Depth in the call tree, from 1.
    pub level: u32,
    /// Whether the request is traced; `None` = undecided.
    pub tracing: Option<bool>,
    /// Id of the context that sent it.
    pub parent_id: Option<Cow<'a, str>>,
    /// Id of the whole request.
    pub request_id: Option<Cow<'a, str>>,
    /// Full name of the sending service.
    pub caller: Option<Cow<'a, str>>,
}

impl Default for Event<'_> {
    /// Nothing in it.
    fn default() -> Self {
        Self {
            id: Cow::Borrowed(""),
            event: Cow::Borrowed(""),
            data: Payload::UNDEFINED,
            groups: Vec::new(),
            broadcast: false,
            meta: no_fields(),
            headers: None,
            level: 0,
            tracing: None,
            parent_id: None,
            request_id: None,
            caller: None,
        }
    }
}

/// "I live."
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heartbeat {
    /// Load in percent, when it was measured.
    pub cpu: Option<f64>,
    /// Counts changes of `cpu`; only some implementations send it.
    pub cpu_seq: Option<u64>,
    /// As in the node's info; only some implementations send it.
    pub seq: Option<u64>,
    /// As in the node's info, maybe only its beginning; only some implementations send it.
    pub instance_id: Option<String>,
}

/// Measures the way to a node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ping<'a> {
    /// When it was sent: milliseconds since 1970 on the sender's clock.
    pub time: f64,
    /// Id of the measurement.
    pub id: Cow<'a, str>,
}

/// The answer to a ping.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pong<'a> {
    /// As in the ping.
    pub time: f64,
    /// As in the ping.
    pub id: Cow<'a, str>,
    /// When the ping arrived: milliseconds since 1970 on the answering node's clock.
    pub arrived: f64,
}

/// Any packet, without its envelope.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "packets live on the stack of whoever handles them")]
pub enum Packet<'a> {
    /// See [`Event`].
    Event(Event<'a>),
    /// See [`Request`].
    Request(Request<'a>),
    /// See [`Response`].
    Response(Response<'a>),
    /// "Tell me about yourself."
    Discover,
    /// See [`NodeInfo`].
    Info(Box<NodeInfo>),
    /// A node leaves.
    Disconnect,
    /// See [`Heartbeat`].
    Heartbeat(Heartbeat),
    /// See [`Ping`].
    Ping(Ping<'a>),
    /// See [`Pong`].
    Pong(Pong<'a>),
    /// See [`Gossip`].
    GossipRequest(Gossip),
    /// See [`GossipReply`].
    GossipResponse(GossipReply),
    /// See [`GossipHello`].
    GossipHello(GossipHello),
}

impl Packet<'_> {
    /// What it is.
    pub const fn kind(&self) -> PacketKind {
        match self {
            Self::Event(_) => PacketKind::Event,
            Self::Request(_) => PacketKind::Request,
            Self::Response(_) => PacketKind::Response,
            Self::Discover => PacketKind::Discover,
            Self::Info(_) => PacketKind::Info,
            Self::Disconnect => PacketKind::Disconnect,
            Self::Heartbeat(_) => PacketKind::Heartbeat,
            Self::Ping(_) => PacketKind::Ping,
            Self::Pong(_) => PacketKind::Pong,
            Self::GossipRequest(_) => PacketKind::GossipRequest,
            Self::GossipResponse(_) => PacketKind::GossipResponse,
            Self::GossipHello(_) => PacketKind::GossipHello,
        }
    }
}

/// A packet as it came, with its envelope.
#[derive(Clone, Debug)]
pub struct Received<'a> {
    /// Protocol version of the sender: `"4"`, `"5"`.
    pub ver: Cow<'a, str>,
    /// Node that sent it.
    pub sender: Cow<'a, str>,
    /// The packet.
    pub packet: Packet<'a>,
}
