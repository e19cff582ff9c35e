//! What nodes tell each other about all nodes. Pure functions over a [`Cluster`]: no I/O, no clock.
//!
//! A **request** lists what a node knows, in numbers. The **answer** carries what the asking node did not know, and
//! is **applied** by it. An answer that nobody asked for is fine too: that is how news are pushed.

use std::{net::IpAddr, sync::Arc};

use ligand_transport::{Cluster, Local, Peer, newest_seq};
use ligand_wire::packet::{Gossip, GossipReply, GossipRow, NodeInfo};

/// This node, as gossip sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Me<'a> {
    /// Name.
    pub(crate) id: &'a str,
    /// Where it listens: goes into its info.
    pub(crate) port: u16,
    /// The one address where it listens: the same.
    pub(crate) address: Option<IpAddr>,
}

/// What is found in a request.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// What the asking node did not know; `None` when it knows it all.
    pub(crate) reply: Option<GossipReply>,
    /// The asking node knows news that this one lacks.
    pub(crate) behind: bool,
    /// The asking node says something else about these than what is known, and they are there: they are asked.
    pub(crate) ask: Vec<Arc<str>>,
}

/// What was found in an answer.
#[derive(Debug, Default)]
pub(crate) struct Learned {
    /// It told something that is worth telling others.
    pub(crate) news: bool,
    /// Nodes that are there now and were not before.
    pub(crate) fresh: Vec<Arc<str>>,
    /// It says something else about these than what is known, and they are there: they are asked.
    pub(crate) ask: Vec<Arc<str>>,
    /// Another life of this node's name.
    pub(crate) twin: Option<Box<NodeInfo>>,
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

/// Takes in a request of the node `from` and finds what it lacks.
pub(crate) fn answer(cluster: &dyn Cluster, me: Me<'_>, from: &str, request: &Gossip) -> Answer {
    let mut reply = GossipReply::default();
    answer_local(cluster, me, request, &mut reply);
    let mut ask = Vec::new();
    let peers = cluster.peers();
    let mut listed = usize::from(request.online.contains_key(me.id));
    let mut behind = false;
    for peer in &peers {
        if answer_peer(cluster, peer, from, request, &mut reply) {
            ask.push(peer.id.clone());
        }
        if let Some((seq, ..)) = request.online.get(&*peer.id) {
            listed += 1;
            behind |= *seq > peer.seq && claim(Some(*seq)).is_some();
        }
    }
    behind |= request.online.len() > listed;
    let empty = reply.online.is_empty() && reply.offline.is_empty();
    Answer { reply: (!empty).then_some(reply), behind, ask }
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

/// True: the node is there, and the asking node says that it is gone.
fn answer_peer(
    cluster: &dyn Cluster,
    peer: &Peer,
    from: &str,
    request: &Gossip,
    reply: &mut GossipReply,
) -> bool {
    let id = &*peer.id;
    let offline = claim(request.offline.get(id).copied());
    let online = request.online.get(id).filter(|(seq, ..)| claim(Some(*seq)).is_some());
    let seq = offline.or(online.map(|(seq, ..)| *seq)).unwrap_or(0);
    let load = (peer.cpu_seq, peer.cpu.unwrap_or(0.0));
    if let Some(&(_, cpu_seq, cpu)) = online
        && peer.available
        && id == from
    {
        cluster.told_load(id, cpu_seq, cpu);
    }
    if seq == 0 || seq < peer.seq {
        if peer.available {
            let row = GossipRow { info: Some(Box::new((*peer.info).clone())), cpu: Some(load) };
            reply.online.insert(id.to_owned(), row);
        } else if peer.seq > 0 {
            reply.offline.insert(id.to_owned(), peer.seq);
        }
    } else if let Some(seq) = offline {
        if peer.available {
            return true;
        }
        if seq > peer.seq {
            cluster.gone(id, seq);
        }
    } else if let Some(&(_, cpu_seq, cpu)) = online
        && peer.available
        && id != from
    {
        if cpu_seq > peer.cpu_seq {
            cluster.load(id, cpu_seq, cpu);
        } else if cpu_seq < peer.cpu_seq {
            reply.online.insert(id.to_owned(), GossipRow { info: None, cpu: Some(load) });
        }
    }
    false
}

/// Takes in an answer of the node `from`. What it says of itself is news; what it says of others is news only when those
/// are not there: otherwise they are asked. `admit` is told of each new name.
pub(crate) fn apply(
    cluster: &dyn Cluster,
    me: Me<'_>,
    from: &str,
    reply: GossipReply,
    mut admit: impl FnMut(&Arc<str>),
) -> Learned {
    let mut learned = Learned::default();
    for (id, row) in reply.online {
        let info = row.info.filter(|info| claim(Some(info.seq)).is_some());
        if id == me.id {
            // Its own info is known best. That of an earlier life, or of somebody else, must not win.
            let local = cluster.local().info;
            if let Some(info) = info {
                let other = info.instance_id != local.instance_id;
                if info.seq > local.seq || other && info.seq == local.seq {
                    cluster.outlive(info.seq);
                }
                learned.twin = Some(info).filter(|_| other).or(learned.twin);
            }
            continue;
        }
        let name: Arc<str> = id.as_str().into();
        let (own, peer) = (id == from, cluster.peer(&id));
        let there = peer.as_ref().is_some_and(|peer| peer.available);
        let news = info.filter(|info| peer.as_ref().is_none_or(|peer| peer.seq < info.seq));
        let load = row.cpu.filter(|(cpu_seq, _)| *cpu_seq > 0);
        match news {
            Some(_) if there && !own => learned.ask.push(name),
            Some(info) => {
                if peer.is_none() {
                    admit(&name);
                }
                cluster.learn(&id, *info, load);
                learned.news = true;
                // Anybody can say that it is this node.
                learned.ask.push(name.clone());
                if !there {
                    learned.fresh.push(name);
                }
            }
            None => {}
        }
        match load {
            Some((cpu_seq, cpu)) if own => cluster.told_load(&id, cpu_seq, cpu),
            Some((cpu_seq, cpu)) if peer.is_some_and(|peer| cpu_seq > peer.cpu_seq) => {
                cluster.load(&id, cpu_seq, cpu);
            }
            _ => {}
        }
    }
    for (id, seq) in reply.offline {
        let Some(seq) = claim(Some(seq)) else { continue };
        if id == me.id {
            if seq >= cluster.local().info.seq {
                cluster.outlive(seq);
            }
        } else if let Some(peer) = cluster.peer(&id).filter(|peer| peer.seq < seq) {
            match peer.available {
                true => learned.ask.push(peer.id),
                false => cluster.gone(&id, seq),
            }
        }
    }
    learned
}

/// It answers on the connection by which it is dialled.
pub(crate) fn is_ligand(info: &NodeInfo) -> bool {
    info.config.contains_key("ligand")
}

/// What this node says of itself without being asked.
pub(crate) fn news(cluster: &dyn Cluster, me: Me<'_>) -> GossipReply {
    let mut reply = GossipReply::default();
    reply.online.insert(me.id.to_owned(), full(me, &cluster.local()));
    reply
}

fn full(me: Me<'_>, local: &Local) -> GossipRow {
    let mut info = NodeInfo { port: Some(me.port), ..(*local.info).clone() };
    if let Some(ip) = me.address {
        // Whoever knows this node only by gossip dials the host name or the first address.
        info.hostname = ip.to_string();
        info.ip_list = vec![info.hostname.clone()];
    }
    GossipRow { info: Some(Box::new(info)), cpu: Some((local.cpu_seq, local.cpu.unwrap_or(0.0))) }
}

/// A number that somebody claims; 0 says nothing, and what is ahead of the time could not be outlived.
fn claim(seq: Option<u64>) -> Option<u64> {
    seq.filter(|seq| (1..=newest_seq()).contains(seq))
}

#[cfg(test)]
#[allow(unreachable_pub, reason = "shared with the behaviour tests")]
#[path = "../tests/it/cluster.rs"]
mod cluster;
#[cfg(test)]
mod lossy;
#[cfg(test)]
mod tests;
