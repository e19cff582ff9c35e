//! What `#[payload]` does, seen from a crate that uses it, and what it says when it is used wrongly.

#![allow(clippy::needless_pass_by_value, reason = "`json!` values read better by value")]
#![allow(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

mod compile_fail;
mod rules;
mod service;
mod shape;
