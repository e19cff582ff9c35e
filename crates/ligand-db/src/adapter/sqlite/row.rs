//! Between values and what SQLite stores.

use ligand_wire::{Error, Result};
use serde_json::{Number, Value};
use sqlx::{
    Row as _, TypeInfo as _, ValueRef as _,
    sqlite::{SqliteArguments, SqliteRow},
};

use crate::{Column, Kind, Row, Table, error, kind::unquoted};

/// A value bound to a statement.
#[derive(Debug)]
pub(super) enum Argument {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
}

impl Argument {
    /// The value as the column keeps it.
    pub(super) fn of(table: &Table, column: &Column, value: &Value) -> Result<Self> {
        Ok(match (column.kind(), value) {
            (_, Value::Null) => Self::Null,
            (Kind::List(_) | Kind::Struct(_) | Kind::Json, value) => document(value),
            (Kind::Boolean, Value::Bool(truth)) => Self::Integer((*truth).into()),
            (Kind::Integer { .. }, Value::Number(number)) => whole(number),
            (Kind::Real { .. }, Value::Number(number)) => Self::Real(number.as_f64().unwrap_or_default()),
            (Kind::Decimal { .. }, Value::Number(number)) => Self::Text(number.to_string()),
            (Kind::Integer { .. } | Kind::Real { .. } | Kind::Boolean, _) => {
                return Err(misfit(table, column));
            }
            (_, Value::String(text)) => Self::Text(text.clone()),
            _ => return Err(misfit(table, column)),
        })
    }

    /// The value as something that a column of this kind is compared with.
    pub(super) fn compared(kind: &Kind, value: &Value) -> Self {
        match (kind, value) {
            (_, Value::Null) => Self::Null,
            (Kind::List(_) | Kind::Struct(_) | Kind::Json, value) => document(value),
            (Kind::Boolean, Value::Bool(truth)) => Self::Integer((*truth).into()),
            (Kind::Integer { .. }, Value::Number(number)) => whole(number),
            (Kind::Real { .. }, Value::Number(number)) => Self::Real(number.as_f64().unwrap_or_default()),
            (_, Value::String(text)) => Self::Text(text.clone()),
            (_, other) => Self::Text(other.to_string()),
        }
    }

    /// As SQL, for what no argument can be bound to; `None` for what SQL has no notation of.
    pub(super) fn literal(&self) -> Option<String> {
        match self {
            Self::Null => None,
            Self::Integer(integer) => Some(integer.to_string()),
            Self::Real(real) => Some(format!("{real:e}")),
            Self::Text(text) if text.contains('\0') => None,
            Self::Text(text) => Some(format!("'{}'", text.replace('\'', "''"))),
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

/// A JSON document.
pub(super) fn document(value: &Value) -> Argument {
    Argument::Text(value.to_string())
}

/// Whole numbers up to the greatest of 64 bits: SQLite's end at 63, greater ones become texts, which come after
/// all numbers and, with leading zeros, in their own order. The letter keeps SQLite from rounding them.
fn whole(number: &Number) -> Argument {
    match (number.as_i64(), number.as_u64(), number.as_f64()) {
        (Some(integer), ..) => Argument::Integer(integer),
        (None, Some(large), _) => Argument::Text(format!("u{large:020}")),
        (None, None, real) => Argument::Real(real.unwrap_or_default()),
    }
}

/// A stored row, whose columns are those of the table in their order. What has no value is null where null is a
/// value of the column, and left out elsewhere, as in rows that are older than the column.
pub(super) fn read(table: &Table, stored: &SqliteRow) -> Result<Row> {
    let mut row = Row::new();
    for (index, column) in table.columns().iter().enumerate() {
        let raw = stored.try_get_raw(index)?;
        if raw.is_null() {
            if column.is_nullable() {
                row.insert(column.name().to_owned(), Value::Null);
            }
            continue;
        }
        // The class in which this very value is stored, whatever the column says.
        let class = raw.type_info().name().to_owned();
        let text = || stored.try_get_unchecked::<&str, _>(index);
        let damaged = || damaged(table, column);
        let value = match (column.kind(), class.as_str()) {
            (Kind::Boolean, "INTEGER" | "BOOLEAN") => match stored.try_get_unchecked::<i64, _>(index)? {
                0 => Value::Bool(false),
                1 => Value::Bool(true),
                _ => return Err(damaged()),
            },
            (Kind::Integer { .. }, "INTEGER") => stored.try_get_unchecked::<i64, _>(index)?.into(),
            (Kind::Integer { .. }, "TEXT") => {
                let large = text()?.strip_prefix('u').and_then(|digits| digits.parse::<u64>().ok());
                large.ok_or_else(damaged)?.into()
            }
            (Kind::Integer { .. } | Kind::Real { .. }, "REAL" | "INTEGER") => {
                let real = stored.try_get_unchecked::<f64, _>(index)?;
                Number::from_f64(real).map(Value::Number).ok_or_else(damaged)?
            }
            (Kind::Boolean | Kind::Integer { .. } | Kind::Real { .. }, _) => return Err(damaged()),
            (Kind::List(_) | Kind::Struct(_) | Kind::Json, _) | (Kind::Decimal { number: true }, _) => {
                serde_json::from_str(text()?).map_err(|error| damaged().with_internal(error))?
            }
            // An earlier form of these columns was a JSON document.
            (Kind::Instant { millis: true, .. }, _) if text()?.parse::<i64>().is_ok() => {
                text()?.parse::<i64>().map_err(|_| damaged())?.into()
            }
            (Kind::Text | Kind::Choice(_) | Kind::Opaque, _) => {
                Value::String(stored.try_get_unchecked(index)?)
            }
            _ => Value::String(unquoted(text()?).to_owned()),
        };
        row.insert(column.name().to_owned(), value);
    }
    Ok(row)
}

#[cold]
fn misfit(table: &Table, column: &Column) -> Error {
    let text = format!("the field '{}' cannot hold a value of this type", column.name());
    error::misuse(table.name(), &text)
}

#[cold]
fn damaged(table: &Table, column: &Column) -> Error {
    error::misuse(table.name(), &format!("the column '{}' holds something unreadable", column.name()))
}
