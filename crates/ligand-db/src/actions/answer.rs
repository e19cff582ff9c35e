//! What leaves the service: the visible part of entities, as it is or in chosen fields.

use ligand_core::{Context, Payload};
use ligand_wire::Result;
use serde_json::Value;

use crate::{Db, Entity, Names, error, populate, select::Select};

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
pub(super) enum Out<E: Entity> {
    /// As they are.
    Typed(Vec<E::Visible>),
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
    let rules = if shape.populate.is_some() { db.populates()? } else { Vec::new() };
    let rules = populate::asked(&rules, shape.populate)?;
    let select = Select::new(shape.fields, shape.exclude);
    let visible = entities.into_iter().map(E::visible);
    if rules.is_empty() && select.everything() {
        return Ok(Out::Typed(visible.collect()));
    }
    let mut rows = Vec::with_capacity(visible.len());
    for entity in visible {
        match serde_json::to_value(entity)? {
            Value::Object(row) => rows.push(row),
            _ => return Err(error::misuse(E::TABLE, "the entity is not written as an object")),
        }
    }
    populate::apply(ctx, &rules, &mut rows).await?;
    Ok(Out::Rows(rows.into_iter().map(|row| Value::Object(select.apply(row))).collect()))
}
