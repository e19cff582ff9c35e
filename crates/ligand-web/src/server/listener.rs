//! Where a gateway listens.

use std::{
    fmt, io,
    net::{Ipv4Addr, SocketAddr, ToSocketAddrs as _},
    path::PathBuf,
    time::Duration,
};

use ligand_core::config::Listen;
use tokio::net::{TcpListener, TcpSocket};

use super::io::Io;

/// One more place to listen, for [`GatewayBuilder::listener`](crate::GatewayBuilder::listener).
///
/// ```
/// use ligand_web::{Gateway, Listener};
/// let gateway = Gateway::builder().bind("0.0.0.0:3000").listener(Listener::tcp("127.0.0.1:3001")).build();
/// # let _ = gateway;
/// ```
#[derive(Clone)]
pub struct Listener {
    pub(super) place: Place,
    pub(super) proxied: bool,
    #[cfg(feature = "tls")]
    pub(super) tls: Option<crate::Tls>,
    pub(crate) problem: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) enum Place {
    Tcp(String, u16),
    #[cfg(unix)]
    Unix(PathBuf),
}

/// Connections that the system takes while the gateway is busy.
const BACKLOG: u32 = 1024;

impl Listener {
    /// An address with a port: `127.0.0.1:3001`, `[::1]:3001`, `:3001`. Port 0 takes any free one.
    pub fn tcp(address: impl Into<String>) -> Self {
        let text = address.into();
        match text.parse::<Listen>() {
            Ok(Listen { address, port: Some(port) }) => {
                Self::at(Place::Tcp(address.unwrap_or_else(|| "0.0.0.0".into()), port))
            }
            Ok(_) => Self::wrong(format!("listener '{text}' has no port; write \"127.0.0.1:3001\"")),
            Err(problem) => Self::wrong(problem),
        }
    }

    /// A socket in the file system. A socket that nobody listens to any more is replaced; who may connect, the directory
    /// says. Its clients count as 127.0.0.1, also for [`TrustedProxies`](crate::TrustedProxies).
    #[cfg(unix)]
    pub fn unix(path: impl Into<PathBuf>) -> Self {
        Self::at(Place::Unix(path.into()))
    }

    /// Encrypts its connections.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: crate::Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Each connection begins with the PROXY protocol, version 1 or 2, and is whose that says; others are closed. Only for a
    /// place that nobody but the proxy can reach: anybody can say it.
    pub fn proxy_protocol(mut self) -> Self {
        self.proxied = true;
        self
    }

    pub(super) fn at(place: Place) -> Self {
        Self {
            place,
            proxied: false,
            #[cfg(feature = "tls")]
            tls: None,
            problem: None,
        }
    }

    pub(crate) fn of(address: String, port: u16) -> Self {
        Self::at(Place::Tcp(address, port))
    }

    fn wrong(problem: String) -> Self {
        Self { problem: Some(problem), ..Self::of(String::new(), 0) }
    }

    pub(super) fn open(&self) -> io::Result<Door> {
        match &self.place {
            Place::Tcp(address, port) => listen(address, *port).map(Door::Tcp),
            #[cfg(unix)]
            Place::Unix(path) => {
                // Whoever connects shows that the place is taken.
                let left = std::os::unix::net::UnixStream::connect(path)
                    .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
                if left {
                    std::fs::remove_file(path)?;
                }
                Ok(Door::Unix(tokio::net::UnixListener::bind(path)?, path.clone()))
            }
        }
    }
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            // An address of version 6 has colons of its own.
            Place::Tcp(address, port) if address.contains(':') => write!(f, "[{address}]:{port}"),
            Place::Tcp(address, port) => write!(f, "{address}:{port}"),
            #[cfg(unix)]
            Place::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Listener({self})")
    }
}

/// Listens on the first of the addresses that a name stands for and that can be had.
fn listen(address: &str, port: u16) -> io::Result<TcpListener> {
    let mut last = io::Error::new(io::ErrorKind::InvalidInput, "the name stands for no address");
    for address in (address, port).to_socket_addrs()? {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        #[cfg(not(windows))]
        socket.set_reuseaddr(true)?;
        match socket.bind(address).and_then(|()| socket.listen(BACKLOG)) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// An open place.
pub(super) enum Door {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(tokio::net::UnixListener, PathBuf),
}

impl Door {
    pub(super) fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok(),
            #[cfg(unix)]
            Self::Unix(..) => None,
        }
    }

    /// The next connection and who is at its other end.
    pub(super) async fn accept(&self) -> io::Result<(Io, SocketAddr)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, %peer, "no TCP_NODELAY");
                }
                Ok((Io::Tcp(stream), peer))
            }
            #[cfg(unix)]
            Self::Unix(listener, _) => {
                let (stream, _) = listener.accept().await?;
                Ok((Io::Unix(stream), (Ipv4Addr::LOCALHOST, 0).into()))
            }
        }
    }

    /// How long to wait when a connection cannot be accepted: mostly out of file handles, and only time helps.
    pub(super) const PAUSE: Duration = Duration::from_millis(50);
}

#[cfg(unix)]
impl Drop for Door {
    fn drop(&mut self) {
        if let Self::Unix(_, path) = self {
            let _ = std::fs::remove_file(path);
        }
    }
}
