//! What to change in entities, without reading them first.

use std::{fmt, marker::PhantomData};

use ligand_wire::{Error, Result};
use serde::Serialize;
use serde_json::{Number, Value};

use crate::{Addable, Joins, Kind, Row, Settable, Table, Untyped, error, kind};

/// Fields to set and numbers to add, applied to an entity in one step.
///
/// ```
/// use ligand_db::Changes;
/// let reserve = Changes::new().increment("stock", -2).set("lastOrder", "42");
/// ```
///
/// With the constants of an entity a wrong name or type does not compile:
/// `Changes::new().increment(Product::STOCK, -2).set(Product::LAST_ORDER, "42")`. A [`Patch`](ligand_wire::Patch) sets
/// nothing when it is absent.
#[must_use]
pub struct Changes<E = Untyped> {
    pub(crate) set: Row,
    pub(crate) add: Vec<(String, Value)>,
    pub(crate) about: PhantomData<fn() -> E>,
}

crate::typed::about!(Changes { set, add });

impl<E> Default for Changes<E> {
    fn default() -> Self {
        Self::from(Row::new())
    }
}

impl<E> From<Row> for Changes<E> {
    fn from(set: Row) -> Self {
        Self { set, add: Vec::new(), about: PhantomData }
    }
}

impl<E> fmt::Debug for Changes<E> {
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
            Value::Object(set) => Ok(set.into()),
            _ => Err(Error::internal_error("changes are an object of fields").with_kind("DATABASE_MISUSE")),
        }
    }
}

impl<E> Changes<E> {
    /// Sets a field: a constant to a value of its type or a `Patch`, a name in a text to anything.
    pub fn set<F, V>(mut self, field: F, value: V) -> Changes<E::Both>
    where
        F: Settable<V>,
        E: Joins<F::About>,
    {
        if let (field, Some(value)) = field.set(value) {
            self.set.insert(field, value);
        }
        self.about()
    }

    /// Adds to a number (a negative one subtracts). What has no value counts as 0. Decimals are added exactly.
    pub fn increment<F, V>(mut self, field: F, by: V) -> Changes<E::Both>
    where
        F: Addable<V>,
        E: Joins<F::About>,
    {
        self.add.push(field.add(by));
        self.about()
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
            let fits = match table.column(field).map(crate::Column::kind) {
                Some(Kind::Integer { .. }) => by.is_number() && !by.is_f64(),
                Some(Kind::Real { .. }) => by.is_number(),
                Some(Kind::Decimal { .. }) => by.is_number() || by.as_str().is_some_and(is_decimal),
                _ => return wrong("cannot add to a field that is no number:", field),
            };
            if !fits {
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
    pub(crate) fn apply(&self, table: &Table, row: &mut Row) -> Result<()> {
        for (field, value) in &self.set {
            row.insert(field.clone(), value.clone());
        }
        row.extend(self.sums(table, row)?);
        Ok(())
    }

    /// What the fields that are added to become in a row.
    ///
    /// # Errors
    /// When a sum is out of range.
    pub(crate) fn sums(&self, table: &Table, row: &Row) -> Result<Row> {
        let sum = |(field, by): &(String, Value)| {
            let kind = table.column(field).map(crate::Column::kind);
            let old = row.get(field).filter(|old| !old.is_null());
            let sum = kind.and_then(|kind| sum(kind, old, by)).ok_or_else(|| out_of_range(field))?;
            Ok((field.clone(), sum))
        };
        self.add.iter().map(sum).collect()
    }
}

fn sum(kind: &Kind, old: Option<&Value>, by: &Value) -> Option<Value> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match kind {
        Kind::Integer { .. } => {
            let whole = |value: &Value| value.as_i64().map(i128::from).or(value.as_u64().map(i128::from));
            let sum = old.map_or(Some(0), whole)? + whole(by)?;
            i64::try_from(sum).map(Value::from).or_else(|_| u64::try_from(sum).map(Value::from)).ok()
        }
        Kind::Real { single } => {
            let mut sum = Number::from_f64(old.map_or(Some(0.0), Value::as_f64)? + by.as_f64()?)?;
            kind::real(&mut sum, *single);
            Some(Value::Number(sum))
        }
        Kind::Decimal { number } => {
            let sum = kind::sum(&old.map_or_else(|| "0".into(), text), &text(by))?;
            if *number { serde_json::from_str(&sum).ok() } else { Some(sum.into()) }
        }
        _ => None,
    }
}

fn is_decimal(text: &str) -> bool {
    kind::sum(text, "0").is_some()
}

pub(crate) fn out_of_range(field: &str) -> Error {
    error::invalid(vec![ligand_wire::FieldError::new("number", Some(field.to_owned()), None, None)])
}
