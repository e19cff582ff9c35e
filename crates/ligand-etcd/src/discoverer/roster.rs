//! Who lives, as the store says.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use ligand_transport::{Link, Peer};
use ligand_wire::{
    codec::decode,
    packet::{Heartbeat, NodeInfo, Packet, PacketKind},
    payload::Format,
};
use tokio::time::sleep;

use super::keys::Keys;
use crate::{
    client::{
        Client, Failure,
        message::{Done, Found, Operation, Pair, Range, Transaction},
    },
    seldom::Seldom,
};

/// How many beats are looked at.
const MOST_BEATS: u32 = 20_000;

/// Bytes of the longest info.
const LONGEST_INFO: usize = 4 * 1024 * 1024;

/// How many infos, and how many beats are read at once: etcd takes 128 operations in a transaction.
const INFOS: usize = 16;
const BEATS: usize = 100;

/// How long a node may be without a beat: those of Moleculer take theirs away before they write the next one.
const GAP: Duration = Duration::from_secs(1);

/// Looks who lives, cycle by cycle.
pub(super) struct Watch {
    /// Values are read in each cycle of this number; 0 = never.
    full_check: u32,
    cycle: u32,
    /// Lost nodes that have a beat: its revision at the first look.
    doubts: HashMap<String, String>,
    malformed: Seldom,
    too_many: Seldom,
}

/// A beat: who lives, with which info.
struct Beat {
    key: String,
    node: String,
    hash: String,
    seq: u64,
    cpu: Option<f64>,
}

impl Watch {
    pub(super) fn new(full_check: u32) -> Self {
        // Nodes that start together do not read all values together.
        let cycle = if full_check > 1 { fastrand::u32(..full_check) } else { 0 };
        Self {
            full_check,
            cycle,
            doubts: HashMap::new(),
            malformed: Seldom::default(),
            too_many: Seldom::default(),
        }
    }

