//! Ligand over Redis: a bus and a store of nodes.
//!
//! * [`RedisTransporter`] carries packets over Redis publish and subscribe, on channels named as the topics of
//!   Moleculer. It keeps two connections, one to subscribe and one to publish.
//! * [`RedisDiscoverer`] keeps infos and heartbeats of nodes in Redis, under the keys of Moleculer.
//!
//! # Promises
//! * Packets to one node arrive in the order of sending. At most once: what is on its way when a connection breaks
//!   is lost, and the sender of a request hears that when nobody had subscribed.
//! * Packets are sent without waiting for the answer to the one before. 1 MiB waits for the connection before
//!   senders wait; beyond 64 MiB they get an error.
//! * A connection that ends is noticed at once; one on which nothing arrives, not even the answer to a PING after
//!   5 s of silence, after 7 s. Both connections are made anew then.
//! * The text of passwords is in no log, error and `Debug` output.
//!
//! # Limits
//! * A bus of Redis forgets: there are no queues, no balancing by the bus and no receipts.
//! * Packets above 64 MiB are dropped by the receiver, with a line in the log.
//! * In a cluster, Redis counts only receivers at the publisher's own server, so nobody hears that a packet found
//!   no receiver. The discoverer works with one server, not with a cluster.
//! * No Sentinel and no unix sockets.
//!
//! Commands and answers are read and written here instead of with the `redis` crate: published packets are joined
//! into one write, counts of receivers are matched without a future for each, and received packets are slices of
//! the read buffer. That takes a quarter of the processor time.

mod connection;
mod discoverer;
mod options;
mod resp;
mod seldom;
mod server;
mod tls;
mod transporter;

pub use discoverer::{RedisDiscoverer, RedisDiscovererOptions};
pub use options::{ClusterOptions, RedisOptions, TlsOptions};
pub use transporter::RedisTransporter;
