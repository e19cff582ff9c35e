//! Behaviour of the AMQP transporter, against a real RabbitMQ.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, missing_docs)]

mod contract;
mod dead;
mod link;
mod outages;
mod queues;
mod raw;
mod restart;
mod server;
