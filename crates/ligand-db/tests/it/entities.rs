//! The entities of the tests, written as `#[entity]` would.

use ligand_db::{Entity, Field, Unknown};
use ligand_wire::validate::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Product {
    #[serde(rename = "_id", default)]
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

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct User {
    #[serde(rename = "_id", default)]
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) email: String,
    #[schemars(length(min = 8))]
    pub(crate) password: String,
    #[serde(default)]
    pub(crate) role: Role,
    #[serde(default)]
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) token: Option<String>,
}

impl Validate for User {
    const CHECKS: bool = true;

    fn is_valid(&self) -> bool {
        self.password.len() >= 8
    }
}

impl Entity for User {
    const TABLE: &'static str = "users";
    const UNKNOWN: Unknown = Unknown::Reject;

    const FIELDS: &'static [Field] = &[
        Field::new("email").unique(),
        Field::new("password").hidden(),
        Field::new("role").readonly(),
        Field::new("kind").immutable(),
        Field::new("token").hidden().readonly().unique(),
    ];
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Order {
    #[serde(rename = "_id", default)]
    pub(crate) id: String,
    pub(crate) user_id: String,
    #[serde(default)]
    pub(crate) product_ids: Vec<String>,
    pub(crate) quantity: u32,
}

impl Validate for Order {}

impl Entity for Order {
    const TABLE: &'static str = "orders";
}
