//! To bytes. Names have at most 255 bytes, which is checked before.

use std::fmt::Write as _;

use super::END;

/// A value in a table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Field {
    Bool(bool),
    Number(i64),
    Text(String),
    Table(Table),
}

/// Names and values.
pub(crate) type Table = Vec<(String, Field)>;

fn method(out: &mut Vec<u8>, channel: u16, class: u16, id: u16, arguments: impl FnOnce(&mut Vec<u8>)) {
    out.push(1);
    out.extend_from_slice(&channel.to_be_bytes());
    let size = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&class.to_be_bytes());
    out.extend_from_slice(&id.to_be_bytes());
    arguments(out);
    close_frame(out, size);
}

/// Fills in the size that was left open.
#[allow(clippy::cast_possible_truncation, reason = "methods and headers are short")]
fn close_frame(out: &mut Vec<u8>, size: usize) {
    let length = (out.len() - size - 4) as u32;
    out[size..size + 4].copy_from_slice(&length.to_be_bytes());
    out.push(END);
}

#[allow(clippy::cast_possible_truncation, reason = "names have at most 255 bytes")]
fn short(out: &mut Vec<u8>, text: &str) {
    debug_assert!(text.len() < 256);
    out.push(text.len() as u8);
    out.extend_from_slice(text.as_bytes());
}

#[allow(clippy::cast_possible_truncation, reason = "values are short")]
fn long(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
    out.extend_from_slice(bytes);
}

#[allow(clippy::cast_possible_truncation, reason = "tables are short")]
fn table(out: &mut Vec<u8>, fields: &Table) {
    let size = out.len();
    out.extend_from_slice(&[0; 4]);
    for (name, value) in fields {
        short(out, name);
        match value {
            Field::Bool(value) => out.extend_from_slice(&[b't', u8::from(*value)]),
            // Servers compare numbers, not their widths.
            Field::Number(value) => match i32::try_from(*value) {
                Ok(value) => {
                    out.push(b'I');
                    out.extend_from_slice(&value.to_be_bytes());
                }
                Err(_) => {
                    out.push(b'l');
                    out.extend_from_slice(&value.to_be_bytes());
                }
            },
            Field::Text(value) => {
                out.push(b'S');
                long(out, value.as_bytes());
            }
            Field::Table(fields) => {
                out.push(b'F');
                table(out, fields);
            }
        }
    }
    let length = (out.len() - size - 4) as u32;
    out[size..size + 4].copy_from_slice(&length.to_be_bytes());
}

pub(crate) fn start_ok(out: &mut Vec<u8>, properties: &Table, mechanism: &str, response: &[u8]) {
    method(out, 0, 10, 11, |out| {
        table(out, properties);
        short(out, mechanism);
        long(out, response);
        short(out, "en_US");
    });
}

pub(crate) fn tune_ok(out: &mut Vec<u8>, channels: u16, frame: u32, heartbeat: u16) {
    method(out, 0, 10, 31, |out| {
        out.extend_from_slice(&channels.to_be_bytes());
        out.extend_from_slice(&frame.to_be_bytes());
        out.extend_from_slice(&heartbeat.to_be_bytes());
    });
}

pub(crate) fn open(out: &mut Vec<u8>, vhost: &str) {
    method(out, 0, 10, 40, |out| {
        short(out, vhost);
        out.extend_from_slice(&[0, 0]);
    });
}

pub(crate) fn close(out: &mut Vec<u8>) {
    method(out, 0, 10, 50, |out| {
        out.extend_from_slice(&200u16.to_be_bytes());
        short(out, "goodbye");
        out.extend_from_slice(&[0; 4]);
    });
}

pub(crate) fn close_ok(out: &mut Vec<u8>) {
    method(out, 0, 10, 51, |_| {});
}

pub(crate) fn channel_open(out: &mut Vec<u8>, channel: u16) {
    method(out, channel, 20, 10, |out| out.push(0));
}

pub(crate) fn channel_close(out: &mut Vec<u8>, channel: u16) {
    method(out, channel, 20, 40, |out| {
        out.extend_from_slice(&200u16.to_be_bytes());
        short(out, "done");
        out.extend_from_slice(&[0; 4]);
    });
}

pub(crate) fn channel_close_ok(out: &mut Vec<u8>, channel: u16) {
    method(out, channel, 20, 41, |_| {});
}

pub(crate) fn flow_ok(out: &mut Vec<u8>, channel: u16, active: bool) {
    method(out, channel, 20, 21, |out| out.push(u8::from(active)));
}

/// A fanout exchange.
pub(crate) fn declare_exchange(
    out: &mut Vec<u8>,
    channel: u16,
    name: &str,
    durable: bool,
    auto_delete: bool,
    arguments: &Table,
) {
    method(out, channel, 40, 10, |out| {
        out.extend_from_slice(&[0, 0]);
        short(out, name);
        short(out, "fanout");
        out.push(u8::from(durable) << 1 | u8::from(auto_delete) << 2);
        table(out, arguments);
    });
}

