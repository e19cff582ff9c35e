//! etcd, with servers of their own.

mod discoverer;
mod server;
