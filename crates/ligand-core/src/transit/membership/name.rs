//! Whether the name of this node is its own.

use std::{borrow::Cow, sync::Arc, time::Duration};

use ligand_net::LogLimit;
use ligand_transport::Outbound;
use ligand_wire::{
    Error, Result,
    packet::{NodeInfo, Packet, PacketKind, Request},
    topic::Topic,
};
use tokio::sync::watch;

use super::{Membership, verification::describe_instance};
use crate::context::Id;

/// The action that is called to find another node of this name.
const PROBE: &str = "$node.list";

/// The name of this node, as far as others may claim it.
pub(super) struct Name {
    /// New with every start.
    instance_id: String,
    /// Id of the call that finds another node of this name.
    probe: Id,
    /// What is known of another node that uses this name.
    rival: watch::Sender<Option<Arc<str>>>,
    pub(super) conflicts: LogLimit,
}

impl Default for Name {
    fn default() -> Self {
        Self {
            instance_id: Id::random().to_string(),
            probe: Id::random(),
            rival: watch::Sender::new(None),
            conflicts: LogLimit::new(10),
        }
    }
}

impl Membership {
    pub(crate) fn instance_id(&self) -> &str {
        &self.name.instance_id
    }

    /// Waits whether another node answers to this name.
    pub(super) async fn wait_for_name_conflicts(&self, wait: Duration) -> Result<()> {
        let mut rival = self.name.rival.subscribe();
        match tokio::time::timeout(wait, rival.wait_for(Option::is_some)).await {
            Ok(_) => Err(self.name_taken()),
            Err(_) => Ok(()),
        }
    }

    pub(super) fn check_name(&self) -> Result<()> {
        match self.name.rival.borrow().is_some() {
            true => Err(self.name_taken()),
            false => Ok(()),
        }
    }

    fn name_taken(&self) -> Error {
        let other = self.name.rival.borrow().clone().unwrap_or_default();
        Error::broker_options(format!(
            "node id '{}' is taken: another node of namespace '{}' runs under it ({other}); give each node an id of \
             its own (option 'node_id', variable NODEID)",
            self.node_id(),
            self.options.namespace
        ))
    }

    /// Calls an action of every node under this node's own name: when somebody answers, there is another one.
    pub(super) fn probe_name(&self) -> Result<()> {
        let request = Request {
            id: Cow::Owned(self.name.probe.to_string()),
            action: Cow::Borrowed(PROBE),
            headers: Some(Cow::default()),
            level: 1,
            ..Request::default()
        };
        let body = self.outbox.pack(&Packet::Request(request), self.outbox.ver(), None)?;
        let topic = Topic::node(PacketKind::Request, self.node_id().clone());
        self.outbox.post(Outbound { topic, body, ticket: None });
        Ok(())
    }

    /// A request that looks for another node of this name.
    pub(crate) fn is_probe(&self, request: &Request<'_>) -> bool {
        *request.action == *PROBE
    }

    /// The id is that of this very start's probe.
    pub(crate) fn is_own_probe(&self, id: &str) -> bool {
        *id == self.name.probe.to_string()
    }

    /// Somebody says under this node's name that it is another life. A node that starts asks again whether there is one:
    /// anybody can say so.
    pub(crate) fn on_other_instance(self: &Arc<Self>, info: &NodeInfo) {
        if self.phase().was_announced() {
            self.on_name_conflict(&describe_instance(info));
        } else if self.name.conflicts.pass().is_some()
            && let Err(error) = self.probe_name()
        {
            self.outbox.not_sent(PacketKind::Request, &error);
        }
    }

    /// Another node uses this node's name; `other` says what is known of it.
    pub(crate) fn on_name_conflict(self: &Arc<Self>, other: &str) {
        if self.phase().was_announced() {
            // Bounded: anybody can cause it.
            if let Some(hidden) = self.name.conflicts.pass() {
                tracing::error!(
                    node = &**self.node_id(),
                    instance = self.name.instance_id,
                    other,
                    hidden,
                    "another node uses this node's name; stop it or give it another 'node_id'"
                );
            }
            // Those who believed the other one hear this one. A JavaScript node stops itself when it hears this.
            return self.insist();
        }
        self.name.rival.send_if_modified(|known| match known {
            Some(_) => false,
            None => {
                *known = Some(other.into());
                true
            }
        });
    }
}
