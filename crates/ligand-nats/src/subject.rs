//! Topics as subjects of NATS.

use ligand_wire::topic::{To, Topic};

/// What a subscription subscribes to.
#[derive(Debug, PartialEq)]
pub(crate) struct Interest {
    pub(crate) subject: String,
    /// Only one member of the queue receives each message.
    pub(crate) queue: Option<String>,
}

/// How to subscribe to a topic.
pub(crate) fn interest(topic: &Topic, prefix: &str) -> Interest {
    let name = topic.name(prefix);
    match &topic.to {
        To::All | To::Node(_) => Interest { subject: name, queue: None },
        To::Action(action) => Interest { subject: name, queue: Some((**action).into()) },
        To::Group { group, .. } => {
            let subject = match name.find("**") {
                Some(at) => format!("{}>", &name[..at]),
                None => name,
            };
            Interest { subject, queue: Some((**group).into()) }
        }
    }
}

/// Whether a text can be a subject, or a part of one: no wildcards, no white space, no empty part.
pub(crate) fn is_literal(text: &str) -> bool {
    let allowed = |c: char| !c.is_whitespace() && !c.is_control() && c != '*' && c != '>';
    text.chars().all(allowed) && text.split('.').all(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use ligand_wire::packet::PacketKind;

    use super::*;

    #[test]
    fn balanced_topics_are_queues() {
        let of = |kind, to| interest(&Topic { kind, to }, "MOL");
        let action = of(PacketKind::Request, To::Action("v2.posts.find".into()));
        let queue = Some("v2.posts.find".into());
        assert_eq!(action, Interest { subject: "MOL.REQB.v2.posts.find".into(), queue });
        let event =
            |event: &str| of(PacketKind::Event, To::Group { group: "mail".into(), event: event.into() });
        assert_eq!(event("user.**").subject, "MOL.EVENTB.mail.user.>");
        assert_eq!(event("**.late").subject, "MOL.EVENTB.mail.>");
        assert_eq!(
            event("user.*"),
            Interest { subject: "MOL.EVENTB.mail.user.*".into(), queue: Some("mail".into()) }
        );
    }

    #[test]
    fn literals() {
        assert!(["a", "a.b-c_1", "knoten-ü"].into_iter().all(is_literal));
        assert!(!["", "a b", "a.*", ">", "a..b", ".a", "a.", "a\n"].into_iter().any(is_literal));
    }
}
