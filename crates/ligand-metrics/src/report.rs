//! The forms of metrics for others.

pub mod csv;
pub mod prometheus;
pub mod statsd;
pub mod table;
