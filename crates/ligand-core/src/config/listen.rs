//! Where a gateway listens: an address and a port, which may come from different places.

use std::{
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
};

use serde::{Deserialize, Deserializer, de::Error as _};

/// Where the gateway listens. Each part on its own: what code, environment and file say about the one leaves the other
/// alone. In the file and the environment: `gateway.bind`, an address with or without a port, and `gateway.port`.
///
/// ```
/// use ligand_core::config::Listen;
///
/// let both: Listen = "127.0.0.1:3900".parse()?;
/// assert_eq!((both.address.as_deref(), both.port), (Some("127.0.0.1"), Some(3900)));
/// assert_eq!("127.0.0.1".parse::<Listen>()?.port, None);
/// assert_eq!(":3900".parse::<Listen>()?.address, None);
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listen {
    /// An IP address or the name of a host. Default: `0.0.0.0`, every address of version 4.
    pub address: Option<String>,
    /// The port; 0 takes any free one. Default: 3000.
    pub port: Option<u16>,
}

impl Listen {
    /// What this says, and what `other` says of the rest.
    pub fn or(self, other: &Self) -> Self {
        Self { address: self.address.or_else(|| other.address.clone()), port: self.port.or(other.port) }
    }
}

impl FromStr for Listen {
    type Err = String;

    /// `127.0.0.1`, `127.0.0.1:3000`, `localhost:3000`, `:3000`, `::1`, `[::1]:3000`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |fix: &str| {
            format!(
                "'{text}' is neither an address nor \"address:port\", for example \"127.0.0.1:3000\"{fix}"
            )
        };
        if text.parse::<IpAddr>().is_ok() {
            return Ok(Self { address: Some(text.into()), port: None });
        }
        if text.contains('/') {
            return Err(wrong("; leave out the scheme and the path"));
        }
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(wrong("; a port alone is written \":3000\""));
        }
        let brackets = "; an address of version 6 stands in brackets before a port";
        let (address, port) = match text.strip_prefix('[').map(|inner| inner.split_once(']')) {
            Some(Some((inner, port))) if inner.parse::<Ipv6Addr>().is_ok() => (inner, port),
            Some(_) => return Err(wrong(brackets)),
            None => text.split_at(text.find(':').unwrap_or(text.len())),
        };
        let port = match port.strip_prefix(':') {
            Some(port) if port.contains(':') => return Err(wrong(brackets)),
            Some(port) => Some(port.parse().map_err(|_| wrong("; a port is a number from 0 to 65535"))?),
            None if port.is_empty() => None,
            None => return Err(wrong("")),
        };
        if address.contains(|c: char| c.is_whitespace() || c == ']') || address.is_empty() && port.is_none() {
            return Err(wrong(""));
        }
        let address = (!address.is_empty()).then(|| address.to_owned());
        Ok(Self { address, port })
    }
}

/// The section of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    bind: Option<Bound>,
    port: Option<u16>,
}

struct Bound(Listen);

impl<'de> Deserialize<'de> for Bound {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Self).map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Listen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Section { bind, port } = Section::deserialize(deserializer)?;
        let bound = bind.map_or_else(Listen::default, |Bound(listen)| listen);
        Ok(Self { port: port.or(bound.port), ..bound })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listen(address: Option<&str>, port: Option<u16>) -> Listen {
        Listen { address: address.map(Into::into), port }
    }

    #[test]
    fn every_way_to_write_an_address_is_read() {
        for (text, address, port) in [
            ("127.0.0.1", Some("127.0.0.1"), None),
            ("127.0.0.1:3000", Some("127.0.0.1"), Some(3000)),
            ("0.0.0.0:0", Some("0.0.0.0"), Some(0)),
            ("localhost", Some("localhost"), None),
            ("a.example:80", Some("a.example"), Some(80)),
            (":3000", None, Some(3000)),
            ("::1", Some("::1"), None),
            ("::", Some("::"), None),
            ("[::1]", Some("::1"), None),
            ("[::1]:3000", Some("::1"), Some(3000)),
        ] {
            assert_eq!(text.parse(), Ok(listen(address, port)), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_says_what_would_be() {
        for (text, fix) in [
            ("", "\"127.0.0.1:3000\""),
            ("3000", "\":3000\""),
            ("127.0.0.1:", "0 to 65535"),
            ("127.0.0.1:77777", "0 to 65535"),
            (":", "0 to 65535"),
            ("http://localhost:3000", "scheme"),
            ("[::1", "brackets"),
            ("[::1]3000", "address"),
            ("fe80::x:1", "brackets"),
            ("[x]:1", "brackets"),
            ("a b", "address"),
        ] {
            let error = text.parse::<Listen>().unwrap_err();
            assert!(error.contains(fix) && error.contains("127.0.0.1:3000"), "{text}: {error}");
        }
    }

    #[test]
    fn each_part_comes_from_the_first_that_says_it() {
        let code = listen(Some("127.0.0.1"), None);
        assert_eq!(code.or(&listen(Some("0.0.0.0"), Some(5))), listen(Some("127.0.0.1"), Some(5)));
        assert_eq!(Listen::default().or(&listen(None, Some(5))), listen(None, Some(5)));
    }
}
