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
use tokio::time::{Instant, timeout};

use super::{
    keys::Keys,
    store::{Batch, Store, text},
};
use crate::{connection::Lost, resp::Reply, seldom::Seldom};

/// How many beats are looked at.
const MOST_BEATS: usize = 20_000;

/// Bytes of the longest info and the longest beat.
const LONGEST_INFO: usize = 4 * 1024 * 1024;
const LONGEST_BEAT: usize = 4 * 1024;

/// How many infos are read at once.
const INFOS: usize = 16;

/// How many beats are read at once.
const BEATS: usize = 500;

/// How long a scan may take.
const SCAN_TIME: Duration = Duration::from_secs(10);

/// A beat that expires this much later than before was written again.
const REWRITTEN: Duration = Duration::from_millis(300);

/// Looks who lives, cycle by cycle.
pub(super) struct Watch {
    /// Values are read in each cycle of this number; 0 = never.
    full_check: u32,
    cycle: u32,
    /// Lost nodes that have a beat: when it would have expired at the first look.
    doubts: HashMap<String, Instant>,
    malformed: Seldom,
    too_many: Seldom,
}

/// A beat: who lives, with which info.
struct Beat {
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
        store: &mut Store,
        link: &Arc<dyn Link>,
        keys: &Keys,
        step: u32,
        trusted: bool,
    ) -> Result<(), Lost> {
        let late = |_| Err(Lost::new(format!("scanning its keys took more than {} s", SCAN_TIME.as_secs())));
        let names = timeout(SCAN_TIME, self.scan(store, keys, step)).await.unwrap_or_else(late)?;
        let mut beats = self.parse(&names, keys, link.node_id());
        self.cycle = self.cycle.wrapping_add(1);
        if self.full_check > 0 && self.cycle.is_multiple_of(self.full_check) {
            self.read_load(store, keys, &mut beats).await?;
        }
        self.doubts.retain(|node, _| link.cluster().peer(node).is_some_and(|peer| !peer.available));
        let mut living = BTreeSet::new();
        let mut changed = BTreeSet::new();
        for Beat { node, hash, seq, cpu } in beats {
            let beat = Heartbeat { cpu, cpu_seq: None, seq: Some(seq), instance_id: Some(hash) };
            // A node that was started again has two beats until the old one expires: each counts.
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

    /// Names of all keys of beats.
    async fn scan(&mut self, store: &mut Store, keys: &Keys, step: u32) -> Result<BTreeSet<Bytes>, Lost> {
        let (pattern, step) = (keys.pattern(), step.max(1).to_string());
        let mut names = BTreeSet::new();
        let mut cursor = Bytes::from_static(b"0");
        loop {
            let words = [&b"SCAN"[..], &cursor, b"MATCH", pattern.as_bytes(), b"COUNT", step.as_bytes()];
            let Reply::List(parts) = store.one(&words).await? else {
                return Err(Lost::new("SCAN was answered with something else"));
            };
            let mut parts = parts.into_iter();
            let (Some(Reply::Text(next)), Some(Reply::List(found))) = (parts.next(), parts.next()) else {
                return Err(Lost::new("SCAN was answered with something else"));
            };
            names.extend(found.into_iter().filter_map(text));
            if names.len() > MOST_BEATS {
                if self.too_many.due() {
                    tracing::warn!(limit = MOST_BEATS, "too many beats in the store, the others are ignored");
                }
                return Ok(names);
            }
            if *next == *b"0" {
                return Ok(names);
            }
            cursor = next;
        }
    }

    /// What the names say about other nodes.
    fn parse(&mut self, names: &BTreeSet<Bytes>, keys: &Keys, me: &str) -> Vec<Beat> {
        let mut beats = Vec::with_capacity(names.len());
        for name in names {
            match keys.parse(name) {
                Some(key) if key.node == me => {}
                Some(key) => {
                    beats.push(Beat {
                        node: key.node.into(),
                        hash: key.hash.into(),
                        seq: key.seq,
                        cpu: None,
                    });
                }
                None => self.warn("the name of a beat", &String::from_utf8_lossy(name), "is not known"),
            }
        }
        beats
    }

    /// Reads the load of all nodes.
    async fn read_load(&mut self, store: &mut Store, keys: &Keys, beats: &mut [Beat]) -> Result<(), Lost> {
        for some in beats.chunks_mut(BEATS) {
            let mut batch = Batch::new();
            for beat in some.iter() {
                let key = keys.beat(&beat.node, &beat.hash, beat.seq);
                batch.add(&range(&key, &LONGEST_BEAT.to_string()));
            }
            for (beat, reply) in some.iter_mut().zip(store.ask(batch).await?) {
                let Some(value) = text(reply) else { continue };
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
    /// name, must have a beat: others leave their info behind.
    pub(super) async fn learn(
        &mut self,
        store: &mut Store,
        link: &Arc<dyn Link>,
        keys: &Keys,
        nodes: Vec<String>,
        asked: bool,
    ) -> Result<(), Lost> {
        for some in nodes.chunks(INFOS) {
            let mut batch = Batch::new();
            for node in some {
                batch.add(&range(&keys.info(node), &LONGEST_INFO.to_string()));
            }
            let mut doubtful = Vec::new();
            for (node, reply) in some.iter().zip(store.ask(batch).await?) {
                let info = match info(node, reply) {
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
            let mut batch = Batch::new();
            for (node, info, _) in &doubtful {
                batch.add(&[b"PTTL", keys.beat(node, &info.instance_id, info.seq).as_bytes()]);
            }
            for ((node, info, was_lost), left) in doubtful.into_iter().zip(store.insist(batch).await?) {
                if self.lives(node, &left, was_lost) {
                    link.cluster().learn(node, info, None);
                }
            }
        }
        Ok(())
    }

    /// Whether a beat says that its node lives: it is there or, for a node that `was_lost`, it was written again
    /// since it was looked at first.
    fn lives(&mut self, node: &str, left: &Reply, was_lost: bool) -> bool {
        let Reply::Number(left) = left else { return false };
        let Ok(left) = u64::try_from(*left) else { return false };
        if !was_lost {
            return true;
        }
        let end = Instant::now() + Duration::from_millis(left);
        let before = *self.doubts.entry(node.into()).or_insert(end);
        let again = end > before + REWRITTEN;
        if again {
            self.doubts.remove(node);
        }
        again
    }

    /// Tells the cluster who is not there any more. A scan may miss a key that is renamed meanwhile, so beats of
    /// those that are missing are asked for by name, and infos that are news count as a sign of life.
    async fn find_lost(
        &mut self,
        store: &mut Store,
        link: &Arc<dyn Link>,
        keys: &Keys,
        living: &BTreeSet<String>,
    ) -> Result<(), Lost> {
        let known = |peer: &Peer| keys.beat(&peer.id, &peer.info.instance_id, peer.info.seq);
        let mut missing: BTreeMap<String, String> = link
            .cluster()
            .peers()
            .into_iter()
            .filter(|peer| peer.available && !living.contains(&*peer.id))
            .map(|peer| (peer.id.to_string(), known(&peer)))
            .collect();
        drop_living(store, &mut missing).await?;
        self.learn(store, link, keys, missing.keys().cloned().collect(), false).await?;
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

/// Reads an info; none when there is none.
fn info(node: &str, reply: Reply) -> Result<Option<NodeInfo>, String> {
    if let Reply::Refused(cause) = &reply {
        return Err(String::from_utf8_lossy(cause).into_owned());
    }
    let Some(value) = text(reply) else { return Ok(None) };
    if value.len() > LONGEST_INFO {
        return Err("it is longer than 4 MiB".into());
    }
    let received = decode(PacketKind::Info, Format::Json, &value).map_err(|error| format!("{error:#}"))?;
    if received.sender != node {
        return Err(format!("it names another node, '{}'", received.sender));
    }
    match received.packet {
        Packet::Info(info) => Ok(Some(*info)),
        _ => Ok(None),
    }
}

/// The node was lost, and the info is the one it had then.
fn is_lost(peer: &Peer, info: &NodeInfo) -> bool {
    !peer.available && peer.info.instance_id == info.instance_id && peer.info.seq == info.seq
}

/// Takes those out of `nodes` whose key is there.
async fn drop_living(store: &mut Store, nodes: &mut BTreeMap<String, String>) -> Result<(), Lost> {
    if nodes.is_empty() {
        return Ok(());
    }
    let mut batch = Batch::new();
    for key in nodes.values() {
        batch.add(&[b"EXISTS", key.as_bytes()]);
    }
    let mut replies = store.insist(batch).await?.into_iter();
    nodes.retain(|_, _| replies.next() == Some(Reply::Number(0)));
    Ok(())
}

/// The command that reads a value, but not more than one byte above `longest`.
fn range<'a>(key: &'a str, longest: &'a str) -> [&'a [u8]; 4] {
    [b"GETRANGE", key.as_bytes(), b"0", longest.as_bytes()]
}
