//! A library: books, members and their loans, and an audit log that hears of everything. Each service is one file, and
//! none of them knows where the others run.

#![allow(missing_docs, reason = "the names of fields and variants say what they are")]
#![allow(missing_debug_implementations, reason = "nobody prints a service")]

pub mod audit;
pub mod books;
pub mod config;
pub mod gateway;
pub mod loans;
pub mod members;
