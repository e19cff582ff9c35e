//! Streams between nodes: chunks of calls and answers, in numbered packets.
//!
//! [`incoming`] puts what comes in order, [`outgoing`] sends what goes, [`flow`] is what both ends tell each other.

mod flow;
mod incoming;
mod outgoing;

use std::sync::Arc;

use ligand_transport::Tasks;
use ligand_wire::{
    Error, Payload,
    packet::{Fields, PacketKind},
};

pub(crate) use self::incoming::StreamPacket;
use self::{incoming::IncomingStreams, outgoing::OutgoingStreams};
use super::{directory::Directory, outbox::Outbox};
use crate::stream::{Mode, Part};

/// Which way a stream goes, seen from the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Direction {
    /// From caller to callee.
    Upload,
    /// From callee to caller.
    Download,
}

impl Direction {
    /// Its name in control messages.
    const fn name(self) -> &'static str {
        match self {
            Self::Upload => "up",
            Self::Download => "down",
        }
    }

    /// Kind of its packets.
    const fn kind(self) -> PacketKind {
        match self {
            Self::Upload => PacketKind::Request,
            Self::Download => PacketKind::Response,
        }
    }

    fn parse(name: &str) -> Option<Self> {
        match name {
            "up" => Some(Self::Upload),
            "down" => Some(Self::Download),
            _ => None,
        }
    }
}

/// A stream by the node at its other end.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Key {
    node: Arc<str>,
    direction: Direction,
    id: Box<str>,
}

/// Streams that come and go now.
pub(crate) struct Streams {
    outbox: Arc<Outbox>,
    directory: Directory,
    tasks: Tasks,
    max_chunk_size: usize,
    incoming: IncomingStreams,
    outgoing: OutgoingStreams,
}

impl Streams {
    pub(super) fn new(
        outbox: Arc<Outbox>,
        directory: Directory,
        tasks: Tasks,
        max_chunk_size: usize,
    ) -> Self {
        Self {
            outbox,
            directory,
            tasks,
            max_chunk_size,
            incoming: IncomingStreams::default(),
            outgoing: OutgoingStreams::default(),
        }
    }

    /// How many streams come, and how many go.
    pub(crate) fn len(&self) -> (usize, usize) {
        (self.incoming.len(), self.outgoing.len())
    }

    /// A node is lost: its streams end. With this node's own connection gone, `told`: the other side lives and gets
    /// to know when the bus is back.
    pub(crate) fn end_all(self: &Arc<Self>, wanted: impl Fn(&str) -> bool, error: &Error, told: bool) {
        for key in self.incoming.keys(&wanted) {
            if let Some(mut incoming) = self.incoming.end(&key) {
                let _ = incoming.assembly.fail(error.clone());
            }
            if told && let Some(remote_end) = self.remote_end_of(key) {
                remote_end.cancel();
            }
        }
        for credit in self.outgoing.credits(&wanted) {
            match told {
                true => credit.fail(error.clone()),
                false => credit.cancel(),
            }
        }
    }

    /// Forgets streams that will not go on. Asks the senders of silent ones: an end that was lost would leave the
    /// reader waiting for ever.
    pub(crate) fn sweep(self: &Arc<Self>) {
        let (over, silent) = self.incoming.stalled();
        // Whoever reads gets `STREAM_CUT_OFF`.
        over.iter().for_each(|key| drop(self.incoming.end(key)));
        for (key, taken) in silent {
            if let Some(remote_end) = self.remote_end_of(key) {
                remote_end.ask(taken);
            }
        }
        for key in self.outgoing.stalled() {
            if let Some(remote_end) = self.remote_end_of(key) {
                remote_end.offer();
            }
        }
    }
}

/// The flag of a stream of values, in every packet.
pub(crate) fn mark(headers: &mut Fields, mode: Mode) {
    if mode == Mode::Objects {
        headers.insert(MODE_FLAG.into(), true.into());
    }
}

/// Says that a stream is one of values.
pub(crate) const MODE_FLAG: &str = "$streamObjectMode";

/// What a packet of an incoming stream carries.
pub(crate) fn part(more: bool, chunk: Payload, error: Option<Error>) -> Part {
    match (error, more) {
        (Some(error), _) => Part::Error(error),
        (None, true) => Part::Chunk(chunk),
        (None, false) => Part::End,
    }
}
