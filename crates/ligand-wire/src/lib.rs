//! What travels between Ligand services: payloads, errors, schemas and their text forms.
//!
//! No I/O and no async runtime here: `ligand-core` moves these values, this crate says what they are.

pub mod key;
pub mod pattern;
pub mod rules;
pub mod schema;
pub mod validate;
