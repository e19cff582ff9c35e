//! Redis, with servers of their own.

mod contract;
mod server;
