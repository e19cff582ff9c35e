//! Who lives, as the store says.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use bytes::Bytes;
use ligand_transport::{Link, Peer};
use ligand_wire::{
    codec::decode,
    packet::{Heartbeat, NodeInfo, Packet, PacketKind},
    payload::Format,
};

use super::{Keys, Known, Store};
use crate::{Fault, LogLimit};

/// How many beats are looked at.
const MOST_BEATS: usize = 20_000;

/// Bytes of the longest info and the longest beat.
const LONGEST_INFO: usize = 4 * 1024 * 1024;
const LONGEST_BEAT: usize = 4 * 1024;

/// How many infos are read at once.
const INFOS: usize = 16;

/// Looks who lives, cycle by cycle.
pub(super) struct Watch<S: Store> {
    /// Values are read in each cycle of this number; 0 = never.
    full_check: u32,
    cycle: u32,
    /// Lost nodes that have a beat: when it was written, at the first look.
    doubts: HashMap<String, S::Written>,
    malformed: LogLimit,
    too_many: LogLimit,
}

/// A beat: who lives, with which info.
struct Beat {
    key: String,
    node: String,
    hash: String,
    seq: u64,
    cpu: Option<f64>,
}

impl<S: Store> Watch<S> {
    pub(super) fn new(full_check: u32) -> Self {
        // Nodes that start together do not read all values together.
        let cycle = if full_check > 1 { fastrand::u32(..full_check) } else { 0 };
        Self {
            full_check,
            cycle,
            doubts: HashMap::new(),
            malformed: LogLimit::new(1),
            too_many: LogLimit::new(1),
        }
    }

    /// Tells the cluster who lives and, when the store is `trusted`, who is lost.
    pub(super) async fn cycle(
        &mut self,
        store: &mut S,
        link: &Arc<dyn Link>,
        keys: &Keys,
        trusted: bool,
    ) -> Result<(), Fault> {
        let mut names = store.beats(MOST_BEATS).await?;
        if names.len() > MOST_BEATS {
            names.truncate(MOST_BEATS);
            if let Some(left_out) = self.too_many.pass() {
                tracing::warn!(
                    left_out,
                    limit = MOST_BEATS,
                    "too many beats in the store, the others are ignored"
                );
            }
        }
        let mut beats = self.parse(names, keys, link.node_id());
        self.cycle = self.cycle.wrapping_add(1);
        if self.full_check > 0 && self.cycle.is_multiple_of(self.full_check) {
            self.read_load(store, &mut beats).await?;
        }
        self.doubts.retain(|node, _| link.cluster().peer(node).is_some_and(|peer| !peer.available));
        let mut living = BTreeSet::new();
        let mut changed = BTreeSet::new();
        for Beat { node, hash, seq, cpu, .. } in beats {
            let beat = Heartbeat { cpu, cpu_seq: None, seq: Some(seq), instance_id: Some(hash) };
            // A node that was started again has two beats until the old one ends: each counts.
            if !link.cluster().heard(&node, &beat) {
                changed.insert(node.clone());
            }
            living.insert(node);
        }
        self.learn(store, link, keys, changed.into_iter().collect(), false).await?;
        if trusted {
            self.find_lost(store, link, keys, &living).await?;
        }
        Ok(())
    }

    /// What the names of keys say about other nodes.
    fn parse(&self, names: Vec<Bytes>, keys: &Keys, me: &str) -> Vec<Beat> {
        let mut beats = Vec::with_capacity(names.len());
        for name in names {
            let text = String::from_utf8_lossy(&name);
            match keys.parse(&name) {
                Some(key) if key.node == me => {}
                Some(key) => beats.push(Beat {
                    node: key.node.into(),
                    hash: key.hash.into(),
                    seq: key.seq,
                    cpu: None,
                    key: text.into(),
                }),
                None => self.warn("the name of a beat", &text, "is not known"),
            }
        }
        beats
    }

    /// Reads the load of all nodes.
    async fn read_load(&self, store: &mut S, beats: &mut [Beat]) -> Result<(), Fault> {
        for some in beats.chunks_mut(S::BATCH) {
            let names: Vec<String> = some.iter().map(|beat| beat.key.clone()).collect();
            for (beat, value) in some.iter_mut().zip(store.read(&names, LONGEST_BEAT).await?) {
                let Ok(Some(value)) = value else { continue };
                match decode(PacketKind::Heartbeat, Format::Json, &value).map(|received| received.packet) {
                    Ok(Packet::Heartbeat(read)) => beat.cpu = read.cpu,
                    Ok(_) => {}
                    Err(error) => self.warn("the beat of", &beat.node, &format!("{error:#}")),
                }
            }
        }
        Ok(())
    }

