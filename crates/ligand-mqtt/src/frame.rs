//! MQTT packets to bytes and back: what a node needs of versions 5 and 3.1.1.
//!
//! Written by hand: both versions in one code path, nothing that panics on what a server sends, and reason codes that
//! reach the sender.

use bytes::{Buf, Bytes};

/// Longest packet the protocol can express.
pub(crate) const LONGEST: usize = 268_435_455;

/// "Nobody subscribed to this", in acknowledgements of version 5.
pub(crate) const NO_SUBSCRIBERS: u8 = 0x10;

/// Version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    V3,
    V5,
}

/// How hard the server tries to deliver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
#[allow(clippy::enum_variant_names, reason = "the names of the protocol")]
pub(crate) enum Qos {
    AtMostOnce = 0,
    AtLeastOnce = 1,
    ExactlyOnce = 2,
}

impl Qos {
    pub(crate) const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::AtMostOnce),
            1 => Some(Self::AtLeastOnce),
            2 => Some(Self::ExactlyOnce),
            _ => None,
        }
    }
}

/// Who connects.
#[derive(Clone, Copy)]
pub(crate) struct Hello<'a> {
    pub(crate) client_id: &'a str,
    pub(crate) username: Option<&'a str>,
    pub(crate) password: Option<&'a [u8]>,
    /// Seconds; 0 = off.
    pub(crate) keep_alive: u16,
    /// What the server may send at most; told in version 5 only.
    pub(crate) max_packet: u32,
}

/// The four steps of an acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Ack,
    Received,
    Release,
    Complete,
}

/// What the server answers to a connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Welcome {
    /// 0 = accepted.
    pub(crate) code: u8,
    /// How many packets may wait for an acknowledgement.
    pub(crate) window: u16,
    /// Largest packet the server takes.
    pub(crate) max_packet: usize,
    /// Highest level of delivery.
    pub(crate) max_qos: Qos,
    /// Seconds, when the server decides them.
    pub(crate) keep_alive: Option<u16>,
}

/// A packet from the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Incoming {
    Welcome(Welcome),
    Publish { topic: Bytes, qos: Qos, id: u16, body: Bytes },
    Step { step: Step, id: u16, reason: u8 },
    Subscribed { id: u16, reasons: Bytes },
    Pong,
    Bye { reason: u8 },
}

/// What the server sent is not MQTT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

/// Length of the first packet in `bytes`: of its head, and of the rest. `None`: more bytes are needed.
pub(crate) fn length(bytes: &[u8]) -> Result<Option<(usize, usize)>, Malformed> {
    let mut rest = 0usize;
    for place in 0..4 {
        let Some(byte) = bytes.get(1 + place) else { return Ok(None) };
        rest |= usize::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Ok(Some((2 + place, rest)));
        }
    }
    Err(Malformed("a length of more than four bytes"))
}

/// Reads a packet: its first byte, and what follows its length.
pub(crate) fn decode(version: Version, first: u8, mut rest: Bytes) -> Result<Incoming, Malformed> {
    let v5 = version == Version::V5;
    match first >> 4 {
        2 => Ok(Incoming::Welcome(welcome(version, rest)?)),
        3 => {
            let qos = Qos::from_number((first >> 1) & 3).ok_or(Malformed("a publish with QoS 3"))?;
            let topic = text(&mut rest)?;
            let id = if qos == Qos::AtMostOnce { 0 } else { number(&mut rest)? };
            if v5 {
                properties(&mut rest)?;
            }
            Ok(Incoming::Publish { topic, qos, id, body: rest })
        }
        kind @ 4..=7 => {
            let step = [Step::Ack, Step::Received, Step::Release, Step::Complete][usize::from(kind - 4)];
            let id = number(&mut rest)?;
            Ok(Incoming::Step { step, id, reason: rest.first().copied().filter(|_| v5).unwrap_or(0) })
        }
        9 => {
            let id = number(&mut rest)?;
            if v5 {
                properties(&mut rest)?;
            }
            Ok(Incoming::Subscribed { id, reasons: rest })
        }
        13 => Ok(Incoming::Pong),
        14 => Ok(Incoming::Bye { reason: rest.first().copied().unwrap_or(0) }),
        _ => Err(Malformed("a packet that servers do not send")),
    }
}

fn welcome(version: Version, mut rest: Bytes) -> Result<Welcome, Malformed> {
    if rest.len() < 2 {
        return Err(Malformed("a short answer to the connect"));
    }
    rest.advance(1);
    let mut welcome = Welcome {
        code: rest.get_u8(),
        window: u16::MAX,
        max_packet: LONGEST,
        max_qos: Qos::ExactlyOnce,
        keep_alive: None,
    };
    // A server without version 5 answers in the form of version 3.
    if version == Version::V3 || rest.is_empty() {
        return Ok(welcome);
    }
    let mut rest = properties(&mut rest)?;
    while !rest.is_empty() {
        match property(&mut rest)? {
            (0x21, value) => welcome.window = u16::try_from(value).unwrap_or(u16::MAX).max(1),
            (0x27, value) => welcome.max_packet = usize::try_from(value).unwrap_or(LONGEST).min(LONGEST),
            (0x24, 0) => welcome.max_qos = Qos::AtMostOnce,
            (0x24, 1) => welcome.max_qos = Qos::AtLeastOnce,
            (0x13, value) => welcome.keep_alive = u16::try_from(value).ok(),
            _ => {}
        }
    }
    Ok(welcome)
}

const SHORT: Malformed = Malformed("a packet that ends too early");

fn number(rest: &mut Bytes) -> Result<u16, Malformed> {
    if rest.len() < 2 { Err(SHORT) } else { Ok(rest.get_u16()) }
}

