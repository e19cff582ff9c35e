//! Connecting to a node, and making sure that it is there.

use std::{collections::HashMap, io, net::SocketAddr, sync::Arc, time::Duration};

use ligand_transport::Address;
use ligand_wire::Result;
use parking_lot::Mutex;
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use super::Mesh;
use crate::{
    address, fault, gossip,
    handshake::{AnsweringNode, IdentityError},
};

/// A connection that is silent for so long is asked whether it still stands.
const SILENCE: Duration = Duration::from_secs(10);

/// Time between such questions.
const ASK: Duration = Duration::from_secs(3);

/// Questions without an answer that end a connection.
const ASKED: u32 = 3;

/// Addresses of one node that are tried at most.
const PLACES: usize = 8;

/// Whoever has more addresses to try waits so long for one whose name must be looked up.
const LOOKUP: Duration = Duration::from_millis(300);

/// A node whose name somebody else claims answers within this time.
const OWNER_CHECK: Duration = Duration::from_secs(1);

/// Where nodes were found. They are looked for there first, whatever others say in between.
#[derive(Debug, Default)]
pub(crate) struct LastAddresses(Mutex<HashMap<Arc<str>, Vec<Address>>>);

impl LastAddresses {
    fn get(&self, node: &str) -> Vec<Address> {
        self.0.lock().get(node).cloned().unwrap_or_default()
    }

    fn set(&self, node: &Arc<str>, places: Vec<Address>) {
        self.0.lock().insert(node.clone(), places);
    }

    pub(super) fn forget(&self, node: &str) {
        self.0.lock().remove(node);
    }

    /// Forgets nodes that nobody knows any more.
    pub(super) fn retain(&self, known: impl Fn(&str) -> bool) {
        let names: Vec<Arc<str>> = self.0.lock().keys().cloned().collect();
        let gone: Vec<_> = names.into_iter().filter(|node| !known(node)).collect();
        if !gone.is_empty() {
            let mut last_addresses = self.0.lock();
            gone.iter().for_each(|node| _ = last_addresses.remove(node));
        }
    }
}

impl Mesh {
    /// Where a node is looked for, best first. As long as it is there, that does not change.
    pub(super) fn places(&self, node: &str) -> Vec<Address> {
        let mut places = self.last_addresses.get(node);
        let Some(peer) = self.link.cluster().peer(node) else { return places };
        if places.is_empty() || !peer.available {
            for place in address::candidates(&peer, self.options.use_hostname) {
                if places.len() < PLACES && !places.contains(&place) {
                    places.push(place);
                }
            }
        }
        places
    }

    /// Where a node is looked for first.
    pub(crate) fn last_address(&self, node: &str) -> Option<Address> {
        self.places(node).into_iter().next()
    }

    /// What is known now of where a node is counts as long as it is there.
    pub(crate) fn settle(&self, node: &Arc<str>) {
        let places = self.places(node);
        if !places.is_empty() {
            self.last_addresses.set(node, places);
        }
    }

    /// Connects to the first address where the node is.
    pub(super) async fn dial(&self, node: &Arc<str>) -> Result<TcpStream> {
        let mut failed = Vec::new();
        let places = self.places(node);
        for (place, lookup) in self.with_lookups(&places) {
            match self.dial_node(node, place, lookup, None).await {
                Ok((stream, _)) => {
                    let mut last_address = vec![place.clone()];
                    last_address.extend(places.iter().filter(|other| *other != place).cloned());
                    self.last_addresses.set(node, last_address);
                    self.unconfirmed.remove(node);
                    return Ok(stream);
                }
                Err(why) => failed.push(format!("{}:{}: {why}", place.host, place.port)),
            }
        }
        if failed.is_empty() {
            return Err(fault::unknown(node));
        }
        Err(fault::unreachable(node, &failed.join(", ")))
    }

