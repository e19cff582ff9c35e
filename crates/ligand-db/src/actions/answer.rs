//! What leaves the service: entities as they are when nothing has to be taken out, chosen fields otherwise.

use ligand_core::{Context, Payload};
use ligand_wire::Result;
use serde_json::Value;

use crate::{
    Db, Entity, Names, Row, populate,
    select::{Select, hide},
};

/// How entities are answered.
pub(super) struct Shape<'p> {
    pub(super) fields: Option<&'p Names>,
    pub(super) exclude: Option<&'p Names>,
    pub(super) populate: Option<&'p Names>,
}

impl Shape<'static> {
    /// All visible fields.
    pub(super) const WHOLE: Self = Self { fields: None, exclude: None, populate: None };
}

/// Entities on their way out.
pub(super) enum Out<E> {
    /// As they are.
    Typed(Vec<E>),
    /// Fields of them.
    Rows(Vec<Value>),
}

impl<E: Entity> Out<E> {
    /// The first one.
    pub(super) fn one(self) -> Payload {
        match self {
            Self::Typed(entities) => entities.into_iter().next().map_or(Payload::NULL, Payload::typed),
            Self::Rows(rows) => rows.into_iter().next().map_or(Payload::NULL, Payload::from),
        }
    }

    /// All of them.
    pub(super) fn all(self) -> Payload {
        match self {
            Self::Typed(entities) => Payload::typed(entities),
            Self::Rows(rows) => Payload::from(Value::Array(rows)),
        }
    }
}

/// Gives entities the shape that the caller asked for.
pub(super) async fn shape<E: Entity>(
    db: &Db<E>,
    ctx: &Context,
    entities: Vec<E>,
    shape: &Shape<'_>,
) -> Result<Out<E>> {
    let table = db.table()?;
    let rules = if shape.populate.is_some() { db.populates()? } else { Vec::new() };
    let rules = populate::asked(&rules, shape.populate)?;
    let select = Select::new(shape.fields, shape.exclude);
    if rules.is_empty() && select.everything(table) {
        return Ok(Out::Typed(entities));
    }
    let mut rows = Vec::with_capacity(entities.len());
    for entity in &entities {
        let mut row: Row = db.store(entity)?;
        hide(table, &mut row);
        rows.push(row);
    }
    populate::apply(ctx, &rules, &mut rows).await?;
    Ok(Out::Rows(rows.into_iter().map(|row| Value::Object(select.apply(row))).collect()))
}
