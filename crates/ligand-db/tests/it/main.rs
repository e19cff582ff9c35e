//! Behaviour of the database mixin, through brokers and through handles.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod actions;
#[cfg(all(
    feature = "sqlite",
    feature = "chrono",
    feature = "decimal",
    feature = "jiff",
    feature = "time",
    feature = "uuid"
))]
mod aliases;
mod columns;
mod constants;
mod contract;
mod crud;
mod entities;
#[cfg(feature = "sqlite")]
mod files;
mod forms;
mod hidden;
#[cfg(all(
    feature = "sqlite",
    feature = "chrono",
    feature = "decimal",
    feature = "jiff",
    feature = "time",
    feature = "uuid"
))]
mod kinds;
mod mixin;
mod outside;
mod own;
mod pairs;
mod replace;
mod service;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(all(
    feature = "sqlite",
    feature = "chrono",
    feature = "decimal",
    feature = "jiff",
    feature = "time",
    feature = "uuid"
))]
mod writes;
