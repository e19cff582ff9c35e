//! The action `listAliases`: the table as other services, and by choice clients, see it.

use std::sync::Arc;

use ligand_core::{
    Action, Context, Payload, Result, future,
    service::{ActionDef, Visibility},
};
use ligand_wire::schema::Schema;
use serde_json::{Map, Value, json};

use crate::{
    entry::{AliasInfo, Entry},
    explain,
    gateway::Inner,
    table::sorted,
};

/// All aliases; `grouping` puts those of a route together, `withActionSchema` tells about their actions.
pub(crate) fn action(gateway: &Arc<Inner>) -> Action {
    // The table may hold this action: a strong handle would keep the gateway alive for ever.
    let own = Arc::downgrade(gateway);
    let list = move |ctx: &Context, params: Payload| {
        let rows = params.to_value().and_then(|params| {
            let (grouped, schemas) = (params["grouping"] == true, params["withActionSchema"] == true);
            let entries: Vec<_> = match own.upgrade() {
                Some(gateway) => gateway.table(ctx.broker()).entries().cloned().collect(),
                None => Vec::new(),
            };
            rows(entries, grouped, schemas)
        });
        future::ready(rows.map(Payload::from))
    };
    let boolean = json!({ "type": "boolean" });
    let schema =
        json!({ "type": "object", "properties": { "grouping": boolean, "withActionSchema": boolean } });
    let action = Action::raw("listAliases", list).doc("All aliases.");
    match Schema::from_json(schema) {
        Ok(schema) => action.params_schema(schema),
        Err(_) => action,
    }
}

/// What [`crate::Gateway::explain`] tells about `method` and `path`, for other services.
pub(crate) fn explain(gateway: &Arc<Inner>) -> Action {
    let own = Arc::downgrade(gateway);
    let why = move |ctx: &Context, params: Payload| {
        let text =
            |params: &Value, name: &str, other: &str| params[name].as_str().unwrap_or(other).to_owned();
        let why = params.to_value().and_then(|params| {
            let (method, path) = (text(&params, "method", "GET"), text(&params, "path", "/"));
            let why = own.upgrade().map(|gateway| explain::explain(&gateway, ctx.broker(), &method, &path));
            Ok(serde_json::to_value(why)?)
        });
        future::ready(why.map(Payload::from))
    };
    Action::raw("explain", why).visibility(Visibility::Public).doc("Why a request is answered as it is.")
}

fn rows(entries: Vec<Arc<Entry>>, grouped: bool, schemas: bool) -> Result<Value> {
    let mut rows: Vec<(AliasInfo, Value)> = Vec::new();
    for (info, entry) in sorted(entries) {
        let mut row = serde_json::to_value(&info)?;
        if schemas && let Some(def) = &entry.def {
            row["action"] = described(def);
        }
        rows.push((info, row));
    }
    if !grouped {
        return Ok(rows.into_iter().map(|(_, row)| row).collect());
    }
    let mut groups: Vec<(String, Vec<Value>)> = Vec::new();
    for (info, row) in rows {
        match groups.iter_mut().find(|(path, _)| *path == info.route_path) {
            Some((_, rows)) => rows.push(row),
            None => groups.push((info.route_path, vec![row])),
        }
    }
    Ok(groups.into_iter().map(|(path, rows)| json!({ "aliases": rows, "path": path })).collect())
}

fn described(def: &ActionDef) -> Value {
    let mut action = Map::new();
    action.insert("name".into(), def.full_name().into());
    action.insert("rawName".into(), def.raw_name().into());
    if let Some(params) = def.params() {
        action.insert("params".into(), params.json().clone());
    }
    action.into()
}
