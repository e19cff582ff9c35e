//! What nodes tell each other about all nodes. Pure functions over a [`Cluster`]: no I/O, no clock.
//!
//! A **request** lists what a node knows, in numbers. The **answer** carries what the asking node did not know, and
//! is **applied** by it. An answer that nobody asked for is fine too: that is how news are pushed.

use std::sync::Arc;

use ligand_transport::{Cluster, Local, Peer};
use ligand_wire::packet::{Gossip, GossipReply, GossipRow, NodeInfo};

/// Larger numbers are not exact in JavaScript; whoever sends them is wrong.
const MAX_SEQ: u64 = 1 << 53;

/// Nodes beyond this number are not taken in: names are cheap for whoever invents them.
pub(crate) const MAX_NODES: usize = 4096;

/// This node, as gossip sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Me<'a> {
    /// Name.
    pub(crate) id: &'a str,
    /// Where it listens: goes into its info.
    pub(crate) port: u16,
}

/// What is found in a request.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// What the asking node did not know; `None` when it knows it all.
    pub(crate) reply: Option<GossipReply>,
    /// The asking node knows news that this one lacks.
    pub(crate) behind: bool,
}

/// What this node knows, in numbers.
pub(crate) fn request(cluster: &dyn Cluster, me: Me<'_>) -> Gossip {
    let local = cluster.local();
    let mut gossip = Gossip::default();
    gossip.online.insert(me.id.to_owned(), (local.info.seq, local.cpu_seq, local.cpu.unwrap_or(0.0)));
    for peer in cluster.peers() {
        if peer.available {
            gossip.online.insert(peer.id.to_string(), (peer.seq, peer.cpu_seq, peer.cpu.unwrap_or(0.0)));
        } else if peer.seq > 0 {
            gossip.offline.insert(peer.id.to_string(), peer.seq);
        }
    }
    gossip
}

/// Who gets the request of a round: one node that is there, and sometimes one that is not. The more nodes are
/// missing, the more often they are tried.
pub(crate) fn receivers(peers: &[Peer], rng: &mut fastrand::Rng) -> Vec<Arc<str>> {
    let (online, offline): (Vec<_>, Vec<_>) = peers.iter().partition(|peer| peer.available);
    let mut receivers = Vec::with_capacity(2);
    receivers.extend(rng.choice(&online).map(|peer| peer.id.clone()));
    #[allow(clippy::cast_precision_loss)]
    let ratio = offline.len() as f64 / (online.len() + 1) as f64;
    if ratio >= 1.0 || rng.f64() < ratio {
        receivers.extend(rng.choice(&offline).map(|peer| peer.id.clone()));
    }
    receivers
}

/// Takes in a request and finds what the asking node lacks.
pub(crate) fn answer(cluster: &dyn Cluster, me: Me<'_>, request: &Gossip) -> Answer {
    let mut reply = GossipReply::default();
    answer_local(cluster, me, request, &mut reply);
    let peers = cluster.peers();
    let mut listed = usize::from(request.online.contains_key(me.id));
    let mut behind = false;
    for peer in &peers {
        answer_peer(cluster, peer, request, &mut reply);
        if let Some((seq, ..)) = request.online.get(&*peer.id) {
            listed += 1;
            behind |= *seq > peer.seq && claim(Some(*seq)).is_some();
        }
    }
    behind |= request.online.len() > listed && peers.len() < MAX_NODES;
    let empty = reply.online.is_empty() && reply.offline.is_empty();
    Answer { reply: (!empty).then_some(reply), behind }
}

fn answer_local(cluster: &dyn Cluster, me: Me<'_>, request: &Gossip, reply: &mut GossipReply) {
    let local = cluster.local();
    let offline = claim(request.offline.get(me.id).copied());
    let online = request.online.get(me.id).filter(|(seq, ..)| claim(Some(*seq)).is_some());
    let seq = offline.or(online.map(|(seq, ..)| *seq)).unwrap_or(0);
    let row = if seq == 0 || seq < local.info.seq {
        full(me, &local)
    } else if offline.is_some() || seq > local.info.seq {
        // Declared gone, or an earlier life of this node is remembered.
        cluster.outlive(seq);
        full(me, &cluster.local())
    } else if online.is_some_and(|(_, cpu_seq, _)| *cpu_seq < local.cpu_seq) {
        GossipRow { info: None, cpu: Some((local.cpu_seq, local.cpu.unwrap_or(0.0))) }
    } else {
        return;
    };
    reply.online.insert(me.id.to_owned(), row);
}

