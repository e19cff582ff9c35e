//! Prepares a table: creates it, or adds the columns and indexes it lacks. Nothing is ever dropped.

use ligand_wire::{Error, Result};
use sqlx::{AssertSqlSafe, Row as _, SqliteConnection};

use super::{error, statement::quoted};
use crate::{Column, Kind, Table};

pub(super) async fn prepare(connection: &mut SqliteConnection, table: &Table) -> Result<()> {
    let existing = existing(connection, table).await?;
    if existing.is_empty() {
        let columns: Vec<_> = table.columns().iter().map(|column| declaration(table, column)).collect();
        let text = format!("CREATE TABLE {} ({}) WITHOUT ROWID", quoted(table.name()), columns.join(", "));
        run(connection, table, text).await?;
    } else if !existing.iter().any(|name| name == table.id()) {
        return Err(Error::service_schema(format!(
            "the table '{}' exists without the id column '{}'; is it another program's?",
            table.name(),
            table.id()
        )));
    } else {
        for column in
            table.columns().iter().filter(|column| !existing.iter().any(|name| name == column.name()))
        {
            let text =
                format!("ALTER TABLE {} ADD COLUMN {}", quoted(table.name()), declaration(table, column));
            run(connection, table, text).await?;
            tracing::info!(table = table.name(), column = column.name(), "a column was added");
        }
    }
    for column in table.columns().iter().filter(|column| column.is_unique() || column.is_indexed()) {
        if column.name() == table.id() {
            continue;
        }
        let (kind, suffix) = if column.is_unique() { ("UNIQUE INDEX", "unique") } else { ("INDEX", "index") };
        let name = quoted(&format!("{}_{}_{suffix}", table.name(), column.name()));
        let text = format!(
            "CREATE {kind} IF NOT EXISTS {name} ON {} ({})",
            quoted(table.name()),
            quoted(column.name())
        );
        run(connection, table, text).await.map_err(|error| match error.kind() {
            "DUPLICATE_KEY" => Error::service_schema(format!(
                "the field '{}' of the table '{}' cannot become unique: some rows have the same value",
                column.name(),
                table.name()
            )),
            _ => error,
        })?;
    }
    Ok(())
}

/// The names of the columns the table has; none when there is no table.
async fn existing(connection: &mut SqliteConnection, table: &Table) -> Result<Vec<String>> {
    let rows = sqlx::query("SELECT name FROM pragma_table_info(?)").bind(table.name()).fetch_all(connection);
    let rows = rows.await.map_err(|error| error::of(&error, table))?;
    rows.iter().map(|row| row.try_get(0).map_err(Error::from)).collect()
}

fn declaration(table: &Table, column: &Column) -> String {
    let kind = match column.kind() {
        // JSON is a text to SQLite: any other word would turn a text of digits into a number.
        Kind::Text | Kind::Json => "TEXT",
        Kind::Integer => "INTEGER",
        Kind::Real => "REAL",
        Kind::Boolean => "BOOLEAN",
    };
    let key = if column.name() == table.id() { " PRIMARY KEY NOT NULL" } else { "" };
    format!("{} {kind}{key}", quoted(column.name()))
}

async fn run(connection: &mut SqliteConnection, table: &Table, text: String) -> Result<()> {
    let done = sqlx::query(AssertSqlSafe(text)).execute(connection).await;
    done.map(drop).map_err(|error| error::of(&error, table))
}
