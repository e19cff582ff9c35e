//! Packets that came: unpacked, checked and led to their room.

mod held_requests;
mod own_name;
mod too_large;

use std::sync::Arc;

use bytes::Bytes;
use ligand_net::LogLimit;
use ligand_wire::{
    Error, Payload, Result,
    packet::{Event, Packet, PacketKind, ProtocolVersion, Received, Request},
};

use self::held_requests::HeldRequests;
use super::{
    Transit,
    call_messages::CallsMessage,
    control::{CALLS, CANCEL, CONTROL, FLOW, VERIFY},
    membership::{TOO_MANY, is_info_too_large},
    outbox::Unpacked,
    received::Receipt,
};
use crate::{broker::ServiceBroker, registry::Node};

/// What this node keeps of packets that came.
pub(super) struct Inbound {
    held: HeldRequests,
    /// Infos that are too long to be read.
    too_large: LogLimit,
}

impl Default for Inbound {
    fn default() -> Self {
        Self { held: HeldRequests::default(), too_large: LogLimit::new(200) }
    }
}

/// Longest node id, packet id, action or event name, in bytes: they are remembered.
const LONGEST_NAME: usize = 512;

/// A name is too long to be remembered or logged, or there is no sender.
fn has_long_names(sender: &str, packet: &Packet<'_>) -> bool {
    let names: [&str; 2] = match packet {
        Packet::Request(request) => [&request.id, &request.action],
        Packet::Response(response) => [&response.id, ""],
        Packet::Event(event) => [&event.id, &event.event],
        _ => ["", ""],
    };
    sender.is_empty() || sender.len() > LONGEST_NAME || names.iter().any(|name| name.len() > LONGEST_NAME)
}

impl Transit {
    /// A packet came, over the connection of the node `from` when that is known. With `tracked` the receipt ends when
    /// its work has ended.
    pub(super) fn on_packet(
        &self,
        kind: PacketKind,
        body: Bytes,
        from: Option<&str>,
        tracked: bool,
    ) -> Option<Receipt> {
        self.outbox.count_received(body.len());
        match self.outbox.unpack(kind, body) {
            Ok(Unpacked::Plain(plain)) => return self.on_plain(kind, &plain, from, tracked),
            Ok(Unpacked::TooLong { body, sealed }) => self.on_too_large(kind, body, sealed),
            Err(error) => self.outbox.refuse(kind, &error),
        }
        None
    }

    /// As [`Transit::on_packet`], after decryption and decompression.
    fn on_plain(
        &self,
        kind: PacketKind,
        plain: &Bytes,
        from: Option<&str>,
        tracked: bool,
    ) -> Option<Receipt> {
        let Received { ver, sender, packet } = match self.checked(kind, plain, from) {
            Ok(received) => received,
            Err(why) => {
                self.outbox.refuse(kind, &why);
                return None;
            }
        };
        let broker = self.broker.upgrade()?;
        if *sender == **self.outbox.node_id() {
            return self.on_own_name(&broker, packet, tracked);
        }
        let noted = matches!(packet, Packet::Info(_) | Packet::Request(_));
        let Some(node) = self.membership.sender(&broker, &sender, noted) else {
            let why = "there are 'transit.max_nodes' nodes already";
            self.outbox.refuse(kind, &Error::invalid_packet(kind, why));
            return None;
        };
        if let Some(ver) = ProtocolVersion::parse(&ver) {
            node.set_ver(ver);
        }
        // The info of another life confirms nothing.
        if !matches!(packet, Packet::Info(_)) {
            node.was_heard();
        }
        if matches!(packet, Packet::Request(_))
            && self.membership.phase().may_hold_requests()
            && let Ok(end) = self.inbound.held.hold(plain, tracked)
        {
            return end;
        }
        self.dispatch(&broker, &node, packet, plain.len(), tracked)
    }

