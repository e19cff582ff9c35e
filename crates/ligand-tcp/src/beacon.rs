//! UDP messages by which nodes find each other: `<namespace>|<node>|<port>`.

use std::{
    collections::HashSet,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4},
    sync::Arc,
    time::Duration,
};

use ligand_transport::Address;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::{net::UdpSocket, time::sleep};

use crate::{TcpOptions, inbound, mesh::Mesh, options::Broadcast};

/// Longer messages are no beacons.
const LONGEST: usize = 2048;

/// The second message comes after this time: the first may fall into the time in which the network learns of the
/// group.
const SECOND: Duration = Duration::from_secs(1);

/// Sends and receives beacons until the transporter closes.
pub(crate) async fn run(mesh: Arc<Mesh>) {
    let socket = match open(&mesh.options) {
        Ok(socket) => socket,
        Err(err) => {
            tracing::warn!("UDP discovery is off: port {} cannot be opened: {err}", mesh.options.udp_port);
            return;
        }
    };
    tokio::select! {
        () = send(&mesh, &socket) => {}
        () = receive(&mesh, &socket) => {}
        () = mesh.stopped() => {}
    }
}

fn open(options: &TcpOptions) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    if options.udp_reuse_addr {
        socket.set_reuse_address(true)?;
        #[cfg(unix)]
        socket.set_reuse_port(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.set_broadcast(options.udp_broadcast != Broadcast::Off)?;
    if options.udp_multicast.is_some() {
        socket.set_multicast_ttl_v4(options.udp_multicast_ttl)?;
        socket.set_multicast_loop_v4(true)?;
    }
    socket.bind(&SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, options.udp_port).into())?;
    UdpSocket::from_std(socket.into())
}

async fn send(mesh: &Mesh, socket: &UdpSocket) {
    let options = &mesh.options;
    let text = format!("{}|{}|{}", mesh.link.namespace(), mesh.link.node_id(), mesh.port);
    if text.split('|').count() != 3 || text.len() > LONGEST {
        tracing::warn!("UDP discovery cannot tell of this node: '|' in its name or namespace, or too long");
        return std::future::pending().await;
    }
    let mut group = Group { joined: HashSet::new(), warned: false };
    let mut sent = 0;
    loop {
        group.send(options, socket, text.as_bytes()).await;
        sent += 1;
        if sent == options.udp_max_discovery {
            return std::future::pending().await;
        }
        sleep(if sent == 1 { SECOND.min(options.udp_period) } else { options.udp_period }).await;
    }
}

/// Where beacons go.
struct Group {
    /// Interfaces that are members of the multicast group.
    joined: HashSet<Ipv4Addr>,
    /// It was said that it does not work.
    warned: bool,
}

impl Group {
    /// One message to everybody. Interfaces may come and go, so they are listed anew.
    async fn send(&mut self, options: &TcpOptions, socket: &UdpSocket, text: &[u8]) {
        let interfaces = match interfaces(options) {
            Ok(interfaces) => interfaces,
            Err(err) => return self.warn(&format_args!("the interfaces cannot be listed: {err}")),
        };
        if let Some(group) = options.udp_multicast {
            let mut failed = None;
            let mut reached = 0;
            for interface in &interfaces {
                match self.multicast(socket, group, interface.ip, options.udp_port, text) {
                    Ok(()) => reached += 1,
                    Err(err) => failed = Some((interface.ip, err)),
                }
            }
            if reached == 0 {
                match failed {
                    Some((ip, err)) => self.warn(&format_args!("multicast from {ip}: {err}")),
                    None => self.warn(&"no IPv4 interface has the address to use"),
                }
            }
        }
        let broadcast: Vec<Ipv4Addr> = match &options.udp_broadcast {
            Broadcast::Off => Vec::new(),
            Broadcast::Interfaces => interfaces.iter().filter_map(|interface| interface.broadcast).collect(),
            Broadcast::To(addresses) => addresses.clone(),
        };
        for address in broadcast {
            if let Err(err) = socket.send_to(text, (address, options.udp_port)).await {
                self.warn(&format_args!("broadcast to {address}: {err}"));
            }
        }
    }

