//! The errors of this crate, each made in one place.

use ligand_wire::{Error, FieldError};
use serde_json::{Value, json};

use crate::{Column, Table};

/// 404 `EntityNotFoundError` with an explicit `null` type, as Moleculer's database mixin has it.
pub(crate) fn not_found(id: impl Into<Value>) -> Error {
    Error::build("EntityNotFoundError", 404, "Entity not found")
        .with_null_kind()
        .with_data(json!({ "id": id.into() }))
}

/// 422 with every broken rule of an entity.
pub(crate) fn invalid(errors: Vec<FieldError>) -> Error {
    Error::validation(errors).with_message("Entity validation error!")
}

/// 422 about a column that was sent under two of its names.
pub(crate) fn twice(column: &Column, one: &str, other: &str) -> Error {
    let (name, again) = if other == column.name() { (other, one) } else { (one, other) };
    invalid(vec![FieldError::twice(again, name)])
}

/// 422 about one parameter.
pub(crate) fn parameter(kind: &'static str, field: String, message: String) -> Error {
    Error::validation(vec![about(kind, field, message)])
}

/// 422 about each of these parameters, when there are any.
pub(crate) fn parameters(
    kind: &'static str,
    names: impl Iterator<Item = &'static str>,
    message: impl Fn(&str) -> String,
) -> Result<(), Error> {
    let errors: Vec<_> = names.map(|name| about(kind, name.into(), message(name))).collect();
    if errors.is_empty() { Ok(()) } else { Err(Error::validation(errors)) }
}

fn about(kind: &'static str, field: String, message: String) -> FieldError {
    let mut error = FieldError::new(kind, Some(field), None, None);
    error.message = message;
    error
}

/// 409 for a value that must be unique and is there already. A hidden field is not named.
pub(crate) fn duplicate(table: &Table, field: &str) -> Error {
    match table.visible(field) {
        Some(_) => {
            Error::client(409, "DUPLICATE_KEY", format!("Another entity has the same '{field}' already."))
                .with_data(json!({ "field": field }))
        }
        None => Error::client(409, "DUPLICATE_KEY", "Another entity has the same value already."),
    }
}

/// 503: another process or a long transaction holds the database.
#[cfg(feature = "sqlite")]
pub(crate) fn busy(internal: impl std::fmt::Display) -> Error {
    Error::transient(503, "DATABASE_BUSY", "The database is busy, try again later.").with_internal(internal)
}

/// 500 for what code asked of a table that it cannot do.
pub(crate) fn misuse(table: &str, text: &str) -> Error {
    Error::internal_error(format!("table '{table}': {text}")).with_kind("DATABASE_MISUSE")
}

/// 422 for a condition or an order that code asked of a field which cannot be asked it.
pub(crate) fn condition(table: &str, field: &str, operator: &str, why: &str) -> Error {
    Error::client(
        422,
        "CONDITION_ERROR",
        format!("The condition '{operator}' on '{field}' cannot be used: {why}."),
    )
    .with_data(json!({ "table": table, "field": field, "operator": operator }))
}
