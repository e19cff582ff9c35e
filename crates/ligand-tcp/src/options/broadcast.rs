//! Where beacons are broadcast to.

use std::net::Ipv4Addr;

use serde::{Deserialize, Deserializer};

/// Broadcast addresses: `false`, `true`, one address or several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Broadcast {
    /// None.
    #[default]
    Off,
    /// That of every IPv4 interface.
    Interfaces,
    /// These.
    To(Vec<Ipv4Addr>),
}

impl<'de> Deserialize<'de> for Broadcast {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "broadcast must be true, false, an IPv4 address or a list of them")]
        enum Form {
            Switch(bool),
            One(Ipv4Addr),
            Many(Vec<Ipv4Addr>),
        }
        Ok(match Form::deserialize(deserializer)? {
            Form::Switch(false) => Self::Off,
            Form::Switch(true) => Self::Interfaces,
            Form::One(address) => Self::To(vec![address]),
            Form::Many(addresses) => Self::To(addresses),
        })
    }
}
