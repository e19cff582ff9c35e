//! Packets as other nodes send them.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod absent;
mod allocations;
mod golden;
mod keys;
mod mutations;
#[cfg(feature = "serializers")]
mod serializers;
