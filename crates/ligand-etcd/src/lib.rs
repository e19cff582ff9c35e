//! Ligand over etcd: a store of nodes.
//!
//! [`EtcdDiscoverer`] keeps infos and heartbeats of nodes in etcd, under the keys and in the values of Moleculer.
//!
//! # Promises
//! * A node that dies is lost when its lease ends: one heartbeat timeout after its last beat at the latest, and at
//!   the next beat of the node that looks.
//! * Info and beat of this node change in one transaction, so nobody sees one without the other. Leases are kept
//!   alive with each beat and granted again when they are lost.
//! * No node is declared lost because it is missing once: it is looked for again after a second. Nobody is while the
//!   store cannot be reached, nor for one heartbeat timeout after this node's own lease was lost.
//! * A node that the bus declared lost comes back when its beat was written again, not because an old one is left.
//! * Values are read only of nodes that changed; what is malformed is ignored, with a line in the log at times. At
//!   most 20 000 beats and infos of 4 MiB are looked at.
//! * A login that the server refuses ends the start.
//! * The text of passwords is in no log, error and `Debug` output.
//!
//! # Limits
//! * etcd 3.4 or later. Ids of nodes must not contain `/`.
//! * etcd refuses values above 1.5 MiB unless it is told otherwise: infos must fit.
//! * Moleculer's own nodes take their beat away for a moment whenever their services change, and may miss each other
//!   then; Ligand's do not.
//!
//! The JSON gateway of etcd is used over HTTP/1.1: that needs 16 crates beside tokio and serde, the gRPC client
//! `etcd-client` 78.

mod client;
mod discoverer;
mod options;

pub use discoverer::EtcdDiscoverer;
pub use ligand_net::{Servers, TlsOptions};
pub use options::EtcdOptions;
