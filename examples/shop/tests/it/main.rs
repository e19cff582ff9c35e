//! The shop over HTTP: every test starts the real program on a free port with a database of its own.

#![allow(clippy::unwrap_used, reason = "tests")]

mod hostile;
mod journeys;
mod load;
mod process;
mod rights;
mod support;
