//! Where a node is dialled.

use std::net::IpAddr;

use ligand_transport::{Address, Peer};
use ligand_wire::packet::NodeInfo;

/// Addresses of one node that are tried at most.
const MOST: usize = 6;

/// Where a node may be reached, best first: where it was sighted, the name of its machine, its addresses.
pub(crate) fn candidates(peer: &Peer, use_hostname: bool) -> Vec<Address> {
    let mut found: Vec<Address> = Vec::new();
    let mut add = |host: &str, port: Option<u16>| {
        if let Some(port) = port.filter(|port| *port != 0)
            && !host.is_empty()
            && found.len() < MOST
            && !found.iter().any(|known| known.host == host && known.port == port)
        {
            found.push(Address { host: host.into(), port });
        }
    };
    let sighted = peer.address.as_ref();
    let port = peer.info.port.or(sighted.map(|address| address.port));
    if let Some(address) = sighted {
        add(&address.host, Some(address.port));
        add(&address.host, port);
    }
    if use_hostname {
        add(&peer.info.hostname, port);
    }
    for ip in &peer.info.ip_list {
        add(ip, port);
    }
    found
}

/// What this node says of itself in its hello. `announced`: the one address where it listens.
pub(crate) fn own(info: &NodeInfo, use_hostname: bool, announced: Option<IpAddr>) -> String {
    if let Some(ip) = announced {
        return ip.to_string();
    }
    if use_hostname && !info.hostname.is_empty() {
        return info.hostname.clone();
    }
    info.ip_list.first().unwrap_or(&info.hostname).clone()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn best_first_and_each_once() {
        let info = NodeInfo {
            hostname: "box".into(),
            ip_list: vec!["10.0.0.1".into(), "10.0.0.2".into()],
            port: Some(5000),
            ..NodeInfo::default()
        };
        let mut peer = Peer {
            id: "a".into(),
            available: true,
            seq: 1,
            cpu: None,
            cpu_seq: 0,
            info: Arc::new(info),
            address: Some(Address { host: "10.0.0.2".into(), port: 4000 }),
        };
        let text = |peer: &Peer, use_hostname| -> Vec<String> {
            candidates(peer, use_hostname).iter().map(|a| format!("{}:{}", a.host, a.port)).collect()
        };
        assert_eq!(text(&peer, true), ["10.0.0.2:4000", "10.0.0.2:5000", "box:5000", "10.0.0.1:5000"]);
        peer.address = None;
        assert_eq!(text(&peer, false), ["10.0.0.1:5000", "10.0.0.2:5000"]);
        peer.info = Arc::default();
        assert!(text(&peer, true).is_empty());
    }
}
