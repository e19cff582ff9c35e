//! What SQLite's errors are to callers. The driver's text stays in this process.

use ligand_wire::Error;

use crate::{Table, error};

/// The error of a statement on a table.
#[cold]
pub(super) fn of(error: &sqlx::Error, table: &Table) -> Error {
    match duplicate_in(error) {
        Some(message) => duplicate(message, table),
        None => plain(error),
    }
}

/// What SQLite says about a value that must be unique and is there already.
pub(super) fn duplicate_in(error: &sqlx::Error) -> Option<&str> {
    error.as_database_error().filter(|inner| inner.is_unique_violation()).map(|inner| inner.message())
}

/// The error of something that is about no table.
#[cold]
pub(super) fn plain(error: &sqlx::Error) -> Error {
    let broken = |kind: &'static str, text: &'static str| {
        Error::server(500, kind, text).with_retryable(false).with_internal(error)
    };
    match error {
        sqlx::Error::PoolTimedOut => error::busy("no connection became free in time"),
        sqlx::Error::PoolClosed => Error::transient(503, "DATABASE_CLOSED", "The database is closed.")
            .with_internal("the service that uses it was stopped"),
        // The primary code is in the lowest byte.
        _ => match code(error).map(|code| code & 0xff) {
            Some(5 | 6) => error::busy(error),
            Some(8) => broken("DATABASE_READ_ONLY", "The database cannot be changed."),
            Some(13) => Error::transient(503, "DATABASE_FULL", "There is no space left for the database.")
                .with_retryable(false)
                .with_internal(error),
            Some(14) => broken("DATABASE_UNAVAILABLE", "The database cannot be opened."),
            Some(11 | 26) => broken("DATABASE_DAMAGED", "The database is damaged."),
            _ => broken("DATABASE_ERROR", "The database failed."),
        },
    }
}

/// Whether a later try can succeed.
pub(super) fn passes(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::PoolTimedOut) || matches!(code(error).map(|code| code & 0xff), Some(5 | 6))
}

fn code(error: &sqlx::Error) -> Option<u32> {
    error.as_database_error()?.code()?.parse().ok()
}

/// `UNIQUE constraint failed: users.email`; the names of hidden fields are kept back.
fn duplicate(message: &str, table: &Table) -> Error {
    let columns = message.rsplit(": ").next().unwrap_or_default();
    let first = columns.split(", ").next().unwrap_or_default();
    let name = first.strip_prefix(table.name()).and_then(|rest| rest.strip_prefix('.')).unwrap_or_default();
    error::duplicate(table, name).with_internal(message)
}
