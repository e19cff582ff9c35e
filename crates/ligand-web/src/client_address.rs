//! Who the client is, when proxies stand in between.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, header};
use ipnet::IpNet;

/// The proxies that are believed when they say for whom they ask; see
/// [`GatewayBuilder::trusted_proxies`](crate::GatewayBuilder::trusted_proxies). Without it nobody is believed.
///
/// ```
/// use ligand_web::{Gateway, TrustedProxies};
/// let gateway = Gateway::builder().trusted_proxies(TrustedProxies::x_forwarded(["10.0.0.0/8", "::1"])).build();
/// # let _ = gateway;
/// ```
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies {
    nets: Vec<IpNet>,
    standard: bool,
    problem: Option<String>,
}

/// So many proxies are looked at, from the nearest one on.
const MOST_HOPS: usize = 32;

impl TrustedProxies {
    /// Proxies in these networks (`10.0.0.0/8`, or one address) say it in `X-Forwarded-For`, `-Proto` and `-Host`.
    pub fn x_forwarded<S: AsRef<str>>(networks: impl IntoIterator<Item = S>) -> Self {
        let mut proxies = Self::default();
        for network in networks {
            let text = network.as_ref().trim();
            match text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)) {
                Ok(net) => proxies.nets.push(net),
                Err(_) => {
                    let problem = format!("trusted proxy '{text}' is no network such as \"10.0.0.0/8\"");
                    proxies.problem.get_or_insert(problem);
                }
            }
        }
        proxies
    }

    /// Proxies in these networks say it in `Forwarded`, RFC 7239. Only that header is read then: a client may have sent the
    /// other one.
    pub fn forwarded<S: AsRef<str>>(networks: impl IntoIterator<Item = S>) -> Self {
        Self { standard: true, ..Self::x_forwarded(networks) }
    }

    pub(crate) fn problem(&self) -> Option<&String> {
        self.problem.as_ref()
    }

    fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.nets.iter().any(|net| net.contains(&address))
    }

    /// What is known of the client that asks through `peer`.
    pub(crate) fn client(&self, peer: Option<SocketAddr>, headers: &HeaderMap) -> Client {
        let Some(near) = peer.filter(|peer| self.trusts(peer.ip())) else {
            return Client { address: peer, ..Client::default() };
        };
        let mut client = Client { address: Some(near), ..Client::default() };
        let hops = if self.standard { forwarded(headers) } else { x_forwarded(headers) };
        let mut first = true;
        for hop in hops.into_iter().take(MOST_HOPS) {
            if std::mem::take(&mut first) {
                client.https = hop.proto.map(|proto| proto.eq_ignore_ascii_case("https"));
                client.host = hop.host.map(str::to_owned);
            }
            // What stands beyond a hop that is not understood may be anybody's.
            let Some(address) = hop.address.and_then(address_of) else { break };
            client.address = Some(address);
            if !self.trusts(address.ip()) {
                break;
            }
        }
        client
    }
}

/// The client as far as it is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Client {
    pub(crate) address: Option<SocketAddr>,
    /// It speaks https with a trusted proxy, or does not; `None`: nobody says.
    pub(crate) https: Option<bool>,
    /// The host that it asked a trusted proxy for.
    pub(crate) host: Option<String>,
}

/// What one proxy says of who asked it.
#[derive(Default)]
struct Hop<'a> {
    address: Option<&'a str>,
    proto: Option<&'a str>,
    host: Option<&'a str>,
}

/// The items of a list over all headers of one name, the last one first.
fn items<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a str> {
    let texts = headers.get_all(name).iter().map(|value| value.to_str().unwrap_or_default());
    let mut items: Vec<_> = texts.flat_map(|text| text.split(',')).map(str::trim).collect();
    items.reverse();
    items
}

fn x_forwarded(headers: &HeaderMap) -> Vec<Hop<'_>> {
    let mut hops: Vec<_> = items(headers, "x-forwarded-for")
        .into_iter()
        .map(|address| Hop { address: Some(address), ..Hop::default() })
        .collect();
    if hops.is_empty() {
        hops.push(Hop::default());
    }
    hops[0].proto = items(headers, "x-forwarded-proto").first().copied();
    hops[0].host = items(headers, "x-forwarded-host").first().copied();
    hops
}

