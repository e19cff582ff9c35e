//! What Ligand nodes tell each other beside the protocol.
//!
//! Control messages travel as event packets with names of their own: [`CANCEL`] ends a running call, [`FLOW`] tells the
//! sender of a stream how much was read, asks either end whether it still has it, and answers that; [`CALLS`] asks about
//! calls ([`super::calls`]) and [`VERIFY`] tells a node what is believed of it ([`super::membership`]).
//! Other implementations have no listener for such a name; they do not get any, because only nodes that name `ligand` in
//! the `config` of their info are told.

use std::{borrow::Cow, sync::Arc};

use ligand_wire::{
    Payload,
    packet::{Event, Packet},
};
use serde_json::json;

use super::outbox::{Outbox, Recipient};
use crate::{context::Id, registry::Node};

/// Names of control messages begin with this.
pub(super) const CONTROL: &str = "$ligand.";
pub(super) const CANCEL: &str = "$ligand.cancel";
pub(super) const FLOW: &str = "$ligand.flow";
pub(super) const CALLS: &str = "$ligand.calls";
pub(super) const VERIFY: &str = "$ligand.story";

impl Outbox {
    /// Sends a control message.
    pub(crate) fn control(self: &Arc<Self>, node: &Node, name: &'static str, data: Payload) {
        let event = Event {
            id: Cow::Owned(Id::random().to_string()),
            event: Cow::Borrowed(name),
            data,
            level: 1,
            ..Event::default()
        };
        self.tell(Recipient::Node(node), &Packet::Event(event));
    }

    /// Tells a node that nobody waits for a call any more.
    pub(crate) fn cancel(self: &Arc<Self>, node: &Node, id: &Id) {
        if node.is_ligand() && node.is_available() {
            self.control(node, CANCEL, json!({ "id": id.to_string() }).into());
        }
    }
}
