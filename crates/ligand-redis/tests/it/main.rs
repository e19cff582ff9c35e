//! Redis, with servers of their own.

mod contract;
mod discoverer;
mod server;
mod transporter;
