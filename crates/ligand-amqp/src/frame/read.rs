//! From bytes.

use bytes::{Buf, Bytes};

use super::END;

/// What the server sent is not AMQP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

const SHORT: Malformed = Malformed("a frame that ends too early");

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    Method(Method),
    /// Begins the content of a delivery.
    Content(Content),
    /// A part of it.
    Body(Bytes),
    Heartbeat,
}

/// What follows a delivery.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) size: u64,
    pub(crate) correlation_id: Option<Bytes>,
    pub(crate) app_id: Option<Bytes>,
    /// It has a table of headers.
    pub(crate) headers: bool,
}

/// What the server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Start {
        mechanisms: Bytes,
    },
    Tune {
        channels: u16,
        frame: u32,
        heartbeat: u16,
    },
    OpenOk,
    Close {
        code: u16,
        text: Bytes,
    },
    CloseOk,
    Blocked {
        reason: Bytes,
    },
    Unblocked,
    ChannelClose {
        code: u16,
        text: Bytes,
    },
    Flow {
        active: bool,
    },
    /// Any answer that says nothing more.
    Done,
    Queue {
        consumers: u32,
    },
    Cancel,
    Return {
        code: u16,
    },
    Deliver {
        consumer: Bytes,
        tag: u64,
        /// It was handed to somebody before.
        redelivered: bool,
    },
    /// The next message of a queue.
    Got {
        tag: u64,
        redelivered: bool,
    },
    /// There is none.
    Empty,
    /// Nothing that asks for a reaction.
    Other,
}

/// Length of the first frame in `bytes`; `None`: more bytes are needed.
pub(crate) fn length(bytes: &[u8]) -> Option<usize> {
    let size = bytes.get(3..7)?;
    let size = u32::from_be_bytes([size[0], size[1], size[2], size[3]]);
    usize::try_from(size).ok()?.checked_add(8)
}

impl Frame {
    /// Reads a whole frame: its channel and what it is.
    pub(crate) fn read(mut bytes: Bytes) -> Result<(u16, Self), Malformed> {
        if bytes.len() < 8 || bytes.last() != Some(&END) {
            return Err(Malformed("a frame without an end"));
        }
        bytes.truncate(bytes.len() - 1);
        let kind = bytes.get_u8();
        let channel = bytes.get_u16();
        bytes.advance(4);
        let frame = match kind {
            1 => Self::Method(method(bytes)?),
            2 => Self::Content(content(bytes)?),
            3 => Self::Body(bytes),
            8 => Self::Heartbeat,
            _ => return Err(Malformed("an unknown frame")),
        };
        Ok((channel, frame))
    }
}

fn method(mut rest: Bytes) -> Result<Method, Malformed> {
    let class = u16(&mut rest)?;
    let id = u16(&mut rest)?;
    Ok(match (class, id) {
        (10, 10) => {
            u16(&mut rest)?;
            long(&mut rest)?;
            Method::Start { mechanisms: long(&mut rest)? }
        }
        (10, 30) => {
            Method::Tune { channels: u16(&mut rest)?, frame: u32(&mut rest)?, heartbeat: u16(&mut rest)? }
        }
        (10, 41) => Method::OpenOk,
        (10, 50) => Method::Close { code: u16(&mut rest)?, text: short(&mut rest)? },
        (10, 51) => Method::CloseOk,
        (10, 60) => Method::Blocked { reason: short(&mut rest)? },
        (10, 61) => Method::Unblocked,
        (20, 20) => Method::Flow { active: u8(&mut rest)? & 1 == 1 },
        (20, 40) => Method::ChannelClose { code: u16(&mut rest)?, text: short(&mut rest)? },
        (20, 11 | 41) | (40, 11) | (50, 21) | (60, 11 | 21 | 31) => Method::Done,
        (50, 11) => {
            short(&mut rest)?;
            u32(&mut rest)?;
            Method::Queue { consumers: u32(&mut rest)? }
        }
        (60, 30) => Method::Cancel,
        (60, 50) => Method::Return { code: u16(&mut rest)? },
        (60, 60) => {
            let (consumer, tag) = (short(&mut rest)?, u64(&mut rest)?);
            Method::Deliver { consumer, tag, redelivered: u8(&mut rest)? & 1 == 1 }
        }
        (60, 71) => Method::Got { tag: u64(&mut rest)?, redelivered: u8(&mut rest)? & 1 == 1 },
        (60, 72) => Method::Empty,
        _ => Method::Other,
    })
}

fn content(mut rest: Bytes) -> Result<Content, Malformed> {
    u32(&mut rest)?;
    let size = u64(&mut rest)?;
    let flags = u16(&mut rest)?;
    let has = |bit: u16| flags >> bit & 1 == 1;
    for _ in [15, 14].into_iter().filter(|bit| has(*bit)) {
        short(&mut rest)?;
    }
    let headers = has(13);
    if headers {
        long(&mut rest)?;
    }
    for _ in [12, 11].into_iter().filter(|bit| has(*bit)) {
        u8(&mut rest)?;
    }
    let correlation_id = if has(10) { Some(short(&mut rest)?) } else { None };
    for _ in [9, 8, 7].into_iter().filter(|bit| has(*bit)) {
        short(&mut rest)?;
    }
    if has(6) {
        u64(&mut rest)?;
    }
    for _ in [5, 4].into_iter().filter(|bit| has(*bit)) {
        short(&mut rest)?;
    }
    let app_id = if has(3) { Some(short(&mut rest)?) } else { None };
    Ok(Content { size, correlation_id, app_id, headers })
}

fn u8(rest: &mut Bytes) -> Result<u8, Malformed> {
    rest.try_get_u8().map_err(|_| SHORT)
}

fn u16(rest: &mut Bytes) -> Result<u16, Malformed> {
    rest.try_get_u16().map_err(|_| SHORT)
}

fn u32(rest: &mut Bytes) -> Result<u32, Malformed> {
    rest.try_get_u32().map_err(|_| SHORT)
}

fn u64(rest: &mut Bytes) -> Result<u64, Malformed> {
    rest.try_get_u64().map_err(|_| SHORT)
}

fn short(rest: &mut Bytes) -> Result<Bytes, Malformed> {
    let length = usize::from(u8(rest)?);
    if rest.len() < length { Err(SHORT) } else { Ok(rest.split_to(length)) }
}

fn long(rest: &mut Bytes) -> Result<Bytes, Malformed> {
    let length = usize::try_from(u32(rest)?).map_err(|_| SHORT)?;
    if rest.len() < length { Err(SHORT) } else { Ok(rest.split_to(length)) }
}
