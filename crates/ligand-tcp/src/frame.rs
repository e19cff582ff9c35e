//! Frames: how packets follow each other on a connection.
//!
//! Six bytes stand before each packet: the XOR of the other five, the length of the whole frame (big endian, with
//! these six), and the kind.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use ligand_wire::packet::PacketKind;

/// Bytes before the packet.
pub(crate) const HEADER: usize = 6;

/// The number of a hello.
pub(crate) const HELLO: u8 = 8;

/// How much a reader makes room for at once, before the bytes are there.
const STEP: usize = 64 * 1024;

/// The number of a kind; `None` for packets that do not travel over TCP.
pub(crate) const fn number(kind: PacketKind) -> Option<u8> {
    Some(match kind {
        PacketKind::Event => 1,
        PacketKind::Request => 2,
        PacketKind::Response => 3,
        PacketKind::Ping => 4,
        PacketKind::Pong => 5,
        PacketKind::GossipRequest => 6,
        PacketKind::GossipResponse => 7,
        PacketKind::GossipHello => HELLO,
        PacketKind::Discover | PacketKind::Info | PacketKind::Disconnect | PacketKind::Heartbeat => {
            return None;
        }
    })
}

const fn kind(number: u8) -> Option<PacketKind> {
    Some(match number {
        1 => PacketKind::Event,
        2 => PacketKind::Request,
        3 => PacketKind::Response,
        4 => PacketKind::Ping,
        5 => PacketKind::Pong,
        6 => PacketKind::GossipRequest,
        7 => PacketKind::GossipResponse,
        HELLO => PacketKind::GossipHello,
        _ => return None,
    })
}

/// The header of a frame with a packet of `length` bytes.
pub(crate) fn header(number: u8, length: usize) -> [u8; HEADER] {
    // Longer packets were refused when they were handed over.
    let [a, b, c, d] = u32::try_from(length + HEADER).unwrap_or(u32::MAX).to_be_bytes();
    [a ^ b ^ c ^ d ^ number, a, b, c, d, number]
}

/// Why a connection cannot be read any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// The check byte is wrong: this is no frame.
    Check,
    /// No packet has this number.
    Kind(u8),
    /// Shorter than a header, or longer than allowed.
    Length(u32),
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Check => f.write_str("the check byte of a frame is wrong"),
            Self::Kind(number) => write!(f, "no packet has the number {number}"),
            Self::Length(length) => write!(f, "a frame of {length} bytes is not allowed"),
        }
    }
}

/// Cuts what arrives into packets.
#[derive(Debug)]
pub(crate) struct FrameReader {
    buffer: BytesMut,
    limit: usize,
    /// Room for the next bytes.
    step: usize,
}

impl FrameReader {
    /// `limit`: the longest packet in bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self { buffer: BytesMut::new(), limit, step: 1024 }
    }

    /// Other packets may be longer or shorter.
    pub(crate) const fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Where the next bytes go. It grows with what has arrived, never with what a header promises.
    pub(crate) fn space(&mut self) -> &mut BytesMut {
        let have = self.buffer.len();
        // The last read took all there was room for: there is more.
        if have == self.buffer.capacity() {
            self.step = (2 * self.step).min(STEP);
        }
        let total = self.buffer.get(1..5).map_or(0, |mut length| length.get_u32() as usize);
        self.buffer.reserve(total.saturating_sub(have).clamp(self.step, have.max(STEP)));
        &mut self.buffer
    }

    /// The next packet, when it is complete.
    pub(crate) fn next(&mut self) -> Result<Option<(PacketKind, Bytes)>, Broken> {
        let Some(&[check, a, b, c, d, number]) = self.buffer.first_chunk::<HEADER>() else {
            return Ok(None);
        };
        if check != a ^ b ^ c ^ d ^ number {
            return Err(Broken::Check);
        }
        let kind = kind(number).ok_or(Broken::Kind(number))?;
        let length = u32::from_be_bytes([a, b, c, d]);
        let total = length as usize;
        if total < HEADER || total - HEADER > self.limit {
            return Err(Broken::Length(length));
        }
        if self.buffer.len() < total {
            return Ok(None);
        }
        let mut frame = self.buffer.split_to(total);
        frame.advance(HEADER);
        Ok(Some((kind, frame.freeze())))
    }
}

/// Appends a whole frame.
pub(crate) fn put(out: &mut BytesMut, number: u8, body: &[u8]) {
    out.reserve(HEADER + body.len());
    out.put_slice(&header(number, body.len()));
    out.put_slice(body);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], step: usize) -> Result<Vec<(PacketKind, Bytes)>, Broken> {
        let mut reader = FrameReader::new(1000);
        let mut packets = Vec::new();
        for part in bytes.chunks(step) {
            reader.space().put_slice(part);
            while let Some(packet) = reader.next()? {
                packets.push(packet);
            }
        }
        Ok(packets)
    }

    #[test]
    fn a_known_header() {
        assert_eq!(header(6, 55 - HEADER), [0x31, 0, 0, 0, 0x37, 6]);
    }

    #[test]
    fn frames_in_any_pieces() {
        let mut bytes = BytesMut::new();
        put(&mut bytes, 2, b"one");
        put(&mut bytes, 8, b"");
        put(&mut bytes, 3, &[7; 1000]);
        for step in [1, 2, 5, 6, 7, 13, 2000] {
            let packets = read(&bytes, step).unwrap();
            let kinds: Vec<_> = packets.iter().map(|(kind, body)| (*kind, body.len())).collect();
            assert_eq!(
                kinds,
                [(PacketKind::Request, 3), (PacketKind::GossipHello, 0), (PacketKind::Response, 1000)]
            );
        }
    }

    #[test]
    fn every_kind_has_one_number() {
        for known in PacketKind::ALL {
            assert_eq!(number(known).map(kind), number(known).map(|_| Some(known)));
        }
    }

    #[test]
    fn garbage_is_refused() {
        let frame = |number: u8, total: u32| {
            let [a, b, c, d] = total.to_be_bytes();
            [a ^ b ^ c ^ d ^ number, a, b, c, d, number]
        };
        assert_eq!(read(b"GET / HTTP/1.1", 14), Err(Broken::Check));
        assert_eq!(read(&frame(9, 6), 6), Err(Broken::Kind(9)));
        for length in [0, 5, 1007, u32::MAX] {
            assert_eq!(read(&frame(1, length), 6), Err(Broken::Length(length)));
        }
    }

    #[test]
    fn random_bytes_end_or_wait() {
        let mut rng = fastrand::Rng::with_seed(3);
        for _ in 0..20_000 {
            let mut bytes = header(rng.u8(..12), rng.usize(..1100)).to_vec();
            bytes.extend((0..rng.usize(..60)).map(|_| rng.u8(..)));
            for _ in 0..rng.usize(..3) {
                let at = rng.usize(..bytes.len());
                bytes[at] = rng.u8(..);
            }
            let read = read(&bytes, rng.usize(1..20));
            assert!(
                read.is_err() || read.is_ok_and(|packets| packets.iter().all(|(_, body)| body.len() <= 60))
            );
        }
    }

    #[test]
    fn room_grows_with_what_is_there() {
        let mut reader = FrameReader::new(1 << 30);
        reader.space().put_slice(&header(1, 1 << 29));
        assert!(reader.next().unwrap().is_none());
        reader.space();
        assert!(reader.buffer.capacity() <= 2 * STEP);
    }
}
