//! UDP messages by which nodes find each other: `<namespace>|<node>|<port>`, with a [`Secret`] followed by
//! `|<address>|<proof>`. A proof has no time in it: what it leads to is a dial, and there both prove who they are.

use std::{
    collections::HashSet,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddrV4},
    sync::Arc,
    time::Duration,
};

use ligand_transport::Address;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::{net::UdpSocket, time::sleep};

use crate::{Secret, TcpOptions, inbound, mesh::Mesh, options::Broadcast};

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
    let sender = match sender(&mesh.options) {
        Ok(sender) => sender,
        Err(err) => {
            tracing::warn!("UDP discovery may tell a wrong address of this node: {err}");
            None
        }
    };
    tokio::select! {
        () = send(&mesh, &socket, sender.as_ref().unwrap_or(&socket)) => {}
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

/// Where a beacon comes from is where its node is looked for: it leaves from the address where the node listens.
fn sender(options: &TcpOptions) -> io::Result<Option<UdpSocket>> {
    let Some(IpAddr::V4(ip)) = options.announced() else { return Ok(None) };
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    socket.set_broadcast(options.udp_broadcast != Broadcast::Off)?;
    socket.set_multicast_ttl_v4(options.udp_multicast_ttl)?;
    socket.set_multicast_loop_v4(true)?;
    socket.bind(&SocketAddrV4::new(ip, 0).into())?;
    UdpSocket::from_std(socket.into()).map(Some)
}

/// What beacons say; `host` is where this node is reached.
struct Text<'a> {
    plain: String,
    secret: Option<&'a Secret>,
}

impl Text<'_> {
    fn from(&self, host: IpAddr) -> String {
        let Some(secret) = self.secret else { return self.plain.clone() };
        let signed = format!("{}|{host}", self.plain);
        let proof = secret.prove(&[BEACON, signed.as_bytes()]);
        format!("{signed}|{proof}")
    }
}

/// What a proof is for.
const BEACON: &[u8] = b"ligand tcp 1 beacon";

