//! The topics of a message bus: where a packet goes.

use std::{fmt::Write, sync::Arc};

use crate::packet::PacketKind;

/// Where a packet goes: its kind and its receivers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Topic {
    /// Kind of the packets.
    pub kind: PacketKind,
    /// Who receives them.
    pub to: To,
}

/// Who receives a packet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum To {
    /// Every node.
    All,
    /// One node.
    Node(Arc<str>),
    /// One of the nodes that have the action; the bus chooses (`REQB`).
    Action(Arc<str>),
    /// One of the nodes of the group; the bus chooses (`EVENTB`).
    Group {
        /// Group of listeners.
        group: Arc<str>,
        /// Name of the event, or its pattern in a subscription.
        event: Arc<str>,
    },
}

impl Topic {
    /// To every node.
    pub const fn all(kind: PacketKind) -> Self {
        Self { kind, to: To::All }
    }

    /// To one node.
    pub const fn node(kind: PacketKind, node: Arc<str>) -> Self {
        Self { kind, to: To::Node(node) }
    }

    /// What all topics of a namespace begin with: `MOL`, or `MOL-<namespace>`.
    pub fn prefix(namespace: &str) -> String {
        match namespace {
            "" => "MOL".into(),
            namespace => format!("MOL-{namespace}"),
        }
    }

    /// The topic's name: `<prefix>.REQ.<node>`. Nothing is escaped.
    ///
    /// ```
    /// use ligand_wire::{packet::PacketKind, topic::Topic};
    /// let prefix = Topic::prefix("shop");
    /// assert_eq!(Topic::node(PacketKind::Request, "node-1".into()).name(&prefix), "MOL-shop.REQ.node-1");
    /// assert_eq!(Topic::all(PacketKind::Heartbeat).name(&Topic::prefix("")), "MOL.HEARTBEAT");
    /// ```
    pub fn name(&self, prefix: &str) -> String {
        self.name_with(prefix, ".")
    }

    /// As [`Topic::name`], with another separator between the parts; node ids and names keep their dots.
    pub fn name_with(&self, prefix: &str, separator: &str) -> String {
        let mut name = String::with_capacity(prefix.len() + 48);
        let kind = self.kind.as_str();
        let _ = match &self.to {
            To::All => write!(name, "{prefix}{separator}{kind}"),
            To::Node(node) => write!(name, "{prefix}{separator}{kind}{separator}{node}"),
            To::Action(action) => write!(name, "{prefix}{separator}{kind}B{separator}{action}"),
            To::Group { group, event } => {
                write!(name, "{prefix}{separator}{kind}B{separator}{group}{separator}{event}")
            }
        };
        name
    }

    /// What a node called `me` subscribes to, balanced topics aside.
    pub fn subscriptions(me: &Arc<str>) -> Vec<Self> {
        use PacketKind::{Disconnect, Discover, Event, Heartbeat, Info, Ping, Pong, Request, Response};
        let own = |kind| Self::node(kind, me.clone());
        vec![
            own(Event),
            own(Request),
            own(Response),
            Self::all(Discover),
            own(Discover),
            Self::all(Info),
            own(Info),
            Self::all(Disconnect),
            Self::all(Heartbeat),
            Self::all(Ping),
            own(Ping),
            own(Pong),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let prefix = Topic::prefix("lab");
        assert_eq!(Topic::prefix(""), "MOL");
        assert_eq!(Topic::all(PacketKind::Info).name(&prefix), "MOL-lab.INFO");
        let request = Topic::node(PacketKind::Request, "a.b".into());
        assert_eq!(request.name(&prefix), "MOL-lab.REQ.a.b");
        assert_eq!(request.name_with(&prefix, "/"), "MOL-lab/REQ/a.b");
        let action = Topic { kind: PacketKind::Request, to: To::Action("v2.posts.find".into()) };
        assert_eq!(action.name("MOL"), "MOL.REQB.v2.posts.find");
        let to = To::Group { group: "mail".into(), event: "user.created".into() };
        let group = Topic { kind: PacketKind::Event, to };
        assert_eq!(group.name("MOL"), "MOL.EVENTB.mail.user.created");
    }
}
