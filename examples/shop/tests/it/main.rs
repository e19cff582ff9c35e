//! The shop over HTTP: every test starts the real program on a free port with a database of its own, or one process
//! for each service.

#![allow(clippy::unwrap_used, clippy::needless_pass_by_value, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "these threads run nothing asynchronous")]

mod everywhere;
mod goods;
mod hostile;
mod journeys;
mod load;
mod mixed;
mod process;
mod rights;
mod spread;
mod support;
