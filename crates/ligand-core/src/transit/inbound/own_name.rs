//! Packets in this node's own name: its own balanced calls, or a node that was given the same name.

use ligand_wire::packet::Packet;

use crate::{
    broker::ServiceBroker,
    transit::{Transit, membership::Phase, received::Receipt},
};

impl Transit {
    pub(super) fn on_own_name(
        &self,
        broker: &ServiceBroker,
        packet: Packet<'_>,
        tracked: bool,
    ) -> Option<Receipt> {
        let own = self.outbox.own_node();
        match packet {
            Packet::Info(info) if info.instance_id != self.membership.instance_id() => {
                self.membership.on_other_instance(&info);
            }
            // Not by this node.
            Packet::Info(info) if self.membership.is_ahead(info.seq) => self.membership.refute(info.seq),
            Packet::Disconnect if self.membership.phase() != Phase::Left => self.membership.refute(0),
            // An answer to the probe is another node's: this one does not answer itself.
            Packet::Response(response) if self.membership.is_own_probe(&response.id) => {
                self.membership.on_name_conflict("it answered");
            }
            Packet::Response(response) => self.calls.on_response(own, response, 0),
            // The probe of this very start is not answered by itself.
            Packet::Request(request) if self.membership.is_own_probe(&request.id) => {}
            Packet::Request(request) if self.calls.may_balance() || self.membership.is_probe(&request) => {
                return self.on_request(broker, own, request, 0, tracked);
            }
            Packet::Event(event) if self.calls.may_balance() => return self.on_event(own, event, tracked),
            _ => {}
        }
        None
    }
}
