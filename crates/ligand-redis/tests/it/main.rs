//! Redis, with servers of their own.

mod contract;
mod discoverer;
mod outages;
mod server;
mod transporter;
