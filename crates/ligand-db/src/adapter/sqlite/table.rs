//! Prepares a table: creates it, or adds the columns and indexes it lacks. No column and no row is ever dropped.

use ligand_wire::{Error, Result};
use sqlx::{AssertSqlSafe, Row as _, SqliteConnection, sqlite::SqliteRow};

use super::{collation, error, row::Argument, statement::quoted};
use crate::{Column, Kind, Table};

/// A column that the table has.
struct Existing {
    name: String,
    declared: String,
    /// It is the primary key, or a part of it.
    key: bool,
    /// A row without a value for it is refused: NOT NULL without a default.
    demands: bool,
}

pub(super) async fn prepare(connection: &mut SqliteConnection, table: &Table) -> Result<()> {
    let existing = existing(connection, table).await?;
    if existing.is_empty() {
        let columns: Vec<_> = table.columns().iter().map(|column| declaration(table, column)).collect();
        let text = format!("CREATE TABLE {} ({}) WITHOUT ROWID", quoted(table.name()), columns.join(", "));
        run(connection, table, text).await?;
    } else if !existing.iter().any(|own| own.name == table.id()) {
        return Err(without_id(table, &existing));
    } else {
        check(table, &existing)?;
        for column in
            table.columns().iter().filter(|column| !existing.iter().any(|own| own.name == column.name()))
        {
            if column.is_required() && has_rows(connection, table).await? {
                return Err(missing(table, column));
            }
            let text =
                format!("ALTER TABLE {} ADD COLUMN {}", quoted(table.name()), declaration(table, column));
            run(connection, table, text).await?;
            tracing::info!(table = table.name(), column = column.name(), "a column was added");
        }
    }
    drop_outdated(connection, table).await?;
    for column in table.columns().iter().filter(|column| column.is_unique() || column.is_indexed()) {
        if column.name() != table.id() {
            index(connection, table, column).await?;
        }
    }
    Ok(())
}

/// Refuses a table whose columns cannot hold what the entity's fields are, as after a change of a type, or that lacks some:
/// of a database that is only read.
///
/// # Errors
/// `SERVICE_SCHEMA_ERROR` that names the column and the way out.
pub(super) async fn verify(connection: &mut SqliteConnection, table: &Table) -> Result<()> {
    let existing = existing(connection, table).await?;
    if !existing.is_empty() && !existing.iter().any(|own| own.name == table.id()) {
        return Err(without_id(table, &existing));
    }
    check(table, &existing)?;
    let lacks = |column: &&Column| !existing.iter().any(|own| own.name == column.name());
    match table.columns().iter().find(lacks) {
        Some(column) if !existing.is_empty() => Err(missing(table, column)),
        _ => Ok(()),
    }
}

fn check(table: &Table, existing: &[Existing]) -> Result<()> {
    for own in existing {
        let column = table.column(&own.name);
        if own.demands && column.is_none_or(Column::is_nullable) {
            return Err(demanding(table, own, column.is_some()));
        }
        let Some(column) = column else { continue };
        let fits = match (column.kind(), affinity(&own.declared)) {
            (_, Affinity::None) => true,
            (Kind::Integer { .. } | Kind::Boolean, affinity) => affinity == Affinity::Numeric,
            (Kind::Real { .. }, affinity) => affinity != Affinity::Text,
            (_, affinity) => affinity == Affinity::Text,
        };
        if !fits {
            let (name, wanted) = (quoted(&own.name), declared(column.kind()));
            let (table_name, old) = (quoted(table.name()), quoted(&format!("{}_old", own.name)));
            return Err(Error::service_schema(format!(
                "the column '{}' of the table '{}' was made for another type ({}) than the field has now ({}, kept \
                 as {wanted}); add a migration that copies it, such as \"ALTER TABLE {table_name} RENAME COLUMN \
                 {name} TO {old}; ALTER TABLE {table_name} ADD COLUMN {name} {wanted}; UPDATE {table_name} SET {name} \
                 = CAST({old} AS {wanted})\"",
                own.name,
                table.name(),
                own.declared,
                column.kind().describe(),
            )));
        }
    }
    Ok(())
}

