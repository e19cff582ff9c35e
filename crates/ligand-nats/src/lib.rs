//! Ligand nodes on a [NATS](https://nats.io) server, together with Moleculer nodes on the same one.
//!
//! ```
//! use ligand_nats::{NatsOptions, NatsTransporter, TlsOptions};
//!
//! let simple = NatsTransporter::from_url("nats://a:4222,nats://b:4222");
//!
//! let tls = TlsOptions::default().ca_file("ca.pem");
//! let secure = NatsTransporter::new(NatsOptions::from_url("tls://a:4222").token("secret").tls(tls));
//! # drop((simple, secure));
//! ```
//!
//! # What it does
//!
//! * Plain core NATS: the subjects are Moleculer's topics, a message is a packet. No JetStream, no headers.
//! * Balanced topics are queue subscriptions, with the names of queues that Moleculer uses.
//! * A packet with a ticket is published with a reply subject. When nobody subscribed, the server says so at once,
//!   and the ticket comes back. Nobody answers on that subject; other implementations ignore it.
//! * A login that the server refuses ends the start; later it is tried again after 1 s to 30 s.
//! * A lost server is told at once, and tried again for ever; pauses grow to 1.5 s. A server that is silent is
//!   given up after three [ping intervals](NatsOptions::ping_interval). Other servers of the cluster are learned
//!   from the one that is connected.
//! * Calls of `flush` end when the server has everything, and subscriptions stand when `connect` ends: both are
//!   proven by a message to this node itself.
//!
//! # What it does not
//!
//! * Packets arrive at most once: what is on its way when the server or the receiver dies is gone. While the server
//!   is lost, sending fails at once.
//! * Packets larger than the server's `max_payload` (1 MB by default) cannot be sent; the error names the option.
//! * A receiver that is too slow loses packets after [`NatsOptions::receive_queue`] of them; that is logged.
//! * A node whose name holds white space, `*` or `>` cannot use NATS.
//! * In a cluster of servers, a subscription needs a moment to reach the other servers.

mod connection;
mod inbox;
mod options;
mod state;
mod subject;
mod supervisor;
mod transporter;

pub use ligand_net::{Servers, TlsOptions};
pub use options::NatsOptions;
pub use transporter::NatsTransporter;