async fn send(mesh: &Mesh, member: &UdpSocket, socket: &UdpSocket) {
    let options = &mesh.options;
    if matches!(options.announced(), Some(IpAddr::V6(_))) {
        tracing::warn!("UDP discovery cannot tell of this node: it listens at an IPv6 address only");
        return std::future::pending().await;
    }
    let plain = format!("{}|{}|{}", mesh.link.namespace(), mesh.link.node_id(), mesh.port);
    if plain.split('|').count() != 3 || plain.len() > LONGEST {
        tracing::warn!("UDP discovery cannot tell of this node: '|' in its name or namespace, or too long");
        return std::future::pending().await;
    }
    let text = Text { plain, secret: options.secret.as_ref() };
    // Where broadcasts go out is the system's choice.
    let local = || mesh.link.cluster().local().info.ip_list.first().and_then(|ip| ip.parse().ok());
    let own = options.announced().or_else(local).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let mut group = Group { joined: HashSet::new(), warned: false };
    let mut sent = 0;
    loop {
        group.send(options, member, socket, &text, own).await;
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
    async fn send(
        &mut self,
        options: &TcpOptions,
        member: &UdpSocket,
        socket: &UdpSocket,
        text: &Text<'_>,
        own: IpAddr,
    ) {
        let interfaces = match interfaces(options) {
            Ok(interfaces) => interfaces,
            Err(err) => return self.warn(&format_args!("the interfaces cannot be listed: {err}")),
        };
        if let Some(group) = options.udp_multicast {
            let mut failed = None;
            let mut reached = 0;
            for interface in &interfaces {
                let place = SocketAddrV4::new(group, options.udp_port);
                let text = text.from(interface.ip.into());
                let joined = self.join(member, group, interface.ip);
                match joined.and_then(|()| multicast(socket, place, interface.ip, text.as_bytes())) {
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
            if let Err(err) = socket.send_to(text.from(own).as_bytes(), (address, options.udp_port)).await {
                self.warn(&format_args!("broadcast to {address}: {err}"));
            }
        }
    }

    fn join(&mut self, socket: &UdpSocket, group: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()> {
        if !self.joined.contains(&interface) {
            match socket.join_multicast_v4(group, interface) {
                Ok(()) => {}
                // Another address of the same interface was first.
                Err(err) if err.kind() == io::ErrorKind::AddrInUse => {}
                Err(err) => return Err(err),
            }
            self.joined.insert(interface);
        }
        Ok(())
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

fn multicast(socket: &UdpSocket, group: SocketAddrV4, interface: Ipv4Addr, text: &[u8]) -> io::Result<()> {
    SockRef::from(socket).set_multicast_if_v4(&interface)?;
    // Synchronous: the interface is an option of the socket. A full buffer loses a beacon, the next one comes.
    match socket.try_send_to(text, group.into()) {
        Err(err) if err.kind() != io::ErrorKind::WouldBlock => Err(err),
        _ => Ok(()),
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

async fn receive(mesh: &Arc<Mesh>, socket: &UdpSocket) {
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
        let secret = mesh.options.secret.as_ref();
        let Some(sighted) = parse(&buffer[..length], mesh.link.namespace(), secret) else { continue };
        let host = sighted.host.unwrap_or_else(|| from.ip()).to_string();
        let address = Address { host, port: sighted.port };
        if *sighted.node == **mesh.link.node_id() {
            mesh.look_for_conflict(address);
        } else {
            inbound::sighted(mesh, sighted.node.into(), address, from.ip());
        }
    }
}

/// What a beacon says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Sighted<'a> {
    node: &'a str,
    port: u16,
    /// `None`: where the beacon comes from.
    host: Option<IpAddr>,
}

/// Reads a beacon of this namespace; with a secret only signed ones.
pub(crate) fn parse<'a>(message: &'a [u8], namespace: &str, secret: Option<&Secret>) -> Option<Sighted<'a>> {
    if message.len() > LONGEST {
        return None;
    }
    let mut text = std::str::from_utf8(message).ok()?;
    let mut host = None;
    if let Some(secret) = secret {
        let (signed, proof) = text.rsplit_once('|')?;
        if !secret.verify(&[BEACON, signed.as_bytes()], proof) {
            return None;
        }
        let (plain, place) = signed.rsplit_once('|')?;
        host = Some(place.parse().ok()?);
        text = plain;
    }
    let mut parts = text.split('|');
    let (theirs, node, port) = (parts.next()?, parts.next()?, parts.next()?);
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    let port = port.parse().ok().filter(|port| *port != 0 && digits)?;
    let good = parts.next().is_none()
        && theirs == namespace
        && !node.is_empty()
        && node.len() <= 512
        && !node.chars().any(char::is_control);
    good.then_some(Sighted { node, port, host })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_beacons_of_the_namespace() {
        let sighted = |node, port| Some(Sighted { node, port, host: None });
        assert_eq!(parse(b"lab|a|4000", "lab", None), sighted("a", 4000));
        assert_eq!(parse("|ä-1|1".as_bytes(), "", None), sighted("ä-1", 1));
        let long = format!("|{}|1", "a".repeat(513));
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
            assert_eq!(parse(wrong.as_bytes(), "", None), None, "{wrong}");
        }
        assert_eq!(parse(b"|\xff|1", "", None), None);
    }

    #[test]
    fn with_a_secret_only_signed_beacons_count() {
        let secret = Secret::new("0123456789abcdef");
        let text = Text { plain: "lab|a|4000".into(), secret: Some(&secret) };
        let host = IpAddr::from([10, 0, 0, 1]);
        let beacon = text.from(host);
        let read = |beacon: &str, secret| parse(beacon.as_bytes(), "lab", secret).map(|s| (s.port, s.host));
        assert_eq!(read(&beacon, Some(&secret)), Some((4000, Some(host))));
        for wrong in [
            "lab|a|4000".to_owned(),
            "lab|a|4000|10.0.0.1".to_owned(),
            "lab|a|4000|10.0.0.1|".to_owned(),
            beacon.replace("4000", "4001"),
            beacon.replace("10.0.0.1", "10.0.0.2"),
            beacon.replace("|a|", "|b|"),
        ] {
            assert_eq!(read(&wrong, Some(&secret)), None, "{wrong}");
        }
        let other = Secret::new("fedcba9876543210");
        assert_eq!(read(&beacon, Some(&other)), None);
        assert_eq!(read(&beacon, None), None);
    }
}
