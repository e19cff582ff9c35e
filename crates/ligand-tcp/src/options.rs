//! Every option of the TCP transporter with its default.

mod broadcast;
mod multicast;
mod urls;

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use ligand_wire::{Error, Result};
use serde::Deserialize;

pub use self::{broadcast::Broadcast, urls::Urls};
use crate::Secret;

/// The options of the TCP transporter. Names are those of Moleculer in snake case, but for `url`, which is `urls` there.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TcpOptions {
    /// Find other nodes with UDP messages. Default: true.
    pub udp_discovery: bool,
    /// Port of these messages; the same for the whole cluster. Default: 4445.
    pub udp_port: u16,
    /// The one IPv4 interface to use for them, by its address. Default: all.
    pub udp_bind_address: Option<Ipv4Addr>,
    /// Time between them. Default: 30 s.
    #[serde(with = "ligand_net::duration")]
    pub udp_period: Duration,
    /// Several nodes of one machine share the UDP port. Default: true.
    pub udp_reuse_addr: bool,
    /// Stop after so many messages; 0 = never. Default: 0.
    pub udp_max_discovery: u32,
    /// The multicast group; `false` = no multicast. Default: `239.0.0.0`.
    #[serde(with = "multicast")]
    pub udp_multicast: Option<Ipv4Addr>,
    /// How many routers a multicast message may pass, plus one. Default: 1.
    pub udp_multicast_ttl: u32,
    /// Broadcast addresses to send to as well. Default: none.
    pub udp_broadcast: Broadcast,
    /// The address to listen at; others are told to dial it, and connections to others come from it. Default: all,
    /// IPv6 too where there is any.
    pub bind_address: Option<IpAddr>,
    /// The port to listen at. Default: that of this node's own entry in `url`, else any free one.
    pub port: Option<u16>,
    /// A secret that all nodes of the cluster share, of at least 16 bytes. With it both ends of every connection prove
    /// that they know it, and beacons are signed; nodes that do not know it are refused, those of Moleculer too. It does
    /// not encrypt. Default: none.
    pub secret: Option<Secret>,
    /// Nodes that are known beforehand, each `[tcp://]host:port/node`. Default: none.
    pub url: Urls,
    /// Dial the name of a machine before its addresses. Default: true.
    pub use_hostname: bool,
    /// Time between two rounds of gossip, at least 1 s. Default: 2 s.
    #[serde(with = "ligand_net::duration")]
    pub gossip_period: Duration,
    /// Connections to other nodes that are kept open; above it, those unused for longest are closed. A connection
    /// that was used within the last second stays, so there may be more for a moment. Default: 32.
    pub max_connections: usize,
    /// Connections from other nodes. When there are more, those that have not said yet who they are go first, and
    /// then new ones are refused. Default: 1024.
    pub max_inbound: usize,
    /// Connections from one address. Default: 256.
    pub max_inbound_per_address: usize,
    /// The longest packet in bytes, sent or received. Nodes on Node.js take 1 MiB unless told otherwise, and close
    /// the connection above it. Default: 16 MiB.
    pub max_packet_size: usize,
    /// Bytes that may wait for one node; above it, senders wait. Default: 8 MiB.
    pub max_queue_size: usize,
    /// The longest time to connect to one address of a node. Default: 2 s.
    #[serde(with = "ligand_net::duration")]
    pub connect_timeout: Duration,
}

impl Default for TcpOptions {
    fn default() -> Self {
        Self {
            udp_discovery: true,
            udp_port: 4445,
            udp_bind_address: None,
            udp_period: Duration::from_secs(30),
            udp_reuse_addr: true,
            udp_max_discovery: 0,
            udp_multicast: Some(Ipv4Addr::new(239, 0, 0, 0)),
            udp_multicast_ttl: 1,
            udp_broadcast: Broadcast::Off,
            bind_address: None,
            port: None,
            secret: None,
            url: Urls::default(),
            use_hostname: true,
            gossip_period: Duration::from_secs(2),
            max_connections: 32,
            max_inbound: 1024,
            max_inbound_per_address: 256,
            max_packet_size: 16 * 1024 * 1024,
            max_queue_size: 8 * 1024 * 1024,
            connect_timeout: Duration::from_secs(2),
        }
    }
}

ligand_net::setters! { TcpOptions:
    udp_discovery: bool,
    udp_port: u16,
    udp_bind_address: Option<impl Into<Ipv4Addr>>,
    udp_period: Duration,
    udp_reuse_addr: bool,
    udp_max_discovery: u32,
    udp_multicast: Option<impl Into<Ipv4Addr>>,
    udp_multicast_ttl: u32,
    udp_broadcast: Broadcast,
    bind_address: Option<impl Into<IpAddr>>,
    port: Option<u16>,
    secret: Option<impl Into<Secret>>,
    url: impl Into<Urls>,
    use_hostname: bool,
    gossip_period: Duration,
    max_connections: usize,
    max_inbound: usize,
    max_inbound_per_address: usize,
    max_packet_size: usize,
    max_queue_size: usize,
    connect_timeout: Duration,
}

