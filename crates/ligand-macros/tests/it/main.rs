//! What the macros do, seen from a crate that uses them, and what they say when they are used wrongly.

#![allow(clippy::unwrap_used, clippy::needless_pass_by_value, reason = "tests")]

mod alias;
mod background;
mod combinations;
mod compile_fail;
mod containers;
mod contract;
mod custom;
mod defaults;
mod error;
mod floats;
mod foreign;
mod lints;
mod objects;
mod patch;
mod rules;
mod service;
mod shape;
