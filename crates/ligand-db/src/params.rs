//! Parameters of the actions, with the names Moleculer's database mixin uses.

mod draft;
mod ids;
mod names;

use ligand_wire::{Result, validate::Validate};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Entity, error};

pub use draft::{Draft, Inserts, Replacement, Update};
pub use ids::Ids;
pub use names::Names;

/// The longest `search` text, in UTF-16 units.
pub(crate) const MAX_SEARCH: usize = 500;

/// The greatest whole number that JavaScript counts to: no page, size, limit or offset is beyond it.
const MAX_COUNT: u64 = 9_007_199_254_740_991;

/// Parameters of `list`.
///
/// ```
/// use ligand_db::ListParams;
/// let params = ListParams { page: Some(2), sort: Some("-price".into()), ..ListParams::default() };
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ListParams {
    /// Which page, from 1. Default: 1.
    #[schemars(range(min = 1, max = 9_007_199_254_740_991_u64))]
    #[schemars(with = "Option<u64>")]
    #[serde(deserialize_with = "names::count", skip_serializing_if = "Option::is_none")]
    pub page: Option<u64>,
    /// Entities on a page; more than the maximum (100) is cut to it. Default, and what 0 stands for: 10.
    #[schemars(range(max = 9_007_199_254_740_991_u64))]
    #[schemars(with = "Option<u64>")]
    #[serde(deserialize_with = "names::count", skip_serializing_if = "Option::is_none")]
    pub page_size: Option<u64>,
    /// Fields to sort by; a minus makes one descend: `-price,name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort: Option<Names>,
    /// Fields to answer. Default: all that are not hidden.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fields: Option<Names>,
    /// Fields to leave out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exclude_fields: Option<Names>,
    /// Fields whose ids are replaced by what they stand for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub populate: Option<Names>,
    /// A text to search for, ASCII letters in either case.
    #[schemars(length(max = 500))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<String>,
    /// Fields to search in. Default: all visible texts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search_fields: Option<Names>,
    /// Conditions: `{"price":{"$gte":10,"$lt":20}}`, an object or its JSON text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<Value>,
}

/// Parameters of `find`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct FindParams {
    /// At most so many entities. Default: all.
    #[schemars(range(max = 9_007_199_254_740_991_u64))]
    #[schemars(with = "Option<u64>")]
    #[serde(deserialize_with = "names::count", skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// Leaves out the first so many.
    #[schemars(range(max = 9_007_199_254_740_991_u64))]
    #[schemars(with = "Option<u64>")]
    #[serde(deserialize_with = "names::count", skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// Fields to sort by; a minus makes one descend: `-price,name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort: Option<Names>,
    /// Fields to answer. Default: all that are not hidden.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fields: Option<Names>,
    /// Fields to leave out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exclude_fields: Option<Names>,
    /// Fields whose ids are replaced by what they stand for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub populate: Option<Names>,
    /// A text to search for, ASCII letters in either case.
    #[schemars(length(max = 500))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<String>,
    /// Fields to search in. Default: all visible texts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search_fields: Option<Names>,
    /// Conditions: `{"price":{"$gte":10,"$lt":20}}`, an object or its JSON text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<Value>,
}

/// Parameters of `count`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CountParams {
    /// A text to search for, ASCII letters in either case.
    #[schemars(length(max = 500))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<String>,
    /// Fields to search in. Default: all visible texts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search_fields: Option<Names>,
    /// Conditions: `{"price":{"$gte":10,"$lt":20}}`, an object or its JSON text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<Value>,
}

/// Parameters of `get`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GetParams {
    /// One id, or a list of at most 1000: of a list, unknown ids are left out.
    pub id: Ids,
    /// Fields to answer. Default: all that are not hidden.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fields: Option<Names>,
    /// Fields to leave out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclude_fields: Option<Names>,
    /// Fields whose ids are replaced by what they stand for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub populate: Option<Names>,
    /// Returns an object from ids to entities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mapping: Option<bool>,
}

/// Parameters of `remove`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RemoveParams {
    /// The id.
    pub id: String,
}

/// A page of entities, as `list` returns it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// The entities of this page.
    pub rows: Vec<T>,
    /// How many there are on all pages.
    pub total: u64,
    /// Which page this is, from 1.
    pub page: u64,
    /// The most entities on a page.
    pub page_size: u64,
    /// How many pages there are.
    pub total_pages: u64,
}

impl<E: Entity> Page<E> {
    /// The page without the hidden fields of its entities: what an action may answer.
    pub fn visible(mut self) -> Page<E::Visible> {
        let rows = std::mem::take(&mut self.rows);
        self.with_rows(rows.into_iter().map(E::visible).collect())
    }
}

impl<T> Page<T> {
    pub(crate) fn with_rows<U>(self, rows: Vec<U>) -> Page<U> {
        let Self { total, page, page_size, total_pages, .. } = self;
        Page { rows, total, page, page_size, total_pages }
    }
}

/// Refuses what has no effect where whole entities are read: all of it by name.
fn shapeless(fields: Option<&Names>, exclude: Option<&Names>, populate: Option<&Names>) -> Result<()> {
    let given = [("fields", fields), ("excludeFields", exclude), ("populate", populate)];
    let given = given.into_iter().filter(|(_, names)| names.is_some()).map(|(name, _)| name);
    error::parameters("forbidden", given, |name| {
        format!("The '{name}' cannot be used here: whole entities are answered.")
    })
}

impl ListParams {
    /// As [`shapeless`].
    pub(crate) fn shapeless(&self) -> Result<()> {
        shapeless(self.fields.as_ref(), self.exclude_fields.as_ref(), self.populate.as_ref())
    }
}

impl FindParams {
    /// As [`shapeless`].
    pub(crate) fn shapeless(&self) -> Result<()> {
        shapeless(self.fields.as_ref(), self.exclude_fields.as_ref(), self.populate.as_ref())
    }
}

fn short(search: Option<&String>) -> bool {
    search.is_none_or(|text| text.len() <= MAX_SEARCH || text.encode_utf16().count() <= MAX_SEARCH)
}

impl Validate for ListParams {
    const CHECKS: bool = true;

    fn is_valid(&self) -> bool {
        let counts =
            |count: Option<u64>, least| count.is_none_or(|count| (least..=MAX_COUNT).contains(&count));
        counts(self.page, 1) && counts(self.page_size, 0) && short(self.search.as_ref())
    }
}

impl Validate for FindParams {
    const CHECKS: bool = true;

    fn is_valid(&self) -> bool {
        let counts = |count: Option<u64>| count.is_none_or(|count| count <= MAX_COUNT);
        counts(self.limit) && counts(self.offset) && short(self.search.as_ref())
    }
}

impl Validate for CountParams {
    const CHECKS: bool = true;

    fn is_valid(&self) -> bool {
        short(self.search.as_ref())
    }
}

impl Validate for GetParams {
    const CHECKS: bool = true;

    fn is_valid(&self) -> bool {
        self.id.is_valid()
    }
}

impl Validate for RemoveParams {}

impl<T> Validate for Page<T> {}