    fn multicast(
        &mut self,
        socket: &UdpSocket,
        group: Ipv4Addr,
        interface: Ipv4Addr,
        port: u16,
        text: &[u8],
    ) -> io::Result<()> {
        if !self.joined.contains(&interface) {
            match socket.join_multicast_v4(group, interface) {
                Ok(()) => {}
                // Another address of the same interface was first.
                Err(err) if err.kind() == io::ErrorKind::AddrInUse => {}
                Err(err) => return Err(err),
            }
            self.joined.insert(interface);
        }
        SockRef::from(socket).set_multicast_if_v4(&interface)?;
        // Synchronous: the interface is an option of the socket. A full buffer loses a beacon, the next one comes.
        match socket.try_send_to(text, (IpAddr::V4(group), port).into()) {
            Err(err) if err.kind() != io::ErrorKind::WouldBlock => Err(err),
            _ => Ok(()),
        }
    }

    fn warn(&mut self, what: &dyn std::fmt::Display) {
        if self.warned {
            tracing::debug!("UDP discovery: {what}");
        } else {
            self.warned = true;
            tracing::warn!("UDP discovery may not find other nodes: {what}");
        }
    }
}

struct Interface {
    ip: Ipv4Addr,
    broadcast: Option<Ipv4Addr>,
}

fn interfaces(options: &TcpOptions) -> io::Result<Vec<Interface>> {
    let chosen = options.udp_bind_address.or(match options.bind_address {
        Some(IpAddr::V4(ip)) if !ip.is_unspecified() => Some(ip),
        _ => None,
    });
    let all = if_addrs::get_if_addrs()?.into_iter().filter_map(|interface| match interface.addr {
        if_addrs::IfAddr::V4(v4) => Some(Interface { ip: v4.ip, broadcast: v4.broadcast }),
        if_addrs::IfAddr::V6(_) => None,
    });
    Ok(all.filter(|interface| chosen.is_none_or(|ip| ip == interface.ip)).collect())
}

async fn receive(mesh: &Mesh, socket: &UdpSocket) {
    let mut buffer = [0; LONGEST + 1];
    loop {
        let (length, from) = match socket.recv_from(&mut buffer).await {
            Ok(received) => received,
            // What an earlier message met; the socket works on.
            Err(_) => {
                sleep(Duration::from_millis(10)).await;
                continue;
            }
        };
        if let Some((node, port)) = parse(&buffer[..length], mesh.link.namespace())
            && node != &**mesh.link.node_id()
        {
            inbound::sighted(mesh, node.into(), address(from, port));
        }
    }
}

fn address(from: SocketAddr, port: u16) -> Address {
    Address { host: from.ip().to_string(), port }
}

/// Node and port of a beacon of this namespace.
pub(crate) fn parse<'a>(message: &'a [u8], namespace: &str) -> Option<(&'a str, u16)> {
    if message.len() > LONGEST {
        return None;
    }
    let mut parts = std::str::from_utf8(message).ok()?.split('|');
    let (theirs, node, port) = (parts.next()?, parts.next()?, parts.next()?);
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    let port = port.parse().ok().filter(|port| *port != 0 && digits)?;
    let good = parts.next().is_none()
        && theirs == namespace
        && !node.is_empty()
        && node.len() <= 1024
        && !node.chars().any(char::is_control);
    good.then_some((node, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_beacons_of_the_namespace() {
        assert_eq!(parse(b"lab|a|4000", "lab"), Some(("a", 4000)));
        assert_eq!(parse("|ä-1|1".as_bytes(), ""), Some(("ä-1", 1)));
        let long = format!("|{}|1", "a".repeat(1025));
        for wrong in [
            "lab|a|4000",
            "|a|",
            "|a|0",
            "|a|+1",
            "|a|65536",
            "||1",
            "|a|1|",
            "|a",
            "",
            "|a\n|1",
            "|a| 1",
            &long,
        ] {
            assert_eq!(parse(wrong.as_bytes(), ""), None, "{wrong}");
        }
        assert_eq!(parse(b"|\xff|1", ""), None);
    }
}
