//! Ports that nobody else takes.

use std::{
    fs::{self, File},
    io,
    net::{IpAddr, Ipv4Addr, TcpListener},
    sync::atomic::{AtomicU16, Ordering},
};

use parking_lot::Mutex;

/// Below those that the system gives to outgoing connections: a port stays free while its server is down.
const FIRST: u16 = 20_000;
const COUNT: u16 = 10_000;

/// A port of the loopback address where nobody listens. No other caller of this function gets it while this process lives.
///
/// # Panics
/// There is none, or the folder for temporary files cannot be written.
pub fn free_port() -> u16 {
    match free_port_at(Ipv4Addr::LOCALHOST.into()) {
        Ok(port) => port,
        Err(error) => panic!("no free port: {error}"),
    }
}

/// As [`free_port`], at another address of this machine.
///
/// # Errors
/// The address is not this machine's, all ports are taken, or the folder for temporary files cannot be written.
pub fn free_port_at(ip: IpAddr) -> io::Result<u16> {
    /// What this process has: a port is another's as soon as its file is closed.
    static CLAIMS: Mutex<Vec<File>> = Mutex::new(Vec::new());
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Each user has a folder: files of another one could not be opened.
    let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_default();
    let folder = std::env::temp_dir().join(format!("ligand-ports-{user}"));
    fs::create_dir_all(&folder)?;
    // Processes start at different places, or each would try what all others have.
    let start = (std::process::id() % 500) as u16 * 20;
    for _ in 0..COUNT {
        let port = FIRST + (start + NEXT.fetch_add(1, Ordering::Relaxed) % COUNT) % COUNT;
        let file =
            File::options().create(true).truncate(false).write(true).open(folder.join(port.to_string()))?;
        // Another process's.
        if file.try_lock().is_err() {
            continue;
        }
        match TcpListener::bind((ip, port)) {
            Ok(_) => {
                CLAIMS.lock().push(file);
                return Ok(port);
            }
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other(format!("all ports from {FIRST} on are in use")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_port_is_given_twice() {
        let mut ports: Vec<_> = (0..50).map(|_| free_port()).collect();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 50);
    }

    #[test]
    fn an_address_of_another_machine_is_refused() {
        assert!(free_port_at([192, 0, 2, 1].into()).is_err());
    }
}
