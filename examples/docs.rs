//! The pages of the documentation, so that the compiler sees the Rust in them.
//!
//! Run it with `cargo test -p ligand-examples --doc`.
