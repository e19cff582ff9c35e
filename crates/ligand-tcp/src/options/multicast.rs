//! The multicast group in configuration: an address, or `false`.

use std::net::Ipv4Addr;

use serde::{Deserialize, Deserializer, de::Error};

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Ipv4Addr>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "multicast must be false or an IPv4 address")]
    enum Form {
        Switch(Option<bool>),
        Group(Ipv4Addr),
    }
    match Form::deserialize(deserializer)? {
        Form::Switch(None | Some(false)) => Ok(None),
        Form::Switch(Some(true)) => Err(D::Error::custom("multicast must be false or an IPv4 address")),
        Form::Group(group) => Ok(Some(group)),
    }
}
