//! Counters of a node's traffic.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($( $(#[$doc:meta])* $name:ident, )*) => {
        /// What came and went so far; all values only grow.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
        #[serde(rename_all = "camelCase")]
        #[non_exhaustive]
        pub struct Traffic {
            $( $(#[$doc])* pub $name: u64, )*
        }

        #[derive(Debug, Default)]
        pub(crate) struct Stats {
            $( pub(crate) $name: AtomicU64, )*
        }

        impl Stats {
            pub(crate) fn traffic(&self) -> Traffic {
                Traffic { $( $name: self.$name.load(Ordering::Relaxed), )* }
            }
        }
    };
}

counters! {
    /// Packets handed to the bus.
    packets_sent,
    /// Bytes of these packets.
    bytes_sent,
    /// Packets that came.
    packets_received,
    /// Bytes of these packets.
    bytes_received,
    /// Packets that were none, came from a foreign protocol version or broke a limit.
    packets_refused,
    /// Answers that nobody waits for: late, doubled, or from a node that was not asked.
    orphan_responses,
    /// Calls and events that reached nobody and were sent to another node.
    sent_again,
    /// Answers that were sent once more because their caller had not got them.
    answers_repeated,
    /// Events that did not leave, or reached no listener though one was known.
    events_lost,
    /// Events that went to a node after its last sign of life, when that node was lost without a farewell: nobody knows
    /// which of them it heard. Those for a group of which the bus picks the member are not among them.
    events_unconfirmed,
    /// Calls that were ended because their node left.
    calls_rejected,
    /// Calls of other nodes that were ended because the caller stopped waiting.
    calls_cancelled,
    /// How often the bus was lost.
    outages,
}

/// What waits for other nodes or runs for them now: all zero when nothing goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct InFlight {
    /// Calls that wait for the answer of another node.
    pub calls: usize,
    /// Calls of other nodes that run here.
    pub serving: usize,
    /// Streams that come from other nodes.
    pub streams_in: usize,
    /// Streams that go to other nodes.
    pub streams_out: usize,
}

pub(crate) fn add(counter: &AtomicU64, count: usize) {
    counter.fetch_add(count as u64, Ordering::Relaxed);
}

pub(crate) fn one(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
