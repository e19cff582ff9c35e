//! Where other nodes connect to.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use ligand_wire::Result;
use parking_lot::Mutex;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::{net::TcpListener, sync::oneshot};

use crate::{
    inbound,
    mesh::{Mesh, watch},
    options::wrong,
};

/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;

/// After an error of the system, for example when it has no more descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// Opens the port; 0 = any free one.
///
/// # Errors
/// `BROKER_OPTIONS_ERROR` when the port is taken or the address is not one of this machine.
pub(crate) fn bind(address: Option<IpAddr>, port: u16) -> Result<TcpListener> {
    let listener = match address {
        Some(ip) => open(SocketAddr::new(ip, port)),
        // One socket for both versions of IP, where there are two.
        None => match open(SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port)) {
            Err(err) if err.kind() != io::ErrorKind::AddrInUse => {
                open(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port))
            }
            listener => listener,
        },
    };
    listener.map_err(|err| {
        let place = match address {
            Some(ip) => SocketAddr::new(ip, port).to_string(),
            None => format!("port {port}"),
        };
        let fix = match err.kind() {
            io::ErrorKind::AddrInUse => "; choose another 'port', or none for any free one",
            io::ErrorKind::AddrNotAvailable => "; 'bind_address' must be an address of this machine",
            _ => "",
        };
        wrong(format_args!("cannot listen at {place}: {err}{fix}"))
    })
}