    /// Reads a packet; an error says why it is not taken.
    fn checked<'a>(&self, kind: PacketKind, plain: &'a Bytes, from: Option<&str>) -> Result<Received<'a>> {
        let received = self.outbox.read(kind, plain)?;
        let Received { ver, sender, packet } = &received;
        if has_long_names(sender, packet) {
            return Err(Error::invalid_packet(kind, "a name in it is empty or longer than 512 bytes"));
        }
        if from.is_some_and(|node| *node != **sender) {
            let why = "it came over the connection of another node than it names";
            return Err(Error::invalid_packet(kind, why));
        }
        self.outbox.log_received(ver, sender, packet);
        if !self.outbox.accepts(ver) {
            return Err(Error::protocol_mismatch(self.outbox.node_id(), self.outbox.ver().as_str(), ver));
        }
        Ok(received)
    }

    /// Leads a packet of another node to its room.
    fn dispatch(
        &self,
        broker: &ServiceBroker,
        node: &Arc<Node>,
        packet: Packet<'_>,
        len: usize,
        tracked: bool,
    ) -> Option<Receipt> {
        match packet {
            Packet::Request(request) => return self.on_request(broker, node, request, len, tracked),
            Packet::Event(event) => return self.on_event(node, event, tracked),
            Packet::Response(response) => self.calls.on_response(node, response, len),
            Packet::Discover => self.membership.on_discover(node),
            Packet::Info(info) if is_info_too_large(&info) => {
                tracing::error!(node = &**node.id(), "the services of a node are not known here: {TOO_MANY}");
                self.outbox.refuse(PacketKind::Info, &Error::invalid_packet(PacketKind::Info, TOO_MANY));
            }
            Packet::Info(info) => self.membership.on_info(node, *info),
            Packet::Disconnect => self.membership.on_disconnect(node),
            Packet::Heartbeat(beat) => self.membership.on_heartbeat(node, &beat),
            Packet::Ping(ping) => self.membership.on_ping(node, &ping),
            Packet::Pong(pong) => self.membership.on_pong(broker, node, &pong),
            Packet::GossipRequest(_) | Packet::GossipResponse(_) | Packet::GossipHello(_) => {
                let why = Error::invalid_packet(packet.kind(), "gossip is for TCP only");
                self.outbox.refuse(packet.kind(), &why);
            }
        }
        None
    }

    fn on_request(
        &self,
        broker: &ServiceBroker,
        node: &Arc<Node>,
        request: Request<'_>,
        len: usize,
        tracked: bool,
    ) -> Option<Receipt> {
        if *request.action == *CALLS {
            self.on_calls_message(node.id(), &request.params);
            return None;
        }
        self.served.on_request(broker, node, request, len, tracked)
    }

    fn on_event(&self, node: &Arc<Node>, event: Event<'_>, tracked: bool) -> Option<Receipt> {
        if event.event.starts_with(CONTROL) {
            self.on_control(node, &event.event, &event.data);
            return None;
        }
        self.events.on_event(node, event, tracked)
    }

    /// A control message came.
    fn on_control(&self, node: &Arc<Node>, name: &str, data: &Payload) {
        match name {
            VERIFY => return self.membership.on_verification(node, data),
            CALLS => return self.on_calls_message(node.id(), data),
            _ => {}
        }
        let Some(id) = data.get("id") else { return };
        let Some(id) = id.as_str() else { return };
        match name {
            CANCEL => self.served.on_cancel(node.id(), id),
            FLOW => self.streams.on_flow(node.id(), id, data),
            _ => {}
        }
    }

    /// A message about calls came.
    fn on_calls_message(&self, sender: &Arc<str>, data: &Payload) {
        let message = CallsMessage::read(data);
        // What is held is not known to whoever would answer.
        if !message.asked.is_empty() && !self.holds_requests() {
            self.calls.on_asked(sender, &message.asked);
        }
        if !message.unknown.is_empty() {
            self.calls.on_unknown(sender, &message.unknown, message.complete_for);
        }
        if !message.serving.is_empty() {
            self.calls.on_serving(sender, &message.serving);
        }
        self.served.drop_calls(sender, &message.unwanted);
    }

    fn holds_requests(&self) -> bool {
        self.membership.phase().may_hold_requests() && self.inbound.held.is_open()
    }
}
