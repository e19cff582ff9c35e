//! What clients of buses and stores have in common, so that a transporter brings its protocol and nothing else.
//!
//! | for | there is |
//! |---|---|
//! | options | [`Servers`] (several addresses), [`TlsOptions`], [`duration`], [`setters`], [`wrong`] |
//! | addresses | [`Address`]: what may stand in them; [`Server`]: one that was read |
//! | connections (`client`) | [`Dialer`] |
//! | their life (`client`) | [`Reconnect`], which keeps a [`Session`]; [`Fault`], [`Login`], [`Backoff`] |
//! | logs | [`LogLimit`] |
//! | discovery (`roster`) | [`roster`]: who lives, over a store of keys and values |
//!
//! Not here: what goes over a connection.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod backoff;
#[cfg(feature = "client")]
mod dial;
pub mod duration;
#[cfg(feature = "client")]
mod fault;
mod log_limit;
mod login;
mod options;
#[cfg(feature = "client")]
mod reconnect;
#[cfg(feature = "roster")]
pub mod roster;
mod server;
mod servers;
mod tls;

pub use backoff::Backoff;
#[cfg(feature = "client")]
pub use dial::{Dialer, Reader, Writer};
#[cfg(feature = "client")]
pub use fault::Fault;
pub use log_limit::LogLimit;
pub use login::Login;
pub use options::wrong;
#[cfg(feature = "client")]
pub use reconnect::{Reconnect, Session, Stop, Target};
pub use server::{Address, Scheme, Server};
pub use servers::Servers;
pub use tls::TlsOptions;
