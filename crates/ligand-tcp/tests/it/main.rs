//! Nodes that talk over real sockets.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, unreachable_pub)]

mod cluster;
mod contract;
mod discovery;
mod hostile;
mod identity;
mod loss;
mod moleculer;
mod node;
mod outages;
mod sending;
