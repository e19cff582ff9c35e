//! What to change in entities, without reading them first.

use std::fmt;

use ligand_wire::{Error, Result};
use serde::Serialize;
use serde_json::{Number, Value};

use crate::{Kind, Row, Table, error};

/// Fields to set and numbers to add, applied to an entity in one step.
///
/// ```
/// use ligand_db::Changes;
/// let reserve = Changes::new().increment("stock", -2).set("lastOrder", "42");
/// ```
#[derive(Clone, Default, PartialEq)]
#[must_use]
pub struct Changes {
    pub(crate) set: Row,
    pub(crate) add: Vec<(String, Value)>,
}

impl fmt::Debug for Changes {
    /// The names only: values may be those of hidden fields.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.set.keys().chain(self.add.iter().map(|(field, _)| field))).finish()
    }
}

impl Changes {
    /// Nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// The fields of an object, such as `json!({ "status": "paid" })`.
    ///
    /// # Errors
    /// 500 when the value is no object or cannot be written as JSON.
    pub fn of(fields: impl Serialize) -> Result<Self> {
        match serde_json::to_value(fields)? {
            Value::Object(set) => Ok(Self { set, add: Vec::new() }),
            _ => Err(Error::internal_error("changes are an object of fields").with_kind("DATABASE_MISUSE")),
        }
    }

    /// Sets a field.
    pub fn set(mut self, field: impl Into<String>, value: impl Into<Value>) -> Self {
        self.set.insert(field.into(), value.into());
        self
    }

    /// Adds to a number (a negative one subtracts). What has no value counts as 0.
    pub fn increment(mut self, field: impl Into<String>, by: impl Into<Value>) -> Self {
        self.add.push((field.into(), by.into()));
        self
    }

    /// The fields to set.
    pub fn set_of(&self) -> &Row {
        &self.set
    }

    /// The numbers to add.
    pub fn increments(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.add.iter().map(|(field, by)| (field.as_str(), by))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.set.is_empty() && self.add.is_empty()
    }

    pub(crate) fn check(&self, table: &Table) -> Result<()> {
        let wrong = |what: &str, field: &str| Err(error::misuse(table.name(), &format!("{what} '{field}'")));
        for field in self.set.keys().chain(self.add.iter().map(|(field, _)| field)) {
            match table.column(field) {
                None => return wrong("cannot change the unknown field", field),
                Some(_) if field == table.id() => return wrong("cannot change the id field", field),
                Some(_) => {}
            }
        }
        for (index, (field, by)) in self.add.iter().enumerate() {
            let kind = table.column(field).map(crate::Column::kind);
            if !matches!(kind, Some(Kind::Integer | Kind::Real)) {
                return wrong("cannot add to a field that is no number:", field);
            }
            if !by.is_number() || (kind == Some(Kind::Integer) && by.is_f64()) {
                return wrong("can only add a fitting number to the field", field);
            }
            if self.set.contains_key(field) || self.add[..index].iter().any(|(other, _)| other == field) {
                return wrong("cannot change a field twice at once:", field);
            }
        }
        Ok(())
    }

    /// Applies the changes to a row in memory.
    ///
    /// # Errors
    /// When a sum is out of range.
    pub(crate) fn apply(&self, row: &mut Row) -> Result<()> {
        for (field, value) in &self.set {
            row.insert(field.clone(), value.clone());
        }
        for (field, by) in &self.add {
            let old = row.get(field).and_then(Value::as_number).cloned().unwrap_or_else(|| 0.into());
            let sum = by.as_number().and_then(|by| sum(&old, by)).ok_or_else(|| out_of_range(field))?;
            row.insert(field.clone(), Value::Number(sum));
        }
        Ok(())
    }
}

fn sum(a: &Number, b: &Number) -> Option<Number> {
    match (a.as_i64(), b.as_i64()) {
        (Some(a), Some(b)) => a.checked_add(b).map(Number::from),
        _ => Number::from_f64(a.as_f64()? + b.as_f64()?),
    }
}

pub(crate) fn out_of_range(field: &str) -> Error {
    error::invalid(vec![ligand_wire::FieldError::new("number", Some(field.to_owned()), None, None)])
}
