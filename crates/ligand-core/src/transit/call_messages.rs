//! What nodes ask each other about calls when an answer, a request or a farewell may have been lost.
//!
//! A caller asks the node that has its call ([`super::calls`]): after an outage of its own, when the node was away or
//! tells anew what it is, and from time to time while the call is silent. The node says nothing about calls that run,
//! sends answers that it keeps once more, and names calls that it does not know ([`super::served`]). Such a call has not
//! come, or its answer is forgotten; how long nothing was forgotten tells which. In the first case it is sent again *to
//! the same node*, which runs it once however often it comes; in the second it ends with an error.
//!
//! The question travels as a request does: it comes after the call that it is about, so that whoever does not know that
//! call will not find it in its queue later.
//!
//! A callee asks too: whether somebody waits for a call that runs for long.
//!
//! Only Ligand nodes are asked. Of others is known that they left or were started anew: then their calls end.

use std::{borrow::Cow, sync::Arc, time::Duration};

use ligand_wire::{
    Payload,
    packet::{Packet, Request},
};
use serde_json::{Value, json};

use super::{
    control::CALLS,
    outbox::{Outbox, Recipient},
};
use crate::{context::Id, registry::Node};

/// Most calls in one message.
const MOST: usize = 256;

/// Bytes of a message beside its calls, and of each of those, at most.
const ENVELOPE: usize = 512;
const ID: usize = 48;

/// What is said about calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum About {
    /// The caller has heard nothing of them.
    Asked,
    /// The callee does not know them, and has forgotten none for so long.
    Unknown(Duration),
    /// They run for long: does somebody wait for them?
    Serving,
    /// Nobody does.
    Unwanted,
}

impl About {
    const fn name(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Unknown(_) => "unknown",
            Self::Serving => "serving",
            Self::Unwanted => "unwanted",
        }
    }
}

/// A message about calls.
#[derive(Debug, Default)]
pub(crate) struct CallsMessage {
    pub(crate) asked: Vec<Id>,
    pub(crate) unknown: Vec<Id>,
    pub(crate) complete_for: Duration,
    pub(crate) serving: Vec<Id>,
    pub(crate) unwanted: Vec<Id>,
}

impl CallsMessage {
    pub(super) fn read(data: &Payload) -> Self {
        let list = |name: &str| -> Vec<Id> {
            let value = data.get(name);
            let list = value.as_ref().and_then(|value| value.as_array());
            let ids = list.into_iter().flatten().take(MOST).filter_map(Value::as_str);
            ids.filter(|id| Id::halves(id).is_some()).map(Id::parse).collect()
        };
        let millis = data.get("completeFor").and_then(|millis| millis.as_u64()).unwrap_or(0);
        Self {
            asked: list("asked"),
            unknown: list("unknown"),
            complete_for: Duration::from_millis(millis),
            serving: list("serving"),
            unwanted: list("unwanted"),
        }
    }
}

impl Outbox {
    /// Says something about calls to a node.
    pub(crate) fn tell_about_calls(self: &Arc<Self>, node: &Node, about: About, ids: &[Id]) {
        // A node that takes only short packets is told in several.
        let most = (node.largest().saturating_sub(ENVELOPE) / ID).clamp(1, MOST);
        for ids in ids.chunks(most) {
            let ids: Vec<String> = ids.iter().map(Id::to_string).collect();
            let mut data = json!({ about.name(): ids });
            if let About::Unknown(complete_for) = about {
                data["completeFor"] = u64::try_from(complete_for.as_millis()).unwrap_or(u64::MAX).into();
            }
            match about {
                About::Asked => self.ask_behind_calls(node, data.into()),
                _ => self.control(node, CALLS, data.into()),
            }
        }
    }

    /// Asks about calls on the way that they took.
    fn ask_behind_calls(self: &Arc<Self>, node: &Node, data: Payload) {
        let request = Request {
            id: Cow::Owned(Id::random().to_string()),
            action: Cow::Borrowed(CALLS),
            params: data,
            headers: self.ver_of(node).has_headers().then(Cow::default),
            level: 1,
            ..Request::default()
        };
        self.tell(Recipient::Node(node), &Packet::Request(request));
    }
}
