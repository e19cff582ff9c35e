//! Between values and what SQLite stores.

use ligand_wire::{Error, Result};
use serde_json::{Number, Value};
use sqlx::{
    Row as _, TypeInfo as _, ValueRef as _,
    sqlite::{SqliteArguments, SqliteRow},
};

use crate::{Column, Kind, Row, Table, changes, error};

/// A value bound to a statement.
#[derive(Debug)]
pub(super) enum Argument {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
}

impl Argument {
    /// The value as the column stores it.
    pub(super) fn of(table: &Table, column: &Column, value: &Value) -> Result<Self> {
        Ok(match (column.kind(), value) {
            (_, Value::Null) => Self::Null,
            (Kind::Json, value) => Self::Text(value.to_string()),
            (Kind::Text, Value::String(text)) => Self::Text(text.clone()),
            (Kind::Boolean, Value::Bool(truth)) => Self::Integer((*truth).into()),
            (Kind::Integer | Kind::Real, Value::Number(number)) => Self::number(column, number)?,
            _ => {
                let text = format!("the field '{}' cannot hold a value of this type", column.name());
                return Err(error::misuse(table.name(), &text));
            }
        })
    }

    fn number(column: &Column, number: &Number) -> Result<Self> {
        match (column.kind(), number.as_i64(), number.as_f64()) {
            (Kind::Integer, Some(integer), _) => Ok(Self::Integer(integer)),
            // Beyond 63 bits SQLite would round.
            (Kind::Integer, None, _) if number.is_u64() => Err(changes::out_of_range(column.name())),
            (_, _, Some(real)) => Ok(Self::Real(real)),
            (_, _, None) => Err(changes::out_of_range(column.name())),
        }
    }

    /// As an item of a JSON list.
    pub(super) fn into_json(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Integer(integer) => integer.into(),
            Self::Real(real) => real.into(),
            Self::Text(text) => text.into(),
        }
    }

    pub(super) fn bind(
        self,
        query: sqlx::query::Query<'_, sqlx::Sqlite, SqliteArguments>,
    ) -> sqlx::query::Query<'_, sqlx::Sqlite, SqliteArguments> {
        match self {
            Self::Null => query.bind(None::<i64>),
            Self::Integer(integer) => query.bind(integer),
            Self::Real(real) => query.bind(real),
            Self::Text(text) => query.bind(text),
        }
    }
}

/// A stored row, whose columns are those of the table in their order. What has no value is left out.
pub(super) fn read(table: &Table, stored: &SqliteRow) -> Result<Row> {
    let mut row = Row::new();
    for (index, column) in table.columns().iter().enumerate() {
        let raw = stored.try_get_raw(index)?;
        if raw.is_null() {
            continue;
        }
        // The class in which this very value is stored, whatever the column says.
        let class = raw.type_info().name().to_owned();
        let value = match (column.kind(), class.as_str()) {
            (Kind::Text, _) => Value::String(stored.try_get_unchecked(index)?),
            (Kind::Json, _) => serde_json::from_str(stored.try_get_unchecked::<&str, _>(index)?)
                .map_err(|error| damaged(table, column).with_internal(error))?,
            (Kind::Boolean, _) => Value::Bool(stored.try_get_unchecked::<i64, _>(index)? != 0),
            (Kind::Integer, "INTEGER") => stored.try_get_unchecked::<i64, _>(index)?.into(),
            (Kind::Integer | Kind::Real, _) => {
                let real = stored.try_get_unchecked::<f64, _>(index)?;
                Number::from_f64(real).map(Value::Number).ok_or_else(|| damaged(table, column))?
            }
        };
        row.insert(column.name().to_owned(), value);
    }
    Ok(row)
}

#[cold]
fn damaged(table: &Table, column: &Column) -> Error {
    error::misuse(table.name(), &format!("the column '{}' holds something unreadable", column.name()))
}
