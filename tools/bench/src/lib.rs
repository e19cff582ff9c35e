//! What the benchmarks share: timing of one operation, the twins on Node.js, the packet that is written and read, the report.

pub mod measure;
pub mod node;
pub mod packets;
pub mod report;

/// What stops a measurement.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
