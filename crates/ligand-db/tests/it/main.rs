//! Behaviour of the database mixin, through brokers and through handles.

mod actions;
mod contract;
mod entities;
#[cfg(feature = "sqlite")]
mod files;
mod service;
