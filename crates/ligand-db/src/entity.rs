//! What can be kept in a database.

use ligand_wire::{Data, schema::JsonSchema, validate::Validate};

use crate::Field;

/// A payload that a [`crate::Db`] keeps, one row each. `#[entity]` implements it.
///
/// The columns come from the JSON schema of the type; [`Entity::FIELDS`] only lists the fields that are
/// special. The id field is a text: empty (or absent) in a new entity, which then gets a time-ordered UUID
/// (version 7), so that the order of ids is the order of creation.
///
/// ```
/// use ligand_db::{Entity, Field};
/// use ligand_wire::validate::Validate;
///
/// #[derive(Clone, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
/// struct Product {
///     #[serde(rename = "_id", default)]
///     id: String,
///     name: String,
///     stock: u32,
/// }
///
/// impl Validate for Product {}
///
/// impl Entity for Product {
///     const TABLE: &'static str = "products";
///     const FIELDS: &'static [Field] = &[Field::new("name").unique()];
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be kept in a database",
    label = "not an entity",
    note = "put #[entity(table = \"..\")] on it, or implement ligand::db::Entity"
)]
pub trait Entity: Data + Validate + JsonSchema {
    /// Name of the table.
    const TABLE: &'static str;

    /// Name of the id field on the wire.
    const ID: &'static str = "_id";

    /// What becomes of fields in `create` and `update` that nobody declared.
    const UNKNOWN: Unknown = Unknown::Drop;

    /// The fields with something special about them, by their names on the wire.
    const FIELDS: &'static [Field] = &[];
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