/// What SQLite turns values into on their way into a column.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Affinity {
    Text,
    /// Whole numbers stay what they are.
    Numeric,
    /// Whole numbers lose what is beyond 53 bits.
    Real,
    None,
}

/// By SQLite's own rules, in their order.
fn affinity(declared: &str) -> Affinity {
    let declared = declared.to_ascii_uppercase();
    let has = |parts: &[&str]| parts.iter().any(|part| declared.contains(part));
    if has(&["INT"]) {
        Affinity::Numeric
    } else if has(&["CHAR", "CLOB", "TEXT"]) {
        Affinity::Text
    } else if declared.is_empty() || has(&["BLOB"]) {
        Affinity::None
    } else if has(&["REAL", "FLOA", "DOUB"]) {
        Affinity::Real
    } else {
        Affinity::Numeric
    }
}

/// Makes the index of a column, in the order in which its values are compared. One in another order, as an older
/// version made it, is replaced.
async fn index(connection: &mut SqliteConnection, table: &Table, column: &Column) -> Result<()> {
    let (kind, suffix) = if column.is_unique() { ("UNIQUE INDEX", UNIQUE) } else { ("INDEX", "index") };
    let mut plain = index_name(table, column, suffix);
    let owner = sqlx::query("SELECT tbl_name FROM sqlite_master WHERE type = 'index' AND name = ?")
        .bind(plain.clone());
    let owner = owner.fetch_all(&mut *connection).await.map_err(|error| error::of(&error, table))?;
    if let Some(row) = owner.first()
        && row.try_get::<String, _>(0)? != table.name()
    {
        // `b_c` of the table `a` and `c` of `a_b`; no field has a dot in its name.
        plain = format!("{}.{}.{suffix}", table.name(), column.name());
    }
    let name = quoted(&plain);
    let wanted = collation::of_column(column.kind());
    let found = sqlx::query("SELECT coll FROM pragma_index_xinfo(?) WHERE key = 1").bind(plain);
    let found = found.fetch_all(&mut *connection).await.map_err(|error| error::of(&error, table))?;
    if let Some(row) = found.first() {
        let own: String = row.try_get(0)?;
        if own.eq_ignore_ascii_case(wanted.unwrap_or("BINARY")) {
            return Ok(());
        }
        run(connection, table, format!("DROP INDEX {name}")).await?;
    }
    let collation = wanted.map(|name| format!(" COLLATE {name}")).unwrap_or_default();
    let text =
        format!("CREATE {kind} {name} ON {} ({}{collation})", quoted(table.name()), quoted(column.name()));
    run(connection, table, text).await.map_err(|error| match error.kind() {
        "DUPLICATE_KEY" => Error::service_schema(format!(
            "the field '{}' of the table '{}' cannot become unique: some rows have the same value",
            column.name(),
            table.name()
        )),
        _ => error,
    })
}

const UNIQUE: &str = "unique";

fn index_name(table: &Table, column: &Column, suffix: &str) -> String {
    format!("{}_{}_{suffix}", table.name(), column.name())
}

/// Drops the indexes that keep values unique which need not be any more.
async fn drop_outdated(connection: &mut SqliteConnection, table: &Table) -> Result<()> {
    let rows = sqlx::query("SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = ?")
        .bind(table.name());
    let rows = rows.fetch_all(&mut *connection).await.map_err(|error| error::of(&error, table))?;
    for row in rows {
        let name: String = row.try_get(0)?;
        let is_of = |column: &&Column| {
            name == index_name(table, column, UNIQUE)
                || name == format!("{}.{}.{UNIQUE}", table.name(), column.name())
        };
        if let Some(column) = table.columns().iter().filter(|column| !column.is_unique()).find(is_of) {
            run(connection, table, format!("DROP INDEX {}", quoted(&name))).await?;
            tracing::info!(
                table = table.name(),
                column = column.name(),
                "values need not be unique any more"
            );
        }
    }
    Ok(())
}

