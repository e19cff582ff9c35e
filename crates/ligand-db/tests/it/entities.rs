//! The entities of the tests, most of them written as `#[entity]` would.

use ligand::entity;
use ligand_db::{Entity, Field};
use ligand_wire::validate::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Product {
    #[serde(default)]
    pub(crate) id: String,
    #[schemars(length(min = 1))]
    pub(crate) name: String,
    #[schemars(range(min = 0.0))]
    pub(crate) price: f64,
    #[serde(default)]
    pub(crate) stock: u32,
    #[serde(default = "general")]
    pub(crate) category: String,
    #[serde(default = "yes")]
    pub(crate) is_active: bool,
    #[serde(default)]
    pub(crate) tags: Vec<String>,
    #[serde(default)]
    pub(crate) note: Option<String>,
    #[serde(default)]
    pub(crate) created_at: String,
    #[serde(default)]
    pub(crate) updated_at: i64,
}

fn general() -> String {
    "general".into()
}

fn yes() -> bool {
    true
}

impl Validate for Product {
    const SANITIZES: bool = true;
    const CHECKS: bool = true;

    fn sanitize(&mut self) {
        self.name = self.name.trim().to_owned();
    }

    fn is_valid(&self) -> bool {
        !self.name.is_empty() && self.price >= 0.0
    }
}

impl Entity for Product {
    type Visible = Self;

    const TABLE: &'static str = "products";

    const FIELDS: &'static [Field] = &[
        Field::new("name").unique(),
        Field::new("category").index(),
        Field::new("createdAt").created_at(),
        Field::new("updatedAt").updated_at(),
    ];
}

pub(crate) fn product(name: &str, price: f64, stock: u32) -> Product {
    Product { name: name.into(), price, stock, category: general(), is_active: true, ..Product::default() }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    #[default]
    User,
    Admin,
}

/// With hidden fields, which only the macro can make.
#[entity(table = "users", unknown = "reject")]
#[derive(Default)]
pub(crate) struct User {
    pub(crate) id: String,
    pub(crate) name: String,
    #[field(unique)]
    pub(crate) email: String,
    #[check(length(8..))]
    #[field(hidden)]
    pub(crate) password: String,
    #[field(readonly, default)]
    pub(crate) role: Role,
    #[field(immutable, default)]
    pub(crate) kind: String,
    #[field(hidden, readonly, unique, default)]
    pub(crate) token: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Order {
    #[serde(default)]
    pub(crate) id: String,
    pub(crate) user_id: String,
    #[serde(default)]
    pub(crate) product_ids: Vec<String>,
    pub(crate) quantity: u32,
}

impl Validate for Order {}

impl Entity for Order {
    type Visible = Self;

    const TABLE: &'static str = "orders";
}
