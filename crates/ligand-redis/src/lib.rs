//! Ligand over Redis: a bus and a store of nodes.
//!
//! * [`RedisTransporter`] carries packets over Redis publish and subscribe, on channels named as the topics of
//!   Moleculer. It keeps two connections, one to subscribe and one to publish.
//! * [`RedisDiscoverer`] keeps infos and heartbeats of nodes in Redis, under the keys of Moleculer.
//!
//! # Promises
//! * Packets to one node arrive in the order of sending. At most once: what is on its way when a connection breaks
//!   is lost, and who sent a packet with a ticket hears when nobody had subscribed, when Redis refused it or when it
//!   never left.
//! * Packets are sent without waiting for the answer to the one before. 1 MiB waits for the connection before
//!   senders wait; beyond 64 MiB they get an error.
//! * A connection that ends is noticed at once; one on which nothing arrives, not even the answer to a PING after
//!   5 s of silence, after 7 s. Both connections are made anew then, after a pause that grows from 100 ms to 1.5 s.
//! * A node that dies is lost when its beat expires: one heartbeat timeout after it was written last, and at the next
//!   beat of the node that looks. A node that is missing in a scan is asked for by name before it is declared lost.
//!   Nobody is declared lost while the store cannot be reached, nor for one heartbeat timeout after a new connection
//!   or after the store forgot this node.
//! * A node that the bus declared lost comes back when its beat was written again, not because an old one is left.
//! * Of the store, at most 20 000 beats and infos of 4 MiB are looked at; what is malformed is ignored, with a line in
//!   the log at times.
//! * A login that the server refuses ends the start; later it is tried again after 1 s to 30 s.
//! * The text of passwords is in no log, error and `Debug` output.
//!
//! # Limits
//! * A bus of Redis forgets: there are no queues, no balancing by the bus and no receipts.
//! * Redis itself disconnects a receiver for whom more than 32 MiB wait (`client-output-buffer-limit pubsub`). Packets
//!   above 64 MiB are dropped by the receiver, with a line in the log.
//! * Another client that subscribes to all channels by a pattern counts as a receiver: nobody hears then that a node
//!   is not there. In a cluster, Redis counts only receivers at the publisher's own server, so nobody hears it at all.
//! * The discoverer works with one server, not with a cluster. Ids of its nodes must not contain `|`. It scans the
//!   names of all keys in its database: give it a database of its own when there are many.
//! * No Sentinel and no unix sockets.
//!
//! Commands and answers are written and read here instead of with the `redis` crate: published packets are joined
//! into one write, counts of receivers are matched without a future for each, and received packets are slices of the
//! read buffer. To send and receive a million packets of 256 bytes takes 0.5 s of processor time instead of 2.7 s.

mod access;
mod connection;
mod discoverer;
mod options;
mod resp;
mod transporter;

pub use discoverer::{RedisDiscoverer, RedisDiscovererOptions};
pub use ligand_net::{Servers, TlsOptions};
pub use options::RedisOptions;
pub use transporter::RedisTransporter;