impl TcpOptions {
    /// The defaults, with nodes that are known beforehand. See [`TcpOptions::url`](#structfield.url).
    pub fn from_url(url: impl Into<Urls>) -> Self {
        Self::default().url(url)
    }

    /// The one address where this node listens, when it is one that others can dial.
    pub(crate) fn announced(&self) -> Option<IpAddr> {
        self.bind_address.filter(|ip| !ip.is_unspecified())
    }

    /// What types cannot say, files aside.
    ///
    /// # Errors
    /// `BROKER_OPTIONS_ERROR` that names the option.
    pub fn check(&self) -> Result<()> {
        for (name, value) in [
            ("max_connections", self.max_connections),
            ("max_inbound", self.max_inbound),
            ("max_inbound_per_address", self.max_inbound_per_address),
            ("max_queue_size", self.max_queue_size),
        ] {
            if value == 0 {
                return Err(wrong(format_args!(
                    "'{name}' must be at least 1: with 0 nothing would ever be sent"
                )));
            }
        }
        if let Some(secret) = &self.secret {
            secret.check()?;
        }
        self.url.check()?;
        let largest = i32::MAX as usize - crate::frame::HEADER;
        let size = self.max_packet_size;
        if !(1024..=largest).contains(&size) {
            return Err(wrong(format_args!(
                "'max_packet_size' must be between 1024 and {largest} bytes; it is {size}"
            )));
        }
        let period = self.gossip_period;
        if period < Duration::from_secs(1) {
            return Err(wrong(format_args!("'gossip_period' must be at least 1 s; it is {period:?}")));
        }
        for (name, value) in [("udp_period", self.udp_period), ("connect_timeout", self.connect_timeout)] {
            if value.is_zero() {
                return Err(wrong(format_args!("'{name}' must be above 0")));
            }
        }
        if let Some(group) = self.udp_multicast
            && !group.is_multicast()
        {
            return Err(wrong(format_args!(
                "'udp_multicast' must be an address from 224.0.0.0 to 239.255.255.255; it is {group}"
            )));
        }
        if self.udp_port == 0 {
            return Err(wrong("'udp_port' must not be 0: all nodes of the cluster share it"));
        }
        Ok(())
    }
}

pub(crate) fn wrong(text: impl fmt::Display) -> Error {
    ligand_net::wrong("TCP", text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: serde_json::Value) -> Result<TcpOptions, String> {
        serde_json::from_value(value).map_err(|err| err.to_string())
    }

    #[test]
    fn defaults_are_accepted() {
        let options = read(json!({})).unwrap();
        options.check().unwrap();
        assert_eq!(options.udp_multicast, Some(Ipv4Addr::new(239, 0, 0, 0)));
    }

    #[test]
    fn all_forms() {
        let options = read(json!({
            "udp_multicast": false, "udp_broadcast": ["10.0.0.255"], "gossip_period": "1s 500ms", "udp_period": "1m",
            "url": "10.0.0.1:4000/a", "bind_address": "::1",
        }))
        .unwrap();
        assert_eq!(options.udp_multicast, None);
        assert_eq!(options.udp_broadcast, Broadcast::To(vec![Ipv4Addr::new(10, 0, 0, 255)]));
        assert_eq!(options.gossip_period, Duration::from_millis(1500));
        assert_eq!(options.udp_period, Duration::from_secs(60));
        assert_eq!(options.url, Urls::Text("10.0.0.1:4000/a".into()));
        assert_eq!(read(json!({ "udp_broadcast": true })).unwrap().udp_broadcast, Broadcast::Interfaces);
    }

    #[test]
    fn mistakes_are_named() {
        assert!(read(json!({ "gossip_period": 2 })).unwrap_err().contains("a duration such as"));
        assert!(read(json!({ "udp_prt": 1 })).unwrap_err().contains("udp_prt"));
        assert!(read(json!({ "udp_multicast": true })).unwrap_err().contains("multicast"));
        for (wrong, name) in [
            (json!({ "max_connections": 0 }), "max_connections"),
            (json!({ "max_packet_size": 1 }), "max_packet_size"),
            (json!({ "gossip_period": "100ms" }), "gossip_period"),
            (json!({ "udp_multicast": "10.0.0.1" }), "udp_multicast"),
        ] {
            let err = read(wrong).unwrap().check().unwrap_err();
            assert!(err.kind() == "BROKER_OPTIONS_ERROR" && err.message().contains(name), "{err}");
        }
    }
}
