//! Between entities and rows, and what must hold for an entity to be written.

use std::sync::Arc;

use ligand_wire::{Error, FieldError, Result, objects::by_name, validate::Report};
use serde_json::Value;

use super::Db;
use crate::{Check, Entity, Form, Row, Table, Unknown, error, field::Stamp, id::new_id, kind::now};

/// The default of a uuid, which is as good as no id.
const NO_UUID: &str = "00000000-0000-0000-0000-000000000000";

impl<E: Entity> Db<E> {
    /// The entity of a stored row.
    ///
    /// # Errors
    /// 500 when the row is not one, as after a change of the type without a migration.
    pub(crate) fn load(&self, row: Row) -> Result<E> {
        E::Visible::read(Value::Object(row)).map_err(|error| unreadable::<E>(&error))
    }

    /// Says of a stored row whether it is an entity, and which field is why it is not.
    pub(crate) fn readable(&self) -> Result<Check> {
        let table = self.table()?.clone();
        Ok(Arc::new(move |row: &Row| {
            let value = Value::Object(row.clone());
            let Err(error) = E::Visible::read(&value) else { return Ok(()) };
            let error: serde_json::Error = error;
            let fields: Vec<_> =
                complaints::<E>(&table, &value).into_iter().take(3).map(|field| field.message).collect();
            Err(Error::new(match fields.is_empty() {
                true => reason::<E>(&error),
                false => fields.join(" "),
            }))
        }))
    }

    /// The row of an entity.
    pub(crate) fn store(&self, entity: &E) -> Result<Row> {
        match E::Visible::write(entity, serde_json::value::Serializer)? {
            Value::Object(row) => Ok(row),
            _ => Err(error::misuse(E::TABLE, "the entity is not written as an object")),
        }
    }

    /// Decodes what is about to be written, with every broken rule in the error.
    pub(crate) fn decode(&self, table: &Table, row: Row) -> Result<E> {
        let value = Value::Object(row);
        // The common case costs no copy.
        E::Visible::read(by_name(&value)).map_err(|decode: serde_json::Error| {
            let errors = complaints::<E>(table, &value);
            if errors.is_empty() {
                return error::invalid(vec![FieldError::new("object", None, None, None)])
                    .with_internal(reason::<E>(&decode));
            }
            error::invalid(errors)
        })
    }

    /// Sanitizes and checks an entity.
    pub(crate) fn accept(&self, table: &Table, entity: &mut E) -> Result<()> {
        if E::SANITIZES {
            entity.sanitize();
        }
        self.judge(table, entity)
    }

    /// Checks an entity.
    pub(crate) fn judge(&self, table: &Table, entity: &E) -> Result<()> {
        let mut errors = Vec::new();
        if E::CHECKS && !entity.is_valid() {
            errors = complaints::<E>(table, &Value::Object(self.store(entity)?));
            let mut own = Report::new();
            entity.violations(&mut own);
            errors.extend(own.into_errors());
            if errors.is_empty() {
                errors.push(FieldError::new("custom", None, None, None));
            }
        }
        errors.extend(self.0.hooks.rules.iter().flat_map(|rule| rule(entity)));
        if errors.is_empty() { Ok(()) } else { Err(error::invalid(errors)) }
    }

    /// Gives a new row its id and its times.
    pub(crate) fn stamp_new(&self, table: &Table, row: &mut Row) {
        Self::give_id(table, row);
        for column in table.columns() {
            if column.field().stamp != Stamp::Never {
                row.insert(column.name().to_owned(), now(column.kind()));
            }
        }
    }

    /// Gives a row an id that has none.
    pub(crate) fn give_id(table: &Table, row: &mut Row) {
        if matches!(table.id_of(row), "" | NO_UUID) {
            row.insert(table.id().to_owned(), new_id().into());
        }
    }

    /// The time stamps of a change.
    pub(crate) fn stamp_change(&self, table: &Table, set: &mut Row) {
        for column in table.columns() {
            if column.field().stamp == Stamp::Updated {
                set.insert(column.name().to_owned(), now(column.kind()));
            }
        }
    }

    /// What the outside may set of what it sent, under the names of the columns.
    ///
    /// # Errors
    /// 422 for a field under two of its names, and for other fields, when the entity says so.
    pub(crate) fn writable(&self, table: &Table, fields: Row, update: bool) -> Result<Row> {
        let may = |name: &str| table.meant(name).is_some_and(|column| table.writable(column, update));
        if table.unknown == Unknown::Reject {
            let refused = |name: &&String| !may(name) && !table.means_id(name);
            let errors: Vec<_> = fields
                .keys()
                .filter(refused)
                .take(ligand_wire::schema::MAX_ERRORS)
                .map(|name| FieldError::new("forbidden", Some(name.clone()), None, None))
                .collect();
            if !errors.is_empty() {
                return Err(error::invalid(errors));
            }
        }
        let mut row = Row::new();
        // Under which name each column was set.
        let mut set: Vec<(&str, String)> = Vec::with_capacity(fields.len());
        for (name, value) in fields {
            let Some(column) = table.meant(&name).filter(|_| may(&name)) else { continue };
            if row.insert(column.name().to_owned(), value).is_some() {
                let before = set.iter().find(|(own, _)| *own == column.name());
                return Err(error::twice(column, before.map_or(column.name(), |(_, name)| name), &name));
            }
            set.push((column.name(), name));
        }
        Ok(row)
    }
}

#[cold]
fn unreadable<E: Entity>(error: &serde_json::Error) -> Error {
    Error::internal_error(format!("a row of the table '{}' is no entity: {}", E::TABLE, reason::<E>(error)))
        .with_kind("DATABASE_ROW")
}

/// What the decoder says, which quotes values: of an entity with hidden fields only what cannot be one of theirs.
fn reason<E: Entity>(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match E::Visible::HIDES && !text.starts_with("missing field `") {
        true => "a field holds something else than its type says".into(),
        false => text,
    }
}

/// Every broken rule; the values of hidden fields are not quoted.
fn complaints<E: Entity>(table: &Table, value: &Value) -> Vec<FieldError> {
    let mut errors = E::Visible::schema_of().check(value);
    for error in &mut errors {
        let root = error.field.as_deref().unwrap_or_default();
        let root = root.split(['.', '[']).next().unwrap_or_default();
        if table.column(root).is_some_and(crate::Column::is_hidden) {
            error.actual = None;
        }
    }
    errors
}