fn answer_peer(cluster: &dyn Cluster, peer: &Peer, request: &Gossip, reply: &mut GossipReply) {
    let id = &*peer.id;
    let offline = claim(request.offline.get(id).copied());
    let online = request.online.get(id).filter(|(seq, ..)| claim(Some(*seq)).is_some());
    let seq = offline.or(online.map(|(seq, ..)| *seq)).unwrap_or(0);
    let load = (peer.cpu_seq, peer.cpu.unwrap_or(0.0));
    if seq == 0 || seq < peer.seq {
        if peer.available {
            let row = GossipRow { info: Some(Box::new((*peer.info).clone())), cpu: Some(load) };
            reply.online.insert(id.to_owned(), row);
        } else if peer.seq > 0 {
            reply.offline.insert(id.to_owned(), peer.seq);
        }
    } else if let Some(seq) = offline {
        if peer.available || seq > peer.seq {
            cluster.gone(id, seq);
        }
    } else if let Some(&(_, cpu_seq, cpu)) = online
        && peer.available
    {
        if cpu_seq > peer.cpu_seq {
            cluster.load(id, cpu_seq, cpu);
        } else if cpu_seq < peer.cpu_seq {
            reply.online.insert(id.to_owned(), GossipRow { info: None, cpu: Some(load) });
        }
    }
}

/// Takes in an answer. True: it told something that is worth telling others.
pub(crate) fn apply(cluster: &dyn Cluster, me: Me<'_>, reply: GossipReply) -> bool {
    let mut known = None;
    let mut learned = false;
    for (id, row) in reply.online {
        if id == me.id {
            // Its own info is known best. That of an earlier life must not win.
            if let Some(info) = row.info
                && info.seq > cluster.local().info.seq
                && claim(Some(info.seq)).is_some()
            {
                cluster.outlive(info.seq);
            }
            continue;
        }
        let peer = cluster.peer(&id);
        let news = row
            .info
            .filter(|info| info.seq <= MAX_SEQ && peer.as_ref().is_none_or(|peer| peer.seq < info.seq));
        if let Some(info) = news {
            let known = known.get_or_insert_with(|| cluster.peers().len());
            if peer.is_none() {
                if *known >= MAX_NODES {
                    continue;
                }
                *known += 1;
            }
            learned = true;
            cluster.learn(&id, *info, row.cpu.filter(|(cpu_seq, _)| *cpu_seq > 0));
        } else if let (Some(peer), Some((cpu_seq, cpu))) = (peer, row.cpu)
            && cpu_seq > peer.cpu_seq
        {
            cluster.load(&id, cpu_seq, cpu);
        }
    }
    for (id, seq) in reply.offline {
        let Some(seq) = claim(Some(seq)) else { continue };
        if id == me.id {
            if seq >= cluster.local().info.seq {
                cluster.outlive(seq);
            }
        } else if cluster.peer(&id).is_some_and(|peer| peer.seq < seq) {
            cluster.gone(&id, seq);
        }
    }
    learned
}

/// What this node says of itself without being asked.
pub(crate) fn news(cluster: &dyn Cluster, me: Me<'_>) -> GossipReply {
    let mut reply = GossipReply::default();
    reply.online.insert(me.id.to_owned(), full(me, &cluster.local()));
    reply
}

fn full(me: Me<'_>, local: &Local) -> GossipRow {
    let info = NodeInfo { port: Some(me.port), ..(*local.info).clone() };
    GossipRow { info: Some(Box::new(info)), cpu: Some((local.cpu_seq, local.cpu.unwrap_or(0.0))) }
}

/// A number that somebody claims; 0 says nothing.
fn claim(seq: Option<u64>) -> Option<u64> {
    seq.filter(|seq| (1..MAX_SEQ).contains(seq))
}

#[cfg(test)]
#[allow(unreachable_pub, reason = "shared with the behaviour tests")]
#[path = "../tests/it/cluster.rs"]
mod cluster;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod weather;
