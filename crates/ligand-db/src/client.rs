//! Typed client methods for services that have a [`Db`] mixed in.

use ligand_core::{MixedIn, Payload, Request};
use ligand_wire::Data;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{CountParams, Db, Entity, FindParams, ListParams, Page};

/// The actions of a mixed-in [`Db`], on the generated client of its service.
///
/// Answers are [`Entity::Visible`]: the entity itself, or the type of its visible fields when some are hidden. The `_as`
/// methods read them as another type.
pub trait DbClient<E: Entity>: MixedIn<Db<E>> {
    /// One page.
    fn list(&self, params: ListParams) -> Request<Page<E::Visible>> {
        self.ask("list", Payload::typed(params))
    }

    /// Entities that meet conditions.
    fn find(&self, params: FindParams) -> Request<Vec<E::Visible>> {
        self.ask("find", Payload::typed(params))
    }

    /// How many entities meet conditions.
    fn count(&self, params: CountParams) -> Request<u64> {
        self.ask("count", Payload::typed(params))
    }

    /// The entity with this id.
    fn get(&self, id: impl Into<String>) -> Request<E::Visible> {
        self.get_as(id)
    }

    /// The visible part of the entity with this id.
    fn get_as<R: Data>(&self, id: impl Into<String>) -> Request<R> {
        self.ask("get", json!({ "id": id.into() }).into())
    }

    /// The entities with these ids; unknown ids are left out.
    fn get_many(&self, ids: Vec<String>) -> Request<Vec<E::Visible>> {
        self.ask("get", json!({ "id": ids }).into())
    }

    /// Adds an entity of these fields; any type of them will do.
    fn create(&self, fields: impl Serialize) -> Request<E::Visible> {
        self.create_as(fields)
    }

    /// As [`DbClient::create`], answering the visible part.
    fn create_as<R: Data>(&self, fields: impl Serialize) -> Request<R> {
        self.ask("create", tree(fields).into())
    }

    /// Changes fields of an entity.
    fn update(&self, id: impl Into<String>, fields: impl Serialize) -> Request<E::Visible> {
        self.update_as(id, fields)
    }

    /// As [`DbClient::update`], answering the visible part.
    fn update_as<R: Data>(&self, id: impl Into<String>, fields: impl Serialize) -> Request<R> {
        let mut params = tree(fields);
        if let Value::Object(params) = &mut params {
            params.insert("id".into(), id.into().into());
        }
        self.ask("update", params.into())
    }

    /// Removes an entity; answers what it was.
    fn remove(&self, id: impl Into<String>) -> Request<E::Visible> {
        self.ask("remove", json!({ "id": id.into() }).into())
    }

    #[doc(hidden)]
    fn ask<R: Data>(&self, action: &str, params: Payload) -> Request<R> {
        self.caller().call_as(format!("{}.{action}", Self::SERVICE), params)
    }
}

impl<E: Entity, C: MixedIn<Db<E>>> DbClient<E> for C {}

/// What cannot be written as JSON is refused by the action, which expects an object.
fn tree(fields: impl Serialize) -> Value {
    serde_json::to_value(fields).unwrap_or_else(|error| error.to_string().into())
}
