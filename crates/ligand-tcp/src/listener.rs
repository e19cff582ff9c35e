//! Where other nodes connect to.

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use ligand_wire::{Error, Result};
use parking_lot::Mutex;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::{net::TcpListener, sync::oneshot};

use crate::{inbound, mesh::Mesh};

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
        Error::broker_options(format!("TCP transporter cannot listen at {place}: {err}{fix}"))
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
pub(crate) struct Visitors(Mutex<Rooms>);

#[derive(Debug, Default)]
struct Rooms {
    next: u64,
    /// Those that have not said who they are, oldest first. Dropping the sender ends the connection.
    strangers: BTreeMap<u64, oneshot::Sender<()>>,
    guests: usize,
}

/// The place of one connection; freed when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    visitors: Arc<Visitors>,
    number: u64,
    guest: bool,
}

impl Visitors {
    /// A place for a new connection, and what ends when the connection has to go. `None`: there is none.
    fn enter(self: &Arc<Self>, most: usize) -> Option<(Place, oneshot::Receiver<()>)> {
        let mut rooms = self.0.lock();
        if rooms.guests + rooms.strangers.len() >= most && rooms.strangers.pop_first().is_none() {
            return None;
        }
        let number = rooms.next;
        rooms.next += 1;
        let (end, ended) = oneshot::channel();
        rooms.strangers.insert(number, end);
        Some((Place { visitors: self.clone(), number, guest: false }, ended))
    }
}

impl Place {
    /// The connection said who it is: it does not have to go for others. False: it has to go already.
    pub(crate) fn introduce(&mut self) -> bool {
        if self.guest {
            return true;
        }
        let mut rooms = self.visitors.0.lock();
        let Some(end) = rooms.strangers.remove(&self.number) else { return false };
        rooms.guests += 1;
        self.guest = true;
        // The connection ends by itself from now on.
        let _ = end.send(());
        true
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut rooms = self.visitors.0.lock();
        if self.guest {
            rooms.guests -= 1;
        } else {
            rooms.strangers.remove(&self.number);
        }
    }
}

/// Accepts connections until the transporter closes.
pub(crate) async fn run(mesh: Arc<Mesh>, listener: TcpListener) {
    let visitors = Arc::<Visitors>::default();
    // What is wrong now; it is logged once.
    let mut refusing = false;
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
                    tracing::warn!("TCP transporter cannot take a connection: {err}");
                }
                failing = true;
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        failing = false;
        let most = mesh.options.max_inbound;
        let place = visitors.enter(most);
        if place.is_none() && !refusing {
            tracing::warn!("TCP transporter refuses connections: there are {most} already ('max_inbound')");
        }
        refusing = place.is_none();
        if let Some((place, ended)) = place {
            mesh.spawn(inbound::run(mesh.clone(), stream, remote, place, ended));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_make_room_guests_do_not() {
        let visitors = Arc::<Visitors>::default();
        let (mut first, mut first_ends) = visitors.enter(2).unwrap();
        let (mut second, mut second_ends) = visitors.enter(2).unwrap();
        assert!(second.introduce() && second_ends.try_recv().is_ok());
        let (mut third, _third_ends) = visitors.enter(2).unwrap();
        assert!(first_ends.try_recv().is_err() && !first.introduce());
        assert!(third.introduce());
        drop(first);
        assert!(visitors.enter(2).is_none());
        drop(second);
        assert!(visitors.enter(2).is_some());
    }
}
