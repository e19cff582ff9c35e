//! What the macros do, seen from a crate that uses them, and what they say when they are used wrongly.

mod compile_fail;
mod contract;
mod error;
mod lints;
mod rules;
mod service;
mod shape;
