//! What conditions and orders are about, as SQL: a column, a field inside one, the items of a list.

use serde_json::Value;

use super::{
    collation,
    row::{Argument, document},
    statement::quoted,
};
use crate::{Kind, Table, table::Place};

/// The name of a list's items in a subquery; no table has it.
pub(super) const ITEM: &str = "\"_ligand_item\"";

/// A value as SQL, and what it means.
pub(super) struct Expression<'t> {
    /// Without a collation.
    pub(super) text: String,
    pub(super) kind: &'t Kind,
    /// It is a column of its own, whose numbers are numbers; inside JSON they are texts.
    column: bool,
}

impl<'t> Expression<'t> {
    pub(super) fn of(table: &Table, place: &Place<'t>) -> Self {
        // With the table's name: inside of a subquery over a list, `value` would be another column.
        let column = format!("{}.{}", quoted(table.name()), quoted(place.column.name()));
        if place.path.is_empty() {
            return Self { text: column, kind: place.kind, column: true };
        }
        let path: String = place.path.iter().map(|name| format!(".\"{name}\"")).collect();
        let path = path.replace('\'', "''");
        let text = match is_plain(place.kind) {
            true => format!("({column} ->> '${path}')"),
            // JSON's null is none to SQL.
            false => format!("nullif({column} -> '${path}', 'null')"),
        };
        Self { text, kind: place.kind, column: false }
    }

    /// An item of a list in the subquery that [`Expression::items`] starts.
    pub(super) fn item(&self, kind: &'t Kind) -> Self {
        let text = match is_plain(kind) {
            true => format!("{ITEM}.value"),
            // As the text of JSON, not as the number that SQLite would make of it.
            false => format!("({} -> {ITEM}.key)", self.text),
        };
        Self { text, kind, column: false }
    }

    /// `EXISTS (SELECT .. WHERE `, to be followed by what an item must meet and a parenthesis.
    pub(super) fn items(&self) -> String {
        format!("EXISTS (SELECT 1 FROM json_each({}) AS {ITEM} WHERE ", self.text)
    }

    /// With the collation that compares and sorts it.
    pub(super) fn collated(&self) -> String {
        let collation = match self.column {
            true => collation::of_column(self.kind),
            false => collation::of_text(self.kind),
        };
        match collation {
            Some(name) => format!("{} COLLATE {name}", self.text),
            None => self.text.clone(),
        }
    }

    /// A value that this is compared with.
    pub(super) fn argument(&self, value: &Value) -> Argument {
        if self.column {
            return Argument::compared(self.kind, value);
        }
        match (self.kind, value) {
            (Kind::List(_) | Kind::Struct(_) | Kind::Json, value) => document(value),
            (_, Value::String(text)) => Argument::Text(text.clone()),
            (_, other) => Argument::Text(other.to_string()),
        }
    }

    /// Whether its numbers are numbers with a fraction, which a list in JSON would not carry exactly.
    pub(super) fn is_real(&self) -> bool {
        self.column && matches!(self.kind, Kind::Real { .. })
    }
}

/// Texts that may hold what JSON escapes.
fn is_plain(kind: &Kind) -> bool {
    matches!(kind, Kind::Text | Kind::Choice(_) | Kind::Opaque)
}
