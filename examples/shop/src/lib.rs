//! The shop: users, products and orders behind a gateway; e-mail and notifications behind events.
//!
//! Each service is one file. [`app`] puts them together: all in one process, or some in each. Nothing in a service
//! depends on where the others run.

#![allow(missing_docs, reason = "the names of fields and variants say what they are")]

pub mod admin;
pub mod app;
pub mod email;
pub mod gateway;
pub mod notification;
pub mod order;
pub mod password;
pub mod product;
pub mod selection;
pub mod settings;
pub mod user;
