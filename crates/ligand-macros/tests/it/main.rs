//! What `#[payload]` does, seen from a crate that uses it, and what it says when it is used wrongly.

#![allow(clippy::needless_pass_by_value, reason = "`json!` values read better by value")]

mod compile_fail;
mod rules;
mod shape;