fn text(rest: &mut Bytes) -> Result<Bytes, Malformed> {
    let length = usize::from(number(rest)?);
    if rest.len() < length { Err(SHORT) } else { Ok(rest.split_to(length)) }
}

fn varint(rest: &mut Bytes) -> Result<usize, Malformed> {
    let mut value = 0usize;
    for place in 0..4 {
        if rest.is_empty() {
            return Err(SHORT);
        }
        let byte = rest.get_u8();
        value |= usize::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Malformed("a number of more than four bytes"))
}

/// Takes the properties off.
fn properties(rest: &mut Bytes) -> Result<Bytes, Malformed> {
    let length = varint(rest)?;
    if rest.len() < length { Err(SHORT) } else { Ok(rest.split_to(length)) }
}

/// One property: its number, and its value when that is a number.
fn property(rest: &mut Bytes) -> Result<(u8, u32), Malformed> {
    let id = rest.get_u8();
    let value = match id {
        0x01 | 0x17 | 0x19 | 0x24 | 0x25 | 0x28 | 0x29 | 0x2a => {
            if rest.is_empty() {
                return Err(SHORT);
            }
            u32::from(rest.get_u8())
        }
        0x13 | 0x21..=0x23 => u32::from(number(rest)?),
        0x02 | 0x11 | 0x18 | 0x27 => {
            if rest.len() < 4 {
                return Err(SHORT);
            }
            rest.get_u32()
        }
        0x0b => u32::try_from(varint(rest)?).unwrap_or(u32::MAX),
        0x26 => {
            text(rest)?;
            text(rest)?;
            0
        }
        0x03 | 0x08 | 0x09 | 0x12 | 0x15 | 0x16 | 0x1a | 0x1c | 0x1f => {
            text(rest)?;
            0
        }
        _ => return Err(Malformed("an unknown property")),
    };
    Ok((id, value))
}

/// Length of a publish packet on the wire.
pub(crate) const fn publish_length(version: Version, topic: &str, qos: Qos, body: &[u8]) -> usize {
    let id = if matches!(qos, Qos::AtMostOnce) { 0 } else { 2 };
    let properties = if matches!(version, Version::V5) { 1 } else { 0 };
    // First byte, and up to four of length.
    5 + 2 + topic.len() + id + properties + body.len()
}

/// Appends a publish packet; the topic has at most 65 535 bytes.
pub(crate) fn publish(out: &mut Vec<u8>, version: Version, topic: &str, qos: Qos, id: u16, body: &[u8]) {
    let rest = publish_length(version, topic, qos, body) - 5;
    out.reserve(rest + 5);
    head(out, 0x30 | (qos as u8) << 1, rest);
    put_text(out, topic.as_bytes());
    if qos != Qos::AtMostOnce {
        out.extend_from_slice(&id.to_be_bytes());
    }
    if version == Version::V5 {
        out.push(0);
    }
    out.extend_from_slice(body);
}

/// Appends a connect packet with a clean session.
pub(crate) fn connect(out: &mut Vec<u8>, version: Version, hello: Hello<'_>) {
    let mut rest = Vec::with_capacity(64);
    put_text(&mut rest, b"MQTT");
    rest.push(if version == Version::V5 { 5 } else { 4 });
    let user = u8::from(hello.username.is_some()) << 7;
    let password = u8::from(hello.password.is_some()) << 6;
    rest.push(user | password | 0x02);
    rest.extend_from_slice(&hello.keep_alive.to_be_bytes());
    if version == Version::V5 {
        rest.push(5);
        rest.push(0x27);
        rest.extend_from_slice(&hello.max_packet.to_be_bytes());
    }
    put_text(&mut rest, hello.client_id.as_bytes());
    for part in [hello.username.map(str::as_bytes), hello.password].into_iter().flatten() {
        put_text(&mut rest, part);
    }
    head(out, 0x10, rest.len());
    out.extend_from_slice(&rest);
}

/// Appends one subscribe packet for all topics.
pub(crate) fn subscribe<'a>(
    out: &mut Vec<u8>,
    version: Version,
    id: u16,
    qos: Qos,
    topics: impl Iterator<Item = &'a str>,
) {
    let mut rest = Vec::with_capacity(512);
    rest.extend_from_slice(&id.to_be_bytes());
    if version == Version::V5 {
        rest.push(0);
    }
    for topic in topics {
        put_text(&mut rest, topic.as_bytes());
        rest.push(qos as u8);
    }
    head(out, 0x82, rest.len());
    out.extend_from_slice(&rest);
}

/// Appends one step of an acknowledgement: success.
pub(crate) fn step(out: &mut Vec<u8>, step: Step, id: u16) {
    let first = match step {
        Step::Ack => 0x40,
        Step::Received => 0x50,
        Step::Release => 0x62,
        Step::Complete => 0x70,
    };
    head(out, first, 2);
    out.extend_from_slice(&id.to_be_bytes());
}

/// Appends "are you there?".
pub(crate) fn ping(out: &mut Vec<u8>) {
    head(out, 0xc0, 0);
}

/// Appends a farewell.
pub(crate) fn bye(out: &mut Vec<u8>) {
    head(out, 0xe0, 0);
}

#[allow(clippy::cast_possible_truncation, reason = "seven bits at a time")]
fn head(out: &mut Vec<u8>, first: u8, mut rest: usize) {
    out.push(first);
    while rest > 0x7f {
        out.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

#[allow(clippy::cast_possible_truncation, reason = "texts are checked before: at most 65 535 bytes")]
fn put_text(out: &mut Vec<u8>, text: &[u8]) {
    debug_assert!(text.len() <= usize::from(u16::MAX));
    out.extend_from_slice(&(text.len() as u16).to_be_bytes());
    out.extend_from_slice(text);
}

#[cfg(test)]
mod tests;