    /// Reads infos of nodes and tells them to the cluster. A node that was lost, and a node that was `asked` for by
    /// name, must have a beat: others leave their info behind for a while.
    pub(super) async fn learn(
        &mut self,
        store: &mut S,
        link: &Arc<dyn Link>,
        keys: &Keys,
        nodes: Vec<String>,
        asked: bool,
    ) -> Result<(), Fault> {
        for some in nodes.chunks(INFOS) {
            let names: Vec<String> = some.iter().map(|node| keys.info(node)).collect();
            let mut doubtful = Vec::new();
            for (node, value) in some.iter().zip(store.read(&names, LONGEST_INFO).await?) {
                let info = match value.and_then(|value| value.map(|value| info(node, &value)).transpose()) {
                    Ok(Some(info)) => info,
                    Ok(None) => continue,
                    Err(cause) => {
                        self.warn("the info of", node, &cause);
                        continue;
                    }
                };
                let was_lost = link.cluster().peer(node).is_some_and(|peer| is_lost(&peer, &info));
                if asked || was_lost {
                    doubtful.push((node, info, was_lost));
                } else {
                    link.cluster().learn(node, info, None);
                }
            }
            if doubtful.is_empty() {
                continue;
            }
            let beat =
                |(node, info, _): &(&String, NodeInfo, bool)| keys.beat(node, &info.instance_id, info.seq);
            let beats: Vec<String> = doubtful.iter().map(beat).collect();
            for ((node, info, was_lost), written) in doubtful.into_iter().zip(store.written(&beats).await?) {
                if self.lives(node, written, was_lost) {
                    link.cluster().learn(node, info, None);
                }
            }
        }
        Ok(())
    }

    /// Whether a beat says that its node lives: it is there or, for a node that `was_lost`, it was written again
    /// since it was looked at first.
    fn lives(&mut self, node: &str, written: Option<S::Written>, was_lost: bool) -> bool {
        let Some(written) = written else { return false };
        if !was_lost {
            return true;
        }
        match self.doubts.get(node) {
            None => {
                self.doubts.insert(node.into(), written);
                false
            }
            Some(before) => {
                let again = S::is_newer(&written, before);
                if again {
                    self.doubts.remove(node);
                }
                again
            }
        }
    }

    /// Tells the cluster who is not there any more: those that have no beat at a second look either, and whose info is
    /// no news.
    async fn find_lost(
        &mut self,
        store: &mut S,
        link: &Arc<dyn Link>,
        keys: &Keys,
        living: &BTreeSet<String>,
    ) -> Result<(), Fault> {
        let known = |peer: &Peer| keys.beat(&peer.id, &peer.info.instance_id, peer.info.seq);
        let missing: Vec<Known> = link
            .cluster()
            .peers()
            .into_iter()
            .filter(|peer| peer.available && !living.contains(&*peer.id))
            .map(|peer| Known { node: peer.id.to_string(), beat: known(&peer) })
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let alive = store.alive(&missing).await?;
        let dead = missing.into_iter().zip(alive).filter(|(_, alive)| !alive);
        let mut missing: BTreeMap<String, String> = dead.map(|(known, _)| (known.node, known.beat)).collect();
        self.learn(store, link, keys, missing.keys().cloned().collect(), false).await?;
        missing.retain(|node, before| link.cluster().peer(node).is_some_and(|peer| known(&peer) == *before));
        missing.into_keys().for_each(|node| link.cluster().lost(&node, true));
        Ok(())
    }

    fn warn(&self, what: &str, whose: &str, cause: &str) {
        if let Some(left_out) = self.malformed.pass() {
            tracing::warn!(left_out, "ignored in the store of nodes: {what} '{whose}': {cause}");
        }
    }
}

/// Reads an info.
fn info(node: &str, value: &Bytes) -> Result<NodeInfo, String> {
    if value.len() > LONGEST_INFO {
        return Err("it is longer than 4 MiB".into());
    }
    let received = decode(PacketKind::Info, Format::Json, value).map_err(|error| format!("{error:#}"))?;
    if received.sender != node {
        return Err(format!("it names another node, '{}'", received.sender));
    }
    match received.packet {
        Packet::Info(info) => Ok(*info),
        _ => Err("it is another kind of packet".into()),
    }
}

/// The node was lost, and the info is the one it had then.
fn is_lost(peer: &Peer, info: &NodeInfo) -> bool {
    !peer.available && peer.info.instance_id == info.instance_id && peer.info.seq == info.seq
}
