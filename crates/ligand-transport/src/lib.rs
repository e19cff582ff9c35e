//! What carries packets between nodes, and how nodes find each other.
//!
//! A [`Transporter`] moves encoded packets over one kind of bus; a [`Discoverer`] keeps infos and heartbeats in a
//! store of its own. Both get a [`Link`]: the broker's side, where received packets, losses and news about nodes
//! go. Not here: what a packet says (`ligand-wire`), what is done with it (`ligand-core`).

#![cfg_attr(docsrs, feature(doc_cfg))]

mod cluster;
#[cfg(feature = "contract")]
pub mod contract;
mod discoverer;
mod link;
pub mod memory;
pub mod task;
mod transmit;
mod transporter;

pub use cluster::{Address, Cluster, Local, Peer, newest_seq};
pub use discoverer::Discoverer;
pub use link::Link;
pub use memory::{MemoryBus, MemoryTransporter};
pub use task::Tasks;
pub use transmit::{Chain, Transmit};
pub use transporter::{BoxFuture, Features, Outbound, Sending, Ticket, Transporter};