    /// Each address, and how long the lookup of its name may take: only for the last one it is worth to wait.
    fn with_lookups<'a>(&self, places: &'a [Address]) -> impl Iterator<Item = (&'a Address, Duration)> {
        let (last, all) = (places.len(), self.options.connect_timeout);
        places.iter().zip(1..).map(move |(place, number)| (place, if number == last { all } else { LOOKUP }))
    }

    /// Connects to a node at one address.
    async fn dial_node(
        &self,
        node: &Arc<str>,
        place: &Address,
        lookup: Duration,
        rival: Option<String>,
    ) -> Result<(TcpStream, AnsweringNode), String> {
        let mut stream = self.dial_address(place, lookup).await.map_err(|err| err.to_string())?;
        match self.identify(&mut stream, node, place, rival).await {
            Ok(far) => Ok((stream, far)),
            Err(IdentityError::Own) => Err("this is the node itself".into()),
            Err(IdentityError::Other(why)) => {
                self.warn(&format_args!("{}:{} is not node '{node}': {why}", place.host, place.port));
                Err(why)
            }
        }
    }

    /// Whether a node is there. Nothing but hellos is sent; a node on Node.js sees a connection that came and went.
    pub(super) async fn is_there(&self, node: &Arc<str>) -> Result<()> {
        let answers = self.link.cluster().peer(node).is_some_and(|peer| gossip::is_ligand(&peer.info));
        if answers || self.options.secret.is_some() {
            return self.dial(node).await.map(drop);
        }
        let mut failed = Vec::new();
        let places = self.places(node);
        for (place, lookup) in self.with_lookups(&places) {
            match self.dial_address(place, lookup).await {
                Ok(_) => return Ok(()),
                Err(err) => failed.push(format!("{}:{}: {err}", place.host, place.port)),
            }
        }
        Err(fault::unreachable(node, &failed.join(", ")))
    }

    /// Whether the life of a node that is known lives, while somebody else claims its name.
    pub(crate) async fn lives(&self, node: &Arc<str>, life: &str, rival: &str) -> bool {
        let looks = async {
            let places = self.places(node);
            for (place, lookup) in self.with_lookups(&places) {
                if let Ok((_, far)) = self.dial_node(node, place, lookup, Some(rival.to_owned())).await {
                    return far.instance.is_none_or(|instance| instance == life);
                }
            }
            false
        };
        timeout(OWNER_CHECK, looks).await.unwrap_or(false)
    }

    /// Whether a node that is known answers, and says that it did not begin a connection with this number.
    pub(crate) async fn denies_connection(&self, node: &Arc<str>, nonce: &str) -> bool {
        let asks = async {
            let places = self.places(node);
            for (place, lookup) in self.with_lookups(&places) {
                if let Ok(mut stream) = self.dial_address(place, lookup).await
                    && let Some(began) = self.ask_about(&mut stream, node, nonce).await
                {
                    return !began;
                }
            }
            false
        };
        timeout(OWNER_CHECK, asks).await.unwrap_or(false)
    }

    /// Connects to an address, whoever is there, when its name is known within `lookup`.
    pub(super) async fn dial_address(&self, place: &Address, lookup: Duration) -> io::Result<TcpStream> {
        let connect = async {
            let mut last = io::Error::from(io::ErrorKind::NotFound);
            for remote in self.host_names.resolve(place, lookup, self.link.tasks()).await? {
                match self.connect(remote).await {
                    Ok(stream) => return Ok(stream),
                    Err(err) => last = err,
                }
            }
            Err(last)
        };
        let stream =
            timeout(self.options.connect_timeout, connect).await.map_err(|_| io::ErrorKind::TimedOut)??;
        let remote = stream.peer_addr()?;
        if remote.port() == self.port && remote.ip() == stream.local_addr()?.ip() {
            return Err(io::Error::other("this is the node itself"));
        }
        stream.set_nodelay(true)?;
        watch(&stream)?;
        Ok(stream)
    }

    /// From the address where this node listens, when it is one: others take it for where this node is.
    async fn connect(&self, remote: SocketAddr) -> io::Result<TcpStream> {
        if let Some(ip) = self.options.announced()
            && ip.is_ipv4() == remote.is_ipv4()
            && ip.is_loopback() == remote.ip().is_loopback()
        {
            let socket = if ip.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
            socket.bind(SocketAddr::new(ip, 0))?;
            return socket.connect(remote).await;
        }
        TcpStream::connect(remote).await
    }
}

/// The end of a machine that closes nothing is noticed.
pub(crate) fn watch(stream: &TcpStream) -> io::Result<()> {
    let socket = SockRef::from(stream);
    socket
        .set_tcp_keepalive(&TcpKeepalive::new().with_time(SILENCE).with_interval(ASK).with_retries(ASKED))?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(SILENCE + ASK * ASKED))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn homes_of_nodes_that_nobody_knows_are_forgotten() {
        let last_addresses = LastAddresses::default();
        let place = Address { host: "10.0.0.1".into(), port: 1 };
        for n in 0..1000 {
            last_addresses.set(&format!("n{n}").into(), vec![place.clone()]);
        }
        last_addresses.retain(|node| node == "n5");
        assert_eq!(last_addresses.get("n5"), [place]);
        assert_eq!(last_addresses.0.lock().len(), 1);
    }
}
