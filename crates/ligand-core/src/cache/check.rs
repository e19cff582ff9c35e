//! What is wrong with the `cache` of an action, found when its service is made: with it, one caller would get the
//! answer to the question of another one.

use ligand_wire::{Error, Result, schema::Schema};

use super::CacheRule;
use crate::service::ActionDef;

/// Checks the rule of an action.
///
/// # Errors
/// `SERVICE_SCHEMA_ERROR` that names action, cause and way out.
pub(crate) fn check(action: &ActionDef, rule: &CacheRule) -> Result<()> {
    let refuse = |why: String| {
        Err(Error::service_schema(format!("the action '{}' cannot be cached: {why}", action.full_name())))
    };
    if action.streams {
        return refuse("it answers a stream, which can be read once; write `cache = false`".into());
    }
    if action.wants_http() {
        return refuse(
            "it asks for the HTTP request, which is no part of its key; write `cache = false`".into(),
        );
    }
    if action.full_name().contains(':') {
        return refuse("its name has a ':', with which keys begin their parameters; rename it".into());
    }
    // Of other actions nobody knows what they keep of their parameters.
    let schema = action.params.as_ref().filter(|_| action.validator.is_some());
    match (rule.has_keygen(), rule.names()) {
        (true, _) => Ok(()),
        (false, None) => match schema.and_then(Schema::unwritten) {
            Some(field) => refuse(format!(
                "its parameter '{field}' is read and never written, so it would be missing in the key; name `keys` \
                 without it, or use a `keygen`"
            )),
            None => Ok(()),
        },
        (false, Some(names)) => {
            for name in names {
                if name.trim_start_matches(['#', '@']).is_empty() {
                    return refuse(format!("its key '{name}' names nothing"));
                }
                let first = name.split('.').next().unwrap_or(name);
                let Some(schema) = schema.filter(|_| !name.starts_with(['#', '@'])) else { continue };
                if schema.has_property(first) == Some(false) {
                    return refuse(format!(
                        "no parameter is named '{first}', so the key '{name}' would be the same for all; {}",
                        known(schema, first)
                    ));
                }
                if schema.properties().any(|property| property.name == first && property.is_unwritten()) {
                    return refuse(format!(
                        "its key '{name}' is read and never written, so it would be the same for all"
                    ));
                }
            }
            Ok(())
        }
    }
}

/// The parameter that was meant, or all of them.
fn known(schema: &Schema, wanted: &str) -> String {
    let plain = |name: &str| name.replace(['_', '-'], "").to_lowercase();
    let mut names: Vec<&str> = schema.properties().map(|property| property.name).collect();
    match names.iter().find(|name| plain(name) == plain(wanted)) {
        Some(meant) => format!("write '{meant}'"),
        None => {
            names.sort_unstable();
            format!("the parameters are {}", names.join(", "))
        }
    }
}
