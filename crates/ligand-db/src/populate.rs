//! Replaces ids by the entities of other services: one call for each rule, whatever the number of rows.

use std::collections::BTreeSet;

use ligand_core::Context;
use ligand_wire::Result;
use serde_json::{Map, Value, json};

use crate::{Row, error, params::Names};

/// The most ids of one call; more are asked in several.
const BATCH: usize = 1000;

/// Where the entities behind a field's ids come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) field: String,
    pub(crate) action: String,
    pub(crate) fields: Vec<String>,
}

/// The rules that a call asks for.
///
/// # Errors
/// 422 for a field without a rule.
pub(crate) fn asked<'r>(rules: &'r [Rule], names: Option<&Names>) -> Result<Vec<&'r Rule>> {
    let names: BTreeSet<_> = names.into_iter().flat_map(Names::iter).collect();
    let rule = |name: &str| {
        rules.iter().find(|rule| rule.field == name).ok_or_else(|| {
            error::parameter(
                "populate",
                "populate".into(),
                format!("The field '{name}' cannot be populated."),
            )
        })
    };
    names.into_iter().map(rule).collect()
}

/// Applies the rules to rows.
///
/// # Errors
/// What the called actions returned.
pub(crate) async fn apply(ctx: &Context, rules: &[&Rule], rows: &mut [Row]) -> Result<()> {
    for rule in rules {
        let mut ids = BTreeSet::new();
        for row in rows.iter() {
            collect(row.get(&rule.field), &mut ids);
        }
        let ids: Vec<&str> = ids.into_iter().collect();
        let mut found = Map::new();
        for batch in ids.chunks(BATCH) {
            let mut params = json!({ "id": batch, "mapping": true });
            if !rule.fields.is_empty() {
                params["fields"] = json!(rule.fields);
            }
            found.append(&mut ctx.call_named(rule.action.clone(), params).await?.take::<Row>()?);
        }
        for row in rows.iter_mut() {
            if let Some(value) = row.get_mut(&rule.field) {
                replace(value, &found);
            }
        }
    }
    Ok(())
}

fn collect<'v>(value: Option<&'v Value>, ids: &mut BTreeSet<&'v str>) {
    match value {
        Some(Value::String(id)) if !id.is_empty() => drop(ids.insert(id)),
        Some(Value::Array(items)) => items.iter().for_each(|item| collect(Some(item), ids)),
        _ => {}
    }
}

/// What is not found becomes null; in a list it is left out.
fn replace(value: &mut Value, found: &Map<String, Value>) {
    match value {
        Value::String(id) => *value = found.get(id.as_str()).cloned().unwrap_or_default(),
        Value::Array(items) => {
            items.iter_mut().for_each(|item| replace(item, found));
            items.retain(|item| !item.is_null());
        }
        _ => {}
    }
}
