//! When gossip is sent: in rounds, when this node changes, and when somebody new is sighted.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

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

/// Nodes that are asked at once by one that learned of others: so news spread.
const SPREAD: usize = 3;

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
                let receivers = gossip::receivers(&mesh.link.cluster().peers(), &mut rng);
                ask(&mesh, &receivers);
                mesh.prune();
                mesh.forget_unused_addresses();
            }
            _ = look.tick() => {
                contact(&mesh);
                let seq = mesh.link.cluster().local().info.seq;
                if changed && seq == seen {
                    tell(&mesh, &some(&mesh, &mut rng, FANOUT));
                }
                changed = seq != seen;
                seen = seq;
                if mesh.learned.swap(false, Ordering::AcqRel) {
                    ask(&mesh, &some(&mesh, &mut rng, SPREAD));
                }
            }
            () = mesh.contacts.due.notified() => contact(&mesh),
            () = mesh.stopped() => return,
        }
    }
}

/// Available nodes, at most so many.
fn some(mesh: &Mesh, rng: &mut fastrand::Rng, most: usize) -> Vec<Arc<str>> {
    let peers = mesh.link.cluster().peers().into_iter();
    rng.choose_multiple(peers.filter(|peer| peer.available).map(|peer| peer.id), most)
}

/// Compares what this node knows with what others know. Those that lack something see it, and ask in turn.
fn ask(mesh: &Arc<Mesh>, receivers: &[Arc<str>]) {
    if receivers.is_empty() {
        return;
    }
    let request = Packet::GossipRequest(gossip::request(mesh.link.cluster(), mesh.me()));
    receivers.iter().for_each(|node| mesh.gossip(node, &request));
}

/// Tells some nodes what this one is and offers now.
fn tell(mesh: &Arc<Mesh>, receivers: &[Arc<str>]) {
    if receivers.is_empty() {
        return;
    }
    let news = Packet::GossipResponse(gossip::news(mesh.link.cluster(), mesh.me()));
    receivers.iter().for_each(|node| mesh.gossip(node, &news));
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
        match purpose {
            Purpose::Introduce => mesh.gossip(&node, &news),
            Purpose::Ask => {}
            Purpose::Probe => {
                // What is not listed must be told.
                let mut request = gossip::request(cluster, mesh.me());
                request.online.remove(&*node);
                request.offline.remove(&*node);
                mesh.gossip(&node, &Packet::GossipRequest(request));
                continue;
            }
        }
        mesh.gossip(&node, &request);
    }
}