pub(crate) fn declare_queue(
    out: &mut Vec<u8>,
    channel: u16,
    name: &str,
    durable: bool,
    auto_delete: bool,
    arguments: &Table,
) {
    method(out, channel, 50, 10, |out| {
        out.extend_from_slice(&[0, 0]);
        short(out, name);
        out.push(u8::from(durable) << 1 | u8::from(auto_delete) << 3);
        table(out, arguments);
    });
}

/// Asks whether a queue exists.
pub(crate) fn exists(out: &mut Vec<u8>, channel: u16, queue: &str) {
    method(out, channel, 50, 10, |out| {
        out.extend_from_slice(&[0, 0]);
        short(out, queue);
        out.push(1);
        table(out, &Table::new());
    });
}

pub(crate) fn bind(out: &mut Vec<u8>, channel: u16, queue: &str, exchange: &str) {
    method(out, channel, 50, 20, |out| {
        out.extend_from_slice(&[0, 0]);
        short(out, queue);
        short(out, exchange);
        short(out, "");
        out.push(0);
        table(out, &Table::new());
    });
}

pub(crate) fn qos(out: &mut Vec<u8>, channel: u16, prefetch: u16) {
    method(out, channel, 60, 10, |out| {
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&prefetch.to_be_bytes());
        out.push(0);
    });
}

pub(crate) fn consume(out: &mut Vec<u8>, channel: u16, queue: &str, consumer: &str, no_ack: bool) {
    method(out, channel, 60, 20, |out| {
        out.extend_from_slice(&[0, 0]);
        short(out, queue);
        short(out, consumer);
        out.push(u8::from(no_ack) << 1);
        table(out, &Table::new());
    });
}

pub(crate) fn cancel(out: &mut Vec<u8>, channel: u16, consumer: &str) {
    method(out, channel, 60, 30, |out| {
        short(out, consumer);
        out.push(0);
    });
}

pub(crate) fn ack(out: &mut Vec<u8>, channel: u16, tag: u64) {
    method(out, channel, 60, 80, |out| {
        out.extend_from_slice(&tag.to_be_bytes());
        out.push(0);
    });
}

/// Asks for the next message of a queue; it wants an acknowledgement.
pub(crate) fn get(out: &mut Vec<u8>, channel: u16, queue: &str) {
    method(out, channel, 60, 70, |out| {
        out.extend_from_slice(&[0, 0]);
        short(out, queue);
        out.push(0);
    });
}

/// Puts all messages of the channel that were not acknowledged back into their queues.
pub(crate) fn give_back(out: &mut Vec<u8>, channel: u16) {
    method(out, channel, 60, 120, |out| {
        out.extend_from_slice(&[0; 8]);
        out.push(0b11);
    });
}

pub(crate) fn heartbeat(out: &mut Vec<u8>) {
    out.extend_from_slice(&[8, 0, 0, 0, 0, 0, 0, END]);
}

/// What travels beside a body.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Message<'a> {
    pub(crate) exchange: &'a str,
    pub(crate) routing_key: &'a str,
    /// Comes back when it fits no queue.
    pub(crate) mandatory: bool,
    pub(crate) persistent: bool,
    pub(crate) priority: Option<u8>,
    pub(crate) correlation_id: Option<u64>,
    /// Milliseconds.
    pub(crate) expiration: Option<u64>,
    /// Who sent it, to find it again in the queue.
    pub(crate) app_id: Option<&'a str>,
}

/// About how many bytes a message takes.
pub(crate) const fn publish_length(message: &Message<'_>, body: &[u8]) -> usize {
    let app_id = match message.app_id {
        Some(id) => id.len(),
        None => 0,
    };
    128 + message.exchange.len() + message.routing_key.len() + app_id + body.len()
}

/// Appends a message; frames have `frame` bytes at most.
pub(crate) fn publish(out: &mut Vec<u8>, channel: u16, message: &Message<'_>, body: &[u8], frame: usize) {
    out.reserve(publish_length(message, body));
    method(out, channel, 60, 40, |out| {
        out.extend_from_slice(&[0, 0]);
        short(out, message.exchange);
        short(out, message.routing_key);
        out.push(u8::from(message.mandatory));
    });
    out.push(2);
    out.extend_from_slice(&channel.to_be_bytes());
    let size = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&[0, 60, 0, 0]);
    out.extend_from_slice(&(body.len() as u64).to_be_bytes());
    let flags = u16::from(message.persistent) << 12
        | u16::from(message.priority.is_some()) << 11
        | u16::from(message.correlation_id.is_some()) << 10
        | u16::from(message.expiration.is_some()) << 8
        | u16::from(message.app_id.is_some()) << 3;
    out.extend_from_slice(&flags.to_be_bytes());
    if message.persistent {
        out.push(2);
    }
    out.extend(message.priority);
    let mut text = String::new();
    for number in [message.correlation_id, message.expiration].into_iter().flatten() {
        text.clear();
        let _ = write!(text, "{number}");
        short(out, &text);
    }
    if let Some(id) = message.app_id {
        short(out, id);
    }
    close_frame(out, size);
    for part in body.chunks(frame.saturating_sub(8).max(1)) {
        out.push(3);
        out.extend_from_slice(&channel.to_be_bytes());
        let size = out.len();
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(part);
        close_frame(out, size);
    }
}
