//! The handlers of the actions.

use ligand_core::{Context, Payload};
use ligand_wire::{FieldError, Result};
use serde_json::{Map, Value};

use super::answer::{Out, Shape, shape};
use crate::{
    Db, Entity, Row, Table, error,
    params::{
        CountParams, Draft, FindParams, GetParams, Ids, Inserts, ListParams, RemoveParams, Replacement,
        Update,
    },
};

/// The most entities of one `insert`.
const MAX_INSERTS: usize = 1000;

/// The most entities that a published `find` returns when nothing else is set.
const PUBLISHED_LIMIT: u64 = 1000;

pub(crate) async fn find<E: Entity>(db: Db<E>, ctx: Context, params: FindParams) -> Result<Payload> {
    let options = &db.0.options;
    let published = options.published.iter().any(|name| name == "find");
    let limit = match options.max_limit.or(published.then_some(PUBLISHED_LIMIT)) {
        Some(max) => Some(params.limit.map_or(max, |limit| limit.min(max))),
        None => params.limit,
    };
    let query = db.asked(&params, limit)?;
    let wanted = Shape {
        fields: params.fields.as_ref(),
        exclude: params.exclude_fields.as_ref(),
        populate: params.populate.as_ref(),
    };
    let found = db.find(query).await?;
    Ok(shape(&db, &ctx, found, &wanted).await?.all())
}

pub(super) async fn count<E: Entity>(db: Db<E>, _ctx: Context, params: CountParams) -> Result<Payload> {
    Ok(Payload::typed(db.count_for(params).await?))
}

pub(crate) async fn list<E: Entity>(db: Db<E>, ctx: Context, mut params: ListParams) -> Result<Payload> {
    let (fields, exclude, populate) =
        (params.fields.take(), params.exclude_fields.take(), params.populate.take());
    let wanted = Shape { fields: fields.as_ref(), exclude: exclude.as_ref(), populate: populate.as_ref() };
    let mut page = db.list(params).await?;
    let rows = std::mem::take(&mut page.rows);
    Ok(match shape(&db, &ctx, rows, &wanted).await? {
        Out::Typed(rows) => Payload::typed(page.with_rows(rows)),
        Out::Rows(rows) => Payload::typed(page.with_rows(rows)),
    })
}

pub(crate) async fn get<E: Entity>(db: Db<E>, ctx: Context, params: GetParams) -> Result<Payload> {
    let wanted = Shape {
        fields: params.fields.as_ref(),
        exclude: params.exclude_fields.as_ref(),
        populate: params.populate.as_ref(),
    };
    let mapping = params.mapping == Some(true);
    let found = match &params.id {
        Ids::One(id) => vec![db.require(id).await?],
        Ids::Many(ids) => db.get_many(ids).await?,
    };
    if mapping {
        let mut ids = Vec::with_capacity(found.len());
        for entity in &found {
            ids.push(db.table()?.id_of(&db.store(entity)?).to_owned());
        }
        let rows = match shape(&db, &ctx, found, &wanted).await? {
            Out::Rows(rows) => rows,
            Out::Typed(entities) => {
                entities.iter().map(serde_json::to_value).collect::<serde_json::Result<_>>()?
            }
        };
        return Ok(Payload::from(Value::Object(ids.into_iter().zip(rows).collect::<Map<_, _>>())));
    }
    let out = shape(&db, &ctx, found, &wanted).await?;
    Ok(match params.id {
        Ids::One(_) => out.one(),
        Ids::Many(_) => out.all(),
    })
}

pub(super) async fn create<E: Entity>(db: Db<E>, ctx: Context, params: Draft<E>) -> Result<Payload> {
    let entity = drafted(&db, params.0)?;
    let added = db.add(Some(&ctx), vec![entity]).await?;
    Ok(shape(&db, &ctx, added, &Shape::WHOLE).await?.one())
}

pub(super) async fn insert<E: Entity>(db: Db<E>, ctx: Context, mut params: Inserts<E>) -> Result<Payload> {
    let neither = || {
        let text = "Invalid request! The 'params' must contain 'entity' or 'entities'!";
        ligand_wire::Error::build("MoleculerClientError", 400, text)
    };
    let (entities, many) = match (params.0.remove("entity"), params.0.remove("entities")) {
        (Some(Value::Object(entity)), _) => (vec![Value::Object(entity)], false),
        (_, Some(Value::Array(entities))) => (entities, true),
        _ => return Err(neither()),
    };
    if entities.len() > MAX_INSERTS {
        let text = format!("The 'entities' field must contain less than or equal to {MAX_INSERTS} items.");
        return Err(error::parameter("arrayMax", "entities".into(), text));
    }
    let mut drafts = Vec::with_capacity(entities.len());
    for entity in entities {
        match entity {
            Value::Object(fields) => drafts.push(drafted(&db, fields)?),
            _ => return Err(error::invalid(vec![FieldError::new("object", None, None, None)])),
        }
    }
    let added = db.add(Some(&ctx), drafts).await?;
    let out = shape(&db, &ctx, added, &Shape::WHOLE).await?;
    Ok(if many { out.all() } else { out.one() })
}

pub(super) async fn update<E: Entity>(db: Db<E>, ctx: Context, params: Update<E>) -> Result<Payload> {
    let mut fields = params.0;
    let table = db.table()?;
    let id = take_id(table, &mut fields)?;
    let changes = db.writable(table, fields, true)?;
    let changed = db
        .modify(Some(&ctx), &id, |row| {
            row.extend(changes);
            Ok(())
        })
        .await?;
    Ok(shape(&db, &ctx, vec![changed], &Shape::WHOLE).await?.one())
}

pub(super) async fn replace<E: Entity>(db: Db<E>, ctx: Context, params: Replacement<E>) -> Result<Payload> {
    let mut fields = params.0;
    let table = db.table()?;
    let id = take_id(table, &mut fields)?;
    let given = db.writable(table, fields, true)?;
    let changed = db.replace_given(&ctx, &id, given).await?;
    Ok(shape(&db, &ctx, vec![changed], &Shape::WHOLE).await?.one())
}

/// Which entity is meant: `id`, or the id field by one of its names.
fn take_id(table: &Table, fields: &mut Row) -> Result<String> {
    let wrong = |kind| Err(error::invalid(vec![FieldError::new(kind, Some("id".into()), None, None)]));
    let mut names = fields.keys().filter(|name| table.means_id(name));
    let (name, again) = (names.next(), names.next());
    if let (Some(column), Some(name), Some(again)) = (table.column(table.id()), name, again) {
        return Err(error::twice(column, name, again));
    }
    let name = name.cloned();
    match fields.shift_remove("id").or_else(|| fields.shift_remove(name.as_ref()?)) {
        Some(Value::String(id)) => Ok(id),
        Some(Value::Number(id)) => Ok(id.to_string()),
        Some(_) => wrong("string"),
        None => wrong("required"),
    }
}

pub(super) async fn remove<E: Entity>(db: Db<E>, ctx: Context, params: RemoveParams) -> Result<Payload> {
    let removed = db.delete(Some(&ctx), &params.id).await?;
    Ok(shape(&db, &ctx, vec![removed], &Shape::WHOLE).await?.one())
}

/// A new entity of what the outside sent, checked.
fn drafted<E: Entity>(db: &Db<E>, fields: Row) -> Result<E> {
    let table = db.table()?;
    let mut row = db.writable(table, fields, false)?;
    db.stamp_new(table, &mut row);
    db.decode(table, row)
}
