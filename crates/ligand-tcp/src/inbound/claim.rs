//! What the other end of a connection says of itself, and whether it may.

use std::sync::Arc;

use ligand_wire::packet::HelloIdentity;

use crate::{
    gossip::is_ligand,
    handshake::{Party, shortened},
    mesh::Mesh,
};

/// What the other end says of itself.
pub(super) struct Claim {
    pub(super) sender: Arc<str>,
    pub(super) port: u16,
    /// `None` for nodes on Node.js.
    pub(super) identity: Option<HelloIdentity>,
    /// This node, as it answered.
    pub(super) me: Option<Party>,
}

/// Whether the other end may speak as the node that it says.
pub(super) enum Verdict {
    Fine,
    /// The name is that of another life, which is there.
    Taken(String),
    /// The node says that the connection is not its own.
    Disowned,
}

impl Claim {
    pub(super) fn party(&self) -> Party {
        let identity = self.identity.clone().unwrap_or_default();
        Party {
            node: self.sender.to_string(),
            instance: identity.instance_id,
            port: self.port,
            nonce: identity.nonce,
        }
    }

    /// The life that it says.
    pub(super) fn life(&self) -> Option<&str> {
        self.identity.as_ref().map(|identity| &*identity.instance_id)
    }
}

impl Mesh {
    /// Who claims the name of a node that is there waits until that one was asked. One that does not answer within a
    /// second is not there.
    pub(super) async fn judge(&self, claim: &Claim, at: &str) -> Verdict {
        let known = self.link.cluster().peer(&claim.sender).filter(|peer| peer.available);
        let Some(known) = known.filter(|known| !known.info.instance_id.is_empty()) else {
            return Verdict::Fine;
        };
        let life = &known.info.instance_id;
        if let Some(identity) = claim.identity.as_ref().filter(|identity| identity.instance_id == *life) {
            // It may have several addresses; only the node itself knows which connections it began.
            let proven = self.options.secret.is_some();
            return match !proven && self.denies_connection(&claim.sender, &identity.nonce).await {
                true => Verdict::Disowned,
                false => Verdict::Fine,
            };
        }
        if claim.identity.is_none() && !is_ligand(&known.info) {
            return Verdict::Fine;
        }
        let named = |life: &str| format!("instance '{}'", shortened(life));
        let rival = format!("{} at {at}", claim.life().map_or("one without an instance".into(), named));
        if !self.lives(&claim.sender, life, &rival).await {
            return Verdict::Fine;
        }
        let mut owner = named(life);
        if let Some(last_address) = self.last_address(&claim.sender) {
            owner = format!("{owner} at {}:{}", last_address.host, last_address.port);
        }
        self.report_name_conflict(&claim.sender, &owner, &rival);
        Verdict::Taken(owner)
    }
}
