//! Makes sure at start that what is stored can be read, once for each form that an entity takes.
//!
//! A new field without a default, a type that became narrower, a variant that is gone: all of them would start well and fail
//! at every read. So all rows are read when the form is another than the one they were last read in, which the table
//! `_ligand_tables` remembers.

use ligand_wire::{Error, Result};
use sqlx::{Row as _, SqliteConnection};

use super::{error, pools::Pools, work};
use crate::{Filter, Query, Row, Table, adapter::Check};

const TABLE: &str = "CREATE TABLE IF NOT EXISTS \"_ligand_tables\" (name TEXT PRIMARY KEY NOT NULL, \
    shape TEXT NOT NULL) WITHOUT ROWID";

/// How many rows are in memory at a time.
const BATCH: u64 = 1000;

/// Reads all rows of the table, unless that was done in this form.
///
/// # Errors
/// `SERVICE_SCHEMA_ERROR` that names the table, the row, the field and the way out.
pub(super) async fn verify(pools: &Pools, table: &Table, check: &Check, read_only: bool) -> Result<()> {
    if recorded(&mut *pools.reader().await?, table).await?.as_deref() == Some(table.shape()) {
        return Ok(());
    }
    read_all(pools, table, check).await?;
    if read_only {
        return Ok(());
    }
    let mut change = pools.change().await?;
    let done = record(&mut change, table).await;
    change.end(done, table).await
}

async fn read_all(pools: &Pools, table: &Table, check: &Check) -> Result<()> {
    let mut filter = Filter::all();
    loop {
        // Named: by itself the order of ids is that of their bytes, which is not how the next page is found.
        let query = Query::from(filter).sort(table.id()).limit(BATCH);
        let rows = work::find(&mut *pools.reader().await?, table, &query).await;
        let rows = rows.map_err(|error| refused(table, None, &error))?;
        for row in &rows {
            check(row).map_err(|error| refused(table, Some(row), &error))?;
        }
        match rows.last() {
            Some(last) if rows.len() as u64 == BATCH => {
                filter = Filter::field(table.id()).gt(table.id_of(last));
            }
            _ => return Ok(()),
        }
    }
}

async fn recorded(connection: &mut SqliteConnection, table: &Table) -> Result<Option<String>> {
    let of = |error| error::of(&error, table);
    let known = sqlx::query("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = '_ligand_tables'");
    if known.fetch_all(&mut *connection).await.map_err(of)?.is_empty() {
        return Ok(None);
    }
    let shape = sqlx::query("SELECT shape FROM \"_ligand_tables\" WHERE name = ?").bind(table.name());
    let rows = shape.fetch_all(connection).await.map_err(of)?;
    Ok(rows.first().map(|row| row.try_get(0)).transpose()?)
}

async fn record(connection: &mut SqliteConnection, table: &Table) -> Result<()> {
    let of = |error| error::of(&error, table);
    sqlx::query(TABLE).execute(&mut *connection).await.map_err(of)?;
    let record = sqlx::query("INSERT OR REPLACE INTO \"_ligand_tables\" VALUES (?, ?)");
    let record = record.bind(table.name()).bind(table.shape().to_owned());
    record.execute(connection).await.map(drop).map_err(of)
}

#[cold]
fn refused(table: &Table, row: Option<&Row>, why: &Error) -> Error {
    let row = row.map_or_else(|| "a row".into(), |row| format!("the row '{}'", table.id_of(row)));
    Error::service_schema(format!(
        "{row} of the table '{}' cannot be read as the entity is now: {}; give the field a default \
         (`#[field(default = ..)]`), make it an `Option`, or add a migration that changes the rows",
        table.name(),
        why.message(),
    ))
}
