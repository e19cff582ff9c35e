//! Which fields leave the service.

use serde_json::Value;

use crate::{Row, params::Names};

/// The choice of fields of one call.
#[derive(Debug)]
pub(crate) struct Select<'p> {
    fields: Option<&'p Names>,
    exclude: Option<&'p Names>,
}

impl<'p> Select<'p> {
    pub(crate) fn new(fields: Option<&'p Names>, exclude: Option<&'p Names>) -> Self {
        Self { fields, exclude }
    }

    /// Whether every visible field leaves.
    pub(crate) fn everything(&self) -> bool {
        self.fields.is_none() && self.exclude.is_none()
    }

    /// Leaves the chosen fields of a row.
    pub(crate) fn apply(&self, mut row: Row) -> Row {
        if let Some(fields) = self.fields {
            let mut kept = Row::new();
            for name in fields.iter() {
                match name.split_once('.') {
                    None => drop(row.get(name).map(|value| kept.insert(name.to_owned(), value.clone()))),
                    Some((first, rest)) => keep(&mut kept, first, rest, row.get(first)),
                }
            }
            row = kept;
        }
        for name in self.exclude.into_iter().flat_map(Names::iter) {
            match name.split_once('.') {
                None => drop(row.shift_remove(name)),
                Some((first, rest)) => drop(row.get_mut(first).map(|value| leave_out(value, rest))),
            }
        }
        row
    }
}

/// Copies one leaf of a nested object, together with the objects around it.
fn keep(into: &mut Row, name: &str, rest: &str, value: Option<&Value>) {
    let Some(Value::Object(value)) = value else { return };
    let slot = into.entry(name).or_insert_with(|| Value::Object(Row::new()));
    let Value::Object(slot) = slot else { return };
    match rest.split_once('.') {
        Some((first, rest)) => keep(slot, first, rest, value.get(first)),
        None => drop(value.get(rest).map(|leaf| slot.insert(rest.to_owned(), leaf.clone()))),
    }
}

fn leave_out(value: &mut Value, rest: &str) {
    let Value::Object(value) = value else { return };
    match rest.split_once('.') {
        Some((first, rest)) => drop(value.get_mut(first).map(|inner| leave_out(inner, rest))),
        None => drop(value.shift_remove(rest)),
    }
}
