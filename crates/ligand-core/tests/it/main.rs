//! What a broker does, seen from outside.
//!
//! Time is paused or events are awaited; nothing sleeps for real.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

mod answers;
mod background;
mod balanced;
mod blocking;
mod breaker;
mod broker;
mod bulkhead;
mod cache_keys;
mod caching;
mod callers;
mod calls;
mod cluster;
mod config;
mod contracts;
mod debug;
mod events;
mod fast_path;
mod forms;
mod handing_over;
mod hooks;
mod internal;
mod jobs;
mod levels;
mod lifecycle;
mod log_lines;
mod membership;
mod metrics;
mod middlewares;
mod mixins;
mod outages;
mod pace;
mod panics;
mod recovery;
mod runtime;
mod sizes;
mod streams;
mod stress;
mod support;
mod validation;
mod waiting;
mod wire;
