//! What all parts promise together.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod root;
mod secrets;
mod transporters;
