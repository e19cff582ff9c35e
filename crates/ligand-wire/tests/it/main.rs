//! Packets as other nodes send them.

mod allocations;
mod golden;
mod mutations;
