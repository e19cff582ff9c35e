//! Logs the packets that go over the wire.

use std::path::PathBuf;

use bytes::Bytes;
use ligand_wire::{Payload, Result, packet::PacketKind};
use tracing::Level;

use super::{Output, json};

/// Logs every packet that this node sends or receives, heartbeats excepted.
#[derive(Debug)]
pub struct TransitLogger {
    output: Output,
    data: bool,
    skip: Vec<PacketKind>,
}

impl Default for TransitLogger {
    fn default() -> Self {
        Self { output: Output::default(), data: false, skip: vec![PacketKind::Heartbeat] }
    }
}

impl TransitLogger {
    /// Level of the lines; `None` = none, only files. Default: `INFO`.
    #[must_use]
    pub fn level(mut self, level: impl Into<Option<Level>>) -> Self {
        self.output.level = level.into();
        self
    }

    /// Logs what the packets say too. Default: false.
    #[must_use]
    pub fn data(mut self, on: bool) -> Self {
        self.data = on;
        self
    }

    /// Writes every packet to a file in `<folder>/<node>` too. Nobody deletes them. Default: no.
    #[must_use]
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.output.path = Some(folder.into());
        self
    }

    /// Leaves out packets of these kinds. Default: heartbeats.
    ///
    /// ```
    /// use ligand_core::{ServiceBroker, middleware::debug::TransitLogger};
    /// use ligand_wire::packet::PacketKind;
    /// let logger = TransitLogger::default().skip([PacketKind::Heartbeat]);
    /// let builder = ServiceBroker::builder().transit_logger(logger);
    /// # let _ = builder;
    /// ```
    #[must_use]
    pub fn skip(mut self, kinds: impl IntoIterator<Item = PacketKind>) -> Self {
        self.skip = kinds.into_iter().collect();
        self
    }

    /// Makes the folder of this node, when files are to be written. Once, before the first packet.
    ///
    /// # Errors
    /// `BROKER_OPTIONS_ERROR` when the folder cannot be made.
    pub fn open(&self, node_id: &str) -> Result<()> {
        self.output.open(node_id)
    }

    /// A packet goes out, to a node or to all. `text` returns it as JSON and is asked only when that is logged.
    pub fn sent(&self, kind: PacketKind, to: Option<&str>, text: impl FnOnce() -> Result<Bytes>) {
        if !self.skip.contains(&kind) {
            let (kind, target) = (kind.as_str(), to.unwrap_or("<all nodes>").escape_debug());
            self.output.line(format_args!("=> Send {kind} packet to '{target}'"));
            self.content("=>", format_args!("send-{kind}-to-{}", to.unwrap_or("all")), text);
        }
    }

    /// A packet came in. `text` as in [`TransitLogger::sent`].
    pub fn received(&self, kind: PacketKind, sender: &str, text: impl FnOnce() -> Result<Bytes>) {
        if !self.skip.contains(&kind) {
            let kind = kind.as_str();
            self.output.line(format_args!("<= Receive {kind} packet from '{}'", sender.escape_debug()));
            self.content("<=", format_args!("receive-{kind}-from-{sender}"), text);
        }
    }

    fn content(&self, arrow: &str, file: std::fmt::Arguments<'_>, text: impl FnOnce() -> Result<Bytes>) {
        if !self.data && self.output.path.is_none() {
            return;
        }
        let text = match text() {
            Ok(text) => json(&Payload::json(text)),
            Err(error) => format!("<{error:#}>"),
        };
        if self.data {
            self.output.line(format_args!("{arrow} {}", OneLine(&text)));
        }
        self.output.file(file, || text);
    }
}

/// Text from outside, which cannot begin a line of its own: control characters stand in JSON only between values.
struct OneLine<'a>(&'a str);

impl std::fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.split(char::is_control).try_for_each(|part| f.write_str(part))
    }
}
