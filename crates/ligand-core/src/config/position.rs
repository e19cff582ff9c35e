//! Where in a file something stands.

use ligand_wire::{Error, redact::without_value};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// File and line of a text that is no TOML; never the line itself, which may hold a secret.
pub(super) fn wrong(text: &str, file: &str, error: &toml::de::Error) -> Error {
    let start = error.span().map_or(0, |span| span.start);
    Error::broker_options(format!(
        "{file}, line {}: {}",
        line_of(text, start),
        without_value(error.message())
    ))
}

fn line_of(text: &str, byte: usize) -> usize {
    text.as_bytes().iter().take(byte).filter(|byte| **byte == b'\n').count() + 1
}

/// The line of the longest part of the path that stands in the file.
pub(super) fn line(text: &str, path: &[String]) -> Option<usize> {
    let mut table: Option<&DeTable<'_>> = None;
    let root: Spanned<DeTable<'_>> = DeTable::parse(text).ok()?;
    let mut value: Option<&Spanned<DeValue<'_>>> = None;
    let mut found = None;
    for step in path {
        let next = match value.map(Spanned::get_ref) {
            None => table.get_or_insert(root.get_ref()).get_key_value(&**step),
            Some(DeValue::Table(table)) => table.get_key_value(&**step),
            Some(DeValue::Array(list)) => {
                value = step.parse().ok().and_then(|at: usize| list.get(at));
                found = value.map(|value| value.span().start).or(found);
                continue;
            }
            Some(_) => None,
        };
        let Some((key, inner)) = next else { break };
        (found, value) = (Some(key.span().start), Some(inner));
    }
    found.map(|start| line_of(text, start))
}
