//! The gateway seen from outside: requests in, responses out, over real connections and without one.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "a test waits for its own tasks")]
#![allow(clippy::needless_pass_by_value, reason = "json!(..) is written in place")]

#[cfg(feature = "jwt")]
mod auth;
mod bodies;
mod caching;
mod chains;
mod client;
#[cfg(feature = "compression")]
mod compression;
mod cors;
#[cfg(feature = "files")]
mod files;
mod fixture;
mod health;
mod hostile;
#[cfg(feature = "http2")]
mod http2;
mod leaving;
#[cfg(unix)]
mod listeners;
mod log;
mod params;
mod paths;
mod remote;
mod replies;
mod routes;
mod routing;
mod sealed;
mod server;
#[cfg(feature = "jwt")]
mod shop;
mod stages;
mod streaming;
#[cfg(feature = "tls")]
mod tls;
mod traffic;
#[cfg(feature = "multipart")]
mod uploads;
