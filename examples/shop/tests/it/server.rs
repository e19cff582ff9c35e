//! Servers between the parts of a shop, each on a free loopback port.

use std::{
    net::{Ipv4Addr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// The longest a server may take to start.
const START: Duration = Duration::from_secs(30);

/// What carries packets between the parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bus {
    /// Connections between the parts; no server.
    Tcp,
    Nats,
    Redis,
}

/// A running server; ends with this value.
pub(crate) struct Server {
    child: Child,
    _folder: TempDir,
    pub(crate) url: String,
}

impl Server {
    /// Starts the server of a bus that has one.
    pub(crate) fn start(bus: Bus) -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let port = free_ports(1)[0];
        let (mut command, scheme) = match bus {
            Bus::Tcp => return None,
            Bus::Nats => (Command::new("nats-server"), "nats"),
            Bus::Redis => (Command::new("redis-server"), "redis"),
        };
        match bus {
            Bus::Redis => command.args(["--bind", "127.0.0.1", "--save", "", "--port"]),
            _ => command.args(["-a", "127.0.0.1", "-p"]),
        };
        command.arg(port.to_string()).current_dir(&folder).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().unwrap_or_else(|error| panic!("{scheme} server: {error}"));
        let mut server = Self { child, _folder: folder, url: format!("{scheme}://127.0.0.1:{port}") };
        let end = Instant::now() + START;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(Instant::now() < end, "{} takes no connections", server.url);
            let ended = server.child.try_wait().unwrap();
            assert!(ended.is_none(), "{} ended: {ended:?}", server.url);
            thread::sleep(Duration::from_millis(10));
        }
        Some(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Ports that nothing listens on.
pub(crate) fn free_ports(count: usize) -> Vec<u16> {
    let listeners: Vec<_> =
        (0..count).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()).collect();
    listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect()
}
