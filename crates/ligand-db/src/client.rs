//! Typed client methods for services that have a [`Db`] mixed in, with the entity's type or without it.

use ligand_core::{Payload, broker::Request, service::MixedIn};
use ligand_wire::Data;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{CountParams, Crud, Db, Entity, FindParams, ListParams, Page};

/// A trait of typed calls for clients that are [`MixedIn`] a mixin with the actions of a [`Db`].
macro_rules! calls {
    ($(#[$doc:meta])* $name:ident<$param:ident: $bound:path>, $mixin:ty, $row:ty) => {
        $(#[$doc])*
        pub trait $name<$param: $bound>: MixedIn<$mixin> {
            /// One page.
            fn list(&self, params: ListParams) -> Request<Page<$row>> {
                self.ask("list", Payload::typed(params))
            }

            /// Entities that meet conditions.
            fn find(&self, params: FindParams) -> Request<Vec<$row>> {
                self.ask("find", Payload::typed(params))
            }

            /// How many entities meet conditions.
            fn count(&self, params: CountParams) -> Request<u64> {
                self.ask("count", Payload::typed(params))
            }

            /// The entity with this id.
            fn get(&self, id: impl Into<String>) -> Request<$row> {
                self.get_as(id)
            }

            /// The visible part of the entity with this id.
            fn get_as<R: Data>(&self, id: impl Into<String>) -> Request<R> {
                self.ask("get", json!({ "id": id.into() }).into())
            }

            /// The entities with these ids; unknown ids are left out.
            fn get_many(&self, ids: Vec<String>) -> Request<Vec<$row>> {
                self.ask("get", json!({ "id": ids }).into())
            }

            /// Adds an entity of these fields; any type of them will do.
            fn create(&self, fields: impl Serialize) -> Request<$row> {
                self.create_as(fields)
            }

            /// As [`Self::create`], answering the visible part.
            fn create_as<R: Data>(&self, fields: impl Serialize) -> Request<R> {
                self.ask("create", tree(fields).into())
            }

            /// Changes the fields of an entity that are given; those that are not stay as they are.
            fn update(&self, id: impl Into<String>, fields: impl Serialize) -> Request<$row> {
                self.update_as(id, fields)
            }

            /// As [`Self::update`], answering the visible part.
            fn update_as<R: Data>(&self, id: impl Into<String>, fields: impl Serialize) -> Request<R> {
                self.ask("update", with_id(id.into(), fields).into())
            }

            /// Replaces an entity: fields that are not given get their defaults.
            fn replace(&self, id: impl Into<String>, fields: impl Serialize) -> Request<$row> {
                self.replace_as(id, fields)
            }

            /// As [`Self::replace`], answering the visible part.
            fn replace_as<R: Data>(&self, id: impl Into<String>, fields: impl Serialize) -> Request<R> {
                self.ask("replace", with_id(id.into(), fields).into())
            }

            /// Removes an entity; returns what it was.
            fn remove(&self, id: impl Into<String>) -> Request<$row> {
                self.ask("remove", json!({ "id": id.into() }).into())
            }

            #[doc(hidden)]
            fn ask<R: Data>(&self, action: &str, params: Payload) -> Request<R> {
                self.caller().call_as(format!("{}.{action}", Self::SERVICE), params)
            }
        }

        impl<$param: $bound, C: MixedIn<$mixin>> $name<$param> for C {}
    };
}

calls! {
    /// The actions of a mixed-in [`Db`], on the generated client of its service, or of a contract that names it.
    ///
    /// Answers are [`Entity::Visible`]: the entity itself, or the type of its visible fields when some are hidden. The
    /// `_as` methods read them as another type.
    DbClient<E: Entity>, Db<E>, E::Visible
}

calls! {
    /// The same actions for callers who know of the entity only what they read, on [`Crud`] and on the client of a contract
    /// that names it.
    ///
    /// Answers are `T`. The `_as` methods read them as another type.
    CrudClient<T: Data>, Crud<T>, T
}

fn with_id(id: String, fields: impl Serialize) -> Value {
    let mut params = tree(fields);
    if let Value::Object(params) = &mut params {
        params.insert("id".into(), id.into());
    }
    params
}

/// What cannot be written as JSON is refused by the action, which expects an object.
fn tree(fields: impl Serialize) -> Value {
    serde_json::to_value(fields).unwrap_or_else(|error| error.to_string().into())
}
