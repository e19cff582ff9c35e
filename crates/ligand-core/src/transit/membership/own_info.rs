//! What this node tells of itself.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use arc_swap::ArcSwap;
use ligand_transport::Features;
use ligand_wire::{
    Error,
    packet::{ClientInfo, NodeInfo, PacketKind},
};
use parking_lot::Mutex;
use serde_json::{Map, Value, json};

use super::{Membership, Phase};
use crate::{
    broker::{WAITS, addresses, hostname},
    config::Protocol,
    registry,
};

/// The info of this node, made anew when something in it changed.
pub(super) struct OwnInfo {
    current: ArcSwap<NodeInfo>,
    /// Its number; each new info has a higher one.
    seq: AtomicU64,
    stale: AtomicBool,
    /// Only one makes the info at a time.
    building: Mutex<()>,
}

impl OwnInfo {
    pub(super) fn new(features: Features) -> Self {
        Self {
            current: ArcSwap::default(),
            seq: AtomicU64::new(first_seq(features)),
            stale: AtomicBool::new(true),
            building: Mutex::new(()),
        }
    }

    /// As it was told last.
    pub(super) fn current(&self) -> arc_swap::Guard<Arc<NodeInfo>> {
        self.current.load()
    }

    pub(super) fn seq(&self) -> u64 {
        self.seq.load(Ordering::Acquire)
    }

    /// The number goes at least so high.
    pub(super) fn raise(&self, seq: u64) {
        self.seq.fetch_max(seq, Ordering::AcqRel);
        self.set_stale();
    }

    /// It must be made anew.
    pub(super) fn set_stale(&self) {
        self.stale.store(true, Ordering::Release);
    }
}

/// Numbers of infos begin here. Gossip compares nothing but the number: a node that is started anew needs a higher
/// one than in its earlier life, so it begins with the time.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "milliseconds since 1970")]
fn first_seq(features: Features) -> u64 {
    if features.own_discovery { now() as u64 } else { 1 }
}

impl Membership {
    /// Somebody heard of an info of this node with a higher number than it has told.
    pub(crate) fn is_ahead(&self, seq: u64) -> bool {
        seq > self.own.seq()
    }

    /// What this node is and offers; made anew when the services have changed.
    pub(crate) fn local_info(&self) -> Arc<NodeInfo> {
        let (own, port) = (&self.own, self.transporter.port());
        if !own.stale.load(Ordering::Acquire) && own.current.load().port == port {
            return own.current.load_full();
        }
        let _one = own.building.lock();
        if !own.stale.swap(false, Ordering::AcqRel) && own.current.load().port == port {
            return own.current.load_full();
        }
        let seq = own.seq.fetch_add(1, Ordering::AcqRel) + 1;
        let (services, waits) = match self.broker() {
            Some(broker) if self.phase() == Phase::Announced => {
                (registry::listed(&broker.registry().snapshot()), broker.waits_told())
            }
            _ => (Vec::new(), None),
        };
        let info = Arc::new(NodeInfo {
            services,
            ip_list: match self.transporter.address() {
                Some(ip) => vec![ip.to_string()],
                None => addresses(),
            },
            hostname: hostname(),
            client: ClientInfo {
                kind: "rust".into(),
                version: env!("CARGO_PKG_VERSION").into(),
                lang_version: env!("CARGO_PKG_RUST_VERSION").into(),
            },
            config: self.config(waits),
            instance_id: self.instance_id().to_owned(),
            metadata: self.options.metadata.clone(),
            seq,
            port,
        });
        own.current.store(info.clone());
        info
    }

    /// What Ligand nodes want to know of each other.
    fn config(&self, waits: Option<Value>) -> Map<String, Value> {
        let protocol = match self.options.protocol {
            Protocol::Mixed => "mixed",
            Protocol::V4 | Protocol::V5 => self.outbox.ver().as_str(),
        };
        let mut own = json!({
            "cancel": true,
            "window": crate::stream::WINDOW,
            "largest": self.outbox.largest(),
            "protocol": protocol,
        });
        // Whoever waits for one of them finds out that it waits for ever.
        if let Some(waits) = waits {
            own[WAITS] = waits;
        }
        let mut config = Map::new();
        config.insert("ligand".into(), own);
        config
    }

    /// An info that others would not take is shouted about where it is made.
    pub(super) fn check_info(&self, info: &NodeInfo) {
        if is_too_large(info) {
            self.outbox.not_announced(&Error::invalid_packet(PacketKind::Info, TOO_MANY));
        }
    }
}

/// Most services, and most actions and events, that one node may offer.
const MOST_SERVICES: usize = 1000;
const MOST_ITEMS: usize = 10_000;
pub(crate) const TOO_MANY: &str = "it lists more than 1000 services or 10000 actions and events";

pub(crate) fn is_too_large(info: &NodeInfo) -> bool {
    let items = info.services.iter().map(|service| service.actions.len() + service.events.len());
    info.services.len() > MOST_SERVICES || items.sum::<usize>() > MOST_ITEMS
}

/// Milliseconds since 1970.
pub(super) fn now() -> f64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    (since.as_secs_f64() * 1000.0).floor()
}
