//! What a node knows of the others, in memory.

use std::{collections::BTreeMap, sync::Arc};

use ligand_transport::{Address, Cluster, Local, Peer};
use ligand_wire::packet::{Heartbeat, NodeInfo, ServiceInfo};
use parking_lot::Mutex;
use tokio::sync::watch;

/// The rules of a broker's registry, without services.
pub struct Known {
    state: Mutex<State>,
    /// Changes with every call that may have changed something.
    pub changes: watch::Sender<u64>,
}

struct State {
    local: Local,
    peers: BTreeMap<String, Peer>,
    /// `lost a unexpected`, `gone a`, …
    log: Vec<String>,
}

impl Known {
    pub fn new(instance: &str) -> Self {
        let info = NodeInfo {
            instance_id: instance.into(),
            ip_list: vec!["127.0.0.1".into()],
            hostname: "localhost".into(),
            seq: 1,
            ..NodeInfo::default()
        };
        let local = Local { info: Arc::new(info), cpu: None, cpu_seq: 0 };
        let state = State { local, peers: BTreeMap::new(), log: Vec::new() };
        Self { state: Mutex::new(state), changes: watch::Sender::new(0) }
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.state.lock());
        self.changes.send_modify(|count| *count += 1);
        result
    }

    /// This node offers one more service.
    pub fn offer(&self, service: &str) {
        self.change(|state| {
            let mut info = (*state.local.info).clone();
            info.seq += 1;
            let actions =
                [(format!("{service}.get"), serde_json::json!({ "name": format!("{service}.get") }))];
            info.services.push(ServiceInfo {
                name: service.into(),
                full_name: Some(service.into()),
                actions: actions.into_iter().collect(),
                ..ServiceInfo::default()
            });
            state.local.info = Arc::new(info);
        });
    }

    /// The load of this node.
    pub fn load_is(&self, cpu: f64) {
        self.change(|state| {
            state.local.cpu = Some(cpu);
            state.local.cpu_seq += 1;
        });
    }

    /// This node thinks that another is at this number.
    pub fn imagine(&self, id: &str, seq: u64, available: bool) {
        self.change(|state| {
            let peer = state.peers.entry(id.into()).or_insert_with(|| empty(id));
            (peer.seq, peer.available) = (seq, available);
        });
    }

    /// Available others and their services.
    pub fn view(&self) -> Vec<String> {
        let state = self.state.lock();
        let available = state.peers.values().filter(|peer| peer.available);
        available
            .map(|peer| {
                let services: Vec<_> = peer.info.services.iter().map(|service| &*service.name).collect();
                format!("{}:{}", peer.id, services.join("+"))
            })
            .collect()
    }

    pub fn is_available(&self, id: &str) -> bool {
        self.state.lock().peers.get(id).is_some_and(|peer| peer.available)
    }

    pub fn log(&self) -> Vec<String> {
        self.state.lock().log.clone()
    }
}

fn empty(id: &str) -> Peer {
    Peer {
        id: id.into(),
        available: false,
        seq: 0,
        cpu: None,
        cpu_seq: 0,
        info: Arc::default(),
        address: None,
    }
}

impl Cluster for Known {
    fn local(&self) -> Local {
        self.state.lock().local.clone()
    }

    fn peers(&self) -> Vec<Peer> {
        self.state.lock().peers.values().cloned().collect()
    }

    fn peer(&self, id: &str) -> Option<Peer> {
        self.state.lock().peers.get(id).cloned()
    }

    fn learn(&self, id: &str, info: NodeInfo, load: Option<(u64, f64)>) {
        self.change(|state| {
            let peer = state.peers.entry(id.into()).or_insert_with(|| empty(id));
            if info.seq <= peer.seq && peer.available && info.instance_id == peer.info.instance_id {
                return;
            }
            (peer.available, peer.seq) = (true, info.seq);
            peer.info = Arc::new(info);
            if let Some((cpu_seq, cpu)) = load {
                (peer.cpu_seq, peer.cpu) = (cpu_seq, Some(cpu));
            }
            state.log.push(format!("learn {id}"));
        });
    }

    fn heard(&self, id: &str, _: &Heartbeat) -> bool {
        self.is_available(id)
    }

    fn load(&self, id: &str, cpu_seq: u64, cpu: f64) {
        self.change(|state| {
            if let Some(peer) = state.peers.get_mut(id).filter(|peer| peer.cpu_seq < cpu_seq) {
                (peer.cpu_seq, peer.cpu) = (cpu_seq, Some(cpu));
            }
        });
    }

    fn told_load(&self, id: &str, cpu_seq: u64, cpu: f64) {
        self.change(|state| {
            if let Some(peer) = state.peers.get_mut(id) {
                (peer.cpu_seq, peer.cpu) = (cpu_seq, Some(cpu));
            }
        });
    }

    fn forget(&self, id: &str) {
        self.change(|state| {
            if state.peers.get(id).is_some_and(|peer| !peer.available) {
                state.peers.remove(id);
            }
        });
    }

    fn conflict(&self, other: &str) {
        self.change(|state| state.log.push(format!("conflict {other}")));
    }

    fn lost(&self, id: &str, unexpected: bool) {
        self.change(|state| {
            if let Some(peer) = state.peers.get_mut(id).filter(|peer| peer.available) {
                peer.available = false;
                peer.seq += 1;
                state.log.push(format!("lost {id} {unexpected}"));
            }
        });
    }

    fn gone(&self, id: &str, seq: u64) {
        self.change(|state| {
            if let Some(peer) = state.peers.get_mut(id) {
                if std::mem::replace(&mut peer.available, false) {
                    state.log.push(format!("gone {id}"));
                }
                peer.seq = seq;
            }
        });
    }

    fn sighted(&self, id: &str, address: Address) {
        self.change(|state| {
            let peer = state.peers.entry(id.into()).or_insert_with(|| empty(id));
            peer.address = Some(address);
        });
    }

    fn outlive(&self, seq: u64) {
        self.change(|state| {
            let mut info = (*state.local.info).clone();
            info.seq = info.seq.max(seq + 1);
            state.local.info = Arc::new(info);
            state.log.push("outlive".into());
        });
    }
}
