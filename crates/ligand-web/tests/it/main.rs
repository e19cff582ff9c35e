//! The gateway seen from outside: requests in, responses out, over real connections and without one.

mod client;
mod fixture;
mod routing;
mod server;
