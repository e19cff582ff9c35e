//! Steps of your own that change the database, each run once.

use std::borrow::Cow;

use ligand_wire::{Error, Result};
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, Row as _, SqliteConnection};

use super::{change::Change, error, pools::Pools};

const TABLE: &str = "CREATE TABLE IF NOT EXISTS \"_ligand_migrations\" (position INTEGER PRIMARY KEY, \
    name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at TEXT NOT NULL)";

/// One step: a name and SQL statements, run in one transaction. What ran is recorded in the table
/// `_ligand_migrations`; never change a step that has run somewhere, add another.
#[derive(Clone, Debug)]
pub struct Migration {
    name: Cow<'static, str>,
    sql: Cow<'static, str>,
    table: Option<Cow<'static, str>>,
}

impl Migration {
    /// A step of the life of the database. The SQL is code: never build it from what callers send.
    pub fn new(name: impl Into<Cow<'static, str>>, sql: impl Into<Cow<'static, str>>) -> Self {
        Self { name: name.into(), sql: sql.into(), table: None }
    }

    /// Runs only when the table exists already, and counts as done otherwise: for changes of a table that a
    /// new database gets in its new form, because [`crate::Db`] creates it.
    pub fn if_table(mut self, table: impl Into<Cow<'static, str>>) -> Self {
        self.table = Some(table.into());
        self
    }

    fn checksum(&self) -> String {
        let digest = Sha256::digest(self.sql.as_bytes());
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Runs the steps that have not run.
///
/// # Errors
/// 500 `MIGRATION_ERROR` when a step fails (nothing of it remains), or when the recorded steps are not the
/// first ones of these.
pub(super) async fn run(pools: &Pools, steps: &[Migration]) -> Result<()> {
    for (position, step) in steps.iter().enumerate() {
        // Another process may migrate too: what is recorded is read again in each transaction.
        let mut change = pools.change().await?;
        let outcome = next(&mut change, steps, position, step).await;
        match outcome {
            Ok(true) => {
                change.commit().await.map_err(|error| failed(step, &error))?;
                tracing::info!(step = &*step.name, "migrated");
            }
            Ok(false) => change.rollback().await,
            Err(error) => {
                change.rollback().await;
                return Err(error);
            }
        }
    }
    Ok(())
}

/// Runs one step unless it has run; returns whether it did now.
async fn next(change: &mut Change, steps: &[Migration], position: usize, step: &Migration) -> Result<bool> {
    let done = recorded(change).await?;
    check(&done, steps)?;
    if position < done.len() {
        return Ok(false);
    }
    apply(change, position, step).await?;
    Ok(true)
}

async fn recorded(change: &mut Change) -> Result<Vec<(String, String)>> {
    let plain = |error| error::plain(&error);
    sqlx::query(TABLE).execute(&mut **change).await.map_err(plain)?;
    let rows = sqlx::query("SELECT name, checksum FROM \"_ligand_migrations\" ORDER BY position");
    let rows = rows.fetch_all(&mut **change).await.map_err(plain)?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

fn check(done: &[(String, String)], steps: &[Migration]) -> Result<()> {
    let wrong = |text: String| Err(Error::new(text).with_kind("MIGRATION_ERROR"));
    for (position, (name, checksum)) in done.iter().enumerate() {
        match steps.get(position) {
            None => {
                return wrong(format!(
                    "the database has run the migration '{name}', which this program does not know; is it an older version?"
                ));
            }
            Some(step) if step.name != *name => {
                return wrong(format!(
                    "migration {} was '{name}' and is '{}' now; add steps at the end only",
                    position + 1,
                    step.name
                ));
            }
            Some(step) if step.checksum() != *checksum => {
                return wrong(format!(
                    "the migration '{name}' was changed after it had run; add another step"
                ));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

async fn apply(change: &mut Change, position: usize, step: &Migration) -> Result<()> {
    let runs = match &step.table {
        Some(table) => exists(change, table).await.map_err(|error| failed(step, &error))?,
        None => true,
    };
    if runs {
        let sql = AssertSqlSafe(step.sql.clone().into_owned());
        sqlx::raw_sql(sql).execute(&mut **change).await.map_err(|error| failed(step, &error))?;
    }
    let record = sqlx::query("INSERT INTO \"_ligand_migrations\" VALUES (?, ?, ?, ?)")
        .bind(i64::try_from(position).unwrap_or(i64::MAX))
        .bind(step.name.clone().into_owned())
        .bind(step.checksum())
        .bind(jiff::Timestamp::now().to_string());
    record.execute(&mut **change).await.map(drop).map_err(|error| failed(step, &error))
}

async fn exists(connection: &mut SqliteConnection, table: &str) -> Result<bool, sqlx::Error> {
    let found =
        sqlx::query("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?").bind(table.to_owned());
    Ok(!found.fetch_all(connection).await?.is_empty())
}

#[cold]
fn failed(step: &Migration, error: &sqlx::Error) -> Error {
    Error::new(format!("the migration '{}' failed and nothing of it remains", step.name))
        .with_kind("MIGRATION_ERROR")
        .with_internal(error)
}
