//! Settings of services from the configuration.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::ServiceDef;
use crate::config::plain;

/// Which settings stay on this node.
const SECURE: &str = "$secureSettings";

impl ServiceDef {
    /// Lays the settings that the configuration has for this service over those of the code: those under its name
    /// first, those under its full name (`v2.users`) over them. Objects are merged.
    ///
    /// Keys that the code does not have stay on this node: it did not say that others may see them.
    pub(crate) fn configure(&mut self, configured: &BTreeMap<String, Map<String, Value>>) {
        let full_name = self.full_name();
        let full = Some(&full_name).filter(|full| **full != self.name);
        for section in [Some(&self.name), full]
            .into_iter()
            .flatten()
            .filter_map(|name| configured.get(name))
            .collect::<Vec<_>>()
        {
            let unknown = lay(&mut self.settings, section);
            if !unknown.is_empty() {
                self.hide(unknown);
            }
        }
    }

    fn hide(&mut self, keys: Vec<String>) {
        let secure = self.settings.entry(SECURE).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::String(one) = secure {
            *secure = Value::Array(vec![std::mem::take(one).into()]);
        }
        if let Value::Array(list) = secure {
            list.extend(keys.into_iter().map(Value::String));
        }
    }
}

/// The keys that are new, unless they are the broker's own.
fn lay(settings: &mut Map<String, Value>, over: &Map<String, Value>) -> Vec<String> {
    let mut unknown = Vec::new();
    for (key, value) in over {
        // Variables have no capitals.
        let known = match settings.contains_key(key) {
            true => Some(key),
            false => settings.keys().find(|own| plain(own) == plain(key)),
        };
        let key = known.unwrap_or(key).clone();
        match (settings.get_mut(&key), value) {
            (Some(Value::Object(own)), Value::Object(value)) => _ = lay(own, value),
            (Some(own), value) => *own = value.clone(),
            (None, value) => {
                if !key.starts_with('$') {
                    unknown.push(key.clone());
                }
                settings.insert(key, value.clone());
            }
        }
    }
    unknown
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn configured_settings_win_and_unknown_ones_stay_here() {
        let mut def = ServiceDef::new("mail").version(2).setting("rowsPerPage", 10);
        def = def.setting("smtp", json!({ "host": "a", "port": 25 })).setting(SECURE, "old");
        let configured = json!({
            "mail": { "rows_per_page": 20, "smtp": { "host": "b" }, "password": "hunter2", "$shutdownTimeout": 5 },
            "v2.mail": { "rowsPerPage": 30 },
            "other": { "rowsPerPage": 40 },
        });
        def.configure(&serde_json::from_value(configured).unwrap());
        let expected = json!({
            "rowsPerPage": 30, "smtp": { "host": "b", "port": 25 }, "password": "hunter2", "$shutdownTimeout": 5,
            SECURE: ["old", "password"],
        });
        assert_eq!(Value::Object(def.settings), expected);
    }
}
