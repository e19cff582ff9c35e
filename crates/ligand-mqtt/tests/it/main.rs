//! Behaviour of the MQTT transporter, against real servers.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, missing_docs)]

mod contract;
mod encrypted;
mod options;
mod outages;
mod server;
mod versions;