    /// Tells the cluster who lives and, when the store is `trusted`, who is lost.
    pub(super) async fn cycle(
        &mut self,
        client: &mut Client,
        link: &Arc<dyn Link>,
        keys: &Keys,
        trusted: bool,
    ) -> Result<(), Failure> {
        let found: Found = client.ask("/v3/kv/range", &Range::prefix(&keys.beats, MOST_BEATS)).await?;
        if found.more && self.too_many.due() {
            tracing::warn!(limit = MOST_BEATS, "too many beats in the store, the others are ignored");
        }
        let mut beats = self.parse(found, keys, link.node_id());
        self.cycle = self.cycle.wrapping_add(1);
        if self.full_check > 0 && self.cycle.is_multiple_of(self.full_check) {
            self.read_load(client, &mut beats).await?;
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
        self.learn(client, link, keys, changed.into_iter().collect(), false).await?;
        if trusted {
            self.find_lost(client, link, keys, &living).await?;
        }
        Ok(())
    }

    /// What the names of keys say about other nodes.
    fn parse(&mut self, found: Found, keys: &Keys, me: &str) -> Vec<Beat> {
        let mut beats = Vec::with_capacity(found.kvs.len());
        for pair in found.kvs {
            let name = String::from_utf8_lossy(&pair.key.0);
            match keys.parse(&pair.key.0) {
                Some(key) if key.node == me => {}
                Some(key) => beats.push(Beat {
                    node: key.node.into(),
                    hash: key.hash.into(),
                    seq: key.seq,
                    cpu: None,
                    key: name.into(),
                }),
                None => self.warn("the name of a beat", &name, "is not known"),
            }
        }
        beats
    }

    /// Reads the load of all nodes.
    async fn read_load(&mut self, client: &mut Client, beats: &mut [Beat]) -> Result<(), Failure> {
        for some in beats.chunks_mut(BEATS) {
            let values = values(client, some.iter().map(|beat| beat.key.as_str())).await?;
            for (beat, value) in some.iter_mut().zip(values) {
                let Some(value) = value else { continue };
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
        client: &mut Client,
        link: &Arc<dyn Link>,
        keys: &Keys,
        nodes: Vec<String>,
        asked: bool,
    ) -> Result<(), Failure> {
        for some in nodes.chunks(INFOS) {
            let names: Vec<String> = some.iter().map(|node| keys.info(node)).collect();
            let values = values(client, names.iter().map(String::as_str)).await?;
            let mut doubtful = Vec::new();
            for (node, value) in some.iter().zip(values) {
                let Some(value) = value else { continue };
                let info = match info(node, &value) {
                    Ok(info) => info,
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
            let beat = |node: &str, info: &NodeInfo| keys.beat(node, &info.instance_id, info.seq);
            let ranges = doubtful.iter().map(|(node, info, _)| Range {
                key: beat(node, info).as_str().into(),
                limit: 1,
                keys_only: true,
                ..Range::default()
            });
            let beats = read(client, ranges).await?;
            for ((node, info, was_lost), found) in doubtful.into_iter().zip(beats) {
                if self.lives(node, found, was_lost) {
                    link.cluster().learn(node, info, None);
                }
            }
        }
        Ok(())
    }

    /// Whether a beat says that its node lives: it is there or, for a node that `was_lost`, it was written again
    /// since it was looked at first.
    fn lives(&mut self, node: &str, found: Found, was_lost: bool) -> bool {
        let Some(Pair { mod_revision, .. }) = found.kvs.into_iter().next() else { return false };
        if !was_lost {
            return true;
        }
        let again = *self.doubts.entry(node.into()).or_insert_with(|| mod_revision.clone()) != mod_revision;
        if again {
            self.doubts.remove(node);
        }
        again
    }

    /// Tells the cluster who is not there any more: those that have no beat after a while either, and whose info is
    /// no news.
    async fn find_lost(
        &mut self,
        client: &mut Client,
        link: &Arc<dyn Link>,
        keys: &Keys,
        living: &BTreeSet<String>,
    ) -> Result<(), Failure> {
        let known = |peer: &Peer| keys.beat(&peer.id, &peer.info.instance_id, peer.info.seq);
        let mut missing: BTreeMap<String, String> = link
            .cluster()
            .peers()
            .into_iter()
            .filter(|peer| peer.available && !living.contains(&*peer.id))
            .map(|peer| (peer.id.to_string(), known(&peer)))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        sleep(GAP).await;
        let nodes: Vec<String> = missing.keys().cloned().collect();
        for some in nodes.chunks(BEATS) {
            let ranges = some.iter().map(|node| Range::prefix(&keys.beats_of(node), 1));
            for (node, found) in some.iter().zip(read(client, ranges).await?) {
                if !found.kvs.is_empty() {
                    missing.remove(node);
                }
            }
        }
        self.learn(client, link, keys, missing.keys().cloned().collect(), false).await?;
        missing.retain(|node, before| link.cluster().peer(node).is_some_and(|peer| known(&peer) == *before));
        missing.into_keys().for_each(|node| link.cluster().lost(&node, true));
        Ok(())
    }

    fn warn(&mut self, what: &str, whose: &str, cause: &str) {
        if self.malformed.due() {
            tracing::warn!("ignored in the store of nodes: {what} '{whose}': {cause}");
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

/// The values of keys, in their order; `None` for those that are not there.
async fn values<'a>(
    client: &mut Client,
    keys: impl Iterator<Item = &'a str>,
) -> Result<Vec<Option<Bytes>>, Failure> {
    let ranges = keys.map(|key| Range { key: key.into(), limit: 1, ..Range::default() });
    let found = read(client, ranges).await?.into_iter();
    Ok(found.map(|found| found.kvs.into_iter().next().map(|pair| pair.value.0.into())).collect())
}

/// Several reads of one moment.
async fn read(client: &mut Client, ranges: impl Iterator<Item = Range>) -> Result<Vec<Found>, Failure> {
    let success: Vec<_> = ranges.map(Operation::Read).collect();
    let count = success.len();
    if count == 0 {
        return Ok(Vec::new());
    }
    let done: Done = client.ask("/v3/kv/txn", &Transaction { success }).await?;
    if done.responses.len() != count {
        return Err(Failure::new("a transaction was answered in part"));
    }
    Ok(done.responses.into_iter().map(|part| part.response_range).collect())
}
