//! Behaviour of the bus in memory.
#![cfg(feature = "contract")]
#![allow(clippy::disallowed_methods, clippy::unwrap_used, missing_docs)]

mod contract;
mod memory;
