//! What travels between Ligand services: payloads, errors, schemas and their text forms.
//!
//! No I/O and no async runtime here: `ligand-core` moves these values, this crate says what they are.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod binary;
pub mod codec;
mod date;
pub mod error;
#[doc(hidden)]
pub mod foreign;
pub mod key;
#[doc(hidden)]
pub mod moment;
#[doc(hidden)]
pub mod objects;
pub mod packet;
mod patch;
pub mod pattern;
pub mod payload;
pub mod redact;
pub mod rules;
pub mod schema;
pub mod text;
#[cfg(feature = "time")]
pub mod time;
pub mod topic;
pub mod validate;

pub use binary::Binary;
pub use date::Date;
pub use error::{Error, Result};
pub use patch::Patch;
pub use payload::{Data, Payload};
pub use schema::FieldError;
