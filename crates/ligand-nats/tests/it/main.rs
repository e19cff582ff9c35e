//! Behaviour on a real NATS server, which the tests start: `nats-server` must be on the path.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, missing_docs)]

mod contract;
mod limits;
mod login;
mod outages;
mod server;
mod servers;
