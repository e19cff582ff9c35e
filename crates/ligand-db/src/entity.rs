//! What can be kept in a database, and what of it leaves its service.

use std::borrow::Cow;

use ligand_wire::{
    Data,
    schema::{JsonSchema, Schema},
    validate::{Report, Validate},
};
use schemars::SchemaGenerator;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Field;

/// What a [`crate::Db`] keeps, one row each. `#[entity]` implements it.
///
/// The columns come from the JSON schema of the type; [`Entity::FIELDS`] only lists the fields that are
/// special. The id field is a text: empty (or absent) in a new entity, which then gets a time-ordered UUID
/// (version 7), so that the order of ids is the order of creation.
///
/// # Hidden fields
///
/// An entity with hidden fields stays in its service: it is readable there and in no answer, event, stream or cache,
/// because it cannot travel at all. What travels is [`Entity::Visible`], a type of the other fields that `#[entity]`
/// makes (`UserVisible` for a `User`); [`Entity::visible`] turns one into it. By hand only entities without hidden
/// fields can be written: a hidden field does not compile there.
///
/// ```
/// use ligand_db::{Entity, Field};
/// use ligand_wire::validate::Validate;
///
/// #[derive(Clone, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
/// struct Product {
///     #[serde(default)]
///     id: String,
///     name: String,
///     stock: u32,
/// }
///
/// impl Validate for Product {}
///
/// impl Entity for Product {
///     type Visible = Self;
///     const TABLE: &'static str = "products";
///     const FIELDS: &'static [Field] = &[Field::new("name").unique()];
/// }
/// ```
///
/// ```compile_fail,E0080
/// # use ligand_db::{Entity, Field};
/// # use ligand_wire::validate::Validate;
/// # #[derive(Clone, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
/// # struct User { #[serde(default)] id: String, password: String }
/// # impl Validate for User {}
/// impl Entity for User {
///     type Visible = Self;
///     const TABLE: &'static str = "users";
///     // The type writes its password into every answer.
///     const FIELDS: &'static [Field] = &[Field::new("password").hidden()];
/// }
/// let users = ligand_db::Db::<User>::memory();
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be kept in a database",
    label = "not an entity",
    note = "put #[entity(table = \"..\")] on it, or implement ligand::db::Entity"
)]
pub trait Entity: Clone + Send + Sync + Validate + 'static {
    /// What leaves the service: the type itself when nothing is hidden.
    type Visible: Form<Self>;

    /// Name of the table.
    const TABLE: &'static str;

    /// Name of the id field: in answers, in conditions, in the database. Services that came from moleculer-db or MongoDB
    /// say `_id`. Parameters of actions call the id `id` in any case.
    const ID: &'static str = "id";

    /// What becomes of fields in `create` and `update` that nobody declared.
    const UNKNOWN: Unknown = Unknown::Drop;

    /// The fields with something special about them, by their names on the wire.
    const FIELDS: &'static [Field] = &[];

    /// The entity without its hidden fields: what an action may answer.
    fn visible(self) -> Self::Visible {
        Self::Visible::of(self)
    }
}

/// How an entity is written and read, and the part of it that leaves. Implemented for every payload as an entity without
/// hidden fields, and by `#[entity]` for the type of the visible fields; not meant to be implemented by hand.
pub trait Form<E>: Data + Validate + JsonSchema {
    #[doc(hidden)]
    const HIDES: bool;

    /// The visible part.
    fn of(entity: E) -> Self;

    /// Writes all fields, for the store.
    #[doc(hidden)]
    fn write<S: Serializer>(entity: &E, serializer: S) -> Result<S::Ok, S::Error>;

    /// Reads all fields, for the store.
    #[doc(hidden)]
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<E, D::Error>;

    /// The schema of all fields.
    #[doc(hidden)]
    fn schema_of() -> Schema;

    /// The same, for schemas that it is a part of.
    #[doc(hidden)]
    fn json_schema_of(generator: &mut SchemaGenerator) -> schemars::Schema;
}

impl<E: Data + Validate + JsonSchema> Form<E> for E {
    const HIDES: bool = false;

    fn of(entity: E) -> Self {
        entity
    }

    fn write<S: Serializer>(entity: &E, serializer: S) -> Result<S::Ok, S::Error> {
        entity.serialize(serializer)
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<E, D::Error> {
        E::deserialize(deserializer)
    }

    fn schema_of() -> Schema {
        E::schema()
    }

    fn json_schema_of(generator: &mut SchemaGenerator) -> schemars::Schema {
        E::json_schema(generator)
    }
}

/// Never implemented: it stands between an entity with hidden fields and everything that would read it from an answer.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` has hidden fields: it does not travel and cannot be read from an answer",
    label = "has hidden fields",
    note = "write the type of its visible fields, `{Self}Visible` unless #[entity(visible = \"..\")] names another; `.visible()` makes one"
)]
pub trait NoHiddenFields<'de>: Sized {
    fn read<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
}

/// An entity **with its hidden fields**, able to travel: to another service, into a cache, to a client. For the rare case
/// where a secret must be handed on, such as a move of users with their password hashes; everything else takes
/// [`Entity::visible`].
///
/// `Debug` does not show the hidden fields here either.
#[derive(Clone, Debug, PartialEq)]
pub struct ExposedHiddenFields<E>(pub E);

impl<E: Entity> Serialize for ExposedHiddenFields<E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        E::Visible::write(&self.0, serializer)
    }
}

impl<'de, E: Entity> Deserialize<'de> for ExposedHiddenFields<E> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        E::Visible::read(deserializer).map(Self)
    }
}

impl<E: Entity> JsonSchema for ExposedHiddenFields<E> {
    fn schema_name() -> Cow<'static, str> {
        format!("Exposed{}", E::Visible::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> schemars::Schema {
        E::Visible::json_schema_of(generator)
    }
}

impl<E: Entity> Validate for ExposedHiddenFields<E> {
    const SANITIZES: bool = E::SANITIZES;
    const CHECKS: bool = E::CHECKS;

    fn sanitize(&mut self) {
        self.0.sanitize();
    }

    fn is_valid(&self) -> bool {
        self.0.is_valid()
    }

    fn violations(&self, report: &mut Report) {
        self.0.violations(report);
    }
}

/// What becomes of fields from outside that nobody declared, or that the outside may not write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unknown {
    /// They are left out.
    #[default]
    Drop,
    /// They are an error (422) that names them.
    Reject,
}
