//! When gossip is sent: in rounds, when this node changes, and when somebody new is sighted.

use std::{sync::Arc, time::Duration};

use ligand_wire::packet::Packet;
use tokio::time::{Instant, MissedTickBehavior, interval, interval_at};

use crate::{
    gossip,
    mesh::{Mesh, Purpose},
};

/// How often it is looked whether this node has changed. A change that still stands at the next look is told.
const LOOK: Duration = Duration::from_millis(100);

/// Nodes that are told of a change at once; the rounds reach the others.
const FANOUT: usize = 8;

/// Gossips until the transporter closes.
pub(crate) async fn run(mesh: Arc<Mesh>) {
    // The first one comes later: whoever is known at the start is contacted anyway.
    let mut round = interval_at(Instant::now() + mesh.options.gossip_period, mesh.options.gossip_period);
    let mut look = interval(LOOK);
    round.set_missed_tick_behavior(MissedTickBehavior::Delay);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut rng = fastrand::Rng::new();
    let mut seen = mesh.link.cluster().local().info.seq;
    let mut changed = false;
    loop {
        tokio::select! {
            _ = round.tick() => {
                ask(&mesh, &mut rng);
                mesh.prune();
            }
            _ = look.tick() => {
                contact(&mesh);
                let seq = mesh.link.cluster().local().info.seq;
                if changed && seq == seen {
                    tell(&mesh, &mut rng);
                }
                changed = seq != seen;
                seen = seq;
            }
            () = mesh.contacts.due.notified() => contact(&mesh),
            () = mesh.stopped() => return,
        }
    }
}

/// One round.
fn ask(mesh: &Arc<Mesh>, rng: &mut fastrand::Rng) {
    let cluster = mesh.link.cluster();
    let receivers = gossip::receivers(&cluster.peers(), rng);
    if receivers.is_empty() {
        return;
    }
    let request = Packet::GossipRequest(gossip::request(cluster, mesh.me()));
    receivers.iter().for_each(|node| mesh.gossip(node, &request));
}

/// Tells some nodes what this one is and offers now.
fn tell(mesh: &Arc<Mesh>, rng: &mut fastrand::Rng) {
    let cluster = mesh.link.cluster();
    let available = cluster.peers().into_iter().filter(|peer| peer.available);
    let receivers = rng.choose_multiple(available, FANOUT);
    if receivers.is_empty() {
        return;
    }
    let news = Packet::GossipResponse(gossip::news(cluster, mesh.me()));
    receivers.iter().for_each(|peer| mesh.gossip(&peer.id, &news));
}

/// Talks to the nodes that are due.
fn contact(mesh: &Arc<Mesh>) {
    let due = mesh.contacts.take();
    if due.is_empty() {
        return;
    }
    let cluster = mesh.link.cluster();
    let news = Packet::GossipResponse(gossip::news(cluster, mesh.me()));
    let request = Packet::GossipRequest(gossip::request(cluster, mesh.me()));
    for (node, purpose) in due {
        if purpose == Purpose::Introduce {
            mesh.gossip(&node, &news);
        }
        mesh.gossip(&node, &request);
    }
}
