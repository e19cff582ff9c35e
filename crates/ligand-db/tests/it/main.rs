//! Behaviour of the database mixin, through brokers and through handles.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod actions;
mod contract;
mod entities;
#[cfg(feature = "sqlite")]
mod files;
mod hidden;
mod mixin;
mod outside;
mod service;
#[cfg(feature = "sqlite")]
mod sqlite;
