//! Runs every example and compares what it prints with what its header promises; checks the pages.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod outputs;
mod pages;
mod tour;