fn forwarded(headers: &HeaderMap) -> Vec<Hop<'_>> {
    items(headers, header::FORWARDED.as_str()).into_iter().map(forwarded_hop).collect()
}

fn forwarded_hop(item: &str) -> Hop<'_> {
    let mut hop = Hop::default();
    for pair in item.split(';') {
        let Some((name, value)) = pair.split_once('=') else { continue };
        let value = Some(value.trim().trim_matches('"'));
        match name.trim() {
            name if name.eq_ignore_ascii_case("for") => hop.address = value,
            name if name.eq_ignore_ascii_case("proto") => hop.proto = value,
            name if name.eq_ignore_ascii_case("host") => hop.host = value,
            _ => {}
        }
    }
    hop
}

/// `1.2.3.4`, `1.2.3.4:5`, `::1`, `[::1]`, `[::1]:5`.
fn address_of(text: &str) -> Option<SocketAddr> {
    let whole = text.parse().ok();
    whole.or_else(|| {
        let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        Some(SocketAddr::new(inner.parse().ok()?, 0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(proxies: &TrustedProxies, peer: &str, lines: &[(&'static str, &str)]) -> Client {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        proxies.client(Some(SocketAddr::new(peer.parse().unwrap(), 9)), &headers)
    }

    fn address(client: &Client) -> String {
        client.address.unwrap().ip().to_string()
    }

    #[test]
    fn nobody_forges_the_address_of_a_client() {
        let proxies = TrustedProxies::x_forwarded(["10.0.0.0/8", "::1"]);
        for (peer, lines, expected) in [
            // Not from a proxy.
            ("1.1.1.1", &["9.9.9.9"][..], "1.1.1.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["2.2.2.2"], "2.2.2.2"),
            ("::ffff:10.0.0.1", &["2.2.2.2"], "2.2.2.2"),
            // What the client sent stands before what the proxy says.
            ("10.0.0.1", &["9.9.9.9, 2.2.2.2"], "2.2.2.2"),
            ("10.0.0.1", &["9.9.9.9", "2.2.2.2"], "2.2.2.2"),
            ("10.0.0.1", &["9.9.9.9, 2.2.2.2, 10.0.0.7"], "2.2.2.2"),
            ("10.0.0.1", &["9.9.9.9, rubbish, 10.0.0.7"], "10.0.0.7"),
            ("10.0.0.1", &["10.0.0.8, 10.0.0.7"], "10.0.0.8"),
            ("::1", &["[2001:db8::5]:99"], "2001:db8::5"),
            ("::1", &["2001:db8::5"], "2001:db8::5"),
        ] {
            let lines: Vec<_> = lines.iter().map(|line| ("x-forwarded-for", *line)).collect();
            assert_eq!(address(&client(&proxies, peer, &lines)), expected, "{peer} {lines:?}");
            assert_eq!(address(&client(&TrustedProxies::default(), peer, &lines)), peer);
        }
    }

    #[test]
    fn only_the_header_that_was_chosen_is_read() {
        let lines = [
            ("x-forwarded-for", "9.9.9.9"),
            ("x-forwarded-proto", "http"),
            ("forwarded", "for=8.8.8.8, for=\"[2001:db8::5]:99\";proto=https;host=shop.example"),
        ];
        let new = client(&TrustedProxies::forwarded(["10.0.0.1"]), "10.0.0.1", &lines);
        assert_eq!(
            (address(&new).as_str(), new.https, new.host.as_deref()),
            ("2001:db8::5", Some(true), Some("shop.example"))
        );
        let old = client(&TrustedProxies::x_forwarded(["10.0.0.1"]), "10.0.0.1", &lines);
        assert_eq!((address(&old).as_str(), old.https, old.host), ("9.9.9.9", Some(false), None));
        let hidden =
            client(&TrustedProxies::forwarded(["10.0.0.1"]), "10.0.0.1", &[("forwarded", "for=_hidden")]);
        assert_eq!(address(&hidden), "10.0.0.1");
    }

    #[test]
    fn what_is_no_network_is_told() {
        let problem = TrustedProxies::x_forwarded(["10.0.0.0/40"]).problem().cloned();
        assert!(problem.unwrap().contains("10.0.0.0/40"));
    }
}
