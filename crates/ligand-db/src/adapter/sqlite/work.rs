//! The operations on one connection, alone or in a transaction.

use ligand_wire::Result;
use sqlx::{Row as _, SqliteConnection};

use super::{error, row, statement::Statement};
use crate::{Changes, Filter, Query, Row, Table, adapter::Check};

pub(super) async fn find(
    connection: &mut SqliteConnection,
    table: &Table,
    query: &Query,
) -> Result<Vec<Row>> {
    let rows = Statement::select(table, query)?.rows(connection).await;
    rows.map_err(|error| error::of(&error, table))?.iter().map(|stored| row::read(table, stored)).collect()
}

pub(super) async fn page(
    connection: &mut SqliteConnection,
    table: &Table,
    query: &Query,
) -> Result<(Vec<Row>, u64)> {
    let rows = find(connection, table, query).await?;
    let total = count(connection, table, &query.filter).await?;
    Ok((rows, total))
}

pub(super) async fn count(connection: &mut SqliteConnection, table: &Table, filter: &Filter) -> Result<u64> {
    let rows = Statement::count(table, filter)?.rows(connection).await;
    let rows = rows.map_err(|error| error::of(&error, table))?;
    let count: i64 = rows.first().map_or(Ok(0), |row| row.try_get(0))?;
    Ok(count.unsigned_abs())
}

pub(super) async fn insert(connection: &mut SqliteConnection, table: &Table, rows: &[Row]) -> Result<()> {
    for row in rows {
        let done = Statement::insert(table, row)?.execute(connection).await;
        if let Err(error) = done {
            return Err(named(connection, table, row, None, &error).await);
        }
    }
    Ok(())
}

/// The error of a row that was not written. Where several of its values are taken, SQLite names the one whose index it
/// happened to look at first; every store names the first in the order of the columns.
async fn named(
    connection: &mut SqliteConnection,
    table: &Table,
    row: &Row,
    own: Option<&str>,
    error: &sqlx::Error,
) -> ligand_wire::Error {
    if error::duplicate_in(error).is_none() {
        return error::of(error, table);
    }
    let id = table.column(table.id()).filter(|_| own.is_none());
    for column in id.into_iter().chain(table.columns().iter().filter(|column| column.is_unique())) {
        let Some(value) = row.get(column.name()).filter(|value| !value.is_null()) else { continue };
        let mut taken = Filter::field(column.name()).eq(value);
        if let Some(own) = own {
            taken = taken.and(Filter::field(table.id()).ne(own));
        }
        if count(connection, table, &taken).await.is_ok_and(|taken| taken > 0) {
            return crate::error::duplicate(table, column.name());
        }
    }
    error::of(error, table)
}

pub(super) async fn update(
    connection: &mut SqliteConnection,
    table: &Table,
    id: &str,
    filter: &Filter,
    changes: &Changes,
    check: &Check,
) -> Result<Option<Row>> {
    let mut set = changes.set.clone();
    if !changes.add.is_empty() {
        // Added here and not by SQLite, whose numbers end earlier and are never decimals. Nobody else writes
        // meanwhile.
        let query = Query::from(Filter::field(table.id()).eq(id).and(filter.clone()));
        let Some(old) = find(connection, table, &query).await?.pop() else { return Ok(None) };
        set.extend(changes.sums(table, &old)?);
    }
    let rows = match Statement::update(table, id, filter, &set)?.rows(connection).await {
        Ok(rows) => rows,
        Err(error) if error::duplicate_in(&error).is_some() => {
            let query = Query::from(Filter::field(table.id()).eq(id));
            let Some(mut row) = find(connection, table, &query).await?.pop() else { return Ok(None) };
            row.extend(set);
            // What breaks a rule is said before what is taken.
            check(&row)?;
            return Err(named(connection, table, &row, Some(id), &error).await);
        }
        Err(error) => return Err(error::of(&error, table)),
    };
    let Some(stored) = rows.first() else { return Ok(None) };
    let changed = row::read(table, stored)?;
    check(&changed)?;
    Ok(Some(changed))
}

pub(super) async fn remove(
    connection: &mut SqliteConnection,
    table: &Table,
    id: &str,
    filter: &Filter,
) -> Result<Option<Row>> {
    let rows = Statement::remove(table, Some(id), filter)?.rows(connection).await;
    let rows = rows.map_err(|error| error::of(&error, table))?;
    rows.first().map(|stored| row::read(table, stored)).transpose()
}

pub(super) async fn remove_all(
    connection: &mut SqliteConnection,
    table: &Table,
    filter: &Filter,
) -> Result<u64> {
    let removed = Statement::remove(table, None, filter)?.execute(connection).await;
    removed.map_err(|error| error::of(&error, table))
}
