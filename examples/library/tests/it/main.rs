//! The library: its services in one process, and the program itself, as one process and as three.

#![allow(clippy::unwrap_used, clippy::needless_pass_by_value, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "the threads of tests of processes run nothing asynchronous")]

mod program;
mod services;
