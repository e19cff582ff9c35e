//! What `#[payload]` does, seen from a crate that uses it, and what it says when it is used wrongly.

mod compile_fail;
mod rules;
mod shape;
