//! AMQP 0-9-1 frames to bytes and back: the methods that a node needs.
//!
//! Written by hand: what the server returns must reach the sender at once and must not reach the log, and nothing that
//! a server sends may panic.

mod read;
mod write;

pub(crate) use self::{
    read::{Content, Frame, Malformed, Method, length},
    write::{
        Field, Message, Table, ack, bind, cancel, channel_close, channel_close_ok, channel_open, close,
        close_ok, consume, declare_exchange, declare_queue, exists, flow_ok, get, give_back, heartbeat, open,
        publish, qos, start_ok, tune_ok,
    },
};

/// What a client says first.
pub(crate) const GREETING: &[u8] = b"AMQP\0\0\x09\x01";

/// The last byte of every frame.
const END: u8 = 0xce;

#[cfg(test)]
mod tests;