fn open(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    // A port that was closed a moment ago is free. On Windows it would be shared instead.
    #[cfg(not(windows))]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Connections from other nodes.
#[derive(Debug, Default)]
pub(crate) struct InboundConnections(Mutex<Connections>);

#[derive(Debug, Default)]
struct Connections {
    next: u64,
    /// Oldest first.
    all: BTreeMap<u64, InboundConnection>,
    by_address: HashMap<IpAddr, usize>,
}

#[derive(Debug)]
struct InboundConnection {
    address: IpAddr,
    /// Who it is, when it has said so.
    node: Option<Arc<str>>,
    /// Ends the connection.
    end: oneshot::Sender<()>,
}

/// How many connections there may be.
#[derive(Clone, Copy, Debug)]
struct Limits {
    all: usize,
    of_one: usize,
}

/// The place of one connection; freed when dropped.
#[derive(Debug)]
pub(crate) struct ConnectionSlot {
    inbound: Arc<InboundConnections>,
    number: u64,
}

impl Connections {
    /// Makes room among some connections: the oldest goes that has not said who it is, else the oldest of a node that
    /// never answered.
    fn make_room(
        &mut self,
        among: impl Fn(&InboundConnection) -> bool,
        stranger: impl Fn(&str) -> bool,
    ) -> bool {
        let mut some = self.all.iter().filter(|(_, connection)| among(connection));
        let silent = some.clone().find(|(_, connection)| connection.node.is_none());
        let oldest =
            silent.or_else(|| some.find(|(_, connection)| connection.node.as_deref().is_some_and(&stranger)));
        let oldest = oldest.map(|(number, _)| *number);
        oldest.is_some_and(|number| self.remove(number))
    }

    fn remove(&mut self, number: u64) -> bool {
        let Some(connection) = self.all.remove(&number) else { return false };
        // Nobody listens when the connection ended by itself.
        let _ = connection.end.send(());
        if let Some(count) = self.by_address.get_mut(&connection.address) {
            *count -= 1;
            if *count == 0 {
                self.by_address.remove(&connection.address);
            }
        }
        true
    }
}

impl InboundConnections {
    /// A place for a new connection, and what ends when the connection has to go. `None`: there is none.
    fn enter(
        self: &Arc<Self>,
        address: IpAddr,
        limits: Limits,
        stranger: impl Fn(&str) -> bool,
    ) -> Option<(ConnectionSlot, oneshot::Receiver<()>)> {
        let mut connections = self.0.lock();
        let crowd = connections.by_address.get(&address).copied().unwrap_or(0);
        if crowd >= limits.of_one
            && !connections.make_room(|connection| connection.address == address, &stranger)
        {
            return None;
        }
        if connections.all.len() >= limits.all && !connections.make_room(|_| true, &stranger) {
            return None;
        }
        let number = connections.next;
        connections.next += 1;
        let (end, ended) = oneshot::channel();
        connections.all.insert(number, InboundConnection { address, node: None, end });
        *connections.by_address.entry(address).or_default() += 1;
        Some((ConnectionSlot { inbound: self.clone(), number }, ended))
    }
}

impl ConnectionSlot {
    /// The connection said who it is. False: it has to go already.
    pub(crate) fn introduce(&self, node: &Arc<str>) -> bool {
        let mut connections = self.inbound.0.lock();
        let Some(connection) = connections.all.get_mut(&self.number) else { return false };
        connection.node = Some(node.clone());
        true
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.inbound.0.lock().remove(self.number);
    }
}

/// Accepts connections until the transporter closes.
pub(crate) async fn run(mesh: Arc<Mesh>, listener: TcpListener) {
    let inbound = Arc::<InboundConnections>::default();
    let limits = Limits { all: mesh.options.max_inbound, of_one: mesh.options.max_inbound_per_address };
    // It is logged once.
    let mut failing = false;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = mesh.stopped() => return,
        };
        let (stream, remote) = match accepted {
            Ok(accepted) => accepted,
            Err(err) => {
                if !failing {
                    tracing::warn!("TCP: cannot take a connection: {err}");
                }
                failing = true;
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        failing = false;
        let address = remote.ip().to_canonical();
        match inbound.enter(address, limits, |node| mesh.unconfirmed.contains(node)) {
            Some((place, ended)) => {
                if let Err(err) = stream.set_nodelay(true).and_then(|()| watch(&stream)) {
                    tracing::debug!(%remote, "a connection is not watched: {err}");
                }
                mesh.spawn(inbound::run(mesh.clone(), stream, remote, place, ended));
            }
            None => mesh.warn(&format_args!(
                "a connection from {address} is refused: there are {} from there ('max_inbound_per_address') or {} \
                 in all ('max_inbound')",
                limits.of_one, limits.all
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
    const OTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));

    #[test]
    fn who_has_not_said_its_name_makes_room() {
        let inbound = Arc::<InboundConnections>::default();
        let limits = Limits { all: 2, of_one: 2 };
        let known = |_: &str| false;
        let (first, mut first_ends) = inbound.enter(ONE, limits, known).unwrap();
        let (second, mut second_ends) = inbound.enter(ONE, limits, known).unwrap();
        assert!(second.introduce(&"a".into()) && second_ends.try_recv().is_err());
        let (third, _third_ends) = inbound.enter(OTHER, limits, known).unwrap();
        assert!(first_ends.try_recv().is_ok() && !first.introduce(&"b".into()));
        assert!(third.introduce(&"c".into()));
        drop(first);
        assert!(inbound.enter(ONE, limits, known).is_none());
        drop(second);
        assert!(inbound.enter(ONE, limits, known).is_some());
    }

    #[test]
    fn then_nodes_that_never_answered_do() {
        let inbound = Arc::<InboundConnections>::default();
        let limits = Limits { all: 2, of_one: 2 };
        let stranger = |node: &str| node.starts_with('x');
        let (good, mut good_ends) = inbound.enter(ONE, limits, stranger).unwrap();
        let (evil, mut evil_ends) = inbound.enter(ONE, limits, stranger).unwrap();
        assert!(good.introduce(&"a".into()) && evil.introduce(&"x".into()));
        assert!(inbound.enter(OTHER, limits, stranger).is_some());
        assert!(
            evil_ends.try_recv().is_ok() && good_ends.try_recv() == Err(oneshot::error::TryRecvError::Empty)
        );
    }

    #[test]
    fn one_address_does_not_take_all() {
        let inbound = Arc::<InboundConnections>::default();
        let limits = Limits { all: 10, of_one: 3 };
        let mut places = Vec::new();
        for n in 0..3 {
            let (place, ended) = inbound.enter(ONE, limits, |_| false).unwrap();
            assert!(place.introduce(&n.to_string().into()));
            places.push((place, ended));
        }
        assert!(inbound.enter(ONE, limits, |_| false).is_none());
        assert!(inbound.enter(OTHER, limits, |_| false).is_some());
        places.pop();
        assert!(inbound.enter(ONE, limits, |_| false).is_some());
        places.clear();
        assert!(inbound.0.lock().by_address.is_empty());
    }
}
