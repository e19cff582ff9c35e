//! Entities on their way in, before anything about them is known to be right.
//!
//! The types below take any object; what is wrong with it is found by [`crate::Db`], which reports every broken
//! rule. They exist for their schema: it lists what the outside may write.

use std::{borrow::Cow, fmt, marker::PhantomData};

use ligand_wire::validate::Validate;
use schemars::{JsonSchema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};

use crate::{Entity, Form, Row, Table};

macro_rules! inputs {
    ($($(#[$doc:meta])* $name:ident => $schema:path;)*) => {$(
        $(#[$doc])*
        pub struct $name<E>(pub Row, PhantomData<fn() -> E>);

        impl<E> $name<E> {
            /// Of these fields.
            pub fn new(fields: Row) -> Self {
                Self(fields, PhantomData)
            }
        }

        impl<E> Clone for $name<E> {
            fn clone(&self) -> Self {
                Self::new(self.0.clone())
            }
        }

        impl<E> fmt::Debug for $name<E> {
            /// The names only: values may be secret.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_set().entries(self.0.keys()).finish()
            }
        }

        impl<E> Serialize for $name<E> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.0.serialize(serializer)
            }
        }

        impl<'de, E> Deserialize<'de> for $name<E> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Option::<Row>::deserialize(deserializer).map(|fields| Self::new(fields.unwrap_or_default()))
            }
        }

        impl<E: Entity> JsonSchema for $name<E> {
            fn schema_name() -> Cow<'static, str> {
                format!("{}{}", stringify!($name), E::Visible::schema_name()).into()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> schemars::Schema {
                let entity = E::Visible::json_schema_of(generator).to_value();
                schemars::Schema::try_from($schema(entity, Table::of::<E>().ok().as_ref())).unwrap_or_default()
            }
        }

        impl<E: Entity> Validate for $name<E> {}
    )*};
}

inputs! {
    /// Parameters of `create`: the fields of a new entity.
    Draft => creating;
    /// Parameters of `update`: the `id` and the fields to change.
    Update => updating;
    /// Parameters of `replace`: the `id` and all fields the entity shall have. Those that are not given get their
    /// defaults.
    Replacement => replacing;
    /// Parameters of `insert`: one `entity`, or a list of `entities`.
    Inserts => inserting;
}

/// The entity's schema without what the outside cannot set.
fn creating(entity: Value, table: Option<&Table>) -> Value {
    writable(entity, table, false)
}

/// The same with nothing required but the id.
fn updating(entity: Value, table: Option<&Table>) -> Value {
    let mut json = writable(entity, table, true);
    json["required"] = json!(["id"]);
    json["properties"]["id"] = id(table);
    json
}

/// The same with what a new entity needs too. Hidden fields stay what they are when they are not given.
fn replacing(entity: Value, table: Option<&Table>) -> Value {
    let mut json = writable(entity, table, true);
    let hidden = |name: &Value| {
        let column = name.as_str().and_then(|name| table?.column(name));
        column.is_some_and(crate::Column::is_hidden)
    };
    let mut required = vec![json!("id")];
    let own = json.get("required").and_then(Value::as_array).into_iter().flatten();
    required.extend(own.filter(|name| !hidden(name)).cloned());
    json["required"] = required.into();
    json["properties"]["id"] = id(table);
    json
}

/// Which entity is meant, also by the names of the id field.
fn id(table: Option<&Table>) -> Value {
    let column = table.and_then(|table| table.column(table.id()));
    let names: Vec<&str> =
        column.into_iter().flat_map(crate::Column::names).filter(|name| *name != "id").collect();
    match names.is_empty() {
        true => json!({ "type": "string" }),
        false => json!({ "type": "string", "x-ligand": { "aliases": names } }),
    }
}

fn inserting(entity: Value, table: Option<&Table>) -> Value {
    let entity = creating(entity, table);
    let list = json!({ "type": "array", "items": &entity });
    json!({ "type": "object", "properties": { "entity": entity, "entities": list } })
}

fn writable(mut entity: Value, table: Option<&Table>, update: bool) -> Value {
    let Some(table) = table else { return json!({ "type": "object" }) };
    if let Some(map) = entity.as_object_mut() {
        map.shift_remove("title");
        map.shift_remove("description");
    }
    retain(&mut entity, |name| table.column(name).is_some_and(|column| table.writable(column, update)));
    entity
}

/// Keeps only these properties of an object's schema.
fn retain(json: &mut Value, keep: impl Fn(&str) -> bool) {
    if let Some(properties) = json.get_mut("properties").and_then(Value::as_object_mut) {
        properties.retain(|name, _| keep(name));
    }
    if let Some(required) = json.get_mut("required").and_then(Value::as_array_mut) {
        required.retain(|name| name.as_str().is_some_and(&keep));
    }
}