/// The columns the table has; none when there is no table.
async fn existing(connection: &mut SqliteConnection, table: &Table) -> Result<Vec<Existing>> {
    let rows = sqlx::query(
        "SELECT name, type, \"notnull\" AND dflt_value IS NULL AND pk = 0, pk FROM pragma_table_info(?)",
    )
    .bind(table.name());
    let rows = rows.fetch_all(connection).await.map_err(|error| error::of(&error, table))?;
    let own = |row: &SqliteRow| {
        let demands = row.try_get::<i64, _>(2)? != 0;
        let key = row.try_get::<i64, _>(3)? != 0;
        Ok(Existing { name: row.try_get(0)?, declared: row.try_get(1)?, key, demands })
    };
    rows.iter().map(own).collect()
}

/// The entity calls its id otherwise than whoever made the table.
#[cold]
fn without_id(table: &Table, existing: &[Existing]) -> Error {
    let (name, id) = (table.name(), table.id());
    let other = existing.iter().find(|own| own.key || matches!(&*own.name, "id" | "_id"));
    Error::service_schema(match other {
        Some(Existing { name: other, .. }) => format!(
            "the table '{name}' exists without the id column '{id}'; its key is '{other}': write #[entity(id = \
             \"{other}\")], or add a migration: \"ALTER TABLE {} RENAME COLUMN {} TO {}\"",
            quoted(name),
            quoted(other),
            quoted(id)
        ),
        None => format!("the table '{name}' exists without the id column '{id}'; is it another program's?"),
    })
}

/// Every new entity without the value would be refused by the database.
#[cold]
fn demanding(table: &Table, own: &Existing, known: bool) -> Error {
    let (why, field) = match known {
        true => ("the entity's field may be empty", "make it a field that always has a value"),
        false => ("the entity has no such field", "add the field"),
    };
    Error::service_schema(format!(
        "the column '{}' of the table '{}' must have a value (NOT NULL without a default), and {why}: {field}, or add a \
         migration that drops the column or copies it into one without NOT NULL",
        own.name,
        table.name(),
    ))
}

async fn has_rows(connection: &mut SqliteConnection, table: &Table) -> Result<bool> {
    let text = AssertSqlSafe(format!("SELECT 1 FROM {} LIMIT 1", quoted(table.name())));
    let rows = sqlx::query(text).fetch_all(connection).await.map_err(|error| error::of(&error, table))?;
    Ok(!rows.is_empty())
}

/// A new column would be empty in all rows, and none of them could be read.
#[cold]
fn missing(table: &Table, column: &Column) -> Error {
    Error::service_schema(format!(
        "the rows of the table '{}' have no column '{}', which every entity must have: give the field a default \
         (`#[field(default = ..)]`), make it an `Option`, or add a migration that fills it, such as \
         \"ALTER TABLE {} ADD COLUMN {} NOT NULL DEFAULT ..\"",
        table.name(),
        column.name(),
        quoted(table.name()),
        declaration(table, column),
    ))
}

fn declaration(table: &Table, column: &Column) -> String {
    let rest = match column.name() == table.id() {
        true => " PRIMARY KEY NOT NULL".to_owned(),
        false => default(table, column).map(|value| format!(" DEFAULT {value}")).unwrap_or_default(),
    };
    format!("{} {}{rest}", quoted(column.name()), declared(column.kind()))
}

/// What rows get that were made without the column, by an older program: what their entities are read with, so that
/// conditions find it too. Of a unique column nothing: one value would be that of many.
fn default(table: &Table, column: &Column) -> Option<String> {
    if column.is_unique() {
        return None;
    }
    Argument::of(table, column, &column.default()?).ok()?.literal()
}

/// The type of a column. What is compared by a collation is a text: any other word would make a number of it.
fn declared(kind: &Kind) -> &'static str {
    match kind {
        Kind::Integer { .. } => "INTEGER",
        Kind::Real { .. } => "REAL",
        Kind::Boolean => "BOOLEAN",
        _ => "TEXT",
    }
}

async fn run(connection: &mut SqliteConnection, table: &Table, text: String) -> Result<()> {
    let done = sqlx::query(AssertSqlSafe(text)).execute(connection).await;
    done.map(drop).map_err(|error| error::of(&error, table))
}
