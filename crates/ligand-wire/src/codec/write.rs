//! The fields of each packet, in the order Node writes them.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::Envelope;
use crate::{
    Payload, Result,
    error::Plain,
    packet::{
        Event, Fields, Gossip, GossipHello, GossipReply, Heartbeat, NodeInfo, Packet, Ping, Pong, Request,
        Response, STREAM_ERROR, STREAM_OBJECT_MODE,
    },
};

/// How a format writes the fields of a packet's map. Keys need no escapes.
pub(super) trait FieldWriter {
    fn null(&mut self, key: &'static str);
    fn bool(&mut self, key: &'static str, value: bool);
    fn integer(&mut self, key: &'static str, value: u64);
    /// Whole numbers as such; what is not finite as null where the format knows no such number.
    fn number(&mut self, key: &'static str, value: f64);
    fn text(&mut self, key: &'static str, value: &str);
    fn payload(&mut self, key: &'static str, value: &Payload) -> Result<()>;
    fn value<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<()>;

    fn optional_text(&mut self, key: &'static str, value: Option<&str>) {
        match value {
            Some(text) => self.text(key, text),
            None => self.null(key),
        }
    }
}

/// Writes every field of the packet; the writer adds what stands around them.
pub(super) fn packet(packet: &Packet<'_>, envelope: Envelope<'_>, to: &mut impl FieldWriter) -> Result<()> {
    match packet {
        Packet::Event(event) => write_event(event, envelope, to)?,
        Packet::Request(request) => write_request(request, envelope, to)?,
        Packet::Response(response) => write_response(response, envelope, to)?,
        Packet::Discover | Packet::Disconnect => {}
        Packet::Info(info) => write_info(info, to)?,
        Packet::Heartbeat(heartbeat) => write_heartbeat(heartbeat, to),
        Packet::Ping(Ping { time, id }) => {
            to.number("time", *time);
            to.text("id", id);
        }
        Packet::Pong(Pong { time, id, arrived }) => {
            to.number("time", *time);
            to.text("id", id);
            to.number("arrived", *arrived);
        }
        Packet::GossipRequest(Gossip { online, offline }) => {
            if !online.is_empty() {
                to.value("online", &crate::packet::OnlineRows(online))?;
            }
            if !offline.is_empty() {
                to.value("offline", offline)?;
            }
        }
        Packet::GossipResponse(GossipReply { online, offline }) => {
            if !online.is_empty() {
                to.value("online", online)?;
            }
            if !offline.is_empty() {
                to.value("offline", offline)?;
            }
        }
        Packet::GossipHello(GossipHello { host, port, ligand }) => {
            to.text("host", host);
            to.integer("port", u64::from(*port));
            if let Some(identity) = ligand {
                to.value("ligand", identity)?;
            }
        }
    }
    to.text("ver", envelope.ver);
    to.text("sender", envelope.sender);
    Ok(())
}

fn write_request(request: &Request<'_>, envelope: Envelope<'_>, to: &mut impl FieldWriter) -> Result<()> {
    to.text("id", &request.id);
    to.text("action", &request.action);
    if request.params.is_undefined() {
        to.value("params", &EMPTY)?;
    } else {
        to.payload("params", &request.params)?;
    }
    write_meta(&request.meta, request.headers.as_deref(), envelope, to)?;
    match request.timeout {
        Some(timeout) => to.number("timeout", timeout),
        None => to.null("timeout"),
    }
    to.integer("level", u64::from(request.level));
    write_tracing(request.tracing, to);
    to.optional_text("parentID", request.parent_id.as_deref());
    to.optional_text("requestID", request.request_id.as_deref());
    to.optional_text("caller", request.caller.as_deref());
    to.bool("stream", request.stream);
    if let Some(seq) = request.seq {
        to.integer("seq", seq);
    }
    Ok(())
}

fn write_response(response: &Response<'_>, envelope: Envelope<'_>, to: &mut impl FieldWriter) -> Result<()> {
    to.text("id", &response.id);
    write_meta(&response.meta, response.headers.as_deref(), envelope, to)?;
    to.bool("success", response.error.is_none());
    match &response.error {
        Some(error) => {
            to.null("data");
            to.value("error", &Plain { error, sender: envelope.sender })?;
        }
        None if response.data.is_undefined() => {}
        None => to.payload("data", &response.data)?,
    }
    if let Some(stream) = response.stream {
        to.bool("stream", stream);
    }
    if let Some(seq) = response.seq {
        to.integer("seq", seq);
    }
    Ok(())
}

fn write_event(event: &Event<'_>, envelope: Envelope<'_>, to: &mut impl FieldWriter) -> Result<()> {
    to.text("id", &event.id);
    to.text("event", &event.event);
    to.payload("data", &event.data)?;
    if !event.groups.is_empty() {
        to.value("groups", &event.groups)?;
    }
    to.bool("broadcast", event.broadcast);
    write_meta(&event.meta, event.headers.as_deref(), envelope, to)?;
    to.integer("level", u64::from(event.level));
    write_tracing(event.tracing, to);
    to.optional_text("parentID", event.parent_id.as_deref());
    to.optional_text("requestID", event.request_id.as_deref());
    to.optional_text("caller", event.caller.as_deref());
    to.null("needAck");
    Ok(())
}

fn write_info(info: &NodeInfo, to: &mut impl FieldWriter) -> Result<()> {
    to.value("services", &info.services)?;
    to.value("ipList", &info.ip_list)?;
    to.text("hostname", &info.hostname);
    to.value("client", &info.client)?;
    to.value("config", &info.config)?;
    to.text("instanceID", &info.instance_id);
    to.value("metadata", &info.metadata)?;
    to.integer("seq", info.seq);
    if let Some(port) = info.port {
        to.integer("port", u64::from(port));
    }
    Ok(())
}

fn write_heartbeat(heartbeat: &Heartbeat, to: &mut impl FieldWriter) {
    match heartbeat.cpu {
        Some(cpu) => to.number("cpu", cpu),
        None => to.null("cpu"),
    }
    if let Some(seq) = heartbeat.cpu_seq {
        to.integer("cpuSeq", seq);
    }
    if let Some(seq) = heartbeat.seq {
        to.integer("seq", seq);
    }
    if let Some(id) = &heartbeat.instance_id {
        to.text("instanceID", id);
    }
}

fn write_tracing(tracing: Option<bool>, to: &mut impl FieldWriter) {
    match tracing {
        Some(tracing) => to.bool("tracing", tracing),
        None => to.null("tracing"),
    }
}

fn write_meta(
    meta: &Fields,
    headers: Option<&Fields>,
    envelope: Envelope<'_>,
    to: &mut impl FieldWriter,
) -> Result<()> {
    match headers {
        Some(headers) if envelope.ver == "4" => to.value("meta", &MetaWithFlags { meta, headers }),
        Some(headers) => {
            to.value("meta", meta)?;
            to.value("headers", headers)
        }
        None => to.value("meta", meta),
    }
}

/// `{}`, what Node sends for parameters that were not given.
const EMPTY: std::collections::BTreeMap<&str, ()> = std::collections::BTreeMap::new();

/// Meta of version 4, with the stream flags that version 5 has in its headers.
struct MetaWithFlags<'a> {
    meta: &'a Fields,
    headers: &'a Fields,
}

impl Serialize for MetaWithFlags<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let flags = [STREAM_OBJECT_MODE, STREAM_ERROR].map(|key| {
            self.headers.get(key).filter(|_| !self.meta.contains_key(key)).map(|flag| (key, flag))
        });
        let count = self.meta.len() + flags.iter().flatten().count();
        let mut map = serializer.serialize_map(Some(count))?;
        for (key, value) in self.meta {
            map.serialize_entry(key, value)?;
        }
        for (key, flag) in flags.iter().flatten() {
            map.serialize_entry(key, flag)?;
        }
        map.end()
    }
}
