//! The data of errors that a domain declares.

use serde_json::Value;

/// An object of these fields; one that cannot be written as JSON is null. For `#[derive(ligand::Error)]`.
pub fn error_data<const N: usize>(fields: [(&str, serde_json::Result<Value>); N]) -> Value {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value.unwrap_or_default())).collect()
}
