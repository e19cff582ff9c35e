//! The PROXY protocol, versions 1 and 2: a proxy of connections says first whose each one is.
//!
//! Read by hand, byte by byte where its length is not known: nothing that comes after it may be taken.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// How version 2 begins.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// The longest line of version 1, and the longest rest of version 2.
const LONGEST: (usize, usize) = (107, 4096);

/// Reads what the proxy says. `near` is the proxy itself: whose connection it is when it does not say.
///
/// # Errors
/// For what is no such beginning.
pub(super) async fn client(
    stream: &mut (impl AsyncRead + Unpin),
    near: SocketAddr,
) -> io::Result<SocketAddr> {
    let mut start = [0; 12];
    stream.read_exact(&mut start).await?;
    if start == SIGNATURE {
        return second(stream, near).await;
    }
    let mut line = start.to_vec();
    while line.last() != Some(&b'\n') {
        if line.len() == LONGEST.0 || !line.starts_with(b"PROXY ") {
            return Err(wrong());
        }
        line.push(stream.read_u8().await?);
    }
    first(&line, near).ok_or_else(wrong)
}

/// `PROXY TCP4 1.2.3.4 5.6.7.8 1000 443`.
fn first(line: &[u8], near: SocketAddr) -> Option<SocketAddr> {
    let line = std::str::from_utf8(line).ok()?.strip_suffix("\r\n")?;
    let mut parts = line.split(' ').skip(1);
    let kind = parts.next()?;
    if kind == "UNKNOWN" {
        return Some(near);
    }
    let address: IpAddr = parts.next()?.parse().ok()?;
    let port = parts.nth(1)?.parse().ok()?;
    let fits = matches!((kind, address), ("TCP4", IpAddr::V4(_)) | ("TCP6", IpAddr::V6(_)));
    (fits && parts.next()?.parse::<u16>().is_ok() && parts.next().is_none())
        .then(|| SocketAddr::new(address, port))
}

async fn second(stream: &mut (impl AsyncRead + Unpin), near: SocketAddr) -> io::Result<SocketAddr> {
    let (command, family) = (stream.read_u8().await?, stream.read_u8().await?);
    let length = usize::from(stream.read_u16().await?);
    if length > LONGEST.1 || !matches!(command, 0x20 | 0x21) {
        return Err(wrong());
    }
    let mut rest = vec![0; length];
    stream.read_exact(&mut rest).await?;
    let port = |at: usize| Some(u16::from_be_bytes([*rest.get(at)?, *rest.get(at + 1)?]));
    let found = match (command, family) {
        // A check of the proxy, or something that is no TCP.
        (0x21, 0x11) => {
            let own = rest.get(..4).and_then(|bytes| <[u8; 4]>::try_from(bytes).ok());
            own.map(Ipv4Addr::from).map(IpAddr::from).zip(port(8))
        }
        (0x21, 0x21) => {
            let own = rest.get(..16).and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
            own.map(Ipv6Addr::from).map(IpAddr::from).zip(port(32))
        }
        _ => return Ok(near),
    };
    found.map(SocketAddr::from).ok_or_else(wrong)
}

fn wrong() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the connection does not begin with the PROXY protocol")
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(bytes: &[u8]) -> io::Result<(String, String)> {
        let mut rest = bytes;
        let client = client(&mut rest, ([10, 0, 0, 1], 1).into()).await?;
        Ok((client.to_string(), String::from_utf8_lossy(rest).into_owned()))
    }

    fn second(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [&SIGNATURE[..], &[command, family], &length, rest, b"GET"].concat()
    }

    #[tokio::test]
    async fn the_client_is_whom_the_proxy_names() {
        let mut six = [0; 36];
        six[15] = 7;
        six[33] = 9;
        for (bytes, client) in [
            (b"PROXY TCP4 1.2.3.4 5.6.7.8 1000 443\r\nGET".to_vec(), "1.2.3.4:1000"),
            (b"PROXY TCP6 ::7 ::8 9 443\r\nGET".to_vec(), "[::7]:9"),
            (b"PROXY UNKNOWN\r\nGET".to_vec(), "10.0.0.1:1"),
            (second(0x21, 0x11, &[1, 2, 3, 4, 5, 6, 7, 8, 3, 232, 1, 187, 4, 0, 1]), "1.2.3.4:1000"),
            (second(0x21, 0x21, &six), "[::7]:9"),
            (second(0x20, 0, &[]), "10.0.0.1:1"),
        ] {
            assert_eq!(read(&bytes).await.unwrap(), (client.to_owned(), "GET".to_owned()));
        }
    }

    #[tokio::test]
    async fn what_is_no_such_beginning_is_refused() {
        for bytes in [
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
            b"PROXY TCP4 1.2.3.4 5.6.7.8 1000\r\n".to_vec(),
            b"PROXY TCP4 ::1 ::1 1000 443\r\n".to_vec(),
            b"PROXY TCP4 1.2.3.4 5.6.7.8 99999 443\r\n".to_vec(),
            [b"PROXY TCP4 ".to_vec(), vec![b'1'; 500]].concat(),
            b"PROXY".to_vec(),
            second(0x21, 0x11, &[1, 2, 3]),
            second(0x31, 0x11, &[0; 12]),
            second(0x21, 0x11, &[0; 5000]),
        ] {
            assert!(read(&bytes).await.is_err(), "{}", String::from_utf8_lossy(&bytes));
        }
    }
}
