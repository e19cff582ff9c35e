//! Where beacons are broadcast to.

use std::net::Ipv4Addr;

use serde::{Deserialize, Deserializer, de};

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
        const EXPECTED: &str = "true, false, an IPv4 address or a list of them";

        #[derive(Deserialize)]
        #[serde(untagged, expecting = "true, false, an IPv4 address or a list of them")]
        enum Form {
            Switch(bool),
            Text(String),
            List(Vec<Ipv4Addr>),
        }
        Ok(match Form::deserialize(deserializer)? {
            Form::Switch(false) => Self::Off,
            Form::Switch(true) => Self::Interfaces,
            Form::Text(text) => {
                let parts = text.split([',', ';']).map(str::trim).filter(|part| !part.is_empty());
                let addresses = parts.map(str::parse).collect::<Result<_, _>>();
                Self::To(addresses.map_err(|_| de::Error::custom(format_args!("expected {EXPECTED}")))?)
            }
            Form::List(addresses) => Self::To(addresses),
        })
    }
}
